"""Streams through the whole data plane, from targets that cut, stall and garble them on real sockets."""

import asyncio
import logging
from typing import Any

import aiohttp
import msgspec
import pytest

from as_written import AsWritten, as_written, retries
from breaking import BREAKING, with_mistral
from chat_streams import ASKED, CALL, ERROR, TEXT, WORDS, ask, going_on, said, stream, whole
from logged import fields_of
from serving import (
    CHAT,
    END,
    ROLE,
    STREAM_HEAD,
    Answering,
    Seen,
    chunks,
    event,
    free_port,
    gateway,
    json,
    limited,
    raw,
    table,
    targets,
)
from switchover_dataplane.streams.splice import last_words
from switchover_dataplane.table.policies import Policy


@pytest.mark.parametrize("mistral", [False, True], ids=["asked to go on", "with a prefix"])
@pytest.mark.parametrize("breaking", BREAKING.values(), ids=BREAKING.keys())
async def test_an_answer_that_breaks_off_is_continued_and_read_whole_exactly_once(
    client: aiohttp.ClientSession, breaking: Answering, mistral: bool
) -> None:
    async with targets(breaking, going_on) as (first, second):
        of = table(free_port(), [first.port, second.port], Policy(stream_idle_timeout=0.2))
        async with gateway(with_mistral(of, 1) if mistral else of) as at:
            got = await ask(client, at)

    assert (got.status, got.text, got.is_whole) == (200, TEXT, True)
    assert got.body.count(b": switchover: continued by ") == 1
    [*_, last] = msgspec.json.decode(second.seen[0].body)["messages"]
    assert ("prefix" in last) is mistral
    assert [len(first.seen), len(second.seen)] == [1, 1]


