"""A WebSocket to a plain backend: after its 101 the bytes of both sides are handed on, and nothing of them is read."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web

from serving import Answering, Gateway, Seen, free_port, gateway, raw, table, targets
from switchover_dataplane.table.policies import Policy

ASK = b"GET /model/chat HTTP/1.1\r\nhost: localhost\r\nconnection: keep-alive, Upgrade\r\nupgrade: websocket\r\n"
KEY = b"sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n\r\n"
AGREED = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nX-Own: 1\r\n\r\n"
PLAIN = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"

pytestmark = pytest.mark.asyncio(loop_factories=["asyncio", "uvloop"])


def echo(first: bytes = b"", *, ends_at: bytes = b"") -> Answering:
    """Agree, send `first` in the same piece, then send back whatever comes, until it is `ends_at`."""

    async def script(_seen: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(AGREED + first)
        while piece := await reader.read(65_536):
            if ends_at and piece == ends_at:
                break
            writer.write(piece)
            await writer.drain()
        raise ConnectionAbortedError

    return script


@asynccontextmanager
async def plain(*scripts: Answering, policy: Policy | None = None) -> AsyncIterator[tuple[Gateway, list[list[Seen]]]]:
    async with targets(*scripts) as made:
        async with gateway(table(free_port(), [each.port for each in made], policy, ai=False, auth="")) as at:
            yield at, [each.seen for each in made]


@asynccontextmanager
async def asked(
    at: Gateway, head: bytes = ASK + KEY
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", at.port)
    writer.write(head)
    try:
        yield reader, writer
    finally:
        writer.close()


async def head_of(reader: asyncio.StreamReader) -> bytes:
    return await reader.readuntil(b"\r\n\r\n")


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not holds():
            await asyncio.sleep(0.01)


async def test_bytes_go_both_ways_after_the_head_of_the_backend() -> None:
    async with plain(echo(b"first")) as (at, [seen]), asked(at) as (reader, writer):
        head = (await head_of(reader)).lower()
        assert head.startswith(b"http/1.1 101 ")
        for line in (b"\r\nconnection: upgrade\r\n", b"\r\nupgrade: websocket\r\n", b"\r\nx-own: 1\r\n"):
            assert head.count(line) == 1
        assert b"content-length" not in head
        assert b"transfer-encoding" not in head
        assert await reader.readexactly(5) == b"first"
        for piece in (b"\x81\x05hello", b"GET / HTTP/1.1\r\n\r\n", bytes(range(256)) * 99):
            writer.write(piece)
            assert await reader.readexactly(len(piece)) == piece
    assert (seen[0].headers["connection"], seen[0].headers["upgrade"]) == ("Upgrade", "websocket")
    assert seen[0].headers["sec-websocket-key"] == "dGhlIHNhbXBsZSBub25jZQ=="


async def test_what_the_client_sends_ahead_of_the_answer_is_handed_on_after_it() -> None:
    async with plain(echo()) as (at, _), asked(at, ASK + KEY + b"early") as (reader, _):
        await head_of(reader)
        assert await reader.readexactly(5) == b"early"


async def test_more_than_either_side_can_hold_goes_through() -> None:
    size = 8 << 20
    async with plain(echo()) as (at, _), asked(at) as (reader, writer):
        await head_of(reader)

        async def send() -> None:
            for _ in range(size >> 16):
                writer.write(bytes(1 << 16))
                await writer.drain()

        sending = asyncio.create_task(send())
        assert await reader.readexactly(size) == bytes(size)
        await sending


async def test_the_end_of_the_backend_ends_the_client_s_connection_behind_the_last_byte() -> None:
    async with plain(echo(b"last", ends_at=b"bye")) as (at, _), asked(at) as (reader, writer):
        await head_of(reader)
        writer.write(b"bye")
        assert await reader.read() == b"last"
        await until(lambda: at.metrics.in_flight == 0)


async def test_the_end_of_the_client_ends_the_backend_s_connection() -> None:
    async with targets(echo()) as (only,):
        async with gateway(table(free_port(), [only.port], ai=False, auth="")) as at:
            async with asked(at) as (reader, _):
                await head_of(reader)
            await asyncio.wait_for(only.left.wait(), 10)
            await until(lambda: at.metrics.in_flight == 0)
            counts = at.runtime.transport.counts()
    assert [each["used"] for each in counts.values()] in ([0], [])


async def test_silence_of_both_sides_ends_it_and_nothing_else_does() -> None:
    policy = Policy(lone_stream_idle_timeout=0.3)
    async with plain(echo(), policy=policy) as (at, _), asked(at) as (reader, writer):
        await head_of(reader)
        began = asyncio.get_running_loop().time()
        while asyncio.get_running_loop().time() < began + 2 * policy.lone_stream_idle_timeout:
            writer.write(b"x")
            assert await reader.readexactly(1) == b"x"
        assert await reader.read() == b""


async def test_an_answer_that_does_not_agree_is_handed_on() -> None:
    async with plain(raw(PLAIN)) as (at, [seen]), asked(at) as (reader, _):
        answer = await reader.read()
        assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
        assert answer.endswith(b"\r\n\r\nok")
    assert seen[0].headers["upgrade"] == "websocket"


async def test_a_backend_that_cannot_be_reached_is_followed_by_one_that_agrees() -> None:
    policy = Policy(attempts=2)
    async with plain(raw(b"", then="reset"), echo(b"second"), policy=policy) as (at, _), asked(at) as (reader, _):
        assert (await head_of(reader)).startswith(b"HTTP/1.1 101 ")
        assert await reader.readexactly(6) == b"second"


NOT_ASKED = {
    "HTTP/2": (ASK + KEY).replace(b"websocket\r\n", b"h2c\r\n", 1),
    "WebSocket or HTTP/2": (ASK + KEY).replace(b"websocket\r\n", b"h2c, websocket\r\n", 1),
    "WebSocket that Connection does not name": (ASK + KEY).replace(b", Upgrade", b""),
    "WebSocket by POST": (ASK + KEY).replace(b"GET", b"POST"),
    "WebSocket with a body": ASK + b"content-length: 2\r\n\r\nhi",
}


@pytest.mark.parametrize("head", NOT_ASKED.values(), ids=NOT_ASKED)
async def test_nothing_else_reaches_a_backend_as_another_protocol(head: bytes) -> None:
    async with plain(raw(PLAIN)) as (at, [seen]), asked(at, head) as (reader, _):
        assert (await reader.read()).startswith(b"HTTP/1.1 200 OK\r\n")
    assert not {"upgrade", "connection"} & set(seen[0].headers)


@pytest.mark.parametrize(
    ("head", "answer"),
    [(ASK.replace(b"upgrade: websocket\r\n", b"") + b"\r\n", AGREED), (ASK + KEY, b"HTTP/1.1 101 X\r\n\r\n")],
    ids=["that nobody asked for", "that names no protocol"],
)
async def test_a_101_is_no_answer(head: bytes, answer: bytes) -> None:
    async with plain(raw(answer, then="wait")) as (at, _), asked(at, head) as (reader, _):
        assert (await head_of(reader)).startswith(b"HTTP/1.1 502 ")


async def test_a_client_and_a_server_of_websockets_talk_through_it() -> None:
    async def serve(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            await socket.send_str(f"{request.path}: {message.data}")
        return socket

    app = web.Application()
    app.router.add_get("/model/talk", serve)
    runner = web.AppRunner(app)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        async with gateway(table(free_port(), [port], ai=False, auth="")) as at, aiohttp.ClientSession() as client:
            async with client.ws_connect(f"{at.url}/model/talk", compress=15) as socket:
                for text in ("hello", "x" * 100_000):
                    await socket.send_str(text)
                    assert await socket.receive_str() == f"/model/talk: {text}"
    finally:
        await runner.cleanup()
