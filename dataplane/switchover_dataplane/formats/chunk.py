"""One server-sent event → its kind: content, no content, an end, or an error.

Only the few fields that decide are read. This module reads the chunks of OpenAI, Azure OpenAI and Mistral;
`responses_chunk.py` and `native_chunk.py` read the events of other APIs. If the API is unknown, an event of unknown
form counts as content, as the caller may know it. If the API is known, it counts as no content.
"""

import re
from typing import Annotated, Any, Final, Literal

import msgspec

from switchover_dataplane.formats import lenient_json, native_chunk, outline, responses_chunk
from switchover_dataplane.formats.api import Api
from switchover_dataplane.formats.chunk_kind import Chunk, ChunkKind, StreamFormat, joined
from switchover_dataplane.formats.error_shape import looks_like_error
from switchover_dataplane.formats.event_body import Body, Choice
from switchover_dataplane.formats.finish_reasons import finish_of
from switchover_dataplane.formats.sse import Event
from switchover_dataplane.formats.token_count import counts_tokens

_decoder: Final = msgspec.json.Decoder(Body)
_kind_decoder: Final = msgspec.json.Decoder(str)

MOST_CHOICES: Final = 128
"""Maximum number of choices of one answer, numbered from 0 (OpenAI API reference: `n` is at most 128)."""

_MOST_OF_AN_ERROR: Final = 1_024
"""Maximum number of commas in an event that is searched for an unknown form of error: each field costs time."""

NO_CONTENT: Final = Chunk(ChunkKind.NO_CONTENT)
"""The chunk of comments, keep-alives and pings."""

UNKNOWN: Final = Chunk(ChunkKind.UNKNOWN)
"""The chunk of an event of unknown form where the API is known."""

_DONE: Final = Chunk(ChunkKind.DONE)
_PART: Final = Chunk(ChunkKind.CONTENT, not_resumable="an event that is too large to be read")
_ERROR: Final = Chunk(ChunkKind.ERROR)
_NOT_JSON: Final = Chunk(ChunkKind.NOT_JSON)
_BROKEN_JSON: Final = Chunk(ChunkKind.BROKEN_JSON)
_CHAT_NO_CONTENT: Final = Chunk(ChunkKind.NO_CONTENT, StreamFormat.CHAT)
_CHAT_COUNTED: Final = Chunk(ChunkKind.NO_CONTENT, StreamFormat.CHAT, counted=True)
_FOREIGN: Final = Chunk(ChunkKind.CONTENT, StreamFormat.OTHER, not_resumable="events of another form")

_THINKING: Final = re.compile(r"reasoning|thinking|thought")
_CALLS: Final = frozenset(("tool_calls", "function_call"))
_CONTENT: Final = frozenset(("refusal", "audio", "images", "annotations"))
_FRAME_FIELDS: Final = frozenset(("role", "name", "channel", "phase"))
# A tuple of no fixed length is an object to mypyc, which `is` can tell; one of one number is that number.
FIRST: Final[tuple[int, ...]] = (0,)
"""The choices of a chunk of the only choice."""

# A module name is found much faster than an Enum member, and each event of a stream needs it.
_KIND_CONTENT: Final = ChunkKind.CONTENT
_KIND_THINKING: Final = ChunkKind.THINKING
_KIND_NO_CONTENT: Final = ChunkKind.NO_CONTENT
_KIND_FINISH: Final = ChunkKind.FINISH
_FORMAT_CHAT: Final = StreamFormat.CHAT


