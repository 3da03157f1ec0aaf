"""A text that breaks off in a format of numbered events goes on at another model, in one stream."""

from collections.abc import Sequence
from typing import Any

import aiohttp
import msgspec
import pytest

from foreign import (
    ANTHROPIC,
    BEDROCK,
    FRAMES,
    GEMINI,
    OPENAI,
    chunk_events,
    converse_events,
    gemini_events,
    message_events,
    mixed,
    streamed,
)
from serving import Answering, events_of, free_port, gateway, targets
from switchover_dataplane.formats.api import Api
from switchover_dataplane.table.upstreams import OpenAI, Provider
from switchover_dataplane.translation.answers import Answer
from switchover_dataplane.translation.formats import FORMATS
from switchover_dataplane.translation.joining import joined
from switchover_dataplane.translation.neutral import Text

FIRST, REST = "one two three ", "four"
TURNS = [{"role": "user", "content": "count"}]
REQUESTS: dict[Api, tuple[str, dict[str, Any]]] = {
    Api.CHAT: ("/v1/chat/completions", {"model": "a", "stream": True, "messages": TURNS}),
    Api.MESSAGES: ("/v1/messages", {"model": "a", "stream": True, "max_tokens": 99, "messages": TURNS}),
    Api.RESPONSES: ("/v1/responses", {"model": "a", "stream": True, "input": "count"}),
    Api.GENERATE: (
        "/v1beta/models/a:streamGenerateContent?alt=sse",
        {"contents": [{"role": "user", "parts": [{"text": "count"}]}]},
    ),
}


def response_events(*texts: str, ends: bool = True) -> list[bytes]:
    """The events of a stream of the Responses API."""
    number = iter(range(99))

    def named(kind: str, **fields: Any) -> bytes:
        body = {"type": kind, "sequence_number": next(number), **fields}
        return f"event: {kind}\ndata: ".encode() + msgspec.json.encode(body) + b"\n\n"

    response = {"id": "resp_1", "object": "response", "model": "gpt-4o", "status": "in_progress", "output": []}
    at = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    part = {"type": "output_text", "text": "", "annotations": []}
    item = {"id": "msg_1", "type": "message", "role": "assistant", "status": "in_progress", "content": []}
    begun = [
        named("response.created", response=response),
        named("response.output_item.added", output_index=0, item=item),
        named("response.content_part.added", **at, part=part),
        *(named("response.output_text.delta", **at, delta=text, logprobs=[]) for text in texts),
    ]
    if not ends:
        return begun
    text = "".join(texts)
    whole = {**item, "status": "completed", "content": [{**part, "text": text}]}
    end = {**response, "status": "completed", "output": [whole], "usage": {"input_tokens": 1, "output_tokens": 2}}
    return [
        *begun,
        named("response.output_text.done", **at, text=text, logprobs=[]),
        named("response.content_part.done", **at, part={**part, "text": text}),
        named("response.output_item.done", output_index=0, item=whole),
        named("response.completed", response=end),
    ]


def cut(events: Sequence[bytes], kind: str = "text/event-stream") -> Answering:
    return streamed(events, kind=kind, ends=False, then="close")


RESPONDER = OpenAI("gpt-4o")
BREAKING: dict[str, tuple[Provider, Answering]] = {
    "Chat Completions": (OPENAI, cut(chunk_events(FIRST, ends=False))),
    "Messages": (ANTHROPIC, cut(message_events(FIRST, ends=False))),
    "generateContent": (GEMINI, cut(gemini_events(FIRST, ends=False))),
    "Converse": (BEDROCK, cut(converse_events(FIRST, ends=False), FRAMES)),
    "Responses": (RESPONDER, cut(response_events(FIRST, ends=False))),
}
WHOLE: dict[str, tuple[Provider, Answering]] = {
    "Chat Completions": (OPENAI, streamed(chunk_events(FIRST, REST))),
    "Messages": (ANTHROPIC, streamed(message_events(FIRST, REST))),
    "generateContent": (GEMINI, streamed(gemini_events(FIRST, REST))),
    "Converse": (BEDROCK, streamed(converse_events(FIRST, REST), kind=FRAMES)),
    "Responses": (RESPONDER, streamed(response_events(FIRST, REST))),
}


async def stream_of(client: aiohttp.ClientSession, api: Api, *models: tuple[Provider, Answering]) -> bytes:
    path, body = REQUESTS[api]
    async with targets(*(script for _, script in models)) as each:
        ports = [(provider, target.port) for (provider, _), target in zip(models, each, strict=True)]
        async with gateway(mixed(free_port(), ports)) as at:
            async with client.post(at.url + path, json=body) as answer:
                assert answer.status == 200
                return await answer.read()


def read(api: Api, body: bytes) -> Answer:
    """Read a stream as its API says, and join it."""
    reader = FORMATS[api].reader()
    events = [each for event in events_of(body) if event.data for each in reader.take(event.data, event.name)]
    return joined([*events, *reader.end()])


PAIRS = [
    (api, breaks, goes_on)
    for api in REQUESTS
    for breaks in BREAKING
    for goes_on in WHOLE
    if api is Api.RESPONSES or "Responses" not in (breaks, goes_on)  # it is spoken to clients of it alone
]


