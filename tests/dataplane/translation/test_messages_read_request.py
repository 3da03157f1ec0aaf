"""What a body of the Messages API becomes in the neutral form."""

from typing import Any

import pytest

from switchover_dataplane.translation.messages import FORMAT
from switchover_dataplane.translation.neutral import (
    AnswerSchema,
    BadRequest,
    CacheMark,
    HostedTool,
    Media,
    Reasoning,
    Request,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)
from translated import graves, hints


def read(**fields: Any) -> Request:
    body = {"model": "claude-opus-4-8", "max_tokens": 100, "messages": [{"role": "user", "content": "hi"}], **fields}
    return FORMAT.read_request(body, "/v1/messages")


CALL = {"role": "assistant", "content": [{"type": "tool_use", "id": "toolu_1", "name": "add", "input": {"a": 1}}]}


def blocks(*content: dict[str, Any], role: str = "user") -> tuple[Any, ...]:
    return read(messages=[CALL, {"role": role, "content": list(content)}]).turns[1].blocks


def test_the_plain_fields_of_a_request_are_read() -> None:
    request = read(
        system="be brief",
        stop_sequences=["END"],
        temperature=0.5,
        top_p=0.9,
        top_k=40,
        metadata={"user_id": "u-1"},
        service_tier="auto",
        stream=True,
    )
    assert request.model == "claude-opus-4-8"
    assert request.system == (Text("be brief"),)
    assert (request.max_tokens, request.stop, request.temperature) == (100, ("END",), 0.5)
    assert (request.top_p, request.top_k, request.user, request.service_tier) == (0.9, 40, "u-1", "auto")
    assert request.stream
    assert request.wants_usage
    assert request.losses == ()


def test_a_turn_knows_where_it_stands_and_keeps_its_neighbour_apart() -> None:
    messages = [{"role": "user", "content": "a"}, {"role": "user", "content": [{"type": "text", "text": "b"}]}]
    turns = read(messages=messages).turns
    assert [(turn.path, turn.blocks) for turn in turns] == [
        ("messages[0]", (Text("a"),)),
        ("messages[1]", (Text("b"),)),
    ]


def test_a_system_prompt_within_the_conversation_is_a_turn_of_its_own() -> None:
    messages = [{"role": "user", "content": "a"}, {"role": "system", "content": "be careful"}]
    assert [turn.role for turn in read(messages=messages).turns] == ["user", "system"]


def test_images_and_documents_are_read_from_every_source() -> None:
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/PNG", "data": "aGVs\nbG8="}}
    assert blocks(image) == (Media("image", media_type="image/png", data="aGVsbG8="),)
    url = {"type": "image", "source": {"type": "url", "url": "https://a.example/b.png"}}
    assert blocks(url) == (Media("image", url="https://a.example/b.png"),)
    file = {"type": "document", "source": {"type": "file", "file_id": "file_1"}, "title": "a.pdf"}
    assert blocks(file) == (Media("document", file_id="file_1", name="a.pdf"),)
    text = {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "words"}}
    assert blocks(text) == (Media("document", media_type="text/plain", text="words"),)
    inner = [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]
    content = {"type": "document", "source": {"type": "content", "content": inner}}
    assert blocks(content) == (Media("document", media_type="text/plain", text="one\n\ntwo"),)


def test_calls_and_results_are_read_and_results_come_first() -> None:
    call = {"type": "tool_use", "id": "toolu_1", "name": "add", "input": {"a": 1}}
    assert blocks(call, role="assistant") == (ToolCall("toolu_1", "add", '{"a":1}'),)
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aGVsbG8="}}
    result = {
        "type": "tool_result",
        "tool_use_id": "toolu_1",
        "content": [{"type": "text", "text": "3"}, image],
        "is_error": True,
    }
    parts = (Text("3"), Media("image", media_type="image/png", data="aGVsbG8="))
    assert blocks({"type": "text", "text": "so"}, result) == (ToolResult("toolu_1", parts, True), Text("so"))
    plain = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "3"}
    assert blocks(plain) == (ToolResult("toolu_1", (Text("3"),)),)
    assert blocks({"type": "tool_result", "tool_use_id": "toolu_1"}) == (ToolResult("toolu_1"),)


def test_reasoning_keeps_its_signature_and_without_one_it_is_left_out_and_said() -> None:
    content = [
        {"type": "thinking", "thinking": "hm", "signature": "EqQB"},
        {"type": "redacted_thinking", "data": "EvgF"},
        {"type": "thinking", "thinking": "of another model", "signature": ""},
        {"type": "text", "text": "so"},
    ]
    request = read(messages=[{"role": "assistant", "content": content}])
    assert request.turns[0].blocks == (
        Thinking("hm", "claude", "EqQB"),
        Thinking("", "claude", "EvgF", is_redacted=True),
        Text("so"),
    )
    assert hints(request.losses) == ["messages[0].content[2]"]


def test_the_mark_of_a_fallback_is_stripped_in_silence() -> None:
    fallback = {"type": "fallback", "from": {"model": "a"}, "to": {"model": "b"}}
    request = read(messages=[{"role": "assistant", "content": [fallback, {"type": "text", "text": "so"}]}])
    assert request.turns[0].blocks == (Text("so"),)
    assert request.losses == ()


