"""What a neutral request becomes as a body of the Messages API."""

from typing import Any

import pytest

from switchover_dataplane.translation.format import Written
from switchover_dataplane.translation.messages import FORMAT
from switchover_dataplane.translation.neutral import (
    AnswerSchema,
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
from translated import graves, hints, said, written

NEW, MIDDLE, OLD = "claude-opus-4-8", "claude-sonnet-4-6", "claude-sonnet-4-5"
TOOL = Tool("add", "adds", {"type": "object", "properties": {"a": {"type": "integer"}}}, path="tools[0]")


def write(*turns: Any, model: str = OLD, **fields: Any) -> Written:
    return written(FORMAT, Request(turns=turns or (said("hi"),), **fields), model, "anthropic")


def messages(*turns: Any, model: str = OLD, **fields: Any) -> list[tuple[str, Any]]:
    return [(each["role"], each["content"]) for each in write(*turns, model=model, **fields).body["messages"]]


def text(words: str, **more: Any) -> dict[str, Any]:
    return {"type": "text", "text": words, **more}


def test_a_plain_request_has_all_that_the_api_demands() -> None:
    assert write(max_tokens=10, stream=True) == Written(
        {
            "model": OLD,
            "messages": [{"role": "user", "content": [text("hi")]}],
            "max_tokens": 10,
            "stream": True,
        }
    )


def test_vertex_names_the_model_in_the_path_and_the_version_in_the_body() -> None:
    body = written(FORMAT, Request(turns=(said("hi"),)), "claude-sonnet-4-5@20250929", "vertex").body
    assert "model" not in body
    assert body["anthropic_version"] == "vertex-2023-10-16"


@pytest.mark.parametrize(
    ("model", "asked", "limit", "losses"),
    [
        ("claude-sonnet-4-5", None, 64_000, []),
        ("claude-3-haiku-20240307", 50_000, 4_096, ["max_tokens"]),
        ("some-model", None, 4_096, []),
        ("some-model", 9, 9, []),
    ],
)
def test_the_limit_is_always_there_and_never_above_the_models(
    model: str, asked: int | None, limit: int, losses: list[str]
) -> None:
    done = write(model=model, max_tokens=asked)
    assert done.body["max_tokens"] == limit
    assert hints(done.losses) == losses


# ── Turns ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_equal_neighbours_become_one_message_without_empty_texts() -> None:
    turns = (said("a", ""), said("b"), said("", role="assistant"), said("c"))
    assert messages(*turns) == [("user", [text("a"), text("b"), text("c")])]


def test_prompts_of_the_system_at_the_start_stand_outside_of_the_conversation() -> None:
    done = write(said("one", role="system"), said("two", role="developer"), said("hi"), system=(Text("zero"),))
    assert done.body["system"] == [text("zero"), text("one"), text("two")]
    assert done.losses == ()


@pytest.mark.parametrize("model", [NEW, OLD])
def test_an_image_in_a_prompt_of_the_system_is_not_lost_in_silence(model: str) -> None:
    image = Media("image", media_type="image/png", data="aGVsbG8=")
    first = said("see", image, role="developer", path="messages[0]")
    later = said("see", image, role="system", path="messages[2]")
    done = write(first, said("a", path="messages[1]"), later, model=model)
    assert graves(done.losses) == ["messages[0]", "messages[2]"]


def test_a_prompt_of_the_system_alone_is_asked_as_the_users() -> None:
    done = write(said("only", role="system"))
    assert done.body["messages"] == [{"role": "user", "content": [text("only")]}]
    assert "system" not in done.body
    assert hints(done.losses) == ["system"]


def test_the_user_speaks_first() -> None:
    done = messages(said("hello", role="assistant"), said("hi"))
    assert [role for role, _ in done] == ["user", "assistant", "user"]


def test_a_later_prompt_of_the_system_stays_where_the_model_knows_such_turns() -> None:
    turns = (said("a"), said("careful", role="developer", path="messages[1]"), said("b"))
    assert messages(*turns, model=NEW) == [
        ("user", [text("a")]),
        ("system", [text("careful")]),
        ("user", [text("b")]),
    ]
    done = write(*turns, model=OLD)
    assert done.body["messages"] == [
        {"role": "user", "content": [text("a"), text("<system>\ncareful\n</system>"), text("b")]}
    ]
    assert hints(done.losses) == ["messages[1]"]


@pytest.mark.parametrize("model", [NEW, OLD])
def test_all_results_stand_first_in_the_very_next_message(model: str) -> None:
    turns = (
        said("go"),
        said(ToolCall("a", "add"), ToolCall("b", "add"), role="assistant"),
        said("careful", role="system"),
        said(ToolResult("b", (Text("2"),))),
        said("and", ToolResult("a", (Text("1"),))),
    )
    done = messages(*turns, model=model, tools=(TOOL,))
    assert done[2][0] == "user"
    assert [block["type"] for block in done[2][1][:2]] == ["tool_result", "tool_result"]
    assert [block["tool_use_id"] for block in done[2][1][:2]] == ["a", "b"]


def test_ids_and_names_that_the_api_refuses_are_replaced_alike() -> None:
    call = ToolCall("functions.add:0", "add", namespace="math")
    turns = (said("go"), said(call, role="assistant"), said(ToolResult("functions.add:0", (Text("1"),))))
    done = messages(*turns, tools=(Tool("add", namespace="math"),))
    use, result = done[1][1][0], done[2][1][0]
    assert use["name"] == "math__add"
    assert use["id"] == result["tool_use_id"]
    assert use["id"].startswith("toolu_")


def test_ids_that_come_again_in_every_turn_are_told_apart() -> None:
    step = (said(ToolCall("call_0", "add"), role="assistant"), said(ToolResult("call_0", (Text("1"),))))
    done = messages(said("go"), *step, *step, tools=(TOOL,))
    ids = [block["id"] for _, content in done for block in content if block["type"] == "tool_use"]
    results = [block["tool_use_id"] for _, content in done for block in content if block["type"] == "tool_result"]
    assert len(set(ids)) == 2
    assert ids == results


def test_a_result_keeps_its_error_and_its_images() -> None:
    image = Media("image", media_type="image/png", data="aGVsbG8=")
    turns = (said("go"), said(ToolCall("a", "add"), role="assistant"), said(ToolResult("a", (image,), is_error=True)))
    source = {"type": "base64", "media_type": "image/png", "data": "aGVsbG8="}
    assert messages(*turns, tools=(TOOL,))[2][1] == [
        {
            "type": "tool_result",
            "tool_use_id": "a",
            "content": [{"type": "image", "source": source}],
            "is_error": True,
        }
    ]


def test_arguments_that_are_no_object_become_one() -> None:
    calls = (ToolCall("a", "add", "[1]"), ToolCall("b", "add", "broken{"), ToolCall("c", "add", ""))
    done = messages(said("go"), said(*calls, role="assistant"), tools=(TOOL,))
    assert [block["input"] for block in done[1][1]] == [{"input": [1]}, {"input": "broken{"}, {}]


def test_reasoning_goes_back_to_its_maker_alone() -> None:
    blocks = (
        Thinking("own", "claude", "EqQB"),
        Thinking("", "claude", "EvgF", is_redacted=True),
        Thinking("other", "openai", "xx"),
        Thinking("unsigned", "claude"),
        Refusal("no"),
    )
    done = write(said("a"), said(*blocks, role="assistant", path="messages[1]"), said("b"))
    assert done.body["messages"][1]["content"] == [
        {"type": "thinking", "thinking": "own", "signature": "EqQB"},
        {"type": "redacted_thinking", "data": "EvgF"},
        text("no"),
    ]
    assert hints(done.losses) == ["messages[1]", "messages[1]"]


@pytest.mark.parametrize(
    ("media", "source"),
    [
        (Media("image", url="https://a.example/b.png"), {"type": "url", "url": "https://a.example/b.png"}),
        (
            Media("document", media_type="application/pdf", data="aGVsbG8="),
            {"type": "base64", "media_type": "application/pdf", "data": "aGVsbG8="},
        ),
        (
            Media("document", media_type="text/csv", data="aGVsbG8="),
            {"type": "text", "media_type": "text/plain", "data": "hello"},
        ),
    ],
)
def test_media_are_written_as_their_source(media: Media, source: dict[str, str]) -> None:
    assert messages(said(media)) == [("user", [{"type": media.kind, "source": source}])]


@pytest.mark.parametrize(
    "media",
    [
        Media("audio", media_type="audio/wav", data="aGVsbG8="),
        Media("video", url="https://a.example/b.mp4"),
        Media("image", file_id="file_1"),
        Media("image", url="gs://bucket/b.png"),
        Media("image", media_type="image/tiff", data="aGVsbG8="),
        Media("document", media_type="application/zip", data="aGVsbG8="),
    ],
)
def test_media_that_claude_does_not_take_are_grave(media: Media) -> None:
    assert graves(write(said("see", media, path="messages[0]")).losses) == ["messages[0]"]


def test_the_last_four_marks_of_the_cache_stay() -> None:
    marked = [Text(str(number), CacheMark("1h" if number else "24h")) for number in range(6)]
    done = write(said(*marked[1:]), system=(marked[0],))
    assert "cache_control" not in done.body["system"][0]
    kept = [block.get("cache_control") for block in done.body["messages"][0]["content"]]
    assert kept == [None, *[{"type": "ephemeral", "ttl": "1h"}] * 4]
    assert hints(done.losses) == ["cache_control"]
    assert write(system=marked[:1]).body["system"][0]["cache_control"] == {"type": "ephemeral"}


def test_an_answer_that_the_client_began_is_continued_by_older_models_alone() -> None:
    turns = (said("a"), said("so \n", role="assistant", path="messages[1]"))
    done = write(*turns, model=OLD)
    assert done.body["messages"][1]["content"] == [text("so")]
    assert done.losses == ()
    assert graves(write(*turns, model=MIDDLE).losses) == ["messages[1]"]


def test_an_answer_of_white_space_alone_is_left_out() -> None:
    assert messages(said("a"), said(" \n", role="assistant")) == [("user", [text("a")])]


# ── Tools ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_tools_have_a_schema_that_is_an_object() -> None:
    tools = (TOOL, Tool("b"), Tool("c", schema={"anyOf": [{"properties": {"x": {}}}, {"properties": {"y": {}}}]}))
    done = write(tools=tools).body["tools"]
    assert done[0] == {"name": "add", "description": "adds", "input_schema": TOOL.schema}
    assert done[1] == {"name": "b", "input_schema": {"type": "object", "properties": {}}}
    assert done[2]["input_schema"] == {"type": "object", "properties": {"x": {}, "y": {}}}


def test_a_strict_tool_is_closed_and_what_claude_does_not_hold_to_is_said() -> None:
    tool = Tool("t", schema={"type": "object", "properties": {"n": {"type": "integer", "minimum": 1}}}, strict=True)
    done = write(tools=(tool,))
    assert done.body["tools"][0]["strict"] is True
    assert done.body["tools"][0]["input_schema"] == {
        "type": "object",
        "properties": {"n": {"type": "integer"}},
        "additionalProperties": False,
    }
    assert "minimum" in str(done.losses[0])
    assert "strict" not in write(tools=(tool,), model="claude-sonnet-4").body["tools"][0]


def test_a_custom_tool_is_a_function_with_one_text() -> None:
    call = ToolCall("a", "run", "ls -l", is_custom=True)
    done = write(said("go"), said(call, role="assistant"), tools=(Tool("run", is_custom=True),))
    assert done.body["tools"][0]["input_schema"]["required"] == ["input"]
    assert done.body["messages"][1]["content"][0]["input"] == {"input": "ls -l"}


@pytest.mark.parametrize(
    ("choice", "parallel", "expected"),
    [
        (None, None, None),
        (None, False, {"type": "auto", "disable_parallel_tool_use": True}),
        (ToolChoice("auto"), None, {"type": "auto"}),
        (ToolChoice("any"), False, {"type": "any", "disable_parallel_tool_use": True}),
        (ToolChoice("none"), False, {"type": "none"}),
        (ToolChoice("tool", "add"), None, {"type": "tool", "name": "add"}),
    ],
)
def test_the_choice_of_tools_is_written(choice: ToolChoice | None, parallel: bool | None, expected: Any) -> None:
    done = write(tools=(TOOL,), tool_choice=choice, parallel=parallel)
    assert done.body.get("tool_choice") == expected
    assert done.losses == ()


def test_tools_that_are_not_allowed_are_left_out() -> None:
    done = write(tools=(TOOL, Tool("b")), tool_choice=ToolChoice("any", allowed=("b",)))
    assert [tool["name"] for tool in done.body["tools"]] == ["b"]


def test_calls_of_a_request_without_tools_bring_their_names() -> None:
    done = write(said("go"), said(ToolCall("a", "add"), role="assistant"), said(ToolResult("a", (Text("1"),))))
    assert [tool["name"] for tool in done.body["tools"]] == ["add"]
    assert done.body["tool_choice"] == {"type": "none"}


def test_a_tool_of_the_provider_is_a_hint_beside_own_tools_and_grave_alone() -> None:
    hosted = (HostedTool("web_search", "tools[1]"),)
    assert hints(write(tools=(TOOL,), hosted_tools=hosted).losses) == ["tools[1]"]
    assert graves(write(hosted_tools=hosted).losses) == ["tools[1]"]
    forced = write(tools=(TOOL,), tool_choice=ToolChoice("tool", "web_search", is_hosted=True))
    assert graves(forced.losses) == ["tool_choice"]


# ── Thinking and sampling ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("model", "reasoning", "thinking", "effort"),
    [
        (OLD, Reasoning("none"), {"type": "disabled"}, None),
        (OLD, Reasoning("minimal"), {"type": "enabled", "budget_tokens": 1024}, None),
        (OLD, Reasoning("medium"), {"type": "enabled", "budget_tokens": 2048}, None),
        (OLD, Reasoning("max"), {"type": "enabled", "budget_tokens": 16384}, None),
        (OLD, Reasoning(budget=9_000), {"type": "enabled", "budget_tokens": 9_000}, None),
        (OLD, Reasoning(budget=-1), {"type": "enabled", "budget_tokens": 4096}, None),
        (MIDDLE, Reasoning("none"), {"type": "disabled"}, None),
        (MIDDLE, Reasoning("minimal"), {"type": "adaptive"}, "low"),
        (MIDDLE, Reasoning("xhigh"), {"type": "adaptive"}, "high"),
        (MIDDLE, Reasoning(budget=3_000), {"type": "adaptive"}, "medium"),
        (MIDDLE, Reasoning(budget=-1), {"type": "adaptive"}, None),
        (NEW, Reasoning("xhigh", shows=True), {"type": "adaptive", "display": "summarized"}, "xhigh"),
        ("claude-fable-5", Reasoning("none"), None, "low"),
        ("claude-3-5-sonnet", Reasoning("high"), None, None),
    ],
)
def test_how_much_to_think_is_said_as_the_version_knows_it(
    model: str, reasoning: Reasoning, thinking: Any, effort: str | None
) -> None:
    body = write(model=model, reasoning=reasoning).body
    assert body.get("thinking") == thinking
    assert body.get("output_config") == (None if effort is None else {"effort": effort})


