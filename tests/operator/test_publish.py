"""The newest table reaches every data plane over real sockets, whatever each of them does."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from certificates import Authority
from switchover_dataplane.table import parts as table_parts
from switchover_dataplane.table.parts import MissingParts, Part, joined, received
from switchover_dataplane.table.table import Table
from switchover_dataplane.table.upstreams import Upstream
from switchover_dataplane.table.wire import sealed
from switchover_operator.acknowledgements import Acknowledgement, Acknowledgements
from switchover_operator.publish import Endpoint, Publisher, wait_before

Answer = Callable[[str, asyncio.StreamWriter], Awaitable[None]]
"""What a scripted data plane does with the revision it was sent."""


class DataPlane:
    """A Unix socket, or a port with TLS, that answers each push by the next line of its script; the last line repeats.

    Asked what it serves, it says the next of `serving`, the last of them for ever: a status and a body. Where there is
    none, that is the table that it was sent last.
    """

    def __init__(self, path: Path, *script: Answer, serving: tuple[tuple[str, Mapping[str, object]], ...] = ()) -> None:
        self.endpoint = Endpoint(path.name, str(path))
        self.revisions: list[str] = []
        self.sizes: list[int] = []
        self.parts: dict[str, Part] = {}
        self.asked = asyncio.Event()
        self._script = list(script)
        self._serving = list(serving)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                if head.startswith(b"GET /v1/table HTTP/1.1\r\n"):
                    await say(writer, *self._served())
                    self.asked.set()
                    continue
                assert head.startswith(b"PUT /v1/table HTTP/1.1\r\n")
                [length] = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
                body = await reader.readexactly(int(length.split(b":")[1]))
                self.sizes.append(len(body))
                try:
                    revision, parts = received(body, self.parts)
                except MissingParts:
                    await say(writer, "409 Conflict", b"{}")
                    continue
                assert joined(revision, parts).revision == revision
                self.parts = {part.digest: part for part in parts}
                self.revisions.append(revision)
                answer = self._script.pop(0) if len(self._script) > 1 else self._script[0]
                await answer(revision, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def _served(self) -> tuple[str, bytes]:
        if not self._serving:
            return "200 OK", msgspec.json.encode({"revision": self.revisions[-1]})
        status, body = self._serving.pop(0) if len(self._serving) > 1 else self._serving[0]
        return status, msgspec.json.encode(body)

    @asynccontextmanager
    async def running(self) -> AsyncIterator["DataPlane"]:
        server = await asyncio.start_unix_server(self._serve, self.endpoint.address)
        try:
            yield self
        finally:
            server.close()

    @asynccontextmanager
    async def running_over_tls(self, name: str, authority: Authority) -> AsyncIterator[Endpoint]:
        """Where it is pushed to, with a certificate for this name; SERVER_NAME is the one that is asked for."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=authority.server(name))
        try:
            port = server.sockets[0].getsockname()[1]
            yield Endpoint(self.endpoint.name, f"127.0.0.1:{port}", authority.client(), SERVER_NAME)
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


async def answers_what_is_not_utf_8(_revision: str, writer: asyncio.StreamWriter) -> None:
    await say(writer, "200 OK", b'{"revision": "\x80"}')


async def is_unwell(_revision: str, writer: asyncio.StreamWriter) -> None:
    await say(writer, "500 Internal Server Error", b"")


def table(name: str) -> Table:
    return sealed((), {}, {}, {name: Upstream(name)}, {})


def publish(publisher: Publisher, table: Table) -> None:
    sealed_again, parts = table_parts.sealed(msgspec.structs.replace(table, revision=""))
    assert sealed_again == table
    publisher.publish(table.revision, parts)


ONE, TWO = table("one"), table("two")
SERVER_NAME = "dataplane.system.svc"


def serving(table: Table, **active: int) -> tuple[str, Mapping[str, object]]:
    """The word of a data plane that serves a table, whose Upstreams are answered at these priorities."""
    return "200 OK", {"revision": table.revision, "active": active}


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
        publish(publisher, ONE)
        answered = await ear.until(lambda answered: answered.complete)
    assert answered.answers == {"a": Acknowledgement(ONE.revision, True), "b": Acknowledgement(ONE.revision, True)}