def test_cache_marks_are_read_wherever_they_stand() -> None:
    mark = {"type": "ephemeral", "ttl": "1h"}
    request = read(
        system=[{"type": "text", "text": "s", "cache_control": {"type": "ephemeral"}}],
        tools=[{"name": "t", "input_schema": {"type": "object"}, "cache_control": mark}],
        cache_control=mark,
    )
    assert request.system[0].cache == CacheMark()
    assert request.tools[0].cache == CacheMark("1h")
    assert request.turns[0].blocks == (Text("hi", CacheMark("1h")),)


def test_own_tools_are_read_and_dated_types_are_tools_of_the_provider() -> None:
    request = read(
        tools=[
            {"name": "add", "description": "adds", "input_schema": {"type": "object"}, "strict": True},
            {"type": "custom", "name": "sub", "input_schema": {"type": "object"}, "defer_loading": True},
            {"type": "web_search_20250305", "name": "web_search", "max_uses": 5},
        ],
        tool_choice={"type": "tool", "name": "web_search", "disable_parallel_tool_use": True},
    )
    assert request.tools == (
        Tool("add", "adds", {"type": "object"}, True, path="tools[0]"),
        Tool("sub", "", {"type": "object"}, path="tools[1]"),
    )
    assert request.hosted_tools == (HostedTool("web_search_20250305", "tools[2]"),)
    assert request.tool_choice == ToolChoice("tool", "web_search", is_hosted=True)
    assert request.parallel is False
    assert hints(request.losses) == ["tools[1].defer_loading"]


@pytest.mark.parametrize(
    ("fields", "reasoning"),
    [
        ({}, None),
        ({"thinking": {"type": "enabled", "budget_tokens": 2048}}, Reasoning(budget=2048)),
        ({"thinking": {"type": "disabled"}}, Reasoning(budget=0)),
        (
            {"thinking": {"type": "adaptive", "display": "omitted"}, "output_config": {"effort": "max"}},
            Reasoning("max", -1, is_adaptive=True, shows=False),
        ),
        ({"output_config": {"effort": "low"}}, Reasoning("low")),
    ],
)
def test_how_much_the_model_is_to_think_is_read(fields: dict[str, Any], reasoning: Reasoning | None) -> None:
    assert read(**fields).reasoning == reasoning


def test_the_form_of_the_answer_is_read_in_its_new_and_its_old_place() -> None:
    form = {"type": "json_schema", "schema": {"type": "object"}}
    expected = AnswerSchema({"type": "object"}, strict=True)
    assert read(output_config={"format": form}).schema == expected
    assert read(output_format=form).schema == expected


def test_what_changes_the_answer_is_grave_and_all_else_is_a_hint() -> None:
    request = read(
        mcp_servers=[{"url": "https://a.example"}],
        container="c",
        context_management={"edits": []},
        inference_geo="us",
        tomorrow={"a": 1},
        metadata={"user_id": "u", "trace": "t"},
        anthropic_version="vertex-2023-10-16",
    )
    assert graves(request.losses) == ["mcp_servers", "container"]
    assert hints(request.losses) == ["metadata.trace", "context_management", "inference_geo", "tomorrow"]
    assert graves(read(mcp_servers=[]).losses) == []


def test_an_unknown_block_is_grave_and_an_unknown_field_of_a_block_is_a_hint() -> None:
    content = [{"type": "text", "text": "a", "citations": [{}], "new": 1}, {"type": "server_tool_use", "id": "1"}]
    request = read(messages=[{"role": "user", "content": content}])
    assert graves(request.losses) == ["messages[0].content[1]"]
    assert hints(request.losses) == ["messages[0].content[0].citations", "messages[0].content[0].new"]


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"messages": None}, "messages"),
        ({"messages": "hi"}, "messages"),
        ({"messages": ["hi"]}, "messages[0]"),
        ({"messages": [{"role": "tool", "content": "a"}]}, "messages[0].role"),
        ({"messages": [{"role": "user"}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, "messages[0].content[0].text"),
        ({"max_tokens": "many"}, "max_tokens"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"stop_sequences": [1]}, "stop_sequences[0]"),
        ({"tools": [{"input_schema": {}}]}, "tools[0].name"),
        ({"tool_choice": {"type": "required"}}, "tool_choice.type"),
        ({"system": 1}, "system"),
        ({"temperature": True}, "temperature"),
    ],
)
def test_a_body_that_is_none_of_this_api_names_the_field(fields: dict[str, Any], path: str) -> None:
    with pytest.raises(BadRequest) as caught:
        read(**fields)
    assert caught.value.path == path


def test_a_body_that_is_nested_without_end_is_refused() -> None:
    block: dict[str, Any] = {"text": "a", "type": "text"}
    for _ in range(300):
        block = {"type": "document", "source": {"type": "content", "content": [block]}}
    with pytest.raises(BadRequest, match="nested too deeply"):
        read(messages=[{"role": "user", "content": [block]}])


def test_a_result_without_its_call_before_it_is_refused_by_its_message() -> None:
    result = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "3"}]}
    with pytest.raises(BadRequest, match="without its call before it") as refused:
        read(messages=[{"role": "user", "content": "add"}, result, CALL])
    assert refused.value.path == "messages[1]"


def test_a_conversation_without_messages_is_refused() -> None:
    with pytest.raises(BadRequest, match="a message or more"):
        read(messages=[])
