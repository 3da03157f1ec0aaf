"""One event of a stream in Anthropic's or Gemini's own form → its kind.

Clients of those APIs get such streams, from targets that speak them and from others whose answers are translated.

Sources: Anthropic, Streaming Messages; Gemini API reference, GenerateContentResponse.
"""

from typing import Any, Final

from switchover_dataplane.formats.api import Api
from switchover_dataplane.formats.chunk_kind import Chunk, ChunkKind, StreamFormat, joined
from switchover_dataplane.formats.event_body import Body, type_of
from switchover_dataplane.formats.finish_reasons import Finish, finish_of
from switchover_dataplane.formats.token_count import counts_tokens

MOST_CANDIDATES: Final = 128
"""Maximum number of candidates, numbered from 0; Gemini gives 8 at most (GenerationConfig.candidateCount)."""

_CITATION: Final = "a citation"
_CALL: Final = "a tool call"
_PART: Final = "a part that is no text"
_GENERATE: Final = "events of the Gemini API"

_ERROR: Final = Chunk(ChunkKind.ERROR)
_BROKEN_JSON: Final = Chunk(ChunkKind.BROKEN_JSON)
_UNKNOWN: Final = Chunk(ChunkKind.UNKNOWN)
_KIND_CONTENT: Final = ChunkKind.CONTENT
_STRANGE: Final = Chunk(ChunkKind.CONTENT, StreamFormat.GENERATE, not_resumable=_GENERATE)
_GENERATE_NO_CONTENT: Final = Chunk(ChunkKind.NO_CONTENT, StreamFormat.GENERATE)
_BLOCKED: Final = Chunk(ChunkKind.FINISH, StreamFormat.GENERATE, finished=(0,), finish=Finish.REFUSED)
_MESSAGES_NO_CONTENT: Final = Chunk(ChunkKind.NO_CONTENT, StreamFormat.MESSAGES)
_MESSAGES_THINKING: Final = Chunk(ChunkKind.THINKING, StreamFormat.MESSAGES, choices=(0,))
_MESSAGES_CITED: Final = Chunk(
    ChunkKind.CONTENT, StreamFormat.MESSAGES, not_resumable=_CITATION, choices=(0,), with_content=(0,)
)
_MESSAGES_COUNTED: Final = Chunk(ChunkKind.NO_CONTENT, StreamFormat.MESSAGES, counted=True)
_MESSAGES_DONE: Final = Chunk(ChunkKind.DONE, StreamFormat.MESSAGES)
_MESSAGES_END: Final = Chunk(ChunkKind.DONE, StreamFormat.MESSAGES, finished=(0,))


def anthropic(kind: str, body: Body, data: bytes, api: Api | None) -> Chunk | None:
    """Read an event by its `type`; None if Anthropic has no such event.

    `data` is the data of the event, `api` the API of the request.
    """
    match kind:
        case "content_block_delta":
            return _piece(body.delta)
        case "message_start":
            return _MESSAGES_NO_CONTENT
        case "content_block_start":
            return _block(body.content_block, _number(body.index))
        case "content_block_stop":
            return Chunk(ChunkKind.NO_CONTENT, StreamFormat.MESSAGES, closed=(_number(body.index),))
        case "message_delta":
            return _message(body.delta, data, api)
        case "message_stop":
            # If the API is not known, this event is the only end.
            return _MESSAGES_END if api is None else _MESSAGES_DONE
        case _:
            return None


def _piece(delta: Any) -> Chunk:
    """Read a piece of a block. The input of a tool is no content: the start of its block was."""
    kind = type_of(delta)
    if kind == "text_delta":
        return _text(delta.get("text"))
    if kind == "citations_delta":
        return _MESSAGES_CITED
    return _MESSAGES_THINKING if kind else _MESSAGES_NO_CONTENT


def _text(text: Any) -> Chunk:
    if not text:
        return _MESSAGES_NO_CONTENT
    if not isinstance(text, str):
        return Chunk(ChunkKind.CONTENT, StreamFormat.MESSAGES, not_resumable=_PART, choices=(0,), with_content=(0,))
    return Chunk(ChunkKind.CONTENT, StreamFormat.MESSAGES, text, choices=(0,), with_content=(0,))


