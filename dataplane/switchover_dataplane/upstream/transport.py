"""Requests to targets over kept connections: one request, one response.

A kept connection that turns out to be dead at once, before any byte of an answer came, is replaced once, unseen by the
caller: its idle time-out at the other end raced with the request (RFC 9112, section 9.3.1). One that breaks later may
have been worked on and paid for, so that its request is not sent again here: whoever counts attempts has to know.
"""

import asyncio
import contextlib
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from math import inf
from typing import Any, Final

from switchover_dataplane.process import turns
from switchover_dataplane.target_addresses import STRICT, TargetAddresses
from switchover_dataplane.upstream.connection import Connection, ConnectionBroken
from switchover_dataplane.upstream.dial import ConnectFailed, ConnectTo, Destination, dial
from switchover_dataplane.upstream.pool import ConnectionPool
from switchover_dataplane.upstream.request_head import framing

_SWEEP_EVERY: Final = 5.0

_AT_ONCE: Final = 0.25
"""Seconds in which a request learns that its connection had ended before: a round trip and no work."""

_DRAINED: Final = 64 * 1024
"""Bytes of an answer that nobody wants which are read to keep its connection."""

Body = bytes | AsyncIterator[bytes] | None


class Response:
    """The head of an answer, and its body to be read or given up; one of both must happen.

    The connection serves others as soon as the answer is whole, not only when it was taken. `failure` is what ended
    the reading. However fast an answer comes, others get a turn after each 16 KiB of it.
    """

    __slots__ = ("_connection", "_held", "_left", "_pool", "failure", "headers", "status")

    def __init__(self, connection: Connection, pool: ConnectionPool) -> None:
        self.status = connection.status
        self.headers = connection.headers
        self._connection: Connection | None = connection
        self._pool = pool
        self.failure: Exception | None = None
        self._held = b""
        self._left = turns.BYTES
        if connection.finished:
            self._held = connection.take()
            self._release(connection)

    async def chunk(self) -> bytes:
        """Return the next piece of the body, of 16 KiB at most, b"" at its end.

        Raises:
            ConnectionBroken: the body is not whole, or it was given up.
            Exception: whatever stopped the iterator of the request's body.
        """
        if self._left <= 0:
            # Before anything is taken, as whoever reads may be told meanwhile that time is over.
            self._left = turns.BYTES
            await turns.give_way()
        if self.failure is not None:
            raise self.failure.anew() if isinstance(self.failure, ConnectionBroken) else self.failure
        connection = self._connection
        piece = self._held
        if not piece and connection is not None:
            try:
                piece = await connection.piece()
            except Exception as failure:
                self._give_up(failure)
                raise
            if connection.finished:
                self._release(connection)
        if len(piece) > self._left:
            self._held, piece = piece[self._left :], piece[: self._left]
        else:
            self._held = b""
        self._left -= len(piece)
        return piece

    async def push(self, take: Callable[[bytes], bool]) -> bool:
        """Call `take` with each piece of the body at the moment at which it comes, until it returns False.

        The pieces and turns are those of `chunk`. Between turns no task wakes up. `take` raises nothing.

        Returns:
            Whether more of the body may follow.

        Raises:
            ConnectionBroken: the body is not whole, or it was given up.
            Exception: whatever stopped the iterator of the request's body.
        """
        while True:
            connection = self._connection
            if connection is None or self._held or self._left <= 0 or not connection.is_waited_for:
                piece = await self.chunk()
                if not piece or not take(piece):
                    return bool(piece)
                continue
            is_stopped = not await connection.push(take, self._left)
            self._left = connection.room
            if connection.finished and connection is self._connection:
                self._held = connection.take()
                self._release(connection)
            if is_stopped:
                return True

    async def drain(self) -> None:
        """Read what is left if it is short, so that the connection is kept; the caller limits the time and aborts."""
        size = 0
        with contextlib.suppress(ConnectionBroken):
            while size <= _DRAINED and (piece := await self.chunk()):
                size += len(piece)

    @property
    def whole(self) -> bytes | None:
        """The whole body, where it came with its head and is small enough for one turn; it is still to be read."""
        return self._held if self._connection is None and len(self._held) <= turns.BYTES else None

    async def write(self, data: bytes) -> None:
        """Send bytes of the protocol that the target has switched to with a 101.

        Raises:
            ConnectionBroken: the target has left.
        """
        if self._connection is None:
            raise ConnectionBroken("eof", "the target has left")
        await self._connection.write(data)

    def hand_over(self) -> None:
        """Let another than the `reader` of the request read on."""
        if self._connection is not None:
            self._connection.reader = None

    def forget(self) -> None:
        """Let go of what stopped the request's body: it was raised, and holds whoever read the answer."""
        self.failure = ConnectionBroken("truncated", "the answer was given up")

    def abort(self) -> None:
        """Close the connection unless the answer came to its end; what was not read of it is lost."""
        if self._connection is not None or self._held:
            self._give_up(ConnectionBroken("truncated", "the answer was given up"))

    def _release(self, connection: Connection) -> None:
        self._connection = None
        self._pool.give_back(connection, time.monotonic())

    def _give_up(self, failure: Exception) -> None:
        self.failure = failure.anew() if isinstance(failure, ConnectionBroken) else failure
        self._held = b""
        if self._connection is not None:
            self._pool.drop(self._connection)
            self._connection = None


