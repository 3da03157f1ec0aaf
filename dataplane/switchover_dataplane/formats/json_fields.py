"""The text of a JSON object → its top-level fields as raw bytes, each once.

The values are not decoded, so a body needs memory for its bytes alone. A field that occurs twice or in another case is
refused. RFC 8259, section 4, does not define which one a parser uses, and Go's encoding/json ignores case, so the
gateway and the provider could read different values.
"""

from collections.abc import Iterable
from typing import Final

import msgspec

from switchover_dataplane.formats.every_field import TooManyFields, every_field

MOST_FIELDS: Final = 1000
"""Maximum number of top-level fields of a body; no API has 100."""

_SHORT: Final = 64 * 1024
_SHOWN: Final = 64
_SPACED: Final = b'": '


class BadBody(ValueError):
    """The body cannot be served on an AI route; the text says what is expected. `param` is the field's name, or ""."""

    def __init__(self, message: str, param: str = "") -> None:
        super().__init__(message)
        self.param = param


_plain: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])


def read(text: bytes) -> dict[str, msgspec.Raw]:
    """Return the fields; their values are views of the text and keep it in memory.

    Raises:
        BadBody: no JSON object, a field twice, or more than `MOST_FIELDS`.
    """
    try:
        # Most bodies have no space outside their values; then a count is the fastest check.
        if len(text) <= _SHORT and text.find(_SPACED, 0, _SHOWN) < 0:
            fields = _plain.decode(text)
            # The fields fill the whole text, so no field was replaced by a later one. A text with white space or
            # escapes does not match and is read again in the exact way.
            size = 1 + 4 * len(fields) + len("".join(fields))
            for value in fields.values():
                size += len(value)
            if size == len(text) and len(fields) <= MOST_FIELDS:
                return fields
        return _read_exactly(text)
    except TooManyFields:
        raise BadBody(f"the request body must not have more than {MOST_FIELDS} top-level fields") from None
    except BadBody:
        raise
    except (ValueError, RecursionError) as error:
        what = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise BadBody(f"the request body must be a JSON object: {what}") from None


def _read_exactly(text: bytes) -> dict[str, msgspec.Raw]:
    every = every_field(text, MOST_FIELDS)
    fields = {str(name): value for name, value in every.items()}
    if len(fields) != len(every):
        raise _twice(map(str, every))
    return fields


def _twice(names: Iterable[str]) -> BadBody:
    seen: set[str] = set()
    name = next(name for name in names if name in seen or seen.add(name))  # type: ignore[func-returns-value]
    return BadBody(f"the request body must have each field once; {_quoted(name)} is there twice", name[:_SHOWN])


def check_case(fields: Iterable[str], managed: frozenset[str]) -> None:
    """Check that no field differs from one of the `managed` names, which are in lower case, by its case alone.

    Raises:
        BadBody: one does, by Unicode case folding (the Kelvin sign equals k).
    """
    together = "".join(fields)
    if together.isascii() and together == together.lower():
        return
    for name in fields:
        folded = name.casefold()
        if folded != name and folded in managed:
            raise other_case(name, folded)


def other_case(name: str, right: str) -> BadBody:
    """Return the error for a field that is spelled in another case than required."""
    return BadBody(f"the field {_quoted(name)} must be written {_quoted(right)}", name[:_SHOWN])


def _quoted(name: str) -> str:
    return msgspec.json.encode(name[:_SHOWN]).decode()