def _block(block: Any, index: int) -> Chunk:
    """Read the start of a block; tools that the provider runs, and their results, have many types."""
    kind = type_of(block)
    if kind == "text":
        return _text(block.get("text"))
    if kind == "tool_use":
        return Chunk(
            ChunkKind.CONTENT,
            StreamFormat.MESSAGES,
            not_resumable=_CALL,
            choices=(0,),
            with_content=(0,),
            calls=(index,),
        )
    return _MESSAGES_THINKING if kind else _MESSAGES_NO_CONTENT


def _message(delta: Any, data: bytes, api: Api | None) -> Chunk:
    word = delta.get("stop_reason") if isinstance(delta, dict) else None
    if not word:
        return _MESSAGES_COUNTED if counts_tokens(data) else _MESSAGES_NO_CONTENT
    finish = None
    if api is not None:
        finish = finish_of(api, word) if isinstance(word, str) else None
        if finish is None:
            return _ERROR
    return Chunk(ChunkKind.FINISH, StreamFormat.MESSAGES, finished=(0,), finish=finish, counted=counts_tokens(data))


def gemini(body: Body, data: bytes, api: Api | None) -> Chunk:
    """Read a response by its candidates; a blocked response has none and is an answer."""
    candidates = body.candidates
    if not isinstance(candidates, list) or not candidates:
        feedback = body.prompt_feedback
        is_blocked = isinstance(feedback, dict) and feedback.get("blockReason")
        return _BLOCKED if is_blocked else _GENERATE_NO_CONTENT
    if len(candidates) == 1:
        return _candidate(candidates[0], data, api)
    if len(candidates) > MOST_CANDIDATES:
        return _BROKEN_JSON
    return joined([_candidate(candidate, data, api) for candidate in candidates])


def _candidate(candidate: Any, data: bytes, api: Api | None) -> Chunk:
    if not isinstance(candidate, dict):
        return _STRANGE if api is None else _UNKNOWN
    index = _number(candidate.get("index"))
    if not 0 <= index < MOST_CANDIDATES:
        return _BROKEN_JSON
    indexes = (index,)
    kind, text, not_resumable = _parts(candidate.get("content"))
    with_content = indexes if kind is _KIND_CONTENT else ()
    word = candidate.get("finishReason")
    if not word:
        return Chunk(kind, StreamFormat.GENERATE, text, not_resumable, indexes, with_content)
    finish = finish_of(api, word) if isinstance(word, str) and api is not None else None
    if finish is None and api is not None:
        return _ERROR
    counted = kind is ChunkKind.THINKING or counts_tokens(data)
    kind = kind if with_content else ChunkKind.FINISH
    return Chunk(
        kind,
        StreamFormat.GENERATE,
        text,
        not_resumable,
        indexes,
        with_content,
        indexes,
        finish=finish,
        counted=counted,
    )


def _parts(content: Any) -> tuple[ChunkKind, str, str]:
    """Return the kind of the parts of a candidate, their text, and why another model cannot go on with them.

    Code that the provider runs is no content.
    """
    parts = content.get("parts") if isinstance(content, dict) else None
    kind, text, not_resumable = ChunkKind.NO_CONTENT, "", ""
    for part in parts if isinstance(parts, list) else ():
        if not isinstance(part, dict):
            continue
        if part.get("thought"):
            kind = kind if kind is _KIND_CONTENT else ChunkKind.THINKING
        elif isinstance(piece := part.get("text"), str) and piece:
            kind, text = _KIND_CONTENT, text + piece
        elif piece or "functionCall" in part or "inlineData" in part or "fileData" in part:
            kind, not_resumable = _KIND_CONTENT, _PART
        elif "executableCode" in part or "codeExecutionResult" in part:
            kind, not_resumable = kind if kind is _KIND_CONTENT else ChunkKind.THINKING, _PART
    return kind, text, not_resumable


def _number(index: Any) -> int:
    return index if isinstance(index, int) else 0
