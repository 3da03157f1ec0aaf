"""Requests of Chat Completions as they are written for each target."""

from typing import Any

import pytest

from switchover_dataplane.translation.chat import FORMAT
from switchover_dataplane.translation.format import Asker, ProviderKind
from switchover_dataplane.translation.losses import Loss
from switchover_dataplane.translation.models import model_of
from switchover_dataplane.translation.neutral import (
    CacheMark,
    HostedTool,
    Media,
    Reasoning,
    Request,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Turn,
)

PATH = "/v1/chat/completions"
HI = [{"role": "user", "content": "Hi"}]


def read(**body: Any) -> Request:
    return FORMAT.read_request({"model": "m", "messages": HI, **body}, PATH)


def written(request: Request, provider: ProviderKind = "openai", model: str = "gpt-4o") -> Any:
    return FORMAT.write_request(request, Asker(provider, model_of(model))).body


def lost(request: Request, provider: ProviderKind = "openai", model: str = "gpt-4o") -> dict[str, Loss]:
    losses = FORMAT.write_request(request, Asker(provider, model_of(model))).losses
    return {loss.path: loss for loss in losses}


def test_turns_of_a_user_are_written_after_the_results_in_them() -> None:
    turns = (
        Turn("assistant", (ToolCall("a", "look"), ToolCall("b", "look"))),
        Turn("user", (ToolResult("a", (Text("1"),), is_error=True), ToolResult("b"), Text("and?"))),
    )
    messages = written(Request(turns=turns))["messages"]
    assert [message["role"] for message in messages] == ["assistant", "tool", "tool", "user"]
    assert [message["content"] for message in messages] == [None, "Error:\n1", "", "and?"]
    assert [call["id"] for call in messages[0]["tool_calls"]] == ["a", "b"]


def test_nothing_stands_between_calls_and_their_results() -> None:
    turns = (
        Turn("assistant", (ToolCall("a", "look"),)),
        Turn("system", (Text("S"),)),
        Turn("user", (ToolResult("a", (Text("1"),)),)),
    )
    assert [message["role"] for message in written(Request(turns=turns))["messages"]] == ["assistant", "tool", "system"]


@pytest.mark.parametrize(
    ("schema", "right"),
    [
        (None, {"type": "object", "properties": {}}),
        ({}, {"type": "object", "properties": {}}),
        ({"type": "object"}, {"type": "object", "properties": {}}),
        ({"properties": {"a": {}}}, {"type": "object", "properties": {"a": {}}}),
        ({"type": "object", "properties": {}, "$schema": "x"}, {"type": "object", "properties": {}, "$schema": "x"}),
    ],
)
def test_the_schema_of_a_function_is_an_object_with_properties(schema: Any, right: Any) -> None:
    assert written(Request(tools=(Tool("f", schema=schema),)))["tools"][0]["function"]["parameters"] == right


def test_an_image_in_a_result_follows_all_results_in_a_message_of_the_user() -> None:
    image = Media("image", "image/png", "AAAA")
    turns = (
        Turn("assistant", (ToolCall("a", "look"), ToolCall("b", "look"))),
        Turn("user", (ToolResult("a", (Text("see"), image)),), "messages[1]"),
        Turn("user", (ToolResult("b", (Text("2"),)),), "messages[2]"),
    )
    messages = written(Request(turns=turns))["messages"]
    assert [message["role"] for message in messages] == ["assistant", "tool", "tool", "user"]
    assert messages[3]["content"][0]["image_url"]["url"] == "data:image/png;base64,AAAA"
    assert lost(Request(turns=turns))["messages[1]"].is_hint


