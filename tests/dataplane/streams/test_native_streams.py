"""Streams in the forms of other APIs through the whole data plane: what they begin, end and break with is theirs."""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from io import BytesIO
from typing import Any

import aiohttp
import msgspec
import pytest

from serving import (
    STREAM_HEAD,
    Answering,
    Gateway,
    Seen,
    Target,
    chunks,
    events_of,
    free_port,
    gateway,
    raw,
    table,
    targets,
)
from switchover_dataplane.formats.sse import Event
from switchover_dataplane.table.policies import Holdback, Policy
from switchover_dataplane.table.table import Table

ABORT = Policy(stream_recovery="Abort")
ASKED = {"model": "asked", "stream": True, "messages": [{"role": "user", "content": "hi"}]}


def named(kind: str, **fields: Any) -> bytes:
    """An event of Anthropic's or of the Responses API."""
    return f"event: {kind}\n".encode() + b"data: " + msgspec.json.encode({"type": kind, **fields}) + b"\n\n"


def response(text: str, **fields: Any) -> bytes:
    """A response of Gemini's."""
    return (
        b"data: "
        + msgspec.json.encode({"candidates": [{"content": {"parts": [{"text": text}], "role": "model"}, **fields}]})
        + b"\r\n\r\n"
    )


START = named("message_start", message={"id": "x", "content": []})
BLOCK = named("content_block_start", index=0, content_block={"type": "text", "text": ""})
TEXT = named("content_block_delta", index=0, delta={"type": "text_delta", "text": "Hello"})
MESSAGE = [START, named("ping"), BLOCK, TEXT, named("content_block_stop", index=0)]
STOP_REASON = named("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 1})
STOP = b'event: message_stop\ndata: {"type":"message_stop"}\n\n'
ERROR = named("error", error={"type": "overloaded_error", "message": "Overloaded"})

TOOL = [
    named("content_block_start", index=1, content_block={"type": "tool_use", "id": "t", "name": "f", "input": {}}),
    named("content_block_delta", index=1, delta={"type": "input_json_delta", "partial_json": '{"a"'}),
    named("content_block_delta", index=1, delta={"type": "input_json_delta", "partial_json": ":1}"}),
    named("content_block_stop", index=1),
]


def hollow(reason: str, **usage: int) -> bytes:
    """The end of an answer of Anthropic's that may have no words."""
    return named("message_delta", delta={"stop_reason": reason}, usage={"output_tokens": 0, **usage})


CREATED = named("response.created", response={"status": "in_progress"})
DELTA = named("response.output_text.delta", delta="Hello")
CALLED = [
    named("response.output_item.added", output_index=1, item={"type": "function_call", "name": "f"}),
    named("response.function_call_arguments.delta", output_index=1, delta='{"a"'),
    named("response.function_call_arguments.done", output_index=1, arguments='{"a":1}'),
    named("response.output_item.done", output_index=1, item={"type": "function_call", "arguments": '{"a":1}'}),
]
COMPLETED = named("response.completed", response={"status": "completed"})

MESSAGES, RESPONSES, GENERATE = "/v1/messages", "/v1/responses", "/v1beta/models/m:streamGenerateContent"
PATHS = {"Anthropic's": MESSAGES, "Gemini's": GENERATE, "the Responses API's": RESPONSES}
CALLS = (CREATED, DELTA, *CALLED, COMPLETED)
ANSWERS: dict[str, tuple[bytes, ...]] = {
    "Anthropic's": (*MESSAGE, STOP_REASON, STOP),
    "Gemini's": (response("Hel"), response("lo", finishReason="STOP")),
    "the Responses API's": (CREATED, DELTA, COMPLETED),
}


def stream(*events: bytes, end: bool = True, then: str = "close") -> Answering:
    return raw(STREAM_HEAD + chunks(*events, end=end), then=then)


@asynccontextmanager
async def served(path: str, *models: Answering, policy: Policy | None = None) -> AsyncIterator[Gateway]:
    """A data plane whose models are asked at this path."""
    async with targets(*models) as each, gateway(asking_at(path, each, policy)) as at:
        yield at


def asking_at(path: str, models: list[Target], policy: Policy | None = None) -> Table:
    """Return a table whose models are asked at this path."""
    of = table(free_port(), [model.port for model in models], policy)
    [upstream] = of.upstreams.values()
    pools = tuple((msgspec.structs.replace(pool[0], full_path=path),) for pool in upstream.priorities)
    return msgspec.structs.replace(of, upstreams={upstream.name: msgspec.structs.replace(upstream, priorities=pools)})


async def ask(
    client: aiohttp.ClientSession, at: Gateway, headers: dict[str, str] | None = None, prompt: str = "hi"
) -> tuple[bytes, bool]:
    """Return what came, and whether its end was a good one."""
    got = b""
    body = BytesIO(msgspec.json.encode({**ASKED, "messages": [{"role": "user", "content": prompt}]}))
    async with client.post(f"{at.url}/model", data=body, headers=headers) as answer:
        assert answer.status == 200
        try:
            async for piece in answer.content.iter_any():
                got += piece
        except aiohttp.ClientPayloadError:
            return got, False
    return got, True


def last(body: bytes) -> Event:
    return events_of(body)[-1]


@pytest.mark.parametrize("whose", ANSWERS)
async def test_a_whole_answer_passes_through_as_it_came(client: aiohttp.ClientSession, whose: str) -> None:
    async with served(PATHS[whose], stream(*ANSWERS[whose])) as at:
        assert await ask(client, at) == (b"".join(ANSWERS[whose]), True)


FAILING: dict[str, tuple[str, tuple[bytes, ...]]] = {
    "an error of Anthropic's": ("Anthropic's", (START, named("ping"), ERROR)),
    "a start and no more": ("Anthropic's", (START, BLOCK)),
    "an end without a word or a token": ("Anthropic's", (START, hollow("end_turn"), STOP)),
    "a reason that nobody knows": ("Anthropic's", (START, hollow("network_error"), STOP)),
    "a tool call that is cut": ("Anthropic's", (START, *TOOL[:2])),
    "an event of another API": ("Anthropic's", (b'data: {"choices":[{"delta":{"content":"a"}}]}\n\n',)),
    "a failed response": ("the Responses API's", (CREATED, named("response.failed", response={"status": "failed"}))),
    "a keep-alive, then a failure": ("the Responses API's", (CREATED, named("keepalive"), named("response.failed"))),
    "a response of nothing": (
        "the Responses API's",
        (CREATED, named("response.completed", response={"status": "completed", "output": []})),
    ),
    "a search, then a cut": (
        "the Responses API's",
        (CREATED, named("response.output_item.added", item={"type": "web_search_call"})),
    ),
    "a call that is cut": ("the Responses API's", (CREATED, *CALLED[:2])),
    "an error of Gemini's": (
        "Gemini's",
        (b'data: {"usageMetadata":{}}\n\n', b'data: {"error":{"code":503,"status":"UNAVAILABLE"}}\n\n'),
    ),
    "a candidate of nothing": ("Gemini's", (response("", finishReason="STOP"),)),
    "a malformed call": ("Gemini's", (response("", finishReason="MALFORMED_FUNCTION_CALL"),)),
}


@pytest.mark.parametrize(("whose", "first"), FAILING.values(), ids=FAILING.keys())
async def test_what_fails_before_its_first_content_is_moved_to_the_next_model_unseen(
    client: aiohttp.ClientSession, whose: str, first: tuple[bytes, ...]
) -> None:
    async with served(PATHS[whose], stream(*first), stream(*ANSWERS[whose])) as at:
        assert await ask(client, at) == (b"".join(ANSWERS[whose]), True)


HOLLOW: dict[str, tuple[str, tuple[bytes, ...]]] = {
    "a refusal": ("Anthropic's", (START, hollow("refusal"), STOP)),
    "a limit": ("Anthropic's", (START, hollow("max_tokens"), STOP)),
    "tokens that nobody sees": ("Anthropic's", (START, hollow("end_turn", output_tokens=2), STOP)),
    "thoughts alone": (
        "Anthropic's",
        (START, named("content_block_start", index=0, content_block={"type": "thinking"}), hollow("end_turn"), STOP),
    ),
    "a limit of the Responses API's": (
        "the Responses API's",
        (CREATED, named("response.incomplete", response={"incomplete_details": {"reason": "max_output_tokens"}})),
    ),
    "an answer that comes with the end": (
        "the Responses API's",
        (
            CREATED,
            named("response.completed", response={"output": [{"type": "message", "content": [{"text": "Hello"}]}]}),
        ),
    ),
    "a call": ("the Responses API's", (CREATED, *CALLED, COMPLETED)),
    "a blocked prompt": ("Gemini's", (b'data: {"promptFeedback":{"blockReason":"SAFETY"}}\n\n',)),
    "a candidate that is blocked": ("Gemini's", (response("", finishReason="SAFETY"),)),
}


@pytest.mark.parametrize(("whose", "events"), HOLLOW.values(), ids=HOLLOW.keys())
async def test_what_holds_no_words_and_is_an_answer_passes(
    client: aiohttp.ClientSession, whose: str, events: tuple[bytes, ...]
) -> None:
    async with served(PATHS[whose], stream(*events), stream(*ANSWERS[whose])) as at:
        assert await ask(client, at) == (b"".join(events), True)


@pytest.mark.parametrize(
    ("path", "sent", "said"),
    [
        (MESSAGES, (*MESSAGE,), ("error", ["type", "error"])),
        (MESSAGES, (*MESSAGE, ERROR), ("error", ["type", "error"])),
        (MESSAGES, (*MESSAGE, STOP), ("error", ["type", "error"])),
        (RESPONSES, (CREATED, DELTA), ("error", ["type", "code", "message", "param", "error"])),
        (GENERATE, (response("Hel"),), ("", ["error"])),
        (GENERATE, (response("Hel"), b'{"error": {"code": 503}}\n\n'), ("", ["error"])),
    ],
    ids=[
        "Anthropic's",
        "Anthropic's with an error",
        "Anthropic's that stops without a reason",
        "the Responses API's",
        "Gemini's",
        "Gemini's with bare JSON",
    ],
)
async def test_a_stream_without_its_end_is_cut_with_an_error_event_in_its_own_form(
    client: aiohttp.ClientSession, path: str, sent: tuple[bytes, ...], said: tuple[str, list[str]]
) -> None:
    async with served(path, stream(*sent), stream(*ANSWERS["Gemini's"]), policy=ABORT) as at:
        body, is_good = await ask(client, at)
    error_event = last(body)
    assert not is_good
    assert (error_event.name, list(msgspec.json.decode(error_event.data or b""))) == said
    assert b"broke off" in (error_event.data or b"")


async def test_a_message_that_stops_without_a_reason_is_whole_where_its_tokens_are_counted(
    client: aiohttp.ClientSession,
) -> None:
    counted = named("message_delta", delta={"stop_reason": None}, usage={"output_tokens": 1})
    async with served(MESSAGES, stream(*MESSAGE, counted, STOP)) as at:
        assert await ask(client, at) == (b"".join((*MESSAGE, counted, STOP)), True)


@pytest.mark.parametrize(
    ("path", "sent", "then"),
    [(MESSAGES, (*MESSAGE,), "close"), (RESPONSES, (CREATED, DELTA), "reset"), (MESSAGES, (*MESSAGE, ERROR), "close")],
    ids=["Anthropic's is cut", "the Responses API's is reset", "an error in Anthropic's"],
)
async def test_who_asks_again_after_three_answers_that_broke_off_meets_another_model(
    client: aiohttp.ClientSession, path: str, sent: tuple[bytes, ...], then: str
) -> None:
    whole = ANSWERS["Anthropic's" if path == MESSAGES else "the Responses API's"]
    async with targets(stream(*sent, end=False, then=then), stream(*whole)) as (dying, sound):
        async with gateway(asking_at(path, [dying, sound], ABORT)) as at:
            for _ in range(3):
                _, is_good = await ask(client, at)
                assert not is_good
            assert await ask(client, at) == (b"".join(whole), True)
    assert (len(dying.seen), len(sound.seen)) == (3, 1)


async def test_an_error_in_the_midst_of_one_callers_answers_keeps_the_model_from_no_other_caller(
    client: aiohttp.ClientSession,
) -> None:
    whole = ANSWERS["Anthropic's"]

    async def for_one(seen: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        is_long = b"long" in seen.body
        await (stream(*MESSAGE, ERROR, end=False) if is_long else stream(*whole))(seen, reader, writer)

    async with targets(for_one, stream(*whole)) as (first, second):
        async with gateway(asking_at(MESSAGES, [first, second], ABORT)) as at:
            one, other = {"authorization": "Bearer one"}, {"authorization": "Bearer other"}
            for _ in range(3):
                assert not (await ask(client, at, one, "long"))[1]
            assert (await ask(client, at, one, "short"))[1]
            assert len(second.seen) == 1
            assert (await ask(client, at, other, "short"))[1]
    assert (len(first.seen), len(second.seen)) == (4, 1)


async def test_an_answer_that_ends_whole_between_two_that_break_off_keeps_its_model_in_service(
    client: aiohttp.ClientSession,
) -> None:
    whole = ANSWERS["the Responses API's"]

    async def now_and_then(seen: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        is_cut = len(first.seen) % 3 != 0
        await (stream(CREATED, DELTA, end=False) if is_cut else stream(*whole))(seen, reader, writer)

    async with targets(now_and_then, stream(*whole)) as (first, second):
        async with gateway(asking_at(RESPONSES, [first, second], ABORT)) as at:
            assert [(await ask(client, at))[1] for _ in range(9)] == [False, False, True] * 3
    assert second.seen == []


async def test_an_answer_of_gemini_with_a_finish_reason_in_every_response_ends_with_its_body(
    client: aiohttp.ClientSession,
) -> None:
    async def slowly(_seen: object, _reader: object, writer: asyncio.StreamWriter) -> None:
        writer.write(STREAM_HEAD)
        for word in ("one", "two", "three"):
            writer.write(chunks(response(word, finishReason="STOP"), end=False))
            await writer.drain()
            await asyncio.sleep(0.6)
        writer.write(chunks())

    async with served(GENERATE, slowly) as at:
        body, is_good = await ask(client, at)
    assert (body.count(b"STOP"), is_good) == (3, True)


@pytest.mark.parametrize(
    "then", [(response("more"),), (b'data: {"error":{"code":503}}\n\n',)], ids=["text", "an error"]
)
async def test_what_follows_on_a_last_response_of_geminis_takes_back_that_it_was_the_last(
    client: aiohttp.ClientSession, then: tuple[bytes, ...]
) -> None:
    async with served(GENERATE, stream(response("a", finishReason="STOP"), *then)) as at:
        body, is_good = await ask(client, at)
    assert (is_good, b"broke off" in body) == (False, True)


async def test_a_last_event_that_is_too_large_to_be_read_is_the_last_all_the_same(
    client: aiohttp.ClientSession,
) -> None:
    large = "x" * (5 << 20)
    for path, events in (
        (RESPONSES, (CREATED, DELTA, named("response.completed", response={"status": "completed", "output": large}))),
        (GENERATE, (response("a"), response(large, finishReason="STOP"))),
    ):
        async with served(path, stream(*events)) as at:
            assert await ask(client, at) == (b"".join(events), True)


async def test_first_events_that_repeat_a_long_request_are_no_noise(client: aiohttp.ClientSession) -> None:
    created = named("response.created", response={"instructions": "x" * 800_000})

    async def slowly(_seen: object, _reader: object, writer: asyncio.StreamWriter) -> None:
        writer.write(STREAM_HEAD + chunks(created, created, end=False))
        await writer.drain()
        await asyncio.sleep(0.1)
        writer.write(chunks(DELTA, COMPLETED))

    async with served(RESPONSES, slowly) as at:
        assert await ask(client, at) == (created + created + DELTA + COMPLETED, True)


async def test_an_answer_of_anthropics_that_is_cut_behind_its_stop_reason_gets_its_last_event(
    client: aiohttp.ClientSession,
) -> None:
    events = (*MESSAGE, STOP_REASON)
    async with served(MESSAGES, stream(*events, end=False)) as at:
        assert await ask(client, at) == (b"".join(events) + STOP, True)


async def test_an_answer_of_anthropics_that_is_whole_within_what_is_held_back_is_sent(
    client: aiohttp.ClientSession,
) -> None:
    events = (*MESSAGE, STOP_REASON, STOP)
    policy = Policy(stream_recovery="Holdback", holdback=Holdback(20, 5.0))
    async with served(MESSAGES, stream(*events), policy=policy) as at:
        assert await ask(client, at) == (b"".join(events), True)


# ── Tool calls ──────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_tool_call_is_handed_on_once_it_is_whole(client: aiohttp.ClientSession) -> None:
    for whose, events in {"Anthropic's": (*MESSAGE, *TOOL, STOP_REASON, STOP), "the Responses API's": CALLS}.items():
        async with served(PATHS[whose], stream(*events)) as at:
            assert await ask(client, at) == (b"".join(events), True)


THOUGHT = [
    named("content_block_start", index=0, content_block={"type": "thinking", "thinking": ""}),
    named("content_block_delta", index=0, delta={"type": "thinking_delta", "thinking": "Hm"}),
    named("content_block_stop", index=0),
]
CUT_IN_A_CALL = stream(*MESSAGE, *TOOL[:2], end=False, then="reset")


def numbered(events: Sequence[bytes], index: int) -> list[bytes]:
    """The same events of a block with another number."""
    return [re.sub(rb'"index":[0-9]', b'"index":%d' % index, event) for event in events]


def said(body: bytes | Sequence[bytes]) -> bytes:
    """The events of an answer, without comments and pings."""
    events = events_of(body if isinstance(body, bytes) else b"".join(body))
    return b"".join(event.raw for event in events if event.data is not None and event.name != "ping")


@pytest.mark.parametrize(
    "others",
    [
        [stream(START, *THOUGHT, *numbered(MESSAGE[2:], 1), *numbered(TOOL, 2), STOP_REASON, STOP)],
        [stream(START, *numbered(TOOL, 0), STOP_REASON, STOP)],
        [CUT_IN_A_CALL, stream(*MESSAGE, *TOOL, STOP_REASON, STOP)],
        [stream(START, *numbered(TOOL, 0), end=False), stream(*MESSAGE, *TOOL, STOP_REASON, STOP)],
    ],
    ids=["thinks and speaks first", "calls at once", "breaks off as well", "breaks off behind its call"],
)
async def test_a_tool_call_that_breaks_off_behind_a_text_is_made_by_the_next_model(
    client: aiohttp.ClientSession, others: list[Answering]
) -> None:
    async with served(MESSAGES, CUT_IN_A_CALL, *others, policy=Policy(attempts=3)) as at:
        body, is_good = await ask(client, at)
    assert (said(body), is_good) == (said((*MESSAGE, *TOOL, STOP_REASON, STOP)), True)


async def test_two_calls_of_the_next_model_follow_on_the_blocks_that_were_sent(client: aiohttp.ClientSession) -> None:
    first = [START, *THOUGHT, *numbered(MESSAGE[2:], 1)]
    second = [START, *numbered(TOOL, 0), *numbered(MESSAGE[2:], 1), *numbered(TOOL, 2), STOP_REASON, STOP]
    cut = stream(*first, *numbered(TOOL[:1], 2), end=False)
    async with served(MESSAGES, cut, stream(*second)) as at:
        body, is_good = await ask(client, at)
    wanted = [*first, *numbered(TOOL, 2), *numbered(TOOL, 3), STOP_REASON, STOP]
    assert (said(body), is_good) == (said(wanted), True)


async def test_words_of_the_next_model_follow_on_a_text_behind_which_a_call_broke_off_if_it_makes_none(
    client: aiohttp.ClientSession,
) -> None:
    other = stream(START, *THOUGHT, *numbered(MESSAGE[2:], 1), *numbered(MESSAGE[2:], 2), STOP_REASON, STOP)
    async with served(MESSAGES, CUT_IN_A_CALL, other) as at:
        body, is_good = await ask(client, at)
    wanted = [*MESSAGE, *numbered(MESSAGE[2:], 1), *numbered(MESSAGE[2:], 2), STOP_REASON, STOP]
    assert (said(body), is_good) == (said(wanted), True)


@pytest.mark.parametrize("others", [[], [CUT_IN_A_CALL], [stream(*MESSAGE[:-1], end=False)]])
async def test_a_break_in_a_call_that_nobody_mends_shows_neither_a_call_nor_an_end(
    client: aiohttp.ClientSession, others: list[Answering]
) -> None:
    async with served(MESSAGES, CUT_IN_A_CALL, *others) as at:
        body, is_good = await ask(client, at)
    assert (said(body).startswith(said(MESSAGE[:-1])), is_good) == (True, False)
    assert (body.count(b"Hello"), b"message_delta" in body, b"tool_use" in body) == (1, False, False)


@pytest.mark.parametrize("then", ["close", "reset", "go on"])
async def test_a_break_in_a_tool_call_behind_a_text_shows_neither_the_call_nor_the_end_of_the_text(then: str) -> None:
    """Claude Code asks again after a break in a block, and ends its session after one behind a block that ended."""
    async with served(MESSAGES, stream(*MESSAGE, *TOOL[:2], end=then == "go on", then=then)) as at:
        body, ended_by_reset = await read_raw(at)
    assert not ended_by_reset
    assert (MESSAGE[-2] in body, MESSAGE[-1] in body, b"tool_use" in body) == (True, False, False)
    assert (b"broke off" in body, body.endswith(b"0\r\n\r\n")) == (True, False)


@pytest.mark.parametrize("then", ["close", "reset", "go on"])
async def test_a_break_in_a_tool_call_behind_a_block_that_ended_is_a_reset_without_an_error_event(then: str) -> None:
    async with served(MESSAGES, stream(START, *THOUGHT, *MESSAGE[2:], *TOOL[:2], end=then == "go on", then=then)) as at:
        body, ended_by_reset = await read_raw(at)
    assert ended_by_reset
    assert (MESSAGE[-2] in body, b"tool_use" in body, b"broke off" in body) == (True, False, False)


async def test_a_break_behind_a_whole_tool_call_shows_nothing_of_it_either(client: aiohttp.ClientSession) -> None:
    async with served(MESSAGES, stream(*MESSAGE, *TOOL, end=False, then="reset")) as at:
        body, is_good = await ask(client, at)
    assert (last(body).name, is_good, b"tool_use" in body) == ("error", False, False)


async def read_raw(at: Gateway) -> tuple[bytes, bool]:
    """Ask as a plain socket does; return all that came, and whether a reset was its end."""
    body = msgspec.json.encode(ASKED)
    reader, writer = await asyncio.open_connection("127.0.0.1", at.port)
    writer.write(b"POST /model HTTP/1.1\r\nhost: localhost\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body))
    got = b""
    try:
        while piece := await reader.read(1 << 16):
            got += piece
    except ConnectionResetError:
        return got, True
    finally:
        writer.close()
    return got, False
