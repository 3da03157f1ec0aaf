"""A failing input → a smaller one that fails in the same way, for as long as there is time."""

import dataclasses
import time
from collections.abc import Callable, Iterator
from typing import Any


def shrunk(value: Any, fails: Callable[[Any], bool], seconds: float) -> Any:
    """Take away what the failure does not need, larger parts first."""
    end = time.monotonic() + seconds
    going_on = True
    while going_on:
        going_on = False
        for candidate in _smaller(value):
            if time.monotonic() > end:
                return value
            if fails(candidate):
                value, going_on = candidate, True
                break
    return value


def _smaller(value: Any) -> Iterator[Any]:
    if isinstance(value, bytes | str | tuple | list):
        yield from _shorter(value)
    if isinstance(value, tuple | list):
        for at, inner in enumerate(value):
            for candidate in _smaller(inner):
                yield type(value)([*value[:at], candidate, *value[at + 1 :]])
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield {key: other for key, other in value.items() if key != name}
            for candidate in _smaller(inner):
                yield {**value, name: candidate}
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        for field in dataclasses.fields(value):
            for candidate in _smaller(getattr(value, field.name)):
                yield dataclasses.replace(value, **{field.name: candidate})


def _shorter(value: Any) -> Iterator[Any]:
    length = len(value) // 2
    while length:
        for start in range(0, len(value), length):
            yield value[:start] + value[start + length :]
        length //= 2
    if len(value) == 1 and isinstance(value, tuple | list):
        yield value[:0]
