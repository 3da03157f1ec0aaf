"""The text of a YAML scalar → its value as Kubernetes reads it: `yes` is true and `010` is 8, a date is a string."""

import math
import re
from typing import Any, Final

TAG: Final = "tag:yaml.org,2002:"
STRING: Final = f"{TAG}str"
MERGE: Final = f"{TAG}merge"

_TEXTS: Final = frozenset({STRING, f"{TAG}binary", f"{TAG}timestamp"})
_NULL: Final = f"{TAG}null"
_BOOL: Final = f"{TAG}bool"
_INT: Final = f"{TAG}int"
_FLOAT: Final = f"{TAG}float"


def _plain(kind: str, pattern: str) -> tuple[str, re.Pattern[str]]:
    return kind, re.compile(f"(?:{pattern})\\Z")


_TYPES: Final = (
    (_plain(_BOOL, "yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF"), "yYnNtTfFoO"),
    (_plain(_INT, "[-+]?(?:0b[01_]*[01]|0x[0-9a-fA-F_]*[0-9a-fA-F]|0o?[0-7_]*[0-7]|0|[1-9][0-9_]*)"), "-+0123456789"),
    (
        _plain(
            _FLOAT,
            r"[-+]?(?:[0-9][0-9_]*\.[0-9_]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?|[-+]?[0-9]+[eE][-+]?[0-9]+"
            r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
        ),
        "-+0123456789.",
    ),
    (_plain(_NULL, "~|null|Null|NULL"), "~nN"),
    (_plain(MERGE, "<<"), "<"),
)
_OF_FIRST: Final = {
    first: [kind for kind, firsts in _TYPES if first in firsts] for first in {*"".join(firsts for _, firsts in _TYPES)}
}
"""The types that a plain scalar may have, by its first character."""


def tag_of(plain: str) -> str:
    """Name the type of a scalar that stands there without quotes and without a tag of its own."""
    if not plain:
        return _NULL
    for tag, pattern in _OF_FIRST.get(plain[0], ()):
        if pattern.match(plain):
            return tag
    return STRING


def scalar(tag: str, text: str) -> Any:
    """Return the value of a scalar.

    Raises:
        ValueError: there is none in JSON; the message says why and does not quote it.
    """
    if tag in _TEXTS:
        return text
    if tag == _NULL:
        return None
    if tag == _BOOL:
        return text.lower() in ("yes", "true", "on")
    if tag in (_INT, _FLOAT):
        return _number(text, tag)
    raise ValueError("a tag that Kubernetes does not know")


def key_text(value: Any) -> str:
    """Return the text of a key that is no text: JSON has no other keys."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "null" if value is None else str(value)


def _number(written: str, tag: str) -> int | float:
    text = written.replace("_", "").lower()
    digits = text.lstrip("+-")
    try:
        if tag == _INT and len(digits) < 20:
            if digits.startswith("0") and digits.strip("0") and not digits.startswith(("0x", "0b", "0o")):
                text = text.replace("0", "0o", 1)
            return int(text, 0)
        number = float(text.replace(".inf", "inf").replace(".nan", "nan"))
    except ValueError:
        raise ValueError("not a number") from None
    if not math.isfinite(number):
        raise ValueError("a number that JSON cannot say")
    return number
