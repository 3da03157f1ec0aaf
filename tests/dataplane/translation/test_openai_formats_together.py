"""One format of OpenAI answered by the other: what an agent sends and gets."""

from typing import TYPE_CHECKING, Any

import pytest
from pydantic import TypeAdapter

from deferred import deferred
from openai_recordings import as_sse, named, payloads, recorded, taken, written
from switchover_dataplane.translation import chat, responses
from switchover_dataplane.translation.answers import (
    BadAnswer,
    CallDelta,
    CallEnd,
    CallStart,
    Ended,
    Event,
    Started,
    Stop,
    Stopped,
)
from switchover_dataplane.translation.format import Asked, Asker
from switchover_dataplane.translation.joining import joined
from switchover_dataplane.translation.models import model_of
from switchover_dataplane.translation.neutral import ToolCall

if TYPE_CHECKING:
    import openai.types.chat
    import openai.types.responses
    from openai.lib.streaming import chat as chat_streaming
    from openai.lib.streaming.responses import _responses as responses_streaming
else:
    openai = deferred("openai")
    chat_streaming = deferred("openai.lib.streaming.chat")
    responses_streaming = deferred("openai.lib.streaming.responses._responses")

AGENT: dict[str, Any] = {
    "model": "gpt-5.2-codex",
    "stream": True,
    "store": False,
    "include": ["reasoning.encrypted_content"],
    "reasoning": {"summary": "auto"},
    "prompt_cache_key": "k",
    "client_metadata": {"a": "b"},
    "parallel_tool_calls": True,
    "tool_choice": "auto",
    "input": [
        {"type": "message", "role": "developer", "id": "msg_1", "content": [{"type": "input_text", "text": "D"}]},
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "U"}]},
        {"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "find", "namespace": "crm", "arguments": "{}"},
        {"type": "custom_tool_call", "id": "ctc_1", "call_id": "c2", "name": "patch", "input": "*** Begin"},
        {"type": "function_call_output", "id": "fco_1", "call_id": "c1", "output": "1"},
        {"type": "custom_tool_call_output", "id": "fco_2", "call_id": "c2", "output": "2"},
    ],
    "tools": [
        {"type": "function", "name": "shell", "parameters": {"type": "object", "properties": {}}, "strict": False},
        {"type": "custom", "name": "patch", "description": "Patches."},
        {"type": "namespace", "name": "crm", "description": "CRM", "tools": [{"type": "function", "name": "find"}]},
        {"type": "web_search", "external_web_access": False},
    ],
}


CUSTOM_CALL = "openai/responses/ver-custom-tool.1.stream.txt"
"""A recording with a call of a custom tool, for which the SDK has no type in a chunk."""


def test_an_agent_of_responses_is_served_by_a_server_of_chat_completions() -> None:
    request = responses.FORMAT.read_request(AGENT, "/v1/responses")
    result = chat.FORMAT.write_request(request, Asker("mistral", model_of("mistral-large-latest")))
    assert all(loss.is_hint for loss in result.losses)
    messages = result.body["messages"]
    assert [message["role"] for message in messages] == ["system", "user", "assistant", "tool", "tool"]
    calls = messages[2]["tool_calls"]
    assert [call["function"]["name"] for call in calls] == ["crm__find", "patch"]
    assert calls[1]["function"]["arguments"] == '{"input":"*** Begin"}'
    assert [message["tool_call_id"] for message in messages[3:]] == [call["id"] for call in calls]
    assert [tool["function"]["name"] for tool in result.body["tools"]] == ["shell", "patch", "crm__find"]
    events: tuple[Event, ...] = (
        Started("m"),
        *(CallStart(0, "abcdefghi", "crm__find"), CallDelta(0, "{}"), CallEnd(0)),
        *(CallStart(1, "", "patch"), CallDelta(1, '{"input":'), CallDelta(1, '"*** End"}'), CallEnd(1)),
        *(Stopped(Stop.TOOLS), Ended()),
    )
    raw = written(responses.FORMAT, events, Asked("a" * 24, 1, request))
    output = payloads(raw)[-1]["response"]["output"]
    assert [(item["type"], item["name"], item.get("namespace")) for item in output] == [
        ("function_call", "find", "crm"),
        ("custom_tool_call", "patch", None),
    ]
    assert output[1]["input"] == "*** End"


@pytest.mark.parametrize("path", recorded("chat", "stream"))
def test_a_recorded_stream_of_chat_completions_is_read_by_the_sdk_as_responses(path: Any) -> None:
    events = taken(chat.FORMAT.reader(), as_sse(path))
    raw = written(responses.FORMAT, events)
    state: Any = responses_streaming.ResponseStreamState(text_format=openai.omit, input_tools=[])
    adapter: TypeAdapter[Any] = TypeAdapter(openai.types.responses.ResponseStreamEvent)
    for payload in payloads(raw):
        state.handle_event(adapter.validate_python(payload))
    assert _same(raw, responses.FORMAT.reader(), events)


@pytest.mark.parametrize("path", recorded("responses", "stream"))
def test_a_recorded_stream_of_responses_is_read_by_the_sdk_as_chat_completions(path: Any) -> None:
    events = taken(responses.FORMAT.reader(), as_sse(path))
    raw = written(chat.FORMAT, events)
    state: chat_streaming.ChatCompletionStreamState[Any] = chat_streaming.ChatCompletionStreamState()
    for payload in payloads(raw):
        if "error" not in payload and named(path) != CUSTOM_CALL:
            state.handle_chunk(openai.types.chat.ChatCompletionChunk.model_validate(payload))
    assert _same(raw, chat.FORMAT.reader(), events)


def _same(raw: bytes, reader: Any, events: Any) -> bool:
    """Whether what was written says what was read, or both failed."""
    try:
        was = joined(events)
    except BadAnswer:
        return b'"error":' in raw
    is_ = joined(taken(reader, raw))
    calls = [[(call.name, call.arguments) for call in each.blocks if isinstance(call, ToolCall)] for each in (was, is_)]
    return calls[0] == calls[1] and was.stop == is_.stop
