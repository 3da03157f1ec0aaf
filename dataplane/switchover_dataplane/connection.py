"""One HTTP/1.1 connection to a target: bytes of a request out, the head and the pieces of its answer in.

The parser is llhttp (httptools); this module keeps what it found, holds the reader back when nobody takes it, and
knows when the connection may serve another request (RFC 9112, section 9.3).
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator
from typing import Final, Literal, cast

import httptools
from multidict import CIMultiDict

How = Literal["reset", "eof", "not-http", "truncated"]

HEAD_LIMIT: Final = 64 * 1024
HEADER_COUNT_LIMIT: Final = 256
HIGH_WATER: Final = 256 * 1024
LOW_WATER: Final = 64 * 1024


class ConnectionBroken(Exception):
    """The connection failed after something may have been sent.

    `how`: "reset" by the peer, "eof" before a head, "not-http" is no HTTP answer, "truncated" in the middle of a body.
    """

    def __init__(self, how: How, detail: str = "") -> None:
        super().__init__(f"{how}: {detail}" if detail else how)
        self.how: How = how
        self.detail = detail


class Connection(asyncio.Protocol):
    """Serves one request at a time; `reused` tells whether it has served one before."""

    def __init__(self) -> None:
        self.reused = False
        self.idle_since = 0.0
        self.status = 0
        self.headers: CIMultiDict[str] = CIMultiDict()
        self._transport: asyncio.Transport | None = None
        self._parser: httptools.HttpResponseParser | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._writable: asyncio.Future[None] | None = None
        self._writer: asyncio.Task[None] | None = None
        self._pieces: deque[bytes] = deque()
        self._held = 0
        self._reading = True
        self._keep_alive = True
        self._broken: ConnectionBroken | None = None
        self._begin("")

    def _begin(self, method: str) -> None:
        self._method = method
        self._head_done = False
        self._done = False
        self._framed = False
        self._head_size = 0
        self._fields_size = 0
        self.received = False

    # ── What the transport calls ────────────────────────────────────────────────────────────────────────────────────

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Feed the parser; bytes that nobody asked for end the connection."""
        parser = self._parser
        if parser is None or self._done:
            self._keep_alive = False
            self.close()
            return
        self.received = True
        if not self._head_done:
            self._head_size += len(data)
        try:
            parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._fail("not-http", "the answer switches protocols")
        except httptools.HttpParserError as error:
            self._fail_parsing(error)
        if not self._head_done and self._head_size > HEAD_LIMIT:
            self._fail("not-http", f"the head of the answer is larger than {HEAD_LIMIT} bytes")
        if self._held > HIGH_WATER and self._reading and self._transport is not None:
            self._reading = False
            self._transport.pause_reading()
        self._wake()

    def eof_received(self) -> bool:
        """Let the connection close."""
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """An orderly close ends a body that has no other end; any other loss breaks the answer."""
        self._keep_alive = False
        if self._parser is not None and not self._done and self._broken is None:
            if self._head_done and not self._framed and exc is None:
                self._done = True
            elif self._head_done:
                self._broken = ConnectionBroken("truncated", "the connection ended before the body did")
            elif exc is not None:
                self._broken = ConnectionBroken("reset", "the peer reset the connection")
            else:
                self._broken = ConnectionBroken("eof", "the peer closed the connection without an answer")
        self._transport = None
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)
        self._wake()

    def pause_writing(self) -> None:
        """Hold a streamed request body back."""
        self._writable = asyncio.get_running_loop().create_future()

    def resume_writing(self) -> None:
        """Let a streamed request body go on."""
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)
        self._writable = None

    # ── What the parser calls ───────────────────────────────────────────────────────────────────────────────────────

    def on_message_begin(self) -> None:
        """Start a head, also after an interim answer; a second answer is one too many."""
        if self._done:
            self._keep_alive = False
            return
        self.headers = CIMultiDict()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header field."""
        if self._done:
            return
        self._fields_size += len(name) + len(value)
        if self._fields_size > HEAD_LIMIT:
            self._fail("not-http", f"the head of the answer is larger than {HEAD_LIMIT} bytes")
        if len(self.headers) >= HEADER_COUNT_LIMIT:
            self._fail("not-http", f"the answer has more than {HEADER_COUNT_LIMIT} header fields")
            return
        self.headers.add(name.decode("utf-8", "surrogateescape"), value.decode("utf-8", "surrogateescape"))

    def on_headers_complete(self) -> None:
        """Take the status; interim answers (1xx) are passed over."""
        parser = self._parser
        if parser is None or self._done or self._broken is not None:
            return
        self.status = parser.get_status_code()
        if self.status < 200:
            return
        lengths = self.headers.getall("content-length", ())
        chunked = "transfer-encoding" in self.headers
        if lengths and (chunked or len(set(lengths)) > 1):
            self._fail("not-http", "the answer says its length in two ways")
            return
        self._framed = bool(lengths) or chunked
        self._keep_alive = parser.should_keep_alive()
        self._head_done = True
        if self._method == "HEAD":
            self._done = True

    def on_body(self, body: bytes) -> None:
        """Keep a piece of the body."""
        if not self._done:
            self._pieces.append(body)
            self._held += len(body)

    def on_message_complete(self) -> None:
        """Note the end, unless it was an interim answer's."""
        if self._head_done:
            self._done = True

    # ── What the pool and the response call ─────────────────────────────────────────────────────────────────────────

    @property
    def open(self) -> bool:
        """Whether a request can be written."""
        return self._transport is not None and not self._transport.is_closing()

    @property
    def reusable(self) -> bool:
        """Whether the answer is over in a way that lets another request follow."""
        return (
            self._done
            and self._keep_alive
            and self._broken is None
            and self.open
            and (self._writer is None or self._writer.done())
            and self._transport is not None
            and self._transport.get_write_buffer_size() == 0
        )

    def send(self, method: str, head: bytes, body: bytes | AsyncIterator[bytes] | None) -> None:
        """Write a request."""
        assert self._transport is not None  # noqa: S101 - the pool hands out open connections only
        self._begin(method)
        self._parser = httptools.HttpResponseParser(self)
        if body is None or isinstance(body, bytes):
            self._transport.write(head + body if body and len(body) < LOW_WATER else head)
            if body and len(body) >= LOW_WATER:
                self._transport.write(body)
            return
        self._transport.write(head)
        self._writer = asyncio.get_running_loop().create_task(self._write(body))

    async def _write(self, body: AsyncIterator[bytes]) -> None:
        """Write a body of unknown length as chunks (RFC 9112, section 7.1), as fast as the peer takes them."""
        try:
            async for piece in body:
                if self._transport is None:
                    return
                self._transport.write(b"%x\r\n%b\r\n" % (len(piece), piece))
                if self._writable is not None:
                    await self._writable
            if self._transport is not None:
                self._transport.write(b"0\r\n\r\n")
        except Exception:  # noqa: BLE001 - whatever stops the caller's body must not end as a complete one here
            self.close()

    async def head(self) -> None:
        """Wait for the head of the answer.

        Raises:
            ConnectionBroken: it did not come.
        """
        while not self._head_done:
            if self._broken is not None:
                raise self._broken
            await self._wait()

    async def piece(self) -> bytes:
        """Return the next piece of the body, b"" at its end.

        Raises:
            ConnectionBroken: the body is not whole.
        """
        while not self._pieces:
            if self._done:
                return b""
            if self._broken is not None:
                raise self._broken
            await self._wait()
        piece = self._pieces.popleft()
        self._held -= len(piece)
        if not self._reading and self._held < LOW_WATER and self._transport is not None:
            self._reading = True
            with contextlib.suppress(RuntimeError):
                self._transport.resume_reading()
        return piece

    def rest(self) -> None:
        """Forget the last exchange: the connection is idle."""
        self._parser = None
        self._writer = None
        self._pieces.clear()
        self._held = 0
        self.reused = True

    def close(self) -> None:
        """Close at once; what is unread is dropped."""
        if self._writer is not None:
            self._writer.cancel()
        if self._transport is not None:
            self._transport.abort()

    def _fail(self, how: How, detail: str) -> None:
        if self._broken is None:
            self._broken = ConnectionBroken(how, detail)
        self._keep_alive = False
        if self._transport is not None:
            self._transport.abort()

    def _fail_parsing(self, error: Exception) -> None:
        """Bytes after a whole answer only cost the connection; elsewhere they cost the answer."""
        if self._done:
            self._keep_alive = False
        else:
            self._fail("truncated" if self._head_done else "not-http", _words(error))

    async def _wait(self) -> None:
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


def _words(error: Exception) -> str:
    """Say what the parser found without any byte of the answer: its messages come from a closed list."""
    return str(error) or type(error).__name__