async def test_a_table_of_many_mebibytes_arrives_whole(tmp_path: Path) -> None:
    ear = Ear()
    large = sealed((), {}, {}, {}, {"large": "x" * (8 << 20)})
    async with DataPlane(tmp_path / "a", accepts).running() as a, ear.publisher as publisher:
        publisher.serve([a.endpoint])
        publish(publisher, large)
        await ear.until(lambda answered: answered.complete)
    assert a.revisions == [large.revision]


async def test_a_refusal_keeps_its_reasons_and_is_tried_again(tmp_path: Path) -> None:
    ear = Ear()
    async with DataPlane(tmp_path / "a", refuses, refuses, accepts).running() as a, ear.publisher as publisher:
        publish(publisher, ONE)
        publisher.serve([a.endpoint])
        refused = await ear.until(lambda answered: bool(answered.refusals))
        assert refused.refusals == {"a": ("port 80 is taken",)}
        await ear.until(lambda answered: answered.complete)
    assert a.revisions == [ONE.revision] * 3


@pytest.mark.parametrize(
    "failure", [closes, truncates, acknowledges_another, answers_nonsense, answers_what_is_not_utf_8, is_unwell]
)
async def test_a_push_without_a_word_on_it_is_repeated(tmp_path: Path, failure: Answer) -> None:
    ear = Ear()
    async with DataPlane(tmp_path / "a", failure, accepts).running() as a, ear.publisher as publisher:
        publish(publisher, ONE)
        publisher.serve([a.endpoint])
        await ear.until(lambda answered: answered.complete)
    assert len(a.revisions) >= 2


async def test_a_stalled_data_plane_delays_no_other_and_a_newer_table_overtakes_the_push(tmp_path: Path) -> None:
    ear = Ear()
    async with (
        DataPlane(tmp_path / "slow", stalls, accepts).running() as slow,
        DataPlane(tmp_path / "b", accepts).running() as b,
        ear.publisher as publisher,
    ):
        publisher.serve([slow.endpoint, b.endpoint])
        publish(publisher, ONE)
        answered = await ear.until(lambda answered: any(answered.answers.values()))
        assert answered.answers == {"slow": None, "b": Acknowledgement(ONE.revision, True)}
        publish(publisher, TWO)
        await ear.until(lambda answered: answered.complete)
    assert slow.revisions[-1] == TWO.revision
    assert b.revisions == [ONE.revision, TWO.revision]


async def test_a_data_plane_that_is_not_there_yet_gets_the_table_once_it_is(tmp_path: Path) -> None:
    ear = Ear()
    late = DataPlane(tmp_path / "late", accepts)
    async with ear.publisher as publisher:
        publish(publisher, ONE)
        publisher.serve([late.endpoint])
        await asyncio.sleep(0)
        async with late.running():
            await ear.until(lambda answered: answered.complete)


async def test_a_data_plane_that_is_gone_is_forgotten(tmp_path: Path) -> None:
    ear = Ear()
    async with DataPlane(tmp_path / "a", accepts).running() as a, ear.publisher as publisher:
        publisher.serve([a.endpoint, Endpoint("gone", str(tmp_path / "gone"))])
        publish(publisher, ONE)
        await ear.until(lambda answered: any(answered.answers.values()))
        publisher.serve([a.endpoint])
        assert publisher.acknowledgements.complete
        publisher.serve([])
        assert not publisher.acknowledgements.complete


async def test_an_equal_revision_is_not_pushed_again(tmp_path: Path) -> None:
    ear = Ear()
    async with DataPlane(tmp_path / "a", accepts).running() as a, ear.publisher as publisher:
        publisher.serve([a.endpoint])
        for pushed in (ONE, table("one"), TWO):
            publish(publisher, pushed)
            await ear.until(lambda answered: answered.complete)
    assert a.revisions == [ONE.revision, TWO.revision]


async def test_a_push_that_is_overtaken_may_still_arrive_and_the_newer_one_follows(tmp_path: Path) -> None:
    newer = asyncio.Event()

    async def accepts_late(revision: str, writer: asyncio.StreamWriter) -> None:
        await newer.wait()
        await accepts(revision, writer)

    ear = Ear()
    async with DataPlane(tmp_path / "a", accepts_late, accepts).running() as a, ear.publisher as publisher:
        publisher.serve([a.endpoint])
        publish(publisher, ONE)
        while not a.revisions:
            await asyncio.sleep(0)
        publish(publisher, TWO)
        newer.set()
        late = await ear.until(lambda answered: any(answered.answers.values()))
        assert late.answers == {"a": Acknowledgement(ONE.revision, True)}
        assert late.missing == {"a"}
        await ear.until(lambda answered: answered.complete)
    assert a.revisions == [ONE.revision, TWO.revision]


