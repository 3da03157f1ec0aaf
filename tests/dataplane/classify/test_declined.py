"""Refusals under a success: seen only where `content-filter` is written in `retryOn`, and moved to the next model."""

from collections.abc import AsyncIterator
from io import BytesIO
from typing import Any

import aiohttp
import msgspec
import pytest
from multidict import CIMultiDict

from as_written import AsWritten, retries
from serving import (
    END,
    ROLE,
    STREAM_HEAD,
    Answering,
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
from switchover_dataplane.attempts.answer import Answer
from switchover_dataplane.attempts.declined import is_declined
from switchover_dataplane.formats.api import Api
from switchover_dataplane.formats.sse import Scanner
from switchover_dataplane.streams.opened import Opened
from switchover_dataplane.table.policies import Policy

WRITTEN = retries(
    tokens=("content-filter", "rate-limited"),
    attempts=2,
)


def choice(finish: str | None, **message: Any) -> dict[str, Any]:
    return {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish}


def named(kind: str, **fields: Any) -> bytes:
    return b"data: " + msgspec.json.encode({"type": kind, **fields}) + b"\n\n"


REFUSALS: dict[str, tuple[Api, object]] = {
    "a filter": (Api.CHAT, {"choices": [choice("content_filter", content="")]}),
    "a filter that cut the answer": (Api.CHAT, {"choices": [choice("content_filter", content="Well,")]}),
    "a model's": (Api.CHAT, {"choices": [choice("stop", content=None, refusal="I cannot help with that.")]}),
    "all of several": (Api.CHAT, {"choices": [choice("content_filter"), choice("content-filter")]}),
    "Anthropic's": (Api.MESSAGES, {"type": "message", "content": [], "stop_reason": "refusal"}),
    "Gemini's": (Api.GENERATE, {"candidates": [{"finishReason": "SAFETY"}]}),
    "of Gemini's prompt": (Api.GENERATE, {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}}),
    "Responses, a part": (Api.RESPONSES, {"output": [{"content": [{"type": "refusal", "refusal": "no"}]}]}),
    "Responses, a filter": (
        Api.RESPONSES,
        {"status": "incomplete", "incomplete_details": {"reason": "content_filter"}},
    ),
}
ANSWERS: dict[str, tuple[Api, object]] = {
    "an answer": (Api.CHAT, {"choices": [choice("stop", content="hi", refusal=None)]}),
    "one of two": (Api.CHAT, {"choices": [choice("stop", content="hi"), choice("content_filter")]}),
    "a limit": (Api.CHAT, {"choices": [choice("length", content="hi")]}),
    "words of a refusal as content": (Api.CHAT, {"choices": [choice("stop", content='{"type": "refusal"}')]}),
    "Anthropic's": (Api.MESSAGES, {"content": [{"type": "text", "text": "hi"}], "stop_reason": "end_turn"}),
    "Gemini's": (Api.GENERATE, {"candidates": [{"finishReason": "STOP"}], "promptFeedback": {}}),
    "Responses, too long": (Api.RESPONSES, {"incomplete_details": {"reason": "max_output_tokens"}, "output": []}),
    "a list": (Api.CHAT, [1, "refusal"]),
    "what nobody expects": (
        Api.CHAT,
        {"choices": [None, {"message": "x", "finish_reason": 7}], "delta": [], "output": 1},
    ),
}
STREAMS: dict[str, tuple[Api, bytes]] = {
    "a filter": (Api.CHAT, ROLE + event({}, "content_filter")),
    "a model's": (Api.CHAT, ROLE + event({"refusal": "I"})),
    "Anthropic's": (Api.MESSAGES, named("message_start") + named("message_delta", delta={"stop_reason": "refusal"})),
    "Responses": (Api.RESPONSES, named("response.created", response={}) + named("response.refusal.delta", delta="I")),
}


def whole(document: object) -> Answer:
    return Answer(200, CIMultiDict(), held=[msgspec.json.encode(document)])


@pytest.mark.parametrize(("api", "document"), REFUSALS.values(), ids=REFUSALS)
def test_a_refusal_is_known_in_every_api(api: Api, document: object) -> None:
    assert is_declined(api, whole(document))
    assert not is_declined(None, whole(document))


@pytest.mark.parametrize(("api", "document"), ANSWERS.values(), ids=ANSWERS)
def test_an_answer_is_none(api: Api, document: object) -> None:
    assert not is_declined(api, whole(document))


@pytest.mark.parametrize(("api", "events"), STREAMS.values(), ids=STREAMS)
def test_a_stream_that_begins_with_a_refusal_is_one(api: Api, events: bytes) -> None:
    answer = Answer(200, CIMultiDict())
    answer.opened = Opened(events=Scanner().feed(events))
    assert is_declined(api, answer)


def test_what_is_no_json_or_too_deep_is_none() -> None:
    for body in (b"no", b"\xff", b"[" * 100_000, b'{"choices":' * 50_000):
        assert not is_declined(Api.CHAT, Answer(200, CIMultiDict(), held=[body]))


# ── On the wire ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def asked(
    client: aiohttp.ClientSession, *scripts: Answering, policy: Policy | AsWritten, stream: bool = False
) -> tuple[int, bytes, str]:
    """The status, the body and who answered."""
    async with targets(*scripts) as made:
        async with gateway(table(free_port(), [target.port for target in made], policy)) as at:
            body = BytesIO(msgspec.json.encode({"model": "m", "stream": stream, "messages": []}))
            async with client.post(f"{at.url}/model/chat/completions", data=body) as answer:
                return answer.status, await answer.read(), answer.headers["x-switchover-served-by"]


DECLINED = {"object": "chat.completion", "choices": [choice("content_filter", content="")]}


async def test_a_refusal_moves_to_the_next_model_where_that_is_written(client: aiohttp.ClientSession) -> None:
    assert (await asked(client, json(200, DECLINED), good(), policy=WRITTEN))[2] == "openai/model-1"
    assert (await asked(client, json(200, DECLINED), good(), policy=Policy()))[2] == "openai/model-0"


async def test_a_stream_that_begins_with_a_refusal_does_so_too(client: aiohttp.ClientSession) -> None:
    refusal = raw(STREAM_HEAD + chunks(ROLE, event({"refusal": "I cannot"}), END))
    other = raw(STREAM_HEAD + chunks(ROLE, event({"content": "hello"}), END))
    status, body, served_by = await asked(client, refusal, other, policy=WRITTEN, stream=True)
    assert (status, b"hello" in body, b"cannot" in body, served_by) == (200, True, False, "openai/model-1")
    status, body, served_by = await asked(client, refusal, refusal, policy=WRITTEN, stream=True)
    assert (status, body.count(b"cannot"), served_by) == (200, 1, "openai/model-1")


async def test_a_refusal_that_nobody_betters_is_handed_on_as_it_is(client: aiohttp.ClientSession) -> None:
    status, body, _ = await asked(client, limited(), json(200, DECLINED), policy=WRITTEN)
    assert (status, msgspec.json.decode(body)) == (200, DECLINED)
