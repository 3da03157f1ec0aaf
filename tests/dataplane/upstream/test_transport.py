"""Requests over real sockets that refuse, reset, cut, stall and lie, on asyncio's event loop and on uvloop's."""

import asyncio
from typing import cast

import pytest
from multidict import CIMultiDict

from requests_sent import count, post, resetting, whole
from switchover_dataplane.upstream.request_head import serialise
from switchover_dataplane.upstream.transport import ConnectionBroken, ConnectTo, Destination, Transport
from wire import OK, Listener, Peer, answering, listening

pytestmark = pytest.mark.asyncio(loop_factories=["asyncio", "uvloop"])


async def test_an_answer_comes_with_its_status_headers_and_body(transport: Transport) -> None:
    async with listening(answering(b"HTTP/1.1 418 Teapot\r\nX-A: b\r\ncontent-length: 3\r\n\r\nabc")) as to:
        response = await post(transport, to)

        assert (response.status, response.headers["x-a"], await whole(response)) == (418, "b", b"abc")


@pytest.mark.parametrize("trailer", [b"connection: close", b"transfer-encoding: gzip", b"x-late: y"])
async def test_a_trailer_does_not_cost_the_next_request(transport: Transport, trailer: bytes) -> None:
    chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n" + trailer + b"\r\n\r\n"
    async with listening(answering(chunked, OK)) as to:
        assert await whole(await post(transport, to)) == b"ok"
        assert await whole(await post(transport, to)) == b"ok"
        assert to.accepted == 2


async def test_a_head_comes_before_its_body(transport: Transport) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        await go_on.wait()
        await peer.say(b"2\r\nok\r\n0\r\n\r\n")

    go_on = asyncio.Event()
    async with listening(script) as to:
        response = await post(transport, to)
        go_on.set()
        assert await whole(response) == b"ok"


async def test_a_body_that_ends_with_the_connection_is_whole(transport: Transport) -> None:
    async with listening(answering(b"HTTP/1.0 200 OK\r\n\r\nall of it")) as to:
        assert await whole(await post(transport, to)) == b"all of it"


async def test_an_answer_to_head_has_no_body_and_the_next_one_has(transport: Transport) -> None:
    async with listening(answering(b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n", OK)) as to:
        assert await whole(await post(transport, to, b"", "HEAD")) == b""
        assert await whole(await post(transport, to)) == b"ok"
        assert to.accepted == 1


async def test_a_fresh_connection_that_closes_without_an_answer_is_broken(transport: Transport) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()

    async with listening(script) as to:
        with pytest.raises(ConnectionBroken) as broken:
            await post(transport, to)
    assert (broken.value.how, to.accepted) == ("eof", 1)


async def test_a_reset_before_the_head_is_told_as_one(transport: Transport) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        peer.reset()

    async with listening(script) as to:
        with pytest.raises(ConnectionBroken) as broken:
            await post(transport, to)
    assert broken.value.how == "reset"


async def test_a_reset_in_the_middle_of_a_body_is_told_as_one(transport: Transport) -> None:
    taken = asyncio.Event()
    async with listening(resetting(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nsome", taken)) as to:
        response = await post(transport, to)
        assert await response.chunk() == b"some"
        taken.set()
        with pytest.raises(ConnectionBroken) as broken:
            await response.chunk()
    assert broken.value.how == "reset"


async def test_an_unframed_body_that_ends_with_a_reset_is_not_whole(transport: Transport) -> None:
    taken = asyncio.Event()
    async with listening(resetting(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nsome", taken)) as to:
        response = await post(transport, to)
        assert await response.chunk() == b"some"
        taken.set()
        with pytest.raises(ConnectionBroken):
            await response.chunk()


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nnot a hundred",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nab",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n",
    ],
    ids=["cut length", "cut chunk", "no last chunk"],
)
async def test_a_body_that_is_cut_is_truncated_and_never_reads_as_complete(transport: Transport, answer: bytes) -> None:
    async with listening(answering(answer)) as to:
        response = await post(transport, to)
        for _ in range(2):
            with pytest.raises(ConnectionBroken) as broken:
                await whole(response)
            assert broken.value.how == "truncated"


async def test_what_came_before_a_broken_chunk_is_handed_on_first(transport: Transport) -> None:
    async with listening(answering(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\nzz\r\nab")) as to:
        response = await post(transport, to)
        assert await response.chunk() == b"ab"
        with pytest.raises(ConnectionBroken) as broken:
            await response.chunk()
    assert broken.value.how == "not-http"


async def test_what_is_no_http_is_broken_and_its_connection_closed(transport: Transport) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(b"220 mail.example ESMTP\r\n")
        await peer.gone()
        closed.set()

    closed = asyncio.Event()
    async with listening(script) as to:
        with pytest.raises(ConnectionBroken) as broken:
            await post(transport, to)
        assert (broken.value.how, count(transport, to, "used")) == ("not-http", 0)
        await closed.wait()


async def test_a_slow_reader_holds_the_target_back_instead_of_filling_memory(transport: Transport) -> None:
    size, sent = 64 << 20, 0

    async def script(peer: Peer) -> None:
        nonlocal sent
        await peer.request()
        await peer.say(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size)
        for _ in range(size >> 20):
            await peer.say(b"x" * (1 << 20))
            sent += 1 << 20
        await peer.gone()

    async with listening(script) as to:
        response = await post(transport, to)
        first = await response.chunk()
        for _ in range(500):
            await asyncio.sleep(0)
        assert sent < size
        assert len(first) + len(await whole(response)) == size
        assert count(transport, to, "idle") == 1


async def test_connect_to_redirects_the_connection_and_keeps_the_rest() -> None:
    async with listening(answering(OK)) as to:
        redirected = Transport(connect_to=[ConnectTo.parse(f"model.example:80:127.0.0.1:{to.port}")])
        destination = Destination("model.example", 80)
        response = await redirected.send(
            destination, "GET", serialise("GET", "/", CIMultiDict({"host": "model.example"})), None
        )
        assert await whole(response) == b"ok"
        assert b"host: model.example" in to.requests[0]
        await redirected.close()


class Constant(asyncio.Protocol):
    """Answers each read with one answer: as cheap as a target can be."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, _data: bytes) -> None:
        self._transport.write(OK)


@pytest.mark.asyncio(loop_factories=["uvloop"])
async def test_twenty_thousand_requests_need_no_more_connections_than_were_in_flight(transport: Transport) -> None:
    server = await asyncio.get_running_loop().create_server(Constant, "127.0.0.1", 0)
    to = Listener(*server.sockets[0].getsockname())

    async def caller() -> None:
        for _ in range(1250):
            assert await whole(await post(transport, to)) == b"ok"

    await asyncio.gather(*(caller() for _ in range(16)))

    assert count(transport, to, "opened") <= 16
    assert count(transport, to, "opened") + count(transport, to, "reused") == 20_000
    server.close()
