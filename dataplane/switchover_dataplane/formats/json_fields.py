"""The text of a JSON object → its top-level fields as they stand in it, each once.

Nothing is made of what is inside of a field, so that a body costs memory for its bytes and not for its values. A field
that is there twice, or in another case than it is read in, is refused: RFC 8259, section 4, leaves open which one of
them a parser takes, and Go's encoding/json takes names without regard to case. What the gateway reads and what a
provider reads would differ.
"""

from collections.abc import Iterable
from typing import Final

import msgspec

MOST_FIELDS: Final = 1000
"""Top-level fields that a body may have; no API has as many as 100."""

_SHORT: Final = 64 * 1024
_SHOWN: Final = 64
_SPACED: Final = b'": '


class BadBody(ValueError):
    """The body cannot be served on an AI route; the text says what would be right. `param` names the field, or ""."""

    def __init__(self, message: str, param: str = "") -> None:
        super().__init__(message)
        self.param = param


class _TooMany(Exception):
    """A body has more fields than are kept: raised while it is read, and no ValueError, which the decoder rewords."""


class _Name(str):
    """A field's name in its place: equal to no other, so that a name that is there twice stays twice."""

    __slots__ = ()
    __hash__ = object.__hash__
    __eq__ = object.__eq__


class _Counting:
    """Reads the fields of an object of any size and gives up at one too many; it serves one reader at a time."""

    def __init__(self) -> None:
        self._left = MOST_FIELDS
        self._decoder = msgspec.json.Decoder(dict[_Name, msgspec.Raw], dec_hook=self._named)

    def decode(self, text: bytes) -> dict[_Name, msgspec.Raw]:
        """Text → every field.

        Raises:
            _TooMany: more than `MOST_FIELDS`.
            ValueError, RecursionError: no JSON object.
        """
        self._left = MOST_FIELDS
        return self._decoder.decode(text)

    def _named(self, kind: type[_Name], name: str) -> _Name:
        self._left -= 1
        if self._left < 0:
            raise _TooMany
        return kind(name)


_plain: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_exact: Final = msgspec.json.Decoder(dict[_Name, msgspec.Raw], dec_hook=str.__new__)
_counting: Final = _Counting()


def read(text: bytes) -> dict[str, msgspec.Raw]:
    """Text → its fields; their values are views of the text and keep it alive.

    Raises:
        BadBody: no JSON object, one with a field twice, or one with more than `MOST_FIELDS`.
    """
    try:
        # Most bodies have no space outside of their values, and then counting tells soonest.
        if len(text) <= _SHORT and text.find(_SPACED, 0, _SHOWN) < 0:
            fields = _plain.decode(text)
            # The fields take up the whole text: there was no room for one that another replaced. White space and
            # escapes take up room, too, and such a text is read again in the exact way.
            size = 1 + 4 * len(fields) + sum(map(len, fields)) + sum(map(len, fields.values()))
            if size == len(text) and len(fields) <= MOST_FIELDS:
                return fields
        return _read_exactly(text)
    except _TooMany:
        raise BadBody(f"the request body must not have more than {MOST_FIELDS} top-level fields") from None
    except BadBody:
        raise
    except (ValueError, RecursionError) as error:
        what = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise BadBody(f"the request body must be a JSON object: {what}") from None


def _read_exactly(text: bytes) -> dict[str, msgspec.Raw]:
    if len(text) > _SHORT:
        every = _counting.decode(text)
    else:
        every = _exact.decode(text)
        if len(every) > MOST_FIELDS:
            raise _TooMany
    fields = {str(name): value for name, value in every.items()}
    if len(fields) != len(every):
        raise _twice(map(str, every))
    return fields


def _twice(names: Iterable[str]) -> BadBody:
    seen: set[str] = set()
    name = next(name for name in names if name in seen or seen.add(name))  # type: ignore[func-returns-value]
    return BadBody(f"the request body must have each field once; {_quoted(name)} is there twice", name[:_SHOWN])


def check_case(fields: Iterable[str], managed: frozenset[str]) -> None:
    """Check that no field is one of the `managed` ones, which are in lower case, but for its case.

    Raises:
        BadBody: one is; letters that are equal without regard to case count, as the Kelvin sign and k.
    """
    together = "".join(fields)
    if together.isascii() and together == together.lower():
        return
    for name in fields:
        folded = name.casefold()
        if folded != name and folded in managed:
            raise other_case(name, folded)


def other_case(name: str, right: str) -> BadBody:
    """Say that a field is spelled in another case than the one that is read."""
    return BadBody(f"the field {_quoted(name)} must be written {_quoted(right)}", name[:_SHOWN])


def _quoted(name: str) -> str:
    return msgspec.json.encode(name[:_SHOWN]).decode()
