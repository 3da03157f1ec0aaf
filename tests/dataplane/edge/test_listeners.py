"""Ports that follow the table: what is opened, what is shown to TLS clients, and how a port ends."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID
from multidict import CIMultiDict

from certificates import Authority
from serving import free_port
from switchover_dataplane.edge.listeners import Listeners
from switchover_dataplane.edge.request import Request
from switchover_dataplane.edge.server import Limits
from switchover_dataplane.formats.own_answers import OwnAnswer
from switchover_dataplane.table.ports import Certificate, Listener, Port
from switchover_dataplane.table.table import Table
from switchover_dataplane.table.wire import InvalidTable, sealed
from switchover_dataplane.telemetry.refusals import Refusals

pytestmark = pytest.mark.asyncio(loop_factories=["asyncio", "uvloop"])

AUTHORITY = Authority()
GET = b"GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n"


class Handler:
    """Answers with what it was sent; /wait waits until told, /stream sends an event before and one after that."""

    def __init__(self) -> None:
        self.go_on = asyncio.Event()
        self.entered = asyncio.Event()
        self.left = asyncio.Event()

    async def handle(self, request: Request, port: int) -> OwnAnswer | None:
        try:
            return await self._answer(request, port)
        except asyncio.CancelledError:
            self.left.set()
            raise

    async def _answer(self, request: Request, port: int) -> OwnAnswer | None:
        self.entered.set()
        if request.path == "/stream":
            request.connection.begin(200, CIMultiDict())
            await request.connection.write(b"before")
            await self.go_on.wait()
            request.connection.end(b"after")
            return None
        if request.path == "/wait":
            await self.go_on.wait()
        size = 0
        while piece := await request.take():
            size += len(piece)
        return OwnAnswer(200, body=f"{port} {size}".encode())


@asynccontextmanager
async def listening(handler: Handler, *ports: Port, secrets: dict[str, str] | None = None) -> AsyncIterator[Listeners]:
    listeners = Listeners(handler.handle, Refusals().tell, "127.0.0.1", Limits(), share_ports=False, grace=20)
    await listeners.serve(listeners.prepare(served(*ports, secrets=secrets)))
    try:
        yield listeners
    finally:
        await listeners.drain(0)


def served(*ports: Port, secrets: dict[str, str] | None = None) -> Table:
    return sealed(ports, {}, {}, {}, secrets or {})


def secure(number: int, by_hostname: dict[str, tuple[str, str]]) -> tuple[Port, dict[str, str]]:
    """An HTTPS port with a listener for each hostname; its secrets."""
    secrets: dict[str, str] = {}
    listeners = []
    for hostname, (chain, key) in by_hostname.items():
        name = hostname or "every"
        secrets |= {f"{name}/crt": chain, f"{name}/key": key}
        listeners.append(Listener(name, hostname, (Certificate(f"{name}/crt", f"{name}/key"),)))
    return Port(number, "HTTPS", tuple(listeners)), secrets


async def shown(port: int, name: str) -> str:
    """The common name of the certificate that a client gets who asks for `name`; "" if it is turned away."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname=name)
    except (ssl.SSLError, ConnectionResetError):
        return ""
    certificate = x509.load_der_x509_certificate(writer.get_extra_info("ssl_object").getpeercert(binary_form=True))
    writer.close()
    return str(certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)


