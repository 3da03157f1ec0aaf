"""Duration texts → seconds. There are two notations, and each field accepts the one that its API documents.

Gloo's fields accept Go's durations; the usual form is protobuf's JSON form ("0.25s"). Gateway API accepts GEP-2257,
which has no fractions and at most four units. FailoverPolicy is our own kind and accepts both. All become `float`
seconds.
"""

import math
import re
from typing import Annotated

from pydantic import BeforeValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

_SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ns": 1e-9}

GLOO_PATTERN = r"^(0|([0-9]+([.][0-9]+)?(h|m|s|ms|us|µs|μs|ns))+)$"
"""Go's durations without a sign, as RE2 and Python both read it."""

GATEWAY_PATTERN = r"^([0-9]{1,5}(h|m|s|ms)){1,4}$"
"""GEP-2257, section "Gateway API Duration Format"."""

_LONGEST = 64
_LARGEST = 2**63 / 1e9
# Go counts nanoseconds in 63 bits, and so does the API server's CEL.

_GLOO = re.compile(GLOO_PATTERN)
_GATEWAY = re.compile(GATEWAY_PATTERN)
_TERM = re.compile(r"([0-9]+(?:[.][0-9]+)?)(ms|us|µs|μs|ns|h|m|s)")


_GLOO_RIGHT = 'a duration such as "0.25s" or "15s"'
_GATEWAY_RIGHT = 'a duration such as "500ms", "10s" or "1h30m" (whole numbers with h, m, s or ms)'
_EITHER_RIGHT = 'a duration such as "500ms", "0.5s" or "1m30s"'


def gloo_seconds(text: object) -> float:
    """`"0.25s"`, `"15s"`, `"1m30s"` → seconds.

    Raises:
        PydanticCustomError: any other value; a number has no unit, so it is refused, too.
    """
    return _seconds(text, _GLOO, _GLOO_RIGHT)


def gateway_seconds(text: object) -> float:
    """`"500ms"`, `"1h30m"` → seconds.

    Raises:
        PydanticCustomError: anything else, fractions included.
    """
    return _seconds(text, _GATEWAY, _GATEWAY_RIGHT)


def either_seconds(text: object) -> float:
    """Either notation → seconds.

    Raises:
        PydanticCustomError: a text that is neither.
    """
    return _seconds(text, _GLOO, _EITHER_RIGHT)


def gateway_text(seconds: float) -> str:
    """Seconds → the shortest GEP-2257 text, rounded to milliseconds: 90.5 → `"1m30s500ms"`."""
    left = round(seconds * 1000)
    parts = []
    for unit, size in (("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)):
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def _seconds(text: object, grammar: re.Pattern[str], right: str) -> float:
    if isinstance(text, str) and len(text) <= _LONGEST and grammar.fullmatch(text):
        # math.fsum keeps "1m0.1s" at 60.1 exactly as it is written.
        seconds = math.fsum(float(number) * _SECONDS[unit] for number, unit in _TERM.findall(text))
        if seconds <= _LARGEST:
            return seconds
    raise PydanticCustomError("duration", "must be {right}{hint}", {"right": right, "hint": _hint(text, grammar)})


def _hint(given: object, grammar: re.Pattern[str]) -> str:
    """Suggest a text: a bare number is taken as seconds, and the other notation is converted."""
    if isinstance(given, bool):
        return ""
    if isinstance(given, int | float) or (
        isinstance(given, str) and re.fullmatch(r"[0-9]{1,9}([.][0-9]{1,9})?", given)
    ):
        number = float(given) if isinstance(given, str) else given
        if not 0 <= number < 1e9:
            return ""
        return f' (for {given} seconds write "{gateway_text(number)}")'
    if isinstance(given, str) and grammar is _GATEWAY and _GLOO.fullmatch(given):
        return f' (write "{gateway_text(gloo_seconds(given))}")'
    return ""


def _schema(pattern: str, right: str) -> WithJsonSchema:
    """Make the schema of a text. CEL instead of `pattern`, as the message of that would be the pattern."""
    rule = {"rule": f"self.matches('{pattern}')", "message": f"must be {right}"}
    return WithJsonSchema({"type": "string", "maxLength": _LONGEST, "x-kubernetes-validations": [rule]})


GlooDuration = Annotated[float, BeforeValidator(gloo_seconds), _schema(GLOO_PATTERN, _GLOO_RIGHT)]
"""Seconds, from a Gloo duration."""

GatewayDuration = Annotated[float, BeforeValidator(gateway_seconds), _schema(GATEWAY_PATTERN, _GATEWAY_RIGHT)]
"""Seconds, from a Gateway API duration."""

Duration = Annotated[float, BeforeValidator(either_seconds), _schema(GLOO_PATTERN, _EITHER_RIGHT)]
"""Seconds, from either notation (FailoverPolicy)."""
