"""The text of a JSON object → every one of its top-level fields, also those whose names are repeated."""

from typing import Final

import msgspec

_SHORT: Final = 64 * 1024


class TooManyFields(Exception):
    """A body has too many fields; no ValueError, as the decoder replaces those raised while it reads."""


class Name(str):
    """A field's name that equals no other name, so that a repeated name stays repeated."""

    __slots__ = ()
    __hash__ = object.__hash__
    __eq__ = object.__eq__


class _Counting:
    """Reads the fields of an object of any size and stops at the first one above the limit; not reentrant."""

    def __init__(self) -> None:
        self._left = 0
        self._decoder = msgspec.json.Decoder(dict[Name, msgspec.Raw], dec_hook=self._named)

    def decode(self, text: bytes, most: int) -> dict[Name, msgspec.Raw]:
        self._left = most
        return self._decoder.decode(text)

    def _named(self, kind: type[Name], name: str) -> Name:
        self._left -= 1
        if self._left < 0:
            raise TooManyFields
        return kind(name)


_exact: Final = msgspec.json.Decoder(dict[Name, msgspec.Raw], dec_hook=str.__new__)
_counting: Final = _Counting()


def every_field(text: bytes, most: int) -> dict[Name, msgspec.Raw]:
    """Return every field; the values are views of the text.

    Raises:
        TooManyFields: more than `most`.
        ValueError, RecursionError: no JSON object.
    """
    if len(text) > _SHORT:
        return _counting.decode(text, most)
    every = _exact.decode(text)
    if len(every) > most:
        raise TooManyFields
    return every
