"""Rounds, one after the other: what wakes them, what they come to, and that nothing ends them."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from switchover_dataplane.table.parts import Pushed
from switchover_operator.compiler.admission import Admitted, admit
from switchover_operator.compiler.fleet import Cluster, Fleet, GatewayPort, Standalone
from switchover_operator.identity import Body, Identity, identity_of
from switchover_operator.loop import Loop, Round, Seen
from switchover_operator.publish import Endpoint
from switchover_operator.snapshot import Snapshot

STANDALONE = Standalone()


def gateway(port: int, **others: object) -> Body:
    return {
        **others,
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "Gateway",
        "metadata": {"name": "ai-gateway", "namespace": "gloo-system"},
        "spec": {"gatewayClassName": "switchover", "listeners": [{"name": "http", "protocol": "HTTP", "port": port}]},
    }


class ScriptedObjects:
    """The objects that there are at each look, a Gateway or its port, and every round that was reported."""

    def __init__(self, *moments: int | Body | Exception | None) -> None:
        self.next = list(moments)
        self.rounds: list[Round] = []
        self.at_once = 0
        self._reported = asyncio.Event()

    async def look(self) -> Seen | None:
        now = self.next.pop(0) if len(self.next) > 1 else self.next[0]
        if isinstance(now, Exception):
            raise now
        return None if now is None else Seen(Snapshot.of([gateway(now) if isinstance(now, int) else now]), Standalone())

    async def report(self, outcome: Round) -> None:
        self.at_once += 1
        assert self.at_once == 1
        await asyncio.sleep(0)
        self.at_once -= 1
        self.rounds.append(outcome)
        self._reported.set()

    async def until(self, condition: Callable[[Round], bool]) -> Round:
        while not self.rounds or not condition(self.rounds[-1]):
            await self._reported.wait()
            self._reported.clear()
        return self.rounds[-1]


def serves(port: int) -> Callable[[Round], bool]:
    return lambda outcome: [each.number for each in outcome.compiled.table.ports] == [port]


@asynccontextmanager
async def running(objects: ScriptedObjects, loop: Loop | None = None) -> AsyncIterator[Loop]:
    loop = loop or Loop(objects.look, objects.report)
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
    objects = ScriptedObjects(8080, 9090)
    async with running(objects) as loop:
        await objects.until(serves(8080))
        loop.mark_dirty()
        outcome = await objects.until(serves(9090))
        assert loop.publisher.acknowledgements.revision == outcome.compiled.table.revision


async def test_a_status_that_was_written_is_seen_and_nothing_is_compiled_again() -> None:
    status = {"conditions": [{"type": "Accepted", "status": "True"}]}
    objects = ScriptedObjects(8080, gateway(8080, status=status))
    async with running(objects) as loop:
        first = await objects.until(serves(8080))
        loop.mark_dirty()
        outcome = await objects.until(lambda outcome: outcome is not first)
    [body] = outcome.seen.snapshot.objects.values()
    assert body["status"] == status
    assert outcome.compiled is first.compiled
    assert first.seconds > 0
    assert outcome.seconds == 0


async def test_what_was_only_touched_is_looked_at_without_anybody_calling_for_it() -> None:
    objects = ScriptedObjects(8080, 9090)
    async with running(objects) as loop:
        await objects.until(serves(8080))
        loop.mark_status_changed()
        loop.mark_status_changed()
        await objects.until(serves(9090))


async def test_what_was_good_before_the_loop_began_serves_in_the_place_of_what_is_broken_at_first() -> None:
    broken: Body = {**gateway(8080), "spec": "nonsense"}
    good = admit(identity_of(gateway(8080)), gateway(8080), from_file=False)
    assert isinstance(good, Admitted)
    objects = ScriptedObjects(broken, 9090, broken)
    loop = Loop(objects.look, objects.report)
    loop.remember({identity_of(broken): good})
    async with running(objects, loop):
        await objects.until(serves(8080))
        loop.mark_dirty()
        await objects.until(serves(9090))
        loop.remember({identity_of(broken): good})
        told = len(objects.rounds)
        loop.mark_dirty()
        await objects.until(lambda _: len(objects.rounds) > told)
        assert serves(9090)(objects.rounds[-1]), "what this loop knows to be good itself is newer"


async def test_nothing_is_published_before_the_first_view_is_complete() -> None:
    objects = ScriptedObjects(None, 8080)
    async with running(objects) as loop:
        while len(objects.next) > 1:
            await asyncio.sleep(0)
        assert loop.publisher.acknowledgements.revision == ""
        assert objects.rounds == []
        loop.mark_dirty()
        await objects.until(serves(8080))


async def test_a_round_that_fails_is_logged_and_the_next_one_succeeds(caplog: pytest.LogCaptureFixture) -> None:
    objects = ScriptedObjects(8080, RuntimeError("the disk is on fire"), 9090)
    async with running(objects) as loop:
        first = await objects.until(serves(8080))
        loop.mark_dirty()
        while len(objects.next) > 1:
            await asyncio.sleep(0)
        assert loop.publisher.acknowledgements.revision == first.compiled.table.revision
        await objects.until(serves(9090))
    [record] = [each for each in caplog.records if each.levelno >= logging.ERROR]
    assert record.exc_info is not None
    assert "the disk is on fire" in str(record.exc_info[1])


async def test_changes_that_come_together_share_a_round() -> None:
    objects = ScriptedObjects(8080)
    async with running(objects) as loop:
        await objects.until(serves(8080))
        told = len(objects.rounds)
        for _ in range(100):
            loop.mark_dirty()
            await asyncio.sleep(0)
        await objects.until(lambda _: len(objects.rounds) > told)
        assert len(objects.rounds) <= told + 2


async def test_a_word_of_a_data_plane_is_told_without_compiling_again(tmp_path: Path) -> None:
    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        body = b'{"revision": "%b"}' % loop.publisher.acknowledgements.revision.encode()
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%b" % (len(body), body))
        writer.close()

    objects = ScriptedObjects(8080)
    server = await asyncio.start_unix_server(accept, str(tmp_path / "push"))
    async with running(objects) as loop:
        first = await objects.until(serves(8080))
        loop.publisher.serve([Endpoint("a", str(tmp_path / "push"))])
        outcome = await objects.until(lambda outcome: outcome.acknowledgements.complete)
        assert outcome.compiled is first.compiled
        assert outcome.seconds == 0
    server.close()


@pytest.mark.parametrize("port", [8080, 9090])
async def test_whoever_leads_again_pushes_what_there_is_now_and_nothing_of_its_last_term(
    tmp_path: Path, port: int
) -> None:
    pushed: list[str] = []

    async def note(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        if head.startswith(b"PUT"):
            [length] = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
            body = await reader.readexactly(int(length.split(b":")[1]))
            pushed.append(msgspec.msgpack.decode(body, type=Pushed).revision)
        body = b'{"revision": "%b"}' % pushed[-1].encode()
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%b" % (len(body), body))
        writer.close()

    async def look() -> Seen | None:
        seen = await objects.look()
        if leads_again:
            loop.publisher.serve([Endpoint("a", str(tmp_path / "push"))])
            # Time for a push of what is there already.
            for _ in range(100):
                await asyncio.sleep(0)
        return seen

    leads_again = False
    objects = ScriptedObjects(8080, port)
    loop = Loop(look, objects.report)
    server = await asyncio.start_unix_server(note, str(tmp_path / "push"))
    async with running(objects, loop):
        await objects.until(serves(8080))
    leads_again = True
    async with running(objects, loop):
        outcome = await objects.until(lambda outcome: outcome.acknowledgements.complete)
    server.close()
    assert serves(port)(outcome)
    assert set(pushed) == {outcome.compiled.table.revision}


# ── What is worth compiling again ───────────────────────────────────────────────────────────────────────────────────


def seen(*bodies: Body, fleet: Fleet = STANDALONE, sources: Mapping[Identity, str] | None = None) -> Seen:
    return Seen(Snapshot.of(bodies, sources), fleet)


def with_metadata(**metadata: object) -> Body:
    body = gateway(8080)
    return {**body, "metadata": {**body["metadata"], **metadata}}


@pytest.mark.parametrize(
    "other",
    [
        gateway(8080),
        gateway(8080, status={"conditions": []}),
        with_metadata(resourceVersion="8"),
        {**with_metadata(resourceVersion="8"), "status": {}},
    ],
)
def test_what_differs_in_its_status_alone_compiles_to_the_same(other: Body) -> None:
    assert seen(with_metadata(resourceVersion="7")).compiles_to_the_same_as(seen(other))
    assert seen(other).compiles_to_the_same_as(seen(with_metadata(resourceVersion="7")))


@pytest.mark.parametrize(
    "other",
    [
        seen(),
        seen(gateway(9090)),
        seen(with_metadata(generation=2)),
        seen(with_metadata(labels={"team": "ai"})),
        seen(with_metadata(deletionTimestamp="2026-01-31T12:00:00Z")),
        seen(with_metadata(name="another")),
        seen(with_metadata(), with_metadata(name="another")),
        seen(gateway(8080), gateway(9090)),
        seen(gateway(8080), fleet=Cluster({})),
        seen(gateway(8080), sources={identity_of(gateway(8080)): "gateway.yaml:1"}),
    ],
)
def test_whatever_else_differs_is_compiled_again(other: Seen) -> None:
    assert not seen(gateway(8080)).compiles_to_the_same_as(other)
    assert not other.compiles_to_the_same_as(seen(gateway(8080)))


def test_ports_of_a_fleet_that_moved_are_compiled_again() -> None:
    ports = [Cluster({GatewayPort("gloo-system", "ai-gateway", 8080): number}) for number in (10000, 10000, 10001)]
    one, same, other = (seen(gateway(8080), fleet=fleet) for fleet in ports)
    assert one.compiles_to_the_same_as(same)
    assert not one.compiles_to_the_same_as(other)
