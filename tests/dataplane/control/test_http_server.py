"""The server of the admin port and the push channel: who gets in, what is refused, and which connections end."""

import asyncio
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import msgspec
import pytest
from aiohttp import web

from switchover_dataplane.control import read_body
from switchover_dataplane.control.http_server import HttpServer, Limits, refusal
from switchover_dataplane.edge.early_refusal import Refusal

SECRET = "sk-of-a-client"
GET = b"GET %b HTTP/1.1\r\nHost: a\r\n\r\n"
LARGE = 8 * 1024 * 1024


@dataclass
class Served:
    """A server with a handler that can be held up."""

    limits: Limits
    server: HttpServer = field(init=False)
    waiting: int = 0
    go_on: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.server = HttpServer(self._handle, self.limits)

    async def _handle(self, request: web.BaseRequest) -> web.Response:
        match request.path:
            case "/waits":
                self.waiting += 1
                await self.go_on.wait()
            case "/fails":
                raise ValueError(SECRET)
            case "/large":
                return web.Response(body=bytes(LARGE))
            case "/reads":
                self.waiting += 1
                body = await read_body.read(request, 10, 0.2)
                return refusal(body) if isinstance(body, Refusal) else web.Response(body=body)
        return web.Response(text="served")

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.server.port)

    async def send(self, data: bytes) -> bytes:
        """Send and return all that comes until the connection ends."""
        reader, writer = await self.connect()
        writer.write(data)
        answer = await reader.read()
        writer.close()
        return answer

    async def all_wait(self, count: int) -> None:
        while self.waiting < count:
            await asyncio.sleep(0.01)


async def _serve(limits: Limits) -> AsyncIterator[Served]:
    served = Served(limits)
    await served.server.listen("127.0.0.1", 0)
    yield served
    served.go_on.set()
    await served.server.close(1)


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async for one in _serve(Limits()):
        yield one


@pytest.fixture
async def small() -> AsyncIterator[Served]:
    async for one in _serve(Limits(connections=4)):
        yield one


@pytest.fixture
async def hasty() -> AsyncIterator[Served]:
    async for one in _serve(Limits(keep_alive=0.2, send_timeout=0.2)):
        yield one


