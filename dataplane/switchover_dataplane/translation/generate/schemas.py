"""Schemas in the OpenAPI style of Google's APIs → JSON schemas, and JSON schemas → what Gemini takes of them.

Sources: Gemini API reference, Schema and GenerationConfig.responseJsonSchema.
"""

from collections.abc import Mapping
from typing import Final

from switchover_dataplane.translation import json_schemas
from switchover_dataplane.translation.generate.spelling import camel
from switchover_dataplane.translation.losses import Loss, hint
from switchover_dataplane.translation.neutral import Json

_KNOWN: Final = frozenset(
    (
        *("$id", "$defs", "$ref", "$anchor", "type", "format", "title", "description", "enum", "items", "prefixItems"),
        *("minItems", "maxItems", "minimum", "maximum", "anyOf", "properties", "additionalProperties", "required"),
        *("propertyOrdering",),
    )
)
_COUNTS: Final = frozenset(("minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties"))
_RENAMED: Final = {"defs": "$defs", "ref": "$ref"}
_LEFT_OUT: Final = frozenset(("propertyOrdering", "nullable"))
_MOST_OF_A_LIST: Final = 8


def from_open_api(schema: Json) -> Json:
    """Return the JSON schema of a `Schema`: its types are in capitals, and `nullable` stands beside them."""
    if not isinstance(schema, dict):
        return schema
    taken: dict[str, Json] = {}
    for given, value in schema.items():
        name = _RENAMED.get(camel(given), camel(given))
        if name not in _LEFT_OUT and value is not None:
            taken[name] = _member(name, value)
    kind = taken.get("type")
    if kind == "type_unspecified":
        del taken["type"]
    elif schema.get("nullable") is True and isinstance(kind, str):
        taken["type"] = [kind, "null"]
        if isinstance(taken.get("enum"), list):
            taken["enum"] = [*taken["enum"], None]
    return taken


def _member(name: str, value: Json) -> Json:
    match name:
        case "type":
            return value.lower() if isinstance(value, str) else value
        case "properties" | "$defs" if isinstance(value, dict):
            return {key: from_open_api(each) for key, each in value.items()}
        case "anyOf" if isinstance(value, list):
            return [from_open_api(each) for each in value]
        case "items" | "additionalProperties":
            return from_open_api(value)
        case _ if name in _COUNTS and isinstance(value, str) and value.isdecimal() and len(value) < 20:
            # 64-bit numbers are texts in Google's JSON.
            return int(value)
        case _:
            return value


def for_answers(schema: Mapping[str, Json], losses: list[Loss]) -> Json:
    """Return a schema for `responseJsonSchema`, with a loss that names what was left out."""
    limited = json_schemas.Limited(_KNOWN)
    taken = limited.schema(schema)
    if limited.removed:
        names = ", ".join(name[:64] for name in list(limited.removed)[:_MOST_OF_A_LIST])
        losses.append(hint("response_format", dict(schema), f"Gemini does not hold to parts of the schema: {names}"))
    return taken


__all__ = ["for_answers", "from_open_api"]