async def opened(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except ConnectionRefusedError:
        return False
    writer.close()
    return True


async def idle_client(port: Port) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect, and have one request answered."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port.number)
    writer.write(GET)
    await reader.readuntil(b"0")
    return reader, writer


async def test_a_client_is_shown_the_most_specific_certificate_for_the_name_it_asks_for() -> None:
    a, any_, any_b = hostnames = ("a.example.com", "*.example.com", "*.b.example.com")
    port, secrets = secure(free_port(), {hostname: AUTHORITY.issue(hostname) for hostname in hostnames})

    async with listening(Handler(), port, secrets=secrets):
        names = ("a.example.com", "A.example.com", "c.example.com", "x.b.example.com", "b.example.com", "example.org")
        got = [await shown(port.number, name) for name in names]

    assert got == [a, a, any_, any_b, any_, ""]


async def test_a_listener_for_every_host_serves_names_that_no_other_has() -> None:
    port, secrets = secure(free_port(), {"a.example.com": AUTHORITY.issue("a"), "": AUTHORITY.issue("every")})

    async with listening(Handler(), port, secrets=secrets):
        assert await shown(port.number, "other.org") == "every"
        assert await shown(port.number, "a.example.com") == "a"


async def test_a_certificate_is_replaced_without_closing_the_connections_that_had_the_old_one() -> None:
    port, secrets = secure(free_port(), {"": AUTHORITY.issue("old")})
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE

    async with listening(Handler(), port, secrets=secrets) as listeners:
        reader, writer = await asyncio.open_connection("127.0.0.1", port.number, ssl=context)
        port, secrets = secure(port.number, {"": AUTHORITY.issue("new")})
        await listeners.serve(listeners.prepare(served(port, secrets=secrets)))

        assert await shown(port.number, "a") == "new"
        writer.write(GET)
        assert (await reader.readline()).startswith(b"HTTP/1.1 200 ")
        writer.close()


Pair = tuple[str, str]
NO_PAIRS: dict[str, Callable[[Pair, Pair], Pair]] = {
    "a key that belongs to another certificate": lambda one, other: (one[0], other[1]),
    "no certificate": lambda one, _: ("", one[1]),
    "a text that is no PEM": lambda one, _: ("hello", one[1]),
}


@pytest.mark.parametrize("spoil", NO_PAIRS.values(), ids=NO_PAIRS.keys())
async def test_a_certificate_that_cannot_be_used_is_a_reason_that_names_its_listener_and_no_key(
    spoil: Callable[[Pair, Pair], Pair],
) -> None:
    one, other = AUTHORITY.issue("one"), AUTHORITY.issue("other")
    good_port, good = secure(free_port(), {"": one})
    port, _ = secure(free_port(), {"broken": one})
    chain, key = spoil(one, other)
    table = served(port, good_port, secrets={**good, "broken/crt": chain, "broken/key": key})

    async with listening(Handler()) as listeners:
        with pytest.raises(InvalidTable) as refused:
            listeners.prepare(table)

        [reason] = refused.value.reasons
        assert reason.startswith("listener broken: ")
        assert key.splitlines()[1] not in reason
        assert not await opened(good_port.number)


async def test_every_port_that_cannot_be_opened_is_named_and_the_open_ones_go_on() -> None:
    kept, new = Port(free_port()), Port(free_port())
    async with listening(Handler(), kept) as listeners:
        with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as two:
            taken = [Port(each.getsockname()[1]) for each in (one, two)]
            with pytest.raises(InvalidTable) as refused:
                listeners.prepare(served(kept, *taken, new))

        assert [f"port {port.number} " in reason for port, reason in zip(taken, refused.value.reasons, strict=True)]
        assert await opened(kept.number)
        assert not await opened(new.number)


async def test_a_port_turns_from_http_to_https_and_back() -> None:
    port, secrets = secure(free_port(), {"": AUTHORITY.issue("name")})
    async with listening(Handler(), Port(port.number)) as listeners:
        await listeners.serve(listeners.prepare(served(port, secrets=secrets)))
        assert await shown(port.number, "a") == "name"

        await listeners.serve(listeners.prepare(served(Port(port.number))))
        reader, writer = await asyncio.open_connection("127.0.0.1", port.number)
        writer.write(GET)
        assert (await reader.readline()).startswith(b"HTTP/1.1 200 ")
        writer.close()


async def test_a_request_in_flight_ends_whole_after_its_port_left_the_table() -> None:
    handler, port = Handler(), Port(free_port())
    async with listening(handler, port) as listeners:
        reader, writer = await asyncio.open_connection("127.0.0.1", port.number)
        writer.write(b"GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await handler.entered.wait()

        await listeners.serve(listeners.prepare(served()))
        handler.go_on.set()

        assert (await reader.read()).endswith(b"after\r\n0\r\n\r\n")
        writer.close()


async def test_a_drained_port_closes_idle_connections_and_tells_the_last_request_of_each_other_so() -> None:
    handler, port = Handler(), Port(free_port())
    async with listening(handler, port) as listeners:
        idle, idle_writer = await idle_client(port)
        reader, writer = await asyncio.open_connection("127.0.0.1", port.number)
        writer.write(b"GET /wait HTTP/1.1\r\nHost: localhost\r\n\r\n")
        handler.entered.clear()
        await handler.entered.wait()

        draining = asyncio.create_task(listeners.drain(20))
        await idle.read()
        handler.go_on.set()

        assert b"connection: close" in (await reader.read()).lower()
        await draining
        writer.close()
        idle_writer.close()


async def test_the_first_request_of_a_client_that_has_just_connected_is_served_by_a_drained_port() -> None:
    port = Port(free_port())
    async with listening(Handler(), port) as listeners:
        idle, idle_writer = await idle_client(port)
        reader, writer = await asyncio.open_connection("127.0.0.1", port.number)

        draining = asyncio.create_task(listeners.drain(20))
        await idle.read()
        writer.write(GET)

        assert b"connection: close" in (await reader.read()).lower()
        await draining
        writer.close()
        idle_writer.close()


async def test_a_client_that_is_connected_and_not_accepted_yet_when_its_port_closes_is_served() -> None:
    port = Port(free_port())
    async with listening(Handler(), port) as listeners:
        clients = [socket.create_connection(("127.0.0.1", port.number)) for _ in range(3)]
        for client in clients:
            client.sendall(GET)

        await listeners.serve(listeners.prepare(served()))

        for client in clients:
            client.setblocking(False)
            reader, writer = await asyncio.open_connection(sock=client)
            assert b"connection: close" in (await reader.read()).lower()
            writer.close()
    assert not await opened(port.number)


async def test_a_client_that_is_connected_and_not_accepted_yet_is_served_over_tls_too() -> None:
    port, secrets = secure(free_port(), {"": AUTHORITY.issue("localhost")})
    async with listening(Handler(), port, secrets=secrets) as listeners:
        client = socket.create_connection(("127.0.0.1", port.number))
        client.setblocking(False)

        await listeners.serve(listeners.prepare(served()))

        reader, writer = await asyncio.open_connection(sock=client, ssl=AUTHORITY.client(), server_hostname="localhost")
        writer.write(GET)
        assert b"connection: close" in (await reader.read()).lower()
        writer.close()


async def test_a_request_behind_an_answer_that_began_before_the_drain_is_answered_too() -> None:
    handler, port = Handler(), Port(free_port())
    async with listening(handler, port) as listeners:
        idle, idle_writer = await idle_client(port)
        reader, writer = await asyncio.open_connection("127.0.0.1", port.number)
        writer.write(b"GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
        stream = await reader.readuntil(b"before")

        draining = asyncio.create_task(listeners.drain(20))
        await idle.read()
        writer.write(GET)
        handler.go_on.set()

        assert b"connection: close" not in stream.lower()
        _, _, second = (await reader.read()).partition(b"after\r\n0\r\n\r\n")
        assert second.startswith(b"HTTP/1.1 200 ")
        assert b"connection: close" in second.lower()
        await draining
        writer.close()
        idle_writer.close()


async def test_every_answer_of_ports_that_wind_down_is_the_last_one_of_its_connection() -> None:
    handler, before, after = Handler(), Port(free_port()), Port(free_port())
    handler.go_on.set()
    async with listening(handler, before) as listeners:
        listeners.wind_down()
        await listeners.serve(listeners.prepare(served(before, after)))

        for port in (before, after):
            for path in (b"/x", b"/stream"):
                reader, writer = await asyncio.open_connection("127.0.0.1", port.number)
                writer.write(b"GET %b HTTP/1.1\r\nHost: localhost\r\n\r\n" % path)
                answer = await reader.read()
                assert answer.startswith(b"HTTP/1.1 200 ")
                assert b"connection: close" in answer.lower()
                writer.close()


async def test_an_upload_that_is_under_way_when_its_port_is_drained_arrives_whole() -> None:
    handler, port = Handler(), Port(free_port())
    async with listening(handler, port) as listeners:
        idle, idle_writer = await idle_client(port)
        handler.entered.clear()
        reader, writer = await asyncio.open_connection("127.0.0.1", port.number)
        writer.write(b"POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 6\r\n\r\nabc")
        await handler.entered.wait()

        draining = asyncio.create_task(listeners.drain(20))
        await idle.read()
        writer.write(b"def")

        assert (await reader.read()).endswith(b" 6")
        await draining
        writer.close()
        idle_writer.close()


async def test_a_stream_that_outlives_the_grace_time_is_cut_and_never_looks_complete() -> None:
    handler, port = Handler(), Port(free_port())
    async with listening(handler, port) as listeners:
        reader, writer = await asyncio.open_connection("127.0.0.1", port.number)
        writer.write(b"GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b"before" in await reader.readuntil(b"before")

        await listeners.drain(0)

        assert not (await reader.read()).endswith(b"0\r\n\r\n")
        await handler.left.wait()
        writer.close()


async def test_a_stream_whose_end_is_that_of_the_connection_is_reset_when_it_is_cut() -> None:
    handler, port = Handler(), Port(free_port())
    async with listening(handler, port) as listeners:
        reader, writer = await asyncio.open_connection("127.0.0.1", port.number)
        writer.write(b"GET /stream HTTP/1.0\r\n\r\n")
        assert b"before" in await reader.readuntil(b"before")

        await listeners.drain(0)

        with pytest.raises(ConnectionResetError):
            await reader.read()
        writer.close()
