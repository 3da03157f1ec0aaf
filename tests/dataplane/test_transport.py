"""Requests over real sockets that refuse, reset, cut and lie."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from multidict import CIMultiDict

from switchover_dataplane.request_head import serialise
from switchover_dataplane.response_parser import HEAD_LIMIT
from switchover_dataplane.transport import (
    ConnectFailed,
    ConnectionBroken,
    ConnectTo,
    Destination,
    Response,
    Transport,
)

Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def listening(script: Script) -> AsyncIterator[Destination]:
    """A server that follows `script` for each connection and closes it afterwards."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await script(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield Destination("127.0.0.1", server.sockets[0].getsockname()[1])
    finally:
        server.close()


def answering(*answers: bytes) -> Script:
    """Read one request a time and send the next answer."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in answers:
            await request(reader)
            writer.write(answer)
            await writer.drain()

    return script


async def request(reader: asyncio.StreamReader) -> bytes:
    """Read a request head and a body of declared length."""
    head = await reader.readuntil(b"\r\n\r\n")
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            head += await reader.readexactly(int(line.split(b":")[1]))
    return head


def reset(writer: asyncio.StreamWriter) -> None:
    raw = writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


@pytest.fixture
async def transport() -> AsyncIterator[Transport]:
    one = Transport()
    yield one
    await one.close()


async def post(transport: Transport, to: Destination, body: bytes = b"{}") -> Response:
    return await transport.send(to, "POST", "/x", CIMultiDict({"host": "a"}), body)


async def whole(response: Response) -> bytes:
    pieces = []
    while piece := await response.chunk():
        pieces.append(piece)
    return b"".join(pieces)


OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


async def test_an_answer_comes_with_its_status_headers_and_body(transport: Transport) -> None:
    async with listening(answering(b"HTTP/1.1 418 Teapot\r\nX-A: b\r\ncontent-length: 3\r\n\r\nabc")) as to:
        response = await post(transport, to)

        assert (response.status, response.headers["x-a"], await whole(response)) == (418, "b", b"abc")


async def test_a_chunked_body_is_put_together(transport: Transport) -> None:
    chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"
    async with listening(answering(chunked)) as to:
        assert await whole(await post(transport, to)) == b"abc"


async def test_interim_answers_are_passed_over(transport: Transport) -> None:
    async with listening(answering(b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n" + OK)) as to:
        response = await post(transport, to)

        assert (response.status, "link" in response.headers) == (200, False)


async def test_a_body_that_ends_with_the_connection_is_whole(transport: Transport) -> None:
    async with listening(answering(b"HTTP/1.0 200 OK\r\n\r\nall of it")) as to:
        assert await whole(await post(transport, to)) == b"all of it"


async def test_a_connection_is_used_again_after_a_whole_answer(transport: Transport) -> None:
    async with listening(answering(OK, OK, OK)) as to:
        for _ in range(3):
            await whole(await post(transport, to))

        assert transport.counts()[f"{to.host}:{to.port}"]["opened"] == 1


async def test_a_kept_connection_that_died_is_replaced_unseen(transport: Transport) -> None:
    closed = asyncio.Event()

    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request(reader)
        writer.write(OK)
        await writer.drain()
        if not closed.is_set():
            # The next request is read and then lost with its connection, as an idle time-out races with it.
            await request(reader)
            closed.set()

    async with listening(once) as to:
        await whole(await post(transport, to))
        assert await whole(await post(transport, to)) == b"ok"
        assert closed.is_set()


async def test_a_fresh_connection_that_closes_without_an_answer_is_broken(transport: Transport) -> None:
    async def script(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await request(reader)

    async with listening(script) as to:
        with pytest.raises(ConnectionBroken) as broken:
            await post(transport, to)
    assert broken.value.how == "eof"


async def test_a_reset_before_the_head_is_told_as_one(transport: Transport) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request(reader)
        reset(writer)

    async with listening(script) as to:
        with pytest.raises(ConnectionBroken) as broken:
            await post(transport, to)
    assert broken.value.how == "reset"


@pytest.mark.parametrize(
    "answer",
    [
        b"220 mail.example ESMTP\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nokk",
        b"HTTP/1.1 200 OK\r\nx: " + b"a" * (HEAD_LIMIT + 1) + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"".join(b"x-%d: y\r\n" % n for n in range(300)) + b"\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
    ],
    ids=["mail", "two framings", "two lengths", "a huge head", "too many fields", "an upgrade"],
)
async def test_what_is_no_http_answer_is_broken(transport: Transport, answer: bytes) -> None:
    async with listening(answering(answer)) as to:
        with pytest.raises(ConnectionBroken) as broken:
            await post(transport, to)
    assert broken.value.how == "not-http"


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nnot a hundred",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nab",
    ],
    ids=["cut length", "cut chunk"],
)
async def test_a_body_that_is_not_whole_is_truncated(transport: Transport, answer: bytes) -> None:
    async with listening(answering(answer)) as to:
        response = await post(transport, to)
        with pytest.raises(ConnectionBroken) as broken:
            await whole(response)
    assert broken.value.how == "truncated"


async def test_bytes_after_an_answer_cost_the_connection_and_nothing_else(transport: Transport) -> None:
    async with listening(answering(OK + b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil", OK)) as to:
        assert await whole(await post(transport, to)) == b"ok"
        assert await whole(await post(transport, to)) == b"ok"
        assert transport.counts()[f"{to.host}:{to.port}"]["opened"] == 2


async def test_a_refused_connection_says_so(transport: Transport) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        with pytest.raises(ConnectFailed) as failed:
            await post(transport, Destination("127.0.0.1", closed.getsockname()[1]))
    assert failed.value.cause == "refused"


async def test_a_name_without_an_address_says_so(transport: Transport) -> None:
    with pytest.raises(ConnectFailed) as failed:
        await post(transport, Destination("no-such-host.invalid", 80))
    assert failed.value.cause == "dns"


async def test_an_early_answer_is_taken_while_the_body_is_still_sent(transport: Transport) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\n\r\n")
        await writer.drain()
        while await reader.read(1 << 16):
            pass

    async with listening(script) as to:
        response = await post(transport, to, b"x" * (20 << 20))
        assert (response.status, await whole(response)) == (413, b"")
        assert transport.counts()[f"{to.host}:{to.port}"]["idle"] == 0


async def test_a_slow_reader_holds_the_target_back_instead_of_filling_memory(transport: Transport) -> None:
    size = 64 << 20
    sent = 0

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size)
        for _ in range(size >> 20):
            writer.write(b"x" * (1 << 20))
            await writer.drain()
            sent += 1 << 20

    async with listening(script) as to:
        response = await post(transport, to)
        first = await response.chunk()
        for _ in range(200):
            await asyncio.sleep(0)
        assert sent < size
        assert len(first) + len(await whole(response)) == size


async def test_connect_to_redirects_the_connection_and_keeps_the_rest() -> None:
    async with listening(answering(OK)) as to:
        redirected = Transport(connect_to=[ConnectTo.parse(f"model.example:80:127.0.0.1:{to.port}")])
        assert await whole(await post(redirected, Destination("model.example", 80))) == b"ok"
        await redirected.close()


@pytest.mark.parametrize("text", ["", "a:b", "a:b:c:d", "a:80:b:99999", "a:80:b"])
def test_a_redirection_that_is_none_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="must be"):
        ConnectTo.parse(text)


def test_a_redirection_takes_empty_fields_and_ipv6_addresses() -> None:
    assert ConnectTo.parse("::[::1]:8443") == ConnectTo("", 0, "::1", 8443)


@pytest.mark.parametrize("value", ["a\r\nx: y", "a\nb", "a\rb", "a\0b"])
def test_a_header_that_would_end_the_head_is_never_written(value: str) -> None:
    with pytest.raises(ValueError, match="x-secret") as error:
        serialise("GET", "/", CIMultiDict({"x-secret": value}), 0)
    assert value not in str(error.value)


def test_framing_is_written_once_whatever_the_headers_say() -> None:
    headers = CIMultiDict({"Content-Length": "7", "Transfer-Encoding": "chunked", "Connection": "close", "a": "b"})

    assert serialise("POST", "/x?y", headers, 3) == b"POST /x?y HTTP/1.1\r\na: b\r\ncontent-length: 3\r\n\r\n"
