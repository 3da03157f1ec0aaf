"""An answer in a coding that nobody asked for → the same answer without it, so that it can be judged and followed.

Every request to a model asks for no coding; a server or the proxy before it may choose one all the same. gzip and
deflate are undone here (RFC 9110, section 8.4.1); an answer in any other coding is handed on as it is.
"""

import zlib
from typing import Final, NoReturn

from multidict import CIMultiDict

from switchover_dataplane import turns
from switchover_dataplane.transport import ConnectionBroken, Response

_CODINGS: Final = frozenset(("gzip", "x-gzip", "deflate"))
_EITHER: Final = 32 + zlib.MAX_WBITS
"""zlib finds out whether it is gzip or deflate."""

_RAW: Final = -zlib.MAX_WBITS

_STEP: Final = 128
"""Bytes that a step of the decoder counts at least, as there are codings of nothing without end."""

MOST_TIMES: Final = 100
"""How many times larger than its coding a body may be; what models write is 3 to 20 times larger."""

_ANY_TIMES: Final = 16 * 1024 * 1024
"""Bytes of a body that may come of any coding."""


def coding(headers: "CIMultiDict[str]") -> str:
    """Return the content coding of an answer, "" for none."""
    given = headers.get("content-encoding", "").strip().lower()
    return "" if given == "identity" else given


def decoded(response: Response) -> Response:
    """Return an answer under a success status to be read without its coding, where that can be undone."""
    has_body = response.status != 204 and not 300 <= response.status < 400
    return Decoded(response) if has_body and coding(response.headers) in _CODINGS else response


def undone(headers: "CIMultiDict[str]", body: bytes, limit: int) -> bytes | None:
    """Return a whole body without its coding; None if it has none, is not whole in it, or is larger than `limit`."""
    if coding(headers) not in _CODINGS:
        return None
    for window in (_EITHER, _RAW):
        decoder = zlib.decompressobj(window)
        try:
            text = decoder.decompress(body, limit)
        except zlib.error:
            continue
        if decoder.eof and not decoder.unused_data:
            return text
    return None


def readable(headers: "CIMultiDict[str]", body: bytes, limit: int) -> bytes:
    """Return what the start of a body says, up to `limit` bytes; a body that is not in its coding as it is."""
    if coding(headers) not in _CODINGS:
        return body
    for window in (_EITHER, _RAW):
        try:
            return zlib.decompressobj(window).decompress(body, limit)
        except zlib.error:
            continue
    return body


class Decoded(Response):
    """An answer whose pieces are decoded as they come; none of them is larger than 16 KiB."""

    __slots__ = ("_began", "_came", "_decoder", "_inner", "_made", "_pending")

    def __init__(self, inner: Response) -> None:
        self.status = inner.status
        self.headers = inner.headers.copy()
        for name in ("content-encoding", "content-length"):
            self.headers.popall(name, None)
        self._inner = inner
        self._left = turns.BYTES
        self._came = 0
        self._made = 0
        self._pending = False
        self._began = False
        self._decoder = zlib.decompressobj(_EITHER)

    async def chunk(self) -> bytes:
        """Return the next piece of the body, b"" at its end.

        Raises:
            ConnectionBroken: the body is not whole, not in its coding, far larger than it, or it was given up.
        """
        while True:
            if self._left <= 0:
                self._left = turns.BYTES
                await turns.give_way()
            held, ended = self._decoder.unconsumed_tail or self._next_member(), False
            if not held and not self._pending:
                held = await self._inner.chunk()
                ended = not held
                self._came += len(held)
                if self._decoder.eof:
                    held = held.lstrip(b"\0")
                    if not held and not ended:
                        continue
                if ended and (self._decoder.eof or not self._began):
                    return b""
            piece = self._decode(held)
            if piece:
                return piece
            if ended:
                self.abort()
                raise ConnectionBroken("truncated", "the body ended within its content-encoding")

    def abort(self) -> None:
        """Close the connection unless the answer came to its end."""
        self._inner.abort()

    def _next_member(self) -> bytes:
        """Return what was read behind the end of a member: gzip may have several (RFC 1952, section 2.2)."""
        return self._decoder.unused_data.lstrip(b"\0") if self._decoder.eof else b""

    def _decode(self, held: bytes) -> bytes:
        if self._decoder.eof:
            self._decoder = zlib.decompressobj(_EITHER)
        try:
            piece = self._decoder.decompress(held, self._left)
        except zlib.error:
            piece = self._fail("the body is not in its content-encoding") if self._began else self._decode_raw(held)
        self._began = True
        # As much as was asked for: there may be more of what the decoder has already.
        self._pending = len(piece) == self._left and not self._decoder.eof
        self._left -= max(len(piece), _STEP)
        self._made += len(piece)
        if self._made > _ANY_TIMES and self._made > MOST_TIMES * self._came:
            self._fail(f"the body is more than {MOST_TIMES} times larger than its content-encoding")
        return piece

    def _decode_raw(self, held: bytes) -> bytes:
        """Try deflate without zlib's header, which some servers mean by that name."""
        self._decoder = zlib.decompressobj(_RAW)
        try:
            return self._decoder.decompress(held, self._left)
        except zlib.error:
            return self._fail("the body is not in its content-encoding")

    def _fail(self, why: str) -> NoReturn:
        self.abort()
        raise ConnectionBroken("not-http", why)
