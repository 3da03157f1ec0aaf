"""The HTTP server of the admin port and of the push channel: aiohttp's, with few connections that nobody can keep busy.

The ports of a table have a server of their own (`edge`). What comes here are probes, scrapes and tables.
"""

import asyncio
import contextlib
import logging
import os
import ssl
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, cast

from aiohttp import HttpVersion11, web

from switchover_dataplane.edge import early_refusal, request_ids
from switchover_dataplane.edge.reply_head import SERVER
from switchover_dataplane.formats import own_answers, own_errors
from switchover_dataplane.formats.own_answers import OwnAnswer
from switchover_dataplane.routing import headers

log = logging.getLogger("switchover.control")

_HANDSHAKE: Final = 10.0
_LINGER: Final = 2.0
_UNWIND: Final = 1.0
_OWNER_ONLY: Final = 0o177

Handle = Callable[[web.BaseRequest], Awaitable[web.Response]]
"""Answers one request."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How many connections there may be, and what each of them may take, in seconds.

    A connection is closed if no whole head comes within `keep_alive`, counted from its start and from each answer. It
    is cut if its client does not take a whole answer within `send_timeout`.
    """

    connections: int = 100
    keep_alive: float = 30.0
    send_timeout: float = 120.0


class HttpServer:
    """Serves `handle` at one address. It needs a running event loop.

    A server that is full closes the connection that has been idle for longest, so that a probe always gets in.
    """

    def __init__(self, handle: Handle, limits: Limits) -> None:
        self._handle = handle
        self._limits = limits
        self._aiohttp = web.Server(self._serve)
        self._listening: asyncio.Server | None = None
        self._open: set[_Connection] = set()
        self._none_open = asyncio.Event()
        self._is_closing = False

    async def listen(self, host: str, port: int, tls: ssl.SSLContext | None = None) -> None:
        """Listen at a TCP port; 0 lets the system choose.

        Raises:
            OSError: the address cannot be bound.
        """
        timeout = _HANDSHAKE if tls else None
        loop = asyncio.get_running_loop()
        self._listening = await loop.create_server(self._connect, host, port, ssl=tls, ssl_handshake_timeout=timeout)

    async def listen_unix(self, path: str) -> None:
        """Listen at a Unix socket that only its owner may open.

        Raises:
            OSError: the socket cannot be made.
        """
        before = os.umask(_OWNER_ONLY)
        try:
            self._listening = await asyncio.get_running_loop().create_unix_server(self._connect, path)
        finally:
            os.umask(before)

    @property
    def port(self) -> int:
        """The TCP port that the server listens at."""
        assert self._listening is not None  # noqa: S101 - after `listen`
        number: int = self._listening.sockets[0].getsockname()[1]
        return number

    @property
    def connections(self) -> int:
        """How many connections are open."""
        return len(self._open)

    async def close(self, grace: float) -> None:
        """Stop listening. Requests in flight are answered within `grace` seconds, or their connections are cut."""
        self._is_closing = True
        if self._listening is not None:
            self._listening.close()
        for connection in tuple(self._open):
            if not connection.is_serving:
                connection.end()
        if self._open:
            self._none_open.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._none_open.wait(), grace)
        for connection in tuple(self._open):
            connection.cut()
        await self._aiohttp.shutdown(_UNWIND)

    # ── Requests ────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        connection = cast(_Connection, request.protocol)
        connection.is_serving = True
        try:
            answer = await self._answer(request)
        finally:
            connection.is_serving = False
            connection.last_used = asyncio.get_running_loop().time()
        answer.headers["server"] = SERVER
        if self._is_closing or self.connections * 2 > self._limits.connections:
            answer.force_close()
        return answer

    async def _answer(self, request: web.BaseRequest) -> web.Response:
        conflict = headers.conflicts(
            request.headers, http_1_1=request.version >= HttpVersion11, target=request.raw_path
        )
        if conflict is not None:
            text = f"the request's head is ambiguous: {conflict}"
            return response(own_answers.error(own_errors.BAD_REQUEST, text), closes=True)
        try:
            return await self._handle(request)
        except (web.RequestPayloadError, ConnectionError):  # where the client has left, nobody reads the answer
            return refusal(early_refusal.MALFORMED)
        except Exception as error:  # noqa: BLE001 - whatever it is, it ends this request alone
            log_fault(error)
            return response(own_answers.error(own_errors.INTERNAL_ERROR, "the gateway failed; its log says where"))

    # ── Connections ─────────────────────────────────────────────────────────────────────────────────────────────────

    def _connect(self) -> "_Connection":
        return _Connection(self, self._aiohttp, self._limits)

    def admit(self, connection: "_Connection") -> bool:
        """Count a connection, in the place of an idle one where the server is full; False if all are in use."""
        if self.connections >= self._limits.connections:
            idle = [other for other in self._open if not other.is_serving or other.writing_paused]
            if not idle:
                return False
            longest = min(idle, key=lambda other: other.last_used)
            self._open.remove(longest)
            longest.cut()
        self._open.add(connection)
        return True

    def forget(self, connection: "_Connection") -> None:
        """Count a connection no longer."""
        self._open.discard(connection)
        if not self._open:
            self._none_open.set()


