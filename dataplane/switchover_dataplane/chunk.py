"""One server-sent event → what it says about the answer, in the form that OpenAI, Azure OpenAI and Mistral share.

Only the few fields are read that decide whether the answer has begun, goes on, is whole or has failed, and whether a
text could be continued by another model. What is unknown counts as content, as the caller may know it. Anthropic's and
Gemini's own forms are `native_chunk.py`'s.
"""

from typing import Any, Final

import msgspec

from switchover_dataplane import lenient_json, native_chunk
from switchover_dataplane.meaning import Chunk, Dialect, Meaning
from switchover_dataplane.stream import Event


class _Choice(msgspec.Struct, gc=False):
    index: int | None = 0
    delta: dict[str, Any] | None = None
    finish_reason: str | None = None
    text: str | None = None


class _Body(msgspec.Struct, gc=False):
    choices: list[_Choice] | None = None
    error: Any = None
    type: Any = None
    object: Any = None
    candidates: Any = None
    prompt_feedback: Any = msgspec.field(default=None, name="promptFeedback")
    usage_metadata: Any = msgspec.field(default=None, name="usageMetadata")
    delta: Any = None
    content_block: Any = None


class _Outline(msgspec.Struct, gc=False):
    """What is read of an event with too many values to make them."""

    error: msgspec.Raw = msgspec.Raw(b"")
    object: msgspec.Raw = msgspec.Raw(b"")
    type: msgspec.Raw = msgspec.Raw(b"")


_decoder: Final = msgspec.json.Decoder(_Body)
_outline_decoder: Final = msgspec.json.Decoder(_Outline)
_kind_decoder: Final = msgspec.json.Decoder(str)

MOST_CHOICES: Final = 128
"""Choices of one answer, which are numbered from 0 (OpenAI API reference: `n` is at most 128)."""

_NOTHING: Final = Chunk(Meaning.PRELUDE)
_DONE: Final = Chunk(Meaning.DONE)
_PART: Final = Chunk(Meaning.CONTENT, bound="an event that is too large to be read")
_ERROR: Final = Chunk(Meaning.ERROR)
_MALFORMED: Final = Chunk(Meaning.MALFORMED)
_GARBLED: Final = Chunk(Meaning.GARBLED)
_CHAT_PRELUDE: Final = Chunk(Meaning.PRELUDE, Dialect.CHAT)
_FOREIGN: Final = Chunk(Meaning.CONTENT, Dialect.OTHER, bound="events of another form")

_FALSE: Final = frozenset((b"", b"null", b"false", b"0", b'""', b"{}", b"[]"))
_THINKING: Final = frozenset(("reasoning_content", "reasoning", "reasoning_details", "thinking"))
_CONTENT: Final = frozenset(("refusal", "tool_calls", "function_call", "audio", "images", "annotations"))
_SAID_BESIDE: Final = frozenset(("role", "name", "channel", "phase"))
_RESPONSES_PRELUDES: Final = frozenset(
    f"response.{name}"
    for name in ("created", "queued", "in_progress", "output_item.added", "content_part.added", "reasoning_part.added")
)


def read(event: Event) -> Chunk:
    """Read one event."""
    data = event.data
    if data is None:
        return _PART if event.is_part else _NOTHING
    if event.is_part:
        return _ERROR if event.name == "error" else _outlined(data)
    stripped = data.strip()
    if stripped == b"[DONE]":
        return _DONE
    if stripped == b"{}":
        return _NOTHING
    if event.name == "error":
        return _ERROR
    try:
        body = _decoder.decode(data)
    except (ValueError, RecursionError):
        return _unusual(data)
    return _read(body)


def _read(body: _Body) -> Chunk:
    if body.error or body.object == "error":
        return _ERROR
    if body.choices is not None:
        return _chat(body.choices)
    if body.object == "chat.completion.chunk":
        return _CHAT_PRELUDE
    if body.candidates is not None or body.prompt_feedback is not None or body.usage_metadata is not None:
        return native_chunk.gemini(body.candidates, body.prompt_feedback)
    if body.type == "ping":
        return _NOTHING
    if isinstance(body.type, str):
        return _typed(body.type) or native_chunk.anthropic(body.type, body.delta, body.content_block) or _FOREIGN
    return _FOREIGN


def _unusual(data: bytes) -> Chunk:
    """Read what is no chunk of a known form, if it is JSON: the typed decoder stops at what it does not expect."""
    try:
        body = lenient_json.decode(data)
    except (ValueError, RecursionError):
        return _no_json(data)
    try:
        return _read(_converted(body))
    except (ValueError, RecursionError):
        first = body[0] if isinstance(body, list) and body else body
        return _ERROR if isinstance(first, dict) and first.get("error") else _FOREIGN


