"""The bytes of a file → its text, in the encodings in which editors and shells save manifests."""

import codecs
from typing import Final

from switchover_operator.standalone.yaml_values import Unreadable

_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    # Before UTF-16, whose mark is the first half of this one.
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_AS_UTF8: Final = "save it as UTF-8 (in PowerShell: `Get-Content FILE | Out-File -Encoding utf8 NEW`)"
_BEGINNING: Final = 1024
"""Bytes in which it is looked for NUL bytes: a manifest begins with ASCII characters."""


def decoded(data: bytes) -> str:
    """Return the text of a file, UTF-8 or what its byte order mark says, with `\\n` alone at the end of lines.

    Raises:
        Unreadable: it is in another encoding; the message says which was tried and what to do.
    """
    mark, encoding = next((each for each in _MARKS if data.startswith(each[0])), (b"", "utf-8"))
    name = encoding.upper()
    if not mark and (guessed := _without_mark(data[:_BEGINNING])):
        raise Unreadable(f"not UTF-8 text: it seems to be {guessed} without a byte order mark; {_AS_UTF8}", 1)
    try:
        return data[len(mark) :].decode(encoding).replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = data[len(mark) : len(mark) + error.start].decode(encoding, "replace").count("\n") + 1
        so_it_says = ", though its byte order mark says so" if mark else ""
        raise Unreadable(f"not {name} text{so_it_says}; {_AS_UTF8}", line) from None


def _without_mark(beginning: bytes) -> str:
    """Name the encoding that ASCII characters between NUL bytes tell of; "" where there are none."""
    even, odd = beginning[::2].count(0), beginning[1::2].count(0)
    if 4 * (even + odd) < len(beginning) or not beginning:
        return ""
    if 8 * (even + odd) >= 5 * len(beginning):
        return "UTF-32"
    return "UTF-16LE" if odd > even else "UTF-16BE"