async def test_a_data_plane_that_is_forgotten_just_as_it_answers_stays_forgotten(tmp_path: Path) -> None:
    async with DataPlane(tmp_path / "a", accepts).running() as a:
        answered = False
        turns = 0
        # At every turn of the event loop, as it is one of them that its answer comes in.
        while not answered:
            publisher = Publisher(lambda: None)
            async with publisher:
                publish(publisher, ONE)
                publisher.serve([a.endpoint])
                for _ in range(turns):
                    await asyncio.sleep(0)
                answered = publisher.acknowledgements.complete
                publisher.serve([])
            assert publisher.acknowledgements.answers == {}
            turns += 1


# ── What data planes say that they serve ────────────────────────────────────────────────────────────────────────────


async def test_the_priority_that_answers_is_asked_for_at_once_and_the_furthest_counts(tmp_path: Path) -> None:
    ear = Ear()
    a = DataPlane(tmp_path / "a", accepts, serving=(serving(ONE, chat=2, mail=0),))
    b = DataPlane(tmp_path / "b", accepts, serving=(serving(ONE, chat=1),))
    async with a.running(), b.running(), ear.publisher as publisher:
        publish(publisher, ONE)
        publisher.serve([a.endpoint, b.endpoint])
        await ear.until(lambda answered: answered.active == {"chat": 2, "mail": 0})
        publisher.serve([b.endpoint])
        assert publisher.acknowledgements.active == {"chat": 1}, "of data planes that are gone nothing is known"


async def test_a_data_plane_that_lost_its_table_gets_it_again(tmp_path: Path) -> None:
    ear = Ear()
    lost = ("200 OK", {"revision": None})
    a = DataPlane(tmp_path / "a", accepts, serving=(lost, lost, serving(ONE, chat=0)))
    async with a.running(), ear.publisher as publisher:
        publish(publisher, ONE)
        publisher.serve([a.endpoint])
        await ear.until(lambda answered: bool(answered.active))
        assert publisher.acknowledgements.complete
    assert a.revisions == [ONE.revision] * 3


@pytest.mark.parametrize(
    "word",
    [
        ("500 Internal Server Error", {"error": {"message": "unwell"}}),
        ("404 Not Found", {"error": {"message": "only tables here"}}),
        ("200 OK", {"revision": 7}),
    ],
)
async def test_a_data_plane_that_does_not_say_what_it_serves_may_serve_all_the_same(
    tmp_path: Path, word: tuple[str, Mapping[str, object]], caplog: pytest.LogCaptureFixture
) -> None:
    ear = Ear()
    caplog.set_level(logging.DEBUG, "switchover_operator.publish")
    a = DataPlane(tmp_path / "a", accepts, serving=(word,))
    async with a.running(), ear.publisher as publisher:
        publish(publisher, ONE)
        publisher.serve([a.endpoint])
        await a.asked.wait()
        while "data plane a does not say what it serves" not in caplog.text:
            await asyncio.sleep(0)
        assert publisher.acknowledgements.complete
    assert a.revisions == [ONE.revision]


# ── Over mutual TLS ─────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_data_plane_is_pushed_to_by_its_address_and_known_by_its_services_name(tmp_path: Path) -> None:
    ear = Ear()
    a = DataPlane(tmp_path / "a", accepts)
    async with a.running_over_tls(SERVER_NAME, Authority()) as endpoint, ear.publisher as publisher:
        publish(publisher, ONE)
        publisher.serve([endpoint])
        await ear.until(lambda answered: answered.complete)
        await a.asked.wait()


