"""Bodies of requests, over real sockets and on both event loops."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from requests_sent import count, in_pieces, post, whole
from switchover_dataplane.upstream.transport import Transport
from wire import OK, Peer, answering, listening

pytestmark = pytest.mark.asyncio(loop_factories=["asyncio", "uvloop"])

BIG = 20 << 20


@pytest.mark.parametrize("size", [0, 1, 65_536, 65_537, BIG])
async def test_a_body_arrives_whole_whatever_its_size(transport: Transport, size: int) -> None:
    async with listening(answering(OK, OK)) as to:
        for _ in range(2):
            await whole(await post(transport, to, b"x" * size))

        assert [request.partition(b"\r\n\r\n")[2] == b"x" * size for request in to.requests] == [True, True]
        assert to.accepted == 1


async def test_a_body_of_unknown_length_is_sent_in_chunks_and_an_empty_piece_does_not_end_it(
    transport: Transport,
) -> None:
    async with listening(answering(OK)) as to:
        await whole(await post(transport, to, in_pieces(b"abc", b"", b"d")))

        head, _, body = to.requests[0].partition(b"\r\n\r\n")
        assert (b"transfer-encoding: chunked" in head, body) == (True, b"3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n")


async def test_a_body_that_fails_is_raised_as_itself_and_does_not_look_complete(transport: Transport) -> None:
    async def failing() -> AsyncIterator[bytes]:
        yield b"abc"
        await arrived.wait()
        raise KeyError("the caller left")

    async def script(peer: Peer) -> None:
        await peer.reader.readuntil(b"abc\r\n")
        arrived.set()
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await peer.reader.readuntil(b"0\r\n\r\n")
        cut.set()

    arrived, cut = asyncio.Event(), asyncio.Event()
    async with listening(script) as to:
        with pytest.raises(KeyError, match="the caller left"):
            await post(transport, to, failing())
        await cut.wait()


async def test_a_target_that_does_not_read_holds_the_caller_back(transport: Transport) -> None:
    pieces, read = 0, asyncio.Event()

    async def pulled() -> AsyncIterator[bytes]:
        nonlocal pieces
        for _ in range(64):
            pieces += 1
            yield b"x" * (1 << 20)

    async def script(peer: Peer) -> None:
        await read.wait()
        await peer.request()
        await peer.say(OK)

    async with listening(script) as to:
        sending = asyncio.create_task(post(transport, to, pulled()))
        while not pieces:
            await asyncio.sleep(0)
        for _ in range(500):
            await asyncio.sleep(0)
        assert pieces < 64
        read.set()
        assert (await whole(await sending), pieces) == (b"ok", 64)


@pytest.mark.parametrize("known_length", [True, False], ids=["bytes", "iterator"])
async def test_an_early_answer_is_taken_while_the_body_is_still_sent(transport: Transport, known_length: bool) -> None:
    async def script(peer: Peer) -> None:
        await peer.reader.readuntil(b"\r\n\r\n")
        await peer.say(b"HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\n\r\n")
        await peer.gone()
        closed.set()

    closed = asyncio.Event()
    async with listening(script) as to:
        body = b"x" * BIG if known_length else in_pieces(*[b"x" * 65_536] * (BIG >> 16))
        response = await post(transport, to, body)
        assert (response.status, await whole(response)) == (413, b"")
        assert (count(transport, to, "idle"), count(transport, to, "used")) == (0, 0)
        await closed.wait()