# ── Answers ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_connection_serves_one_request_after_the_other(served: Served) -> None:
    answer = await served.send(GET % b"/" * 2 + b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")

    assert answer.count(b"HTTP/1.1 200 OK\r\n") == 3
    assert answer.count(b"\r\nserver: switchover\r\n") == 3
    assert answer.lower().count(b"\r\nserver:") == 3


async def test_head_is_answered_without_a_body(served: Served) -> None:
    answer = await served.send(b"HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert answer.endswith(b"\r\n\r\n")


_SECRET = SECRET.encode()
REFUSED = {
    "no HTTP": _SECRET + b"\r\n\r\n",
    "a version that is none": b"GET /" + _SECRET + b" HTTP/x\r\n\r\n",
    "a method that is none": b"G(T /" + _SECRET + b" HTTP/1.1\r\nHost: a\r\n\r\n",
    "a target that is none": b"GET http://[" + _SECRET + b" HTTP/1.1\r\nHost: a\r\n\r\n",
    "a field without a colon": b"GET / HTTP/1.1\r\nHost: a\r\nX " + _SECRET + b"\r\n\r\n",
    "a control character": b"GET / HTTP/1.1\r\nHost: a\r\nX: \x00" + _SECRET + b"\r\n\r\n",
    "a long target": b"GET /" + _SECRET + b"x" * 9000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
    "a long field": b"GET / HTTP/1.1\r\nHost: a\r\nX: " + _SECRET + b"x" * 17_000 + b"\r\n\r\n",
    "many fields": b"GET / HTTP/1.1\r\nHost: a\r\n" + (b"X: " + _SECRET + b"\r\n") * 200 + b"\r\n",
    "no Host": b"GET / HTTP/1.1\r\nX: " + _SECRET + b"\r\n\r\n",
    "a Host that is none": b"GET / HTTP/1.1\r\nHost: a/" + _SECRET + b"\r\n\r\n",
    "two lengths": b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\nX: "
    + _SECRET
    + b"\r\n\r\n",
    "a length that is none": b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\nX: " + _SECRET + b"\r\n\r\n",
}


@pytest.mark.parametrize("sent", REFUSED.values(), ids=REFUSED.keys())
async def test_what_is_malformed_is_refused_and_stands_in_no_answer_and_no_log_line(
    served: Served, sent: bytes, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    answer = await served.send(sent)

    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert b"\r\nserver: switchover" in head
    assert msgspec.json.decode(body)["error"]["code"] == "bad_request"
    assert SECRET not in f"{answer!r} {caplog.text} {capfd.readouterr()}"


async def test_a_fault_is_answered_500_and_logged_without_the_text_of_the_exception(
    served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    answer = await served.send(b"GET /fails HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 500 ")
    assert "ValueError" in caplog.text
    assert SECRET not in f"{answer!r} {caplog.text} {[record.__dict__ for record in caplog.records]}"


# ── Bodies ──────────────────────────────────────────────────────────────────────────────────────────────────────────

BODY = b"PUT /reads HTTP/1.1\r\nHost: a\r\n"


@pytest.mark.parametrize("framing", [b"Content-Length: 5\r\n\r\nab", b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n"])
async def test_a_body_that_does_not_come_is_given_up(served: Served, framing: bytes) -> None:
    answer = await served.send(BODY + framing)

    assert answer.startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize("sent", [b"b\r\n0123456789a\r\n0\r\n\r\n", b"6\r\n012345\r\n6\r\n012345\r\n0\r\n\r\n"])
async def test_chunks_that_are_too_large_in_all_are_refused(served: Served, sent: bytes) -> None:
    answer = await served.send(BODY + b"Transfer-Encoding: chunked\r\n\r\n" + sent)

    assert answer.startswith(b"HTTP/1.1 413 ")


async def test_a_client_that_asks_first_is_not_asked_for_a_body_that_is_too_large(served: Served) -> None:
    answer = await served.send(BODY + b"Expect: 100-continue\r\nContent-Length: 11\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 413 ")


async def test_a_client_that_leaves_in_the_middle_of_its_body_is_no_fault(
    served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    _, writer = await served.connect()
    writer.write(BODY + b"Content-Length: 5\r\n\r\nab")
    await served.all_wait(1)
    writer.transport.abort()
    while served.server.connections:
        await asyncio.sleep(0.01)

    assert (await served.send(b"GET / HTTP/1.0\r\n\r\n")).startswith(b"HTTP/1.0 200 ")
    assert not caplog.records


# ── Connections that end ────────────────────────────────────────────────────────────────────────────────────────────

SLOW = {
    "nothing": b"",
    "half a head": b"GET / HT",
    "a request and nothing": GET % b"/",
    "a request and half a head": GET % b"/" + b"GET / HT",
}


@pytest.mark.parametrize("sent", SLOW.values(), ids=SLOW.keys())
async def test_a_connection_without_a_whole_head_is_closed(hasty: Served, sent: bytes) -> None:
    answer = await hasty.send(sent)

    assert answer.count(b"HTTP/1.1 200 ") == sent.count(b"\r\n\r\n")


async def test_a_head_that_comes_byte_by_byte_is_given_up(hasty: Served) -> None:
    reader, writer = await hasty.connect()
    writer.write(b"GET /")
    ending = asyncio.create_task(reader.read())
    while not ending.done():
        writer.write(b"x")
        await asyncio.wait([ending], timeout=0.05)

    assert ending.exception() is not None or ending.result() == b""
    writer.close()


async def test_a_client_that_does_not_take_its_answer_is_cut(hasty: Served) -> None:
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(client, ("127.0.0.1", hasty.server.port))
    await loop.sock_sendall(client, GET % b"/large")
    while hasty.server.connections == 0:
        await asyncio.sleep(0.01)

    while hasty.server.connections:
        await asyncio.sleep(0.01)

    client.close()


IDLE = {
    **SLOW,
    "a request whose body does not come": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n",
}


@pytest.mark.parametrize("sent", IDLE.values(), ids=IDLE.keys())
async def test_a_full_server_closes_a_connection_that_is_idle_for_another(small: Served, sent: bytes) -> None:
    idle = [await small.connect() for _ in range(4)]
    for reader, writer in idle:
        writer.write(sent)
        if b"\r\n\r\n" in sent:
            await reader.readuntil(b"\r\n\r\nserved")

    for _ in range(8):
        answer = await small.send(GET % b"/")
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert b"\r\nconnection: close\r\n" in answer.lower()

    for _, writer in idle:
        writer.close()


async def test_a_full_server_closes_no_connection_with_a_request_in_flight(small: Served) -> None:
    busy = [await small.connect() for _ in range(4)]
    for _, writer in busy:
        writer.write(GET % b"/waits")
    await small.all_wait(4)

    answer = await small.send(GET % b"/")

    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b"\r\nretry-after: 1\r\n" in answer
    small.go_on.set()
    for reader, writer in busy:
        assert (await reader.readline()).startswith(b"HTTP/1.1 200 ")
        writer.close()


# ── Its end ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_what_is_in_flight_at_the_end_is_answered_and_idle_connections_are_closed(served: Served) -> None:
    port = served.server.port
    idle, idle_writer = await served.connect()
    busy, busy_writer = await served.connect()
    busy_writer.write(GET % b"/waits")
    await served.all_wait(1)

    closing = asyncio.create_task(served.server.close(30))
    assert await idle.read() == b""
    served.go_on.set()

    answer = await busy.read()
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"\r\nconnection: close\r\n" in answer.lower()
    await closing
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)
    idle_writer.close()
    busy_writer.close()


async def test_what_is_not_answered_in_time_at_the_end_is_cut(served: Served) -> None:
    reader, writer = await served.connect()
    writer.write(GET % b"/waits")
    await served.all_wait(1)

    await served.server.close(0.1)

    assert await reader.read() == b""
    writer.close()
