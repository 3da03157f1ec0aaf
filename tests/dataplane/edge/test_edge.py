"""A client's connection: what is refused, with which answer, and that a neighbour is never harmed."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

import msgspec
import pytest
from multidict import CIMultiDict

from switchover_dataplane.edge.client_connection import ClientConnection
from switchover_dataplane.edge.early_refusal import HEAD_LIMIT
from switchover_dataplane.edge.request import Request
from switchover_dataplane.edge.server import Connections, Edge, Limits
from switchover_dataplane.formats.own_answers import OwnAnswer
from switchover_dataplane.request import read_body
from switchover_dataplane.request.memory_budget import MemoryBudget
from switchover_dataplane.telemetry.refusals import Refusals

pytestmark = pytest.mark.asyncio(loop_factories=["asyncio", "uvloop"])

LARGE, PIECE = 8 << 20, 16 << 10
SLOW = 0.4
SECRET = "sk-never-to-be-seen"


@dataclass
class Served:
    """A port with the edge in front of a handler that echoes the size of the body."""

    port: int
    edge: Edge
    entered: asyncio.Event
    left: asyncio.Event
    release: asyncio.Event

    async def send(self, *pieces: bytes) -> bytes:
        """Send raw bytes and read until the gateway closes."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        try:
            return await reader.read()
        finally:
            writer.close()


