"""What a neutral request becomes as a body of generateContent."""

from typing import TYPE_CHECKING, Any

import pytest

from deferred import deferred
from switchover_dataplane.translation.format import Written
from switchover_dataplane.translation.generate import FORMAT
from switchover_dataplane.translation.neutral import (
    AnswerSchema,
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
from translated import graves, hints, said, written

if TYPE_CHECKING:
    from google.genai import types
else:
    types = deferred("google.genai.types")

NEW, OLD = "gemini-3-flash-preview", "gemini-2.5-flash"
TOOL = Tool(
    "add", "adds", {"type": "object", "$schema": "x", "properties": {"a": {"type": "integer"}}}, path="tools[0]"
)
SKIP = "skip_thought_signature_validator"


def write(*turns: Any, model: str = OLD, **fields: Any) -> Written:
    done = written(FORMAT, Request(turns=turns or (said("hi"),), **fields), model, "gemini")
    for content in done.body["contents"]:
        types.Content.model_validate(content)
    types.GenerationConfig.model_validate(done.body.get("generationConfig", {}))
    return done


def contents(*turns: Any, model: str = OLD, **fields: Any) -> list[tuple[str, Any]]:
    return [(each["role"], each["parts"]) for each in write(*turns, model=model, **fields).body["contents"]]


def config(model: str = OLD, **fields: Any) -> Any:
    return write(model=model, **fields).body.get("generationConfig")


def test_a_plain_request_has_the_model_in_its_path_alone() -> None:
    assert write() == Written({"contents": [{"role": "user", "parts": [{"text": "hi"}]}]})


# ── Contents ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_contents_alternate_and_begin_with_the_user() -> None:
    turns = (said("hello", role="assistant"), said("a", ""), said("b"), said("c", role="system"))
    assert contents(*turns) == [
        ("user", [{"text": ""}]),
        ("model", [{"text": "hello"}]),
        ("user", [{"text": "a"}, {"text": "b"}, {"text": "<system>\nc\n</system>"}]),
    ]


def test_a_prompt_of_the_system_stands_outside() -> None:
    done = write(said("one", role="developer"), system=(Text("zero"),))
    assert done.body["systemInstruction"] == {"parts": [{"text": "zero"}, {"text": "one"}]}
    assert done.body["contents"] == [{"role": "user", "parts": [{"text": ""}]}]


def test_results_stand_first_together_and_in_the_order_of_their_calls() -> None:
    turns = (
        said("go"),
        said(ToolCall("x", "a"), ToolCall("y", "b"), role="assistant"),
        said("and", ToolResult("y", (Text("2"),))),
        said(ToolResult("x", (Text('{"n":1}'),), is_error=False)),
    )
    assert contents(*turns)[1:] == [
        ("model", [{"functionCall": {"name": "a", "args": {}}}, {"functionCall": {"name": "b", "args": {}}}]),
        (
            "user",
            [
                {"functionResponse": {"name": "a", "response": {"n": 1}}},
                {"functionResponse": {"name": "b", "response": {"output": "2"}}},
                {"text": "and"},
            ],
        ),
    ]


def test_ids_are_written_where_names_do_not_tell_calls_apart() -> None:
    turns = (
        said("go"),
        said(ToolCall("x", "a"), ToolCall("y", "a"), role="assistant"),
        said(ToolResult("x", (Text("1"),)), ToolResult("y", (Text("2"),), is_error=True)),
        said(ToolCall("z", "a"), role="assistant"),
    )
    _, calls, results, last = contents(*turns)
    assert [part["functionCall"]["id"] for part in calls[1]] == ["x", "y"]
    assert [part["functionResponse"]["id"] for part in results[1]] == ["x", "y"]
    assert results[1][1]["functionResponse"]["response"] == {"error": "2"}
    assert "id" not in last[1][0]["functionCall"]


def test_calls_of_gemini_without_ids_find_their_results_by_order_and_name() -> None:
    turns = (
        said("go"),
        said(ToolCall("", "a"), ToolCall("", "a"), role="assistant"),
        said(ToolResult("", (Text("1"),), name="a"), ToolResult("", (Text("2"),), name="a")),
    )
    _, calls, results = contents(*turns)
    ids = [part["functionCall"]["id"] for part in calls[1]]
    assert len(set(ids)) == 2
    assert [part["functionResponse"]["id"] for part in results[1]] == ids


def test_gemini_3_gets_a_signature_on_the_first_call_of_each_step() -> None:
    turns = (
        said("go"),
        said(ToolCall("x", "a"), ToolCall("y", "b"), role="assistant"),
        said(ToolResult("x"), ToolResult("y")),
        said(ToolCall("z", "a", signature="c2ln"), role="assistant"),
    )
    done = contents(*turns, model=NEW)
    assert [part.get("thoughtSignature") for part in done[1][1]] == [SKIP, None]
    assert [part.get("thoughtSignature") for part in done[3][1]] == ["c2ln"]
    assert all("thoughtSignature" not in part for part in contents(*turns[:2], model=OLD)[1][1])


def test_reasoning_goes_back_to_its_maker_alone_beside_its_text() -> None:
    blocks = (
        Thinking("hm", "gemini"),
        Text("so"),
        Thinking("", "gemini", "c2ln"),
        Thinking("other", "claude", "EqQB"),
    )
    done = write(said("a"), said(*blocks, role="assistant", path="messages[1]"), said("b"))
    assert done.body["contents"][1]["parts"] == [
        {"text": "hm", "thought": True},
        {"text": "so", "thoughtSignature": "c2ln"},
    ]
    assert hints(done.losses) == ["messages[1]"]


def test_images_of_a_result_stand_within_it_or_after_all_results() -> None:
    image = Media("image", media_type="image/png", data="aGVsbG8=")
    turns = (said("go"), said(ToolCall("x", "a"), role="assistant"), said("and", ToolResult("x", (image,))))
    blob = {"inlineData": {"mimeType": "image/png", "data": "aGVsbG8="}}
    assert contents(*turns, model=NEW)[2][1][0]["functionResponse"]["parts"] == [blob]
    assert contents(*turns, model=OLD)[2][1][1:] == [blob, {"text": "and"}]


@pytest.mark.parametrize(
    ("media", "part"),
    [
        (
            Media("document", media_type="application/pdf", data="aGVsbG8="),
            {"inlineData": {"mimeType": "application/pdf", "data": "aGVsbG8="}},
        ),
        (
            Media("audio", media_type="audio/wav", data="aGVsbG8="),
            {"inlineData": {"mimeType": "audio/wav", "data": "aGVsbG8="}},
        ),
        (Media("document", media_type="text/csv", data="aGVsbG8=", name="a.csv"), {"text": "a.csv\n\nhello"}),
        (Media("document", text="words"), {"text": "words"}),
        (Media("video", url="https://youtu.be/x"), {"fileData": {"fileUri": "https://youtu.be/x"}}),
        (
            Media("image", media_type="image/png", file_id="gs://b/c.png"),
            {"fileData": {"fileUri": "gs://b/c.png", "mimeType": "image/png"}},
        ),
    ],
)
def test_media_are_written_as_gemini_takes_them(media: Media, part: dict[str, Any]) -> None:
    assert contents(said(media)) == [("user", [part])]


@pytest.mark.parametrize(
    "media",
    [
        Media("image", url="https://a.example/b.png"),
        Media("image", file_id="file_1"),
        Media("image", media_type="image/gif", data="aGVsbG8="),
        Media("document", media_type="application/zip", data="aGVsbG8="),
    ],
)
def test_media_that_cannot_be_carried_are_grave(media: Media) -> None:
    assert graves(write(said("see", media, path="messages[0]")).losses) == ["messages[0]"]


@pytest.mark.parametrize(
    ("model", "is_taken"),
    [(OLD, True), ("gemini-3.5-flash", True), ("gemini-3.6-flash", False), ("gemini-3.5-flash-lite", False)],
)
def test_an_answer_that_the_client_began_is_continued_by_older_models_alone(model: str, is_taken: bool) -> None:
    done = write(said("a"), said("so", role="assistant", path="messages[1]"), model=model)
    assert graves(done.losses) == ([] if is_taken else ["messages[1]"])


# ── Tools ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_tools_are_functions_with_a_json_schema() -> None:
    done = write(tools=(TOOL, Tool("b"), Tool("run", is_custom=True)))
    declared = done.body["tools"][0]["functionDeclarations"]
    assert declared[0] == {"name": "add", "description": "adds", "parametersJsonSchema": TOOL.schema}
    assert declared[1] == {"name": "b"}
    assert declared[2]["parametersJsonSchema"]["required"] == ["input"]
    types.Tool.model_validate(done.body["tools"][0])


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (None, None),
        (ToolChoice("auto"), None),
        (ToolChoice("none"), {"mode": "NONE"}),
        (ToolChoice("any"), {"mode": "ANY"}),
        (ToolChoice("any", allowed=("b",)), {"mode": "ANY", "allowedFunctionNames": ["b"]}),
        (ToolChoice("tool", "add"), {"mode": "ANY", "allowedFunctionNames": ["math__add"]}),
    ],
)
def test_the_choice_of_tools_is_written(choice: ToolChoice | None, expected: Any) -> None:
    done = write(tools=(Tool("add", namespace="math"), Tool("b")), tool_choice=choice)
    assert done.body.get("toolConfig", {}).get("functionCallingConfig") == expected
    assert done.losses == ()


