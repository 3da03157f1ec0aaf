"""A table's ports → open sockets: what is new is opened before the table is served, what is gone ends gracefully."""

import asyncio
import socket
import ssl
from dataclasses import dataclass, field

from switchover_dataplane.edge import Connections, Edge, Handle, Limits
from switchover_dataplane.match import hostname
from switchover_dataplane.table import InvalidTable, Port, Table
from switchover_dataplane.tls import BadKeyPair, server_context


class Certificates:
    """The certificates of one port, chosen by the name that the client asks for; replaced without closing the port."""

    def __init__(self) -> None:
        self._by_name: dict[str, ssl.SSLContext] = {}
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_2
        self.context.set_alpn_protocols(["http/1.1"])
        self.context.sni_callback = self._choose

    def replace(self, by_name: dict[str, ssl.SSLContext]) -> None:
        """Serve these from the next handshake on."""
        self._by_name = by_name

    def _choose(self, connection: ssl.SSLObject, asked: str | None, _context: ssl.SSLContext) -> int | None:
        name = hostname(asked or "")
        suffix = name
        chosen = self._by_name.get(name)
        while chosen is None and "." in suffix:
            suffix = suffix.partition(".")[2]
            chosen = self._by_name.get(f"*.{suffix}")
        chosen = chosen or self._by_name.get("")
        if chosen is None:
            return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
        connection.context = chosen
        return None


@dataclass(slots=True)
class _Open:
    """One open port."""

    socket: socket.socket
    edge: Edge
    protocol: str
    server: asyncio.Server | None = None
    certificates: Certificates = field(default_factory=Certificates)


class Listeners:
    """All open ports of the process. `share_ports` lets other processes serve them, too (SO_REUSEPORT)."""

    def __init__(self, handle: Handle, bind: str, limits: Limits, *, share_ports: bool) -> None:
        self._handle = handle
        self._bind = bind
        self._share_ports = share_ports
        self._limits = limits
        self._connections = Connections(limits.connections)
        self._open: dict[int, _Open] = {}
        self._closing: set[asyncio.Task[None]] = set()

    def prepare(self, table: Table) -> "Prepared":
        """Bind what is new and load all certificates, without serving any of it yet.

        Raises:
            InvalidTable: a port cannot be bound or a certificate not be used; nothing has changed then.
        """
        wrong: list[str] = []
        certificates: dict[int, dict[str, ssl.SSLContext]] = {}
        bound: dict[int, socket.socket] = {}
        for port in table.ports:
            try:
                certificates[port.number] = _contexts(port, table)
                known = self._open.get(port.number)
                if known is None:
                    bound[port.number] = self._listen_on(port)
            except (BadKeyPair, InvalidTable) as error:
                wrong.append(str(error))
        if wrong:
            for listening in bound.values():
                listening.close()
            raise InvalidTable(*wrong)
        return Prepared(table.ports, bound, certificates)

    async def serve(self, prepared: "Prepared") -> None:
        """Serve exactly the prepared ports; ports that are gone finish what they have in flight."""
        wanted = {port.number: port for port in prepared.ports}
        for number in [n for n, o in self._open.items() if n not in wanted or wanted[n].protocol != o.protocol]:
            self._retire(self._open.pop(number), grace=30.0)
        for number, port in wanted.items():
            opened = self._open.get(number)
            if opened is None:
                listening = prepared.sockets.get(number) or self._listen_on(port)
                opened = await self._start(port, listening)
            opened.certificates.replace(prepared.certificates[number])

    async def drain(self, grace: float) -> None:
        """Stop accepting; requests in flight may finish within `grace` seconds, then they are cut."""
        for number in list(self._open):
            self._retire(self._open.pop(number), grace)
        if self._closing:
            await asyncio.wait(self._closing)

    def _listen_on(self, port: Port) -> socket.socket:
        family = socket.AF_INET6 if ":" in self._bind else socket.AF_INET
        listening = socket.socket(family, socket.SOCK_STREAM)
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if self._share_ports:
                listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            listening.bind((self._bind, port.number))
            listening.listen(1024)
        except OSError as error:
            listening.close()
            names = ", ".join(listener.name for listener in port.listeners) or "no listener"
            raise InvalidTable(
                f"port {port.number} ({names}) cannot be opened at {self._bind}: {error.strerror}; "
                "stop what uses it or give the listener another port"
            ) from None
        listening.setblocking(False)
        return listening

    async def _start(self, port: Port, listening: socket.socket) -> _Open:
        edge = Edge(self._handle, port.number, self._limits, self._connections)
        opened = _Open(listening, edge, port.protocol)
        context = opened.certificates.context if port.protocol == "HTTPS" else None
        opened.server = await asyncio.get_running_loop().create_server(edge, sock=listening, ssl=context, backlog=1024)
        self._open[port.number] = opened
        return opened

    def _retire(self, opened: _Open, grace: float) -> None:
        if opened.server is not None:
            opened.server.close()
        opened.edge.pre_shutdown()
        task = asyncio.get_running_loop().create_task(opened.edge.shutdown(grace))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)


@dataclass(frozen=True, slots=True)
class Prepared:
    """Ports that can be served: sockets for the new ones, certificates by hostname for each."""

    ports: tuple[Port, ...]
    sockets: dict[int, socket.socket]
    certificates: dict[int, dict[str, ssl.SSLContext]]


def _contexts(port: Port, table: Table) -> dict[str, ssl.SSLContext]:
    """Load the certificates of an HTTPS port, by the hostname of their listener."""
    contexts: dict[str, ssl.SSLContext] = {}
    if port.protocol != "HTTPS":
        return contexts
    for listener in port.listeners:
        for certificate in listener.certificates[:1]:
            try:
                context = server_context(table.secrets[certificate.chain], table.secrets[certificate.key])
            except BadKeyPair as error:
                raise BadKeyPair(f"listener {listener.name}: {error}") from None
            contexts.setdefault(listener.hostname, context)
    return contexts
