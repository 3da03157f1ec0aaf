"""OpenAI's own Python SDK, unchanged, against a gateway whose first model fails: its caller notices nothing.

Its own retries are off, so that every rescue is the gateway's.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio
from pydantic import BaseModel

from deferred import deferred
from sdk.failures import (
    ARGUMENTS,
    INTERRUPTED,
    JSON,
    OF_STREAMS,
    OF_TEXTS,
    OF_WHOLE,
    STRUCTURED,
    TEXT,
    TOOL,
    TOOL_CALL,
    WORDS,
)
from sdk.gateway import Against

if TYPE_CHECKING:
    import openai
else:
    openai = deferred("openai")

pytestmark = pytest.mark.asyncio(loop_scope="module")

ASKED: dict[str, Any] = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Count to sixty."}]}


class Weather(BaseModel):
    """What is asked for in the tests of structured output."""

    city: str
    degrees: int


@pytest.fixture(scope="module")
def blocking() -> Iterator[openai.OpenAI]:
    with openai.OpenAI(api_key="sk-of-the-caller", max_retries=0, timeout=40) as client:
        yield client


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client() -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(api_key="sk-of-the-caller", max_retries=0, timeout=40) as client:
        yield client


def content(answer: openai.types.chat.ChatCompletion) -> str | None:
    return answer.choices[0].message.content


def called(answer: openai.types.chat.ChatCompletion) -> tuple[str, Any]:
    """The name and the arguments of the one tool call."""
    [call] = answer.choices[0].message.tool_calls or []
    assert isinstance(call, openai.types.chat.ChatCompletionMessageFunctionToolCall)
    assert answer.choices[0].finish_reason == "tool_calls"
    return call.function.name, json.loads(call.function.arguments)


@pytest.mark.parametrize("failure", OF_WHOLE)
async def test_an_answer_comes_whole(against: Against, blocking: openai.OpenAI, failure: str) -> None:
    client = blocking.with_options(base_url=against.fails(failure, WORDS))
    assert content(await asyncio.to_thread(lambda: client.chat.completions.create(**ASKED))) == TEXT
    against.answered_second(failure)


@pytest.mark.parametrize("failure", OF_WHOLE)
async def test_an_answer_comes_whole_to_the_async_client(
    against: Against, client: openai.AsyncOpenAI, failure: str
) -> None:
    client = client.with_options(base_url=against.fails(failure, WORDS))
    assert content(await client.chat.completions.create(**ASKED)) == TEXT
    against.answered_second(failure)


@pytest.mark.parametrize("first", [503, "rst", "not-http"])
async def test_a_sound_is_written_down(against: Against, client: openai.AsyncOpenAI, first: str | int) -> None:
    against.script(first, {"body": {"text": TEXT}})
    client = client.with_options(base_url=against.url("listening"))
    heard = await client.audio.transcriptions.create(model="whisper-1", file=("a.wav", b"RIFF" + bytes(range(256))))
    assert heard.text == TEXT
    sent = against.upstreams["second"].requests[-1].body or b""
    assert b"whisper-1" in sent
    assert bytes(range(256)) in sent


@pytest.mark.parametrize("failure", OF_TEXTS)
async def test_a_stream_comes_whole(against: Against, blocking: openai.OpenAI, failure: str) -> None:
    client = blocking.with_options(base_url=against.fails(failure, WORDS, stream=True))

    def read() -> tuple[str, str | None]:
        text, finish = "", None
        with client.chat.completions.create(**ASKED, stream=True) as stream:
            for chunk in stream:
                text += chunk.choices[0].delta.content or ""
                finish = chunk.choices[0].finish_reason
        return text, finish

    assert await asyncio.to_thread(read) == (TEXT, "stop")
    against.answered_second(failure)


@pytest.mark.parametrize("failure", OF_TEXTS)
async def test_a_stream_comes_whole_to_the_async_client_with_its_usage(
    against: Against, client: openai.AsyncOpenAI, failure: str
) -> None:
    client = client.with_options(base_url=against.fails(failure, WORDS, stream=True))
    text, used = "", 0
    async with await client.chat.completions.create(
        **ASKED, stream=True, stream_options={"include_usage": True}
    ) as stream:
        async for chunk in stream:
            text += "".join(choice.delta.content or "" for choice in chunk.choices)
            used += chunk.usage.completion_tokens if chunk.usage else 0
    assert (text, used) == (TEXT, 60)
    against.answered_second(failure)


@pytest.mark.parametrize("failure", OF_WHOLE)
async def test_a_tool_call_comes_whole(against: Against, client: openai.AsyncOpenAI, failure: str) -> None:
    client = client.with_options(base_url=against.fails(failure, TOOL_CALL))
    assert called(await client.chat.completions.create(**ASKED, tools=[TOOL])) == ("get_weather", ARGUMENTS)
    against.answered_second(failure)


@pytest.mark.parametrize("failure", OF_STREAMS)
async def test_a_streamed_tool_call_comes_whole(against: Against, client: openai.AsyncOpenAI, failure: str) -> None:
    client = client.with_options(base_url=against.fails(failure, TOOL_CALL, stream=True))
    async with client.chat.completions.stream(**ASKED, tools=[TOOL]) as stream:
        answer = await stream.get_final_completion()
    assert called(answer) == ("get_weather", ARGUMENTS)
    against.answered_second(failure)


@pytest.mark.parametrize("failure", OF_WHOLE)
async def test_structured_output_is_parsed(against: Against, client: openai.AsyncOpenAI, failure: str) -> None:
    client = client.with_options(base_url=against.fails(failure, JSON))
    answer = await client.chat.completions.parse(**ASKED, response_format=Weather)
    assert answer.choices[0].message.parsed == Weather.model_validate(STRUCTURED)
    against.answered_second(failure)


@pytest.mark.parametrize("failure", OF_STREAMS)
async def test_streamed_structured_output_is_parsed(against: Against, client: openai.AsyncOpenAI, failure: str) -> None:
    client = client.with_options(base_url=against.fails(failure, JSON, stream=True))
    async with client.chat.completions.stream(**ASKED, response_format=Weather) as stream:
        answer = await stream.get_final_completion()
    assert answer.choices[0].message.parsed == Weather.model_validate(STRUCTURED)
    against.answered_second(failure)


async def test_a_plain_answer_to_a_request_for_a_stream_is_streamed(
    against: Against, client: openai.AsyncOpenAI
) -> None:
    against.script({"content": TEXT, "stream": False}, 200)
    client = client.with_options(base_url=against.url("listening"))
    async with client.chat.completions.stream(**ASKED) as stream:
        assert content(await stream.get_final_completion()) == TEXT
    assert against.upstreams.order == ["first"]


async def test_a_stream_is_continued_though_the_next_model_refuses_to_go_on_with_an_assistant_s_message(
    against: Against, client: openai.AsyncOpenAI
) -> None:
    refusal = {"status": 400, "error": {"message": "Expected last role User or Tool but got assistant"}}
    against.script(INTERRUPTED["cut-by-RST-after-40-of-60"].does, refusal, WORDS.streamed)
    client = client.with_options(base_url=against.url("prefilling"))
    async with client.chat.completions.stream(**ASKED) as stream:
        assert content(await stream.get_final_completion()) == TEXT
    assert against.upstreams.order == ["first", "second", "second"]
    asked = against.upstreams["second"].requests[-2:]
    roles = [[message["role"] for message in each.json["messages"]] for each in asked]
    assert roles == [["user", "assistant"], ["user", "assistant", "user"]]


async def test_a_stream_that_ends_within_an_event_is_continued(against: Against, client: openai.AsyncOpenAI) -> None:
    first = {"mode": "stream", "events": ["word1 word2", {"raw": "data:"}], "end": "clean"}
    against.script(first, WORDS.streamed)
    client = client.with_options(base_url=against.url("listening"))
    async with client.chat.completions.stream(**ASKED) as stream:
        assert content(await stream.get_final_completion()) == TEXT


async def test_a_stream_that_nobody_can_continue_raises_after_what_came(
    against: Against, client: openai.AsyncOpenAI
) -> None:
    against.script({"mode": "stream", "events": ["One ", "two "], "end": "rst"}, {"content": "Another text."})
    text = ""
    client = client.with_options(base_url=against.url("listening"))

    async def read() -> None:
        nonlocal text
        async with await client.chat.completions.create(**ASKED, stream=True) as stream:
            async for chunk in stream:
                text += chunk.choices[0].delta.content or ""

    with pytest.raises(openai.APIError):
        await read()
    assert text == "One two "


@pytest.mark.parametrize("text", [[], ["I look ", "it up."]], ids=["at once", "behind a text"])
async def test_a_tool_call_that_breaks_off_is_made_by_the_next_model(
    against: Against, client: openai.AsyncOpenAI, text: list[str]
) -> None:
    begun = {"mode": "stream", "events": [*text, *TOOL_CALL.streamed["events"][:3]], "end": "rst"}
    against.script(begun, TOOL_CALL.streamed)
    client = client.with_options(base_url=against.url("listening"))
    async with client.chat.completions.stream(**ASKED, tools=[TOOL]) as stream:
        answer = await stream.get_final_completion()
    assert called(answer) == ("get_weather", ARGUMENTS)
    assert (answer.choices[0].message.content or "") == "".join(text)
    assert against.upstreams.order[-1] == "second"


# ── When no model is left ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("stream", [False, True])
async def test_rate_limits_everywhere_are_the_sdk_s_own_exception_with_the_wait(
    against: Against, client: openai.AsyncOpenAI, stream: bool
) -> None:
    against.script(500, {"status": 429, "headers": {"retry-after": 30}})
    with pytest.raises(openai.RateLimitError) as raised:
        await client.with_options(base_url=against.url("listening")).chat.completions.create(**ASKED, stream=stream)
    assert raised.value.code == "rate_limit_exceeded"
    assert raised.value.response.headers["retry-after"] == "30"


@pytest.mark.parametrize(
    ("status", "exception"),
    [(401, "AuthenticationError"), (404, "NotFoundError"), (503, "InternalServerError")],
)
async def test_the_last_model_s_refusal_is_the_sdk_s_own_exception(
    against: Against, client: openai.AsyncOpenAI, status: int, exception: str
) -> None:
    against.script(status, status)
    with pytest.raises(getattr(openai, exception)) as raised:
        await client.with_options(base_url=against.url("listening")).chat.completions.create(**ASKED)
    assert raised.value.status_code == status


@pytest.mark.parametrize("status", [401, 404])
async def test_a_fallback_s_refused_key_or_missing_model_does_not_stand_for_a_server_error_that_the_sdk_asks_again_for(
    against: Against, client: openai.AsyncOpenAI, status: int
) -> None:
    against.script(500, status)
    with pytest.raises(openai.InternalServerError):
        await client.with_options(base_url=against.url("listening")).chat.completions.create(**ASKED)


@pytest.mark.parametrize("stream", [False, True])
async def test_the_gateway_s_own_error_says_in_the_sdk_s_exception_what_was_tried(
    against: Against, client: openai.AsyncOpenAI, stream: bool
) -> None:
    with pytest.raises(openai.APIStatusError) as raised:
        await client.with_options(base_url=against.url("gone")).chat.completions.create(**ASKED, stream=stream)
    assert (raised.value.status_code, raised.value.code) == (503, "upstream_unreachable")
    assert "model-0" in raised.value.message


async def test_models_that_stay_silent_are_a_time_out_in_the_sdk_s_exception(
    against: Against, client: openai.AsyncOpenAI
) -> None:
    against.script("stall", "stall")
    with pytest.raises(openai.InternalServerError) as raised:
        await client.with_options(base_url=against.url("impatient")).chat.completions.create(**ASKED)
    assert (raised.value.status_code, raised.value.code) == (504, "upstream_timeout")
