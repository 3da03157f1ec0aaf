"""A text of JSON objects, one after the other → their values as Kubernetes reads them, and the line of every field.

`jq` prints objects so, without a list around them. Numbers are what kubectl makes of them: `80.0` is 80.
"""

import json
import math
import re
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final

from switchover_operator.standalone.field_lines import NO_LINES
from switchover_operator.standalone.yaml_scalars import whole
from switchover_operator.standalone.yaml_values import MAX_DEPTH, Twice, Unreadable, Value

_TOKEN: Final = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"(?:\s*:)?|[{}\[\]\n]|[^\s"{}\[\],:]+')
"""A text, with the colon after it where it is a key; what begins or ends a value; a line's end; any other value."""
_SPACES: Final = re.compile(r"[ \t\r\n]*")
_NEXT: Final = re.compile(r"^\{", re.MULTILINE)
_SURROGATE: Final = re.compile(
    r"\\[^u]|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(?P<alone>\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
)
_TOO_DEEP: Final = f"nested more than {MAX_DEPTH} levels deep"
_FARTHEST: Final = 1 << 63


class NotJson(Unreadable):
    """It is no JSON at all, though it may be YAML."""


def json_values(text: str) -> Iterator[Value | Unreadable]:
    """Read every object of a text, in order: its value, or why there is none.

    After a fault it goes on with the next object that begins a line.
    """
    text = _without_lone_surrogates(text)
    decoder = _Decoder()
    at = _after_spaces(text, 0)
    line = 1 + text.count("\n", 0, at)
    while at < len(text):
        try:
            value, end = decoder.raw_decode(text, at)
        except RecursionError:
            yield Unreadable(_TOO_DEEP, line)
            return
        except Unreadable as unreadable:
            yield unreadable.moved(line - 1)
            end = _next(text, at + 1)
        except ValueError as error:
            yield _not_json(text, line, error)
            end = _next(text, max(at + 1, getattr(error, "pos", 0)))
        else:
            yield _placed(text[at:end], value, line, twice=decoder.twice)
            end = _after_spaces(text, end)
        line += text.count("\n", at, end)
        at = end


def _after_spaces(text: str, start: int) -> int:
    found = _SPACES.match(text, start)
    return found.end() if found else start


def _next(text: str, start: int) -> int:
    found = _NEXT.search(text, start)
    return found.start() if found else len(text)


def _not_json(text: str, line: int, error: ValueError) -> NotJson:
    """Say what is wrong with the object that begins in `line`."""
    if not isinstance(error, json.JSONDecodeError):
        return NotJson(str(error), line)
    if error.pos >= len(text.rstrip()):
        return NotJson("not JSON: it ends too early", error.lineno)
    what = error.msg[0].lower() + error.msg[1:]
    return NotJson(f"not JSON: this character cannot stand here ({what})", error.lineno, error.colno)


class _Decoder(json.JSONDecoder):
    """Tells whether an object had a key twice (`twice`); the first one stays then."""

    def __init__(self) -> None:
        super().__init__(object_pairs_hook=self._pairs, parse_float=_float, parse_int=_int, parse_constant=_not_finite)
        self.twice = False

    def raw_decode(self, s: str, idx: int = 0) -> tuple[Any, int]:
        self.twice = False
        return super().raw_decode(s, idx)

    def _pairs(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) == len(pairs):
            return found
        self.twice = True
        first: dict[str, Any] = {}
        for key, value in pairs:
            first.setdefault(key, value)
        return first


def _float(text: str) -> int | float:
    number = float(text)
    if not math.isfinite(number):
        raise Unreadable("a number that is too large", 1)
    return whole(number)


def _int(text: str) -> int | float:
    if len(text) < 19:
        return int(text)
    number = _float(text)
    return int(text) if abs(number) <= _FARTHEST and -_FARTHEST <= int(text) < _FARTHEST else float(number)


def _not_finite(name: str) -> Any:
    raise ValueError(f"not JSON: {name} is no value of it")


def _without_lone_surrogates(text: str) -> str:
    r"""Put U+FFFD in the place of half a character (`\ud800`), as Go does: no text in UTF-8 has it."""
    if "\\ud" not in text and "\\uD" not in text:
        return text
    return _SURROGATE.sub(lambda found: "\\ufffd" if found["alone"] else found[0], text)


def _placed(text: str, value: Any, line: int, *, twice: bool) -> Value | Unreadable:
    """Find the line of every key and item of one object, and each key that stands in a mapping twice."""
    if "\n" not in text and not twice and text.count("[") + text.count("{") <= MAX_DEPTH:
        return Value(value, line, NO_LINES)
    try:
        found = _Places(text, twice=twice)
    except Unreadable as unreadable:
        return unreadable.moved(line - 1)
    faults = tuple(fault._replace(line=fault.line + line - 1, first=fault.first + line - 1) for fault in found.twice)
    return Value(value, line, found.lines, faults)


@dataclass(slots=True)
class _Keys:
    """The lines of the keys of one mapping, and where it stands itself among the lines of all fields."""

    at: int
    lines: dict[str, int] = field(default_factory=dict)


class _Places:
    """The lines of an object's fields, as `field_lines` has them, of a text that is known to be JSON.

    Raises:
        Unreadable: it is nested too deeply.
    """

    def __init__(self, text: str, *, twice: bool) -> None:
        self.lines = array("i")
        self.twice: list[Twice] = []
        self._text = text
        self._left_out = (-1, 0)
        """The depth of the mapping whose last key stood there before, and where the lines of its value begin."""
        self._walk(look_for_twice=twice)

    def _walk(self, *, look_for_twice: bool) -> None:
        line = 0
        lines = self.lines
        outer: list[tuple[bool, _Keys]] = []
        is_list, keys = False, _Keys(-1)
        for number, token in enumerate(_TOKEN.findall(self._text)):
            first = token[0]
            if first == "\n":
                line += 1
            elif first in "}]":
                self._end_left_out(len(outer))
                is_list, keys = outer.pop()
            elif first == '"' and token[-1] == ":":
                if not (look_for_twice and self._is_twice(token, number, line, keys, len(outer))):
                    lines.append(line)
                line += token.count("\n")
            else:
                if is_list:
                    lines.append(line)
                if first in "{[":
                    outer.append((is_list, keys))
                    if len(outer) > MAX_DEPTH:
                        raise Unreadable(_TOO_DEEP, 1 + line)
                    is_list, keys = first == "[", _Keys(len(lines) - 1)

    def _is_twice(self, token: str, number: int, line: int, keys: "_Keys", depth: int) -> bool:
        self._end_left_out(depth)
        key = json.loads(token[:-1])
        before = keys.lines.get(key)
        if before is None:
            keys.lines[key] = line
            return False
        if self._left_out[0] < 0:
            self.twice.append(Twice(keys.at, key, line + 1, self._column(number), before + 1))
            self._left_out = (depth, len(self.lines))
        return True

    def _end_left_out(self, depth: int) -> None:
        if self._left_out[0] == depth:
            del self.lines[self._left_out[1] :]
            self._left_out = (-1, 0)

    def _column(self, number: int) -> int:
        """Find the column of a token by its number, from 1."""
        start = next(islice(_TOKEN.finditer(self._text), number, None)).start()
        return start - self._text.rfind("\n", 0, start)
