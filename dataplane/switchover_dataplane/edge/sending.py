"""One client's connection as far as answers go out on it: how they are framed, how long they wait, how they are cut."""

import asyncio
import fcntl
import socket
import struct
import sys
import termios
from typing import Final

from multidict import istr

from switchover_dataplane.edge import reply_head
from switchover_dataplane.edge.request import Request
from switchover_dataplane.formats.own_answers import OwnAnswer
from switchover_dataplane.routing.headers import Fields

LEAST_RATE: Final = 1024
"""Bytes a second that a body must bring while it is held in memory, on average over each `body_timeout`; and that a
client must take of what waits for it, over each `send_timeout`."""

_CONNECTION: Final = istr("connection")
_RESET: Final = struct.pack("ii", 1, 0)
_NO_BODY: Final = (204, 304)
_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"


class Sending:
    """Writes the answers to `request`, one after the other; a client may take its time, up to `send_timeout` seconds.

    An answer is `sent` whole, or it is begun, written and ended. `has_begun`: its head is chosen. `keeps`: another
    request may follow it on the connection, once it has begun.

    The event loop calls an `asyncio.Protocol` by its methods' names, so that this class needs no base, with which mypyc
    could not compile it.
    """

    __slots__ = (
        "_drained",
        "_head",
        "_in_chunks",
        "_left",
        "_loop",
        "_send_timeout",
        "_send_timer",
        "has_begun",
        "keeps",
        "paused",
        "request",
        "transport",
    )

    def __init__(self, loop: asyncio.AbstractEventLoop, send_timeout: float) -> None:
        self._loop = loop
        self._send_timeout = send_timeout
        self._send_timer: asyncio.TimerHandle | None = None
        self._drained: asyncio.Future[None] | None = None
        self._head = b""
        self._in_chunks = False
        self._left: int | None = None
        self.has_begun = False
        self.keeps = True
        self.paused = False
        self.request: Request | None = None
        self.transport: asyncio.Transport | None = None

    @property
    def leaving(self) -> bool:
        """Whether an answer that begins now is the connection's last."""
        return False

    # ── Answers ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def send_own(self, answer: OwnAnswer) -> None:
        """Send an answer of our own; to HEAD without what describes its body."""
        fields = answer.headers
        if answer.closes:
            self.keeps = False
        if self._is_to_head():
            fields = fields.copy()
            fields.popall("content-type", None)
        self.send(answer.status, fields, answer.body)

    def send(self, status: int, headers: Fields, body: bytes) -> None:
        """Send a whole answer, in one piece.

        Raises:
            ConnectionResetError: the client left.
            ValueError: a field holds a line end or NUL; nothing was sent.
        """
        framing = f"Content-Length: {len(body)}"
        if status in _NO_BODY or self._is_to_head():
            framing = "" if status in _NO_BODY or not body else framing
            body = b""
        head = self._choose(status, headers, framing, bool(body))
        self._writable().write(head + body)

    def begin(self, status: int, headers: Fields, length: int | None = None) -> None:
        """Begin an answer of `length` bytes, of unknown length for None. Its head is sent with the first of its bytes.

        Without chunks the connection's end is the only end of an answer without a length (RFC 9112, section 6.3).

        Raises:
            ValueError: a field holds a line end or NUL; nothing was begun.
        """
        has_body = not self._is_to_head() and status not in _NO_BODY
        self._in_chunks = False
        framing = "" if length is None or status in _NO_BODY else f"Content-Length: {length}"
        self._left = length if has_body else 0
        if has_body and length is None:
            if self.request is not None and self.request.head.http_1_1:
                self._in_chunks, framing = True, "Transfer-Encoding: chunked"
            else:
                self.keeps = False
        self._head = self._choose(status, headers, framing, has_body and length != 0)

    def send_head(self) -> None:
        """Send the head of the answer that was begun, if it was not yet."""
        if self._head:
            head, self._head = self._head, b""
            self._writable().write(head)

    async def write(self, data: bytes) -> None:
        """Send some of the answer's body, and wait while the client takes too little of it.

        Raises:
            ConnectionResetError: the client left.
        """
        self.put(data)
        if self.paused:
            await self.drained()

    def put(self, data: bytes) -> None:
        """Send some of the answer's body; with `paused` the client takes too little of it, and `drained` has to follow.

        Raises:
            ConnectionResetError: the client left.
        """
        transport = self.transport
        if transport is None or transport.is_closing():
            raise ConnectionResetError("the client left")
        if self._in_chunks and not self._head and data:
            transport.write(b"%x\r\n%b\r\n" % (len(data), data))
        else:
            transport.write(self._framed(data))

    def end(self, data: bytes = b"") -> None:
        """Send the last of the answer's body and its end; an answer that is shorter than it began is cut.

        Raises:
            ConnectionResetError: the client left.
        """
        framed = self._framed(data)
        if self._in_chunks:
            framed += b"0\r\n\r\n"
        if framed:
            self._writable().write(framed)
        if self._left:
            self.cut()
            raise ConnectionResetError("the answer is shorter than its length")

    def send_continue(self) -> None:
        """Ask a client for its body (RFC 9110, section 10.1.1); this is no answer yet."""
        if not self.has_begun:
            self._writable().write(_CONTINUE)

    def _choose(self, status: int, headers: Fields, framing: str, has_body: bool) -> bytes:
        request = self.request
        assert request is not None  # noqa: S101 - there is one while it is answered
        http_1_1 = request.head.http_1_1
        keeps = self.keeps and request.head.keep_alive and _CONNECTION not in headers and not self.leaving
        connection = ""
        if keeps != http_1_1:  # each version has a default that needs no field
            connection = "Connection: keep-alive" if keeps else "Connection: close"
        head = reply_head.serialise(1 if http_1_1 else 0, status, headers, framing, connection, has_body)
        self.keeps = keeps
        self.has_begun = True
        return head

    def _framed(self, data: bytes) -> bytes:
        """Frame a piece of the body, behind the head where it was not sent yet."""
        head, self._head = self._head, b""
        if not data:
            return head
        if self._in_chunks:
            return b"%b%x\r\n%b\r\n" % (head, len(data), data)
        if self._left is not None:
            if len(data) > self._left:
                data = data[: self._left]
            self._left -= len(data)
        return head + data

    def _is_to_head(self) -> bool:
        return self.request is not None and self.request.head.method == "HEAD"

    def _writable(self) -> asyncio.Transport:
        transport = self.transport
        if transport is None or transport.is_closing():
            raise ConnectionResetError("the client left")
        return transport

    # ── When the client does not take them ──────────────────────────────────────────────────────────────────────────

    async def drained(self) -> None:
        """Wait while the client takes too little.

        Raises:
            ConnectionResetError: it left.
        """
        while self.paused and self.transport is not None:
            if self._drained is None or self._drained.done():
                self._drained = self._loop.create_future()
            await self._drained
        self._writable()

    async def flush(self) -> None:
        """Wait until the system has taken all that was written.

        Raises:
            ConnectionResetError: the client left.
        """
        if self.transport is not None and not self.transport.is_closing():
            self.send_head()
            self.transport.set_write_buffer_limits(0)
            await self.drained()

    def cut(self, *, reset: bool = False) -> None:
        """End the connection so that no answer in flight looks complete; `reset` says so by a reset in any case."""
        transport, request = self.transport, self.request
        if transport is None:
            return
        raw = transport.get_extra_info("socket")
        # Without chunks an orderly end of the connection would be the end of the answer.
        reset = reset or (request is not None and not request.head.http_1_1)
        if reset and raw is not None:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        transport.abort()

    def close_when_taken(self) -> None:
        """Close the connection; what the client does not take of the last answer in time does not keep it."""
        transport = self.transport
        if transport is not None:
            transport.close()
            if transport.get_write_buffer_size() > 0:
                self._loop.call_later(self._send_timeout, transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """Forget the client."""
        self.transport = None
        self._end_wait()

    def eof_received(self) -> None:
        """Let the transport close: a client that sends no more gets what is written."""

    def pause_writing(self) -> None:
        """Hold the answer back; the client has not taken what was written so far."""
        self.paused = True
        self._expect_client()

    def resume_writing(self) -> None:
        """Go on with the answer."""
        self.paused = False
        self._end_wait()

    def _end_wait(self) -> None:
        self._client_took()
        if self._drained is not None and not self._drained.done():
            self._drained.set_result(None)

    def _expect_client(self) -> None:
        self._send_timer = self._loop.call_later(self._send_timeout, self._client_is_late, self._waiting())

    def _waiting(self) -> int:
        """Return how many bytes the client has not taken: those held here, and those that the system holds."""
        transport = self.transport
        if transport is None:
            return 0
        return transport.get_write_buffer_size() + _queued(transport.get_extra_info("socket"))

    def _client_took(self) -> None:
        if self._send_timer is not None:
            self._send_timer.cancel()
            self._send_timer = None

    def _client_is_late(self, waited: int) -> None:
        self._send_timer = None
        if self.transport is None:
            return
        if waited - self._waiting() >= LEAST_RATE * self._send_timeout:
            self._expect_client()
        else:
            self.cut()


def _queued(connected: socket.socket | None) -> int:
    """Return how many bytes the system has not brought to the peer (tcp(7), SIOCOUTQ); 0 where it does not tell."""
    try:
        count = fcntl.ioctl(connected.fileno() if connected is not None else -1, termios.TIOCOUTQ, bytes(4))
    except (OSError, ValueError):
        return 0
    return int.from_bytes(count, sys.byteorder)
