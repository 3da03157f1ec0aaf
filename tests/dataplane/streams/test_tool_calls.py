"""Tool calls in streams of chat completions, held back until they are whole, from targets that cut them."""

import asyncio
from io import BytesIO
from typing import Any, Literal

import aiohttp
import msgspec
import pytest

from as_written import AsWritten, as_written
from chat_streams import ASKED, CALL, TEXT, WORDS, ask, said, stream, whole
from serving import (
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
from switchover_dataplane.reply import reading
from switchover_dataplane.table.policies import Policy


def called(*pieces: str) -> list[bytes]:
    """A tool call in pieces, and its end."""
    return [
        *(event({"tool_calls": [{"index": 0, "function": {"arguments": piece}}]}) for piece in pieces),
        event({}, "tool_calls") + b"data: [DONE]\n\n",
    ]


CUTS: dict[str, dict[str, Any]] = {
    "a reset": {"end": False, "then": "reset"},
    "a close": {"end": False, "then": "close"},
    "a clean end": {},
    "silence": {"end": False, "then": "wait"},
}


@pytest.mark.parametrize("cut", CUTS.values(), ids=CUTS)
@pytest.mark.parametrize("recovery", ["Continue", "Holdback"])
async def test_a_tool_call_that_is_cut_before_any_word_was_never_seen(
    client: aiohttp.ClientSession, cut: dict[str, Any], recovery: Literal["Continue", "Holdback"]
) -> None:
    policy = Policy(stream_recovery=recovery, first_token_timeout=0.2)
    async with targets(stream(CALL, **cut), stream(*called('{"b":', "2}"))) as (first, second):
        async with gateway(table(free_port(), [first.port, second.port], policy)) as at:
            got = await ask(client, at)

    assert (got.body, got.broke) == (b"".join([ROLE, *called('{"b":', "2}")]), False)
    assert msgspec.json.decode(second.seen[0].body)["messages"] == ASKED["messages"]


@pytest.mark.parametrize("again", [[], said(WORDS)], ids=["at once", "behind the text"])
@pytest.mark.parametrize("cut", CUTS.values(), ids=CUTS)
async def test_a_tool_call_that_is_cut_behind_a_text_is_made_by_the_next_model(
    client: aiohttp.ClientSession, cut: dict[str, Any], again: list[bytes]
) -> None:
    policy = Policy(stream_idle_timeout=0.2)
    async with targets(stream(*said(WORDS), CALL, **cut), stream(*again, *called("{}"))) as (first, second):
        async with gateway(table(free_port(), [first.port, second.port], policy)) as at:
            got = await ask(client, at)

    assert (got.text, got.broke, got.body.count(b'tool_calls":[')) == (TEXT, False, 1)
    assert got.body.endswith(b"".join(called("{}")))


THOUGHT = event({"reasoning_content": "hm"})
BESIDE_WORDS = event({"content": "x", "tool_calls": [{"index": 0, "function": {"arguments": "{}"}}]})


@pytest.mark.parametrize(
    "others",
    [
        [stream(THOUGHT, *said(["Other", " words"]), *called('{"b":', "2}"))],
        [stream(*called('{"b":', "2}"))],
        [stream(THOUGHT, *said(WORDS), CALL, end=False, then="reset"), stream(*said(WORDS), *called('{"b":', "2}"))],
    ],
    ids=["thinks and speaks first", "calls at once", "breaks off as well"],
)
async def test_a_tool_call_that_is_cut_behind_reasoning_and_a_text_is_made_by_the_next_model(
    client: aiohttp.ClientSession, others: list[Answering]
) -> None:
    async with targets(stream(THOUGHT, *said(WORDS), CALL, end=False, then="reset"), *others) as made:
        async with gateway(table(free_port(), [each.port for each in made])) as at:
            got = await ask(client, at)
    assert (got.text, got.broke, got.body.count(b"hm")) == (TEXT, False, 1)
    assert [chunk["choices"][0] for chunk in got.chunks[-3:]] == [
        {"delta": {"tool_calls": [{"index": 0, "function": {"arguments": '{"b":'}}]}, "finish_reason": None},
        {"delta": {"tool_calls": [{"index": 0, "function": {"arguments": "2}"}}]}, "finish_reason": None},
        {"delta": {}, "finish_reason": "tool_calls"},
    ]
    assert all(msgspec.json.decode(each.seen[0].body)["messages"] == ASKED["messages"] for each in made)


async def test_words_beside_the_call_of_another_model_are_left_out(client: aiohttp.ClientSession) -> None:
    first = stream(THOUGHT, *said(WORDS), CALL, end=False, then="reset")
    async with targets(first, stream(BESIDE_WORDS, called()[-1])) as made:
        async with gateway(table(free_port(), [each.port for each in made])) as at:
            got = await ask(client, at)
    assert (got.text, got.broke, b'"arguments":"{}"' in got.body) == (TEXT, False, True)


async def test_an_answer_without_a_call_is_none_where_a_call_broke_off_behind_reasoning(
    client: aiohttp.ClientSession,
) -> None:
    async with targets(stream(THOUGHT, *said(WORDS), CALL, end=False, then="reset"), whole()) as made:
        async with gateway(table(free_port(), [each.port for each in made])) as at:
            got = await ask(client, at)
    assert (got.text, got.broke, got.error["code"]) == (TEXT, True, "stream_interrupted")
    assert b'finish_reason":"stop' not in got.body


async def test_a_tool_call_that_is_cut_behind_a_text_where_nobody_is_left_ends_with_an_error(
    client: aiohttp.ClientSession,
) -> None:
    async with targets(stream(*said(WORDS), CALL, end=False, then="reset")) as (first,):
        async with gateway(table(free_port(), [first.port])) as at:
            got = await ask(client, at)
    assert (got.text, got.broke, got.error["code"]) == (TEXT, True, "stream_interrupted")
    assert b'"tool_calls":[' not in got.body


@pytest.mark.parametrize(
    "policy",
    [Policy(tool_calls="Stream"), as_written(stream_recovery="Abort"), as_written(semantics="Envoy")],
    ids=["toolCalls: Stream", "streamRecovery: Abort", "Envoy's rules"],
)
async def test_a_tool_call_is_handed_on_as_it_comes_where_that_is_asked_for(
    client: aiohttp.ClientSession, policy: Policy | AsWritten
) -> None:
    async with targets(stream(CALL, end=False, then="wait")) as (first,):
        async with gateway(table(free_port(), [first.port], policy)) as at:
            async with client.post(f"{at.url}/model", data=BytesIO(msgspec.json.encode(ASKED))) as answer:
                assert await answer.content.readexactly(len(ROLE + CALL)) == ROLE + CALL


async def test_a_client_gets_keep_alives_while_a_tool_call_is_held(
    client: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "KEEP_ALIVE", 0.05)
    told = asyncio.Event()

    async def slowly(_seen: Seen, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(STREAM_HEAD + chunks(ROLE, *said(WORDS), CALL, end=False))
        await told.wait()
        writer.write(chunks(*called(":1}")))

    got = b""
    async with targets(slowly) as (first,), gateway(table(free_port(), [first.port])) as at:
        async with client.post(f"{at.url}/model", data=BytesIO(msgspec.json.encode(ASKED))) as answer:
            async for piece in answer.content.iter_any():
                got += piece
                if got.count(b": switchover: a tool call is held back") == 2:
                    told.set()
    assert got.endswith(b"".join([CALL, *called(":1}")]))


async def test_a_target_that_is_silent_within_a_tool_call_is_given_up_in_the_end(
    client: aiohttp.ClientSession,
) -> None:
    policy = Policy(first_token_timeout=0.0, lone_stream_idle_timeout=0.2)
    async with targets(stream(CALL, end=False, then="wait"), stream(*called("{}"))) as made:
        async with gateway(table(free_port(), [target.port for target in made], policy)) as at:
            got = await ask(client, at)
    assert got.body == b"".join([ROLE, *called("{}")])
