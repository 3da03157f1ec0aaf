"""A value of headerManipulation, which Gloo hands to Envoy's formatter of headers, → the parts that it is made of.

Only `%` has a meaning: `%%` is a percent sign, `%NAME%`, `%NAME(ARGUMENT)%` and `%NAME(ARGUMENT):LENGTH%` are command
operators (Envoy, "Substitution Formatter"). What Envoy would refuse is a fault. An operator that is not served leaves
its header out, as its text must reach nobody.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from typing import cast, get_args

from switchover_dataplane.table.rules import Operator, ValuePart

_OF_ANSWERS = ("DURATION", "RESP", "RESPONSE_CODE", "UPSTREAM_HOST", "UPSTREAM_REQUEST_ATTEMPT_COUNT")
"""What is known only when a target has answered."""

_SERVED: tuple[str, ...] = tuple(name for name in get_args(Operator) if name)
_NAMING_HEADERS = ("REQ", "RESP")
_VARIANTS = ("_WITHOUT_PORT", "_PORT")
"""The ends of names that a message leaves out, as it would be long."""

_CLOSE = 0.85
"""Similarity from which a name counts as a misspelt one; Envoy has others that begin alike."""

_OPERATOR = re.compile(r"%([A-Z0-9_]+)(?:\(([^)]*)\))?(?::([0-9]{1,9}))?%")
_NEARLY = re.compile(r"%([A-Za-z0-9_]+)(\([^)]*\))?(:[0-9]+)?%")
_HEADER = re.compile(r":(?:method|path|scheme|authority)|[!#$%&'*+.^_`|~0-9a-z-]+")
_FORMAT = re.compile(r"(?:[^%\x00-\x1f\x7f]|%[aAbBcCdDeFgGhHIjmMprRsSTuUVwWxXyYzZ%]|%[1-9]?f|%E[1-9*]S)*")


@dataclass(frozen=True, slots=True)
class Value:
    """What a value says. `faults` tell why Envoy would refuse it, `unserved` which operators leave its header out.

    Both are sentences to follow the field's path. A value without operators is one part with its text.
    """

    parts: tuple[ValuePart, ...] = ()
    unserved: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()


def read(value: str, *, of_answer: bool) -> Value:
    """Read a value for a header of an answer or of a request."""
    if "%" not in value:
        return Value((ValuePart(value),))
    reader = _Reader(of_answer=of_answer)
    reader.read(value)
    return Value(tuple(reader.parts()), tuple(dict.fromkeys(reader.unserved)), tuple(reader.faults))


class _Reader:
    """Collects what is found in one value."""

    def __init__(self, *, of_answer: bool) -> None:
        self._of_answer = of_answer
        self._found: list[ValuePart] = []
        self.unserved: list[str] = []
        self.faults: list[str] = []

    def read(self, value: str) -> None:
        """Read to the end of the value or to the first sign that means nothing."""
        place = 0
        while place < len(value):
            sign = value.find("%", place)
            self._found.append(ValuePart(value[place:] if sign < 0 else value[place:sign]))
            if sign < 0:
                return
            if value.startswith("%%", sign):
                self._found.append(ValuePart("%"))
                place = sign + 2
                continue
            found = _OPERATOR.match(value, sign)
            if found is None:
                self.faults.append(_stray(value, sign))
                return
            self._operator(found[0], found[1], found[2], found[3])
            place = found.end()

    def parts(self) -> Iterator[ValuePart]:
        """Yield the parts, neighbouring texts as one."""
        text = ""
        for part in self._found:
            if not part.operator:
                text += part.text
                continue
            if text:
                yield ValuePart(text)
            text = ""
            yield part
        if text:
            yield ValuePart(text)

    def _operator(self, written: str, name: str, argument: str | None, longest: str | None) -> None:
        if name not in _SERVED or (name in _OF_ANSWERS and not self._of_answer):
            self.unserved.append(self._not_served(name))
        elif name in _NAMING_HEADERS:
            header, has_other, other = (argument or "").lower().partition("?")
            if not _HEADER.fullmatch(header) or (has_other and not _HEADER.fullmatch(other)):
                right = f"must name a header, as %{name}(X-TENANT)%, or two, as %{name}(X-TENANT?X-TEAM)%"
                self.faults.append(f"{written!r} {right}")
                return
            self._found.append(
                ValuePart("", "", cast(Operator, name), header, other, int(longest) if longest else None)
            )
        elif longest is not None or (argument and name != "START_TIME"):
            self.unserved.append(f"{written} has no effect here, as %{name}% takes neither arguments nor a length")
        elif argument and not _FORMAT.fullmatch(argument):
            text = "has no effect here; served are the letters of strftime, %s, %f and %1f to %9f in its format"
            self.unserved.append(f"{written} {text}")
        else:
            self._found.append(ValuePart("", "", cast(Operator, name), argument or ""))

    def _not_served(self, name: str) -> str:
        known = [each for each in _SERVED if self._of_answer or each not in _OF_ANSWERS]
        served = ", ".join(_written(each) for each in known if not each.endswith(_VARIANTS) and "DIRECT" not in each)
        if name in _OF_ANSWERS:
            return f"%{name}% has no effect here, as no target has answered the request yet; served are {served}"
        near = get_close_matches(name, known, 1, _CLOSE)
        meant = f"; did you mean {_written(near[0])}?" if near else ""
        return f"%{name}% has no effect here; served are {served}{meant}"


def _written(name: str) -> str:
    return f"%{name}(NAME)%" if name in _NAMING_HEADERS else f"%{name}%"


def _stray(value: str, sign: int) -> str:
    right = "a % begins no operator of Envoy's; write %% for a percent sign"
    near = _NEARLY.match(value, sign)
    if near is not None and near[1].upper() in _SERVED:
        return f"{right}, or {near[0].replace(near[1], near[1].upper())} for the operator"
    return right
