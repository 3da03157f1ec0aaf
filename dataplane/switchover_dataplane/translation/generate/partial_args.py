"""The arguments of a call that come value by value, each with its place → the whole arguments.

Source: Vertex AI API reference, FunctionCall.partialArgs (PartialArg; its paths are those of RFC 9535, JSONPath).
"""

import itertools
import re
from collections.abc import Iterator, Mapping
from typing import Final

from switchover_dataplane.translation.neutral import Json

_STEP: Final = re.compile(
    r"\.(?P<name>[^.\[\]'\"]+)|\[(?P<index>\d{1,4})\]|\['(?P<single>(?:[^'\\]|\\.)*)'\]|\[\"(?P<double>(?:[^\"\\]|\\.)*)\"\]"
)
_ESCAPED: Final = re.compile(r"\\(.)")
_DEEPEST: Final = 64
_VALUES: Final = ("stringValue", "numberValue", "boolValue", "nullValue")


class PartialArgs:
    """Puts values together."""

    __slots__ = ("_args", "_texts")

    def __init__(self) -> None:
        self._args: dict[str, Json] = {}
        self._texts: dict[str, str] = {}

    def take(self, partial: Json) -> None:
        """Take one value; more of a text is put to its end.

        Raises:
            ValueError: its place or its kind is not known.
        """
        if not isinstance(partial, dict):
            raise ValueError("no partial argument")
        path = partial.get("jsonPath")
        kind = next((name for name in _VALUES if name in partial), "")
        steps = list(_steps(path)) if isinstance(path, str) else []
        if not isinstance(path, str) or not steps or not kind:
            raise ValueError("a partial argument without a place or a value")
        value = None if kind == "nullValue" else partial[kind]
        if kind == "stringValue":
            if not isinstance(value, str):
                raise ValueError("a text that is none")
            value = self._texts[path] = self._texts.get(path, "") + value
        elif kind == "numberValue" and isinstance(value, float) and value.is_integer():
            value = int(value)
        self._put(steps, value)

    def whole(self) -> Mapping[str, Json]:
        """Return the arguments so far."""
        return self._args

    def _put(self, steps: list[str | int], value: Json) -> None:
        holder: Json = self._args
        for step, after in itertools.pairwise(steps):
            made: Json = [] if isinstance(after, int) else {}
            found = _member(holder, step)
            if found is None:
                _set(holder, step, made)
                found = made
            holder = found
        _set(holder, steps[-1], value)


def _steps(path: str) -> Iterator[str | int]:
    if not path.startswith("$"):
        raise ValueError("a path without a root")
    at, count = 1, 0
    while at < len(path):
        found = _STEP.match(path, at)
        count += 1
        if found is None or count > _DEEPEST:
            raise ValueError("a path of an unknown form")
        at = found.end()
        if found["index"] is not None:
            yield int(found["index"])
        else:
            quoted = found["single"] if found["single"] is not None else found["double"]
            yield found["name"] if quoted is None else _ESCAPED.sub(r"\1", quoted)


def _member(holder: Json, step: str | int) -> Json:
    if isinstance(step, int):
        return holder[step] if isinstance(holder, list) and step < len(holder) else None
    return holder.get(step) if isinstance(holder, dict) else None


def _set(holder: Json, step: str | int, value: Json) -> None:
    if isinstance(step, str) and isinstance(holder, dict):
        holder[step] = value
    elif isinstance(step, int) and isinstance(holder, list) and step <= len(holder):
        # The model writes a list in order, so no place is left open.
        holder[step : step + 1] = [value]
    else:
        raise ValueError("a path that does not fit what came before")


__all__ = ["PartialArgs"]
