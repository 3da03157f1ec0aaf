"""Targets that are silent for long: another starts beside them, and the first that answers wins."""

import asyncio
import logging
from io import BytesIO
from typing import Any

import aiohttp
import msgspec
import pytest

from as_written import as_written
from logged import fields_of
from serving import (
    CHAT,
    END,
    ROLE,
    STREAM_HEAD,
    Answering,
    Gateway,
    Seen,
    chunks,
    event,
    free_port,
    gateway,
    good,
    json,
    limited,
    raw,
    table,
    targets,
)
from switchover_dataplane.table.policies import BackOff, Policy, RetryBudget

ASKED = {"model": "asked", "stream": True, "messages": [{"role": "user", "content": "hi"}]}
SOON = Policy(first_token_timeout=0.1, first_token_timeout_reasoning=0.1, answer_timeout=0.1)
SILENT: dict[str, Answering] = {
    "no head": raw(b"", then="wait"),
    "a head alone": raw(STREAM_HEAD, then="wait"),
    "a role alone": raw(STREAM_HEAD + chunks(ROLE, end=False), then="wait"),
    "keep-alives": raw(STREAM_HEAD + chunks(b": ping\n\n" * 3, end=False), then="wait"),
}


async def ask(client: aiohttp.ClientSession, at: Gateway, **more: Any) -> tuple[int, bytes, str]:
    """The status, the body and who answered."""
    body = BytesIO(msgspec.json.encode({**ASKED, **more}))
    async with client.post(f"{at.url}/model", data=body) as answer:
        return answer.status, await answer.read(), answer.headers.get("x-switchover-served-by", "")


def whole(text: str) -> Answering:
    return raw(STREAM_HEAD + chunks(ROLE, event({"content": text}), END))


