"""A parsed object → the fields that it sets without effect as they are not served. `schemas` names the unknown ones.

Paths are dotted and have indexes, such as `spec.ai.multi.priorities[0].pool[1].openai.modell`.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple, get_args, get_origin

from pydantic import BaseModel

from .model import KeepingPart, NoEffect, field_names, unwrapped

_ENVELOPE = frozenset({"apiVersion", "kind", "metadata", "status"})


class _Field(NamedTuple):
    """One field of a model."""

    key: str
    served: bool
    default: Any


@cache
def _fields(model: type[BaseModel]) -> dict[str, _Field]:
    """Return a model's fields by their names in Python, except those of the envelope."""
    return {
        name: _Field(
            key,
            not any(isinstance(mark, NoEffect) for mark in model.model_fields[name].metadata),
            model.model_fields[name].get_default(call_default_factory=True),
        )
        for key, name in field_names(model).items()
        if key not in _ENVELOPE
    }


@cache
def _unserved(model: type[BaseModel]) -> frozenset[str]:
    """Names in Python of the fields that have no effect."""
    return frozenset(name for name, field in _fields(model).items() if not field.served)


def sets_served_fields_only(model: type[BaseModel], body: Mapping[str, Any]) -> bool:
    """Tell at a glance that a valid body sets no field without effect; False means that it has to be looked at."""
    known = _below(model)
    for key, value in body.items():
        if key not in known:
            return False
        part = known[key]
        if part is None or value is None:
            continue
        if isinstance(value, list):
            if not all(isinstance(each, dict) and sets_served_fields_only(part, each) for each in value):
                return False
        elif not isinstance(value, dict) or not sets_served_fields_only(part, value):
            return False
    return True


@cache
def _below(model: type[BaseModel]) -> dict[str, type[BaseModel] | None]:
    """Served fields of a model by their names in YAML → the part that each holds, or a list of; None: no such part."""
    known: dict[str, type[BaseModel] | None] = dict.fromkeys(_ENVELOPE & field_names(model).keys())
    for key, name in field_names(model).items():
        field = model.model_fields[name]
        kind, marks = unwrapped(field.annotation)
        if key in known or any(isinstance(mark, NoEffect) for mark in (*field.metadata, *marks)):
            continue
        entry = unwrapped(get_args(kind)[0])[0] if get_origin(kind) is tuple else kind
        if isinstance(entry, type) and issubclass(entry, KeepingPart):
            known[key] = entry
        elif not _mentions_parts(kind):
            known[key] = None
    return known


def _mentions_parts(annotation: Any) -> bool:
    if isinstance(annotation, type) and issubclass(annotation, KeepingPart):
        return True
    return any(map(_mentions_parts, get_args(annotation)))


def unsupported_fields(model: BaseModel) -> list[str]:
    """Return the paths of the fields that are known and set but have no effect, sorted.

    A field that holds its default counts as unset: Gloo's API does not distinguish 0, false and "" from unset.
    """
    return sorted(_unsupported(model, ""))


def _unsupported(model: BaseModel, path: str) -> Iterator[str]:
    for part, where, served in _kept_parts(model, path):
        fields = _fields(type(part))
        for name in _unserved(type(part)) & part.__pydantic_fields_set__ if served else ():
            field = fields[name]
            if getattr(part, name) not in (None, field.default):
                yield where + field.key


def _kept_parts(model: BaseModel, path: str) -> list[tuple[BaseModel, str, bool]]:
    """Return a model and the parts below it that were written, with the beginning of their fields' paths.

    Each with whether all fields that it is below are served. Parts that keep no unknown fields, and what is below
    those, are left out.
    """
    found: list[tuple[BaseModel, str, bool]] = [(model, path, True)] if isinstance(model, KeepingPart) else []
    for part, where, served in found:
        fields, values = _fields(type(part)), part.__dict__
        for name in part.__pydantic_fields_set__:
            value = values.get(name)
            if isinstance(value, KeepingPart):
                if (field := fields.get(name)) is not None:
                    found.append((value, f"{where}{field.key}.", served and field.served))
            elif isinstance(value, tuple) and value and (field := fields.get(name)) is not None:
                found += [
                    (entry, f"{where}{field.key}[{index}].", served and field.served)
                    for index, entry in enumerate(value)
                    if isinstance(entry, KeepingPart)
                ]
            elif isinstance(value, dict) and value and (field := fields.get(name)) is not None:
                found += [
                    (entry, f"{where}{field.key}.{key}.", served and field.served)
                    for key, entry in value.items()
                    if isinstance(entry, KeepingPart)
                ]
    return found
