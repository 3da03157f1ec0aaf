"""YAML as most manifests are written, read line by line: block mappings and lists of plain scalars.

libyaml reads every YAML, but a document of it costs many Python objects for each scalar. Most documents need little of
YAML: each line is a key, an item or both, and its value stands in the same line or below it. Such a document is read
here; at the first line that is anything else it is left to libyaml, which also finds what is wrong with it. Where a
document is read here, it is what libyaml would have read: a property test holds the two together.
"""

import re
from array import array
from functools import lru_cache
from sys import intern
from typing import Any, Final

from switchover_operator.standalone.yaml_scalars import STRING, scalar, tag_of, unquoted

_MOST_LINES: Final = 1_000_000
"""Fewer than the values and the depth that a document may have, which are counted elsewhere."""
_LAST_COLUMN: Final = 100
"""Beyond it, depth is counted."""
_KNOWN_LINES: Final = 8192
"""The lines of one manifest stand in the next one, too."""

_PLAIN: Final = r"-{0,2}[A-Za-z0-9_/.+~^$(;](?:(?!: | #)[ -~])*?(?<!:)"
_ATOM: Final = r"-?[A-Za-z0-9_/.+][A-Za-z0-9_/.+-]*"
_LINE: Final = re.compile(
    r"(?P<indent> *)(?P<dash>- +)?(?P<key>(?:[A-Za-z0-9_][A-Za-z0-9_./-]*):(?= |\Z) *)?"
    rf"""(?:(?P<plain>{_PLAIN})|"(?P<double>[ !#-\[\]-~]*)"|'(?P<single>[ -&(-~]*)'"""
    rf"|(?P<items>\[ *(?:{_ATOM}(?: *, *{_ATOM})*)? *\])|(?P<empty>\{{ *\}}))?(?: *| +#[ -~]*)\Z"
)
_NOTHING: Final = re.compile(r" *(?:#[ -~]*)?\Z")
_BEGINNING: Final = re.compile(r"---(?: *| +#[ -~]*)\Z")

_Line = tuple[int, int, str, bool, Any]
"""The column of its dash (-1: none) and of what follows, its key ("": none), whether it has a value, and this."""
_SKIP: Final[_Line] = (-1, -1, "", False, None)


class _Other(ValueError):
    """What is not read here."""


@lru_cache(_KNOWN_LINES)
def _line(text: str) -> _Line:
    """Read one line.

    Raises:
        _Other: it needs more of YAML than is read here.
    """
    if _NOTHING.match(text):
        return _SKIP
    found = _LINE.match(text)
    if found is None or found.end("indent") > _LAST_COLUMN:
        raise _Other
    dash = len(found["indent"]) if found["dash"] else -1
    column = found.end("dash") if found["dash"] else len(found["indent"])
    key = (found["key"] or "").rstrip(" ")[:-1]
    if key and tag_of(key) != STRING:
        raise _Other
    has_value = found.lastgroup not in (None, "indent", "dash", "key")
    if not key and (dash < 0 or not has_value):
        raise _Other
    return dash, column, intern(key), has_value, _value(found) if has_value else None


def _value(found: re.Match[str]) -> Any:
    plain = found["plain"]
    if plain is not None:
        return _plain_value(plain.rstrip(" "))
    if found["items"] is not None:
        inner = found["items"][1:-1].strip(" ")
        return [_plain_value(item.strip(" ")) for item in inner.split(",")] if inner else []
    if found["empty"] is not None:
        return {}
    return found["double"] if found["double"] is not None else found["single"]


def _plain_value(text: str) -> Any:
    if text.startswith("$"):
        return unquoted(text)
    try:
        return scalar(tag_of(text), text)
    except ValueError:
        raise _Other from None


def plain_document(text: str) -> tuple[dict[str, Any], int, "array[int]"] | None:
    """Read a document: its value, the line where that begins, from 1, and the lines of its fields (`field_lines`).

    None where it is not of the YAML that is read here, which says nothing about whether it is any.
    """
    lines = text.split("\n")
    if len(lines) > _MOST_LINES or not text.isascii():
        return None
    try:
        return _document(lines)
    except _Other:
        return None


def _document(lines: list[str]) -> tuple[dict[str, Any], int, "array[int]"]:
    """Read all lines.

    Raises:
        _Other: this takes libyaml.
    """
    number = 1 if _BEGINNING.match(lines[0]) else 0
    while number < len(lines) and _line(lines[number]) is _SKIP:
        number += 1
    if number == len(lines):
        raise _Other
    root: dict[str, Any] = {}
    places: list[int] = []
    _read(lines, number, root, places)
    return root, number + 1, array("i", places)


def _read(lines: list[str], first: int, root: dict[str, Any], places: list[int]) -> None:  # noqa: PLR0912, PLR0915 - no call for a line
    """Read the lines from the `first` into the root, and into `places` for each key and item the line of it from there.

    Raises:
        _Other: this takes libyaml.
    """
    at = 0
    here: Any = root
    """The column and the container of the innermost block."""
    is_map = True
    outer: list[tuple[int, Any, bool]] = []
    pending: str | None = None
    """The key in `here` of which the value may follow."""
    for number, text in enumerate(lines[first:] if first else lines):
        line = _line(text)
        if line is _SKIP:
            continue
        dash, column, key, has_value, value = line
        if dash >= 0:
            if pending is not None and dash >= at:
                items: list[Any] = []
                here[pending] = items
                outer.append((at, here, is_map))
                at, here, is_map = dash, items, False
            else:
                while at > dash:
                    at, here, is_map = outer.pop()
                if at != dash or is_map:
                    raise _Other
            pending = None
            places.append(number)
            if not key:
                if type(value) is not str and isinstance(value, list | dict):
                    value = value.copy()
                    places += [number] * len(value)
                here.append(value)
                continue
            item: dict[str, Any] = {}
            here.append(item)
            outer.append((at, here, is_map))
            at, here, is_map = column, item, True
        elif pending is not None and column > at:
            block: dict[str, Any] = {}
            here[pending] = block
            outer.append((at, here, is_map))
            at, here, is_map = column, block, True
        else:
            while at > column or not is_map:
                if not outer:
                    raise _Other
                at, here, is_map = outer.pop()
            if at != column:
                raise _Other
        if key in here:
            raise _Other
        places.append(number)
        if has_value:
            pending = None
            if type(value) is not str and isinstance(value, list | dict):
                value = value.copy()
                places += [number] * len(value)
            here[key] = value
        else:
            pending = key
            here[key] = None
