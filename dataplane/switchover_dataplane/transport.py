"""Requests to targets over kept connections: one request, one response.

The pool keeps connections that may be used again, newest first, so that the others can age and be closed. A kept
connection that turns out to be dead before any byte of an answer came is replaced once, unseen by the caller.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from typing import Final

from multidict import CIMultiDict

from switchover_dataplane.connection import Connection, ConnectionBroken
from switchover_dataplane.dial import ConnectFailed, ConnectTo, Destination, dial

_SWEEP_EVERY: Final = 5.0
_OURS: Final = frozenset(("content-length", "transfer-encoding", "connection", "keep-alive"))

Body = bytes | AsyncIterator[bytes] | None


class Response:
    """The head of an answer, and its body to be read or given up; either way must be taken."""

    __slots__ = ("_connection", "_ended", "_pool", "headers", "status")

    def __init__(self, connection: Connection, pool: "_Kept") -> None:
        self.status = connection.status
        self.headers = connection.headers
        self._connection = connection
        self._pool = pool
        self._ended = False

    async def chunk(self) -> bytes:
        """Return the next piece of the body, b"" at its end; then the connection is kept for others.

        Raises:
            ConnectionBroken: the body is not whole.
        """
        if self._ended:
            return b""
        try:
            piece = await self._connection.piece()
        except ConnectionBroken:
            self.abort()
            raise
        if not piece:
            self._ended = True
            self._pool.give_back(self._connection)
        return piece

    async def discard(self, max_bytes: int = 64 * 1024, seconds: float = 0.05) -> None:
        """Read what is left if it is short, so that the connection is kept; else close it."""
        try:
            async with asyncio.timeout(seconds):
                size = 0
                while piece := await self.chunk():
                    size += len(piece)
                    if size > max_bytes:
                        break
        except (TimeoutError, ConnectionBroken):
            pass
        self.abort()

    def abort(self) -> None:
        """Close the connection unless the answer was read to its end."""
        if not self._ended:
            self._ended = True
            self._pool.drop(self._connection)


class _Kept:
    """The connections to one destination."""

    __slots__ = ("idle", "limit", "opened", "reused", "used")

    def __init__(self, limit: int) -> None:
        self.idle: list[Connection] = []
        self.limit = limit
        self.used = 0
        self.opened = 0
        self.reused = 0

    def take(self) -> Connection | None:
        """Return an idle connection that is still open."""
        while self.idle:
            connection = self.idle.pop()
            if connection.open:
                self.used += 1
                self.reused += 1
                return connection
        return None

    def give_back(self, connection: Connection) -> None:
        """Keep a connection whose answer is over, if it can serve another."""
        self.used -= 1
        if connection.reusable and len(self.idle) < self.limit:
            connection.rest()
            connection.idle_since = asyncio.get_running_loop().time()
            self.idle.append(connection)
        else:
            connection.close()

    def drop(self, connection: Connection) -> None:
        """Close a connection in the middle of an answer."""
        self.used -= 1
        connection.close()


class Transport:
    """Sends requests; holds all connections to targets."""

    def __init__(
        self,
        *,
        connect_to: Sequence[ConnectTo] = (),
        idle_close: float = 55.0,
        max_idle_per_destination: int = 256,
    ) -> None:
        self._connect_to = tuple(connect_to)
        self._idle_close = idle_close
        self._max_idle = max_idle_per_destination
        self._kept: dict[Destination, _Kept] = {}
        self._sweep: asyncio.TimerHandle | None = None

    async def send(
        self, destination: Destination, method: str, target: str, headers: "CIMultiDict[str]", body: Body
    ) -> Response:
        """Send a request and wait for the head of its answer; cancelling closes the connection.

        `target` is path and query. Framing headers are written here, whatever `headers` says of them.

        Raises:
            ConnectFailed: nothing was sent.
            ConnectionBroken: there is no answer.
            ValueError: a header that would change where the head ends.
        """
        head = serialise(method, target, headers, body)
        kept = self._kept.get(destination)
        if kept is None:
            kept = self._kept[destination] = _Kept(self._max_idle)
            self._schedule_sweep()
        replayable = body is None or isinstance(body, bytes)
        connection = kept.take() if replayable else None
        if connection is not None:
            try:
                return await _exchange(connection, kept, method, head, body)
            except ConnectionBroken as failure:
                if connection.received or failure.how not in ("reset", "eof"):
                    raise
        connection = await dial(destination, self._connect_to, Connection)
        kept.used += 1
        kept.opened += 1
        return await _exchange(connection, kept, method, head, body)

    async def close(self) -> None:
        """Close every idle connection; those in use end with their answers."""
        if self._sweep is not None:
            self._sweep.cancel()
        for kept in self._kept.values():
            kept.limit = 0
            for connection in kept.idle:
                connection.close()
            kept.idle.clear()

    def counts(self) -> dict[str, dict[str, int]]:
        """Return, per HOST:PORT, how many connections are idle and used, and were opened and reused in all."""
        totals: dict[str, dict[str, int]] = defaultdict(lambda: dict.fromkeys(("idle", "used", "opened", "reused"), 0))
        for destination, kept in self._kept.items():
            total = totals[f"{destination.host}:{destination.port}"]
            total["idle"] += len(kept.idle)
            total["used"] += kept.used
            total["opened"] += kept.opened
            total["reused"] += kept.reused
        return dict(totals)

    def _schedule_sweep(self) -> None:
        if self._sweep is None:
            self._sweep = asyncio.get_running_loop().call_later(_SWEEP_EVERY, self._close_idle)

    def _close_idle(self) -> None:
        """Close what was idle for too long and forget destinations without connections."""
        self._sweep = None
        oldest = asyncio.get_running_loop().time() - self._idle_close
        for destination, kept in list(self._kept.items()):
            for connection in kept.idle:
                if connection.idle_since < oldest:
                    connection.close()
            kept.idle = [c for c in kept.idle if c.open and c.idle_since >= oldest]
            if not kept.idle and not kept.used:
                del self._kept[destination]
        if self._kept:
            self._schedule_sweep()


async def _exchange(connection: Connection, kept: _Kept, method: str, head: bytes, body: Body) -> Response:
    try:
        connection.send(method, head, body)
        await connection.head()
    except BaseException:
        kept.drop(connection)
        raise
    return Response(connection, kept)


def serialise(method: str, target: str, headers: "CIMultiDict[str]", body: Body) -> bytes:
    """Write a request head with exactly one framing (RFC 9112, section 6).

    Raises:
        ValueError: a name or value would change where the head ends; the name is told, the value is not.
    """
    lines = [f"{method} {target} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in headers.items() if name.lower() not in _OURS]
    if isinstance(body, bytes):
        lines.append(f"content-length: {len(body)}")
    elif body is not None:
        lines.append("transfer-encoding: chunked")
    elif method in ("POST", "PUT", "PATCH"):
        lines.append("content-length: 0")
    lines.append("\r\n")
    text = "\r\n".join(lines)
    if text.count("\r") != len(lines) or text.count("\n") != len(lines) or "\0" in text:
        wrong = next((n for n, v in headers.items() if any(c in n + v for c in "\r\n\0")), "the request line")
        raise ValueError(f"{wrong!r} holds a line end or NUL and is not sent")
    return text.encode("utf-8", "surrogateescape")


__all__ = ["ConnectFailed", "ConnectTo", "ConnectionBroken", "Destination", "Response", "Transport", "serialise"]
