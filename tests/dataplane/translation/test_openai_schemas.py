"""A schema to which another API would hold a model is one that OpenAI takes, or it is told without being held to."""

from typing import Any

import pytest

from switchover_dataplane.translation.losses import Loss
from switchover_dataplane.translation.openai_schemas import held_to

INNER = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}


def held(schema: dict[str, Any], *, strict: bool | None = True) -> tuple[Any, bool | None, list[Loss]]:
    losses: list[Loss] = []
    return *held_to(schema, strict=strict, path="response_format", losses=losses), losses


def test_objects_that_do_not_say_so_are_closed_at_any_depth() -> None:
    schema = {
        "type": "object",
        "properties": {"b": INNER, "c": {"type": "array", "items": INNER}, "d": {"anyOf": [INNER, {"type": "null"}]}},
        "required": ["b", "c", "d"],
        "$defs": {"e": INNER},
    }
    closed, strict, losses = held(schema)
    inner = {**INNER, "additionalProperties": False}
    assert (strict, losses) == (True, [])
    assert closed == {
        **schema,
        "properties": {"b": inner, "c": {"type": "array", "items": inner}, "d": {"anyOf": [inner, {"type": "null"}]}},
        "$defs": {"e": inner},
        "additionalProperties": False,
    }


def _deep(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = INNER
    for _ in range(levels):
        schema = {"type": "object", "properties": {"a": schema}, "required": ["a"]}
    return schema


@pytest.mark.parametrize(
    "schema",
    [
        {**INNER, "required": []},
        {**INNER, "additionalProperties": True},
        {**INNER, "additionalProperties": {"type": "string"}},
        {"type": "object", "properties": {"a": {"oneOf": [INNER]}}, "required": ["a"]},
        {"type": "object", "properties": {"a": {**INNER, "required": None}}, "required": ["a"]},
        _deep(9_999),
    ],
    ids=["optional", "open", "a map", "a choice", "optional within", "too deep"],
)
def test_a_schema_that_openai_refuses_as_strict_is_told_and_the_loss_named(schema: dict[str, Any]) -> None:
    told, strict, losses = held(schema)
    assert told is schema
    assert strict is False
    assert [(loss.path, loss.is_hint) for loss in losses] == [("response_format", True)]


@pytest.mark.parametrize("strict", [None, False])
def test_a_schema_that_binds_nobody_stays_as_it_is(strict: bool | None) -> None:
    assert held({**INNER, "required": []}, strict=strict) == ({**INNER, "required": []}, strict, [])