class _Connection(web.RequestHandler):
    """One connection; what its client sends stands in no answer and in no log line."""

    __slots__ = ("_is_turned_away", "_send_timeout", "_send_timer", "_server", "_wire", "is_serving", "last_used")

    def __init__(self, server: HttpServer, manager: web.Server, limits: Limits) -> None:
        loop = asyncio.get_running_loop()
        super().__init__(
            manager,
            loop=loop,
            keepalive_timeout=limits.keep_alive,
            access_log=None,  # type: ignore[arg-type]  # none, as aiohttp documents
            max_line_size=early_refusal.REQUEST_LINE_LIMIT,
            max_field_size=early_refusal.FIELD_LIMIT,
            max_headers=early_refusal.HEADER_COUNT_LIMIT,
            lingering_time=_LINGER,
            auto_decompress=False,
        )
        self._server = server
        self._wire: asyncio.Transport | None = None
        self._is_turned_away = False
        self._send_timeout = limits.send_timeout
        self._send_timer: asyncio.TimerHandle | None = None
        self.is_serving = False
        self.last_used = loop.time()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection, or turn it away where there are too many."""
        self._wire = wire = cast(asyncio.Transport, transport)  # uvloop's do not inherit from it
        # An answer has ended when the system has taken all of it, so that no closed connection waits for its client.
        wire.set_write_buffer_limits(0)
        if self._server.admit(self):
            super().connection_made(transport)
        else:
            self._turn_away(early_refusal.TOO_MANY_CONNECTIONS)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Forget the connection."""
        self._stop_timer()
        self._wire = None
        self._server.forget(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on, unless the client was turned away."""
        if not self._is_turned_away:
            super().data_received(data)

    def pause_writing(self) -> None:
        """Give the client its time to take the answer."""
        super().pause_writing()
        self._send_timer = asyncio.get_running_loop().call_later(self._send_timeout, self.cut)

    def resume_writing(self) -> None:
        """The client has taken it."""
        self._stop_timer()
        super().resume_writing()

    def _stop_timer(self) -> None:
        if self._send_timer is not None:
            self._send_timer.cancel()
            self._send_timer = None

    def end(self) -> None:
        """Close the connection; nothing is served on it."""
        self.force_close()
        if self._wire is not None:
            self._wire.close()

    def cut(self) -> None:
        """End the connection at once."""
        if self._wire is not None:
            self._wire.abort()

    def handle_error(
        self,
        request: web.BaseRequest,  # noqa: ARG002 - aiohttp's signature
        status: int = 500,  # noqa: ARG002
        exc: BaseException | None = None,  # noqa: ARG002
        message: str | None = None,  # noqa: ARG002
    ) -> web.StreamResponse:
        """Refuse bytes that are no request; a fault of the handler does not come this far."""
        self._turn_away(early_refusal.MALFORMED)
        return refusal(early_refusal.MALFORMED)

    def _turn_away(self, why: early_refusal.Refusal) -> None:
        """Answer and close; what still comes is read for a moment, as unread bytes would reset the answer."""
        self._is_turned_away = True
        self.transport = None  # aiohttp has nothing to send any more
        wire = self._wire
        if wire is None:
            return
        wire.write(why.wire(request_ids.new_id()))
        if wire.can_write_eof():
            wire.write_eof()
        asyncio.get_running_loop().call_later(_LINGER, wire.close)

    def log_exception(self, *_args: Any, exc_info: BaseException | None = None, **_more: Any) -> None:
        """Log a fault of the server without the text of the exception."""
        log_fault(exc_info or RuntimeError())


def response(answer: OwnAnswer, *, closes: bool = False) -> web.Response:
    """Make aiohttp's response of an answer; with `closes` the connection ends with it."""
    made = web.Response(status=answer.status, headers=answer.headers, body=answer.body)
    if closes or answer.closes:
        made.force_close()
    return made


def refusal(why: early_refusal.Refusal) -> web.Response:
    """Make the response that refuses a request and closes its connection."""
    return response(own_answers.error(why.error, why.message), closes=True)


def log_fault(error: BaseException) -> None:
    """Log a fault by its type and place: an exception's text may hold what a client sent."""
    fields = {"where": "".join(traceback.format_tb(error.__traceback__))}
    log.error("a request of the control plane failed: %s", type(error).__name__, extra={"fields": fields})