class Held:
    """A target's script that answers once it is released; `came` is set by each request."""

    def __init__(self, then: Answering) -> None:
        self.came = asyncio.Event()
        self.released = asyncio.Event()
        self._then = then

    async def __call__(self, seen: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.came.set()
        await self.released.wait()
        await self._then(seen, reader, writer)


@pytest.mark.parametrize("silent", SILENT.values(), ids=SILENT.keys())
async def test_the_next_model_starts_beside_a_silent_one_and_the_silent_one_is_closed(
    client: aiohttp.ClientSession, silent: Answering, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with targets(silent, whole("second")) as (first, second):
        async with gateway(table(free_port(), [first.port, second.port], SOON)) as at:
            status, body, served_by = await ask(client, at)
            async with asyncio.timeout(40):
                await first.left.wait()
            assert not any(at.runtime.in_flight.values())

    assert (status, b"second" in body, served_by) == (200, True, "openai/model-1")
    [line] = [record for record in caplog.records if record.name == "switchover.trace"]
    assert line.getMessage() == "failed over: openai/model-0 silent > openai/model-1 200"
    attempts = fields_of(line)["attempts"]
    assert (attempts[0]["detail"], attempts[0]["decision"]) == ("firstTokenTimeout of 0.1s", "next priority")


async def test_a_silent_model_that_answers_first_after_all_wins(
    client: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    slow, slower = Held(whole("first")), Held(whole("second"))
    async with targets(slow, slower) as (first, second):
        async with gateway(table(free_port(), [first.port, second.port], SOON)) as at:
            asking = asyncio.create_task(ask(client, at))
            await slower.came.wait()
            slow.released.set()
            status, body, served_by = await asking
            slower.released.set()
            assert at.runtime.health.dump(0.0) == []

    assert (status, b"first" in body, served_by) == (200, True, "openai/model-0")
    [line] = [record for record in caplog.records if record.name == "switchover.trace"]
    overtaken, winner = fields_of(line)["attempts"]
    assert (overtaken["target"], overtaken["detail"]) == ("ns/up/1/0", "another answered first")
    assert (winner["status"], winner["error_class"], winner["decision"]) == (200, None, "answer: success")


async def test_the_last_model_is_not_given_up_for_silence_alone(client: aiohttp.ClientSession) -> None:
    slow = Held(whole("second"))
    async with targets(limited(), slow) as made:
        async with gateway(table(free_port(), [target.port for target in made], SOON)) as at:
            asking = asyncio.create_task(ask(client, at))
            await slow.came.wait()
            await asyncio.wait([asking], timeout=0.3)
            slow.released.set()
            status, body, _ = await asking

    assert (status, b"second" in body, len(made[1].seen)) == (200, True, 1)


async def test_the_last_model_is_not_asked_again_when_it_fails_after_its_silence(
    client: aiohttp.ClientSession,
) -> None:
    failed = asyncio.Event()

    async def late(_seen: Seen, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.5)  # beyond its limit
        failed.set()
        writer.write(b"HTTP/1.1 500 X\r\ncontent-length: 2\r\n\r\n{}")

    async def when_it_failed(seen: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await failed.wait()
        await asyncio.sleep(0.1)
        await json(500, {})(seen, reader, writer)

    policy = msgspec.structs.replace(SOON, back_off=BackOff(0.0, 0.0))
    async with targets(when_it_failed, late) as (first, second):
        async with gateway(table(free_port(), [first.port, second.port], policy)) as at:
            status, _, _ = await ask(client, at)
    assert (status, len(first.seen), len(second.seen)) == (500, 1, 1)


async def test_when_all_are_silent_each_is_waited_for_and_none_is_asked_twice(client: aiohttp.ClientSession) -> None:
    held = [Held(whole(name)) for name in ("first", "second", "third")]
    async with targets(*held) as made:
        async with gateway(table(free_port(), [target.port for target in made], SOON)) as at:
            asking = asyncio.create_task(ask(client, at))
            await held[2].came.wait()
            await asyncio.wait([asking], timeout=0.3)
            held[1].released.set()
            status, body, _ = await asking
            for each in held:
                each.released.set()

    assert (status, b"second" in body, [len(target.seen) for target in made]) == (200, True, [1, 1, 1])


async def test_a_failure_beside_a_silent_model_leaves_the_silent_one_its_chance(client: aiohttp.ClientSession) -> None:
    slow, failing = Held(whole("first")), Held(limited())
    async with targets(slow, failing) as made:
        async with gateway(table(free_port(), [target.port for target in made], SOON)) as at:
            asking = asyncio.create_task(ask(client, at))
            await failing.came.wait()
            failing.released.set()
            await asyncio.wait([asking], timeout=0.2)
            slow.released.set()
            status, body, served_by = await asking

    assert (status, b"first" in body, served_by) == (200, True, "openai/model-0")


async def test_when_silent_models_fail_after_all_the_last_failure_is_the_answer(client: aiohttp.ClientSession) -> None:
    slow, failing = Held(json(500, {"error": {"message": "late"}})), Held(limited())
    async with targets(slow, failing) as made:
        async with gateway(table(free_port(), [target.port for target in made], SOON)) as at:
            asking = asyncio.create_task(ask(client, at))
            await failing.came.wait()
            failing.released.set()
            await asyncio.wait([asking], timeout=0.2)
            slow.released.set()
            status, body, _ = await asking

    assert (status, b"late" in body, [len(target.seen) for target in made]) == (500, True, [1, 1])


async def test_a_silent_model_that_fails_while_another_is_asked_changes_nothing(client: aiohttp.ClientSession) -> None:
    slow, other = Held(limited()), Held(whole("second"))
    async with targets(slow, other) as (first, second):
        policy = msgspec.structs.replace(SOON, first_token_timeout=0.2)
        async with gateway(table(free_port(), [first.port, second.port], policy)) as at:
            asking = asyncio.create_task(ask(client, at))
            await other.came.wait()
            slow.released.set()
            await asyncio.wait([asking], timeout=0.1)
            other.released.set()
            status, body, _ = await asking

    assert (status, b"second" in body, len(first.seen)) == (200, True, 1)


async def test_with_the_retry_budget_spent_a_silent_model_is_given_up_and_not_kept_beside_the_next(
    client: aiohttp.ClientSession,
) -> None:
    other = Held(whole("second"))
    async with targets(SILENT["no head"], other) as (first, second):
        policy = msgspec.structs.replace(SOON, retry_budget=RetryBudget(0, 0))
        async with gateway(table(free_port(), [first.port, second.port], policy)) as at:
            asking = asyncio.create_task(ask(client, at))
            async with asyncio.timeout(40):
                await first.left.wait()
            await other.came.wait()
            other.released.set()
            status, body, _ = await asking

    assert (status, b"second" in body) == (200, True)


async def test_a_model_that_thinks_aloud_is_not_silent(client: aiohttp.ClientSession) -> None:
    async def thinking(_seen: Seen, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(STREAM_HEAD)
        for _ in range(50):
            writer.write(chunks(event({"reasoning_content": "hm"}), end=False))
            await asyncio.sleep(0.05)
        writer.write(chunks(event({"content": "first"}), END))

    async with targets(thinking, whole("second")) as (first, second):
        # Shorter than all of it, and so much longer than each pause that a busy machine does not make it one.
        policy = Policy(first_token_timeout=2.0, first_token_timeout_reasoning=2.0)
        async with gateway(table(free_port(), [first.port, second.port], policy)) as at:
            _, body, _ = await ask(client, at)

    assert (body.count(b"hm"), b"first" in body, second.seen) == (50, True, [])


async def test_a_model_that_thinks_aloud_for_very_long_is_handed_on_while_it_does(
    client: aiohttp.ClientSession,
) -> None:
    thoughts = [event({"reasoning_content": "x" * 100_000}) for _ in range(12)]
    async with targets(raw(STREAM_HEAD + chunks(*thoughts, end=False), then="wait"), whole("second")) as made:
        async with gateway(table(free_port(), [target.port for target in made])) as at:
            body = BytesIO(msgspec.json.encode(ASKED))
            async with client.post(f"{at.url}/model", data=body) as answer:
                await answer.content.readexactly(1_000_000)


async def test_an_answer_in_one_piece_has_a_limit_of_its_own(client: aiohttp.ClientSession) -> None:
    async with targets(SILENT["no head"], good()) as (first, second):
        policy = Policy(first_token_timeout=60, answer_timeout=0.1)
        async with gateway(table(free_port(), [first.port, second.port], policy)) as at:
            status, body, _ = await ask(client, at, stream=False)

    assert (status, msgspec.json.decode(body)["choices"]) == (200, CHAT["choices"])


async def test_where_reasoning_is_asked_for_the_longer_limit_holds(client: aiohttp.ClientSession) -> None:
    slow = Held(whole("first"))
    async with targets(slow, whole("second")) as (first, second):
        policy = Policy(first_token_timeout=0.05, first_token_timeout_reasoning=60)
        async with gateway(table(free_port(), [first.port, second.port], policy)) as at:
            asking = asyncio.create_task(ask(client, at, reasoning_effort="high"))
            await slow.came.wait()
            await asyncio.wait([asking], timeout=0.2)
            slow.released.set()
            _, body, _ = await asking

    assert (b"first" in body, second.seen) == (True, [])


async def test_a_wait_before_a_repeat_ends_when_a_silent_model_answers(client: aiohttp.ClientSession) -> None:
    slow = Held(whole("first"))
    brief = Held(limited(["retry-after: 30"]))
    async with targets(slow, brief) as (first, second):
        policy = msgspec.structs.replace(SOON, brief_wait=60.0)
        async with gateway(table(free_port(), [first.port, second.port], policy)) as at:
            asking = asyncio.create_task(ask(client, at))
            await brief.came.wait()
            brief.released.set()
            await asyncio.wait([asking], timeout=0.2)
            slow.released.set()
            status, body, _ = await asking

    assert (status, b"first" in body, len(second.seen)) == (200, True, 1)


async def test_a_silent_model_that_fails_in_a_wait_does_not_end_it(client: aiohttp.ClientSession) -> None:
    slow, again = Held(limited()), iter([limited(["retry-after: 1"]), whole("second")])

    async def brief(seen: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await next(again)(seen, reader, writer)
        slow.released.set()

    async with targets(SILENT["no head"], slow, brief) as (first, second, third):
        async with gateway(table(free_port(), [first.port, second.port, third.port], SOON)) as at:
            status, body, _ = await ask(client, at)

    assert (status, b"second" in body, len(third.seen)) == (200, True, 2)


async def test_the_route_s_own_limit_ends_every_wait(client: aiohttp.ClientSession) -> None:
    async with targets(SILENT["no head"], SILENT["a head alone"]) as made:
        policy = msgspec.structs.replace(SOON, timeout=0.4)
        async with gateway(table(free_port(), [target.port for target in made], policy)) as at:
            status, body, _ = await ask(client, at)

    assert (status, b"upstream_timeout" in body) == (504, True)


async def test_a_client_that_leaves_while_a_refusal_is_held_for_it_closes_that_too() -> None:
    endless = raw(b"HTTP/1.1 429 X\r\ncontent-length: 9\r\n\r\n{", then="wait")
    async with targets(SILENT["no head"], endless) as (first, second):
        async with gateway(table(free_port(), [first.port, second.port], SOON)) as at:
            _, writer = await asyncio.open_connection("127.0.0.1", at.port)
            body = msgspec.json.encode(ASKED)
            writer.write(b"POST /model HTTP/1.1\r\nhost: localhost\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body))
            async with asyncio.timeout(40):
                while not second.seen or at.runtime.in_flight["ns/up/1/0"]:
                    await asyncio.sleep(0.01)
                writer.close()
                await first.left.wait()
                await second.left.wait()


async def test_a_client_that_leaves_closes_every_call_that_is_open_for_it() -> None:
    async with targets(SILENT["no head"], SILENT["a head alone"]) as (first, second):
        async with gateway(table(free_port(), [first.port, second.port], SOON)) as at:
            _, writer = await asyncio.open_connection("127.0.0.1", at.port)
            body = msgspec.json.encode(ASKED)
            writer.write(b"POST /model HTTP/1.1\r\nhost: localhost\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body))
            async with asyncio.timeout(40):
                while not second.seen:
                    await asyncio.sleep(0.01)
                writer.close()
                await first.left.wait()
                await second.left.wait()
                while at.runtime.transport.counts():
                    if not any(count["used"] for count in at.runtime.transport.counts().values()):
                        break
                    await asyncio.sleep(0.01)
            assert not any(at.runtime.in_flight.values())


async def test_a_client_that_leaves_ends_the_wait_before_a_repeat() -> None:
    async with targets(limited(["retry-after: 30"])) as (first,):
        policy = as_written(max_retry_after_wait=60.0)
        async with gateway(table(free_port(), [first.port], policy)) as at:
            _, writer = await asyncio.open_connection("127.0.0.1", at.port)
            writer.write(b"POST /model HTTP/1.1\r\nhost: localhost\r\ncontent-length: 2\r\n\r\n{}")
            in_flight = "switchover_requests_in_flight"
            async with asyncio.timeout(40):
                while not first.seen or at.runtime.in_flight["ns/up/0/0"]:
                    await asyncio.sleep(0.01)
                assert at.metrics.registry.get_sample_value(in_flight) == 1
                writer.close()
                while at.metrics.registry.get_sample_value(in_flight):
                    await asyncio.sleep(0.01)
