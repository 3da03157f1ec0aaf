"""However much a target sends at once: in one turn of the event loop only so much of it is worked off."""

import asyncio
import gzip
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from io import BytesIO

import aiohttp
import msgspec
import pytest

from beside import beside
from coded import CODE, zstd
from serving import END, ON_THIS_MACHINE, STREAM_HEAD, chunks, event, free_port, gateway, raw, table, targets
from switchover_dataplane.formats.sse import Event
from switchover_dataplane.process import turns
from switchover_dataplane.streams.transcript import Transcript
from switchover_dataplane.upstream.codings import MOST_TIMES
from switchover_dataplane.upstream.decoded import decoded
from switchover_dataplane.upstream.transport import ConnectionBroken, Destination, Response, Transport
from wire import answering, listening

SMALL = b"data: 1\n\n"
TEXT = event({"content": "a"})
ASKED = {"model": "asked", "stream": True, "messages": [{"role": "user", "content": "hi"}]}

HEAD = b"GET / HTTP/1.1\r\nhost: a\r\n"


class Others:
    """Whoever else wants a turn: adds up what is worked off between two of theirs."""

    def __init__(self) -> None:
        self.most = 0
        self.turns = 0
        self._since = 0

    def count(self, amount: int) -> None:
        self._since += amount
        self.most = max(self.most, self._since)

    async def want(self) -> None:
        while True:
            self._since = 0
            self.turns += 1
            await asyncio.sleep(0)


@asynccontextmanager
async def answered(body: bytes, headers: bytes = b"") -> AsyncIterator[Response]:
    """Ask a target that answers with this body."""
    head = b"HTTP/1.1 200 OK\r\n" + headers + b"content-length: %d\r\n\r\n" % len(body)
    transport = Transport(targets=ON_THIS_MACHINE)
    async with listening(answering(head + body)) as to:
        response = await transport.send(Destination(to.host, to.port), "GET", HEAD, None)
        try:
            yield response
        finally:
            response.abort()
            await transport.close()


async def read(response: Response, others: Others) -> int:
    """Read a body to its end as fast as it goes."""
    size = 0
    async with beside(others.want()):
        while piece := await response.chunk():
            others.count(len(piece))
            size += len(piece)
    return size


CODINGS: dict[str, tuple[Callable[[bytes], bytes], bytes]] = {
    "no coding": (lambda body: body, b""),
    "gzip": (CODE["gzip"], b"content-encoding: gzip\r\n"),
    "deflate": (CODE["deflate"], b"content-encoding: deflate\r\n"),
    "br": (CODE["br"], b"content-encoding: br\r\n"),
    "zstd": (CODE["zstd"], b"content-encoding: zstd\r\n"),
    "gzip upon br": (lambda body: CODE["gzip"](CODE["br"](body)), b"content-encoding: br, gzip\r\n"),
    "br upon gzip upon zstd": (
        lambda body: CODE["br"](CODE["gzip"](CODE["zstd"](body))),
        b"content-encoding: zstd, gzip\r\ncontent-encoding: br\r\n",
    ),
}


@pytest.mark.parametrize(("coding", "headers"), CODINGS.values(), ids=CODINGS)
async def test_of_a_body_that_is_at_hand_no_more_than_64_kib_are_read_in_a_turn(
    coding: Callable[[bytes], bytes], headers: bytes
) -> None:
    body, others = b"x" * 3_000_001, Others()
    async with answered(coding(body), headers) as response:
        size = await read(decoded(response), others)
    assert size == len(body)
    assert others.most <= turns.BYTES
    assert others.turns >= len(body) // turns.BYTES


@pytest.mark.parametrize(
    ("compress", "coding"), [(gzip.compress, b"gzip"), (zstd.compress, b"zstd")], ids=["gzip", "zstd"]
)
@pytest.mark.parametrize("each", [b"", b"x"], ids=["of nothing", "of a byte"])
async def test_the_smallest_members_are_read_in_turns(
    compress: Callable[[bytes], bytes], coding: bytes, each: bytes
) -> None:
    members, others = 20_000, Others()
    body = compress(each) * members + compress(b"end")
    async with answered(body, b"content-encoding: %b\r\n" % coding) as response:
        assert await read(decoded(response), others) == 3 + len(each) * members
    assert others.turns >= members // turns.EVENTS


async def test_what_is_pending_in_the_decoder_does_not_wait_for_more_from_the_target() -> None:
    compressor = zlib.compressobj(wbits=31)
    begun = compressor.compress(b"x" * (2 * turns.BYTES)) + compressor.flush(zlib.Z_SYNC_FLUSH)
    head = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ntransfer-encoding: chunked\r\n\r\n"
    transport = Transport(targets=ON_THIS_MACHINE)

    async def script(peer: object) -> None:
        await answering(head + chunks(begun, end=False))(peer)  # type: ignore[arg-type]
        await peer.gone()  # type: ignore[attr-defined]

    async with listening(script) as to:
        response = await transport.send(Destination(to.host, to.port), "GET", HEAD, None)
        coming = decoded(response)
        assert len(await coming.chunk()) + len(await coming.chunk()) == 2 * turns.BYTES
        response.abort()
        await transport.close()


