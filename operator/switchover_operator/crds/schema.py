"""pydantic models → structural OpenAPI schemas, as Kubernetes wants them in a CRD.

pydantic's own JSON schemas are not structural: they use `$ref` and `anyOf`. Here each field's type is written out, and
the marks of the field (`resources/model.py`) give the rest: ranges become bounds, `OneOf` and `Rule` become CEL,
docstrings become descriptions. The API server estimates the cost of a rule from the sizes of the lists around it, so
every list with rules in it has a bound; it is generous where the API has none.
"""

from enum import StrEnum
from types import NoneType
from typing import Annotated, Any, Literal, get_args, get_origin

import annotated_types
from pydantic import BaseModel, SecretStr, WithJsonSchema
from pydantic.fields import FieldInfo

from switchover_operator.crds import descriptions
from switchover_operator.resources.left_out import LeftOut
from switchover_operator.resources.model import (
    Closing,
    Expected,
    ListMapKeys,
    NoEffect,
    OneOf,
    OpenPart,
    Part,
    Rule,
    enum_choices,
    field_names,
)

Schema = dict[str, Any]

PRESERVE = "x-kubernetes-preserve-unknown-fields"
RULES = "x-kubernetes-validations"
INT_OR_STRING = "x-kubernetes-int-or-string"

_MOST_ITEMS = 128
"""Bound of a list that has rules in it and no bound of its own; CEL's cost budget allows it in lists within lists."""

