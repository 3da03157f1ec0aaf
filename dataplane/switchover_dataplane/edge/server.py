"""The server of one port: what is ambiguous is refused before the handler sees it, and the port can be drained.

How a single connection is held to its limits is `client_connection`'s concern; here is what a request's head must be,
and when a port has nothing left to do.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Set
from typing import Final

from aiohttp import HttpVersion10, HttpVersion11, StreamReader, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http_parser import RawRequestMessage

from switchover_dataplane.edge import browsers
from switchover_dataplane.edge.client_connection import ClientConnection
from switchover_dataplane.edge.clients import Clients, Connections, Limits
from switchover_dataplane.formats import own_answers
from switchover_dataplane.routing import headers

__all__ = ["Connections", "Edge", "Handle", "Limits"]

log = logging.getLogger("switchover.edge")

_UNWIND: Final = 1.0

_NOTICE: Final = 0.25
"""Seconds for which idle connections stay open when a port ends: a client in the middle of using one hears of the end
from an answer, instead of losing the request that it sends as we close."""

_NEVER_SERVED: Final = ("TRACE", "CONNECT")
"""A TRACE would show a provider's key to whoever asks (RFC 9110, section 9.3.8), and a gateway is no tunnel (9.3.6)."""

_SERVED: Final = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"

Handle = Callable[[web.BaseRequest, int], Awaitable[web.StreamResponse]]
"""Serves one request that came in at a port."""


class _Request(web.BaseRequest):
    """A request whose answer says so if it is the last one on its connection.

    A request with a Transfer-Encoding always is: aiohttp's parser (3.14.5) keeps the last trailer field and puts it in
    front of the next request's header fields, so no other request may follow on the connection. Trailer fields are kept
    apart from header fields (RFC 9110, section 6.5). So is a request with an Upgrade, which is never taken here: the
    parser loses what follows it in the same segment, and a client sends that again (RFC 9110, section 7.8).
    """

    @property
    def keep_alive(self) -> bool:
        if "transfer-encoding" in self.headers or "upgrade" in self.headers or not super().keep_alive:
            return False
        return not (isinstance(self.protocol, ClientConnection) and self.protocol.leaving)


class Edge(web.Server):
    """The server of one port; `port` is what the handler is told.

    `hostnames` of listeners and routes are set where the port is on loopback: browsers are looked at there.
    """

    def __init__(self, handle: Handle, port: int, limits: Limits, connections: Connections) -> None:
        self.port = port
        self.hostnames: Set[str] | None = None
        self._clients = Clients(limits, connections)
        self._handle = handle
        super().__init__(self._checked, request_factory=_request, access_log=None, handler_cancellation=True)

    def __call__(self) -> web.RequestHandler:
        """Make the protocol of a new connection."""
        return ClientConnection(self, self._clients)

    def wind_down(self) -> None:
        """Serve on, but tell clients with every answer that its connection ends with it."""
        self._clients.leaving = True

    async def drain(self, grace: float) -> None:
        """Let requests in flight end within `grace` seconds and close connections that are idle; then cut what is left.

        A request that comes meanwhile on an idle connection is answered, as its last. The caller has stopped accepting.
        """
        self.wind_down()
        loop = asyncio.get_running_loop()
        end = loop.time() + grace
        await self._emptied(min(grace, _NOTICE))
        while self._clients.open and loop.time() < end:
            for client in tuple(self._clients.open):
                client.close_if_idle()
            await self._emptied(min(_NOTICE, end - loop.time()))
        if self._clients.open:
            log.warning("port %d: %d connections are cut: their grace time is over", self.port, len(self._clients.open))
        for client in tuple(self._clients.open):
            client.cut()
        await self.shutdown(_UNWIND)

    async def _emptied(self, seconds: float) -> None:
        if not self._clients.open:
            return
        self._clients.none.clear()
        try:
            await asyncio.wait_for(self._clients.none.wait(), seconds)
        except TimeoutError:
            return

    async def _checked(self, request: web.BaseRequest) -> web.StreamResponse:
        refused = self._refused(request)
        if refused is None:
            response = await self._handle(request, self.port)
        else:
            response = refused
            response.force_close()
        if not response.prepared:
            response.headers.setdefault("server", "switchover")
        return response

    def _refused(self, request: web.BaseRequest) -> web.Response | None:
        """Return the answer to a request that must not reach the handler; None for any other."""
        version = request.version
        if version not in (HttpVersion11, HttpVersion10):
            return own_answers.error(400, "bad_request", "the request is not HTTP/1.1")
        conflict = headers.conflicts(request.headers, http_1_1=version == HttpVersion11, target=request.raw_path)
        if conflict:
            return own_answers.error(400, "bad_request", f"the request's head is ambiguous: {conflict}")
        if request.method in _NEVER_SERVED:
            answer = own_answers.error(405, "method_not_allowed", f"{request.method} is not served here")
            answer.headers["allow"] = _SERVED
            return answer
        if self.hostnames is not None and (why := browsers.refusal(request.headers, self.hostnames)):
            return own_answers.error(403, "foreign_page", f"the request is refused on loopback: {why}")
        return None


def _request(
    message: RawRequestMessage,
    payload: StreamReader,
    protocol: web.RequestHandler,
    writer: AbstractStreamWriter,
    task: "asyncio.Task[None]",
) -> web.BaseRequest:
    return _Request(message, payload, protocol, writer, task, asyncio.get_running_loop())