async def _read(reader: asyncio.StreamReader) -> bytes:
    """Read one answer with its declared body."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        return error.partial
    length = next(
        int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")
    )
    return head + await reader.readexactly(length)


async def _serve(limits: Limits) -> AsyncIterator[Served]:
    entered, left, release = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def handle(request: Request, port: int) -> OwnAnswer | None:
        entered.set()
        connection = request.connection
        if request.path == "/fails":
            raise RuntimeError(SECRET)
        if request.path == "/waits":
            try:
                await asyncio.Event().wait()
            finally:
                left.set()
        if request.path == "/waits-for-release":
            await release.wait()
        if request.path == "/large":
            try:
                connection.begin(200, CIMultiDict())
                for _ in range(LARGE // PIECE):
                    await connection.write(b"x" * PIECE)
                connection.end()
                return None
            finally:
                left.set()
        if request.path == "/fills-the-socket":
            connection.begin(200, CIMultiDict())
            assert connection.transport is not None
            while connection.transport.get_write_buffer_size() == 0:
                await connection.write(b"x" * PIECE)
            connection.end()
            return None
        if request.path == "/answers-first":
            connection.begin(200, CIMultiDict())
            await connection.write(b"before")
        most = LARGE if request.path == "/takes-much" else 1000
        content = await read_body.read(request, most, MemoryBudget(most, time.monotonic).open(""), is_json=False)
        return OwnAnswer(200, body=f"{port} {request.method} {len(content)}".encode())

    edge = Edge(handle, Refusals().tell, 7, limits, Connections(limits.connections))
    server = await asyncio.get_running_loop().create_server(edge, "127.0.0.1", 0)
    yield Served(server.sockets[0].getsockname()[1], edge, entered, left, release)
    server.close()
    await edge.drain(1)


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async for one in _serve(Limits()):
        yield one


@pytest.fixture
async def impatient() -> AsyncIterator[Served]:
    async for one in _serve(Limits(head_timeout=0.2, body_timeout=0.2, connections=2)):
        yield one


@pytest.fixture
async def hasty() -> AsyncIterator[Served]:
    async for one in _serve(Limits(send_timeout=0.2)):
        yield one


@pytest.fixture
async def unhurried() -> AsyncIterator[Served]:
    async for one in _serve(Limits(send_timeout=SLOW)):
        yield one


def error_of(answer: bytes) -> dict[str, str]:
    error: dict[str, str] = msgspec.json.decode(answer.partition(b"\r\n\r\n")[2])["error"]
    return error


HEAD = b"POST /x HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer " + SECRET.encode() + b"\r\n"

AMBIGUOUS = {
    "two different content-lengths": HEAD + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
    "a content-length sent twice": HEAD + b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
    "a content-length beside transfer-encoding": HEAD
    + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a transfer-encoding other than chunked": HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "an unknown transfer-encoding": HEAD + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "a negative content-length": HEAD + b"Content-Length: -3\r\n\r\n",
    "a content-length with a sign": HEAD + b"Content-Length: +3\r\n\r\nabc",
    "line ends of a bare LF": b"POST /x HTTP/1.1\nHost: a\nContent-Length: 0\n\n",
    "one line end of a bare LF": b"POST /x HTTP/1.1\r\nHost: a\nX: y\r\nContent-Length: 0\r\n\r\n",
    "obsolete line folding": HEAD + b"X: a\r\n b\r\nContent-Length: 0\r\n\r\n",
    "two hosts": b"GET /x HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "the same host twice": b"GET /x HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
    "no host": b"GET /x HTTP/1.1\r\n\r\n",
    "a host that is no host": b"GET /x HTTP/1.1\r\nHost: a b/c\r\n\r\n",
    "white space before the colon": HEAD + b"X : a\r\nContent-Length: 0\r\n\r\n",
    "a NUL in a value": HEAD + b"X: a\0b\r\nContent-Length: 0\r\n\r\n",
    "a carriage return in a value": HEAD + b"X: a\rb\r\nContent-Length: 0\r\n\r\n",
    "no HTTP version": b"GET /x\r\n\r\n",
    "another protocol": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "an unknown version": b"GET /x HTTP/3.7\r\nHost: a\r\n\r\n",
}


@pytest.mark.parametrize("head", AMBIGUOUS.values(), ids=AMBIGUOUS.keys())
async def test_an_ambiguous_head_is_refused_and_its_connection_closed(served: Served, head: bytes) -> None:
    reader, neighbour = await asyncio.open_connection("127.0.0.1", served.port)

    answer = await served.send(head)

    assert b" 400 " in answer.split(b"\r\n")[0]
    assert error_of(answer)["type"] == "invalid_request_error"
    assert SECRET.encode() not in answer
    neighbour.write(b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n")
    assert (await _read(reader)).endswith(b"7 GET 0")
    neighbour.close()


@pytest.mark.parametrize("chunks", [b"zz\r\nab\r\n0\r\n\r\n", b"2;\nab\r\n0\r\n\r\n", b"-2\r\nab\r\n0\r\n\r\n"])
async def test_a_chunk_whose_size_is_none_never_becomes_a_body(served: Served, chunks: bytes) -> None:
    answer = await served.send(HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + chunks)

    assert b" 200 " not in answer.split(b"\r\n")[0]


async def test_a_body_that_breaks_the_rules_of_chunks_ends_the_request_that_waits_for_it(served: Served) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n")
    await served.entered.wait()

    writer.write(b"zz\r\nab\r\n")

    answer = await reader.read()
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert error_of(answer)["code"] == "bad_request"
    writer.close()


async def test_a_body_that_stalls_is_answered_408(impatient: Served) -> None:
    answer = await impatient.send(HEAD + b"Content-Length: 5\r\n\r\nab")

    assert answer.startswith(b"HTTP/1.1 408 ")
    assert error_of(answer)["code"] == "body_timeout"


async def test_a_body_that_stalls_behind_an_answer_that_has_begun_cuts_it(impatient: Served) -> None:
    answer = await impatient.send(b"POST /answers-first HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab")

    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"before" in answer
    assert not answer.endswith(b"0\r\n\r\n")


async def test_a_body_that_comes_slowly_but_steadily_is_waited_for(impatient: Served) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", impatient.port)
    writer.write(HEAD + b"Content-Length: 12\r\n\r\n")
    for _ in range(12):
        await asyncio.sleep(0.03)
        writer.write(b"a")

    assert (await _read(reader)).endswith(b"7 POST 12")
    writer.close()


async def test_a_client_that_leaves_ends_its_request(served: Served) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(b"GET /waits HTTP/1.1\r\nHost: a\r\n\r\n")
    await served.entered.wait()

    writer.close()

    await served.left.wait()


async def test_a_head_of_one_megabyte_is_refused_with_431(served: Served) -> None:
    answer = await served.send(HEAD + b"X: " + b"a" * 1_000_000 + b"\r\nContent-Length: 0\r\n\r\n")

    assert b" 431 " in answer.split(b"\r\n")[0]
    assert error_of(answer)["code"] == "head_too_large"


HUGE = {
    "a request line of one megabyte": (b"GET /" + b"a" * 1_000_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414),
    "a request line a little too long": (b"GET /" + b"a" * 9_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414),
    "a field a little too long": (HEAD + b"X: " + b"a" * 17_000 + b"\r\n\r\n", 431),
    "more fields than there may be": (HEAD + b"X: a\r\n" * 200 + b"\r\n", 431),
    "more bytes than a head may have": (HEAD + (b"X: " + b"a" * 8_000 + b"\r\n") * 9 + b"\r\n", 431),
}


@pytest.mark.parametrize(("head", "status"), HUGE.values(), ids=HUGE.keys())
async def test_what_is_too_large_is_told_apart(served: Served, head: bytes, status: int) -> None:
    answer = await served.send(head)

    assert int(answer.split(b" ")[1]) == status
    assert SECRET.encode() not in answer


async def test_the_limit_of_a_head_does_not_count_the_body_behind_it_however_both_are_cut(served: Served) -> None:
    head = b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 900\r\n"
    head += (b"X: " + b"a" * 8_000 + b"\r\n") * 8 + b"Y: " + b"a" * 1_000 + b"\r\n\r\n"
    assert len(head) + 900 > HEAD_LIMIT > len(head)
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)

    for piece in (head[:-2], head[-2:] + b"b" * 900):
        writer.write(piece)
        await writer.drain()

    assert (await _read(reader)).endswith(b"7 POST 900")
    writer.close()


async def test_half_a_head_that_waits_is_answered_408(impatient: Served) -> None:
    answer = await impatient.send(b"POST /x HTTP/1.1\r\nHost: a\r\n")

    assert answer.startswith(b"HTTP/1.1 408 ")
    assert error_of(answer)["code"] == "head_timeout"


async def test_half_a_second_head_on_a_kept_connection_is_answered_408(impatient: Served) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", impatient.port)
    writer.write(b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n")
    assert (await _read(reader)).endswith(b"7 GET 0")

    writer.write(b"GET /x HT")

    assert (await _read(reader)).startswith(b"HTTP/1.1 408 ")
    writer.close()


async def test_a_connection_beyond_the_limit_is_told_so_and_the_others_go_on(impatient: Served) -> None:
    first = await asyncio.open_connection("127.0.0.1", impatient.port)
    first[1].write(b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n")
    await _read(first[0])
    second = await asyncio.open_connection("127.0.0.1", impatient.port)
    second[1].write(b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n")
    await _read(second[0])

    answer = await impatient.send()

    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b"\r\nretry-after: 1\r\n" in answer
    assert error_of(answer)["code"] == "too_many_connections"
    first[1].write(b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n")
    assert (await _read(first[0])).endswith(b"7 GET 0")
    first[1].close()
    second[1].close()


async def test_a_fault_of_the_gateway_is_answered_500_and_tells_no_value(
    served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    answer = await served.send(b"GET /fails HTTP/1.1\r\nHost: a\r\nx-request-id: of-mine\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 500 ")
    assert error_of(answer)["code"] == "internal_error"
    assert "of-mine" in error_of(answer)["message"]
    assert b"x-request-id: of-mine\r\n" in answer.lower()
    assert SECRET.encode() not in answer
    [fault] = caplog.records
    assert fault.__dict__["fields"]["request_id"] == "of-mine"
    assert "test_edge.py" in fault.__dict__["fields"]["where"]
    assert SECRET not in caplog.text
    assert "RuntimeError" in caplog.text


async def kept(port: int) -> tuple[socket.socket, asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection that was used and is idle, with its socket to send at once, before the event loop's next turn."""
    client = socket.create_connection(("127.0.0.1", port))
    client.setblocking(False)
    reader, writer = await asyncio.open_connection(sock=client)
    writer.write(b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n")
    await _read(reader)
    return client.dup(), reader, writer


async def test_an_idle_connection_in_whose_last_moment_a_request_comes_is_not_closed(served: Served) -> None:
    client, reader, writer = await kept(served.port)
    client.sendall(b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n")

    for connection in served.edge.connections:
        assert isinstance(connection, ClientConnection)
        connection.close_if_idle()

    assert (await _read(reader)).endswith(b"7 GET 0")
    for connection in served.edge.connections:
        assert isinstance(connection, ClientConnection)
        connection.close_if_idle()
    assert await reader.read() == b""
    client.close()
    writer.close()


async def test_pipelined_requests_are_answered_in_order(served: Served) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)

    writer.write(b"GET /x HTTP/1.1\r\nHost: a\r\n\r\nPOST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab")

    assert (await _read(reader)).endswith(b"7 GET 0")
    assert (await _read(reader)).endswith(b"7 POST 2")
    writer.close()


async def test_a_large_body_that_waited_behind_another_request_is_read_to_its_end(served: Served) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(b"GET /waits-for-release HTTP/1.1\r\nHost: a\r\n\r\n")
    await served.entered.wait()

    writer.write(b"POST /takes-much HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % LARGE + b"x" * LARGE)
    (connection,) = served.edge.connections
    assert connection.transport is not None
    while connection.transport.is_reading():
        await asyncio.sleep(0)
    served.release.set()

    assert (await _read(reader)).endswith(b"7 GET 0")
    assert (await _read(reader)).endswith(f"7 POST {LARGE}".encode())
    writer.close()


async def test_what_cannot_be_parsed_behind_a_request_in_flight_is_refused_after_its_answer(served: Served) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(HEAD + b"Content-Length: 2\r\n\r\na")
    await served.entered.wait()

    writer.write(b"b@@@ " + SECRET.encode() + b"\r\n\r\n")

    answer = await reader.read()
    first, _, second = answer.partition(b"7 POST 2")
    assert first.startswith(b"HTTP/1.1 200 ")
    assert b" 400 " in second.split(b"\r\n")[0]
    assert SECRET.encode() not in answer
    writer.close()


async def test_http_1_0_without_a_host_is_served_and_closed(served: Served) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)

    writer.write(b"GET /x HTTP/1.0\r\n\r\n")

    assert (await reader.read()).endswith(b"7 GET 0")
    writer.close()


async def test_expect_continue_is_answered_before_the_body_is_sent(served: Served) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")

    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 100 ")
    writer.write(b"ab")
    assert (await _read(reader)).endswith(b"7 POST 2")
    writer.close()


REPEATED = (
    (b"Authorization", b"Authorization"),
    (b"Authorization", b"AUTHORIZATION"),
    (b"Content-Type", b"content-type"),
    (b"x-api-key", b"X-API-Key"),
    (b"api-key", b"api-key"),
    (b"x-goog-api-key", b"X-Goog-Api-Key"),
    (b"Proxy-Authorization", b"Proxy-Authorization"),
    (b"Origin", b"origin"),
    (b"User-Agent", b"User-agent"),
    (b"Referer", b"Referer"),
    (b"Host", b"Host"),
    (b"Content-Length", b"Content-Length"),
)


@pytest.mark.parametrize(("name", "other"), REPEATED)
async def test_a_field_of_which_there_is_one_is_refused_when_it_is_repeated(
    served: Served, name: bytes, other: bytes
) -> None:
    answer = await served.send(b"GET /x HTTP/1.1\r\nHost: a\r\n%b: 1\r\nX: y\r\n%b: 1\r\n\r\n" % (name, other))

    assert answer.startswith(b"HTTP/1.1 400 ")
    assert f"more than one {name.decode()}" in error_of(answer)["message"]


async def test_fields_that_are_lists_may_be_repeated(served: Served) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)

    writer.write(
        b"GET /x HTTP/1.1\r\nHost: a\r\nAccept: a\r\naccept: b\r\nCookie: a\r\nCookie: b\r\nX: 1\r\nX: 1\r\n\r\n"
    )

    assert (await _read(reader)).endswith(b"7 GET 0")
    writer.close()