BOMBS: dict[str, bytes] = {
    "gzip": b"gzip",
    "br": b"br",
    "zstd": b"zstd",
    "gzip upon gzip": b"gzip, gzip",
    "br upon zstd": b"zstd, br",
    "members of nothing upon zstd": b"gzip, zstd",
}
NOTHING = gzip.compress(b"")
LONG_NOTHING = NOTHING[:3] + b"\x08" + NOTHING[4:10] + b"n" * 179 + b"\0" + NOTHING[10:]
"""Nothing under a long name (RFC 1952, section 2.3: FNAME), so that few members are many bytes."""


@pytest.mark.parametrize(("bomb", "coding"), BOMBS.items(), ids=BOMBS)
async def test_a_body_that_is_far_larger_than_its_coding_is_broken_whatever_comes_of_it(
    bomb: str, coding: bytes
) -> None:
    body = LONG_NOTHING * 100_000 if bomb.startswith("members") else b"\0" * (40 << 20)
    for each in bomb.removeprefix("members of nothing upon ").split(" upon ")[::-1]:
        body = CODE[each](body)
    others = Others()
    async with answered(body, b"content-encoding: %b\r\n" % coding) as response:
        with pytest.raises(ConnectionBroken, match=f"more than {MOST_TIMES} times"):
            await read(decoded(response), others)
    assert others.most <= turns.BYTES


async def test_a_zstd_whose_window_is_larger_than_anybody_has_to_hold_is_broken() -> None:
    options: dict[int, int] = {
        zstd.CompressionParameter.window_log: 27,
        zstd.CompressionParameter.content_size_flag: 0,
    }
    compressor = zstd.ZstdCompressor(options=options)
    body = compressor.compress(b"a" * 1_000) + compressor.flush()
    async with answered(body, b"content-encoding: zstd\r\n") as response:
        with pytest.raises(ConnectionBroken, match="not in its content-encoding"):
            await read(decoded(response), Others())


FLOODS: dict[str, bytes] = {
    "chunks of text": TEXT * 20_000,
    "events of another form": TEXT + SMALL * 20_000,
    "events without data": TEXT + b"a\n\n" * 20_000,
    "chunks of text before anything else": b"data: {}\n\n" * 20_000 + TEXT,
}


@pytest.mark.parametrize("coded", [False, True], ids=["as it is", "gzip"])
@pytest.mark.parametrize("flood", FLOODS.values(), ids=FLOODS)
async def test_of_a_stream_that_is_at_hand_no_more_events_than_one_turn_is_for_are_taken_in_a_turn(
    flood: bytes, coded: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    others, take = Others(), Transcript.take

    def counted(transcript: Transcript, taken: Event) -> bytes:
        others.count(1)
        return take(transcript, taken)

    monkeypatch.setattr(Transcript, "take", counted)
    sent = flood + END
    head = STREAM_HEAD.replace(b"\r\n\r\n", b"\r\ncontent-encoding: gzip\r\n\r\n") if coded else STREAM_HEAD
    got = await _streamed(raw(head + chunks(gzip.compress(sent) if coded else sent)), others)
    assert got == sent
    assert others.most <= turns.EVENTS


async def test_a_run_of_blank_lines_and_comments_is_handed_on_as_few_events(monkeypatch: pytest.MonkeyPatch) -> None:
    others, take, taken = Others(), Transcript.take, []

    def counted(transcript: Transcript, one: Event) -> bytes:
        taken.append(one)
        return take(transcript, one)

    monkeypatch.setattr(Transcript, "take", counted)
    sent = TEXT + b"\n" * 500_000 + b"\r\n" * 100_000 + b": ping\n\n" * 20_000 + END
    assert await _streamed(raw(STREAM_HEAD + chunks(sent)), others) == sent
    assert len(taken) < 200


async def _streamed(target: Callable[..., Awaitable[None]], others: Others) -> bytes:
    async with targets(target) as [one], gateway(table(free_port(), [one.port])) as at, beside(others.want()):
        async with aiohttp.ClientSession() as session:
            async with session.post(f"{at.url}/model", data=BytesIO(msgspec.json.encode(ASKED))) as answer:
                return await answer.read()


async def test_of_all_who_gave_way_one_goes_on_each_time_round_the_event_loop() -> None:
    others, went_on = Others(), list[int]()

    async def large(number: int) -> None:
        for _ in range(3):
            await turns.give_way()
            others.count(1)
            went_on.append(number)

    async with beside(others.want()):
        await asyncio.gather(*map(large, range(10)))

    assert others.most == 1
    assert went_on == [*range(10)] * 3


async def test_who_is_given_up_while_it_waits_for_its_turn_keeps_nobody_from_theirs() -> None:
    first, second = asyncio.create_task(turns.give_way()), asyncio.create_task(turns.give_way())
    await asyncio.sleep(0)
    first.cancel()
    await second