def test_the_limit_stays_above_the_tokens_for_reasoning() -> None:
    body = write(reasoning=Reasoning(budget=2_000), max_tokens=500).body
    assert body["thinking"]["budget_tokens"] < body["max_tokens"] == 2_500


@pytest.mark.parametrize("model", [OLD, NEW])
def test_the_model_does_not_think_where_it_must_call_a_tool(model: str) -> None:
    done = write(model=model, tools=(TOOL,), tool_choice=ToolChoice("any"), reasoning=Reasoning("high"))
    assert done.body["thinking"] == {"type": "disabled"}
    assert done.body["tool_choice"] == {"type": "any"}
    assert hints(done.losses) == ["reasoning"]


def test_a_model_that_always_thinks_cannot_be_made_to_call_a_tool() -> None:
    done = write(model="claude-fable-5", tools=(TOOL,), tool_choice=ToolChoice("any"))
    assert graves(done.losses) == ["tool_choice"]


def test_results_of_calls_made_elsewhere_are_answered_without_thinking_by_models_with_a_budget() -> None:
    turns = (said("go"), said(ToolCall("a", "add"), role="assistant"), said(ToolResult("a", (Text("1"),))))
    assert write(*turns, tools=(TOOL,), reasoning=Reasoning("low")).body["thinking"] == {"type": "disabled"}
    new = write(*turns, model=NEW, tools=(TOOL,), reasoning=Reasoning("low"))
    assert new.body["thinking"] == {"type": "adaptive"}