_SCALARS: dict[Any, Schema] = {
    str: {"type": "string"},
    int: {"type": "integer", "format": "int64"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    SecretStr: {"type": "string"},
}


def structural(model: type[BaseModel], *, keep_unknown: bool, nullable: bool) -> Schema:
    """Make the schema of a model.

    `keep_unknown` keeps fields that the schema does not name. `nullable` allows null for an optional scalar, where it
    means unset (Gloo's wrapper types).
    """
    return _Writer(keep_unknown, nullable).part(model)


class _Writer:
    """Writes schemas with one choice for unknown fields and for null."""

    def __init__(self, keep_unknown: bool, nullable: bool) -> None:
        self._keep_unknown = keep_unknown
        self._nullable = nullable

    def part(self, model: type[BaseModel]) -> Schema:
        """The schema of an object."""
        schema: Schema = {"type": "object"}
        if model.__doc__ and model is not OpenPart:
            schema["description"] = _one_line(model.__doc__)
        properties = {key: self._field(model, name) for key, name in field_names(model).items()}
        if properties:
            schema["properties"] = properties
        required = [key for key, name in field_names(model).items() if model.model_fields[name].is_required()]
        if required:
            schema["required"] = required
        if self._keep_unknown:
            schema[PRESERVE] = True
        rules = _rules(model, properties)
        if rules:
            schema[RULES] = rules
        return schema

    def _field(self, model: type[BaseModel], name: str) -> Schema:
        field = model.model_fields[name]
        schema = self._type(field.annotation, tuple(field.metadata))
        description = " ".join(
            filter(None, (_one_line(descriptions.of_field(model, name)), _choices(field), _effect(field)))
        )
        if description:
            # A field's own description is more precise than that of its type.
            schema = {"description": description, **{key: schema[key] for key in schema if key != "description"}}
        return schema

    def _type(self, annotation: Any, marks: tuple[Any, ...]) -> Schema:
        annotation, marks, optional = _stripped(annotation, marks)
        schema = self._plain(annotation, marks)
        _bound(schema, marks)
        if optional and self._nullable and schema.get("type") in {"integer", "number", "boolean", "string"}:
            schema["nullable"] = True
        return schema

    def _plain(self, annotation: Any, marks: tuple[Any, ...]) -> Schema:
        """The schema of a type without its bounds."""
        given = next((mark.json_schema for mark in marks if isinstance(mark, WithJsonSchema)), None)
        if given is not None:
            return dict(given) if given else {PRESERVE: True}
        if annotation in _SCALARS:
            return dict(_SCALARS[annotation])
        origin, arguments = get_origin(annotation), get_args(annotation)
        if origin is Literal:
            return {"type": "string", "enum": list(arguments)}
        if origin is tuple:
            map_keys = next((mark.keys for mark in marks if isinstance(mark, ListMapKeys)), None)
            kind = {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": list(map_keys)} if map_keys else {}
            items = self._type(arguments[0], ())
            bound = {"maxItems": _MOST_ITEMS} if _has_rules(items) else {}
            return {"type": "array", "items": items, **bound, **(kind or {"x-kubernetes-list-type": "atomic"})}
        if origin is dict:
            return {"type": "object", "additionalProperties": self._type(arguments[1], ())}
        if issubclass(annotation, StrEnum):
            return _enum(annotation)
        if issubclass(annotation, Part):
            return self.part(annotation)
        raise TypeError(f"no structural schema is known for {annotation}")


def _stripped(annotation: Any, marks: tuple[Any, ...]) -> tuple[Any, tuple[Any, ...], bool]:
    """A type without `Annotated`, `| None` and `| LeftOut`, all its marks, and whether it had `| None`."""
    optional = False
    while True:
        arguments = get_args(annotation)
        if get_origin(annotation) is Annotated:
            annotation, marks = arguments[0], (*marks, *annotation.__metadata__)
        elif NoneType in arguments or LeftOut in arguments:
            (annotation,) = (argument for argument in arguments if argument not in (NoneType, LeftOut))
            optional = optional or NoneType in arguments
        else:
            return annotation, _flat(marks), optional


def _flat(marks: tuple[Any, ...]) -> tuple[Any, ...]:
    """Marks with those inside `Field(...)` beside the others."""
    flat: list[Any] = []
    for mark in marks:
        flat += mark.metadata if isinstance(mark, FieldInfo) else [mark]
    return tuple(flat)


def _bound(schema: Schema, marks: tuple[Any, ...]) -> None:
    """Write the bounds of a number, of a text's or list's length, or of a duration, which takes CEL."""
    number = schema.get("type") in {"integer", "number"}
    lengths = ("minItems", "maxItems") if schema.get("type") == "array" else ("minLength", "maxLength")
    for mark in marks:
        match mark:
            case annotated_types.MinLen():
                schema[lengths[0]] = mark.min_length
            case annotated_types.MaxLen():
                schema[lengths[1]] = mark.max_length
            case annotated_types.Ge() if number:
                schema["minimum"] = mark.ge
            case annotated_types.Le() if number:
                schema["maximum"] = mark.le
            case annotated_types.Ge():
                schema[RULES] = [*schema[RULES], _duration_rule(f"duration(self) >= duration('{mark.ge}s')", marks)]
            case annotated_types.Gt():
                schema[RULES] = [*schema[RULES], _duration_rule(f"duration(self) > duration('{mark.gt}s')", marks)]
            case _:
                pass


def _duration_rule(cel: str, marks: tuple[Any, ...]) -> Schema:
    expected = next(mark.text for mark in marks if isinstance(mark, Expected))
    return {"rule": cel, "message": f"must be {expected}"}


def _enum(kind: type[StrEnum]) -> Schema:
    """A protobuf enum: its name or its number."""
    names = ", ".join(f"'{name}'" for name in kind)
    cel = f"type(self) == int ? self >= 0 && self < {len(kind)} : self in [{names}]"
    return {INT_OR_STRING: True, "maxLength": 64, RULES: [{"rule": cel, "message": f"must be {enum_choices(kind)}"}]}


def _has_rules(schema: Schema) -> bool:
    parts = (*schema.get("properties", {}).values(), *([schema["items"]] if "items" in schema else []))
    return RULES in schema or any(_has_rules(part) for part in parts)


# ── Rules ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _rules(model: type[BaseModel], properties: dict[str, Schema]) -> list[Schema]:
    if not issubclass(model, Part):
        return []
    return [
        *(rule for one_of in model.ONE_OF for rule in _one_of(one_of, properties)),
        *(_rule(rule) for rule in model.RULES),
    ]


def _one_of(one_of: OneOf, properties: dict[str, Schema]) -> list[Schema]:
    """At most one of several fields. CEL cannot see a field without a type; the operator checks those."""
    choice = (*one_of.fields, *one_of.unserved)
    seen = [name for name in choice if PRESERVE not in properties[name] or "type" in properties[name]]
    present = ", ".join(f"has(self.{name})" for name in seen)
    rules = [{"rule": f"[{present}].filter(x, x).size() <= 1", "message": one_of.only_one}]
    if one_of.required and len(seen) == len(choice):
        rules.append({"rule": " || ".join(f"has(self.{name})" for name in seen), "message": one_of.at_least_one})
    return rules


def _rule(rule: Rule) -> Schema:
    return {"rule": rule.cel, "message": f"{rule.field} {rule.message}", "fieldPath": f".{rule.field}"}


# ── Descriptions ────────────────────────────────────────────────────────────────────────────────────────────────────


def _choices(field: FieldInfo) -> str:
    """The names of a protobuf enum, which its schema cannot list."""
    kind = _stripped(field.annotation, ())[0]
    return f"One of {enum_choices(kind)}." if isinstance(kind, type) and issubclass(kind, StrEnum) else ""


def _effect(field: FieldInfo) -> str:
    if any(isinstance(mark, Closing) for mark in field.metadata):
        return "Not served: while it is set, the requests that it applies to are answered 403."
    return "Accepted, but has no effect." if any(isinstance(mark, NoEffect) for mark in field.metadata) else ""


def _one_line(text: str) -> str:
    return " ".join(text.split())
