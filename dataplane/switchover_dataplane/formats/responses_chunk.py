"""One event of a stream of the Responses API → its kind.

Source: OpenAI API reference, Responses streaming events.
"""

import re
from typing import Any, Final

import msgspec

from switchover_dataplane.formats.api import Api
from switchover_dataplane.formats.chunk_kind import Chunk, ChunkKind, StreamFormat
from switchover_dataplane.formats.event_body import Body, type_of
from switchover_dataplane.formats.finish_reasons import Finish, finish_of
from switchover_dataplane.formats.token_count import counts_tokens

_NOT_RESUMABLE: Final = "a part that is no text"
_TEXT: Final = "response.output_text.delta"

_CONTENT: Final = frozenset(
    f"response.{name}"
    for name in (
        "output_text.delta",
        "output_text.annotation.added",
        "refusal.delta",
        "audio.delta",
        "audio.transcript.delta",
        "output_audio.delta",
        "output_audio_transcript.delta",
    )
)
_CALLED: Final = frozenset(("response.function_call_arguments.delta", "response.custom_tool_call_input.delta"))
_CALLS: Final = frozenset(
    (
        *("function_call", "custom_tool_call", "computer_call", "local_shell_call", "shell_call"),
        *("apply_patch_call", "mcp_approval_request"),
    )
)
"""Items that the client must handle. Other calls are of tools that the provider runs."""

_WORK: Final = re.compile(r"(?:response\.)?(?:reasoning|[a-z_]+_call|mcp_|compaction)")
_FAILED: Final = frozenset(("error", "response.failed", "response.error", "response.cancelled"))
_ENDED: Final = frozenset(("response.completed", "response.incomplete"))

_ERROR: Final = Chunk(ChunkKind.ERROR)
_NO_CONTENT_CHUNK: Final = Chunk(ChunkKind.NO_CONTENT, StreamFormat.RESPONSES)
_THINKING_CHUNK: Final = Chunk(ChunkKind.THINKING, StreamFormat.RESPONSES)
_CONTENT_CHUNK: Final = Chunk(
    ChunkKind.CONTENT, StreamFormat.RESPONSES, not_resumable=_NOT_RESUMABLE, choices=(0,), with_content=(0,)
)
_MESSAGE_DONE: Final = Chunk(ChunkKind.CONTENT, StreamFormat.RESPONSES, choices=(0,), with_content=(0,))
_LARGE_END: Final = Chunk(ChunkKind.FINISH, StreamFormat.RESPONSES, finished=(0,), finish=Finish.ENDED, counted=True)


class _Response(msgspec.Struct, gc=False):
    status: Any = None
    error: Any = None
    incomplete_details: Any = None


class _Last(msgspec.Struct, gc=False):
    response: _Response = msgspec.field(default_factory=_Response)


class _Outputs(msgspec.Struct, gc=False):
    output: Any = None


class _LastOutputs(msgspec.Struct, gc=False):
    response: _Outputs = msgspec.field(default_factory=_Outputs)


_last_decoder: Final = msgspec.json.Decoder(_Last)
_outputs_decoder: Final = msgspec.json.Decoder(_LastOutputs)


def read(kind: str, body: Body, data: bytes, api: Api | None) -> Chunk | None:
    """Read an event by its `type`; None if the Responses API has no such event.

    `data` is the data of the event, `api` the API of the request.
    """
    if kind == _TEXT and isinstance(body.delta, str) and body.delta:
        return Chunk(ChunkKind.CONTENT, StreamFormat.RESPONSES, body.delta, choices=(0,), with_content=(0,))
    if kind in _CONTENT:
        return _CONTENT_CHUNK if body.delta or kind.endswith(".added") else _NO_CONTENT_CHUNK
    if kind in _FAILED:
        return _ERROR
    if not kind.startswith("response."):
        return None
    if kind in _ENDED:
        return _end(kind, data, api)
    if kind in _CALLED:
        return _call(_index(body))
    if kind == "response.output_item.added":
        return _item(body.item, _index(body), is_done=False)
    if kind == "response.output_item.done":
        return _item(body.item, _index(body), is_done=True)
    return _THINKING_CHUNK if _WORK.match(kind) else _NO_CONTENT_CHUNK


def outlined(kind: str) -> Chunk | None:
    """Read an event with too many values by its `type` alone; None if the type is unknown."""
    if kind in _FAILED:
        return _ERROR
    if kind in _ENDED:
        return _LARGE_END
    if not kind.startswith("response."):
        return None
    return (
        _NO_CONTENT_CHUNK if kind in ("response.created", "response.queued", "response.in_progress") else _CONTENT_CHUNK
    )


def has_output(data: bytes) -> bool:
    """Whether the last event of a stream holds an answer: some servers send the whole answer only there."""
    try:
        output = _outputs_decoder.decode(data).response.output
    except (ValueError, RecursionError):
        return False
    items = output if isinstance(output, list) else ()
    return any(type_of(item) in _CALLS or _has_content(item) for item in items)


def _end(kind: str, data: bytes, api: Api | None) -> Chunk:
    try:
        response = _last_decoder.decode(data).response
    except (ValueError, RecursionError):
        response = _Response()
    if response.error or response.status in ("failed", "cancelled"):
        return _ERROR
    finish: Finish | None = Finish.ENDED
    if kind == "response.incomplete":
        details = response.incomplete_details
        word = details.get("reason") if isinstance(details, dict) else None
        finish = finish_of(api, word) if isinstance(word, str) and api is not None else Finish.LIMITED
        if finish is None:
            return _ERROR
    return Chunk(ChunkKind.FINISH, StreamFormat.RESPONSES, finished=(0,), finish=finish, counted=counts_tokens(data))


def _item(item: Any, index: int, *, is_done: bool) -> Chunk:
    kind = type_of(item)
    if kind in _CALLS:
        return _call(index, closed=(index,)) if is_done else _call(index)
    if kind == "message":
        read = _MESSAGE_DONE if is_done and _has_content(item) else _NO_CONTENT_CHUNK
    else:
        read = _THINKING_CHUNK if _WORK.match(kind) else _NO_CONTENT_CHUNK
    return msgspec.structs.replace(read, closed=(index,)) if is_done else read


def _call(index: int, closed: tuple[int, ...] = ()) -> Chunk:
    return Chunk(
        ChunkKind.CONTENT,
        StreamFormat.RESPONSES,
        not_resumable=_NOT_RESUMABLE,
        choices=(0,),
        with_content=(0,),
        calls=(index,),
        closed=closed,
    )


def _has_content(item: Any) -> bool:
    content = item.get("content") if isinstance(item, dict) else None
    parts = content if isinstance(content, list) else ()
    return any(isinstance(part, dict) and (part.get("text") or part.get("refusal")) for part in parts)


def _index(body: Body) -> int:
    return body.output_index if isinstance(body.output_index, int) else 0
