"""The base of all models: how a part of an object is parsed, and the marks of a field or a class.

Marks stand beside a field: `NoEffect` (read, but not served), `Closing` (an access control that is not served),
`Confidential` (never shown), `Expected` (what would be right). A class lists in `ONE_OF` the fields that exclude one
another, and in `RULES` the rules between its fields. From these come both the check here, which files and clusters with
Gloo's own CRDs need, and the CEL rules in `crds/`.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from functools import cache
from typing import Annotated, Any, ClassVar, TypeVar, get_args, get_origin

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, Strict, WithJsonSchema, model_validator
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from .left_out import LeftOut

T = TypeVar("T")


# ── Marks of a field ────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class NoEffect:
    """The field is read but has no effect; the status of an object that sets it says so, with `why`, if it is given."""

    why: str = ""


@dataclass(frozen=True, slots=True)
class Closing:
    """The field is an access control that is not served: while it is set, requests that it applies to are answered
    403."""


@dataclass(frozen=True, slots=True)
class Confidential:
    """The field and everything below it is never shown: not in a repr, a problem, a log or a status."""


@dataclass(frozen=True, slots=True)
class Expected:
    """A valid value, in words that follow "must be": `an integer from 1 to 65535, as 80`."""

    text: str


@dataclass(frozen=True, slots=True)
class ListMapKeys:
    """A list whose entries `kubectl apply` tells apart by these fields (`x-kubernetes-list-map-keys`)."""

    keys: tuple[str, ...]


# ── Rules of a class ────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class OneOf:
    """At most one of these fields (names as in YAML) may be set; with `required`, exactly one.

    `unserved` are further fields of the same choice; a message never suggests them.
    """

    fields: tuple[str, ...]
    required: bool = False
    unserved: tuple[str, ...] = ()

    @property
    def only_one(self) -> str:
        """The message if too many are set; it follows the path."""
        return f"may have only one of {listed((*self.fields, *self.unserved))}"

    @property
    def at_least_one(self) -> str:
        """The message if none is set; it follows the path."""
        return f"must have one of {listed(self.fields, 'or')}"


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule within one object, for Python (`holds`) and for the API server (`cel`).

    `field` is the YAML name of the field at fault. `message` says what would be right; it follows the field's path.
    """

    field: str
    message: str
    holds: Callable[[Any], bool]
    cel: str


# ── Parts ───────────────────────────────────────────────────────────────────────────────────────────────────────────


class Part(BaseModel):
    """A part of an object. Types are as strict as those of Kubernetes; YAML names are camelCase."""

    model_config = ConfigDict(
        frozen=True,
        strict=True,
        extra="ignore",
        alias_generator=to_camel,
        hide_input_in_errors=True,
        # Most processes meet a few kinds only, and a part is checked as part of its kind.
        defer_build=True,
    )

    ONE_OF: ClassVar[tuple[OneOf, ...]] = ()
    RULES: ClassVar[tuple[Rule, ...]] = ()


class KeepingPart(Part):
    """A part that keeps unknown fields, so that the compiler can name them; their values are never shown."""

    model_config = ConfigDict(extra="allow")

    def __repr_args__(self) -> Any:
        unknown = self.__pydantic_extra__ or {}
        return [(name, value) for name, value in super().__repr_args__() if name not in unknown]


class CheckedPart(Part):
    """A part with rules between its fields."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        # Most parts have no rules; a call into Python for each of them would take as long as pydantic itself.
        if cls.ONE_OF or cls.RULES:
            cls._rules_hold = model_validator(mode="after")(_with_rules_held)  # type: ignore[attr-defined]

    def _collision(self, one_of: OneOf) -> dict[str, str]:
        """Say what is wrong where not one of the fields is set: the `problem`, and the unknown `field` in their place.

        A name that is nearly one of theirs is that one misspelt.
        """
        names, values = field_names(type(self)), self.__dict__
        choice = (*one_of.fields, *one_of.unserved)
        present = [name for name in choice if values[names[name]] is not None]
        if present:
            return {"problem": f"{one_of.only_one}; it has {listed(present)}"}
        meant = {name: nearest(name, choice) for name in self.model_extra or ()}
        for name in sorted(meant, key=lambda name: not meant[name]):
            right = f"did you mean {meant[name]}? The object" if meant[name] else "the object"
            return {"problem": f"is unknown; {right} {one_of.at_least_one}", "field": name}
        return {"problem": f"{one_of.at_least_one}; it has none"}


def _with_rules_held(part: CheckedPart) -> CheckedPart:
    values, given = part.__dict__, part.__pydantic_fields_set__
    for one_of, names in _choices(type(part)):
        present = sum(values[name] is not None for name in names & given)
        if present > 1 or (one_of.required and not present):
            raise PydanticCustomError("one_of", "{problem}", part._collision(one_of))
    for rule in part.RULES:
        if not rule.holds(part):
            raise PydanticCustomError("rule", "{problem}", {"problem": rule.message, "field": rule.field})
    return part


class OpenPart(CheckedPart, KeepingPart):
    """A part of Gloo's kinds and of our own: it has rules and keeps unknown fields."""


