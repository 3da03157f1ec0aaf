"""Bodies that are pushed to who reads them, over real sockets and on both event loops."""

import asyncio
import gc

import pytest

from requests_sent import post, taking, whole
from switchover_dataplane.process import turns
from switchover_dataplane.upstream.connection import Connection
from switchover_dataplane.upstream.response_parser import ResponseParser
from switchover_dataplane.upstream.transport import ConnectionBroken, Transport
from wire import OK, Peer, answering, listening

pytestmark = pytest.mark.asyncio(loop_factories=["asyncio", "uvloop"])


async def test_a_pushed_body_is_taken_whole_and_its_connection_is_kept(transport: Transport) -> None:
    size = 3 * turns.BYTES + 7
    long = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size + b"x" * size
    async with listening(answering(long, OK)) as to:
        taken: list[bytes] = []
        response = await post(transport, to)

        assert not await response.push(taking(taken))

        assert b"".join(taken) == b"x" * size
        assert await whole(await post(transport, to)) == b"ok"
        assert to.accepted == 1


async def test_a_piece_is_pushed_at_the_moment_at_which_it_comes(transport: Transport) -> None:
    asked: asyncio.Queue[bytes] = asyncio.Queue()

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        while piece := await asked.get():
            await peer.say(b"1\r\n%b\r\n" % piece)
        await peer.say(b"0\r\n\r\n")

    def take(piece: bytes) -> bool:
        taken.append(piece)
        asked.put_nowait(more.pop())
        return True

    taken: list[bytes] = []
    more = [b"", b"c", b"b"]
    async with listening(script) as to:
        response = await post(transport, to)
        asked.put_nowait(b"a")

        assert not await response.push(take)

    assert taken == [b"a", b"b", b"c"]


async def test_pushing_ends_where_it_is_refused_and_the_rest_is_read_on(transport: Transport) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nfirst\r\n")
        await refused.wait()
        await peer.say(b"4\r\nrest\r\n0\r\n\r\n")

    def refuse(piece: bytes) -> bool:
        taken.append(piece)
        refused.set()
        return False

    refused = asyncio.Event()
    taken: list[bytes] = []
    async with listening(script) as to:
        response = await post(transport, to)

        assert await response.push(refuse)

        assert (taken, await whole(response)) == ([b"first"], b"rest")


async def test_a_body_that_breaks_while_it_is_pushed_is_taken_so_far_and_raised(transport: Transport) -> None:
    cut = b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf"
    async with listening(answering(cut)) as to:
        taken: list[bytes] = []
        response = await post(transport, to)

        with pytest.raises(ConnectionBroken) as broken:
            await response.push(taking(taken))

    assert (broken.value.how, taken) == ("truncated", [b"half"])


async def test_a_connection_that_ended_leaves_nothing_for_the_garbage_collector(transport: Transport) -> None:
    gc.disable()
    gc.freeze()
    try:
        async with listening(answering(b"HTTP/1.0 200 OK\r\n\r\nall of it")) as to:
            assert await whole(await post(transport, to)) == b"all of it"

        assert [one for one in gc.get_objects() if isinstance(one, (Connection, ResponseParser))] == []
    finally:
        gc.enable()
