"""What the caller gets when no model answered: the answer that says most, under the name of who gave it."""

import logging
import time
from collections.abc import AsyncIterator
from io import BytesIO
from typing import Any

import aiohttp
import msgspec
import pytest

from as_written import AsWritten, as_written, retries
from logged import fields_of
from serving import Answering, Gateway, Got, free_port, gateway, good, json, limited, raw, table, targets
from switchover_dataplane.table.policies import BackOff, Policy, RateLimitedBackOff, ResetHeader

ASKED = {"model": "asked", "input": "hi", "messages": [{"role": "user", "content": "hi"}]}
INSTANT = BackOff(0.0, 0.0)
DEFAULT = as_written(back_off=INSTANT, max_retry_after_wait=0.0)


def refused(status: int, code: str, headers: list[str] | None = None) -> Answering:
    error = {"message": f"this is {code}", "type": "invalid_request_error", "param": None, "code": code}
    return json(status, {"error": error}, headers or [])


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def ask(client: aiohttp.ClientSession, at: Gateway, path: str = "", **more: Any) -> Got:
    body = BytesIO(msgspec.json.encode({**ASKED, **more}))
    async with client.post(f"{at.url}/model{path}", data=body) as answer:
        return Got(answer.status, answer.headers, await answer.read())


async def asked(client: aiohttp.ClientSession, *scripts: Answering | None, policy: Policy | AsWritten = DEFAULT) -> Got:
    """The answer for one request to models of these scripts; nothing listens where there is none."""
    async with targets(*(script for script in scripts if script is not None)) as made:
        ports = iter([target.port for target in made])
        at_ports = [free_port() if script is None else next(ports) for script in scripts]
        async with gateway(table(free_port(), at_ports, policy)) as at:
            return await ask(client, at)


# ── The most telling answer ─────────────────────────────────────────────────────────────────────────────────────────


