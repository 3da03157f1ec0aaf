"""A table's ports → open sockets: what is new is opened before the table is served, what is gone ends gracefully."""

import asyncio
import contextlib
import errno
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from switchover_dataplane.edge import certificates
from switchover_dataplane.edge.certificates import Certificates, Contexts
from switchover_dataplane.edge.server import Connections, Edge, Handle, Limits, Tell
from switchover_dataplane.process import address
from switchover_dataplane.table.ports import Port
from switchover_dataplane.table.table import Table
from switchover_dataplane.table.wire import InvalidTable

_BACKLOG: Final = 1024
_TLS_CLOSE: Final = 2.0

_REMEDIES: Final = {
    errno.EADDRINUSE: "stop what uses it or give the listener another port",
    errno.EACCES: "a port below 1024 may need privileges; give the listener another port",
    errno.EADDRNOTAVAIL: "this machine does not have that address; --bind says which to serve at",
    errno.EMFILE: "the process has as many files open as it may; raise its limit (RLIMIT_NOFILE)",
}


@dataclass(slots=True)
class _Open:
    """One open port. `socket` listens for as long as the port is open; `server` accepts on a duplicate of it."""

    socket: socket.socket
    edge: Edge
    protocol: str
    server: asyncio.Server
    certificates: Certificates


@dataclass(frozen=True, slots=True)
class Prepared:
    """Ports that can be served: sockets for the new ones, certificates by hostname for each."""

    ports: tuple[Port, ...]
    sockets: dict[int, socket.socket] = field(default_factory=dict)
    contexts: dict[int, Contexts] = field(default_factory=dict)


