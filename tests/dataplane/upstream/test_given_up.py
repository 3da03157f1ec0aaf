"""Requests and answers that are given up, over real sockets and on both event loops."""

import asyncio

import pytest

from requests_sent import count, post, whole
from switchover_dataplane.attempts.answer import Answer
from switchover_dataplane.upstream.transport import ConnectionBroken, Transport
from wire import OK, Peer, listening

pytestmark = pytest.mark.asyncio(loop_factories=["asyncio", "uvloop"])


async def test_a_cancelled_request_closes_its_connection(transport: Transport) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        arrived.set()
        await peer.gone()
        closed.set()

    arrived, closed = asyncio.Event(), asyncio.Event()
    async with listening(script) as to:
        sending = asyncio.create_task(post(transport, to))
        await arrived.wait()
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        await closed.wait()
        assert (count(transport, to, "used"), count(transport, to, "idle")) == (0, 0)


async def test_an_answer_that_was_given_up_never_reads_as_complete(transport: Transport) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nsome")
        await peer.gone()
        closed.set()

    closed = asyncio.Event()
    async with listening(script) as to:
        response = await post(transport, to)
        response.abort()
        with pytest.raises(ConnectionBroken):
            await response.chunk()
        await closed.wait()


async def test_losing_patience_with_a_piece_loses_none_of_it(transport: Transport) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n")
        await go_on.wait()
        await peer.say(b"ok")

    go_on = asyncio.Event()
    async with listening(script) as to:
        response = await post(transport, to)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await response.chunk()
        go_on.set()
        assert await whole(response) == b"ok"


async def test_a_short_body_is_read_away_so_that_its_connection_is_kept(transport: Transport) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(b"HTTP/1.1 429 Slow down\r\ncontent-length: 4\r\n\r\nno")
        await peer.say(b"pe")
        await peer.request()
        await peer.say(OK)

    async with listening(script) as to:
        response = await post(transport, to)
        await response.drain()
        response.abort()
        assert (await whole(await post(transport, to)), to.accepted) == (b"ok", 1)


@pytest.mark.parametrize("size", [100_000, 10], ids=["long", "stalled"])
async def test_a_body_that_is_not_short_costs_its_connection(transport: Transport, size: int) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(b"HTTP/1.1 429 Slow down\r\ncontent-length: %d\r\n\r\n" % size + b"x" * (size - 1))
        await peer.gone()
        closed.set()

    closed = asyncio.Event()
    async with listening(script) as to:
        response = await post(transport, to)
        await Answer(response.status, response.headers, rest=response).put_away()
        await closed.wait()
        assert (count(transport, to, "used"), count(transport, to, "idle")) == (0, 0)