def test_mistral_gets_its_own_forms() -> None:
    turns = (
        Turn("assistant", (ToolCall("call_abc", "look"),)),
        Turn("user", (ToolResult("call_abc", (Text("1"),)), Text("and?"))),
        Turn("developer", (Text("D"),)),
        Turn("assistant", (Text("So"),)),
    )
    request = Request(
        turns=turns,
        tools=(Tool("look"),),
        tool_choice=ToolChoice("any"),
        seed=1,
        temperature=2,
        top_k=3,
        user="u",
        max_tokens=5,
        stream=True,
    )
    body = written(request, "mistral", "mistral-large-latest")
    call_id = body["messages"][0]["tool_calls"][0]["id"]
    assert len(call_id) == 9
    assert call_id.isalnum()
    assert body["messages"][1]["tool_call_id"] == call_id
    assert [message["role"] for message in body["messages"]] == [
        *("assistant", "tool", "assistant", "user", "system", "assistant")
    ]
    assert body["messages"][-1] == {"role": "assistant", "content": "So", "prefix": True}
    assert (body["tool_choice"], body["random_seed"], body["max_tokens"], body["top_k"]) == ("any", 1, 5, 3)
    assert body["temperature"] == 1.5
    assert "stream_options" not in body
    assert "user" not in body
    assert set(lost(request, "mistral", "mistral-large-latest")) == {"temperature", "user"}


def test_a_reasoning_model_gets_neither_sampling_nor_stop() -> None:
    request = Request(
        turns=(Turn("user", (Text("Hi"),)),), temperature=0.5, stop=("END",), max_tokens=200_000, verbosity="low"
    )
    body, losses = written(request, model="gpt-5"), lost(request, model="gpt-5")
    assert body["max_completion_tokens"] == 128_000
    assert body["verbosity"] == "low"
    assert "temperature" not in body
    assert "stop" not in body
    assert {path: loss.is_hint for path, loss in losses.items()} == {
        "max_tokens": True,
        "temperature": True,
        "stop": False,
    }


def test_a_reasoning_model_that_does_not_think_takes_sampling() -> None:
    request = Request(turns=(Turn("user", (Text("Hi"),)),), temperature=0.5, reasoning=Reasoning("none"))
    body = written(request, model="gpt-5.1")
    assert (body["reasoning_effort"], body["temperature"]) == ("none", 0.5)


@pytest.mark.parametrize(
    ("reasoning", "model", "right"),
    [
        (Reasoning("max"), "gpt-5.2", "xhigh"),
        (Reasoning("xhigh"), "gpt-5", "high"),
        (Reasoning("none"), "o3", "low"),
        (Reasoning("minimal"), "gpt-5.1", "low"),
        (Reasoning(budget=31_999), "gpt-5", "high"),
        (Reasoning(budget=1024), "gpt-5", "low"),
        (Reasoning(budget=2048), "o4-mini", "medium"),
        (Reasoning(budget=-1), "gpt-5", None),
        (Reasoning("high"), "gpt-4o", None),
        (Reasoning("high"), "openai/gpt-oss-120b", "high"),
        (Reasoning(budget=9000), "llama-4", None),
    ],
)
def test_an_effort_is_said_in_the_words_of_the_model(reasoning: Reasoning, model: str, right: str | None) -> None:
    request = Request(turns=(Turn("user", (Text("Hi"),)),), reasoning=reasoning)
    assert written(request, model=model).get("reasoning_effort") == right


def test_servers_like_openai_get_the_older_limit_and_the_tokens_of_a_stream() -> None:
    request = Request(turns=(Turn("user", (Text("Hi"),)),), max_tokens=5, stream=True)
    body = written(request, model="llama-4")
    assert (body["max_tokens"], body["stream_options"]) == (5, {"include_usage": True})


def test_a_form_of_any_json_object_has_the_word_json_in_a_message() -> None:
    request = read(response_format={"type": "json_object"})
    assert any("JSON" in str(message["content"]) for message in written(request)["messages"])
    said = read(response_format={"type": "json_object"}, messages=[{"role": "user", "content": "as json"}])
    assert len(written(said)["messages"]) == 1


def test_a_hosted_tool_is_a_hint_beside_functions_and_grave_where_it_is_all() -> None:
    turns = (Turn("user", (Text("Hi"),)),)
    search = (HostedTool("web_search", "tools[0]"),)
    assert lost(Request(turns=turns, hosted_tools=search, tools=(Tool("look"),)))["tools[0]"].is_hint
    assert not lost(Request(turns=turns, hosted_tools=search))["tools[0]"].is_hint
    forced = ToolChoice("tool", "web_search", is_hosted=True)
    assert not lost(Request(turns=turns, hosted_tools=search, tools=(Tool("look"),), tool_choice=forced))[
        "tool_choice"
    ].is_hint


