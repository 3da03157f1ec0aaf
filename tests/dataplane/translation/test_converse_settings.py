"""How a request's limits, sampling, reasoning and form of answer are written for each model of Bedrock."""

from typing import Any

import msgspec
import pytest

from bedrock_recordings import faults
from switchover_dataplane.translation.converse import FORMAT
from switchover_dataplane.translation.format import Asker, Written
from switchover_dataplane.translation.models import model_of
from switchover_dataplane.translation.neutral import (
    AnswerSchema,
    Json,
    Reasoning,
    Request,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Turn,
)

CLAUDE_3 = "anthropic.claude-3-haiku-20240307-v1:0"
CLAUDE_37 = "us.anthropic.claude-3-7-sonnet-20250219-v1:0"
CLAUDE_45 = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
CLAUDE_46 = "global.anthropic.claude-opus-4-6-v1"
CLAUDE_47 = "us.anthropic.claude-opus-4-7"
FABLE = "anthropic.claude-fable-5"
NOVA = "us.amazon.nova-2-lite-v1:0"
GPT_OSS = "openai.gpt-oss-120b-1:0"


def asked(model: str = NOVA, **fields: Any) -> Written:
    turns = fields.pop("turns", (Turn("user", (Text("Hi"),), "messages[0]"),))
    made = FORMAT.write_request(Request(turns=turns, **fields), Asker("bedrock", model_of(model)))
    assert faults(made.body) == ""
    return made


def grave(made: Written) -> list[str]:
    return [loss.path for loss in made.losses if not loss.is_hint]


def hints(made: Written) -> list[str]:
    return [loss.path for loss in made.losses if loss.is_hint]


# ── Limits and sampling ─────────────────────────────────────────────────────────────────────────────────────────────


def test_limits_and_sampling_are_written() -> None:
    made = asked(max_tokens=10, temperature=0.5, top_p=0.9, stop=("END", ""))

    assert made.body["inferenceConfig"] == {
        "maxTokens": 10,
        "stopSequences": ["END"],
        "temperature": 0.5,
        "topP": 0.9,
    }
    assert made.losses == ()


def test_a_temperature_above_1_is_1_and_named() -> None:
    made = asked(temperature=1.7)

    assert made.body["inferenceConfig"] == {"temperature": 1.0}
    assert hints(made) == ["temperature"]


def test_more_tokens_than_the_model_writes_are_asked_for_as_many_as_it_does() -> None:
    made = asked(CLAUDE_3, max_tokens=100_000)

    assert made.body["inferenceConfig"] == {"maxTokens": 4_096}
    assert hints(made) == ["max_tokens"]


def test_claude_is_asked_which_stop_sequence_came_and_takes_none_of_white_space() -> None:
    made = asked(CLAUDE_45, stop=("END", "\n"))

    assert made.body["inferenceConfig"] == {"stopSequences": ["END"]}
    assert made.body["additionalModelResponseFieldPaths"] == ["/stop_sequence"]
    assert grave(made) == ["stop"]


@pytest.mark.parametrize(
    ("model", "sent", "lost"),
    [
        (CLAUDE_3, {"temperature": 0.5, "topP": 0.9}, []),
        (CLAUDE_45, {"temperature": 0.5}, ["top_p"]),
        (CLAUDE_47, {}, ["temperature", "top_p", "top_k"]),
    ],
)
def test_each_claude_gets_the_sampling_that_it_takes(model: str, sent: Json, lost: list[str]) -> None:
    made = asked(model, temperature=0.5, top_p=0.9, top_k=5)

    assert made.body.get("inferenceConfig", {}) == sent
    assert hints(made) == lost
    assert made.body.get("additionalModelRequestFields", {}) == ({} if "top_k" in lost else {"top_k": 5})


def test_what_means_no_change_is_no_loss() -> None:
    assert asked(CLAUDE_47, temperature=1, top_p=1, presence_penalty=0, frequency_penalty=0.0, n=1).losses == ()


def test_what_bedrock_has_not_is_named() -> None:
    fields: dict[str, Any] = {
        "presence_penalty": 1,
        "frequency_penalty": 1,
        "seed": 0,
        "user": "u",
        "cache_key": "k",
        "top_k": 2,
    }
    made = asked(n=2, logprobs=0, logit_bias={"1": 2}, verbosity="low", **fields)

    assert grave(made) == ["n", "logprobs", "logit_bias"]
    assert sorted(hints(made)) == sorted([*fields, "verbosity"])


