"""Streams over real sockets: what keeps one alive, what stands behind its end, and how much is held back."""

import asyncio

import aiohttp
import msgspec
import pytest

from breaking import BREAKING
from chat_streams import ASKED, TEXT, WORDS, ask, going_on, said, stream, whole
from serving import (
    END,
    ROLE,
    STREAM_HEAD,
    Answering,
    Seen,
    chunks,
    event,
    free_port,
    gateway,
    table,
    targets,
)
from switchover_dataplane.attempts import stream_start
from switchover_dataplane.table.policies import Holdback, Policy

# ── What lives ──────────────────────────────────────────────────────────────────────────────────────────────────────


LIFE: dict[str, bytes] = {
    "comments": b": ping\n\n",
    "empty chunks": event({}),
    "keep-alives of no known form": b'data: {"type":"heartbeat"}\n\n',
    "thoughts": event({"reasoning_content": "hm"}),
}


@pytest.mark.parametrize("life", LIFE.values(), ids=LIFE.keys())
async def test_a_stream_that_lives_is_not_silent(client: aiohttp.ClientSession, life: bytes) -> None:
    async def living(_seen: Seen, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(STREAM_HEAD + chunks(ROLE, *said(WORDS[:40]), end=False))
        for _ in range(50):
            writer.write(chunks(life, end=False))
            await asyncio.sleep(0.05)
        writer.write(chunks(*said(WORDS[40:]), END))

    async with targets(living, whole()) as (first, second):
        # Shorter than all of it, and so much longer than each pause that a busy machine does not make it one.
        policy = Policy(stream_idle_timeout=2.0, lone_stream_idle_timeout=2.0)
        async with gateway(table(free_port(), [first.port, second.port], policy)) as at:
            got = await ask(client, at)
    assert (got.text, got.is_whole, second.seen) == (TEXT, True, [])


NOBODY: dict[str, tuple[list[bytes], int, Policy]] = {
    "no other target": ([], 1, Policy()),
    "reasoning was sent": ([event({"reasoning": "hm"})], 2, Policy()),
    "streams are not continued": ([], 2, Policy(stream_recovery="Abort")),
    "attempts are used up": ([], 2, Policy(attempts=1)),
}


@pytest.mark.parametrize(("first_of_all", "count", "policy"), NOBODY.values(), ids=NOBODY.keys())
async def test_a_quiet_stream_is_given_more_time_where_nobody_could_go_on_with_it(
    client: aiohttp.ClientSession, first_of_all: list[bytes], count: int, policy: Policy
) -> None:
    async def quiet(_seen: Seen, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(STREAM_HEAD + chunks(ROLE, *first_of_all, *said(WORDS[:40]), end=False))
        await asyncio.sleep(0.5)
        writer.write(chunks(*said(WORDS[40:]), END))

    async with targets(quiet, going_on) as made:
        quick = msgspec.structs.replace(policy, stream_idle_timeout=0.1, lone_stream_idle_timeout=20.0)
        async with gateway(table(free_port(), [target.port for target in made[:count]], quick)) as at:
            got = await ask(client, at)
    assert (got.text, got.is_whole, made[1].seen) == (TEXT, True, [])


async def test_a_stream_that_stays_quiet_is_cut_where_nobody_could_go_on_with_it(
    client: aiohttp.ClientSession,
) -> None:
    async with targets(BREAKING["silence"]) as (first,):
        policy = Policy(stream_idle_timeout=0.1, lone_stream_idle_timeout=0.2)
        async with gateway(table(free_port(), [first.port], policy)) as at:
            got = await ask(client, at)
    assert (got.broke, "stalled" in got.error["message"]) == (True, True)


# ── Content behind an end ───────────────────────────────────────────────────────────────────────────────────────────


async def test_a_finish_reason_that_content_follows_was_none(client: aiohttp.ClientSession) -> None:
    async def slowly(_seen: Seen, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(STREAM_HEAD + chunks(event({"content": WORDS[0]}, "stop"), end=False))
        await asyncio.sleep(1.5)
        writer.write(chunks(*said(WORDS[1:]), END))

    async with targets(slowly, whole()) as (first, second):
        async with gateway(table(free_port(), [first.port, second.port])) as at:
            got = await ask(client, at)
    assert (got.text, got.broke, second.seen) == (TEXT, False, [])


async def test_an_answer_that_went_on_behind_its_end_and_is_cut_is_continued(client: aiohttp.ClientSession) -> None:
    cut = stream(event({"content": WORDS[0]}, "stop"), *said(WORDS[1:40]), end=False, then="reset")
    async with targets(cut, going_on) as made:
        async with gateway(table(free_port(), [target.port for target in made])) as at:
            got = await ask(client, at)
    assert (got.text, got.broke) == (TEXT, False)


@pytest.mark.parametrize("reason", ["network_error", "insufficient_system_resource", "x"])
async def test_a_finish_reason_that_nobody_knows_is_a_break(client: aiohttp.ClientSession, reason: str) -> None:
    failing = stream(*said(WORDS[:40]), event({}, reason), b"data: [DONE]\n\n")
    async with targets(failing, going_on) as made:
        async with gateway(table(free_port(), [target.port for target in made])) as at:
            got = await ask(client, at)
    assert (got.text, got.is_whole, reason.encode() in got.body) == (TEXT, True, False)


async def test_an_end_without_a_word_behind_which_nothing_comes_is_a_failed_attempt(
    client: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_start, "AFTER_THE_END", 0.1)
    async with targets(stream(event({}, "stop"), end=False, then="wait"), whole()) as made:
        policy = Policy(first_token_timeout=0.0)
        async with gateway(table(free_port(), [target.port for target in made], policy)) as at:
            assert (await ask(client, at)).is_whole


# ── Holdback ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("breaking", BREAKING.values(), ids=BREAKING.keys())
async def test_a_failure_while_the_first_words_are_held_back_costs_nothing(
    client: aiohttp.ClientSession, breaking: Answering
) -> None:
    async with targets(breaking, whole()) as (first, second):
        held = Holdback(tokens=41, time=0.0)
        policy = Policy(stream_recovery="Holdback", holdback=held, first_token_timeout=0.2)
        async with gateway(table(free_port(), [first.port, second.port], policy)) as at:
            got = await ask(client, at)

    assert (got.text, got.is_whole) == (TEXT, True)
    assert got.body == b"".join([ROLE, *said(WORDS), END])
    assert msgspec.json.decode(second.seen[0].body)["messages"] == ASKED["messages"]


async def test_what_breaks_after_the_words_that_are_held_back_is_not_continued(client: aiohttp.ClientSession) -> None:
    policy = Policy(stream_recovery="Holdback", holdback=Holdback(tokens=40, time=5.0))
    async with targets(BREAKING["a reset"], whole()) as made:
        async with gateway(table(free_port(), [target.port for target in made], policy)) as at:
            assert (await ask(client, at)).broke


async def test_words_are_held_back_for_a_time_only(client: aiohttp.ClientSession) -> None:
    held = Holdback(tokens=0, time=0.05)
    policy = Policy(stream_recovery="Holdback", holdback=held, stream_idle_timeout=0.05, lone_stream_idle_timeout=0.05)
    async with targets(BREAKING["silence"], whole()) as (first, second):
        async with gateway(table(free_port(), [first.port, second.port], policy)) as at:
            got = await ask(client, at)

    assert (got.text, got.broke, second.seen) == ("".join(WORDS[:40]), True, [])


async def test_an_answer_that_is_shorter_than_what_is_held_back_is_sent_at_its_end(
    client: aiohttp.ClientSession,
) -> None:
    policy = Policy(stream_recovery="Holdback", holdback=Holdback(tokens=100, time=20.0))
    async with targets(whole(WORDS[:3])) as (first,):
        async with gateway(table(free_port(), [first.port], policy)) as at:
            assert (await ask(client, at)).is_whole
