"""JSON schemas to which OpenAI's models are held, and those to which they are not.

Source: OpenAI docs, "Structured model outputs", supported schemas: every object is closed and demands each of its
properties. Other APIs hold a model to schemas that leave properties open; OpenAI refuses such a schema as strict.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from switchover_dataplane.translation.json_schemas import is_too_deep
from switchover_dataplane.translation.losses import Loss, hint
from switchover_dataplane.translation.neutral import Json

_UNKNOWN: Final = frozenset((
    *("allOf", "not", "oneOf", "if", "then", "else", "dependentRequired", "dependentSchemas", "patternProperties"),
    *("propertyNames", "unevaluatedItems", "unevaluatedProperties", "prefixItems", "contains", "uniqueItems"),
))  # fmt: skip
_MAPS: Final = frozenset(("properties", "$defs", "definitions"))
_ONE: Final = frozenset(("items", "additionalProperties"))
_LISTS: Final = frozenset(("anyOf",))


def held_to(
    schema: Mapping[str, Json], *, strict: bool | None, path: str, losses: list[Loss]
) -> tuple[Json, bool | None]:
    """Return a schema and whether the model can be held to it, which is asked for by `strict`.

    An object that does not say whether it is closed is closed. Where that is not enough, the schema stays as it is, and
    the model is told it without being held to it.
    """
    if not strict:
        return schema, strict
    if is_too_deep(schema):
        closed, why = schema, "it is nested too deeply"
    else:
        closed = _closed(schema)
        why = next(_reasons(closed), "")
    if not why:
        return closed, True
    losses.append(hint(path, schema, f"the model is told the schema and not held to it: {why}"))
    return schema, False


def _closed(schema: Json) -> Json:
    """Close each object that does not say what it is."""
    if not isinstance(schema, Mapping):
        return schema
    closed: dict[str, Json] = {}
    for name, value in schema.items():
        if name in _MAPS and isinstance(value, Mapping):
            closed[name] = {key: _closed(each) for key, each in value.items()}
        elif name in _LISTS and isinstance(value, list):
            closed[name] = [_closed(each) for each in value]
        else:
            closed[name] = _closed(value) if name in _ONE else value
    if _is_of_objects(closed):
        closed.setdefault("properties", {})
        closed.setdefault("additionalProperties", False)
    return closed


def _is_of_objects(schema: Mapping[str, Json]) -> bool:
    kind = schema.get("type")
    return kind == "object" or (isinstance(kind, list) and "object" in kind) or "properties" in schema


def _reasons(schema: Json) -> Iterator[str]:
    """Say what keeps a model from being held to a schema."""
    if not isinstance(schema, Mapping):
        return
    yield from (f"{word} is not known" for word in schema if word in _UNKNOWN)
    properties = schema.get("properties")
    if _is_of_objects(schema):
        required = schema.get("required")
        names = required if isinstance(required, list) else []
        if schema.get("additionalProperties") is not False:
            yield "an object may have more properties"
        if isinstance(properties, Mapping):
            yield from (f"{name[:64]} is not required" for name in properties if name not in names)
    for name, value in schema.items():
        if name in _MAPS and isinstance(value, Mapping):
            for each in value.values():
                yield from _reasons(each)
        elif name in _LISTS and isinstance(value, list):
            for each in value:
                yield from _reasons(each)
        elif name in _ONE:
            yield from _reasons(value)


__all__ = ["held_to"]