def test_metadata_that_fit_are_sent() -> None:
    fitting = {f"k{number}": "a value" for number in range(20)}

    assert asked(metadata={"a": "b"}).body["requestMetadata"] == {"a": "b"}
    assert asked(metadata={"a": "b"}).losses == ()
    for odd in ({"a": 1}, {"a": "{}"}, {"": "b"}, {"a": "x" * 257}, {"ä": "b"}):
        made = asked(metadata={**odd, "c": "d"})
        assert made.body["requestMetadata"] == {"c": "d"}
        assert hints(made) == ["metadata"]
    assert len(asked(metadata=fitting).body["requestMetadata"]) == 16


@pytest.mark.parametrize(("tier", "sent"), [("flex", {"type": "flex"}), ("auto", None), ("scale", None), ("", None)])
def test_a_tier_that_bedrock_has_is_sent(tier: str, sent: Json) -> None:
    made = asked(service_tier=tier)

    assert made.body.get("serviceTier") == sent
    assert hints(made) == (["service_tier"] if tier == "scale" else [])


# ── Reasoning ───────────────────────────────────────────────────────────────────────────────────────────────────────


def thinking(model: str, reasoning: Reasoning, **fields: Any) -> tuple[Json, str, int | None]:
    body = asked(model, reasoning=reasoning, **fields).body
    found = body.get("additionalModelRequestFields", {}).get("thinking")
    effort: str = body.get("outputConfig", {}).get("effort", "")
    return found, effort, body.get("inferenceConfig", {}).get("maxTokens")


def budget(tokens: int) -> Json:
    return {"type": "enabled", "budget_tokens": tokens}


@pytest.mark.parametrize(
    ("effort", "tokens"),
    [("minimal", 1024), ("low", 1024), ("medium", 2048), ("high", 4096), ("xhigh", 8192), ("max", 16384)],
)
def test_an_effort_is_a_budget_for_an_older_claude(effort: str, tokens: int) -> None:
    assert thinking(CLAUDE_45, Reasoning(effort)) == (budget(tokens), "", None)


@pytest.mark.parametrize(
    ("model", "reasoning", "found", "effort"),
    [
        (CLAUDE_46, Reasoning("minimal"), {"type": "adaptive"}, "low"),
        (CLAUDE_46, Reasoning("high"), {"type": "adaptive"}, "high"),
        (CLAUDE_46, Reasoning("xhigh"), {"type": "adaptive"}, "high"),
        (CLAUDE_47, Reasoning("xhigh"), {"type": "adaptive"}, "xhigh"),
        (CLAUDE_46, Reasoning(budget=3000), {"type": "adaptive"}, "medium"),
        (CLAUDE_47, Reasoning(budget=3000, shows=True), {"type": "adaptive", "display": "summarized"}, "medium"),
        (CLAUDE_47, Reasoning(budget=3000), {"type": "adaptive"}, "medium"),
        (CLAUDE_47, Reasoning(budget=-1), {"type": "adaptive"}, ""),
        (CLAUDE_47, Reasoning(is_adaptive=True), {"type": "adaptive"}, ""),
        (CLAUDE_45, Reasoning(is_adaptive=True), budget(4096), ""),
        (CLAUDE_45, Reasoning(budget=100), budget(1024), ""),
        (CLAUDE_45, Reasoning("none"), {"type": "disabled"}, ""),
        (CLAUDE_47, Reasoning(budget=0), {"type": "disabled"}, ""),
        (FABLE, Reasoning("high"), {"type": "adaptive"}, "high"),
    ],
)
def test_claude_is_asked_to_think_in_the_words_of_its_version(
    model: str, reasoning: Reasoning, found: Json, effort: str
) -> None:
    assert thinking(model, reasoning)[:2] == (found, effort)


def test_the_limit_of_the_answer_is_above_the_budget_to_think() -> None:
    assert thinking(CLAUDE_45, Reasoning(budget=8000), max_tokens=500) == (budget(8000), "", 8500)
    assert thinking(CLAUDE_45, Reasoning("high"), max_tokens=3000) == (budget(4096), "", 7096)
    assert thinking(CLAUDE_45, Reasoning("high"), max_tokens=5000) == (budget(4096), "", 5000)
    assert thinking(CLAUDE_45, Reasoning(budget=900_000), max_tokens=1) == (budget(63_999), "", 64_000)


def test_a_claude_that_thinks_takes_no_sampling() -> None:
    made = asked(CLAUDE_45, reasoning=Reasoning("low"), temperature=0.2, top_k=3)

    assert "inferenceConfig" not in made.body
    assert hints(made) == ["temperature", "top_k"]


