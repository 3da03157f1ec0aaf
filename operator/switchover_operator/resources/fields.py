"""A parsed object → the fields that it sets without effect: those nobody knows, and those that are not served.

Paths are dotted and have indexes, as `spec.ai.multi.priorities[0].pool[1].openai.modell`.
"""

from collections.abc import Iterator
from difflib import get_close_matches
from functools import cache
from typing import Any, NamedTuple

from pydantic import BaseModel

from .model import NoEffect, field_names


class _Field(NamedTuple):
    """One field of a model, as the walk needs it."""

    name: str
    key: str
    served: bool
    default: Any


@cache
def _fields(model: type[BaseModel]) -> tuple[_Field, ...]:
    return tuple(
        _Field(
            name,
            key,
            not any(isinstance(mark, NoEffect) for mark in field.metadata),
            field.get_default(call_default_factory=True),
        )
        for key, name in field_names(model).items()
        for field in (model.model_fields[name],)
        # An envelope's status is written by controllers, not by the object's owner.
        if key != "status"
    )


def unknown_fields(model: BaseModel) -> list[str]:
    """Paths of the fields that no model has, sorted. Only kinds that keep unknown fields have any."""
    return sorted(path for path, _ in _unknown(model, ""))


def suggestions(model: BaseModel) -> dict[str, str]:
    """Path of an unknown field → the known name that it resembles most; fields that resemble none are left out."""
    return {path: close for path, close in _unknown(model, "") if close}


def unsupported_fields(model: BaseModel) -> list[str]:
    """Paths of the fields that are known and set, but have no effect, sorted.

    A field that holds its default is not set: in Gloo's API 0, false and "" cannot be told from unset.
    """
    return sorted(_unsupported(model, ""))


def _unknown(model: BaseModel, path: str) -> Iterator[tuple[str, str]]:
    for key in model.__pydantic_extra__ or ():
        close = get_close_matches(key, field_names(type(model)), n=1)
        yield path + key, close[0] if close else ""
    for field in _fields(type(model)):
        for part, where in _parts(getattr(model, field.name), path + field.key):
            yield from _unknown(part, f"{where}.")


def _unsupported(model: BaseModel, path: str) -> Iterator[str]:
    for field in _fields(type(model)):
        value = getattr(model, field.name)
        if field.served:
            for part, where in _parts(value, path + field.key):
                yield from _unsupported(part, f"{where}.")
        elif value is not None and value != field.default:
            yield path + field.key


def _parts(value: Any, path: str) -> Iterator[tuple[BaseModel, str]]:
    """The parts that a field's value consists of, with their paths."""
    if isinstance(value, BaseModel):
        yield value, path
    elif isinstance(value, tuple):
        for index, entry in enumerate(value):
            if isinstance(entry, BaseModel):
                yield entry, f"{path}[{index}]"
