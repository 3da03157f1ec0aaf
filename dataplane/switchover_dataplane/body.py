"""A request body that can be sent again: read once within a limit, worded anew for each target.

An AI request's body is JSON whose top-level fields are kept as their own bytes: only the fields that have to change
are rewritten, so numbers, spacing and unknown fields reach the provider exactly as the caller wrote them.
"""

from collections.abc import AsyncIterator
from typing import Final

import msgspec
from aiohttp import web

from switchover_dataplane.client_connection import ClientConnection
from switchover_dataplane.memory_budget import Hold

_decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])
_any_decoder = msgspec.json.Decoder()
_encoder = msgspec.json.Encoder()
_CHUNK: Final = 1 << 18


class BodyTooLarge(Exception):
    """The request's body is larger than `limit` bytes."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"the request body is larger than {limit} bytes, which maxRequestBody allows on this route")
        self.limit = limit


class BadBody(ValueError):
    """The body cannot be served on an AI route; the text says what would be right. `param` names the field, or ""."""

    def __init__(self, message: str, param: str = "") -> None:
        super().__init__(message)
        self.param = param


async def read(request: web.BaseRequest, limit: int, held: Hold) -> bytes:
    """Read the whole body; its bytes are counted in `held`, which the caller closes.

    While it comes, its client can lose it to others that need the room.

    Raises:
        BodyTooLarge: above `limit` bytes, known from Content-Length before anything is read where there is one.
        OutOfMemoryBudget: the process holds too much already.
    """
    if not request.body_exists:
        return b""
    declared = request.content_length
    if declared is not None and declared > limit:
        raise BodyTooLarge(limit)
    content = request.content
    if not content.is_eof() and isinstance(request.protocol, ClientConnection):
        held.begin_coming(request.protocol.hold_body())
    pieces: list[bytes] = []
    size = 0
    await _ask_for(request)
    while piece := await content.readany():
        size += len(piece)
        if size > limit:
            raise BodyTooLarge(limit)
        held.add(len(piece))
        pieces.append(piece)
    held.end_coming()
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


async def _ask_for(request: web.BaseRequest) -> None:
    """Tell a client that waits for it to send the body (RFC 9110, section 10.1.1)."""
    if request.version >= (1, 1) and request.headers.get("expect", "").lower() == "100-continue":
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        # An interim answer is none: what was written so far must not count as a begun answer.
        request.writer.output_size = 0


async def passing(request: web.BaseRequest) -> AsyncIterator[bytes]:
    """Hand the body on as it comes, for requests that are sent once only."""
    await _ask_for(request)
    while piece := await request.content.readany():
        yield piece


class JsonBody:
    """The body of an AI request: its fields' bytes, and the two that decide how it is served.

    `model` is the caller's, "" if there is none; `stream` tells whether an event stream was asked for.
    """

    __slots__ = ("_last", "_original", "fields", "model", "stream")

    def __init__(self, original: bytes | None, fields: dict[str, msgspec.Raw]) -> None:
        self._original = original
        self.fields = fields
        self.stream = bytes(fields.get("stream", b"")) == b"true"
        self.model = _model_of(fields)
        self._last: tuple[str, bytes] | None = None

    @classmethod
    def parse(cls, text: bytes) -> "JsonBody":
        """Body bytes → fields.

        Raises:
            BadBody: not a JSON object, or `model` is no string.
        """
        try:
            return cls(text, _decoder.decode(text))
        except BadBody:
            raise
        except (ValueError, RecursionError) as error:
            what = "nested too deeply" if isinstance(error, RecursionError) else str(error)
            raise BadBody(f"the request body must be a JSON object: {what}") from None

    def edited(self, fields: dict[str, msgspec.Raw]) -> "JsonBody":
        """Make the same body with other fields."""
        return JsonBody(None, fields)

    def for_model(self, model: str) -> bytes:
        """Word the body for a target: `model` replaces the caller's, "" keeps it."""
        if self._original is not None and (not model or model == self.model):
            return self._original
        if self._last is None or self._last[0] != model:
            fields = {**self.fields, "model": msgspec.Raw(_encoder.encode(model))} if model else self.fields
            self._last = (model, _encoder.encode(fields))
        return self._last[1]


def _model_of(fields: dict[str, msgspec.Raw]) -> str:
    raw = fields.get("model")
    if raw is None:
        return ""
    try:
        model = _any_decoder.decode(raw)
    except ValueError:
        model = None
    if not isinstance(model, str):
        raise BadBody('`model` must be a string such as "gpt-4o"', "model")
    return model