def test_a_forced_tool_is_worth_more_than_thinking() -> None:
    force = {"tools": (Tool("t"),), "tool_choice": ToolChoice("any")}

    made = asked(CLAUDE_45, reasoning=Reasoning("high"), **force)
    always = asked(FABLE, reasoning=Reasoning("high"), **force)

    assert made.body["toolConfig"]["toolChoice"] == {"any": {}}
    assert made.body["additionalModelRequestFields"] == {"thinking": {"type": "disabled"}}
    assert hints(made) == ["reasoning"]
    assert grave(always) == ["tool_choice"]


def test_an_older_claude_does_not_think_where_it_continues_an_answer() -> None:
    turns = (Turn("user", (Text("Hi"),)), Turn("assistant", (Text("Well,"),)))

    made = asked(CLAUDE_45, reasoning=Reasoning("high"), turns=turns)

    assert made.body["additionalModelRequestFields"] == {"thinking": {"type": "disabled"}}
    assert hints(made) == ["reasoning"]


def test_an_older_claude_does_not_begin_to_think_between_calls_that_another_model_made() -> None:
    def turns(*before: Thinking) -> tuple[Turn, ...]:
        return (
            Turn("user", (Text("Hi"),)),
            Turn("assistant", (*before, ToolCall("c", "t"))),
            Turn("user", (ToolResult("c", (Text("1"),)),)),
        )

    elsewhere = asked(CLAUDE_45, reasoning=Reasoning("high"), turns=turns())
    own = asked(CLAUDE_45, reasoning=Reasoning("high"), turns=turns(Thinking("a", "claude", "sig")))

    assert elsewhere.body["additionalModelRequestFields"] == {"thinking": {"type": "disabled"}}
    assert hints(elsewhere) == ["reasoning"]
    assert own.body["additionalModelRequestFields"] == {"thinking": budget(4096)}


def test_other_models_think_as_they_do() -> None:
    assert asked(GPT_OSS, reasoning=Reasoning("xhigh")).body["additionalModelRequestFields"] == {
        "reasoning_effort": "high"
    }
    assert hints(asked(NOVA, reasoning=Reasoning("high"))) == ["reasoning"]
    assert asked(NOVA, reasoning=Reasoning("none")).losses == ()
    assert hints(asked(CLAUDE_3, reasoning=Reasoning("high"))) == ["reasoning"]
    assert hints(asked(FABLE, reasoning=Reasoning("none"))) == ["reasoning"]


# ── The form of the answer ──────────────────────────────────────────────────────────────────────────────────────────

CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}


def schema(made: Written) -> Json:
    definition = made.body["outputConfig"]["textFormat"]["structure"]["jsonSchema"]
    return msgspec.json.decode(definition["schema"])


def test_a_schema_is_written_as_text() -> None:
    made = asked(NOVA, schema=AnswerSchema(CITY, "City", "A city"))

    assert schema(made) == CITY
    definition = made.body["outputConfig"]["textFormat"]["structure"]["jsonSchema"]
    assert (definition["name"], definition["description"]) == ("City", "A city")


def test_claude_gets_a_schema_within_its_limits() -> None:
    limited = {**CITY, "properties": {"city": {"type": "string", "minLength": 2, "description": "Where"}}}

    made = asked(CLAUDE_45, schema=AnswerSchema(limited))

    assert schema(made) == {
        **CITY,
        "properties": {"city": {"type": "string", "description": "Where"}},
        "additionalProperties": False,
    }
    assert hints(made) == ["response_format"]
    assert asked(CLAUDE_45, schema=AnswerSchema({**CITY, "additionalProperties": False})).losses == ()


@pytest.mark.parametrize(
    ("model", "wanted"),
    [
        (NOVA, AnswerSchema()),
        (CLAUDE_45, AnswerSchema()),
        (CLAUDE_37, AnswerSchema(CITY)),
    ],
)
def test_a_form_that_cannot_be_bound_is_a_grave_loss(model: str, wanted: AnswerSchema) -> None:
    made = asked(model, schema=wanted)

    assert grave(made) == ["response_format"]
    assert "outputConfig" not in made.body


def test_a_schema_that_is_nested_without_end_is_a_grave_loss() -> None:
    deep: dict[str, Json] = {"type": "string"}
    for _ in range(500):
        deep = {"type": "array", "items": deep}

    assert grave(asked(CLAUDE_45, schema=AnswerSchema(deep))) == ["response_format"]
