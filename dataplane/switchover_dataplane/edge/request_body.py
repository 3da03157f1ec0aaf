"""The bytes behind a head → the pieces of a body, by its length or in chunks (RFC 9112, sections 6 and 7)."""

import asyncio
from collections.abc import Callable
from typing import Final

import httptools

from switchover_dataplane.edge.early_refusal import HEAD_LIMIT

HELD: Final = 128 * 1024
"""Bytes of a body that are held at most, beside the piece that is coming, until somebody takes them."""

_HEAD: Final = b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n"


class BadChunks(Exception):
    """What came is no body in chunks."""


class ByLength:
    """Framing of a body of so many bytes."""

    __slots__ = ("_left",)

    def __init__(self, length: int) -> None:
        self._left = length

    def feed(self, data: bytes) -> tuple[bytes, bytes, bool]:
        """Return what of the bytes is body, what stands behind it, and whether the body has ended."""
        left = self._left
        if len(data) < left:
            self._left = left - len(data)
            return data, b"", False
        self._left = 0
        return data[:left], data[left:], True


class InChunks:
    """Framing of a body in chunks; trailer fields are passed over, and so is what stands behind the body.

    llhttp (httptools) reads the chunks behind a head of ours. Its parser is not used for anything else, so that nothing
    of a trailer reaches another request (RFC 9110, section 6.5).
    """

    __slots__ = ("_bare", "_done", "_parser", "_pieces", "_trailers")

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._bare = self._trailers = 0
        self._done = False
        self._parser = httptools.HttpRequestParser(self)
        self._parser.feed_data(_HEAD)

    def feed(self, data: bytes) -> tuple[bytes, bytes, bool]:
        """Return what the bytes hold of the body, nothing behind it, and whether the body has ended.

        Raises:
            BadChunks: they are no chunks, or extensions and trailers are larger than a head may be.
        """
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            if not self._done:
                raise BadChunks from None
        piece = b"".join(self._pieces)
        self._pieces.clear()
        self._bare = 0 if piece else self._bare + len(data)
        if self._bare > HEAD_LIMIT:
            raise BadChunks
        return piece, b"", self._done

    def on_header(self, name: bytes, value: bytes) -> None:
        """Count a trailer field."""
        self._trailers += len(name) + len(value)
        if self._trailers > HEAD_LIMIT:
            raise BadChunks

    def on_body(self, piece: bytes) -> None:
        """Keep a piece of the body."""
        if not self._done:
            self._pieces.append(piece)

    def on_message_complete(self) -> None:
        """Note the end of the body."""
        self._done = True


class RequestBody:
    """A body that is coming. `received` is how many bytes of the connection belonged to it so far.

    `wanted` is called when there is room for more of it after there was none.
    """

    __slots__ = ("_failure", "_framing", "_held", "_pieces", "_waiter", "_wanted", "done", "received")

    def __init__(self, framing: ByLength | InChunks, wanted: Callable[[], None]) -> None:
        self._framing = framing
        self._wanted = wanted
        self._pieces: list[bytes] = []
        self._held = 0
        self._waiter: asyncio.Future[None] | None = None
        self._failure: ConnectionError | None = None
        self.done = False
        self.received = 0

    @property
    def is_full(self) -> bool:
        """Whether as much is held as may be."""
        return self._held > HELD

    def feed(self, data: bytes) -> bytes:
        """Take bytes that came; return what of them stands behind the body.

        Raises:
            BadChunks: they are none.
        """
        piece, rest, self.done = self._framing.feed(data)
        self.received += len(data) - len(rest)
        if piece:
            self._pieces.append(piece)
            self._held += len(piece)
        if piece or self.done:
            self._wake()
        return rest

    def fail(self) -> None:
        """The rest of the body never comes; whoever takes it learns so."""
        if not self.done:
            self._failure = ConnectionResetError("the client's request is not whole")
            self._wake()

    async def take(self) -> bytes:
        """Return all that is held, b"" at the end.

        Raises:
            ConnectionResetError: the body never comes to its end.
        """
        while not self._pieces and not self.done and self._failure is None:
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        if self._failure is not None:
            raise self._failure
        pieces, self._pieces = self._pieces, []
        was_full, self._held = self.is_full, 0
        if was_full:
            self._wanted()
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