async def test_a_model_that_cannot_be_reached_hides_nothing_that_another_said(
    client: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    answer = await asked(client, limited(["retry-after: 30"]), None)
    assert (answer.status, answer.headers["retry-after"], answer.served_by) == (429, "30", "openai/model-0")
    assert answer.headers["x-switchover-attempts"] == "2"
    [line] = [record for record in caplog.records if record.name == "switchover.trace"]
    assert line.getMessage() == "exhausted: openai/model-0 429 rate-limited > openai/model-1 connect-failed"
    fields = fields_of(line)
    assert (fields["outcome"], fields["status"]) == ("exhausted", 429)
    assert [attempt.get("handed_on", False) for attempt in fields["attempts"]] == [True, False]


async def test_of_equal_answers_the_last_is_handed_on_and_the_trace_names_no_other(
    client: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    answer = await asked(client, limited(), limited(), limited())
    assert (answer.status, answer.served_by) == (429, "openai/model-2")
    [line] = [record for record in caplog.records if record.name == "switchover.trace"]
    assert not any("handed_on" in attempt for attempt in fields_of(line)["attempts"])


async def test_a_wait_is_not_hidden_by_a_fallbacks_refused_key_or_parameter(client: aiohttp.ClientSession) -> None:
    waiting = limited(["retry-after: 30"])
    for fallback in (refused(401, "invalid_api_key"), refused(400, "unsupported_parameter"), json(500, {})):
        answer = await asked(client, waiting, fallback)
        assert (answer.status, answer.code, answer.served_by) == (429, "rate_limit_exceeded", "openai/model-0")


async def test_a_prompt_that_is_too_long_is_told_though_the_fallback_has_no_key(client: aiohttp.ClientSession) -> None:
    answer = await asked(client, refused(400, "context_length_exceeded"), refused(401, "invalid_api_key"))
    assert (answer.status, answer.code, answer.served_by) == (400, "context_length_exceeded", "openai/model-0")


async def test_half_an_answer_that_was_given_up_says_no_more_than_one_with_words(client: aiohttp.ClientSession) -> None:
    answer = await asked(
        client, refused(500, "server_error"), raw(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{", then="close")
    )
    assert (answer.status, answer.code) == (500, "server_error")


async def test_an_answer_that_a_written_retry_on_does_not_name_is_handed_on_whatever_came_before(
    client: aiohttp.ClientSession,
) -> None:
    written = retries(attempts=3, tokens=("rate-limited",), back_off=INSTANT)
    answer = await asked(client, limited(["retry-after: 30"]), json(500, {"error": {"code": "last"}}), policy=written)
    assert (answer.status, answer.code) == (500, "last")


async def test_a_success_that_a_written_retry_on_tries_again_is_handed_on_where_it_is_the_last(
    client: aiohttp.ClientSession,
) -> None:
    written = retries(attempts=2, tokens=("retriable-status-codes",), status_codes=(200, 429))
    answer = await asked(client, limited(["retry-after: 30"]), good("last"), policy=written)
    assert (answer.status, answer.served_by) == (200, "openai/model-1")
    answer = await asked(client, good(), limited(), policy=written)
    assert (answer.status, answer.served_by) == (429, "openai/model-1")


async def test_a_large_answer_that_is_held_while_others_are_tried_reaches_the_client_whole(
    client: aiohttp.ClientSession,
) -> None:
    error = {"error": {"message": "x" * 300_000, "code": "rate_limit_exceeded"}}
    answer = await asked(client, json(429, error, ["retry-after: 30"]), None, json(500, {}))
    assert (answer.status, len(answer.body)) == (429, len(msgspec.json.encode(error)))


async def test_a_fallbacks_own_refusal_of_a_parameter_does_not_keep_the_next_model_from_answering(
    client: aiohttp.ClientSession,
) -> None:
    answer = await asked(client, limited(["retry-after: 30"]), refused(400, "unsupported_parameter"), good())
    assert (answer.status, answer.served_by) == (200, "openai/model-2")


async def test_the_refusal_of_the_request_by_the_model_that_was_asked_first_is_final(
    client: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with targets(refused(400, "invalid_value"), good()) as made:
        async with gateway(table(free_port(), [target.port for target in made], DEFAULT)) as at:
            answer = await ask(client, at)
    assert (answer.status, answer.code, len(made[1].seen)) == (400, "invalid_value", 0)


# ── A limit that is over soon ───────────────────────────────────────────────────────────────────────────────────────


async def test_a_client_of_the_responses_api_is_asked_to_come_back_where_a_429_would_end_its_session(
    client: aiohttp.ClientSession,
) -> None:
    async with targets(limited(["retry-after: 50"]), limited(["retry-after: 20"])) as made:
        async with gateway(table(free_port(), [target.port for target in made], DEFAULT)) as at:
            answer = await ask(client, at, "/responses")
            chat = await ask(client, at, "/chat/completions")
    assert (answer.status, answer.headers["retry-after"], answer.code) == (503, "20", "rate_limit_exceeded")
    assert b"slow down" in answer.body
    assert (chat.status, chat.code) == (429, "rate_limit_exceeded")


@pytest.mark.parametrize(
    ("script", "status"),
    [
        (limited(["retry-after: 61"]), 429),
        (limited(["retry-after: 60"]), 503),
        (limited(), 503),
        (refused(429, "insufficient_quota"), 429),
        (json(429, {"error": {"message": "Request too large for gpt-4o", "code": "rate_limit_exceeded"}}), 429),
        (refused(400, "invalid_value"), 400),
    ],
    ids=[
        "a longer limit",
        "a minute",
        "a limit of unknown length",
        "a spent quota",
        "over a limit by itself",
        "no limit",
    ],
)
async def test_it_is_asked_so_only_where_the_limit_may_be_over_within_a_minute(
    client: aiohttp.ClientSession, script: Answering, status: int
) -> None:
    async with targets(script) as (only,), gateway(table(free_port(), [only.port], DEFAULT)) as at:
        assert (await ask(client, at, "/responses")).status == status


@pytest.mark.parametrize(
    "policy",
    [
        retries(tokens=("rate-limited",), attempts=1),
        as_written(semantics="Envoy", attempts=1),
    ],
    ids=["a written retryOn", "Envoy's semantics"],
)
async def test_answers_are_handed_on_as_they_are_where_that_is_written(
    client: aiohttp.ClientSession, policy: Policy | AsWritten
) -> None:
    async with targets(limited(["retry-after: 20"])) as (only,):
        async with gateway(table(free_port(), [only.port], policy)) as at:
            assert (await ask(client, at, "/responses")).status == 429


async def test_a_limit_without_an_error_in_it_gets_one_that_sdks_parse(client: aiohttp.ClientSession) -> None:
    page = raw(b"HTTP/1.1 429 X\r\ncontent-type: text/html\r\ncontent-length: 7\r\n\r\n<html/>")
    async with targets(page) as (only,), gateway(table(free_port(), [only.port], DEFAULT)) as at:
        answer = await ask(client, at, "/responses")
    assert (answer.status, answer.code, answer.headers["retry-after"]) == (503, "rate_limit_exceeded", "1")
    assert answer.headers["content-type"] == "application/json"


# ── Envoy's deadline ────────────────────────────────────────────────────────────────────────────────────────────────


async def test_under_envoy_semantics_a_wait_beyond_the_deadline_is_answered_504_at_the_deadline(
    client: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    policy = retries(
        semantics="Envoy",
        attempts=2,
        tokens=("retriable-status-codes",),
        status_codes=(429,),
        timeout=(deadline := 0.5),
        rate_limited_back_off=RateLimitedBackOff((ResetHeader("retry-after"),)),
    )
    began = time.monotonic()
    answer = await asked(client, limited(["retry-after: 60"]), good(), policy=policy)
    assert (answer.status, answer.code) == (504, "upstream_timeout")
    assert time.monotonic() - began >= deadline
    [line] = [record for record in caplog.records if record.name == "switchover.trace"]
    assert (fields_of(line)["outcome"], fields_of(line)["status"]) == ("exhausted", 504)


# ── Large answers that are passed on as they come ───────────────────────────────────────────────────────────────────


async def test_a_model_whose_large_answers_break_off_three_times_in_a_row_is_passed_by(
    client: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    large = b'{"object":"chat.completion","choices":[{"message":{"content":"' + b"x" * (5 << 20)
    cut = raw(
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 9999999\r\n\r\n" + large, then="close"
    )
    async with targets(cut, good()) as (dying, sound):
        async with gateway(table(free_port(), [dying.port, sound.port], DEFAULT)) as at:
            for _ in range(3):
                with pytest.raises(aiohttp.ClientPayloadError):
                    await ask(client, at)
            assert (await ask(client, at)).served_by == "openai/model-1"
    assert (len(dying.seen), len(sound.seen)) == (3, 1)
    assert caplog.records[0].getMessage() == "interrupted: openai/model-0 200 interrupted"
