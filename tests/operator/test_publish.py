"""The newest table reaches every data plane over real sockets, whatever each of them does."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from switchover_dataplane.table import Table, Upstream, decode, sealed
from switchover_operator.publish import Acknowledgement, Acknowledgements, Endpoint, Publisher, wait_before

Answer = Callable[[str, asyncio.StreamWriter], Awaitable[None]]
"""What a scripted data plane does with the revision it was sent."""


class DataPlane:
    """A Unix socket that answers each push by the next line of its script; the last line repeats."""

    def __init__(self, path: Path, *script: Answer) -> None:
        self.endpoint = Endpoint(path.name, str(path))
        self.revisions: list[str] = []
        self._script = list(script)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                assert head.startswith(b"PUT /v1/table HTTP/1.1\r\n")
                [length] = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
                table = decode(await reader.readexactly(int(length.split(b":")[1])))
                self.revisions.append(table.revision)
                answer = self._script.pop(0) if len(self._script) > 1 else self._script[0]
                await answer(table.revision, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    @asynccontextmanager
    async def running(self) -> AsyncIterator["DataPlane"]:
        server = await asyncio.start_unix_server(self._serve, self.endpoint.address)
        try:
            yield self
        finally:
            server.close()


async def say(writer: asyncio.StreamWriter, status: str, body: bytes, length: int | None = None) -> None:
    writer.write(f"HTTP/1.1 {status}\r\ncontent-length: {length or len(body)}\r\n\r\n".encode() + body)
    await writer.drain()


async def accepts(revision: str, writer: asyncio.StreamWriter) -> None:
    await say(writer, "200 OK", msgspec.json.encode({"revision": revision}))


async def refuses(_revision: str, writer: asyncio.StreamWriter) -> None:
    await say(writer, "422 Unprocessable", msgspec.json.encode({"reasons": ["port 80 is taken"]}))


async def stalls(_revision: str, _writer: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


async def closes(_revision: str, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def truncates(revision: str, writer: asyncio.StreamWriter) -> None:
    await say(writer, "200 OK", msgspec.json.encode({"revision": revision}), length=4096)
    writer.close()


async def acknowledges_another(_revision: str, writer: asyncio.StreamWriter) -> None:
    await say(writer, "200 OK", b'{"revision": "another"}')


async def answers_nonsense(_revision: str, writer: asyncio.StreamWriter) -> None:
    await say(writer, "200 OK", b"<html>")


async def is_unwell(_revision: str, writer: asyncio.StreamWriter) -> None:
    await say(writer, "500 Internal Server Error", b"")


def table(name: str) -> Table:
    return sealed((), {}, {}, {name: Upstream(name)}, {})


ONE, TWO = table("one"), table("two")


class Ear:
    """Waits for the publisher to have heard what a test is about."""

    def __init__(self) -> None:
        self._heard = asyncio.Event()
        self.publisher = Publisher(self._heard.set)

    async def until(self, condition: Callable[[Acknowledgements], bool]) -> Acknowledgements:
        while not condition(self.publisher.acknowledgements):
            await self._heard.wait()
            self._heard.clear()
        return self.publisher.acknowledgements


async def test_every_data_plane_gets_the_table_and_its_word_is_kept(tmp_path: Path) -> None:
    ear = Ear()
    async with (
        DataPlane(tmp_path / "a", accepts).running() as a,
        DataPlane(tmp_path / "b", accepts).running() as b,
        ear.publisher as publisher,
    ):
        publisher.serve([a.endpoint, b.endpoint])
        assert not publisher.acknowledgements.complete
        publisher.publish(ONE)
        said = await ear.until(lambda said: said.complete)
    assert said.said == {"a": Acknowledgement(ONE.revision, True), "b": Acknowledgement(ONE.revision, True)}


async def test_a_table_of_many_mebibytes_arrives_whole(tmp_path: Path) -> None:
    ear = Ear()
    large = sealed((), {}, {}, {}, {"large": "x" * (8 << 20)})
    async with DataPlane(tmp_path / "a", accepts).running() as a, ear.publisher as publisher:
        publisher.serve([a.endpoint])
        publisher.publish(large)
        await ear.until(lambda said: said.complete)
    assert a.revisions == [large.revision]


async def test_a_refusal_keeps_its_reasons_and_is_tried_again(tmp_path: Path) -> None:
    ear = Ear()
    async with DataPlane(tmp_path / "a", refuses, refuses, accepts).running() as a, ear.publisher as publisher:
        publisher.publish(ONE)
        publisher.serve([a.endpoint])
        refused = await ear.until(lambda said: bool(said.refusals))
        assert refused.refusals == {"a": ("port 80 is taken",)}
        await ear.until(lambda said: said.complete)
    assert a.revisions == [ONE.revision] * 3


@pytest.mark.parametrize("failure", [closes, truncates, acknowledges_another, answers_nonsense, is_unwell])
async def test_a_push_without_a_word_on_it_is_repeated(tmp_path: Path, failure: Answer) -> None:
    ear = Ear()
    async with DataPlane(tmp_path / "a", failure, accepts).running() as a, ear.publisher as publisher:
        publisher.publish(ONE)
        publisher.serve([a.endpoint])
        await ear.until(lambda said: said.complete)
    assert len(a.revisions) >= 2


async def test_a_stalled_data_plane_delays_no_other_and_a_newer_table_overtakes_the_push(tmp_path: Path) -> None:
    ear = Ear()
    async with (
        DataPlane(tmp_path / "slow", stalls, accepts).running() as slow,
        DataPlane(tmp_path / "b", accepts).running() as b,
        ear.publisher as publisher,
    ):
        publisher.serve([slow.endpoint, b.endpoint])
        publisher.publish(ONE)
        said = await ear.until(lambda said: any((said.said or {}).values()))
        assert said.said == {"slow": None, "b": Acknowledgement(ONE.revision, True)}
        publisher.publish(TWO)
        await ear.until(lambda said: said.complete)
    assert slow.revisions[-1] == TWO.revision
    assert b.revisions == [ONE.revision, TWO.revision]


async def test_a_data_plane_that_is_not_there_yet_gets_the_table_once_it_is(tmp_path: Path) -> None:
    ear = Ear()
    late = DataPlane(tmp_path / "late", accepts)
    async with ear.publisher as publisher:
        publisher.publish(ONE)
        publisher.serve([late.endpoint])
        await asyncio.sleep(0)
        async with late.running():
            await ear.until(lambda said: said.complete)


async def test_a_data_plane_that_is_gone_is_forgotten(tmp_path: Path) -> None:
    ear = Ear()
    async with DataPlane(tmp_path / "a", accepts).running() as a, ear.publisher as publisher:
        publisher.serve([a.endpoint, Endpoint("gone", str(tmp_path / "gone"))])
        publisher.publish(ONE)
        await ear.until(lambda said: any((said.said or {}).values()))
        publisher.serve([a.endpoint])
        assert publisher.acknowledgements.complete
        publisher.serve([])
        assert not publisher.acknowledgements.complete


async def test_an_equal_revision_is_not_pushed_again(tmp_path: Path) -> None:
    ear = Ear()
    async with DataPlane(tmp_path / "a", accepts).running() as a, ear.publisher as publisher:
        publisher.serve([a.endpoint])
        for pushed in (ONE, table("one"), TWO):
            publisher.publish(pushed)
            await ear.until(lambda said: said.complete)
    assert a.revisions == [ONE.revision, TWO.revision]


def test_the_wait_before_a_repeat_grows_up_to_a_cap_and_chance_shortens_it() -> None:
    waits = [wait_before(repeat, 0) for repeat in range(14)]
    assert waits[:3] == pytest.approx([0.05, 0.075, 0.1125])
    assert waits[-2:] == [5.0, 5.0]
    assert wait_before(10_000, 1) == 2.5
