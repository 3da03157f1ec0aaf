"""Connections that are used again, and those that are not, over real sockets and on both event loops."""

import asyncio

import pytest

from requests_sent import count, in_pieces, post, whole
from serving import ON_THIS_MACHINE
from switchover_dataplane.upstream.transport import ConnectionBroken, Transport
from wire import OK, Peer, answering, listening

pytestmark = pytest.mark.asyncio(loop_factories=["asyncio", "uvloop"])


async def test_a_connection_is_used_again_after_a_whole_answer(transport: Transport) -> None:
    async with listening(answering(OK, OK, OK)) as to:
        for _ in range(3):
            await whole(await post(transport, to))

        assert (to.accepted, count(transport, to, "opened"), count(transport, to, "reused")) == (1, 1, 2)


async def test_a_connection_serves_others_as_soon_as_the_answer_is_whole(transport: Transport) -> None:
    async with listening(answering(OK, OK)) as to:
        unread = await post(transport, to)
        read = await post(transport, to)

        assert (await whole(read), await whole(unread), to.accepted) == (b"ok", b"ok", 1)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok",
        b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok",
        OK + b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil",
        OK + b"\0",
    ],
    ids=["asked to close", "HTTP/1.0", "a second answer", "rubbish behind it"],
)
async def test_a_connection_is_not_used_again_after(transport: Transport, answer: bytes) -> None:
    async with listening(answering(answer, OK)) as to:
        assert await whole(await post(transport, to)) == b"ok"
        assert await whole(await post(transport, to)) == b"ok"
        assert to.accepted == 2


async def test_bytes_on_an_idle_connection_close_it(transport: Transport) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(OK)
        if to.accepted == 1:
            await whole_read.wait()
            await peer.say(b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\n\r\n")
        await peer.gone()
        closed.set()

    whole_read, closed = asyncio.Event(), asyncio.Event()
    async with listening(script) as to:
        await whole(await post(transport, to))
        whole_read.set()
        await closed.wait()
        assert (await whole(await post(transport, to)), to.accepted) == (b"ok", 2)


@pytest.mark.parametrize("orderly", [True, False], ids=["closed", "reset"])
async def test_a_kept_connection_that_died_is_replaced_unseen(transport: Transport, orderly: bool) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(OK)
        # The next request is read and lost with its connection, as an idle time-out races with it.
        await peer.request()
        if not orderly:
            peer.reset()

    async with listening(script) as to:
        await whole(await post(transport, to))
        assert await whole(await post(transport, to)) == b"ok"
        assert (to.accepted, len(to.requests)) == (2, 3)


@pytest.mark.parametrize("orderly", [True, False], ids=["closed", "reset"])
async def test_a_kept_connection_that_breaks_after_a_while_is_told_and_not_replaced(
    transport: Transport, orderly: bool
) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(OK)
        await peer.request()
        await asyncio.sleep(0.3)  # what it works on the request for, which no condition stands for
        if not orderly:
            peer.reset()

    async with listening(script) as to:
        await whole(await post(transport, to))
        with pytest.raises(ConnectionBroken) as broken:
            await post(transport, to)
        assert (broken.value.how, to.accepted, len(to.requests)) == ("eof" if orderly else "reset", 1, 2)


async def test_a_request_is_repeated_unseen_only_once(transport: Transport) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        if to.accepted == 1:
            await peer.say(OK)
            await peer.request()

    async with listening(script) as to:
        await whole(await post(transport, to))
        with pytest.raises(ConnectionBroken) as broken:
            await post(transport, to)
        assert (broken.value.how, len(to.requests)) == ("eof", 3)


async def test_a_kept_connection_that_began_to_answer_is_not_replaced(transport: Transport) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(OK)
        await peer.request()
        await peer.say(b"HTTP/1.1 2")

    async with listening(script) as to:
        await whole(await post(transport, to))
        with pytest.raises(ConnectionBroken):
            await post(transport, to)
        assert to.accepted == 1


async def test_a_body_that_can_be_sent_once_only_never_meets_a_kept_connection(transport: Transport) -> None:
    async with listening(answering(OK, OK)) as to:
        await whole(await post(transport, to))
        await whole(await post(transport, to, in_pieces(b"a")))
        assert to.accepted == 2


async def test_no_more_connections_are_kept_than_allowed() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        arrived.append(peer)
        if len(arrived) == 3:
            all_here.set()
        await all_here.wait()
        await peer.say(OK)
        await peer.gone()

    arrived: list[Peer] = []
    all_here = asyncio.Event()
    transport = Transport(targets=ON_THIS_MACHINE, max_idle_per_destination=2)
    async with listening(script) as to:
        await asyncio.gather(*(post(transport, to) for _ in range(3)))
        assert (count(transport, to, "idle"), count(transport, to, "used")) == (2, 0)
        await transport.close()


async def test_closing_closes_idle_connections_now_and_used_ones_with_their_answers() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nab")
        await go_on.wait()
        await peer.say(b"cd")
        await peer.gone()
        closed.set()

    go_on, closed = asyncio.Event(), asyncio.Event()
    transport = Transport(targets=ON_THIS_MACHINE)
    async with listening(script) as to:
        response = await post(transport, to)
        await transport.close()
        go_on.set()
        assert await whole(response) == b"abcd"
        await closed.wait()