def _converted(body: Any) -> _Body:
    try:
        return msgspec.convert(body, _Body)
    except msgspec.ValidationError:
        raise
    except ValueError:
        # Half a surrogate pair in a name, which msgspec looks up as UTF-8.
        return _decoder.decode(lenient_json.without_halves(body))


def _outlined(data: bytes) -> Chunk:
    """Read what an event of very many values says of itself: whether it failed, or which step of an answer it is."""
    try:
        outline = _outline_decoder.decode(data)
    except (ValueError, RecursionError):
        return _PART if lenient_json.is_json(data) else _no_json(data)
    if bytes(outline.error) not in _FALSE or bytes(outline.object) == b'"error"':
        return _ERROR
    try:
        return _typed(_kind_decoder.decode(outline.type)) or _PART
    except ValueError:
        return _PART


def _no_json(data: bytes) -> Chunk:
    return _GARBLED if data.lstrip().startswith(b"{") else _MALFORMED


def _typed(kind: str) -> Chunk | None:
    """OpenAI API reference, Responses streaming events; other APIs name their events in the same field."""
    if kind in ("error", "response.failed"):
        return _ERROR
    if not kind.startswith("response."):
        return None
    if kind in ("response.completed", "response.incomplete"):
        return Chunk(Meaning.FINISH, Dialect.RESPONSES, finished=(0,))
    meaning = Meaning.PRELUDE if kind in _RESPONSES_PRELUDES else Meaning.CONTENT
    return Chunk(meaning, Dialect.RESPONSES, bound="events of the Responses API", choices=(0,))


def _chat(choices: list[_Choice]) -> Chunk:
    """OpenAI API reference, chat completion chunk object; the choices of an asynchronous filter have no delta."""
    if not choices:
        return _CHAT_PRELUDE
    if len(choices) > MOST_CHOICES:
        return _GARBLED
    meaning, text, bound = Meaning.PRELUDE, "", ""
    indexes: list[int] = []
    finished: list[int] = []
    for choice in choices:
        if choice.finish_reason == "error":
            return _ERROR
        index = choice.index or 0
        if index:
            if not 0 < index < MOST_CHOICES:
                return _GARBLED
            bound = "several choices"
        if choice.delta is not None or choice.text is not None:
            indexes.append(index)
        if choice.text:
            meaning, text = Meaning.CONTENT, text + choice.text
        if choice.delta:
            said, added, unspliced = _delta(choice.delta)
            text += added
            bound = bound or unspliced
            if said is Meaning.CONTENT or meaning is Meaning.PRELUDE:
                meaning = said
        if choice.finish_reason and choice.finish_reason != "null":
            finished.append(index)
    if finished and meaning is not Meaning.CONTENT:
        meaning = Meaning.FINISH
    return Chunk(meaning, Dialect.CHAT, text, bound, tuple(indexes), tuple(finished))


def _delta(delta: dict[str, Any]) -> tuple[Meaning, str, str]:
    """Tell what a delta is, the text in it, and what in it cannot be continued."""
    meaning, text, bound = Meaning.PRELUDE, "", ""
    for name, value in delta.items():
        if not value or name in _SAID_BESIDE:
            continue
        if name == "content":
            text, thought, odd = _text(value)
            if text or odd:
                meaning = Meaning.CONTENT
            elif thought and meaning is Meaning.PRELUDE:
                meaning = Meaning.THINKING
            bound = bound or odd or ("reasoning" if thought else "")
        elif name in _THINKING:
            bound = bound or "reasoning"
            meaning = Meaning.THINKING if meaning is Meaning.PRELUDE else meaning
        else:
            bound = bound or (name if name in _CONTENT else "fields of another form")
            meaning = Meaning.CONTENT if name in _CONTENT else meaning
    return meaning, text, bound


def _text(content: Any) -> tuple[str, bool, str]:
    """Return text, whether there is thinking, and what else: Mistral sends a list of parts (its docs, Reasoning)."""
    if isinstance(content, str):
        return content, False, ""
    if not isinstance(content, list):
        return "", False, "content of another form"
    text, thought, odd = "", False, ""
    for part in content:
        kind = part.get("type") if isinstance(part, dict) else None
        if kind == "text" and isinstance(part.get("text"), str):
            text += part["text"]
        elif kind == "thinking":
            thought = True
        else:
            odd = "content of another form"
    return text, thought, odd
