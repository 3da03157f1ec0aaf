"""The line of every field of an object, remembered when its text is read, so that nothing is read twice for a place.

Lines are one array for an object: one number for each key of a mapping and each item of a list, in the order in which a
walk through the object meets them. They count from the line where the object begins, which has the number 0; an alias
may lead to a line before it.
"""

import re
from array import array
from collections.abc import Iterator
from typing import Any, Final

NO_LINES: Final = array("i")
_STEP: Final = re.compile(r"([^.\[\]]+)|\[(\d+)\]")


def count(value: Any) -> int:
    """Return how many keys and items there are in a value and all below it."""
    if isinstance(value, dict):
        return len(value) + sum(count(each) for each in value.values() if isinstance(each, dict | list))
    if isinstance(value, list):
        return len(value) + sum(count(each) for each in value if isinstance(each, dict | list))
    return 0


def items_of(value: dict[str, Any], lines: "array[int]", name: str) -> "Iterator[tuple[Any, int, range, array[int]]]":
    """Yield each item of the list `name` in an object: it, its line, where in `lines` it stands, and its own lines.

    Without lines there are none for the items, which then have the line of the object.
    """
    at = 0
    for key, below in value.items():
        at += 1
        if key == name:
            break
        at += count(below)
    for item in value[name]:
        size = 1 + count(item)
        line = lines[at] if lines else 0
        yield item, line, range(at, at + size), array("i", [each - line for each in lines[at + 1 : at + size]])
        at += size


def with_last_key(value: dict[str, Any], lines: "array[int]", name: str) -> "array[int]":
    """Return the lines of an object whose mapping `name` gets one more key, its last, in the mapping's own line."""
    at = 0
    for key, below in value.items():
        own = at
        at += 1 + count(below)
        if key == name:
            return lines[:at] + array("i", lines[own : own + 1]) + lines[at:]
    return lines


def line_of(value: Any, lines: "array[int]", path: str) -> int:
    """Find the line of the field `path`, such as `spec.rules[0].matches`, relative to the object's own.

    A path that the object does not have gives the line of its nearest parent.
    """
    line, at = 0, 0
    for name, index in _STEP.findall(path):
        entries = _entries(value, name, index)
        for key, below in entries:
            if key == (name or int(index)):
                value = below
                break
            at += 1 + count(below)
        else:
            break
        if at >= len(lines):
            break
        line = lines[at]
        at += 1
    return line


def _entries(value: Any, name: str, index: str) -> "list[tuple[Any, Any]]":
    if name and isinstance(value, dict):
        return list(value.items())
    return list(enumerate(value)) if index and isinstance(value, list) else []
