"""Streams go at the client's pace: nothing piles up in the gateway, and nobody is blamed for a client that is slow."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec

from serving import END, ROLE, STREAM_HEAD, Gateway, Seen, Target, chunks, event, free_port, gateway, table, targets
from switchover_dataplane.table.policies import Policy

ASKED = msgspec.json.encode({"model": "m", "stream": True, "messages": []})
PIECE = event({"content": "x" * 20_000})
MANY = 3_000
MOST_HELD = 30 << 20
"""What the sockets, the gateway and the kernel may hold between the target and a client that reads nothing."""


class Pouring:
    """A target that sends as fast as it may; `sent` counts the bytes that it got rid of."""

    def __init__(self) -> None:
        self.sent = 0

    async def __call__(self, _seen: Seen, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(STREAM_HEAD + chunks(ROLE, end=False))
        for _ in range(MANY):
            writer.write(chunks(PIECE, end=False))
            await writer.drain()
            self.sent += len(PIECE)
        writer.write(chunks(END))

    async def standing_still(self) -> int:
        """Wait until it gets rid of nothing any more."""
        before = -1
        async with asyncio.timeout(30):
            while self.sent == 0 or self.sent != before:
                before = self.sent
                await asyncio.sleep(0.3)
        return self.sent


@asynccontextmanager
async def reading(at: Gateway) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A client that asked for a stream and reads by itself."""
    reader, writer = await asyncio.open_connection("127.0.0.1", at.port, limit=1 << 16)
    writer.write(
        b"POST /model HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: %d\r\n\r\n%b"
        % (len(ASKED), ASKED)
    )
    try:
        yield reader, writer
    finally:
        writer.close()


@asynccontextmanager
async def pouring(policy: Policy | None = None) -> AsyncIterator[tuple[Pouring, Target, Gateway]]:
    script = Pouring()
    async with targets(script) as (first,), gateway(table(free_port(), [first.port], policy)) as at:
        yield script, first, at


async def test_a_client_that_reads_nothing_stops_the_target_and_memory_does_not_grow() -> None:
    async with pouring(Policy(stream_idle_timeout=0.2)) as (script, _, at), reading(at) as (reader, _):
        await reader.readuntil(b"\r\n\r\n")
        assert await script.standing_still() < MOST_HELD

        # Its time was the client's own: the target is not taken for silent, and all of it arrives.
        body = await reader.read()

    assert (body.count(PIECE), body.endswith(b"0\r\n\r\n")) == (MANY, True)


async def test_a_client_that_leaves_in_the_middle_takes_its_upstream_call_along() -> None:
    async with pouring() as (script, first, at), reading(at) as (reader, writer):
        await reader.readuntil(b"xxx")
        await script.standing_still()
        writer.close()
        async with asyncio.timeout(40):
            await first.left.wait()
            while any(at.runtime.in_flight.values()):
                await asyncio.sleep(0.01)
