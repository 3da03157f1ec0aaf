"""A request whose first model fails is answered by a model of another API, in the client's own."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

import aiohttp
import msgspec
import pytest

from foreign import (
    ANTHROPIC,
    BEDROCK,
    FRAMES,
    MISTRAL,
    OPENAI,
    chunk_events,
    converse_events,
    message,
    message_events,
    mixed,
    streamed,
)
from logged import fields_of
from serving import KEY, Answering, free_port, gateway, good, json, limited, raw, targets
from switchover_dataplane.table.policies import Policy
from switchover_dataplane.table.upstreams import Anthropic, Provider

CHAT: dict[str, Any] = {"model": "asked", "messages": [{"role": "user", "content": "hi"}]}
MESSAGES: dict[str, Any] = {"model": "asked", "max_tokens": 100, "messages": [{"role": "user", "content": "hi"}]}


async def ask(
    client: aiohttp.ClientSession,
    path: str,
    body: object,
    models: Sequence[tuple[Provider, int]],
    policy: Policy | None = None,
) -> tuple[int, Any, str]:
    """Ask once; return the status, the decoded body or the text of a stream, and who answered."""
    async with gateway(mixed(free_port(), models, policy)) as at:
        async with client.post(at.url + path, json=body) as answer:
            content = await answer.read()
            is_json = answer.headers["content-type"] == "application/json"
            served_by = answer.headers.get("x-switchover-served-by", "")
            return answer.status, msgspec.json.decode(content) if is_json else content.decode(), served_by


async def test_a_chat_completion_is_answered_by_claude(client: aiohttp.ClientSession) -> None:
    async with targets(limited(), message("hello")) as (first, second):
        status, answer, served_by = await ask(
            client, "/v1/chat/completions", CHAT, [(OPENAI, first.port), (ANTHROPIC, second.port)]
        )
    assert (status, served_by) == (200, "anthropic/claude-sonnet-4-5")
    assert answer["object"] == "chat.completion"
    assert answer["choices"][0]["message"]["content"] == "hello"
    assert answer["usage"] == {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    seen = second.seen[0]
    assert seen.line == "POST /v1/messages HTTP/1.1"
    assert (seen.headers["x-api-key"], seen.headers["anthropic-version"]) == (KEY, "2023-06-01")
    assert "authorization" not in seen.headers


async def test_a_message_is_answered_by_gpt(client: aiohttp.ClientSession) -> None:
    overloaded = json(529, {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}})
    async with targets(overloaded, good("gpt-4o")) as (first, second):
        status, answer, served_by = await ask(
            client, "/v1/messages", MESSAGES, [(ANTHROPIC, first.port), (OPENAI, second.port)]
        )
    assert (status, served_by) == (200, "openai/gpt-4o")
    assert (answer["type"], answer["content"][0]["text"], answer["stop_reason"]) == ("message", "hello", "end_turn")
    assert second.seen[0].line == "POST /v1/chat/completions HTTP/1.1"
    assert second.seen[0].headers["authorization"] == f"Bearer {KEY}"
    assert "x-api-key" not in second.seen[0].headers


async def test_a_stream_of_chat_completions_comes_from_claude_event_by_event(client: aiohttp.ClientSession) -> None:
    async with targets(limited(), streamed(message_events("hel", "lo"))) as (first, second):
        status, text, _ = await ask(
            client, "/v1/chat/completions", {**CHAT, "stream": True}, [(OPENAI, first.port), (ANTHROPIC, second.port)]
        )
    assert status == 200
    assert '"content":"hel"' in text
    assert '"content":"lo"' in text
    assert text.endswith("data: [DONE]\n\n")


async def test_a_stream_of_messages_comes_from_the_frames_of_bedrock(client: aiohttp.ClientSession) -> None:
    frames = streamed(converse_events("hel", "lo"), kind=FRAMES)
    async with targets(raw(b"", then="reset"), frames) as (first, second):
        status, text, served_by = await ask(
            client, "/v1/messages", {**MESSAGES, "stream": True}, [(ANTHROPIC, first.port), (BEDROCK, second.port)]
        )
    assert (status, served_by) == (200, "bedrock/anthropic.claude-sonnet-4-5-v1:0")
    assert second.seen[0].line == "POST /model/anthropic.claude-sonnet-4-5-v1%3A0/converse-stream HTTP/1.1"
    assert '"text":"hel"' in text
    assert text.endswith('event: message_stop\ndata: {"type":"message_stop"}\n\n')


CUT: dict[str, Answering] = {
    "before content": streamed(message_events(ends=False), ends=False, then="close"),
    "by an orderly end before content": streamed(message_events(ends=False)),
    "by an error before content": streamed(
        [*message_events(ends=False), b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error"}}\n\n']
    ),
    "within the frame of an event": raw(b"HTTP/1.1 200 X\r\ncontent-length: 999\r\n\r\ndata: {", then="close"),
}


@pytest.mark.parametrize("answer", CUT.values(), ids=CUT)
async def test_a_stream_that_is_cut_before_content_is_never_seen(
    client: aiohttp.ClientSession, answer: Answering
) -> None:
    async with targets(answer, streamed(chunk_events("whole"))) as (first, second):
        status, text, served_by = await ask(
            client, "/v1/chat/completions", {**CHAT, "stream": True}, [(ANTHROPIC, first.port), (OPENAI, second.port)]
        )
    assert (status, served_by) == (200, "openai/gpt-4o")
    assert '"content":"whole"' in text


async def test_a_stream_that_is_cut_after_content_goes_on_at_a_model_of_another_api(
    client: aiohttp.ClientSession,
) -> None:
    cut = streamed(message_events("one two ", "three four ", ends=False), ends=False, then="close")
    async with targets(cut, streamed(chunk_events("one two three four ", "five"))) as (first, second):
        status, text, _ = await ask(
            client, "/v1/chat/completions", {**CHAT, "stream": True}, [(ANTHROPIC, first.port), (OPENAI, second.port)]
        )
    assert status == 200
    assert ": switchover: continued by openai/gpt-4o" in text
    assert text.count("five") == 1
    assert text.count("three") == 1
    assert text.endswith("data: [DONE]\n\n")


async def test_a_count_of_tokens_that_never_comes_costs_nothing_of_a_whole_stream(
    client: aiohttp.ClientSession,
) -> None:
    events = chunk_events("all of it")[:-1]  # no [DONE]
    async with targets(streamed(events, ends=False, then="close")) as (only,):
        status, text, _ = await ask(client, "/v1/messages", {**MESSAGES, "stream": True}, [(OPENAI, only.port)])
    assert status == 200
    assert text.endswith('event: message_stop\ndata: {"type":"message_stop"}\n\n')


async def test_the_last_refusal_reaches_the_client_in_its_own_form(client: aiohttp.ClientSession) -> None:
    refusal = json(429, {"error": {"message": "Rate limit reached", "type": "requests", "code": "rate_limit_exceeded"}})
    async with targets(refusal) as (only,):
        status, answer, _ = await ask(client, "/v1/messages", MESSAGES, [(OPENAI, only.port)])
    assert status == 429
    assert answer["type"] == "error"
    assert answer["error"] == {"type": "rate_limit_error", "message": "Rate limit reached"}


async def test_what_no_target_can_carry_is_refused_before_anything_is_sent(client: aiohttp.ClientSession) -> None:
    async with targets(message()) as (only,):
        status, answer, _ = await ask(client, "/v1/chat/completions", {**CHAT, "n": 2}, [(ANTHROPIC, only.port)])
    assert status == 400
    assert answer["error"]["code"] == "not_carried"
    assert "n (number)" in answer["error"]["message"]
    assert only.seen == []


async def test_a_target_that_cannot_carry_the_request_is_passed_by(client: aiohttp.ClientSession) -> None:
    async with targets(message(), good()) as (first, second):
        status, _, served_by = await ask(
            client, "/v1/chat/completions", {**CHAT, "logprobs": True}, [(ANTHROPIC, first.port), (OPENAI, second.port)]
        )
    assert (status, served_by, first.seen) == (200, "openai/gpt-4o", [])


async def test_the_log_says_what_a_target_that_was_passed_by_cannot_carry(
    client: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with targets(message(), good()) as (first, second):
        models: list[tuple[Provider, int]] = [(ANTHROPIC, first.port), (OPENAI, second.port)]
        await ask(client, "/v1/chat/completions", {**CHAT, "logprobs": True}, models)
    [record] = [each for each in caplog.records if each.name == "switchover.trace"]
    assert "passed by: anthropic/claude-sonnet-4-5 cannot carry logprobs" in record.getMessage()


async def test_the_log_names_what_fell_away_on_the_way_to_another_api(
    client: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with targets(limited(), message()) as (first, second):
        models: list[tuple[Provider, int]] = [(OPENAI, first.port), (ANTHROPIC, second.port)]
        await ask(client, "/v1/chat/completions", {**CHAT, "seed": 1}, models)
    [record] = [each for each in caplog.records if each.name == "switchover.trace"]
    [_, translated] = fields_of(record)["attempts"]
    assert list(translated["not_carried"]) == ["seed"]


async def test_a_policy_may_allow_the_loss(client: aiohttp.ClientSession) -> None:
    async with targets(message()) as (only,):
        status, _, served_by = await ask(
            client,
            "/v1/chat/completions",
            {**CHAT, "logprobs": True},
            [(ANTHROPIC, only.port)],
            Policy(on_loss="Allow"),
        )
    assert (status, served_by) == (200, "anthropic/claude-sonnet-4-5")


async def test_a_target_of_another_api_needs_a_model_of_its_own(client: aiohttp.ClientSession) -> None:
    async with targets(message()) as (only,):
        status, answer, _ = await ask(client, "/v1/chat/completions", CHAT, [(Anthropic(), only.port)])
    assert (status, only.seen) == (404, [])
    assert "has no `model`" in answer["error"]["message"]


async def test_a_request_for_a_target_of_its_own_api_keeps_its_bytes(client: aiohttp.ClientSession) -> None:
    body = b'{"model": "claude-sonnet-4-5",  "max_tokens":10,"messages":[ {"role":"user","content":"\\u00e4"}]}'
    async with targets(message()) as (only,):
        async with gateway(mixed(free_port(), [(ANTHROPIC, only.port), (OPENAI, free_port())])) as at:
            async with client.post(f"{at.url}/v1/messages?beta=true", data=body) as answer:
                assert answer.status == 200
        assert only.seen[0].body == body
        assert only.seen[0].line == "POST /v1/messages?beta=true HTTP/1.1"


async def test_a_stalled_stream_of_another_api_is_left_for_the_next_model(client: aiohttp.ClientSession) -> None:
    silent = streamed(message_events(ends=False), ends=False, then="wait")
    async with targets(silent, streamed(chunk_events("here"))) as (first, second):
        async with asyncio.timeout(10):
            status, text, _ = await ask(
                client,
                "/v1/chat/completions",
                {**CHAT, "stream": True},
                [(ANTHROPIC, first.port), (OPENAI, second.port)],
                Policy(first_token_timeout=0.2),
            )
    assert status == 200
    assert '"content":"here"' in text


async def test_a_conversation_of_openai_goes_on_at_mistral_with_ids_that_it_takes(
    client: aiohttp.ClientSession,
) -> None:
    call = {"id": "call_of_openai_1234", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    turns = [
        *CHAT["messages"],
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_of_openai_1234", "content": "x"},
    ]
    async with targets(limited(), good()) as (first, second):
        models: list[tuple[Provider, int]] = [(OPENAI, first.port), (MISTRAL, second.port)]
        status, _, _ = await ask(client, "/v1/chat/completions", {**CHAT, "messages": turns}, models)
        sent = msgspec.json.decode(second.seen[0].body)["messages"]
    assert status == 200
    assert sent[1]["tool_calls"][0]["id"] == sent[2]["tool_call_id"]
    assert len(sent[2]["tool_call_id"]) == 9


async def test_what_another_model_thought_does_not_go_back_to_claude(client: aiohttp.ClientSession) -> None:
    thought = {"type": "thinking", "thinking": "hm", "signature": ""}
    turns = [*MESSAGES["messages"], {"role": "assistant", "content": [thought, {"type": "text", "text": "a"}]}]
    asked = {**MESSAGES, "messages": [*turns, *MESSAGES["messages"]]}
    async with targets(message()) as (only,):
        status, _, _ = await ask(client, "/v1/messages", asked, [(ANTHROPIC, only.port)])
        sent = msgspec.json.decode(only.seen[0].body)["messages"]
    assert status == 200
    assert sent[1]["content"] == [{"type": "text", "text": "a"}]


async def test_a_server_that_answers_in_the_clients_api_though_it_was_asked_in_another_is_understood(
    client: aiohttp.ClientSession,
) -> None:
    async with targets(message("own"), streamed(message_events("of ", "its own"))) as (whole, events):
        status, answer, _ = await ask(client, "/v1/messages", MESSAGES, [(OPENAI, whole.port)])
        assert (status, answer["content"][0]["text"]) == (200, "own")
        status, text, _ = await ask(client, "/v1/messages", {**MESSAGES, "stream": True}, [(OPENAI, events.port)])
    assert (status, text) == (200, b"".join(message_events("of ", "its own")).decode())