@pytest.mark.parametrize(
    "line", [b"TRACE /x", b"CONNECT /x", b"TRACE http://a/x"], ids=["TRACE", "CONNECT with a path", "TRACE of a URL"]
)
async def test_trace_and_connect_are_405_at_every_port(served: Served, line: bytes) -> None:
    answer = await served.send(line + b" HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer " + SECRET.encode() + b"\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 405 ")
    assert b"\r\nallow: get, head, post" in answer.lower()
    assert SECRET.encode() not in answer
    assert not served.entered.is_set()


@pytest.mark.parametrize("protocol", [b"h2c", b"TLS/1.0", b"foo", b"websocket", b"h2c, websocket"])
async def test_an_upgrade_is_not_taken_and_the_connection_ends_with_the_answer(served: Served, protocol: bytes) -> None:
    upgrade = b"GET /x HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: " + protocol + b"\r\n\r\n"

    answer = await served.send(upgrade + b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 200 ")
    assert answer.lower().count(b"connection: close") == 1
    assert answer.count(b"HTTP/1.1") == 1


# ── Clients that do not read ────────────────────────────────────────────────────────────────────────────────────────


async def deaf(port: int, path: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A client whose system takes no more than a little while it does not read."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.setblocking(False)
    await asyncio.get_running_loop().sock_connect(client, ("127.0.0.1", port))
    reader, writer = await asyncio.open_connection(sock=client, limit=4096)
    writer.write(b"GET " + path + b" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    return reader, writer


async def test_a_client_that_takes_nothing_of_an_answer_is_given_up(hasty: Served) -> None:
    _, writer = await deaf(hasty.port, b"/large")

    await hasty.left.wait()
    while hasty.edge.connections:
        await asyncio.sleep(0.01)
    writer.close()


async def test_a_client_that_takes_an_answer_slowly_gets_it_whole(unhurried: Served) -> None:
    """What it takes at first is less than the system wants to be free before it takes more from the gateway."""
    reader, writer = await deaf(unhurried.port, b"/large")
    taken, end = 0, time.monotonic() + 3 * SLOW
    while time.monotonic() < end:
        taken += len(await reader.read(4096))
        await asyncio.sleep(0.02)
    assert taken < 1 << 20

    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    while piece := await reader.read(1 << 20):
        taken += len(piece)

    assert taken > LARGE
    writer.close()


async def test_the_rest_of_a_whole_answer_that_nobody_takes_does_not_keep_its_connection(hasty: Served) -> None:
    _, writer = await deaf(hasty.port, b"/fills-the-socket")
    await hasty.entered.wait()

    while hasty.edge.connections:
        await asyncio.sleep(0.01)
    writer.close()