async def test_whoever_has_a_certificate_for_another_name_gets_no_table(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ear = Ear()
    caplog.set_level(logging.DEBUG, "switchover_operator.publish")
    a = DataPlane(tmp_path / "a", accepts)
    async with a.running_over_tls("elsewhere.svc", Authority()) as endpoint, ear.publisher as publisher:
        publish(publisher, ONE)
        publisher.serve([endpoint])
        while "CERTIFICATE_VERIFY_FAILED" not in caplog.text:
            await asyncio.sleep(0)
        assert publisher.acknowledgements.answers == {"a": None}
    assert a.revisions == []


async def test_with_other_certificates_a_data_plane_is_another(tmp_path: Path) -> None:
    ear = Ear()
    authority = Authority()
    a = DataPlane(tmp_path / "a", accepts)
    async with a.running_over_tls(SERVER_NAME, authority) as endpoint, ear.publisher as publisher:
        publish(publisher, ONE)
        publisher.serve([endpoint])
        await ear.until(lambda answered: answered.complete)
        publisher.serve([replace(endpoint, tls=authority.client())])
        assert publisher.acknowledgements.answers == {"a": None}
        await ear.until(lambda answered: answered.complete)
    assert a.revisions == [ONE.revision] * 2


# ── What the words come to ──────────────────────────────────────────────────────────────────────────────────────────

GOOD, OLD = Acknowledgement("2", True), Acknowledgement("1", True)
REFUSED = Acknowledgement("2", False, ("port 80 is taken",))


@pytest.mark.parametrize(
    ("answered", "ready", "complete", "missing"),
    [
        ({}, frozenset(), False, ""),
        ({"a": GOOD, "b": GOOD}, None, True, ""),
        ({"a": GOOD, "b": None}, None, False, "b"),
        ({"a": GOOD, "b": OLD}, frozenset("ab"), False, "b"),
        ({"a": GOOD, "b": REFUSED}, frozenset("ab"), False, "b"),
        ({"a": GOOD, "b": None}, frozenset("a"), True, "b"),
        ({"a": GOOD, "b": REFUSED}, frozenset("b"), False, "b"),
        ({"a": GOOD}, frozenset(), True, ""),
        ({"a": None, "b": OLD}, frozenset(), False, "ab"),
        ({"a": GOOD}, frozenset("ac"), True, ""),
    ],
)
def test_a_revision_is_there_once_every_data_plane_that_takes_requests_and_one_at_least_serves_it(
    answered: Mapping[str, Acknowledgement | None], ready: frozenset[str] | None, complete: bool, missing: str
) -> None:
    words = Acknowledgements("2", answered, ready)
    assert words.complete is complete
    assert words.missing == frozenset(missing)


def test_only_a_refusal_of_the_newest_revision_has_reasons_to_tell() -> None:
    old = Acknowledgement("1", False, ("once",))
    assert Acknowledgements("2", {"a": REFUSED, "b": old, "c": None, "d": GOOD}).refusals == {"a": REFUSED.reasons}


def test_the_wait_before_a_repeat_grows_up_to_a_cap_and_chance_shortens_it() -> None:
    waits = [wait_before(repeat, 0) for repeat in range(14)]
    assert waits[:3] == pytest.approx([0.05, 0.075, 0.1125])
    assert waits[-2:] == [5.0, 5.0]
    assert wait_before(10_000, 1) == 2.5


def many(changed: str = "") -> Table:
    upstreams = {f"ns/{number}": Upstream(changed if number == 500 and changed else "x") for number in range(1000)}
    return sealed((), {}, {}, upstreams, {})


async def test_a_change_is_pushed_in_the_parts_that_changed(tmp_path: Path) -> None:
    plane, ear = DataPlane(tmp_path / "a", accepts), Ear()
    async with plane.running(), ear.publisher as publisher:
        publisher.serve([plane.endpoint])
        for of in (many(), many("changed")):
            publish(publisher, of)
            await ear.until(lambda answered: answered.complete)
        assert plane.revisions == [many().revision, many("changed").revision]
        assert plane.sizes[1] < plane.sizes[0] / 4


async def test_a_data_plane_that_has_lost_its_parts_gets_all_of_them(tmp_path: Path) -> None:
    plane, ear = DataPlane(tmp_path / "a", accepts), Ear()
    async with plane.running(), ear.publisher as publisher:
        publisher.serve([plane.endpoint])
        publish(publisher, many())
        await ear.until(lambda answered: answered.complete)
        plane.parts = {}
        publish(publisher, many("changed"))
        await ear.until(lambda answered: answered.complete)
        assert plane.revisions[-1] == many("changed").revision
        assert plane.sizes[2] > plane.sizes[1] * 4