async def test_a_refused_prefix_falls_back_to_asking_the_same_target_in_the_other_way(
    client: aiohttp.ClientSession,
) -> None:
    async def refusing(seen: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if msgspec.json.decode(seen.body)["messages"][-1].get("prefix"):
            error = {"message": "Expected last role User or Tool", "type": "invalid_request_error"}
            await json(400, {"object": "error", **error})(seen, reader, writer)
        else:
            await going_on(seen, reader, writer)

    async with targets(BREAKING["a reset"], refusing) as (first, second):
        async with gateway(with_mistral(table(free_port(), [first.port, second.port]), 1)) as at:
            got = await ask(client, at)

    assert (got.text, got.is_whole, len(second.seen)) == (TEXT, True, 2)


async def test_an_answer_that_breaks_off_twice_is_continued_twice(client: aiohttp.ClientSession) -> None:
    again = stream(*said([last_words("".join(WORDS[:40])), *WORDS[40:50]]), end=False, then="reset")
    async with targets(BREAKING["a reset"], again, going_on) as made:
        async with gateway(table(free_port(), [target.port for target in made])) as at:
            got = await ask(client, at)

    assert (got.text, got.is_whole) == (TEXT, True)


async def test_whoever_cannot_go_on_is_passed_over_unseen(client: aiohttp.ClientSession) -> None:
    async with targets(BREAKING["a reset"], limited(), going_on) as made:
        async with gateway(table(free_port(), [target.port for target in made])) as at:
            got = await ask(client, at)

    assert (got.text, got.is_whole) == (TEXT, True)


async def test_the_guides_policy_which_names_429_alone_is_no_reason_not_to_continue(
    client: aiohttp.ClientSession,
) -> None:
    policy = retries(attempts=4, tokens=("retriable-status-codes",), status_codes=(429,))
    async with targets(BREAKING["a reset"], going_on) as made:
        async with gateway(table(free_port(), [target.port for target in made], policy)) as at:
            assert (await ask(client, at)).is_whole


async def test_a_whole_completion_may_continue_a_stream(client: aiohttp.ClientSession) -> None:
    answer = {"choices": [{"index": 0, "message": {"role": "assistant", "content": TEXT}, "finish_reason": "stop"}]}
    async with targets(BREAKING["a reset"], json(200, answer)) as made:
        async with gateway(table(free_port(), [target.port for target in made])) as at:
            got = await ask(client, at)

    assert (got.text, got.is_whole) == (TEXT, True)


@pytest.mark.parametrize(
    "useless",
    [json(200, {}), json(200, {"choices": []}), raw(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")],
    ids=["an empty object", "no choices", "a word"],
)
async def test_a_model_that_does_not_even_answer_in_a_stream_leaves_its_turn_to_the_next(
    client: aiohttp.ClientSession, useless: Answering
) -> None:
    async with targets(BREAKING["a reset"], useless, going_on) as made:
        async with gateway(table(free_port(), [target.port for target in made], Policy(attempts=3))) as at:
            got = await ask(client, at)
    assert (got.text, got.is_whole, [len(target.seen) for target in made]) == (TEXT, True, [1, 1, 1])


@pytest.mark.parametrize("limit", [0.2, 0.0], ids=["firstTokenTimeout", "streamIdleTimeout"])
async def test_nobody_who_read_half_an_answer_waits_without_end_for_the_other_half(
    client: aiohttp.ClientSession, limit: float
) -> None:
    policy = Policy(first_token_timeout=limit, stream_idle_timeout=0.2)
    async with targets(BREAKING["a reset"], raw(b"", then="wait")) as made:
        async with gateway(table(free_port(), [target.port for target in made], policy)) as at:
            got = await ask(client, at)
            assert (got.broke, got.error["code"]) == (True, "stream_interrupted")
            assert got.error["message"].startswith("the answer broke off (openai/model-0 reset")
            assert not any(at.runtime.in_flight.values())


async def test_an_event_of_another_api_among_chunks_changes_nothing(client: aiohttp.ClientSession) -> None:
    ping = b'event: ping\ndata: {"type": "ping"}\n\n'
    odd = b'data: {"type": "surprise"}\n\n'
    first = stream(ping, *said(WORDS[:40]), ping, odd, end=False, then="wait")
    async with targets(first, going_on) as made:
        policy = Policy(stream_idle_timeout=0.2)
        async with gateway(table(free_port(), [target.port for target in made], policy)) as at:
            got = await ask(client, at)
    assert (got.text, got.is_whole) == (TEXT, True)


async def test_pings_after_the_end_do_not_keep_an_answer_open(client: aiohttp.ClientSession) -> None:
    async def pinging(_seen: Seen, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(STREAM_HEAD + chunks(ROLE, *said(WORDS), event({}, "stop"), end=False))
        while not writer.is_closing():
            writer.write(chunks(b'data: {"choices":[{"index":0,"delta":{}}]}\n\n', end=False))
            await asyncio.sleep(0.2)

    async with targets(pinging) as (first,):
        # As long as something comes, usage may: but nobody waits for longer than streamIdleTimeout.
        async with gateway(table(free_port(), [first.port], Policy(stream_idle_timeout=1.0))) as at:
            assert (await ask(client, at)).is_whole


async def test_each_prompt_of_a_list_is_an_answer_that_has_to_end(client: aiohttp.ClientSession) -> None:
    def choice(index: int, text: str, finish: str | None = None) -> bytes:
        value = {"choices": [{"index": index, "text": text, "finish_reason": finish}]}
        return b"data: " + msgspec.json.encode(value) + b"\n\n"

    first = raw(STREAM_HEAD + chunks(choice(0, "a", "stop"), end=False), then="reset")
    body = {"model": "m", "prompt": ["a", "b"], "stream": True}
    async with targets(first) as (one,):
        async with gateway(table(free_port(), [one.port])) as at:
            assert (await ask(client, at, body)).broke
            assert not (await ask(client, at, {**body, "prompt": [1, 2]})).broke
            assert not (await ask(client, at, {**body, "prompt": "a"})).broke
            assert not (await ask(client, at, {**body, "prompt": {"a": 1}})).broke
            assert not (await ask(client, at, {**body, "prompt": list(range(20_000))})).broke
            assert (await ask(client, at, {**body, "prompt": ["a" * 20_000, "b"]})).broke


async def test_a_chunk_that_is_no_text_is_a_break_that_is_continued(client: aiohttp.ClientSession) -> None:
    broken = b'data: {"choices":[{"delta":{"content":"\xff"}}]}\n\n'
    async with targets(stream(*said(WORDS[:40]), broken, end=False, then="wait"), going_on) as made:
        async with gateway(table(free_port(), [target.port for target in made])) as at:
            got = await ask(client, at)
    assert (got.text, got.is_whole) == (TEXT, True)


# ── Where nothing else is honest ────────────────────────────────────────────────────────────────────────────────────


UNCONTINUED: dict[str, tuple[bytes, str]] = {
    "an open tool call that is sent as it comes": (CALL, "tool_calls"),
    "reasoning that was sent": (event({"reasoning_content": "hm"}) + event({"content": "a"}), "reasoning"),
    "audio": (event({"audio": {"data": "x"}}), "audio"),
}


@pytest.mark.parametrize(("sent", "why"), UNCONTINUED.values(), ids=UNCONTINUED.keys())
async def test_what_no_other_model_can_continue_ends_with_an_error_that_every_client_sees(
    client: aiohttp.ClientSession, sent: bytes, why: str
) -> None:
    async with targets(stream(sent, end=False, then="reset"), going_on) as (first, second):
        async with gateway(table(free_port(), [first.port, second.port], Policy(tool_calls="Stream"))) as at:
            got = await ask(client, at)

    assert (got.broke, got.error["code"], second.seen) == (True, "stream_interrupted", [])
    assert why in got.error["message"]
    assert b"[DONE]" not in got.body


ABORTED: dict[str, tuple[Policy | AsWritten, list[Answering], dict[str, Any]]] = {
    "streamRecovery is Abort": (as_written(stream_recovery="Abort"), [going_on], {}),
    "Envoy's rules": (as_written(semantics="Envoy", tokens=("5xx",), attempts=3), [going_on], {}),
    "no other target": (Policy(), [], {}),
    "no other target that answers": (Policy(), [limited()], {}),
    "one that says something else": (Policy(), [whole(["Sure! ", "Where", " was I?"])], {}),
    "one that ends too early": (Policy(), [whole(["word"])], {}),
    "one whose line never ends": (Policy(), [stream(*said(WORDS[:1]), event({"content": "x" * (5 << 20)}))], {}),
    "one whose answer cannot be read": (
        Policy(),
        [raw(b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 2\r\n\r\nok")],
        {},
    ),
    "several choices": (Policy(), [going_on], {"n": 2}),
    "no conversation": (Policy(), [going_on], {"messages": None}),
}


@pytest.mark.parametrize(("policy", "others", "asked"), ABORTED.values(), ids=ABORTED.keys())
async def test_a_stream_that_is_not_continued_ends_abnormally_after_an_error_event(
    client: aiohttp.ClientSession, policy: Policy | AsWritten, others: list[Answering], asked: dict[str, Any]
) -> None:
    async with targets(BREAKING["a reset"], *others) as made:
        async with gateway(table(free_port(), [target.port for target in made], policy)) as at:
            got = await ask(client, at, {**ASKED, **asked})

    assert (got.text, got.broke, got.error["code"]) == ("".join(WORDS[:40]), True, "stream_interrupted")
    assert b"[DONE]" not in got.body


@pytest.mark.parametrize(
    ("failing", "status", "broke"),
    [(stream(ERROR), 200, True), (stream(), 502, False), (stream(end=False, then="reset"), 503, False)],
    ids=["an error", "no content", "a reset"],
)
async def test_a_stream_that_failed_at_once_never_looks_whole_where_the_policy_hands_it_on(
    client: aiohttp.ClientSession, failing: Answering, status: int, broke: bool
) -> None:
    policy = retries(attempts=2, tokens=("connect-failure",))
    async with targets(failing, whole()) as (first, second):
        async with gateway(table(free_port(), [first.port, second.port], policy)) as at:
            got = await ask(client, at)

    assert (got.status, got.broke, second.seen) == (status, broke, [])
    assert got.error if broke else msgspec.json.decode(got.body)["error"]


async def test_an_endless_line_passes_through_and_if_it_is_cut_it_shows(client: aiohttp.ClientSession) -> None:
    line = event({"content": "x" * (5 << 20)})
    async with targets(stream(*said(WORDS[:2]), line, END), whole()) as made:
        async with gateway(table(free_port(), [target.port for target in made])) as at:
            good = await ask(client, at)
    async with targets(stream(line, END)) as (first,):
        async with gateway(table(free_port(), [first.port])) as at:
            assert (await ask(client, at)).is_whole
    async with targets(stream(*said(WORDS[:2]), line[:-9], end=False, then="close"), whole()) as made:
        async with gateway(table(free_port(), [target.port for target in made])) as at:
            cut = await ask(client, at)
    async with targets(stream(line, *said(WORDS[:2])), whole()) as made:
        async with gateway(table(free_port(), [target.port for target in made])) as at:
            unfinished = await ask(client, at)

    assert (unfinished.broke, unfinished.error["code"]) == (True, "stream_interrupted")
    assert (len(good.text), good.is_whole) == (len("".join(WORDS[:2])) + (5 << 20), True)
    assert (cut.broke, b"stream_interrupted" in cut.body) == (True, False)


async def test_a_stream_in_a_coding_that_nobody_can_follow_is_none(client: aiohttp.ClientSession) -> None:
    head = STREAM_HEAD.replace(b"\r\n\r\n", b"\r\ncontent-encoding: x-own\r\n\r\n")
    async with targets(raw(head + chunks(b"\x00\x01")), whole()) as made:
        async with gateway(table(free_port(), [target.port for target in made])) as at:
            assert (await ask(client, at)).is_whole


# ── The end ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("then", ["wait", "reset", "close"])
async def test_an_answer_that_has_its_finish_reason_is_whole_whatever_comes_after(
    client: aiohttp.ClientSession, then: str
) -> None:
    async with targets(stream(*said(WORDS), event({}, "stop"), end=False, then=then), whole()) as (first, second):
        async with gateway(table(free_port(), [first.port, second.port])) as at:
            got = await ask(client, at)

    assert (got.text, got.is_whole, second.seen) == (TEXT, True, [])


async def test_malformed_events_are_dropped_and_counted(
    client: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    garbled = stream(*said(WORDS[:40]), b"data: oops\n\n", *said(WORDS[40:50]), end=False, then="reset")
    async with targets(garbled, going_on) as made:
        async with gateway(table(free_port(), [target.port for target in made])) as at:
            got = await ask(client, at)

    assert (got.text, got.is_whole) == (TEXT, True)
    [line] = [record for record in caplog.records if record.name == "switchover.trace"]
    assert line.getMessage() == "failed over: openai/model-0 200 interrupted > openai/model-1 200"
    first, second = fields_of(line)["attempts"]
    assert (first["dropped_events"], first["decision"], first["detail"][:5]) == (1, "next priority", "reset")
    assert second["continues"] is True
    assert fields_of(line)["outcome"] == "rescued"


async def test_a_last_event_without_its_blank_line_reaches_the_client(client: aiohttp.ClientSession) -> None:
    async with targets(stream(*said(WORDS), END.removesuffix(b"\n\n"))) as (first,):
        async with gateway(table(free_port(), [first.port])) as at:
            assert (await ask(client, at)).is_whole


async def test_a_slow_but_living_stream_is_never_cut(client: aiohttp.ClientSession) -> None:
    async def slowly(_seen: Seen, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(STREAM_HEAD)
        for each in said(WORDS):
            writer.write(chunks(each, end=False))
            await asyncio.sleep(0.02)
        writer.write(chunks(END))

    async with targets(slowly, whole()) as (first, second):
        for limit in (0.4, 0.0):
            policy = Policy(stream_idle_timeout=limit, first_token_timeout=0.4)
            async with gateway(table(free_port(), [first.port, second.port], policy)) as at:
                got = await ask(client, at)
            assert (got.text, got.is_whole, second.seen) == (TEXT, True, [])


# ── A stream that was asked for, and an answer in one piece ─────────────────────────────────────────────────────────


async def test_a_plain_answer_to_a_request_for_a_stream_becomes_one(client: aiohttp.ClientSession) -> None:
    choice = {"index": 0, "message": {"role": "assistant", "content": TEXT}, "finish_reason": "stop"}
    answer = {"id": "1", "object": "chat.completion", "choices": [choice], "usage": {"total_tokens": 7}}
    async with targets(json(200, answer)) as (first,):
        async with gateway(table(free_port(), [first.port])) as at:
            plain = await ask(client, at)
            counted = await ask(client, at, {**ASKED, "stream_options": {"include_usage": True}})

    assert (plain.text, plain.is_whole, b"usage" in plain.body) == (TEXT, True, False)
    assert counted.chunks[-1]["usage"] == {"total_tokens": 7}


async def test_a_plain_answer_of_many_choices_becomes_a_stream_with_all_of_them(client: aiohttp.ClientSession) -> None:
    choices = [{"index": n, "message": {"content": f"{n}"}, "finish_reason": "stop"} for n in range(128)]
    async with targets(json(200, {**CHAT, "choices": choices})) as [one]:
        async with gateway(table(free_port(), [one.port])) as at:
            got = await ask(client, at, {**ASKED, "n": 128})

    assert got.text == "".join(map(str, range(128)))
    assert (got.body.count(b'"finish_reason":"stop"'), got.body.count(b"[DONE]")) == (128, 1)


async def test_a_plain_answer_that_failed_is_a_failure_to_a_request_for_a_stream_too(
    client: aiohttp.ClientSession,
) -> None:
    failed = {"choices": [{"index": 0, "message": {"content": ""}, "finish_reason": "error"}]}
    async with targets(json(200, failed), whole()) as made:
        async with gateway(table(free_port(), [target.port for target in made])) as at:
            assert (await ask(client, at)).is_whole


async def test_an_answer_too_large_to_be_checked_reaches_a_request_for_a_stream_unchanged(
    client: aiohttp.ClientSession,
) -> None:
    large = {"object": "response", "output": "x" * (5 << 20)}
    async with targets(json(200, large)) as (first,):
        async with gateway(table(free_port(), [first.port])) as at:
            got = await ask(client, at)

    assert msgspec.json.decode(got.body) == large


async def test_an_answer_of_another_api_is_none(client: aiohttp.ClientSession) -> None:
    response = {"object": "response", "output": [{"type": "message", "content": [{"text": "x"}]}]}
    async with targets(json(200, response), whole()) as made:
        async with gateway(table(free_port(), [target.port for target in made])) as at:
            assert (await ask(client, at)).is_whole
