"""The JSON body of an AI request → the body for each target.

The top-level fields keep their bytes and only changed fields are written, so numbers, spacing and unknown fields reach
the provider exactly as the caller wrote them. Added messages are inserted as bytes after the "[" or before the "]" of
the list. A written body is one copy, which lives until it is sent.
"""

import re
from collections.abc import Iterable
from typing import Final

import msgspec

from switchover_dataplane.formats import json_fields
from switchover_dataplane.formats.json_fields import BadBody

Piece = bytes | memoryview | msgspec.Raw

READ: Final = frozenset(
    (
        "model",
        "stream",
        "stream_options",
        "messages",
        "prompt",
        "n",
        "reasoning",
        "reasoning_effort",
        "thinking",
        "thinking_config",
        "output_config",
        "enable_thinking",
        "prompt_mode",
    )
)
"""The fields that the gateway reads or writes: their names in another case are refused."""

SMALL: Final = 4 * 1024
"""Maximum bytes of a decoded field that decides how a request is served; every known value is shorter."""

_SMALL_TEXT: Final = 16 * 1024
_LONGEST_MODEL: Final = 128 * 1024
_MODEL_FIRST: Final = re.compile(rb'[ \t\r\n]*\{[ \t\r\n]*"model"[ \t\r\n]*:[ \t\r\n]*')
_USUAL_START: Final = b'{"model":"'
_EMPTY: Final = re.compile(rb"\[[ \t\r\n]*\]")

TURNS: Final = ("messages", "contents", "input")
"""The fields that may hold the turns of a conversation: one for each API, and `messages` for two of them."""

_encoder: Final = msgspec.json.Encoder()
_text_decoder: Final = msgspec.json.Decoder(str)


class JsonBody:
    """The body of an AI request: the bytes of its fields, and two fields decoded.

    `model` is the caller's, "" if there is none; `stream`: the request asks for an event stream.
    """

    __slots__ = ("_after", "_before", "_original", "fields", "model", "stream")

    continues = False

    def __init__(
        self, original: bytes | None, fields: dict[str, msgspec.Raw], before: bytes = b"", after: bytes = b""
    ) -> None:
        self._original = original
        self._before = before
        self._after = after
        self.fields = fields
        self.stream = is_literal(fields.get("stream"), b"true")
        self.model = _model_of(fields)

    @classmethod
    def parse(cls, text: bytes) -> "JsonBody":
        """Read the bytes of a body.

        Raises:
            BadBody: no JSON object, a field twice or in another case, too many fields, or `model` is no string.
        """
        fields = json_fields.read(text)
        json_fields.check_case(fields, READ)
        return cls(text, fields)

    @property
    def has_added_messages(self) -> bool:
        """Whether the body is written with more messages than `fields` has."""
        return bool(self._before or self._after)

    @property
    def is_conversation(self) -> bool:
        """Whether the body has a list of messages."""
        messages = self.fields.get("messages")
        return messages is not None and bytes(memoryview(messages)[:1]) == b"["

    @property
    def turns(self) -> str:
        """The name of the field with the turns of a conversation, "" if the body is none.

        Chat Completions and Messages have `messages`, Responses has `input`, generateContent `contents`.
        """
        for name in TURNS:
            field = self.fields.get(name)
            if field is not None and bytes(memoryview(field)[:1]) == b"[":
                return name
        field = self.fields.get("input")
        return "input" if field is not None and bytes(memoryview(field)[:1]) == b'"' else ""

    def edited(self, fields: dict[str, msgspec.Raw]) -> "JsonBody":
        """Return the same body with other fields."""
        return JsonBody(None, fields, self._before, self._after)

    def with_messages(self, before: bytes = b"", after: bytes = b"") -> "JsonBody":
        """Return the same body with more messages, given as JSON texts separated by commas.

        Raises:
            BadBody: `messages` is missing or no list.
        """
        if not self.is_conversation:
            raise BadBody("`messages` must be a list, as this route adds messages to it", "messages")
        return JsonBody(None, self.fields, _joined(before, self._before), _joined(self._after, after))

    def with_turns(self, after: bytes) -> "JsonBody":
        """Return the same body with more turns behind its own, given as JSON texts separated by commas."""
        name = self.turns
        own = bytes(self.fields[name])
        if own.startswith(b'"'):
            own = b'[{"role":"user","content":%b}]' % own
        joined = own.rstrip()[:-1] + (b"" if _EMPTY.fullmatch(own) else b",") + after + b"]"
        return JsonBody(None, {**self.fields, name: msgspec.Raw(joined)}, self._before, self._after)

    def for_target(self, _route: object, model: str) -> bytes:
        """Write the body for a target."""
        return self.for_model(model)

    def for_model(self, model: str) -> bytes:
        """Write the body for a target: `model` replaces the caller's, "" keeps it."""
        if self._original is None:
            return b"".join(self._pieces(model))
        if not model or model == self.model:
            return self._original
        start = self._start_of_model(self._original)
        if not start:
            return b"".join(self._pieces(model))
        end = start + len(self.fields["model"])
        # Of a large body the rest is copied once only.
        rest = self._original[end:] if len(self._original) <= _SMALL_TEXT else memoryview(self._original)[end:]
        return b"".join((self._original[:start], _encoder.encode(model), rest))

    @staticmethod
    def _start_of_model(text: bytes) -> int:
        """Return where the value of `model` begins if it is the first field, else 0."""
        if text.startswith(_USUAL_START):
            return len(_USUAL_START) - 1
        first = _MODEL_FIRST.match(text)
        return 0 if first is None else first.end()

    def _pieces(self, model: str) -> Iterable[Piece]:
        """Yield the text of the body in pieces, of the original where possible."""
        fields = {**self.fields, "model": msgspec.Raw(_encoder.encode(model))} if model else self.fields
        lead = b"{"
        for name, value in fields.items():
            yield lead
            yield _encoder.encode(name)
            yield b":"
            if name == "messages" and (self._before or self._after):
                yield from self._messages(value)
            else:
                yield value
            lead = b","
        yield b"}" if fields else b"{}"

    def _messages(self, own: msgspec.Raw) -> Iterable[Piece]:
        parts: list[Piece] = [b"["]
        for part in (self._before, b"" if _EMPTY.fullmatch(own) else memoryview(own)[1:-1], self._after):
            if part:
                parts += (part, b",")
        parts[-1] = b"]"
        return parts


def is_literal(field: msgspec.Raw | None, literal: bytes) -> bool:
    """Whether a field is set to a literal such as b"true"; a large field is not copied."""
    return field is not None and len(field) == len(literal) and bytes(field) == literal


def _joined(one: bytes, other: bytes) -> bytes:
    return one + b"," + other if one and other else one or other


def _model_of(fields: dict[str, msgspec.Raw]) -> str:
    raw = fields.get("model")
    if raw is None:
        return ""
    try:
        if len(raw) <= _LONGEST_MODEL:
            return _text_decoder.decode(raw)
    except ValueError:
        pass
    raise BadBody(f'`model` must be a string of up to {_LONGEST_MODEL} bytes such as "gpt-4o"', "model")
