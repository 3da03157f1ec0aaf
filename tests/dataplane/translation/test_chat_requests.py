"""Requests of Chat Completions as they are read, or refused."""

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from openai_recordings import asker_of, body_of, recorded
from switchover_dataplane.translation import call_ids
from switchover_dataplane.translation.chat import FORMAT
from switchover_dataplane.translation.neutral import (
    BadRequest,
    CacheMark,
    HostedTool,
    Media,
    Reasoning,
    Refusal,
    Request,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)

PATH = "/v1/chat/completions"
HI = [{"role": "user", "content": "Hi"}]
CALL = {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": '{"a":1}'}}
LOOK = {"type": "function", "function": {"name": "look", "description": "Looks.", "parameters": {"type": "object"}}}


def read(**body: Any) -> Request:
    return FORMAT.read_request({"model": "m", "messages": HI, **body}, PATH)


def test_system_and_developer_messages_keep_their_places_and_names() -> None:
    request = read(
        messages=[
            {"role": "system", "content": "S"},
            {"role": "user", "content": "U", "name": "ann"},
            {"role": "developer", "content": [{"type": "text", "text": "D"}]},
        ]
    )
    assert [(turn.role, turn.path, turn.name) for turn in request.turns] == [
        ("system", "messages[0]", ""),
        ("user", "messages[1]", "ann"),
        ("developer", "messages[2]", ""),
    ]
    assert request.system == ()


def test_parts_of_every_kind_are_read() -> None:
    parts = [
        {"type": "text", "text": "T", "cache_control": {"type": "ephemeral", "ttl": "1h"}},
        {"type": "image_url", "image_url": {"url": "https://x/y.png", "detail": "low"}},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA-_\n"}},
        {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "mp3"}},
        {"type": "file", "file": {"file_data": "data:application/pdf;base64,JVBERi0=", "filename": "a.pdf"}},
        {"type": "file", "file": {"file_data": "JVBERi0", "filename": "b.pdf"}},
        {"type": "file", "file": {"file_id": "file-1"}},
        {"type": "document_url", "document_url": "https://x/d.pdf", "document_name": "d"},
        {"type": "image_url", "image_url": "data:,hello%20you"},
    ]
    assert read(messages=[{"role": "user", "content": parts}]).turns[0].blocks == (
        Text("T", CacheMark("1h")),
        Media("image", url="https://x/y.png", detail="low"),
        Media("image", "image/png", "AA+/"),
        Media("audio", "audio/mpeg", "AAAA"),
        Media("document", "application/pdf", "JVBERi0=", name="a.pdf"),
        Media("document", "application/pdf", "JVBERi0=", name="b.pdf"),
        Media("document", file_id="file-1"),
        Media("document", url="https://x/d.pdf", name="d"),
        Media("image", "", "aGVsbG8geW91"),
    )


def test_an_unknown_part_is_lost_and_named() -> None:
    request = read(messages=[{"role": "user", "content": [{"type": "smell", "smell": "x"}]}])
    assert [(loss.path, loss.is_hint) for loss in request.losses] == [("messages[0].content[0]", False)]


def test_a_history_with_calls_results_reasoning_and_a_refusal_is_read() -> None:
    request = read(
        messages=[
            {"role": "assistant", "content": None, "reasoning_content": "hm", "tool_calls": [CALL]},
            {"role": "tool", "tool_call_id": "call_1", "content": [{"type": "text", "text": "42"}]},
            {"role": "assistant", "refusal": "No."},
            {"role": "assistant", "function_call": {"name": "old", "arguments": "{}"}},
            {"role": "function", "name": "old", "content": "done"},
        ]
    )
    assert [turn.blocks for turn in request.turns] == [
        (Thinking("hm", "other"), ToolCall("call_1", "look", '{"a":1}')),
        (ToolResult("call_1", (Text("42"),)),),
        (Refusal("No."),),
        (ToolCall("", "old", "{}"),),
        (ToolResult("", (Text("done"),), name="old"),),
    ]
    assert [turn.role for turn in request.turns] == ["assistant", "user", "assistant", "assistant", "user"]