class _PlainDelta(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    content: str = ""
    role: str | None = None
    refusal: None = None


class _PlainChoice(msgspec.Struct, gc=False):
    delta: _PlainDelta
    index: Literal[0] = 0
    finish_reason: Any = None
    text: None = None
    error: None = None


class _PlainChunk(msgspec.Struct, gc=False):
    """The most common chunk, text in the only choice: decoded in one step, with the same result as `_read`.

    A stream has a first chunk without text and a last one with a reason, which are not refused here: that is slow.
    """

    choices: Annotated[list[_PlainChoice], msgspec.Meta(min_length=1, max_length=1)]
    object: Literal["chat.completion.chunk"] = "chat.completion.chunk"
    error: None = None


_plain_decoder: Final = msgspec.json.Decoder(_PlainChunk)


def plain_text(data: bytes) -> str:
    """Return the text of a chat completion's chunk that has nothing but text in its only choice; "" for other data."""
    if data == b"[DONE]":
        return ""
    try:
        choice = _plain_decoder.decode(data).choices[0]
    except (ValueError, RecursionError):
        return ""
    return choice.delta.content if choice.finish_reason is None else ""


def may_be_plain(event: Event) -> bool:
    """Whether the form of an event leaves open that it is plain text."""
    return not event.is_part and event.name != "error"


def read(event: Event, api: Api | None) -> Chunk:
    """Read one event of a stream; `api` is the API of the request, None if it is not known."""
    text = ""
    if api is Api.CHAT and event.data is not None and may_be_plain(event):
        text = plain_text(event.data)
    return Chunk(_KIND_CONTENT, _FORMAT_CHAT, text, "", FIRST, FIRST) if text else read_other(event, api)


def read_other(event: Event, api: Api | None) -> Chunk:
    """Read an event that is not plain text: the first one, the last ones, tool calls, reasoning, and other APIs."""
    data = event.data
    if data is None:
        return _PART if event.is_part else NO_CONTENT
    if event.is_part:
        return _ERROR if event.name == "error" else _outlined(data)
    stripped = data.strip()
    if stripped == b"[DONE]":
        return _DONE
    if stripped == b"{}":
        return NO_CONTENT
    if event.name == "error":
        return _ERROR
    try:
        body = _decoder.decode(data)
    except (ValueError, RecursionError):
        return _unusual(data, api)
    return _read(body, data, api)


def _read(body: Body, data: bytes, api: Api | None) -> Chunk:
    if body.error or body.object == "error":
        return _ERROR
    if body.choices is not None:
        return _chat(body.choices, data, api)
    if body.object == "chat.completion.chunk":
        return _without_choices(data, api)
    if body.candidates is not None or body.prompt_feedback is not None or body.usage_metadata is not None:
        return native_chunk.gemini(body, data, api)
    kind = body.type
    if kind == "ping":
        return NO_CONTENT
    if isinstance(kind, str):
        chunk = responses_chunk.read(kind, body, data, api) or native_chunk.anthropic(kind, body, data, api)
        if chunk is not None:
            return chunk
    return _FOREIGN if api is None else _unknown(data)


def _unknown(data: bytes) -> Chunk:
    """Read an event of unknown form: an error in any form, or unknown."""
    if data.count(b",") > _MOST_OF_AN_ERROR:
        return UNKNOWN
    try:
        return _ERROR if looks_like_error(lenient_json.decode(data)) else UNKNOWN
    except (ValueError, RecursionError):
        return UNKNOWN


def _unusual(data: bytes, api: Api | None) -> Chunk:
    """Read JSON that the typed decoder refuses: it stops at the first unexpected type."""
    try:
        body = lenient_json.decode(data)
    except (ValueError, RecursionError):
        return _no_json(data)
    try:
        return _read(_converted(body), data, api)
    except (ValueError, RecursionError):
        if api is not None:
            return _unknown(data)
        first = body[0] if isinstance(body, list) and body else body
        return _ERROR if isinstance(first, dict) and first.get("error") else _FOREIGN


def _converted(body: Any) -> Body:
    try:
        return msgspec.convert(body, Body)
    except msgspec.ValidationError:
        raise
    except ValueError:
        # Half a surrogate pair in a name, which msgspec looks up as UTF-8.
        return _decoder.decode(lenient_json.without_halves(body))


def _outlined(data: bytes) -> Chunk:
    """Read an event with very many values by its outline: an error, or a step of an answer."""
    try:
        found = outline.read(data)
    except (ValueError, RecursionError):
        return _PART if lenient_json.is_json(data) else _no_json(data)
    if not outline.is_false(found.error) or bytes(found.object) == b'"error"':
        return _ERROR
    try:
        return responses_chunk.outlined(_kind_decoder.decode(found.type)) or _PART
    except ValueError:
        return _PART


def _no_json(data: bytes) -> Chunk:
    return _BROKEN_JSON if data.lstrip().startswith(b"{") else _NOT_JSON


# ── OpenAI API reference, chat completion chunk object ──────────────────────────────────────────────────────────────


def _without_choices(data: bytes, api: Api | None) -> Chunk:
    """Read a chunk without choices: usage, a filter result, a keep-alive, or an error of another form (MiniMax)."""
    if counts_tokens(data):
        return _CHAT_COUNTED
    return _ERROR if api is not None and _unknown(data) is _ERROR else _CHAT_NO_CONTENT


def _chat(choices: list[Choice], data: bytes, api: Api | None) -> Chunk:
    """Read the choices of a chunk; nearly every chunk has one."""
    if len(choices) == 1:
        return _choice(choices[0], data, api)
    if not choices:
        return _without_choices(data, api)
    if len(choices) > MOST_CHOICES:
        return _BROKEN_JSON
    return joined([_choice(choice, data, api) for choice in choices])


def _choice(choice: Choice, data: bytes, api: Api | None) -> Chunk:
    """Read a choice; a choice of an asynchronous filter has no delta."""
    if choice.error:
        return _ERROR
    index, indexes, not_resumable = choice.index, FIRST, ""
    if index and isinstance(index, int):
        if not 0 < index < MOST_CHOICES:
            return _BROKEN_JSON
        indexes, not_resumable = (index,), "several choices"
    kind, text, is_call = _KIND_NO_CONTENT, "", False
    if choice.delta and isinstance(choice.delta, dict):
        kind, text, unspliced, is_call = _delta(choice.delta)
        not_resumable = not_resumable or unspliced
    if choice.text and isinstance(choice.text, str):
        kind, text = _KIND_CONTENT, text + choice.text
    mentioned = indexes if choice.delta is not None or choice.text is not None else ()
    with_content = indexes if kind is _KIND_CONTENT else ()
    calls = indexes if is_call else ()
    word = choice.finish_reason
    if not word or word == "null":
        counted = kind is _KIND_NO_CONTENT and counts_tokens(data)
        return Chunk(kind, _FORMAT_CHAT, text, not_resumable, mentioned, with_content, (), calls, (), None, counted)
    finish = finish_of(api, word) if isinstance(word, str) and api is not None else None
    if finish is None and (api is not None or word == "error"):
        return _ERROR
    counted = kind is _KIND_THINKING or counts_tokens(data)
    kind = kind if with_content else _KIND_FINISH
    return Chunk(kind, _FORMAT_CHAT, text, not_resumable, mentioned, with_content, indexes, calls, (), finish, counted)


def _delta(delta: dict[str, Any]) -> tuple[ChunkKind, str, str, bool]:
    """Return the kind of a delta, its text, the part that cannot be continued, and whether it is part of a call."""
    kind, text, not_resumable, is_call = _KIND_NO_CONTENT, "", "", False
    for name, value in delta.items():
        if not value or name in _FRAME_FIELDS:
            continue
        if name == "content":
            text, thought, odd = (value, False, "") if isinstance(value, str) else _text(value)
            if text or odd:
                kind = _KIND_CONTENT
            elif thought and kind is _KIND_NO_CONTENT:
                kind = _KIND_THINKING
            not_resumable = not_resumable or odd or ("reasoning" if thought else "")
        elif name in _CALLS:
            kind, not_resumable, is_call = _KIND_CONTENT, not_resumable or name, True
        elif name in _CONTENT:
            kind, not_resumable = _KIND_CONTENT, not_resumable or name
        elif _THINKING.search(name):
            not_resumable = not_resumable or "reasoning"
            kind = _KIND_THINKING if kind is _KIND_NO_CONTENT else kind
        else:
            not_resumable = not_resumable or "fields of another form"
    return kind, text, not_resumable, is_call


def _text(content: Any) -> tuple[str, bool, str]:
    """Return the text, whether there is reasoning, and other content: Mistral sends a list of parts (Reasoning)."""
    if not isinstance(content, list):
        return "", False, "content of another form"
    text, thought, odd = "", False, ""
    for part in content:
        kind = part.get("type") if isinstance(part, dict) else None
        if kind == "text" and isinstance(part.get("text"), str):
            text += part["text"]
        elif isinstance(kind, str) and _THINKING.search(kind):
            thought = True
        else:
            odd = "content of another form"
    return text, thought, odd
