"""JSON schemas → the part of them that an API takes, with the names of what was left out.

The good form is required: a keyword that an API does not name is left out, whatever it is.
"""

from collections.abc import Collection, Mapping
from typing import Final

from switchover_dataplane.formats import lenient_json
from switchover_dataplane.translation.neutral import Json

_MAPS: Final = frozenset(("properties", "$defs", "definitions"))
_LISTS: Final = frozenset(("anyOf", "oneOf", "allOf", "prefixItems"))
_DEEPEST: Final = 64
_ONE: Final = frozenset(("items", "additionalProperties", "not"))


class Limited:
    """Takes from schemas what is not in `known`; `removed` are the keywords that were left out, each once.

    `closes_objects`: no object may have other properties (`additionalProperties` false). `formats`: the formats of a
    text that are known, None for any. A constant becomes a list of one value where `const` is not known, which says the
    same. What is nested deeper than any API takes is left out.
    """

    __slots__ = ("_closes_objects", "_depth", "_formats", "_known", "removed")

    def __init__(
        self, known: Collection[str], *, closes_objects: bool = False, formats: Collection[str] | None = None
    ) -> None:
        self.removed: dict[str, None] = {}
        self._known = known
        self._closes_objects = closes_objects
        self._depth = 0
        self._formats = formats

    def schema(self, given: Json) -> Json:
        """Return a schema with known keywords alone; a schema that is true or false stays."""
        if not isinstance(given, dict):
            return given
        if self._depth >= _DEEPEST:
            self.removed["nesting"] = None
            return {}
        self._depth += 1
        taken = self._taken(given)
        self._depth -= 1
        return taken

    def _taken(self, given: Mapping[str, Json]) -> dict[str, Json]:
        taken: dict[str, Json] = {}
        for name, value in _spelled(given, is_constant_known="const" in self._known).items():
            if name == "$schema":
                continue
            if name not in self._known or not self._is_known(name, value):
                self.removed[name] = None
                continue
            taken[name] = self._value(name, value)
        if self._closes_objects and (taken.get("type") == "object" or "properties" in taken):
            if given.get("additionalProperties") is not False:
                self.removed["additionalProperties"] = None
            taken["additionalProperties"] = False
        return taken

    def _is_known(self, name: str, value: Json) -> bool:
        if name == "format" and self._formats is not None:
            return value in self._formats
        return not (self._closes_objects and name == "minItems" and value not in (0, 1))

    def _value(self, name: str, value: Json) -> Json:
        if name in _MAPS and isinstance(value, dict):
            return {key: self.schema(each) for key, each in value.items()}
        if name in _LISTS and isinstance(value, list):
            return [self.schema(each) for each in value]
        return self.schema(value) if name in _ONE else value


def _spelled(schema: Mapping[str, Json], *, is_constant_known: bool) -> Mapping[str, Json]:
    """Return a schema in the keywords of the newest draft: `$defs` and `anyOf`, where each variant is of its own."""
    spelled = dict(schema)
    if "const" in spelled and "enum" not in spelled and not is_constant_known:
        spelled["enum"] = [spelled.pop("const")]
    if "definitions" in spelled and "$defs" not in spelled:
        spelled["$defs"] = spelled.pop("definitions")
    if isinstance(spelled.get("$ref"), str):
        spelled["$ref"] = spelled["$ref"].replace("#/definitions/", "#/$defs/")
    if "oneOf" in spelled and "anyOf" not in spelled:
        spelled["anyOf"] = spelled.pop("oneOf")
    return spelled


def of_object(schema: Mapping[str, Json] | None) -> tuple[dict[str, Json], bool]:
    """Return a schema of a tool's arguments that is an object at its top, and whether its meaning was widened.

    Claude refuses anyOf, oneOf and allOf at the top (Claude docs, "Define tools"): their properties are put together.
    """
    whole = dict(schema or {})
    is_widened = False
    for name in ("anyOf", "oneOf", "allOf"):
        variants = whole.pop(name, None)
        if not isinstance(variants, list):
            continue
        is_widened = True
        properties = whole.get("properties")
        joined = dict(properties) if isinstance(properties, dict) else {}
        for variant in variants:
            own = variant.get("properties") if isinstance(variant, dict) else None
            joined.update(own if isinstance(own, dict) else {})
        whole["properties"] = joined
    if whole.get("type") != "object":
        whole = {"type": "object", **{name: value for name, value in whole.items() if name != "type"}}
    whole.setdefault("properties", {})
    return whole, is_widened


def as_object(arguments: str) -> dict[str, Json]:
    """Return the arguments of a call as an object; a text that is none becomes its only field, `input`."""
    try:
        decoded = lenient_json.decode(arguments.encode("utf-8", "surrogatepass")) if arguments.strip() else {}
    except (ValueError, RecursionError):
        decoded = arguments
    return decoded if isinstance(decoded, dict) else {"input": decoded}


def as_text(value: Json) -> str:
    """Return the JSON text of a value that `lenient_json.decode` returned."""
    return lenient_json.encode(value).decode("utf-8", "surrogatepass")


__all__ = ["Limited", "as_object", "as_text", "of_object"]


def is_too_deep(schema: Json) -> bool:
    """Whether a schema is nested more deeply than any that a person wrote, so that it is not walked through."""
    level: list[Json] = [schema]
    for _ in range(2 * _DEEPEST):
        level = [
            inner
            for each in level
            for inner in (each.values() if isinstance(each, Mapping) else each)
            if isinstance(inner, Mapping | list)
        ]
        if not level:
            return False
    return True
