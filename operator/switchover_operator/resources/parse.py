"""A raw body → its model, or all of its problems, in sentences that a person can act on.

pydantic finds the problems. Here each gets a path as users write it, the given value (unless it may be a secret) and
what would be right. pydantic's errors never leave this module: their inputs can hold credentials.

An entry that falls out alone (`left_out.py`) is left out with its problems, while another such entry stays.
"""

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from switchover_operator.key_shapes import without_keys

from .kinds import KINDS
from .left_out import FallsOutAlone, LeftOut
from .model import Confidential, Expected, field_names, unwrapped
from .problem import Problem, hidden, shown
from .resource import Resource

R = TypeVar("R", bound=Resource)
P = TypeVar("P", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Invalid:
    """The problems of a body that is not a valid object of its kind."""

    problems: tuple[Problem, ...]


def parse(body: Mapping[str, Any]) -> Resource | Invalid:
    """Parse a body of any kind in `KINDS`, in any version of that kind."""
    api_version, kind = body.get("apiVersion"), body.get("kind")
    if not isinstance(api_version, str) or not isinstance(kind, str):
        texts = (("apiVersion", api_version), ("kind", kind))
        return Invalid(tuple(_no_text(name, given) for name, given in texts if not isinstance(given, str)))
    group, _, version = api_version.rpartition("/")
    model = KINDS.get((group, kind))
    if model is None:
        return Invalid((Problem("kind", shown(kind), f"of apiVersion {api_version} is not read"),))
    if version not in model.VERSIONS:
        right = " or ".join(f"{group}/{name}" if group else name for name in model.VERSIONS)
        return Invalid((Problem("apiVersion", shown(api_version), f"must be {right} for kind {kind}"),))
    return parse_as(model, body)


def parse_as(model: type[R], body: Mapping[str, Any]) -> R | Invalid:
    """Parse a body of a known kind."""
    given = dict(body)
    try:
        return model.model_validate(given)
    except ValidationError as error:
        details = error.errors(include_url=False)
    # Null means unset. It is rare, so only a body that is not valid otherwise is searched for it.
    present = _without_nulls(given)
    if present != given:
        return parse_as(model, present)
    return _without_faulty_entries(model, given, [detail for detail in details if not _echo(detail, details)])


def _without_faulty_entries(model: type[R], given: dict[str, Any], details: list[ErrorDetails]) -> R | Invalid:
    """Parse a body again without the entries that have the problems; Invalid if a problem is outside, or none stays."""
    problems = tuple(dict.fromkeys(_problem(model, detail) for detail in details))
    faulty: dict[tuple[int | str, ...], list[str]] = {}
    for detail in details:
        entry = _locate(model, detail["loc"]).alone
        if not entry:
            return Invalid(problems)
        faulty.setdefault(entry, []).append(str(_problem(model, detail)))
    rest: Any = given
    for entry, texts in faulty.items():
        rest = _with_left_out(rest, entry, tuple(dict.fromkeys(texts)))
    parsed = parse_as(model, rest)
    if isinstance(parsed, Invalid):
        return Invalid(tuple(dict.fromkeys((*problems, *parsed.problems))))
    stays = any(not isinstance(entry, LeftOut) for _, entry in lone_entries(parsed))
    return parsed if stays else Invalid(problems)


def _with_left_out(value: Any, entry: tuple[int | str, ...], problems: tuple[str, ...]) -> Any:
    """Return a copy of a value in which one entry is left out."""
    if not entry:
        return LeftOut(problems, value)
    step, *rest = entry
    copy = value.copy()
    copy[step] = _with_left_out(value[step], tuple(rest), problems)
    return copy


def lone_entries(part: BaseModel, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield each entry that falls out alone, or is left out, with its path."""
    for key, name, alone in _leading_to_lone_entries(type(part)):
        value, where = getattr(part, name), f"{path}.{key}" if path else key
        if isinstance(value, BaseModel):
            yield from lone_entries(value, where)
        elif isinstance(value, tuple):
            for index, entry in enumerate(value):
                if alone:
                    yield f"{where}[{index}]", entry
                else:
                    yield from lone_entries(entry, f"{where}[{index}]")


def without_entries(part: P, out: Set[str], path: str = "") -> P:
    """Return a copy of a part in which the entries at these paths are left out."""
    changed: dict[str, Any] = {}
    for key, name, alone in _leading_to_lone_entries(type(part)):
        value, where = getattr(part, name), f"{path}.{key}" if path else key
        if isinstance(value, BaseModel):
            changed[name] = without_entries(value, out, where)
        elif isinstance(value, tuple):
            places = ((f"{where}[{index}]", entry) for index, entry in enumerate(value))
            changed[name] = tuple(
                (LeftOut() if place in out else entry) if alone else without_entries(entry, out, place)
                for place, entry in places
            )
    return part.model_copy(update=changed)


@cache
def _leading_to_lone_entries(model: type[BaseModel]) -> tuple[tuple[str, str, bool], ...]:
    """Name the fields in which such entries are: as in YAML, as in Python, and whether they are the field's own."""
    found: list[tuple[str, str, bool]] = []
    for key, name in field_names(model).items():
        kind = unwrapped(model.model_fields[name].annotation)[0]
        entry, marks = unwrapped(_entry(kind)) if get_origin(kind) is tuple else (kind, ())
        alone = any(isinstance(mark, FallsOutAlone) for mark in marks)
        if alone or (isinstance(entry, type) and issubclass(entry, BaseModel) and _leading_to_lone_entries(entry)):
            found.append((key, name, alone))
    return tuple(found)


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(entry) for key, entry in value.items() if entry is not None}
    return [_without_nulls(entry) for entry in value] if isinstance(value, list) else value


def _echo(detail: ErrorDetails, details: list[ErrorDetails]) -> bool:
    """Whether a list counts as too short only because its entries have problems of their own."""
    loc = detail["loc"]
    return detail["type"] == "too_short" and any(
        len(other["loc"]) > len(loc) and other["loc"][: len(loc)] == loc for other in details
    )


def _no_text(name: str, given: object) -> Problem:
    return Problem(name, "", "is required") if given is None else Problem(name, shown(given), "must be a string")


# ── One fault ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _problem(model: type[BaseModel], detail: ErrorDetails) -> Problem:
    place = _locate(model, detail["loc"])
    path = place.path
    context = detail.get("ctx") or {}
    if detail["type"] in {"rule", "one_of"} and "field" in context:
        path = f"{path}.{context['field']}" if path else context["field"]
        given = detail["input"].get(context["field"]) if isinstance(detail["input"], dict) else None
    else:
        given = detail["input"]
    no_value = detail["type"] in {"missing", "one_of"}
    value = "" if no_value else hidden(given) if place.confidential else shown(given)
    return Problem(without_keys(path), value, _message(detail, place.expected))


def _message(detail: ErrorDetails, expected: str) -> str:
    kind, context = detail["type"], detail.get("ctx") or {}
    if kind == "missing":
        return f"is required: {expected}" if expected else "is required"
    if kind in {"one_of", "rule", "duration", "quantity", "gloo_enum", "base64"} and not (
        kind == "duration" and not isinstance(detail["input"], str) and not expected
    ):
        return detail["msg"]
    if expected:
        return f"must be {expected}"
    if kind == "literal_error":
        return f"must be {context['expected']}"
    return _PLAIN.get(kind, detail["msg"])


_PLAIN = {
    "string_type": "must be a string (in YAML, put it in quotes)",
    "int_type": "must be an integer, without quotes",
    "float_type": "must be a number, without quotes",
    "bool_type": "must be true or false, without quotes",
    "model_type": "must be an object (fields with values)",
    "model_attributes_type": "must be an object (fields with values)",
    "dict_type": "must be an object (keys with values)",
    "tuple_type": "must be a list",
    "bytes_type": "must be base64 text",
}


# ── Where it is ─────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class _Place:
    """`alone` is the location of the entry that it is in, if that one falls out alone."""

    path: str
    expected: str
    confidential: bool
    alone: tuple[int | str, ...] = ()


def _locate(model: type[BaseModel], loc: tuple[int | str, ...]) -> _Place:
    """Walk from a model along pydantic's location of an error, and collect the marks on the way."""
    path, expected, confidential = "", "", False
    alone: tuple[int | str, ...] = ()
    here: Any = model
    for number, step in enumerate(loc, 1):
        if isinstance(step, int):
            path += f"[{step}]"
            here, marks = unwrapped(_entry(here))
            if any(isinstance(mark, FallsOutAlone) for mark in marks):
                alone = alone or loc[:number]
        elif isinstance(here, type) and issubclass(here, BaseModel):
            name = field_names(here).get(step)
            path += f".{step}" if path else step
            if name is None:
                # A step of pydantic's own (a branch of a union), or a place without a type: its value is not shown.
                here, marks, confidential = None, (), True
                continue
            field = here.model_fields[name]
            here, marks = unwrapped(field.annotation)
            marks = (*field.metadata, *marks)
        elif get_origin(here) is dict:
            path += f".{step}" if path else step
            here, marks = unwrapped(_entry(here))
        else:
            # pydantic names the branch of a union that it tried; it is not part of the path.
            continue
        confidential = confidential or any(isinstance(mark, Confidential) for mark in marks)
        expected = next((mark.text for mark in marks if isinstance(mark, Expected)), "")
    return _Place(path, expected, confidential, alone)


def _entry(annotation: Any) -> Any:
    """The type of the entries of a list or object."""
    arguments = get_args(annotation)
    if get_origin(annotation) is tuple:
        return arguments[0]
    return arguments[1] if get_origin(annotation) is dict else Any
