"""Requests of the Responses API: read, written, and refused."""

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from openai_recordings import asker_of, body_of, recorded
from switchover_dataplane.translation import call_ids
from switchover_dataplane.translation.format import Asker, ProviderKind
from switchover_dataplane.translation.losses import Loss
from switchover_dataplane.translation.models import model_of
from switchover_dataplane.translation.neutral import (
    AnswerSchema,
    BadRequest,
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
    Turn,
)
from switchover_dataplane.translation.responses import FORMAT

PATH = "/v1/responses"
LOOK = {"type": "function", "name": "look", "parameters": {"type": "object"}, "strict": True}
CALL = {"type": "function_call", "call_id": "c", "name": "look", "arguments": "{}"}


def read(**body: Any) -> Request:
    return FORMAT.read_request({"model": "m", "input": "Hi", **body}, PATH)


def written(request: Request, provider: ProviderKind = "openai", model: str = "gpt-5.2") -> Any:
    return FORMAT.write_request(request, Asker(provider, model_of(model))).body


def lost(request: Request, provider: ProviderKind = "openai", model: str = "gpt-5.2") -> dict[str, Loss]:
    losses = FORMAT.write_request(request, Asker(provider, model_of(model))).losses
    return {loss.path: loss for loss in losses}


def test_a_text_alone_is_a_turn_of_the_user() -> None:
    request = read(instructions="Be brief.")
    assert request.system == (Text("Be brief."),)
    assert request.turns == (Turn("user", (Text("Hi"),), "input"),)


def test_items_of_the_assistant_that_follow_each_other_are_one_turn() -> None:
    request = read(
        input=[
            {"role": "developer", "content": "D"},
            {"role": "user", "content": [{"type": "input_text", "text": "U"}]},
            {
                "type": "reasoning",
                "id": "rs_1",
                "summary": [{"type": "summary_text", "text": "a"}, {"type": "summary_text", "text": "b"}],
                "encrypted_content": "proof",
            },
            {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "A"}]},
            {**CALL, "namespace": "crm"},
            {"type": "custom_tool_call", "call_id": "d", "name": "sql", "input": "SELECT"},
            {"type": "function_call_output", "call_id": "c", "output": "1"},
            {"type": "custom_tool_call_output", "call_id": "d", "output": [{"type": "input_text", "text": "2"}]},
            {"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]},
        ]
    )
    assert [(turn.role, turn.path) for turn in request.turns] == [
        ("developer", "input[0]"),
        ("user", "input[1]"),
        ("assistant", "input[2]"),
        ("user", "input[6]"),
        ("user", "input[7]"),
        ("assistant", "input[8]"),
    ]
    assert request.turns[2].blocks == (
        Thinking("a\n\nb", "openai", "proof", id="rs_1"),
        Text("A"),
        ToolCall("c", "look", "{}", "crm"),
        ToolCall("d", "sql", "SELECT", is_custom=True),
    )
    assert request.turns[3].blocks == (ToolResult("c", (Text("1"),)),)
    assert request.turns[4].blocks == (ToolResult("d", (Text("2"),), is_custom=True),)
    assert request.turns[5].blocks == (Refusal("No."),)


@pytest.mark.parametrize(
    ("item", "right"),
    [
        ({"encrypted_content": "p", "summary": [], "id": "rs"}, (Thinking("", "openai", "p", True, "rs"),)),
        ({"summary": [], "content": [{"type": "reasoning_text", "text": "raw"}]}, (Thinking("raw", "other"),)),
    ],
)
def test_reasoning_is_read_by_who_made_it(item: dict[str, Any], right: Any) -> None:
    assert read(input=[{"type": "reasoning", **item}]).turns[0].blocks == right