@pytest.mark.parametrize(("api", "breaks", "goes_on"), PAIRS, ids=[f"{a.name} {b} {c}" for a, b, c in PAIRS])
async def test_a_text_goes_on_from_any_api_to_any_other(
    client: aiohttp.ClientSession, api: Api, breaks: str, goes_on: str
) -> None:
    body = await stream_of(client, api, BREAKING[breaks], WHOLE[goes_on])
    assert (b": switchover: continued by" in body) is (api is not Api.GENERATE)
    assert [block for block in read(api, body).blocks if isinstance(block, Text)] == [Text(FIRST + REST)]


async def test_no_line_of_a_stream_is_a_comment_where_googles_sdk_would_take_it_for_an_error(
    client: aiohttp.ClientSession,
) -> None:
    body = await stream_of(client, Api.GENERATE, BREAKING["generateContent"], WHOLE["Messages"])
    assert {line[:6] for line in body.splitlines()} == {b"", b"data: "}


async def test_the_events_of_a_response_that_goes_on_have_one_id_and_rising_numbers(
    client: aiohttp.ClientSession,
) -> None:
    body = await stream_of(client, Api.RESPONSES, BREAKING["Responses"], WHOLE["Messages"])
    events = [msgspec.json.decode(event.data) for event in events_of(body) if event.data]
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    assert {event["item_id"] for event in events if "item_id" in event} == {"msg_1"}
    whole = events[-1]["response"]
    assert (whole["id"], whole["output"][0]["content"][0]["text"]) == ("resp_1", FIRST + REST)


ENDED = response_events(FIRST)[:-1]
"""A response whose text has its end, and which has none itself."""

CALL = {"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "f", "arguments": "", "status": "in_progress"}
CALLED = b"event: response.output_item.added\ndata: " + msgspec.json.encode(
    {"type": "response.output_item.added", "sequence_number": len(ENDED), "output_index": 1, "item": CALL}
)
CUTS = {
    "behind the text's own end": ENDED[:-2],
    "behind its part's end": ENDED[:-1],
    "behind its item's end": ENDED,
    "in a call": [*ENDED, CALLED + b"\n\n"],
}


@pytest.mark.parametrize("sent", CUTS.values(), ids=CUTS)
async def test_no_text_of_a_response_ends_twice_or_goes_on_behind_its_end(
    client: aiohttp.ClientSession, sent: Sequence[bytes]
) -> None:
    body = await stream_of(client, Api.RESPONSES, (RESPONDER, cut(sent)), WHOLE["Messages"])
    events = [msgspec.json.decode(event.data) for event in events_of(body) if event.data]

    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    done = [event["item"] for event in events if event["type"] == "response.output_item.done"]
    assert [item["content"][0]["text"] for item in done] == [FIRST, REST]
    whole = events[-1]["response"]["output"]
    assert [(item["id"], item["content"][0]["text"]) for item in whole] == [("msg_1", FIRST), (done[1]["id"], REST)]
    kinds = [event["type"] for event in events if event.get("output_index") == 1]
    assert [kinds.count(f"response.output_text.{kind}") for kind in ("delta", "done")] == [1, 1]
    assert (kinds[0], kinds[-1]) == ("response.output_item.added", "response.output_item.done")


async def read_into(got: bytearray, answer: aiohttp.ClientResponse) -> None:
    async for piece in answer.content.iter_any():
        got += piece


async def test_the_end_of_a_response_that_broke_off_in_a_call_and_does_not_go_on_is_no_error_event(
    client: aiohttp.ClientSession,
) -> None:
    path, request = REQUESTS[Api.RESPONSES]
    async with targets(cut(CUTS["in a call"]), streamed(chunk_events("Sorry, no."))) as (first, second):
        async with gateway(mixed(free_port(), [(RESPONDER, first.port), (OPENAI, second.port)])) as at:
            async with client.post(at.url + path, json=request) as answer:
                got = bytearray()
                with pytest.raises(aiohttp.ClientError):
                    await read_into(got, answer)
    assert b"output_text.delta" in got
    assert b"error" not in got


async def test_the_blocks_of_a_message_that_goes_on_open_and_close_once(client: aiohttp.ClientSession) -> None:
    body = await stream_of(client, Api.MESSAGES, BREAKING["Messages"], WHOLE["Chat Completions"])
    kinds = [event.name for event in events_of(body) if event.data]
    assert kinds.count("message_start") == kinds.count("content_block_start") == 1
    assert kinds.count("content_block_stop") == kinds.count("message_stop") == 1
    assert kinds[-3:] == ["content_block_stop", "message_delta", "message_stop"]


async def test_a_text_that_does_not_go_on_where_it_broke_off_is_an_error(client: aiohttp.ClientSession) -> None:
    with pytest.raises(aiohttp.ClientPayloadError):
        await stream_of(client, Api.MESSAGES, BREAKING["Messages"], (OPENAI, streamed(chunk_events("Sorry, no."))))


async def test_an_answer_that_breaks_off_twice_goes_on_at_the_third_model(client: aiohttp.ClientSession) -> None:
    second = (OPENAI, cut(chunk_events(FIRST, "four five ", ends=False)))
    third = (GEMINI, streamed(gemini_events(FIRST + "four five ", "six")))
    body = await stream_of(client, Api.MESSAGES, BREAKING["Messages"], second, third)
    assert list(read(Api.MESSAGES, body).blocks) == [Text(FIRST + "four five six")]
