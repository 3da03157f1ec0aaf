"""JSON schemas → what Claude takes where a schema binds the answer or the arguments of a strict tool.

Source: Claude docs, "Structured outputs", JSON schema limitations: each object says `additionalProperties: false`, and
the limits of numbers, texts and lists are not known. The limits go into the descriptions, as in Anthropic's own SDKs.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from switchover_dataplane.translation.neutral import Json

_LIMITS: Final = frozenset(
    (
        *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
        *("minLength", "maxLength", "pattern", "maxItems", "uniqueItems", "minProperties", "maxProperties"),
    )
)
_MAPS: Final = frozenset(("properties", "$defs", "definitions", "patternProperties"))
_LISTS: Final = frozenset(("anyOf", "allOf", "oneOf", "prefixItems"))
_SINGLE: Final = frozenset(("items", "not"))
_DEEPEST: Final = 64


class DoesNotFit(Exception):
    """A schema means something that cannot be said within the limits; the text says what."""


def bound(schema: Mapping[str, Json]) -> tuple[dict[str, Json], bool]:
    """Return the schema within Claude's limits, and whether limits became words.

    Raises:
        DoesNotFit: an object allows any property, or the schema is nested too deeply.
    """
    moved: list[str] = []
    return _fitted(schema, moved, 0), bool(moved)


def _fitted(schema: Mapping[str, Json], moved: list[str], depth: int) -> dict[str, Json]:
    if depth > _DEEPEST:
        raise DoesNotFit("it is nested too deeply")
    fitted: dict[str, Json] = {}
    limits: dict[str, Json] = {}
    for name, value in schema.items():
        if name in _LIMITS or (name == "minItems" and value not in (0, 1)):
            limits[name] = value
        elif name in _MAPS and isinstance(value, dict):
            fitted[name] = {key: _any(each, moved, depth) for key, each in value.items()}
        elif name in _LISTS and isinstance(value, list):
            fitted[name] = [_any(each, moved, depth) for each in value]
        elif name in _SINGLE:
            fitted[name] = _any(value, moved, depth)
        else:
            fitted[name] = value
    if _is_object(schema):
        if schema.get("additionalProperties", False) is not False:
            raise DoesNotFit("an object in it allows properties that it does not name")
        fitted["additionalProperties"] = False
    if limits:
        moved += limits
        words = ", ".join(f"{name}: {msgspec.json.encode(value).decode()}" for name, value in limits.items())
        told = schema.get("description")
        fitted["description"] = f"{told}\n\n({words})" if isinstance(told, str) and told else f"({words})"
    return fitted


def _any(value: Json, moved: list[str], depth: int) -> Json:
    return _fitted(value, moved, depth + 1) if isinstance(value, dict) else value


def _is_object(schema: Mapping[str, Json]) -> bool:
    kind = schema.get("type")
    return kind == "object" or (isinstance(kind, list) and "object" in kind) or "properties" in schema
