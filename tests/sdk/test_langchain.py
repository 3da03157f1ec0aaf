"""LangChain's ChatOpenAI, unchanged, against a gateway whose first model fails: its caller notices nothing.

Its own retries are off, so that every rescue is the gateway's. LangChain takes two seconds to import, so only a process
that runs these tests does so.
"""

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr

from deferred import deferred
from sdk.failures import ARGUMENTS, JSON, OF_STREAMS, OF_TEXTS, OF_WHOLE, STRUCTURED, TEXT, TOOL, TOOL_CALL, WORDS
from sdk.gateway import Against

if TYPE_CHECKING:
    import openai
    from langchain_core.messages import AIMessage, AIMessageChunk
    from langchain_openai import ChatOpenAI
else:
    openai = deferred("openai")

pytestmark = pytest.mark.asyncio(loop_scope="module")

ASKED = "Count to sixty."
SCHEMA = {"title": "Weather", "description": "The weather of a city.", **TOOL["function"]["parameters"]}


def chat(base_url: str) -> "ChatOpenAI":
    from langchain_openai import ChatOpenAI  # noqa: PLC0415 - two seconds, for processes that need it

    return ChatOpenAI(
        model="gpt-4o", base_url=base_url, api_key=SecretStr("sk-of-the-caller"), max_retries=0, timeout=40
    )


def called(message: "AIMessage") -> tuple[str, Any]:
    """The name and the arguments of the one tool call."""
    [call] = message.tool_calls
    return call["name"], call["args"]


def joined(chunks: "list[AIMessageChunk]") -> "AIMessageChunk":
    """Add the chunks up as LangChain's own users do."""
    first, *rest = chunks
    for chunk in rest:
        first += chunk
    return first


@pytest.mark.parametrize("failure", OF_WHOLE)
async def test_invoke_answers_whole(against: Against, failure: str) -> None:
    model = chat(against.fails(failure, WORDS))
    assert (await asyncio.to_thread(model.invoke, ASKED)).content == TEXT
    against.answered_second(failure)


@pytest.mark.parametrize("failure", OF_WHOLE)
async def test_ainvoke_answers_whole(against: Against, failure: str) -> None:
    assert (await chat(against.fails(failure, WORDS)).ainvoke(ASKED)).content == TEXT
    against.answered_second(failure)


@pytest.mark.parametrize("failure", OF_TEXTS)
async def test_stream_answers_whole(against: Against, failure: str) -> None:
    model = chat(against.fails(failure, WORDS, stream=True))
    chunks = await asyncio.to_thread(lambda: [*model.stream(ASKED)])
    assert "".join(str(chunk.content) for chunk in chunks) == TEXT
    against.answered_second(failure)


@pytest.mark.parametrize("failure", OF_WHOLE)
async def test_a_tool_call_comes_whole(against: Against, failure: str) -> None:
    model = chat(against.fails(failure, TOOL_CALL)).bind_tools([TOOL])
    assert called(await model.ainvoke(ASKED)) == ("get_weather", ARGUMENTS)
    against.answered_second(failure)


@pytest.mark.parametrize("failure", OF_STREAMS)
async def test_a_streamed_tool_call_comes_whole(against: Against, failure: str) -> None:
    from langchain_core.messages import AIMessageChunk  # noqa: PLC0415 - as above

    model = chat(against.fails(failure, TOOL_CALL, stream=True)).bind_tools([TOOL])
    chunks = [chunk async for chunk in model.astream(ASKED)]
    assert all(isinstance(chunk, AIMessageChunk) for chunk in chunks)
    assert called(joined([chunk for chunk in chunks if isinstance(chunk, AIMessageChunk)])) == (
        "get_weather",
        ARGUMENTS,
    )
    against.answered_second(failure)


@pytest.mark.parametrize("failure", OF_WHOLE)
async def test_structured_output_is_parsed(against: Against, failure: str) -> None:
    model = chat(against.fails(failure, JSON)).with_structured_output(SCHEMA, method="json_schema")
    assert await model.ainvoke(ASKED) == STRUCTURED
    against.answered_second(failure)


@pytest.mark.parametrize("route", ["listening", "gone"])
async def test_when_no_model_is_left_it_raises_the_sdk_s_exception(against: Against, route: str) -> None:
    against.script(500, 429)
    with pytest.raises(openai.RateLimitError if route == "listening" else openai.InternalServerError) as raised:
        await chat(against.url(route)).ainvoke(ASKED)
    assert raised.value.code == ("rate_limit_exceeded" if route == "listening" else "upstream_unreachable")
