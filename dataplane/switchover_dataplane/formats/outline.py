"""A JSON object with too many values to decode → the few fields that decide what it is, as raw bytes."""

from typing import Final

import msgspec


class Outline(msgspec.Struct, gc=False):
    """The fields of an answer, an event or an error that decide its kind."""

    error: msgspec.Raw = msgspec.Raw(b"")
    object: msgspec.Raw = msgspec.Raw(b"")
    type: msgspec.Raw = msgspec.Raw(b"")
    choices: msgspec.Raw = msgspec.Raw(b"")


_decoder: Final = msgspec.json.Decoder(Outline)
_FALSE: Final = frozenset((b"", b"null", b"false", b"0", b'""', b"{}", b"[]"))


def read(text: bytes) -> Outline:
    """Read the outline of a JSON object.

    Raises:
        ValueError: it is no JSON object.
        RecursionError: it is nested too deeply.
    """
    return _decoder.decode(text)


def is_false(value: msgspec.Raw) -> bool:
    """Whether a field is absent, null, false, 0 or empty."""
    return bytes(value) in _FALSE
