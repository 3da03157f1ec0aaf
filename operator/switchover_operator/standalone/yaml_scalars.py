"""The text of a YAML scalar → its value as Kubernetes reads it: `y` is true and `010` is 8, a date is a string.

The rules are those of sigs.k8s.io/yaml and of what kubectl makes of its result: `80.0` and `1e2` are whole numbers, as
kubectl sends them so. What kubectl makes of many scalars was measured: `tests/operator/standalone/scalars.json`.
"""

import base64
import binascii
import math
import re
import struct
from decimal import Decimal
from typing import Any, Final

TAG: Final = "tag:yaml.org,2002:"
STRING: Final = f"{TAG}str"
MERGE: Final = f"{TAG}merge"

_BINARY: Final = f"{TAG}binary"
_TIMESTAMP: Final = f"{TAG}timestamp"
_NULL: Final = f"{TAG}null"
_BOOL: Final = f"{TAG}bool"
_INT: Final = f"{TAG}int"
_FLOAT: Final = f"{TAG}float"

_WORDS: Final[dict[str, tuple[str, Any]]] = {
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), (_BOOL, True)),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), (_BOOL, False)),
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), (_NULL, None)),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), (_FLOAT, math.nan)),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), (_FLOAT, math.inf)),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), (_FLOAT, -math.inf)),
    "<<": (MERGE, "<<"),
}
_NUMBERS_BEGIN: Final = frozenset("+-.0123456789")
_SMALL: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,17})\Z")
"""Most of the numbers that there are."""
_DECIMAL: Final = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z")
_INTEGER: Final = re.compile(
    r"(?P<sign>[-+]?)(?:0(?:[xX](?P<hex>[0-9a-fA-F]+)|[bB](?P<binary>[01]+)|[oO]?(?P<octal>[0-7]+))"
    r"|(?P<decimal>0|[1-9][0-9]*))\Z"
)
_EXACT: Final = 2.0**53
_BASES: Final = {"hex": 16, "binary": 2, "octal": 8, "decimal": 10}


class Unquoted(str):
    """A text that is one placeholder, `${NAME}`, and stands without quotes: what replaces it may be no text."""

    __slots__ = ()


def unquoted(text: str) -> str:
    """Mark a text that stands without quotes if it is one placeholder."""
    return Unquoted(text) if text.startswith("${") and text.find("}") == len(text) - 1 else text


def tag_of(plain: str) -> str:
    """Name the type of a scalar that stands there without quotes and without a tag of its own."""
    word = _WORDS.get(plain)
    if word is not None:
        return word[0]
    if plain[0] not in _NUMBERS_BEGIN:
        return STRING
    if _SMALL.match(plain):
        return _INT
    number = _number(plain)
    return STRING if number is None else _INT if isinstance(number, int) else _FLOAT


def scalar(tag: str, text: str) -> Any:
    """Return the value of a scalar.

    Raises:
        ValueError: there is none in JSON; the message says why and does not quote it.
    """
    if tag in (STRING, _TIMESTAMP, MERGE):
        return text
    if tag in (_NULL, _BOOL):
        of, value = _WORDS.get(text, ("", None))
        if of != tag:
            raise ValueError(f"no {tag.removeprefix(TAG)}, as its tag says that it is")
        return value
    if tag in (_INT, _FLOAT):
        return _in_json(_tagged(tag, text))
    if tag == _BINARY:
        return _decoded(text)
    raise ValueError("a tag that Kubernetes does not know")


def key_text(tag: str, text: str) -> str:
    """Return the text of a key: JSON has no other keys.

    Raises:
        ValueError: Kubernetes has none for it; the message says why and does not quote it.
    """
    if tag == _NULL:
        raise ValueError("a key that is null: quote it")
    if tag in (_INT, _FLOAT):
        number = _tagged(tag, text)
        if isinstance(number, float):
            return _short(number)
        if number >= 1 << 63:
            raise ValueError("a key that is too large a number: quote it")
        return str(number)
    value = scalar(tag, text)
    return value if isinstance(value, str) else str(value).lower()


def whole(number: float) -> int | float:
    """Return a number as kubectl sends it: whole ones without a point, those beyond 64 bits as they are."""
    if not number.is_integer():
        return number
    # Go writes the shortest digits that mean the number, and these are read as a whole one.
    digits = int(number) if abs(number) < _EXACT else int(Decimal(repr(number)))
    return digits if -1 << 63 <= digits < 1 << 63 else number


def _tagged(tag: str, text: str) -> int | float:
    word = _WORDS.get(text)
    number = word[1] if word is not None and word[0] == _FLOAT else _number(text) if text else None
    if number is None or (tag == _INT and not isinstance(number, int)):
        raise ValueError("not a number, as its tag says that it is")
    return float(number) if tag == _FLOAT else number


def _in_json(number: float) -> int | float:
    if isinstance(number, int):
        return number if number < 1 << 63 else float(number)
    if not math.isfinite(number):
        raise ValueError("a number that JSON cannot say")
    return whole(number)


def _number(text: str) -> int | float | None:
    """Read a number as Go's strconv does for YAML: a whole one where 64 bits hold it, None where it is none."""
    if text[0] not in _NUMBERS_BEGIN:
        return None
    plain = text if text[0] == "." else text.replace("_", "")
    found = _INTEGER.match(plain)
    if found is not None and found.lastgroup is not None:
        number = int(found["sign"] + found[found.lastgroup], _BASES[found.lastgroup])
        if -1 << 63 <= number < 1 << (63 if found["sign"] else 64):
            return number
    if not _DECIMAL.match(plain):
        return None
    real = float(plain)
    return real if math.isfinite(real) else None


def _decoded(text: str) -> str:
    try:
        return base64.b64decode("".join(text.split()), validate=True).decode(errors="replace")
    except binascii.Error:
        raise ValueError("no base64, as its tag says that it is") from None


def _short(number: float) -> str:
    """Return a key that is no whole number, as Go prints a float32 (`strconv.FormatFloat(f, 'g', -1, 32)`)."""
    if math.isnan(number):
        return ".nan"
    try:
        single = struct.unpack("f", struct.pack("f", number))[0]
    except OverflowError:
        single = math.copysign(math.inf, number)
    if math.isinf(single):
        return ".inf" if single > 0 else "-.inf"
    written = next(
        shortest
        for digits in range(9)
        if struct.unpack("f", struct.pack("f", float(shortest := f"{single:.{digits}e}")))[0] == single
    )
    mantissa, exponent = written.split("e")
    power, digits = int(exponent), len(mantissa.lstrip("-").replace(".", ""))
    return written if not -5 < power < 6 else f"{single:.{max(digits - 1 - power, 0)}f}"
