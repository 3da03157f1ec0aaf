"""A client's connection: what aiohttp's server lets through is hardened here before the handler sees it.

Ambiguous or oversized heads, heads that never end and connections beyond the limit get a clear answer in OpenAI's
error shape and the connection is closed. Nothing of what was sent is repeated in an answer or a log: it may hold keys.
"""

import asyncio
import logging
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from aiohttp import web
from aiohttp.http_exceptions import LineTooLong

from switchover_dataplane import answers, headers

log = logging.getLogger("switchover.edge")

HEAD_LIMIT: Final = 64 * 1024
LINE_LIMIT: Final = 16 * 1024
HEADER_COUNT_LIMIT: Final = 128

_END: Final = b"\r\n\r\n"
_LINGER: Final = 2.0
_REASONS: Final = {408: b"Request Timeout", 431: b"Request Header Fields Too Large", 503: b"Service Unavailable"}

Handle = Callable[[web.BaseRequest, int], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Limits:
    """What a client may take, in seconds and connections.

    `head_timeout` runs from a connection's start, and from the first byte of a later head, to the end of the head.
    """

    head_timeout: float = 10.0
    keep_alive: float = 75.0
    connections: int = 10_000


class Connections:
    """How many client connections are open, over all ports of the process."""

    __slots__ = ("limit", "open")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.open = 0


class Edge(web.Server):
    """The server of one port."""

    def __init__(self, handle: Handle, port: int, limits: Limits, connections: Connections) -> None:
        self.port = port
        self.limits = limits
        self.open_connections = connections
        self._handle = handle
        super().__init__(self._checked, access_log=None, handler_cancellation=True)

    def __call__(self) -> web.RequestHandler:
        """Make the protocol of a new connection."""
        return ClientConnection(self)

    async def _checked(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.version not in ((1, 0), (1, 1)):
            return _closing(answers.error(400, "bad_request", "the request is not HTTP/1.1"))
        wrong = headers.conflicts(request.headers, http_1_1=request.version >= (1, 1), target=request.raw_path)
        if wrong is not None:
            return _closing(answers.error(400, "bad_request", f"the request's head is ambiguous: {wrong}"))
        return await self._handle(request, self.port)


class ClientConnection(web.RequestHandler):
    """aiohttp's connection with limits on how long and how large a head may be."""

    __slots__ = ("_counted", "_edge", "_head_bytes", "_head_timer", "_turned_away")

    def __init__(self, edge: Edge) -> None:
        self._edge = edge
        self._head_timer: asyncio.TimerHandle | None = None
        self._head_bytes = 0
        self._counted = False
        self._turned_away = False
        super().__init__(
            edge,
            loop=asyncio.get_running_loop(),
            keepalive_timeout=edge.limits.keep_alive,
            access_log=None,  # type: ignore[arg-type]  # None switches it off, as web.AppRunner does it
            max_line_size=LINE_LIMIT,
            max_field_size=LINE_LIMIT,
            max_headers=HEADER_COUNT_LIMIT,
            auto_decompress=False,
            lingering_time=2.0,
        )

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection, or turn it away when there are too many."""
        super().connection_made(transport)
        connections = self._edge.open_connections
        if connections.open >= connections.limit:
            self._turn_away(503, "too_many_connections", "the gateway has as many connections as it may")
            return
        connections.open += 1
        self._counted = True
        self._expect_head()

    def connection_lost(self, exc: BaseException | None) -> None:
        """Forget the connection."""
        if self._counted:
            self._counted = False
            self._edge.open_connections.open -= 1
        self._head_came()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse; count what belongs to a head that has not ended."""
        if self._turned_away:
            return
        if self._in_head and self._head_bytes + len(data) > HEAD_LIMIT and _END not in data[:HEAD_LIMIT]:
            self._turn_away(431, "head_too_large", f"the request's head is larger than {HEAD_LIMIT} bytes")
            return
        before = self._request_count
        super().data_received(data)
        if self._request_count != before:
            self._head_came()
        elif self._in_head:
            self._head_bytes += len(data)
            if self._head_timer is None:
                self._expect_head()

    @property
    def _in_head(self) -> bool:
        # aiohttp's waiter is done as soon as a head was parsed, though it stays until the handler runs: what comes in
        # between is body.
        return self._waiter is not None and not self._waiter.done()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002 - aiohttp's text repeats the offending bytes
    ) -> web.StreamResponse:
        """Answer what aiohttp could not parse, or a fault of ours, and close the connection."""
        if request.writer.output_size > 0:
            raise ConnectionResetError("an answer has begun")
        return _closing(_fault(exc) if status >= 500 else _malformed(exc))

    def _expect_head(self) -> None:
        self._head_timer = asyncio.get_running_loop().call_later(self._edge.limits.head_timeout, self._too_slow)

    def _head_came(self) -> None:
        self._head_bytes = 0
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _too_slow(self) -> None:
        self._head_timer = None
        seconds = self._edge.limits.head_timeout
        self._turn_away(408, "head_timeout", f"the request's head did not come within {seconds:g} seconds")

    def _turn_away(self, status: int, code: str, message: str) -> None:
        """Answer without a request and close; what still comes is read, as unread bytes would reset the answer."""
        self._turned_away = True
        self._head_came()
        transport = self.transport
        if transport is None:
            return
        body = answers.body(message, "invalid_request_error" if status < 500 else "server_error", code)
        transport.write(
            b"HTTP/1.1 %d %b\r\ncontent-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%b"
            % (status, _REASONS[status], len(body), body)
        )
        if transport.can_write_eof():
            transport.write_eof()
        asyncio.get_running_loop().call_later(_LINGER, transport.close)


def _closing(response: web.Response) -> web.Response:
    response.force_close()
    return response


def _malformed(exc: BaseException | None) -> web.Response:
    if isinstance(exc, LineTooLong):
        return answers.error(431, "head_too_large", f"a line of the request's head is larger than {LINE_LIMIT} bytes")
    return answers.error(400, "bad_request", "the request is not well-formed HTTP/1.1")


def _fault(exc: BaseException | None) -> web.Response:
    if exc is not None:
        where = "".join(traceback.format_tb(exc.__traceback__))
        log.error("a request failed inside the gateway: %s", type(exc).__name__, extra={"fields": {"where": where}})
    return answers.error(500, "internal_error", "the gateway failed to serve the request; its log says where")
