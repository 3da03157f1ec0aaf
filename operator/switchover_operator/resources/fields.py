"""A parsed object → the fields that it sets without effect: unknown fields, and fields that are not served.

Paths are dotted and have indexes, such as `spec.ai.multi.priorities[0].pool[1].openai.modell`.
"""

from collections.abc import Iterator
from difflib import get_close_matches
from functools import cache
from typing import Any, NamedTuple

from pydantic import BaseModel

from .model import KeepingPart, NoEffect, OpenPart, field_names

_ENVELOPE = frozenset({"apiVersion", "kind", "metadata", "status"})


class _Field(NamedTuple):
    """One field of a model."""

    key: str
    served: bool
    default: Any


@cache
def _fields(model: type[BaseModel]) -> dict[str, _Field]:
    """Return a model's fields by their names in Python."""
    return {
        name: _Field(
            key,
            not any(isinstance(mark, NoEffect) for mark in model.model_fields[name].metadata),
            model.model_fields[name].get_default(call_default_factory=True),
        )
        for key, name in field_names(model).items()
    }


def unknown_fields(model: BaseModel) -> list[str]:
    """Return the paths of unknown fields, sorted. Only kinds that keep unknown fields have any."""
    return sorted(path for path, _, _ in _unknown(model, ""))


def suggestions(model: BaseModel) -> dict[str, str]:
    """Path of an unknown field → the known name that it resembles most; a field that resembles none is left out."""
    close = {path: get_close_matches(key, known, n=1) for path, key, known in _unknown(model, "")}
    return {path: names[0] for path, names in close.items() if names}


def unsupported_fields(model: BaseModel) -> list[str]:
    """Return the paths of the fields that are known and set but have no effect, sorted.

    A field that holds its default counts as unset: Gloo's API does not distinguish 0, false and "" from unset.
    """
    return sorted(_unsupported(model, ""))


def _unknown(model: BaseModel, path: str) -> Iterator[tuple[str, str, list[str]]]:
    """Yield each unknown field: its path, its name, and the known names beside it."""
    # Of a bare OpenPart only the name is known, so none of its fields is reported.
    if not isinstance(model, KeepingPart) or type(model) is OpenPart:
        return
    for key in model.model_extra or ():
        yield path + key, key, list(field_names(type(model)))
    for _, part, where in _set_parts(model, path):
        yield from _unknown(part, where)


def _unsupported(model: BaseModel, path: str) -> Iterator[str]:
    if not isinstance(model, KeepingPart):
        return
    fields = _fields(type(model))
    for name in model.model_fields_set:
        field = fields.get(name)
        if field is not None and not field.served and getattr(model, name) not in (None, field.default):
            yield path + field.key
    for field, part, where in _set_parts(model, path):
        if field.served:
            yield from _unsupported(part, where)


def _set_parts(model: BaseModel, path: str) -> Iterator[tuple[_Field, BaseModel, str]]:
    """Yield the parts of a model that are set, each with its field and the prefix of the paths below it."""
    fields = _fields(type(model))
    for name in model.model_fields_set:
        field = fields.get(name)
        if field is None or field.key in _ENVELOPE:
            continue
        value = getattr(model, name)
        if isinstance(value, BaseModel):
            yield field, value, f"{path}{field.key}."
        elif isinstance(value, tuple):
            for index, entry in enumerate(value):
                if isinstance(entry, BaseModel):
                    yield field, entry, f"{path}{field.key}[{index}]."
