"""Answers of every API through the gateway, in another shape than the one that was asked for."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import BytesIO
from typing import Any

import aiohttp
import msgspec
import pytest

from serving import STREAM_HEAD, Answering, Gateway, chunks, events_of, free_port, gateway, json, raw, table, targets
from switchover_dataplane.formats.api import Api
from switchover_dataplane.formats.as_stream import as_stream
from switchover_dataplane.table.policies import Policy
from switchover_dataplane.table.upstreams import OpenAI

MESSAGE = {"id": "m", "type": "message", "role": "assistant", "model": "c", "stop_reason": "end_turn",
           "stop_sequence": None, "usage": {"input_tokens": 1, "output_tokens": 2},
           "content": [{"type": "text", "text": "hello"}]}  # fmt: skip
RESPONSE = {"id": "r", "object": "response", "status": "completed", "model": "g", "error": None, "usage": None,
            "incomplete_details": None,
            "output": [{"type": "message", "id": "o", "role": "assistant", "status": "completed",
                        "content": [{"type": "output_text", "text": "hello", "annotations": []}]}]}  # fmt: skip
GENERATED = {"candidates": [{"content": {"role": "model", "parts": [{"text": "hello"}]}, "finishReason": "STOP"}]}
COMPLETION = {"id": "c", "object": "text_completion", "created": 1, "model": "m", "usage": {"completion_tokens": 2},
              "choices": [{"index": 0, "text": "hello", "logprobs": None, "finish_reason": "stop"}]}  # fmt: skip
CHAT = {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "usage": {"completion_tokens": 2},
        "choices": [{"index": 0, "logprobs": None, "finish_reason": "stop",
                     "message": {"role": "assistant", "content": "hello", "refusal": None}}]}  # fmt: skip

GEMINI = "/v1beta/models/g:generateContent"
GEMINI_STREAM = "/v1beta/models/g:streamGenerateContent"
SHAPES = {
    "Chat Completions": (Api.CHAT, "/v1/chat/completions", "/v1/chat/completions", CHAT),
    "Completions": (Api.COMPLETIONS, "/v1/completions", "/v1/completions", COMPLETION),
    "Messages": (Api.MESSAGES, "/v1/messages", "/v1/messages", MESSAGE),
    "Responses": (Api.RESPONSES, "/v1/responses", "/v1/responses", RESPONSE),
    "generateContent": (Api.GENERATE, GEMINI, f"{GEMINI_STREAM}?alt=sse", GENERATED),
}


@asynccontextmanager
async def served(path: str, *models: Answering) -> AsyncIterator[Gateway]:
    """Serve one model that is asked for a path by several targets, one a priority."""
    async with targets(*models) as each:
        of = table(free_port(), [one.port for one in each], Policy(attempts=len(models)))
        [upstream] = of.upstreams.values()
        pools = tuple(
            tuple(msgspec.structs.replace(target, full_path=path, provider=OpenAI("m")) for target in pool)
            for pool in upstream.priorities
        )
        upstreams = {"ns/up": msgspec.structs.replace(upstream, priorities=pools)}
        async with gateway(msgspec.structs.replace(of, upstreams=upstreams)) as at:
            yield at


async def ask(at: Gateway, **fields: Any) -> tuple[int, str, bytes, str]:
    """Return status, media type, body and how often models were asked."""
    async with aiohttp.ClientSession() as session:
        async with session.post(f"{at.url}/model", data=BytesIO(msgspec.json.encode({"model": "m", **fields}))) as got:
            return got.status, got.content_type, await got.read(), got.headers["x-switchover-attempts"]


def written(api: Api, answer: object) -> bytes:
    events = as_stream(api, msgspec.json.encode(answer), with_usage=True)
    assert events is not None
    return events


@pytest.mark.parametrize(("api", "path", "_", "answer"), SHAPES.values(), ids=SHAPES)
async def test_a_stream_of_any_api_that_nobody_asked_for_becomes_its_json(
    api: Api, path: str, _: str, answer: object
) -> None:
    async with served(path, raw(STREAM_HEAD + chunks(written(api, answer)))) as at:
        status, kind, body, attempts = await ask(at)
    assert (status, kind, attempts) == (200, "application/json", "1")
    assert msgspec.json.decode(body) == answer


@pytest.mark.parametrize(("api", "path", "_", "answer"), SHAPES.values(), ids=SHAPES)
async def test_half_a_stream_of_any_api_that_nobody_asked_for_is_a_failed_attempt(
    api: Api, path: str, _: str, answer: object
) -> None:
    first = events_of(written(api, answer))[0].raw.replace(b'"finishReason":"STOP"', b'"index":0')
    async with served(path, raw(STREAM_HEAD + chunks(first)), json(200, answer)) as at:
        assert (await ask(at))[3] == "2"


@pytest.mark.parametrize(("api", "_", "path", "answer"), SHAPES.values(), ids=SHAPES)
async def test_json_of_any_api_becomes_the_stream_that_was_asked_for(
    api: Api, _: str, path: str, answer: object
) -> None:
    async with served(path, json(200, answer)) as at:
        usage = {"include_usage": True}
        status, kind, body, attempts = await ask(at, stream=True, stream_options=usage)
    assert (status, kind, attempts) == (200, "text/event-stream", "1")
    assert body == written(api, answer)


@pytest.mark.parametrize(("path", "answer"), [shape[2:] for shape in SHAPES.values()], ids=SHAPES)
async def test_a_hollow_answer_of_any_api_never_becomes_a_stream(path: str, answer: object) -> None:
    hollow = msgspec.Raw(msgspec.json.encode(answer).replace(b'"hello"', b'""').replace(b":2}", b":0}"))
    async with served(path, json(200, hollow), json(200, answer)) as at:
        status, _, body, attempts = await ask(at, stream=True)
    assert (status, b'"hello"' in body, attempts) == (200, True, "2")


async def test_an_array_of_responses_becomes_one_where_one_was_asked_for() -> None:
    contents = [{"content": {"role": "model", "parts": [{"text": text}]}} for text in ("hel", "lo")]
    parts = [{"candidates": [contents[0]]}, {"candidates": [{**contents[1], "finishReason": "STOP"}]}]
    async with served(GEMINI, json(200, parts)) as at:
        assert msgspec.json.decode((await ask(at))[2]) == GENERATED
    async with served(GEMINI_STREAM, json(200, parts)) as at:
        assert msgspec.json.decode((await ask(at))[2]) == parts
    async with served(f"{GEMINI_STREAM}?alt=sse", json(200, parts)) as at:
        assert len(events_of((await ask(at))[2])) == 2


async def test_an_array_that_nobody_asked_for_and_that_cannot_be_made_one_is_a_failed_attempt() -> None:
    part = {"candidates": [{"index": 4096, "content": {"parts": [{"text": "hello"}]}, "finishReason": "STOP"}]}
    async with served(GEMINI, json(200, [part]), json(200, GENERATED)) as at:
        assert (await ask(at))[3] == "2"


async def test_a_promise_is_handed_on_where_it_was_asked_for() -> None:
    promise = {**RESPONSE, "status": "queued", "output": []}
    for fields in ({"background": True}, {"background": True, "stream": True}):
        async with served("/v1/responses", json(200, promise)) as at:
            assert msgspec.json.decode((await ask(at, **fields))[2]) == promise
    async with served("/v1/responses", json(200, promise), json(200, RESPONSE)) as at:
        assert (await ask(at))[3] == "2"
    async with served("/v1/chat/completions", json(202, {"request_id": "x"})) as at:
        assert (await ask(at, deferred=True))[0] == 202


async def test_fewer_embeddings_than_texts_are_a_failed_attempt() -> None:
    one, two = ({"data": [{"embedding": [0.1]}] * count} for count in (1, 2))
    async with served("/v1/embeddings", json(200, one), json(200, two)) as at:
        assert (await ask(at, input=["a", "b"]))[3] == "2"
        assert (await ask(at, input="a"))[3] == "1"


async def test_embeddings_have_no_stream() -> None:
    embeddings = {"data": [{"embedding": [0.1]}]}
    streaming = raw(STREAM_HEAD + chunks(b'data: {"data":[{"embedding":[0.1]}]}\n\n'))
    async with served("/v1/embeddings", streaming, json(200, embeddings)) as at:
        status, kind, body, _ = await ask(at, input="a", stream=True)
    assert (status, kind, msgspec.json.decode(body)) == (200, "application/json", embeddings)
