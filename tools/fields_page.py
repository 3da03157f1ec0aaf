"""The models → docs/fields.md: every field that is served, and every one that is read and has no effect.

`make reference` writes the page; a test holds that it is up to date.
"""

import types
import typing
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel

from switchover_operator.resources.auth_config import AuthConfig
from switchover_operator.resources.failover_policy import FailoverPolicy
from switchover_operator.resources.model import Closing, NoEffect, field_names
from switchover_operator.resources.route_option import RouteOption
from switchover_operator.resources.upstream import Upstream

PAGE = Path(__file__).parent.parent / "docs" / "fields.md"

_INTRODUCTION = """# Fields

Made from the models by `make reference`. [Fields of the objects](reference/objects.md) has types and defaults.

Fields in the left column take effect. Those in the right one are read, kept and named in the object's status
(`UnsupportedField`), so that existing YAML always applies and nothing is dropped in silence. A field that stands in
neither is named there, too, with the known one that it resembles; so is one of an HTTPRoute that Gateway API does not
have.

A field marked 403 is an access control that is not served: while it is set, requests that it applies to are answered
403 ([access](access.md)).

A fault in one target takes that target out, and the others serve (`PartiallyInvalid`,
[operations](operations.md#change-it)).
"""

_REFUSED: dict[type[BaseModel], tuple[str, ...]] = {
    FailoverPolicy: ("spec.targetRefs[].namespace", "spec.targetRefs[].sectionName")
}
"""Fields that are known only to say why they cannot stand there."""

_CLOSING = " 403"
"""Stands behind a field that closes what it is for."""


def page() -> str:
    """Write the page."""
    return "\n".join([_INTRODUCTION, *(_section(kind) for kind in (Upstream, RouteOption, AuthConfig, FailoverPolicy))])


def served_paths(kind: type[BaseModel]) -> Iterator[tuple[str, str]]:
    """Yield the path of each field that takes effect, and the mark behind it, in the order of the model."""
    for path, takes_effect in _leaves(_model_of(kind.model_fields["spec"].annotation), "spec."):
        if takes_effect and path not in _REFUSED.get(kind, ()):
            yield path.removesuffix(_CLOSING), _CLOSING if path.endswith(_CLOSING) else ""


def _section(kind: type[BaseModel]) -> str:
    leaves = _leaves(_model_of(kind.model_fields["spec"].annotation), "spec.")
    rows = sorted(row for row in leaves if row[0] not in _REFUSED.get(kind, ()))
    served = [path for path, takes_effect in rows if takes_effect]
    unserved = [path for path, takes_effect in rows if not takes_effect]
    lines = [f"## {kind.__name__}", "", "| served | read, without effect |", "|---|---|"]
    for number in range(max(len(served), len(unserved))):
        left, right = (_cell(column[number]) if number < len(column) else "" for column in (served, unserved))
        lines.append(f"| {left} | {right} |")
    return "\n".join([*lines, ""])


def _cell(path: str) -> str:
    """Write a field's path as code, and the mark behind it as text."""
    return f"`{path.removesuffix(_CLOSING)}`{_CLOSING if path.endswith(_CLOSING) else ''}"


def _leaves(model: type[BaseModel] | None, path: str) -> Iterator[tuple[str, bool]]:
    """Yield each field without fields of its own, and each that has no effect, with whether it takes effect."""
    for key, name in field_names(model).items() if model is not None else ():
        assert model is not None
        field = model.model_fields[name]
        inner = _model_of(field.annotation)
        if any(isinstance(mark, NoEffect) for mark in field.metadata):
            yield path + key, False
        elif any(isinstance(mark, Closing) for mark in field.metadata):
            yield f"{path}{key}{_CLOSING}", True
        elif inner is not None and field_names(inner):
            many = "[]" if typing.get_origin(field.annotation) is tuple else ""
            yield from _leaves(inner, f"{path}{key}{many}.")
        else:
            yield path + key, True


def _model_of(annotation: object) -> type[BaseModel] | None:
    """Return the model in an annotation such as `Pool`, `Pool | None` or `tuple[Pool, ...]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if typing.get_origin(annotation) in (tuple, typing.Union, types.UnionType, typing.Annotated):
        return next((model for part in typing.get_args(annotation) if (model := _model_of(part)) is not None), None)
    return None