def test_sampling_is_clamped_dropped_and_said() -> None:
    assert write(temperature=1.5).body["temperature"] == 1
    new = write(model=NEW, temperature=1.0, top_p=1.0, top_k=5)
    assert not {"temperature", "top_p", "top_k"} & set(new.body)
    assert hints(new.losses) == ["temperature", "top_p", "top_k"]
    thinking = write(temperature=0.2, top_k=5, top_p=0.99, reasoning=Reasoning("low"))
    assert not {"temperature", "top_k"} & set(thinking.body)
    assert thinking.body["top_p"] == 0.99
    both = write(temperature=0.2, top_p=0.9)
    assert "top_p" not in both.body
    assert hints(both.losses) == ["top_p"]


# ── The rest ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_answer_in_a_schema_is_written_for_models_that_hold_to_one() -> None:
    schema = AnswerSchema({"type": "object", "properties": {"a": {"oneOf": [{"type": "string", "pattern": "x"}]}}})
    done = write(schema=schema)
    assert done.body["output_config"]["format"] == {
        "type": "json_schema",
        "schema": {
            "type": "object",
            "properties": {"a": {"anyOf": [{"type": "string"}]}},
            "additionalProperties": False,
        },
    }
    assert hints(done.losses) == ["response_format"]
    assert graves(write(schema=schema, model="claude-sonnet-4").losses) == ["response_format"]
    assert graves(write(schema=AnswerSchema()).losses) == ["response_format"]


def test_what_the_api_has_not_is_named() -> None:
    done = write(n=2, logprobs=0, logit_bias={"1": 1}, seed=1, presence_penalty=0.5, frequency_penalty=0.5)
    assert graves(done.losses) == ["n", "logprobs", "logit_bias"]
    assert hints(done.losses) == ["seed", "presence_penalty", "frequency_penalty"]
    assert write(presence_penalty=0.0).losses == ()


def test_the_other_fields_are_written() -> None:
    done = write(stop=("END", " \n"), user="u", service_tier="auto")
    assert done.body["stop_sequences"] == ["END"]
    assert done.body["metadata"] == {"user_id": "u"}
    assert done.body["service_tier"] == "auto"
    assert graves(done.losses) == ["stop"]