class Transport:
    """Sends requests; holds all connections to targets.

    Connections idle for `idle_close` seconds are closed; of each destination at most `max_idle_per_destination` are
    kept. `connect_to` redirects connections as curl's --connect-to; names in requests and certificates stay.
    `targets` says which addresses a connection that is not redirected may lead to.
    """

    def __init__(
        self,
        *,
        connect_to: Sequence[ConnectTo] = (),
        targets: TargetAddresses = STRICT,
        idle_close: float = 55.0,
        max_idle_per_destination: int = 256,
    ) -> None:
        self._connect_to = tuple(connect_to)
        self._targets = targets
        self._idle_close = idle_close
        self._max_idle = max_idle_per_destination
        self._pools: dict[Destination, ConnectionPool] = {}
        self._sweep: asyncio.TimerHandle | None = None

    async def send(  # noqa: PLR0917 - a request's parts, in the order in which they are written
        self,
        destination: Destination,
        method: str,
        head: bytes,
        body: Body,
        reader: Callable[[], None] | None = None,
        protocol: str = "",
    ) -> Response:
        """Send a request and wait for the head of its answer; cancelling closes the connection.

        `head` has no framing (`request_head.serialise`). Bytes may be sent twice, on a kept connection that turns out
        to be dead within 250 ms and on a new one; an iterator is asked for once. The answer may come before the body
        was sent to its end. `reader` is called with each piece of news that is waited for (`Driver.go_on`). `protocol`
        is another one that is asked for, "" for none.

        Raises:
            ConnectFailed: nothing was sent.
            ConnectionBroken: there is no answer.
            Exception: whatever the iterator raises.
        """
        length = 0 if body is None else len(body) if isinstance(body, bytes) else None
        head += framing(method, length, protocol)
        pool = self._pool(destination)
        connection = pool.take() if length is not None else None
        began, is_kept = time.monotonic(), connection is not None
        while True:
            if connection is None:
                connection = await self._open(destination, pool)
            try:
                connection.reader = reader
                connection.start(method, head, body, may_switch=bool(protocol))
                await connection.head()
            except ConnectionBroken as failure:
                pool.drop(connection)
                is_over = time.monotonic() > began + _AT_ONCE
                if not is_kept or connection.received or failure.how not in ("reset", "eof") or is_over:
                    raise
                connection, is_kept = None, False
            except BaseException:
                pool.drop(connection)
                raise
            else:
                return Response(connection, pool)

    async def close(self) -> None:
        """Close every idle connection; those in use end with their answers."""
        self._max_idle = 0
        for pool in self._pools.values():
            pool.limit = 0
            pool.close_idle(inf)
        if self._sweep is not None:
            self._sweep.cancel()
            self._sweep = None
        await asyncio.sleep(0)  # the event loop closes sockets in its next turn

    def counts(self) -> dict[str, dict[str, int]]:
        """Return, per HOST:PORT, how many connections are idle and used, and were opened and reused in all.

        A destination is forgotten with its totals when it has no connection any more.
        """
        totals: dict[str, dict[str, int]] = defaultdict(lambda: dict.fromkeys(("idle", "used", "opened", "reused"), 0))
        for destination, pool in self._pools.items():
            total = totals[f"{destination.host}:{destination.port}"]
            total["idle"] += pool.idle
            total["used"] += pool.used
            total["opened"] += pool.opened
            total["reused"] += pool.reused
        return dict(totals)

    async def _open(self, destination: Destination, pool: ConnectionPool) -> Connection:
        pool.used += 1
        try:
            connection = await _by_a_task(dial(destination, self._connect_to, self._targets, Connection))
        except BaseException:
            pool.used -= 1
            raise
        pool.opened += 1
        return connection

    def _pool(self, destination: Destination) -> ConnectionPool:
        pool = self._pools.get(destination)
        if pool is None:
            pool = self._pools[destination] = ConnectionPool(self._max_idle)
            self._schedule_sweep()
        return pool

    def _schedule_sweep(self) -> None:
        if self._sweep is None:
            self._sweep = asyncio.get_running_loop().call_later(_SWEEP_EVERY, self._close_idle)

    def _close_idle(self) -> None:
        """Close what was idle for too long and forget destinations without connections."""
        self._sweep = None
        before = time.monotonic() - self._idle_close
        self._pools = {destination: pool for destination, pool in self._pools.items() if pool.close_idle(before)}
        if self._pools:
            self._schedule_sweep()


async def _by_a_task(dialling: Coroutine[Any, Any, Connection]) -> Connection:
    """Wait for a connection that is opened by a task: what is driven by its connection has none that could call it."""
    task = asyncio.get_running_loop().create_task(dialling)
    try:
        return await task
    except BaseException:
        if not task.cancel():
            task.add_done_callback(_close)
        raise


def _close(task: "asyncio.Task[Connection]") -> None:
    """Close a connection that was opened in the very moment in which nobody wanted it any more."""
    if not task.cancelled() and task.exception() is None:
        task.result().close()


__all__ = ["ConnectFailed", "ConnectTo", "ConnectionBroken", "Destination", "Response", "Transport"]