@cache
def _choices(model: type[CheckedPart]) -> tuple[tuple[OneOf, frozenset[str]], ...]:
    """Return each choice between fields with the names of these in Python; all of them are None if they are unset."""
    names = field_names(model)
    return tuple(
        (one_of, frozenset(names[name] for name in (*one_of.fields, *one_of.unserved))) for one_of in model.ONE_OF
    )


@cache
def field_names(model: type[BaseModel]) -> dict[str, str]:
    """YAML names of a model's fields → their names in Python."""
    return {field.alias or name: name for name, field in model.model_fields.items()}


def unwrapped(annotation: Any) -> tuple[Any, tuple[Any, ...]]:
    """A type without `| None`, `| LeftOut` and `Annotated`, and the marks it had."""
    marks: tuple[Any, ...] = ()
    while True:
        origin = get_origin(annotation)
        if origin is Annotated:
            marks += annotation.__metadata__
            annotation = get_args(annotation)[0]
            continue
        present = [argument for argument in get_args(annotation) if argument not in _STAND_INS]
        if len(present) == 1 and not _STAND_INS.isdisjoint(get_args(annotation)):
            annotation = present[0]
            continue
        return annotation, marks


_STAND_INS = frozenset({type(None), LeftOut})
"""What may stand in the place of a value and is no type of it."""


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the known name that a name is most like, whatever its case; "" where it is like none."""
    folded = {each.lower(): each for each in known}
    return next((folded[each] for each in get_close_matches(name.lower(), folded, n=1)), "")


def listed(names: Sequence[str], last: str = "and") -> str:
    """`("a", "b", "c")` → `a, b and c`."""
    return f"{', '.join(names[:-1])} {last} {names[-1]}" if len(names) > 1 else "".join(names)


# ── Types ───────────────────────────────────────────────────────────────────────────────────────────────────────────

Items = Annotated[tuple[T, ...], Strict(False)]
"""A list, kept as a tuple; the entries stay strict."""

FreeForm = Annotated[Any, Field(repr=False), Confidential(), WithJsonSchema({})]
"""Any YAML below this point; kept, never shown."""

Uint32 = Annotated[int, Field(ge=0, le=2**32 - 1), Expected("an integer from 0 to 4294967295")]
_WHOLE_NUMBER = re.compile(r"[0-9]{1,20}", re.ASCII)
_UINT64 = 'an integer from 0 to 18446744073709551615, as 1024 or "1024"'


def _uint64(given: object) -> int:
    """Read a number of 64 bits: in protobuf's JSON it is a string, and everybody writes a number as well."""
    number = int(given) if isinstance(given, str) and _WHOLE_NUMBER.fullmatch(given) else given
    if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number < 2**64:
        raise PydanticCustomError("uint64", "must be {right}", {"right": _UINT64})
    return number


Uint64 = Annotated[
    int,
    BeforeValidator(_uint64),
    Expected(_UINT64),
    WithJsonSchema(
        {
            "x-kubernetes-int-or-string": True,
            "maxLength": 20,
            "x-kubernetes-validations": [
                {
                    "rule": "type(self) == int ? self >= 0 : self.matches('^[0-9]{1,20}$')",
                    "message": f"must be {_UINT64}",
                }
            ],
        }
    ),
]
Percent = Annotated[int, Field(ge=0, le=100), Expected("an integer from 0 to 100")]
Port = Annotated[int, Field(ge=1, le=65535), Expected("an integer from 1 to 65535, as 80")]
UnsetPort = Annotated[int, Field(ge=0, le=65535), Expected("an integer from 1 to 65535, as 443 (0 is unset)")]
"""A port in Gloo's API, where 0 is the same as unset."""


def enum_choices(kind: type[StrEnum]) -> str:
    """The names of a protobuf enum with their numbers: `CHAT (0) or CHAT_STREAMING (1)`."""
    return listed([f"{name} ({number})" for number, name in enumerate(kind)], "or")


def gloo_enum(kind: type[StrEnum]) -> Any:
    """The validator of a protobuf enum: its name, or its number in the order of definition."""
    members = list(kind)
    choices = enum_choices(kind)

    def member(given: object) -> StrEnum:
        if isinstance(given, int) and not isinstance(given, bool) and 0 <= given < len(members):
            return members[given]
        if isinstance(given, str) and given in kind.__members__:
            return kind[given]
        raise PydanticCustomError("gloo_enum", "must be {choices}", {"choices": choices})

    return BeforeValidator(member)
