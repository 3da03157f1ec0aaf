"""Rounds, one after the other: what wakes them, what they come to, and that nothing ends them."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from switchover_operator.fleet import Standalone
from switchover_operator.identity import Body
from switchover_operator.loop import Loop, Round, Seen
from switchover_operator.publish import Endpoint
from switchover_operator.snapshot import Snapshot


def gateway(port: int) -> Body:
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "Gateway",
        "metadata": {"name": "ai-gateway", "namespace": "gloo-system"},
        "spec": {"gatewayClassName": "switchover", "listeners": [{"name": "http", "protocol": "HTTP", "port": port}]},
    }


class World:
    """The objects that there are, and every round that was told of."""

    def __init__(self, *ports: int | Exception | None) -> None:
        self.next = list(ports)
        self.rounds: list[Round] = []
        self.at_once = 0
        self._told = asyncio.Event()

    async def look(self) -> Seen | None:
        now = self.next.pop(0) if len(self.next) > 1 else self.next[0]
        if isinstance(now, Exception):
            raise now
        return None if now is None else Seen(Snapshot.of([gateway(now)]), Standalone())

    async def tell(self, outcome: Round) -> None:
        self.at_once += 1
        assert self.at_once == 1
        await asyncio.sleep(0)
        self.at_once -= 1
        self.rounds.append(outcome)
        self._told.set()

    async def until(self, condition: Callable[[Round], bool]) -> Round:
        while not self.rounds or not condition(self.rounds[-1]):
            await self._told.wait()
            self._told.clear()
        return self.rounds[-1]


def serves(port: int) -> Callable[[Round], bool]:
    return lambda outcome: [each.number for each in outcome.compiled.table.ports] == [port]


@asynccontextmanager
async def running(world: World) -> AsyncIterator[Loop]:
    loop = Loop(world.look, world.tell)
    async with loop.publisher:
        task = asyncio.create_task(loop.run())
        loop.mark_dirty()
        try:
            yield loop
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


async def test_a_change_leads_to_a_round_that_compiles_everything_there_is() -> None:
    world = World(8080, 9090)
    async with running(world) as loop:
        await world.until(serves(8080))
        loop.mark_dirty()
        outcome = await world.until(serves(9090))
        assert loop.publisher.acknowledgements.revision == outcome.compiled.table.revision


async def test_nothing_is_published_before_the_first_view_is_complete() -> None:
    world = World(None, 8080)
    async with running(world) as loop:
        while len(world.next) > 1:
            await asyncio.sleep(0)
        assert loop.publisher.acknowledgements.revision == ""
        assert world.rounds == []
        loop.mark_dirty()
        await world.until(serves(8080))


async def test_a_round_that_fails_is_logged_and_the_next_one_succeeds(caplog: pytest.LogCaptureFixture) -> None:
    world = World(8080, RuntimeError("the disk is on fire"), 9090)
    async with running(world) as loop:
        first = await world.until(serves(8080))
        loop.mark_dirty()
        while len(world.next) > 1:
            await asyncio.sleep(0)
        assert loop.publisher.acknowledgements.revision == first.compiled.table.revision
        await world.until(serves(9090))
    [record] = [each for each in caplog.records if each.levelno >= logging.ERROR]
    assert record.exc_info is not None
    assert "the disk is on fire" in str(record.exc_info[1])


async def test_changes_that_come_together_share_a_round() -> None:
    world = World(8080)
    async with running(world) as loop:
        await world.until(serves(8080))
        told = len(world.rounds)
        for _ in range(100):
            loop.mark_dirty()
            await asyncio.sleep(0)
        await world.until(lambda _: len(world.rounds) > told)
        assert len(world.rounds) <= told + 2


async def test_a_word_of_a_data_plane_is_told_without_compiling_again(tmp_path: Path) -> None:
    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        body = b'{"revision": "%b"}' % loop.publisher.acknowledgements.revision.encode()
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%b" % (len(body), body))
        writer.close()

    world = World(8080)
    server = await asyncio.start_unix_server(accept, str(tmp_path / "push"))
    async with running(world) as loop:
        first = await world.until(serves(8080))
        loop.publisher.serve([Endpoint("a", str(tmp_path / "push"))])
        outcome = await world.until(lambda outcome: outcome.acknowledgements.complete)
        assert outcome.compiled is first.compiled
    server.close()