def test_functions_that_may_but_need_not_be_called_are_the_only_ones_told() -> None:
    done = write(tools=(TOOL, Tool("b")), tool_choice=ToolChoice("auto", allowed=("b",)))
    assert [each["name"] for each in done.body["tools"][0]["functionDeclarations"]] == ["b"]


def test_one_call_at_a_time_cannot_be_held_where_there_are_tools() -> None:
    assert graves(write(tools=(TOOL,), parallel=False).losses) == ["parallel_tool_calls"]
    assert write(parallel=False).losses == ()


def test_a_tool_of_the_provider_is_a_hint_beside_own_tools_and_grave_alone() -> None:
    hosted = (HostedTool("web_search", "tools[1]"),)
    assert hints(write(tools=(TOOL,), hosted_tools=hosted).losses) == ["tools[1]"]
    assert graves(write(hosted_tools=hosted).losses) == ["tools[1]"]


# ── generationConfig ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("model", "reasoning", "thinking"),
    [
        (OLD, Reasoning("none"), {"thinkingBudget": 0}),
        (OLD, Reasoning("low"), {"thinkingBudget": 1024}),
        (OLD, Reasoning("medium"), {"thinkingBudget": 8192}),
        (OLD, Reasoning("max"), {"thinkingBudget": 24576}),
        (OLD, Reasoning(budget=50_000), {"thinkingBudget": 24576, "includeThoughts": True}),
        (OLD, Reasoning(budget=-1, shows=True), {"thinkingBudget": -1, "includeThoughts": True}),
        ("gemini-2.5-pro", Reasoning("none"), {"thinkingBudget": 128}),
        ("gemini-2.5-flash-lite", Reasoning(budget=100, shows=False), {"thinkingBudget": 512}),
        (NEW, Reasoning("none"), {"thinkingLevel": "minimal"}),
        ("gemini-3-pro-preview", Reasoning("none"), {"thinkingLevel": "low"}),
        ("gemini-3-pro-preview", Reasoning("medium"), {"thinkingLevel": "low"}),
        (NEW, Reasoning("xhigh"), {"thinkingLevel": "high"}),
        (NEW, Reasoning(budget=9_000, shows=False), {"thinkingLevel": "medium"}),
        (NEW, Reasoning(budget=-1, is_adaptive=True), {"includeThoughts": True}),
        ("gemini-2.0-flash", Reasoning("high"), None),
    ],
)
def test_how_much_to_think_is_said_as_the_version_knows_it(model: str, reasoning: Reasoning, thinking: Any) -> None:
    assert (config(model, reasoning=reasoning) or {}).get("thinkingConfig") == thinking