def test_tools_of_other_apis_become_functions_with_names_that_fit() -> None:
    tools = (
        Tool("find", namespace="crm", schema={"type": "object"}),
        Tool("sql", is_custom=True),
        Tool("a.b:c" * 20),
    )
    names = [tool["function"]["name"] for tool in written(Request(tools=tools), model="llama-4")["tools"]]
    assert names[:2] == ["crm__find", "sql"]
    assert len(names[2]) <= 64
    assert names[2].replace("_", "").isalnum()
    kinds = [tool["type"] for tool in written(Request(tools=tools), model="gpt-5.1")["tools"]]
    assert kinds == ["function", "custom", "function"]


@pytest.mark.parametrize(
    ("provider", "model", "kind"),
    [
        ("openai", "gpt-5", "custom"),
        ("openai", "gpt-4o", "function"),
        ("openai", "o3", "function"),
        ("azure-openai", "gpt-5", "function"),
        ("azure-openai", "deployed", "function"),
    ],
)
def test_a_custom_tool_is_a_function_where_the_model_may_not_know_such_tools(
    provider: ProviderKind, model: str, kind: str
) -> None:
    request = Request(
        tools=(Tool("sql", is_custom=True),),
        turns=(
            Turn("assistant", (ToolCall("a", "sql", "SELECT 1", is_custom=True),)),
            Turn("user", (ToolResult("a", (Text("1"),), is_custom=True),)),
        ),
        tool_choice=ToolChoice("tool", "sql"),
    )
    body = written(request, provider, model)
    assert body["tools"][0]["type"] == kind
    assert body["tool_choice"] == {"type": kind, kind: {"name": "sql"}}
    said = {"custom": {"input": "SELECT 1"}, "function": {"arguments": '{"input":"SELECT 1"}'}}[kind]
    assert body["messages"][0]["tool_calls"] == [{"id": "a", "type": kind, kind: {"name": "sql", **said}}]


def test_only_the_allowed_tools_are_offered_where_the_api_has_no_list_of_them() -> None:
    request = Request(tools=(Tool("a"), Tool("b")), tool_choice=ToolChoice("any", allowed=("b",)))
    body = written(request, model="llama-4")
    assert [tool["function"]["name"] for tool in body["tools"]] == ["b"]
    assert body["tool_choice"] == "required"
    assert written(request)["tool_choice"]["allowed_tools"]["mode"] == "required"


@pytest.mark.parametrize(
    ("request_", "path", "is_hint"),
    [
        (Request(n=2), "n", False),
        (Request(logprobs=0), "logprobs", False),
        (Request(top_k=4), "top_k", True),
        (Request(metadata={"a": 1}), "metadata", True),
        (Request(turns=(Turn("user", (Media("video", url="https://x"),), "messages[0]"),)), "messages[0]", False),
        (Request(turns=(Turn("user", (Media("image", file_id="f"),), "messages[0]"),)), "messages[0]", False),
        (Request(turns=(Turn("user", (Media("image", url="s3://b/c"),), "messages[0]"),)), "messages[0]", False),
        (Request(turns=(Turn("assistant", (Text("So"),), "messages[0]"),)), "messages[0]", False),
        (Request(turns=(Turn("system", (Text("S", CacheMark()),)),)), "cache_control", True),
        (Request(stop=tuple("abcde")), "stop", False),
        (Request(service_tier="on_demand"), "service_tier", True),
        (Request(user="u" * 200), "user", True),
    ],
)
def test_what_the_target_cannot_carry_is_named(request_: Request, path: str, is_hint: bool) -> None:
    assert lost(request_)[path].is_hint is is_hint


def test_a_text_document_is_said_as_text() -> None:
    for media in (Media("document", text="T", name="n.md"), Media("document", "text/plain", "VA==", name="n.md")):
        assert written(Request(turns=(Turn("user", (media,)),)))["messages"][0]["content"] == "n.md:\nT"


def test_ids_that_come_again_are_told_apart() -> None:
    turns = tuple(
        turn
        for _ in range(2)
        for turn in (Turn("assistant", (ToolCall("call_0", "look"),)), Turn("user", (ToolResult("call_0"),)))
    )
    messages = written(Request(turns=turns))["messages"]
    ids = [message["tool_calls"][0]["id"] for message in messages if message["role"] == "assistant"]
    assert len(set(ids)) == 2
    assert [message["tool_call_id"] for message in messages if message["role"] == "tool"] == ids
