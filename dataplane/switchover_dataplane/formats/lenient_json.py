"""JSON as the SDKs read it → a value.

Python's and JavaScript's parsers accept half a surrogate pair (a character that a model sent in two pieces), and
Python's accepts NaN and Infinity. An answer that every SDK reads must not fail because our parser is stricter.

The texts come from targets, and a value needs far more memory than its bytes. So only a text with few values is
decoded; `is_json` checks a larger one without decoding it.
"""

import json
import re
from typing import Any, Final

import msgspec

MOST_VALUES: Final = 16_384
"""Maximum number of commas and opening brackets in a text that is decoded."""

_SURELY_FEW: Final = 2 * MOST_VALUES
"""Bytes that cannot hold more values, as each value needs two bytes or more."""

BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
"""U+FEFF in UTF-8, which some servers send before a text."""

_SURROGATE: Final = re.compile(rb"\\u[dD][89a-fA-F][0-9a-fA-F]{2}")

_decoder = msgspec.json.Decoder()
_reader = msgspec.json.Decoder(msgspec.Raw)
_encoder = msgspec.json.Encoder()


def has_few_values(text: bytes) -> bool:
    """Whether a JSON text has few enough values to decode it."""
    return len(text) <= _SURELY_FEW or text.count(b",") + text.count(b"[") + text.count(b"{") <= MOST_VALUES


def decode(text: bytes) -> Any:
    """Decode a JSON text.

    Raises:
        ValueError: it is no JSON, no UTF-8, or has too many values.
        RecursionError: it is nested too deeply.
    """
    if not has_few_values(text):
        raise ValueError(f"more than {MOST_VALUES} values")
    try:
        return _decoder.decode(text)
    except ValueError:
        return json.loads(text)


def is_json(text: bytes) -> bool:
    """Whether a text of any size is JSON, in linear time and without decoding its values."""
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
    """Replace what the strict parser refuses, outside and inside of strings.

    A surrogate becomes an escaped line end, which is also valid after an escaped backslash.
    """
    return _SURROGATE.sub(rb"\\n", text).replace(b"NaN", b"0").replace(b"Infinity", b"0")


def encode(value: Any) -> bytes:
    """Encode a value that `decode` returned."""
    try:
        return _encoder.encode(value)
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":")).encode()


def without_halves(value: Any) -> bytes:
    """Encode a value that `decode` returned, with a replacement character for each half of a surrogate pair."""
    return joined(json.dumps(value, ensure_ascii=False)).encode()


def joined(text: str) -> str:
    """Join the two halves of surrogate pairs; a single half becomes a replacement character."""
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
