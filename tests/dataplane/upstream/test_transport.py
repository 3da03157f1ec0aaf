"""Requests over real sockets that refuse, reset, cut, stall and lie, on asyncio's event loop and on uvloop's."""

import asyncio
import gc
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import cast

import pytest
from multidict import CIMultiDict

from serving import ON_THIS_MACHINE
from switchover_dataplane.attempts.answer import Answer
from switchover_dataplane.process import turns
from switchover_dataplane.upstream.connection import Connection
from switchover_dataplane.upstream.request_head import serialise
from switchover_dataplane.upstream.response_parser import ResponseParser
from switchover_dataplane.upstream.transport import ConnectionBroken, ConnectTo, Destination, Response, Transport
from wire import OK, Listener, Peer, answering, listening

pytestmark = pytest.mark.asyncio(loop_factories=["asyncio", "uvloop"])

BIG = 20 << 20


@pytest.fixture
async def transport() -> AsyncIterator[Transport]:
    one = Transport(targets=ON_THIS_MACHINE)
    yield one
    await one.close()


async def post(
    transport: Transport, to: Listener, body: bytes | AsyncIterator[bytes] = b"{}", method: str = "POST"
) -> Response:
    return await transport.send(
        Destination(to.host, to.port), method, serialise(method, "/x", CIMultiDict({"host": "a"})), body
    )


async def whole(response: Response) -> bytes:
    pieces = []
    while piece := await response.chunk():
        pieces.append(piece)
    return b"".join(pieces)


def taking(taken: list[bytes]) -> Callable[[bytes], bool]:
    """What takes each pushed piece and wants the next one."""

    def take(piece: bytes) -> bool:
        taken.append(piece)
        return True

    return take


def resetting(answer: bytes, taken: asyncio.Event) -> Callable[[Peer], Awaitable[None]]:
    """A target that answers and resets the connection once that was taken."""

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(answer)
        await taken.wait()
        peer.reset()

    return script


def count(transport: Transport, to: Listener, name: str) -> int:
    return transport.counts()[f"{to.host}:{to.port}"][name]


async def in_pieces(*pieces: bytes) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


# ── Answers ─────────────────────────────────────────────────────────────────────────────────────────────────────────


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


# ── Bodies that are pushed ──────────────────────────────────────────────────────────────────────────────────────────


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
    gc.collect()
    gc.disable()
    try:
        async with listening(answering(b"HTTP/1.0 200 OK\r\n\r\nall of it")) as to:
            assert await whole(await post(transport, to)) == b"all of it"

        assert [one for one in gc.get_objects() if isinstance(one, (Connection, ResponseParser))] == []
    finally:
        gc.enable()


# ── Answers that fail ───────────────────────────────────────────────────────────────────────────────────────────────


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


# ── Kept connections ────────────────────────────────────────────────────────────────────────────────────────────────


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


# ── Giving up ───────────────────────────────────────────────────────────────────────────────────────────────────────


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


# ── Request bodies ──────────────────────────────────────────────────────────────────────────────────────────────────


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


# ── Much, and many ──────────────────────────────────────────────────────────────────────────────────────────────────


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