def test_parts_of_every_kind_are_read() -> None:
    parts = [
        {"type": "input_image", "image_url": "https://x/y.png", "detail": "high"},
        {"type": "input_image", "image_url": "data:image/png;base64,AAAA"},
        {"type": "input_image", "file_id": "file-1"},
        {"type": "input_file", "file_data": "data:application/pdf;base64,JVBERi0=", "filename": "a.pdf"},
        {"type": "input_file", "file_url": "https://x/a.pdf"},
        {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
    ]
    assert read(input=[{"role": "user", "content": parts}]).turns[0].blocks == (
        Media("image", url="https://x/y.png", detail="high"),
        Media("image", "image/png", "AAAA"),
        Media("image", file_id="file-1"),
        Media("document", "application/pdf", "JVBERi0=", name="a.pdf"),
        Media("document", url="https://x/a.pdf"),
        Media("audio", "audio/wav", "AAAA"),
    )


def test_tools_of_all_kinds_are_read() -> None:
    grammar = {"type": "grammar", "syntax": "regex", "definition": "a+"}
    request = read(
        tools=[
            LOOK,
            {"type": "custom", "name": "sql", "format": grammar},
            {"type": "namespace", "name": "crm", "description": "", "tools": [{"type": "function", "name": "find"}]},
            {"type": "web_search", "external_web_access": False},
        ],
        tool_choice={"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "look"}]},
    )
    assert request.tools == (
        Tool("look", schema={"type": "object"}, strict=True, path="tools[0]"),
        Tool("sql", is_custom=True, grammar=grammar, path="tools[1]"),
        Tool("find", namespace="crm", path="tools[2].tools[0]"),
    )
    assert request.hosted_tools == (HostedTool("web_search", "tools[3]"),)
    assert request.tool_choice == ToolChoice("auto", allowed=("look",))


def test_every_other_field_is_read() -> None:
    request = read(
        tools=[LOOK],
        tool_choice={"type": "function", "name": "look"},
        max_output_tokens=20,
        temperature=1,
        top_p=0.5,
        top_logprobs=2,
        reasoning={"effort": "high", "summary": "auto"},
        text={"format": {"type": "json_schema", "name": "n", "schema": {"a": 1}, "strict": True}, "verbosity": "low"},
        safety_identifier="s",
        metadata={"a": "b"},
        service_tier="flex",
        prompt_cache_key="k",
        parallel_tool_calls=False,
        stream=True,
        store=False,
        truncation="disabled",
    )
    assert request.tool_choice == ToolChoice("tool", "look")
    assert (request.max_tokens, request.temperature, request.top_p, request.logprobs) == (20, 1, 0.5, 2)
    assert request.reasoning == Reasoning("high", shows=True)
    assert request.schema == AnswerSchema({"a": 1}, "n", "", True)
    assert (request.verbosity, request.user, request.metadata) == ("low", "s", {"a": "b"})
    assert (request.service_tier, request.cache_key, request.parallel, request.stream) == ("flex", "k", False, True)
    assert request.losses == ()


def test_what_has_no_place_is_lost_by_its_weight() -> None:
    request = read(
        previous_response_id="resp_1",
        conversation="conv_1",
        background=True,
        prompt={"id": "p"},
        store=True,
        include=["reasoning.encrypted_content", "web_search_call.action.sources"],
        client_metadata={"a": "b"},
        truncation="auto",
        frobnicate=1,
        input=[
            {"type": "item_reference", "id": "x"},
            {"type": "computer_call", "call_id": "y"},
            {"type": "web_search_call"},
        ],
    )
    assert {loss.path: loss.is_hint for loss in request.losses} == {
        "previous_response_id": False,
        "conversation": False,
        "background": False,
        "prompt": False,
        "input[0]": False,
        "input[1]": False,
        "input[2]": True,
        "store": True,
        "include": True,
        "client_metadata": True,
        "truncation": True,
        "frobnicate": True,
    }


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"input": None}, "input"),
        ({"input": 7}, "input"),
        ({"input": ["Hi"]}, "input[0]"),
        ({"input": [{"role": "robot", "content": "x"}]}, "input[0].role"),
        ({"input": [{"role": "user"}]}, "input[0].content"),
        ({"input": [{"role": "user", "content": [{"type": "input_text"}]}]}, "input[0].content[0].text"),
        ({"input": [{"type": "function_call", "name": "f"}]}, "input[0].call_id"),
        ({"input": [{"type": "function_call", "call_id": "c"}]}, "input[0].name"),
        ({"input": [{"type": "function_call_output", "output": "x"}]}, "input[0].call_id"),
        ({"input": [{"type": "function_call_output", "call_id": "c", "output": "x"}]}, "input[0].call_id"),
        ({"input": [CALL, {"type": "function_call_output", "call_id": "c"}]}, "input[1].output"),
        ({"tools": [{"type": "function"}]}, "tools[0].name"),
        ({"tools": [{"name": "f"}]}, "tools[0].type"),
        ({"tool_choice": "sometimes"}, "tool_choice"),
        ({"tool_choice": {"type": "function", "name": "gone"}}, "tool_choice.name"),
        ({"max_output_tokens": "9"}, "max_output_tokens"),
        ({"reasoning": "high"}, "reasoning"),
        ({"text": "json"}, "text"),
        ({"include": [7]}, "include"),
        ({"instructions": 7}, "instructions"),
    ],
)
def test_a_body_that_is_no_request_is_refused_with_its_path(body: dict[str, Any], path: str) -> None:
    with pytest.raises(BadRequest) as error:
        read(**body)
    assert error.value.path == path


def test_a_result_may_belong_to_a_call_that_the_provider_keeps() -> None:
    output = {"type": "function_call_output", "call_id": "c", "output": "x"}
    assert read(input=[output], previous_response_id="resp_1").turns[0].blocks == (ToolResult("c", (Text("x"),)),)