def test_tools_of_all_kinds_and_what_may_be_called_are_read() -> None:
    custom = {"type": "grammar", "grammar": {"definition": "a+", "syntax": "regex"}}
    request = read(
        tools=[LOOK, {"type": "custom", "custom": {"name": "sql", "format": custom}}, {"type": "web_search"}],
        functions=[{"name": "old"}],
        tool_choice={
            "type": "allowed_tools",
            "allowed_tools": {"mode": "required", "tools": [{"type": "function", "function": {"name": "look"}}]},
        },
        parallel_tool_calls=False,
    )
    grammar = {"type": "grammar", "definition": "a+", "syntax": "regex"}
    assert request.tools == (
        Tool("look", "Looks.", {"type": "object"}, path="tools[0]"),
        Tool("sql", is_custom=True, grammar=grammar, path="tools[1]"),
        Tool("old", path="functions[0]"),
    )
    assert request.hosted_tools == (HostedTool("web_search", "tools[2]"),)
    assert request.tool_choice == ToolChoice("any", allowed=("look",))
    assert request.parallel is False


@pytest.mark.parametrize(
    ("given", "right"),
    [
        ("required", ToolChoice("any")),
        ("any", ToolChoice("any")),
        ("none", ToolChoice("none")),
        ({"type": "function", "function": {"name": "look"}}, ToolChoice("tool", "look")),
        ({"type": "web_search"}, ToolChoice("tool", "web_search", is_hosted=True)),
    ],
)
def test_a_tool_choice_is_read(given: Any, right: ToolChoice) -> None:
    assert read(tools=[LOOK], tool_choice=given).tool_choice == right


def test_every_other_field_is_read() -> None:
    request = read(
        max_tokens=9,
        max_completion_tokens=7,
        stop="END",
        temperature=0.5,
        top_p=0.9,
        presence_penalty=0.1,
        frequency_penalty=0.2,
        seed=3,
        n=2,
        logprobs=True,
        top_logprobs=4,
        logit_bias={"1": 2},
        user="u",
        safety_identifier="s",
        metadata={"a": "b"},
        service_tier="flex",
        prompt_cache_key="k",
        verbosity="low",
        reasoning_effort="high",
        stream=True,
        stream_options={"include_usage": True},
    )
    assert (request.max_tokens, request.stop, request.temperature, request.top_p) == (7, ("END",), 0.5, 0.9)
    assert (request.presence_penalty, request.frequency_penalty, request.seed) == (0.1, 0.2, 3)
    assert (request.n, request.logprobs, request.logit_bias, request.user) == (2, 4, {"1": 2}, "s")
    assert (request.metadata, request.service_tier, request.cache_key) == ({"a": "b"}, "flex", "k")
    assert (request.verbosity, request.reasoning, request.stream) == ("low", Reasoning("high"), True)
    assert request.wants_usage
    assert request.losses == ()