def test_sampling_limits_and_stops_are_written() -> None:
    done = write(
        max_tokens=100_000,
        temperature=2.0,
        top_p=0.5,
        top_k=3,
        seed=2**40,
        presence_penalty=0.1,
        stop=("1", "2", "3", "4", "5", "6"),
    )
    assert done.body["generationConfig"] == {
        "maxOutputTokens": 65_536,
        "temperature": 2.0,
        "topP": 0.5,
        "topK": 3,
        "presencePenalty": 0.1,
        "stopSequences": ["1", "2", "3", "4", "5"],
    }
    assert graves(done.losses) == ["stop"]
    assert hints(done.losses) == ["max_tokens", "seed"]


def test_an_answer_in_a_schema_has_the_keywords_that_gemini_knows() -> None:
    schema = {
        "$schema": "x",
        "type": "object",
        "properties": {"pattern": {"type": "string", "pattern": "a+"}, "kind": {"const": "b"}},
        "definitions": {"x": {"type": "string"}},
    }
    done = write(schema=AnswerSchema(schema))
    assert done.body["generationConfig"] == {
        "responseMimeType": "application/json",
        "responseJsonSchema": {
            "type": "object",
            "properties": {"pattern": {"type": "string"}, "kind": {"enum": ["b"]}},
            "$defs": {"x": {"type": "string"}},
        },
    }
    assert hints(done.losses) == ["response_format"]
    assert config(schema=AnswerSchema()) == {"responseMimeType": "application/json"}


def test_a_schema_that_is_nested_without_end_is_cut_and_said() -> None:
    schema: dict[str, Any] = {}
    for _ in range(900):
        schema = {"type": "array", "items": schema}
    assert hints(write(schema=AnswerSchema(schema)).losses) == ["response_format"]


def test_a_schema_beside_tools_is_taken_by_newer_models_alone() -> None:
    asked: dict[str, Any] = {"schema": AnswerSchema({"type": "object"}), "tools": (TOOL,)}
    assert graves(write(model=OLD, **asked).losses) == ["response_format"]
    assert graves(write(model=NEW, **asked).losses) == []


def test_a_penalty_of_nothing_is_not_written() -> None:
    assert config(presence_penalty=0.0, frequency_penalty=0.0) is None


def test_what_cannot_be_carried_is_named() -> None:
    assert hints(write(system=(Text("s", CacheMark()),)).losses) == ["cache_control"]
    done = write(n=2, logprobs=0, logit_bias={"1": 1}, user="u", metadata={"a": "b"}, cache_key="k", verbosity="low")
    assert graves(done.losses) == ["n", "logprobs", "logit_bias"]
    assert hints(done.losses) == ["prompt_cache_key", "user", "metadata", "verbosity"]