@pytest.mark.parametrize("path", recorded("responses", "request.json"))
def test_a_recorded_request_that_is_written_again_keeps_all_that_no_loss_names(path: Path) -> None:
    given = body_of(path)
    request = FORMAT.read_request(given, PATH)
    result = FORMAT.write_request(request, asker_of(path, given["model"]))
    named = {loss.path.partition("[")[0] for loss in result.losses}
    ignored = ("input", "tools", "stream", "store", "reasoning", "tool_choice", "include", "previous_response_id")
    for name, value in given.items():
        if name not in ignored and name not in named:
            assert result.body.get(name) == value, name
    again = FORMAT.read_request(result.body, PATH)
    assert _said(again) == _said(request)
    assert [tool.name for tool in again.tools] == [tool.name for tool in request.tools]
    effort = (given.get("reasoning") or {}).get("effort")
    assert (result.body.get("reasoning") or {}).get("effort") == effort


def _said(request: Request) -> list[Any]:
    """What the turns of a request say, without the reasoning that goes to its maker alone."""
    said: list[Any] = []
    request = call_ids.paired(request)
    for block in (block for turn in request.turns for block in turn.blocks):
        match block:
            case Thinking(maker="openai"):
                said.append(block)
            case Thinking():
                pass
            case ToolCall(id=given):
                said.append(replace(block, id=call_ids.fitting(call_ids.RESPONSES, given)))
            case ToolResult(call_id=given):
                said.append(replace(block, call_id=call_ids.fitting(call_ids.RESPONSES, given), name=""))
            case Media(data="dGVzdA==", media_type="text/plain"):
                said.append(Text("test"))
            case Media(media_type="text/csv"):
                said.append(Text("data.csv:\na,b,c"))
            case Media(name="", data=data) if data:
                said.append(replace(block, name="document.pdf"))
            case Text(text):
                said.append(Text(text))
            case _:
                said.append(block)
    return [block for block in said if not isinstance(block, Media) or not (block.file_id or block.detail == "auto")]


def test_a_conversation_is_written_as_items_and_nothing_is_stored() -> None:
    turns = (
        Turn("developer", (Text("D"),)),
        Turn("user", (Text("U"), Media("image", "image/png", "AAAA"))),
        Turn(
            "assistant",
            (
                Thinking("a", "openai", "proof", id="rs_1"),
                Text("A"),
                ToolCall("c", "look", "{}", "crm"),
                ToolCall("d", "sql", "SELECT", is_custom=True),
            ),
        ),
        Turn("user", (ToolResult("c", (Text("1"),), is_error=True), ToolResult("d", (Text("2"),)), Text("and?"))),
    )
    body = written(Request(system=(Text("S"), Text("T")), turns=turns, stream=True))
    assert body["instructions"] == "S\n\nT"
    assert body["store"] is False
    assert body["stream"] is True
    assert body["include"] == ["reasoning.encrypted_content"]
    image = {"type": "input_image", "image_url": "data:image/png;base64,AAAA", "detail": "auto"}
    failed = [{"type": "input_text", "text": "Error:"}, {"type": "input_text", "text": "1"}]
    assert body["input"] == [
        {"type": "message", "role": "developer", "content": "D"},
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "U"}, image]},
        {
            "type": "reasoning",
            "id": "rs_1",
            "summary": [{"type": "summary_text", "text": "a"}],
            "encrypted_content": "proof",
        },
        {"type": "message", "role": "assistant", "content": "A"},
        {"type": "function_call", "call_id": "c", "name": "look", "namespace": "crm", "arguments": "{}"},
        {"type": "custom_tool_call", "call_id": "d", "name": "sql", "input": "SELECT"},
        {"type": "function_call_output", "call_id": "c", "output": failed},
        {"type": "custom_tool_call_output", "call_id": "d", "output": "2"},
        {"type": "message", "role": "user", "content": "and?"},
    ]


def test_functions_say_whether_they_are_strict_and_namespaces_stay_groups() -> None:
    tools = (Tool("a"), Tool("b", namespace="crm"), Tool("c", namespace="crm", strict=True), Tool("d", is_custom=True))
    body = written(Request(tools=tools, tool_choice=ToolChoice("tool", "d")))
    assert [tool["type"] for tool in body["tools"]] == ["function", "namespace", "custom"]
    assert body["tools"][0]["strict"] is False
    assert [tool["strict"] for tool in body["tools"][1]["tools"]] == [False, True]
    assert body["tool_choice"] == {"type": "custom", "name": "d"}
    flat = written(Request(tools=tools, tool_choice=ToolChoice("tool", "d")), model="deepseek-v4")
    assert [tool["name"] for tool in flat["tools"]] == ["a", "crm__b", "crm__c", "d"]
    assert {tool["type"] for tool in flat["tools"]} == {"function"}
    assert flat["tool_choice"] == {"type": "function", "name": "d"}


