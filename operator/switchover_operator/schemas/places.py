"""A path with `[]` for every entry of a list → the places in an object that it names, in one walk for many paths.

An object is walked along the places of interest only, so that what has none below it costs nothing.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from switchover_operator.resources.problem import Problem

Rule = Callable[[Any, str], Iterable[Problem]]
"""A value and its path → what is wrong with it. The value is an object or a list, as the place says."""


@dataclass(slots=True)
class Place:
    """A place of interest: rules for what stands there, and the places below it."""

    rules: list[Rule] = field(default_factory=list)
    fields: "dict[str, Place]" = field(default_factory=dict)
    entries: "Place | None" = None

    def add(self, path: str, rule: Rule) -> None:
        """Add a rule for a path such as `spec.rules[].matches`."""
        here = self
        for step in path.replace("[]", ".[]").split(".") if path else ():
            if step == "[]":
                here.entries = here.entries or Place()
                here = here.entries
            else:
                here = here.fields.setdefault(step, Place())
        here.rules.append(rule)

    def problems(self, value: Any, path: str = "", mistyped: Sequence[str] = ()) -> Iterator[Problem]:
        """Apply the rules to what there is. A value of another type than its place has is passed over.

        `mistyped` are the paths at which a type is wrong: a rule that would meet one of these waits until it is right,
        as rules compare values.
        """
        if not any(lies_within(each, path) for each in mistyped):
            for rule in self.rules:
                yield from rule(value, path)
        if self.fields and isinstance(value, dict):
            for name, below in self.fields.items():
                if name in value:
                    yield from below.problems(value[name], f"{path}.{name}" if path else name, mistyped)
        elif self.entries is not None and isinstance(value, list):
            for index, entry in enumerate(value):
                yield from self.entries.problems(entry, f"{path}[{index}]", mistyped)


def lies_within(path: str, other: str) -> bool:
    """Tell whether a path is another one or lies below it; "" is the whole object."""
    return not other or path == other or path.startswith((f"{other}.", f"{other}["))


def of_objects(check: Callable[[dict[str, Any], str], Iterable[Problem]]) -> Rule:
    """Make a rule for an object; anything else in its place is the schema's to refuse."""
    return lambda value, path: check(value, path) if isinstance(value, dict) else ()


def of_lists(check: Callable[[list[Any], str], Iterable[Problem]]) -> Rule:
    """Make a rule for a list of objects; other entries are the schema's to refuse."""

    def rule(value: Any, path: str) -> Iterable[Problem]:
        if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
            return ()
        return check(value, path)

    return rule


def unique_by(keys: tuple[str, ...], schema: dict[str, Any]) -> Rule:
    """Make a rule for `x-kubernetes-list-map-keys`: no two entries may have the same keys, unset ones as by default."""
    known = schema.get("properties", {})
    default = {key: known.get(key, {}).get("default") for key in keys}

    def check(entries: list[Any], path: str) -> Iterator[Problem]:
        seen: dict[tuple[str, ...], int] = {}
        for index, entry in enumerate(entries if len(entries) > 1 else ()):
            key = tuple(repr(entry.get(name, default[name])) for name in keys)
            first = seen.setdefault(key, index)
            if first != index:
                what = " and ".join(f"{name} {entry.get(name, default[name])!r}" for name in keys)
                yield Problem(f"{path}[{index}]", "", f"has the same {what} as {path}[{first}]; each may stand once")

    return of_lists(check)


def list_map_rules(schema: dict[str, Any], place: Place, path: str = "") -> None:
    """Add the rules of all lists in a schema whose entries are told apart by keys."""
    keys = tuple(schema.get("x-kubernetes-list-map-keys", ()))
    entries = schema.get("items")
    if isinstance(entries, dict):
        if keys:
            place.add(path, unique_by(keys, entries))
        list_map_rules(entries, place, f"{path}[]")
    for name, below in schema.get("properties", {}).items():
        # `metadata` is written by the API server, and its lists by controllers.
        if path or name != "metadata":
            list_map_rules(below, place, f"{path}.{name}" if path else name)