class Listeners:
    """All open ports of the process, at the address `bind`. `tell` gets what is answered before it comes to `handle`.

    `share_ports` lets other processes serve them, too (SO_REUSEPORT); `grace` is how many seconds requests in flight
    have to end when their port leaves the table.
    """

    def __init__(
        self, handle: Handle, tell: Tell, bind: str, limits: Limits, *, share_ports: bool, grace: float = 30.0
    ) -> None:
        self._handle = handle
        self._tell = tell
        self._bind = bind.strip("[]")
        self._is_on_loopback = address.is_loopback(self._bind)
        self._share_ports = share_ports
        self._limits = limits
        self._grace = grace
        self._connections = Connections(limits.connections)
        self._open: dict[int, _Open] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self._winding_down = False

    def prepare(self, table: Table) -> Prepared:
        """Bind what is new and load all certificates, without serving any of it yet.

        Raises:
            InvalidTable: ports that cannot be bound or certificates that cannot be used; nothing has changed then.
        """
        wrong: list[str] = []
        prepared = Prepared(table.ports)
        for port in table.ports:
            prepared.contexts[port.number], unusable = certificates.load(port, table.secrets)
            wrong += unusable
            if port.number in prepared.sockets:
                wrong.append(f"port {port.number} stands in the table twice; its listeners belong together")
                continue
            if port.number in self._open:
                continue
            try:
                prepared.sockets[port.number] = self._listen_on(port)
            except OSError as error:
                wrong.append(self._why_closed(port, error))
        if wrong:
            for listening in prepared.sockets.values():
                listening.close()
            raise InvalidTable(*wrong)
        return prepared

    async def serve(self, prepared: Prepared) -> None:
        """Serve exactly the prepared ports; ports that are gone finish what they have in flight."""
        wanted = {port.number for port in prepared.ports}
        for number in self._open.keys() - wanted:
            self._close(self._open.pop(number), self._grace)
        for port in prepared.ports:
            opened = self._open.get(port.number)
            if opened is None:
                await self._start(port, prepared.sockets[port.number])
            elif opened.protocol != port.protocol:
                self._retire(opened, self._grace)
                await self._start(port, opened.socket)
            self._open[port.number].edge.forget_heads()
            self._open[port.number].certificates.replace(prepared.contexts[port.number])
            if self._is_on_loopback:
                self._open[port.number].edge.hostnames = _hostnames(port)

    def wind_down(self) -> None:
        """Serve on at every port, but tell clients with every answer that its connection ends with it."""
        self._winding_down = True
        for opened in self._open.values():
            opened.edge.wind_down()

    async def drain(self, grace: float) -> None:
        """Stop accepting; requests in flight may finish within `grace` seconds, then they are cut."""
        for number in list(self._open):
            self._close(self._open.pop(number), grace)
        if self._closing:
            await asyncio.wait(self._closing)

    def _listen_on(self, port: Port) -> socket.socket:
        family = socket.AF_INET6 if ":" in self._bind else socket.AF_INET
        listening = socket.socket(family, socket.SOCK_STREAM)
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if self._share_ports:
                listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            if family == socket.AF_INET6:
                listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            listening.bind((self._bind, port.number))
            listening.listen(_BACKLOG)
        except OSError:
            listening.close()
            raise
        listening.setblocking(False)
        return listening

    def _why_closed(self, port: Port, error: OSError) -> str:
        names = ", ".join(listener.name for listener in port.listeners) or "no listener"
        remedy = _REMEDIES.get(error.errno or 0, "give the listener another port")
        if isinstance(error, socket.gaierror):
            remedy = "--bind takes an address of this machine, such as 127.0.0.1 or 0.0.0.0, without a port"
        return f"port {port.number} ({names}) cannot be opened at {self._bind}: {error.strerror or error}; {remedy}"

    async def _start(self, port: Port, listening: socket.socket) -> None:
        """Accept connections at a socket that stays ours, so that another server can take it over."""
        edge = Edge(self._handle, self._tell, port.number, self._limits, self._connections)
        if self._winding_down:
            edge.wind_down()
        shown = Certificates()
        tls = self._tls(shown) if port.protocol == "HTTPS" else {}
        loop = asyncio.get_running_loop()
        server = await loop.create_server(edge, sock=listening.dup(), backlog=_BACKLOG, **tls)
        self._open[port.number] = _Open(listening, edge, port.protocol, server, shown)

    def _tls(self, shown: Certificates) -> dict[str, Any]:
        return {
            "ssl": shown.context,
            "ssl_handshake_timeout": self._limits.head_timeout,
            "ssl_shutdown_timeout": _TLS_CLOSE,
        }

    def _close(self, opened: _Open, grace: float) -> None:
        """Close the port; clients that are connected already and were not accepted yet are still served."""
        opened.server.close()
        waiting = _accept_all(opened.socket)
        opened.socket.close()
        self._retire(opened, grace, waiting)

    def _retire(self, opened: _Open, grace: float, waiting: Sequence[socket.socket] = ()) -> None:
        """Stop accepting and let what is in flight end; `drain` waits for it."""
        opened.server.close()
        opened.edge.wind_down()
        task = asyncio.get_running_loop().create_task(
            self._end(opened, grace, waiting), name=f"drain port {opened.edge.port}"
        )
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def _end(self, opened: _Open, grace: float, waiting: Sequence[socket.socket]) -> None:
        loop = asyncio.get_running_loop()
        tls = self._tls(opened.certificates) if opened.protocol == "HTTPS" else {}
        taking = [loop.connect_accepted_socket(opened.edge, client, **tls) for client in waiting]
        await asyncio.gather(*taking, return_exceptions=True)
        await opened.edge.drain(grace)


def _hostnames(port: Port) -> frozenset[str]:
    """Name the hosts that a port is for; requests for any host are for none in particular."""
    routes = {host.hostname for listener in port.listeners for host in listener.hosts}
    return frozenset((routes | {listener.hostname for listener in port.listeners}) - {""})


def _accept_all(listening: socket.socket) -> list[socket.socket]:
    """Accept who waits to be accepted: closing the socket would reset them, and what they have sent already."""
    accepted: list[socket.socket] = []
    with contextlib.suppress(OSError):
        while True:
            accepted.append(listening.accept()[0])
    return accepted
