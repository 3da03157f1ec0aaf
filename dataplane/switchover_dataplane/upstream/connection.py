"""One HTTP/1.1 connection to a target: a request goes out, its answer comes in as fast as it is read."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Final, Literal, cast

from multidict import CIMultiDict

from switchover_dataplane.process.driver import called_back
from switchover_dataplane.upstream.response_parser import NotHttp, ResponseParser
from switchover_dataplane.upstream.upload import SLICE, Upload

How = Literal["reset", "eof", "not-http", "truncated"]

HIGH_WATER: Final = 256 * 1024
"""Bytes of an answer that are held before the target is made to wait for whoever reads it."""


class ConnectionBroken(Exception):
    """The connection failed after something may have been sent.

    `how`: "reset" is a connection that was torn down, "eof" an orderly close before a head, "not-http" an answer that
    breaks HTTP's rules, "truncated" an orderly close in the middle of a body.
    """

    def __init__(self, how: How, detail: str = "") -> None:
        super().__init__(f"{how}: {detail}" if detail else how)
        self.how: How = how
        self.detail = detail

    def anew(self) -> "ConnectionBroken":
        """Return another one that says the same, to be kept or raised again.

        One that was raised holds the frames that it passed, and whatever keeps it is held by them.
        """
        return ConnectionBroken(self.how, self.detail)


class Connection:
    """Carries one request and its answer at a time: `start`, then `head`, then `piece` or `push` until `finished`.

    `received` tells whether any byte of the current answer came, `room` how many more bytes may be pushed. While there
    is a `reader`, it is called with whatever is new as long as a coroutine waits for that; without one a future wakes
    the task that waits.

    The event loop calls an `asyncio.Protocol` by its methods' names, so that this class needs no base, with which mypyc
    could not compile it.
    """

    __slots__ = (
        "_answer",
        "_broken",
        "_loop",
        "_reading",
        "_room_made",
        "_suspended",
        "_taker",
        "_transport",
        "_upload",
        "_waiter",
        "idle_since",
        "reader",
        "received",
        "room",
    )

    def __init__(self) -> None:
        self.idle_since = 0.0
        self.received = False
        self.room = 0
        self._answer = ResponseParser()
        self._broken: Exception | None = None
        self._loop = asyncio.get_running_loop()
        self._reading = True
        self._room_made: asyncio.Future[None] | None = None
        self._suspended = False
        self._taker: Callable[[bytes], bool] | None = None
        self.reader: Callable[[], None] | None = None
        self._transport: asyncio.Transport | None = None
        self._upload: Upload | None = None
        self._waiter: asyncio.Future[None] | None = None

    # ── What the pool and the response call ─────────────────────────────────────────────────────────────────────────

    @property
    def status(self) -> int:
        """The status of the answer, once its head has come."""
        return self._answer.status

    @property
    def headers(self) -> "CIMultiDict[str]":
        """The header fields of the answer, once its head has come."""
        return self._answer.headers

    @property
    def open(self) -> bool:
        """Whether a request can be written."""
        return self._transport is not None and not self._transport.is_closing()

    @property
    def finished(self) -> bool:
        """Whether the answer came to its end; what is held of it can still be taken."""
        return self._answer.done

    @property
    def reusable(self) -> bool:
        """Whether the exchange is over in a way that lets another request follow."""
        answer, transport, upload = self._answer, self._transport, self._upload
        if not (answer.done and answer.reusable) or transport is None or transport.is_closing():
            return False
        return (upload is None or upload.done) and transport.get_write_buffer_size() == 0

    def start(
        self, method: str, head: bytes, body: bytes | AsyncIterator[bytes] | None, *, may_switch: bool = False
    ) -> None:
        """Write a request whose head frames `body`: a length for bytes, chunks for an iterator.

        `may_switch`: the head asks for another protocol.
        """
        self.received = False
        self._answer.expect(method, may_switch=may_switch)
        transport = self._transport
        if transport is None:
            self._broken = ConnectionBroken("eof", "the peer closed the connection before the request")
        elif not body:
            transport.write(head)
        elif isinstance(body, bytes) and len(body) <= SLICE:
            transport.write(head + body)
        else:
            transport.write(head)
            self._upload = Upload(transport, body, self._body_failed)

    async def head(self) -> None:
        """Wait for the head of the answer; it may come before the request was sent to its end.

        Raises:
            ConnectionBroken: it did not come.
            Exception: whatever stopped the iterator of the request's body.
        """
        answer, is_driven = self._answer, self.reader is not None
        try:
            while not answer.head_done:
                if self._broken is not None:
                    raise self._failure(self._broken)
                if is_driven:
                    self._suspended = True
                    await called_back
                else:
                    self._waiter = waiter = self._loop.create_future()
                    await waiter
        finally:
            self._suspended = False

    async def piece(self) -> bytes:
        """Wait for more of the body and return it, b"" if it ended instead.

        Raises:
            ConnectionBroken: the body is not whole; what came of it was returned before.
            Exception: whatever stopped the iterator of the request's body.
        """
        answer = self._answer
        while not answer.held and not answer.done:
            if self._broken is not None:
                raise self._failure(self._broken)
            if self.reader is not None:
                await self._news()
            else:
                self._waiter = waiter = self._loop.create_future()
                await waiter
        return self.take()

    @property
    def is_waited_for(self) -> bool:
        """Whether nothing is held of the body, and more may come."""
        return not self._answer.held and not self._answer.done and self._broken is None

    async def push(self, take: Callable[[bytes], bool], room: int) -> bool:
        """Call `take` with what comes of the body at the moment at which it comes, without a wake-up of a task.

        This ends when `take` returns False, when more has come than `room` bytes, and when the body ends or breaks.
        What does not fit in `room` is held. `take` raises nothing.

        Returns:
            False if `take` did.
        """
        self._taker, self.room = take, room
        self._waiter = waiter = self._loop.create_future()
        try:
            await waiter
            return self._taker is not None
        finally:
            self._taker = None

    def take(self) -> bytes:
        """Return what is held of the body and let the target go on."""
        taken = self._answer.take()
        if not self._reading:
            self._reading = True
            if self._transport is not None and not self._transport.is_closing():
                self._transport.resume_reading()
        return taken

    async def write(self, data: bytes) -> None:
        """Send bytes of the protocol that the target has switched to, and wait while it takes too little of them.

        Raises:
            ConnectionBroken: the target has left.
        """
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)
        if self._room_made is not None:
            await self._room_made
        if self._transport is None:
            raise ConnectionBroken("eof", "the target has left")

    def close(self) -> None:
        """Close at once; what is unsent and unread is dropped."""
        if self._upload is not None:
            self._upload.cancel()
        if self._transport is not None:
            self._transport.abort()

    # ── What the event loop calls ───────────────────────────────────────────────────────────────────────────────────

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Parse what came; bytes that nobody asked for end the connection (RFC 9112, section 9.2)."""
        if self._answer.done:
            self.close()
            return
        answer, take = self._answer, self._taker
        if take is not None and (size := len(data)) <= self.room:
            piece = answer.only_chunk(data, size)
            if piece is not None:
                self.room -= size
                if not take(piece):
                    self._taker = None
                    self._wake()
                return
        self.received = True
        try:
            answer.feed(data)
        except NotHttp as reason:
            self._fail(ConnectionBroken("not-http", str(reason)))
        held = answer.held
        if take is not None and held <= self.room:
            self.room -= held
            if held and not take(answer.take()):
                self._taker = None
            elif self.room and not answer.done and self._broken is None:
                return
        elif held > HIGH_WATER and self._reading and self._transport is not None and self._broken is None:
            self._reading = False
            self._transport.pause_reading()
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        """An orderly close ends a body that has no other end; any other loss breaks the answer."""
        self._transport = None
        answer = self._answer
        if not answer.done and self._broken is None:
            if exc is None and answer.ends_here():
                answer.done = True
            else:
                self._broken = _loss(exc, answer.head_done)
        answer.end()
        self.resume_writing()
        self._wake()

    def eof_received(self) -> None:
        """Let the transport close: nobody answers half a connection."""

    def pause_writing(self) -> None:
        """Hold back what is still to be sent."""
        self._room_made = self._loop.create_future()
        if self._upload is not None:
            self._upload.pause()

    def resume_writing(self) -> None:
        """Let what is still to be sent go on."""
        made, self._room_made = self._room_made, None
        if made is not None and not made.done():
            made.set_result(None)
        if self._upload is not None:
            self._upload.resume()

    # ── How it is done ──────────────────────────────────────────────────────────────────────────────────────────────

    def _failure(self, broken: Exception) -> Exception:
        """Return what is to be raised; it is kept no longer, as it will hold this connection."""
        if isinstance(broken, ConnectionBroken):
            return broken.anew()
        self._broken = ConnectionBroken("truncated", "the request's body failed")
        return broken

    def _fail(self, failure: Exception) -> None:
        """Close, and let whoever waits for the answer know why, unless the answer is whole already."""
        if not self._answer.done and self._broken is None:
            self._broken = failure
        self.close()

    def _body_failed(self, error: Exception) -> None:
        self._fail(error)
        self._wake()

    async def _news(self) -> None:
        if self.reader is not None:
            self._suspended = True
            try:
                await called_back
            finally:
                self._suspended = False
            return
        self._waiter = waiter = self._loop.create_future()
        await waiter

    def _wake(self) -> None:
        waiter = self._waiter
        if waiter is not None:
            self._waiter = None
            if not waiter.done():  # it is where its task was cancelled
                waiter.set_result(None)
        elif self._suspended and self.reader is not None:
            self.reader()


def _loss(error: Exception | None, head_done: bool) -> ConnectionBroken:
    """Say how the connection was lost in the middle of an answer, in the system's words or OpenSSL's."""
    if error is not None:
        words = getattr(error, "reason", None) or getattr(error, "strerror", None) or type(error).__name__
        return ConnectionBroken("reset", f"the connection was torn down: {words}")
    if head_done:
        return ConnectionBroken("truncated", "the connection ended before the body did")
    return ConnectionBroken("eof", "the peer closed the connection without an answer")
