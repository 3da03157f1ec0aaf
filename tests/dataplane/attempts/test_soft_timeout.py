"""How long a target may be silent before another one starts beside it."""

from typing import Any

import msgspec
import pytest

from as_written import as_written
from playbook import upstream
from switchover_dataplane.attempts.soft_timeout import is_asked_to_think, soft_timeout, thinks_first
from switchover_dataplane.formats.json_body import JsonBody
from switchover_dataplane.request.call import RawBody, RequestBody

LIMITS = {"first_token_timeout": 1.0, "first_token_timeout_reasoning": 2.0, "answer_timeout": 3.0}
POLICY = as_written(**LIMITS).resolved_for(upstream("a | b"))


def limit(pools: str, *, ai: bool = True, **written: Any) -> float:
    """The seconds that a stream to these pools may be silent under what is written."""
    policy = as_written(**LIMITS, **written).resolved_for(upstream(pools, ai=ai))
    return soft_timeout(policy, body(stream=True), "m").seconds


def body(**fields: Any) -> JsonBody:
    return JsonBody.parse(msgspec.json.encode(fields))


@pytest.mark.parametrize(
    ("asked", "model", "allowed"),
    [
        (body(stream=True), "gpt-4o", ("firstTokenTimeout", 1.0)),
        (body(stream=True, reasoning_effort="high"), "gpt-4o", ("firstTokenTimeout", 2.0)),
        (body(stream=True), "o3-mini", ("firstTokenTimeout", 2.0)),
        (body(), "o3-mini", ("answerTimeout", 3.0)),
        (RawBody(None), "", ("answerTimeout", 3.0)),
    ],
)
def test_streams_have_a_limit_for_the_first_token_and_others_for_the_answer(
    asked: RequestBody, model: str, allowed: tuple[str, float]
) -> None:
    found = soft_timeout(POLICY, asked, model)
    assert (found.limit, found.seconds) == allowed


def test_the_only_target_may_be_silent_without_end() -> None:
    assert limit("a") == 0
    assert limit("a b") == 1.0


def test_plain_backends_and_envoy_s_rules_know_no_such_limit() -> None:
    assert limit("a | b", ai=False) == 0
    assert limit("a | b", semantics="Envoy") == 0


@pytest.mark.parametrize(
    "model",
    [
        *("o1", "o3-mini", "gpt-5", "openai/gpt-5.1-mini", "magistral-medium-2506", "deepseek-reasoner"),
        *("DeepSeek-R1", "gemini-2.5-pro", "gemini-3-flash", "claude-fable-5"),
    ],
)
def test_models_that_think_first_are_known_by_name(model: str) -> None:
    assert thinks_first(model)


@pytest.mark.parametrize("model", ["", "gpt-4o", "gpt-4.0-turbo", "mistral-large-latest", "omni", "gemini-2.0-flash"])
def test_others_are_not(model: str) -> None:
    assert not thinks_first(model)


@pytest.mark.parametrize(
    ("fields", "asked"),
    [
        ({"reasoning": {"effort": "low"}}, True),
        ({"reasoning": {}}, True),
        ({"reasoning": {"effort": "none"}}, False),
        ({"reasoning": {"enabled": False}}, False),
        ({"reasoning_effort": "minimal"}, True),
        ({"reasoning_effort": "none"}, False),
        ({"reasoning_effort": None}, False),
        ({"thinking": {"type": "enabled", "budget_tokens": 1024}}, True),
        ({"thinking": {"type": "disabled"}}, False),
        ({"thinking": []}, False),
        ({"prompt_mode": "reasoning"}, True),
        ({"prompt_mode": None}, False),
        ({"enable_thinking": True}, True),
        ({"messages": []}, False),
    ],
)
def test_reasoning_is_asked_for_in_many_ways(fields: dict[str, Any], asked: bool) -> None:
    assert is_asked_to_think(body(**fields).fields) is asked
