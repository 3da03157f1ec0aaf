"""JSON as the clients of this field read it → a value.

Python's and JavaScript's own parsers take half a surrogate pair (a character that a model sent in two pieces), and
Python's takes NaN and Infinity. An answer that every SDK reads must not count as broken because ours is stricter.
"""

import json
from typing import Any

import msgspec

_decoder = msgspec.json.Decoder()
_encoder = msgspec.json.Encoder()


def decode(text: bytes) -> Any:
    """Decode a JSON text.

    Raises:
        ValueError: it is none, or not UTF-8.
        RecursionError: it is nested too deeply.
    """
    try:
        return _decoder.decode(text)
    except ValueError:
        return json.loads(text)


def encode(value: Any) -> bytes:
    """Encode what `decode` gave."""
    try:
        return _encoder.encode(value)
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":")).encode()


def joined(text: str) -> str:
    """Join surrogates that came in two pieces; one that is alone becomes a replacement character."""
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