def test_reasoning_is_shown_and_proved_where_the_client_asks_for_it() -> None:
    body = written(Request(reasoning=Reasoning("low", shows=True)))
    assert body["reasoning"] == {"effort": "low", "summary": "auto"}
    assert body["include"] == ["reasoning.encrypted_content"]
    assert "include" not in written(Request(reasoning=Reasoning("low", shows=True)), model="gpt-4o")
    assert "include" not in written(Request(reasoning=Reasoning("low")))


def test_reasoning_of_others_is_not_sent() -> None:
    turns = (Turn("assistant", (Thinking("hm", "claude", "sig"), ToolCall("c", "f")), "messages[0]"),)
    assert lost(Request(turns=turns))["messages[0]"].is_hint
    assert [item["type"] for item in written(Request(turns=turns))["input"]] == ["function_call"]


def test_a_form_of_any_json_object_has_the_word_json_in_the_input() -> None:
    body = written(Request(system=(Text("json"),), turns=(Turn("user", (Text("Hi"),)),), schema=AnswerSchema()))
    assert body["text"] == {"format": {"type": "json_object"}}
    assert "JSON" in body["input"][-1]["content"]


@pytest.mark.parametrize(
    ("request_", "path", "is_hint"),
    [
        (Request(stop=("END",)), "stop", False),
        (Request(n=2), "n", False),
        (Request(logprobs=1), "logprobs", False),
        (Request(logit_bias={"1": 1}), "logit_bias", False),
        (Request(seed=1), "seed", True),
        (Request(presence_penalty=1), "presence_penalty", True),
        (Request(temperature=1), "temperature", True),
        (Request(max_tokens=5), "max_tokens", True),
        (Request(metadata={"a": 1}), "metadata", True),
        (Request(turns=(Turn("user", (Media("audio", data="AAAA"),), "messages[0]"),)), "messages[0]", False),
        (Request(turns=(Turn("assistant", (Text("So"),), "messages[0]"),)), "messages[0]", False),
    ],
)
def test_what_the_target_cannot_carry_is_named(request_: Request, path: str, is_hint: bool) -> None:
    assert lost(request_)[path].is_hint is is_hint


def test_a_limit_is_at_least_what_the_api_takes() -> None:
    assert written(Request(max_tokens=5))["max_output_tokens"] == 16
    assert written(Request(max_tokens=500_000))["max_output_tokens"] == 128_000


def test_an_agent_that_offers_a_search_beside_its_functions_can_go_elsewhere() -> None:
    request = read(
        tools=[LOOK, {"type": "web_search", "external_web_access": False}],
        tool_choice="auto",
        store=False,
        include=["reasoning.encrypted_content"],
        reasoning={"summary": "auto"},
        prompt_cache_key="k",
        client_metadata={"a": "b"},
        parallel_tool_calls=True,
    )
    assert all(loss.is_hint for loss in lost(request).values())


def test_tools_that_the_client_found_are_offered_to_a_model_of_another_api() -> None:
    find = {"type": "function", "name": "find", "parameters": {"type": "object"}}
    space = {"type": "namespace", "name": "crm", "description": "CRM", "tools": [find]}
    said = {"type": "tool_search_call", "call_id": "s", "execution": "client", "arguments": {"query": "crm"}}
    found = {"type": "tool_search_output", "call_id": "s", "execution": "client", "tools": [space]}
    called = {**CALL, "name": "find", "namespace": "crm"}
    result = {"type": "function_call_output", "call_id": "c", "output": "Ada"}
    request = read(
        tools=[LOOK, {"type": "tool_search", "execution": "client"}],
        input=[{"role": "user", "content": "Who?"}, said, found, {**said, "call_id": "t"}, found, called, result],
    )

    assert [(tool.namespace, tool.name) for tool in request.tools] == [("", "look"), ("crm", "find")]
    told = Text("These tools were found, and are offered from now on: crm")
    assert request.turns[1:] == (
        Turn("user", (told,), "input[2]"),
        Turn("user", (told,), "input[4]"),
        Turn("assistant", (ToolCall("c", "find", "{}", "crm"),), "input[5]"),
        Turn("user", (ToolResult("c", (Text("Ada"),)),), "input[6]"),
    )
    assert all(loss.is_hint for loss in request.losses)
    assert {loss.path for loss in request.losses} == {"input[1]", "input[3]"}
    nothing = read(input=[{"role": "user", "content": "Who?"}, said, {**found, "tools": []}])
    assert nothing.turns[-1] == Turn("user", (Text("No tools were found."),), "input[2]")
