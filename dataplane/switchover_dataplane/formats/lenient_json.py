"""JSON as the clients of this field read it → a value.

Python's and JavaScript's own parsers take half a surrogate pair (a character that a model sent in two pieces), and
Python's takes NaN and Infinity. An answer that every SDK reads must not count as broken because ours is stricter.

Texts come from targets, and a value costs far more than the bytes that it is written in. So values are made only of a
text that holds few of them; whether a larger one is JSON can be asked without making any.
"""

import json
import re
from typing import Any, Final

import msgspec

MOST_VALUES: Final = 16_384
"""Commas and opening brackets in a text of which values are made."""

_SURELY_FEW: Final = 2 * MOST_VALUES
"""Bytes that cannot hold more values, as each takes two at least."""

_SURROGATE: Final = re.compile(rb"\\u[dD][89a-fA-F][0-9a-fA-F]{2}")

_decoder = msgspec.json.Decoder()
_reader = msgspec.json.Decoder(msgspec.Raw)
_encoder = msgspec.json.Encoder()


def has_few_values(text: bytes) -> bool:
    """Tell whether a JSON text holds few enough values to make them."""
    return len(text) <= _SURELY_FEW or text.count(b",") + text.count(b"[") + text.count(b"{") <= MOST_VALUES


def decode(text: bytes) -> Any:
    """Decode a JSON text.

    Raises:
        ValueError: it is none, or not UTF-8, or it holds too many values.
        RecursionError: it is nested too deeply.
    """
    if not has_few_values(text):
        raise ValueError(f"more than {MOST_VALUES} values")
    try:
        return _decoder.decode(text)
    except ValueError:
        return json.loads(text)


def is_json(text: bytes) -> bool:
    """Tell whether a text of any size is JSON, in time that grows with its bytes and without making its values."""
    try:
        text.decode()
        return _is_strict(text) or _is_strict(stricter(text))
    except (UnicodeDecodeError, RecursionError):
        return False


def _is_strict(text: bytes) -> bool:
    try:
        _reader.decode(text)
    except ValueError:
        return False
    return True


def stricter(text: bytes) -> bytes:
    """Put what the strict parser reads in the place of what it refuses, outside and inside of texts alike.

    A surrogate becomes an escaped line end, which is right behind a backslash that is escaped itself, too.
    """
    return _SURROGATE.sub(rb"\\n", text).replace(b"NaN", b"0").replace(b"Infinity", b"0")


def encode(value: Any) -> bytes:
    """Encode what `decode` gave."""
    try:
        return _encoder.encode(value)
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":")).encode()


def without_halves(value: Any) -> bytes:
    """Encode what `decode` gave, with a replacement character for each half of a surrogate pair, in keys too."""
    return joined(json.dumps(value, ensure_ascii=False)).encode()


def joined(text: str) -> str:
    """Join surrogates that came in two pieces; one that is alone becomes a replacement character."""
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
