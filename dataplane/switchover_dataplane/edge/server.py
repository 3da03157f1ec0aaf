"""The server of one port: what is ambiguous is refused before the handler sees it, and the port can be drained.

How a single connection is held to its limits is `client_connection`'s concern; here is what a request's head must be,
and when a port has nothing left to do.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Set
from typing import Final, cast

from switchover_dataplane.edge import browsers
from switchover_dataplane.edge.client_connection import ClientConnection
from switchover_dataplane.edge.clients import Clients, Connections, Limits, Tell
from switchover_dataplane.edge.heads import Heads
from switchover_dataplane.edge.request import Head, Request
from switchover_dataplane.formats import own_answers, own_errors
from switchover_dataplane.formats.own_answers import OwnAnswer

__all__ = ["Connections", "Edge", "Handle", "Limits", "Tell"]

log = logging.getLogger("switchover.edge")

_UNWIND: Final = 1.0

_NOTICE: Final = 0.25
"""Seconds for which idle connections stay open when a port ends: a client in the middle of using one hears of the end
from an answer, instead of losing the request that it sends as we close."""

_FIRST_REQUEST: Final = 1.0
"""Seconds for which a connection without any request so far stays open when a port ends: its client has just connected,
and its first request is on the way."""

_NEVER_SERVED: Final = ("TRACE", "CONNECT")
"""A TRACE would show a provider's key to whoever asks (RFC 9110, section 9.3.8), and a gateway is no tunnel (9.3.6)."""

_SERVED: Final = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"

Handle = Callable[[Request, int], Awaitable[OwnAnswer | None]]
"""Serves one request that came in at a port: returns its answer, or None where it has sent one by its connection."""


class Edge:
    """The server of one port: makes the protocol of each new connection. The handler gets `port` with each request."""

    def __init__(self, handle: Handle, tell: Tell, port: int, limits: Limits, connections: Connections) -> None:
        self.port = port
        self._hostnames: Set[str] | None = None
        self._clients = Clients(limits, connections, tell)
        self._heads = Heads()
        self._handle = handle

    def __call__(self) -> asyncio.Protocol:
        """Make the protocol of a new connection."""
        made = ClientConnection(self._clients, self._heads, self._check, self._serve)
        return cast(asyncio.Protocol, made)  # what the event loop calls is there; see Sending

    @property
    def connections(self) -> Collection[ClientConnection]:
        """The connections that are open."""
        return tuple(self._clients.open)

    @property
    def hostnames(self) -> Set[str] | None:
        """The hostnames of listeners and routes where the port is on loopback: browsers are looked at there."""
        return self._hostnames

    @hostnames.setter
    def hostnames(self, hostnames: Set[str]) -> None:
        if hostnames != self._hostnames:
            self._hostnames = hostnames
            self._heads.clear()

    def forget_heads(self) -> None:
        """Forget the heads that are known, and with them what the table before decided about them."""
        self._heads.clear()

    def wind_down(self) -> None:
        """Serve on, but tell clients with every answer that its connection ends with it."""
        self._clients.leaving = True

    async def drain(self, grace: float) -> None:
        """Let requests in flight end within `grace` seconds and close connections that are idle; then cut what is left.

        A request that comes meanwhile on an idle connection is answered, as its last. The caller has stopped accepting.
        """
        self.wind_down()
        loop = asyncio.get_running_loop()
        end, first_requests_end = loop.time() + grace, loop.time() + _FIRST_REQUEST
        await self._emptied(min(grace, _NOTICE))
        while self._clients.open and loop.time() < end:
            for client in tuple(self._clients.open):
                if client.has_served or loop.time() >= first_requests_end:
                    client.close_if_idle()
            await self._emptied(min(_NOTICE, end - loop.time()))
        if self._clients.open:
            log.warning("port %d: %d connections are cut: their grace time is over", self.port, len(self._clients.open))
        for client in tuple(self._clients.open):
            client.cut()
        if self._clients.tasks:
            await asyncio.wait(self._clients.tasks, timeout=_UNWIND)

    async def _emptied(self, seconds: float) -> None:
        if not self._clients.open:
            return
        self._clients.none.clear()
        try:
            await asyncio.wait_for(self._clients.none.wait(), seconds)
        except TimeoutError:
            return

    def _serve(self, request: Request) -> Awaitable[OwnAnswer | None]:
        return self._handle(request, self.port)

    def _check(self, head: Head) -> OwnAnswer | None:
        """Return the answer to a request that must not reach the handler; None for any other."""
        if head.method in _NEVER_SERVED:
            answer = own_answers.error(own_errors.METHOD_NOT_ALLOWED, f"{head.method} is not served here")
            answer.headers["allow"] = _SERVED
        elif self._hostnames is not None and (why := browsers.refusal(head.headers, self._hostnames)):
            answer = browsers.forbidden(why)
        else:
            return None
        answer.closes = True
        return answer
