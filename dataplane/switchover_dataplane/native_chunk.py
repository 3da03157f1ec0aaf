"""One event of a stream in Anthropic's or Gemini's own form → what it says about the answer.

Such streams come from targets whose callers speak those APIs. Another model is never asked to continue them, but what
fails before their first content is moved to it, and a cut one does not look whole.

Sources: Anthropic, Streaming Messages; Gemini API reference, GenerateContentResponse.
"""

from typing import Any, Final

from switchover_dataplane.meaning import Chunk, Dialect, Meaning

MOST_CANDIDATES: Final = 128
"""Candidates of one answer, which are numbered from 0; Gemini gives 8 at most (GenerationConfig.candidateCount)."""

_MESSAGES: Final = "events of the Messages API"
_GENERATE: Final = "events of the Gemini API"

_THOUGHTS: Final = frozenset(("thinking", "redacted_thinking", "thinking_delta", "signature_delta"))
_GENERATE_GARBLED: Final = Chunk(Meaning.GARBLED)
_MESSAGES_PRELUDE: Final = Chunk(Meaning.PRELUDE, Dialect.MESSAGES)
_MESSAGES_THOUGHT: Final = Chunk(Meaning.THINKING, Dialect.MESSAGES, bound=_MESSAGES, choices=(0,))
_MESSAGES_CONTENT: Final = Chunk(Meaning.CONTENT, Dialect.MESSAGES, bound=_MESSAGES, choices=(0,))
_MESSAGES_FINISH: Final = Chunk(Meaning.FINISH, Dialect.MESSAGES, finished=(0,))
_MESSAGES_DONE: Final = Chunk(Meaning.DONE, Dialect.MESSAGES, finished=(0,))


def anthropic(kind: str, delta: Any, block: Any) -> Chunk | None:
    """Read an event by its `type`; None if it is none of Anthropic's."""
    match kind:
        case "message_start" | "content_block_stop":
            return _MESSAGES_PRELUDE
        case "content_block_start":
            kind_of_block = _type(block)
            if kind_of_block in _THOUGHTS:
                return _MESSAGES_THOUGHT
            is_empty = kind_of_block == "text" and not block.get("text")
            return _MESSAGES_PRELUDE if is_empty else _MESSAGES_CONTENT
        case "content_block_delta":
            return _MESSAGES_THOUGHT if _type(delta) in _THOUGHTS else _MESSAGES_CONTENT
        case "message_delta":
            has_ended = isinstance(delta, dict) and delta.get("stop_reason")
            return _MESSAGES_FINISH if has_ended else _MESSAGES_PRELUDE
        case "message_stop":
            return _MESSAGES_DONE
        case _:
            return None


def gemini(candidates: Any, feedback: Any) -> Chunk:
    """Read a response by its candidates; one that is blocked has none, and is an answer all the same."""
    if not isinstance(candidates, list) or not candidates:
        if isinstance(feedback, dict) and feedback.get("blockReason"):
            return Chunk(Meaning.FINISH, Dialect.GENERATE, finished=(0,))
        return Chunk(Meaning.PRELUDE, Dialect.GENERATE)
    if len(candidates) > MOST_CANDIDATES:
        return _GENERATE_GARBLED
    meaning = Meaning.PRELUDE
    indexes: list[int] = []
    finished: list[int] = []
    for candidate in candidates:
        if not isinstance(candidate, dict):
            return Chunk(Meaning.CONTENT, Dialect.GENERATE, bound=_GENERATE)
        index = candidate.get("index")
        indexes.append(index if isinstance(index, int) else 0)
        if not 0 <= indexes[-1] < MOST_CANDIDATES:
            return _GENERATE_GARBLED
        said = _parts(candidate.get("content"))
        if said is Meaning.CONTENT or meaning is Meaning.PRELUDE:
            meaning = said
        if candidate.get("finishReason"):
            finished.append(indexes[-1])
    if finished and meaning is not Meaning.CONTENT:
        meaning = Meaning.FINISH
    return Chunk(meaning, Dialect.GENERATE, bound=_GENERATE, choices=tuple(indexes), finished=tuple(finished))


def _parts(content: Any) -> Meaning:
    parts = content.get("parts") if isinstance(content, dict) else None
    meaning = Meaning.PRELUDE
    for part in parts if isinstance(parts, list) else ():
        if isinstance(part, dict) and part.get("thought"):
            meaning = Meaning.THINKING
        elif not isinstance(part, dict) or part.get("text") != "":
            return Meaning.CONTENT
    return meaning


def _type(value: Any) -> str:
    kind = value.get("type") if isinstance(value, dict) else None
    return kind if isinstance(kind, str) else ""
