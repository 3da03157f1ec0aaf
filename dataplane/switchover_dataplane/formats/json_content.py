"""A JSON value as bytes → whether it holds content, or only the frame of an answer."""

from typing import Any, Final

import msgspec

from switchover_dataplane.formats import lenient_json

ABSENT: Final = msgspec.Raw(b"")
"""A field that is not there."""

_NOTHING: Final = frozenset((b"null", b"false", b"0", b'""', b"{}", b"[]"))
_SHORT: Final = 64
_LONGEST_WORD: Final = 256
_BLANKS: Final = b" \t\r\n"
_NAMING: Final = frozenset(("type", "id", "object", "role", "status", "index", "phase"))
"""Fields of the frame, which hold no content."""

_DEPTH: Final = 8

_text_decoder: Final = msgspec.json.Decoder(str)
_decoder: Final = msgspec.json.Decoder()


def is_set(value: msgspec.Raw) -> bool:
    """Whether a value is present, and not null, false, 0 or empty."""
    size = len(value)
    return size > _SHORT or (size > 0 and bytes(value).translate(None, _BLANKS) not in _NOTHING)


def is_list(value: msgspec.Raw) -> bool:
    """Whether a value is a list."""
    return bytes(memoryview(value)[:1]) == b"["


def has_content(value: msgspec.Raw) -> bool:
    """Whether a text is not empty, or a list has a part with content.

    A list with too many values to decode has content.
    """
    first = bytes(memoryview(value)[:1])
    if first == b'"':
        return len(value) > len('""')
    if first != b"[":
        return is_set(value)
    text = bytes(value)
    return not lenient_json.has_few_values(text) or _has_content(_decoder.decode(text), _DEPTH)


def string_value(value: msgspec.Raw) -> str:
    """Return a string value, "" if it is absent, null or "null"; another value is returned as its JSON text."""
    if not len(value):
        return ""
    text = bytes(value if len(value) <= _LONGEST_WORD else memoryview(value)[:_LONGEST_WORD])
    try:
        read = _text_decoder.decode(text)
    except ValueError:
        read = text.decode("utf-8", "replace")
    return "" if read == "null" else read


def _has_content(value: Any, depth: int) -> bool:
    if isinstance(value, dict):
        return depth > 0 and any(_has_content(inner, depth - 1) for name, inner in value.items() if name not in _NAMING)
    if isinstance(value, list):
        return depth > 0 and any(_has_content(inner, depth - 1) for inner in value)
    return isinstance(value, str) and bool(value)