def test_what_has_no_place_is_lost_by_its_weight() -> None:
    request = read(
        store=True,
        prediction={"type": "content", "content": "x"},
        modalities=["text", "audio"],
        audio={"voice": "alloy", "format": "wav"},
        frobnicate=1,
        prompt_cache_retention="24h",
    )
    assert {loss.path: loss.is_hint for loss in request.losses} == {
        "modalities": False,
        "audio": False,
        "store": True,
        "prediction": True,
        "prompt_cache_retention": True,
        "frobnicate": True,
    }
    assert all("alloy" not in str(loss) for loss in request.losses)


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"messages": None}, "messages"),
        ({"messages": []}, "messages"),
        ({"messages": "Hi"}, "messages"),
        ({"messages": ["Hi"]}, "messages[0]"),
        ({"messages": [{"role": "robot", "content": "Hi"}]}, "messages[0].role"),
        ({"messages": [{"content": "Hi"}]}, "messages[0].role"),
        ({"messages": [{"role": "user"}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": 1}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": [{"text": "x"}]}]}, "messages[0].content[0].type"),
        ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, "messages[0].content[0].text"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].tool_call_id"),
        ({"messages": [{"role": "tool", "content": "x", "tool_call_id": 7}]}, "messages[0].tool_call_id"),
        ({"messages": [{"role": "tool", "content": "x", "tool_call_id": "no"}]}, "messages[0].tool_call_id"),
        (
            {"messages": [{"role": "assistant", "tool_calls": [{"id": 1, "function": {}}]}]},
            "messages[0].tool_calls[0].id",
        ),
        (
            {"messages": [{"role": "assistant", "tool_calls": [{"id": "1", "function": {}}]}]},
            "messages[0].tool_calls[0].function.name",
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:x"}}]}]},
            "messages[0].content[0].image_url.url",
        ),
        ({"tools": [{"type": "function"}]}, "tools[0].function"),
        ({"tools": {}}, "tools"),
        ({"tool_choice": "sometimes"}, "tool_choice"),
        ({"tool_choice": {"type": "function", "function": {"name": "gone"}}}, "tool_choice.function.name"),
        ({"temperature": "hot"}, "temperature"),
        ({"temperature": True}, "temperature"),
        ({"temperature": 3}, "temperature"),
        ({"temperature": float("nan")}, "temperature"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": 1.5}, "max_tokens"),
        ({"n": 0}, "n"),
        ({"stop": [1]}, "stop"),
        ({"stream": "yes"}, "stream"),
        ({"response_format": "json"}, "response_format"),
        ({"model": 1}, "model"),
    ],
)
def test_a_body_that_is_no_request_is_refused_with_its_path(body: dict[str, Any], path: str) -> None:
    with pytest.raises(BadRequest) as error:
        read(**body)
    assert error.value.path == path


def test_azure_names_the_model_in_the_path() -> None:
    path = "/openai/deployments/my%20model/chat/completions?api-version=1"
    assert FORMAT.read_request({"messages": HI}, path).model == "my model"


@pytest.mark.parametrize("path", recorded("chat", "request.json"))
def test_a_recorded_request_that_is_written_again_keeps_all_that_no_loss_names(path: Path) -> None:
    given = body_of(path)
    request = FORMAT.read_request(given, PATH)
    body, losses = (wrote := FORMAT.write_request(request, asker_of(path, given.get("model", "")))).body, wrote.losses
    named = {loss.path.partition("[")[0] for loss in losses}
    limits = ("max_tokens", "max_completion_tokens")
    for name, value in given.items():
        if name in ("messages", "tools", "stream", "n", "stream_options") or value in (None, [], {}):
            continue
        if name in named or (name == "reasoning_effort" and "reasoning" in named):
            continue
        if name in ("reasoning", "thinking", "models", "provider", "transforms"):
            continue  # forms of other servers: an effort where they name one, else unknown fields
        names = limits if name in limits else (name,)
        assert [body[each] for each in names if each in body] == [value], name
    again = FORMAT.read_request(body, PATH)
    assert _texts(again) == _texts(request)
    assert [tool.name for tool in again.tools] == [tool.name for tool in request.tools]
    assert [tool.schema for tool in again.tools] == [tool.schema for tool in request.tools]
    assert request.stream == again.stream


def _texts(request: Request) -> list[Any]:
    """What the turns of a request say, without the reasoning that goes to its maker alone, and with ids that fit."""
    said: list[Any] = []
    for block in (block for turn in request.turns for block in turn.blocks):
        match block:
            case Thinking() | Text("Answer with a JSON object."):
                pass
            case ToolCall(id=given):
                said.append(replace(block, id=call_ids.fitting(call_ids.CHAT, given)))
            case ToolResult(call_id=given):
                said.append(replace(block, call_id=call_ids.fitting(call_ids.CHAT, given), name=""))
            case _:
                said.append(block)
    return said
