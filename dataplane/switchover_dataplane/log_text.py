"""Text and fields of a log line → what may be written: every character that is not printable is escaped.

A line holds what others wrote, who must not write log lines of their own, or commands to a terminal (CWE-117).
"""

import json
from typing import Any, Final

import msgspec

_encoder: Final = msgspec.json.Encoder()
_DELETE: Final = b"\x7f"


def printable(text: str) -> str:
    """Escape what is not printable: control characters, line ends, direction marks, half a surrogate pair."""
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)


def json_line(content: dict[str, Any] | msgspec.Struct) -> str:
    """Write JSON with all characters escaped that are not printable."""
    try:
        written = _encoder.encode(content)
        if written.isascii() and _DELETE not in written:
            return written.decode()  # the encoder escapes all other control characters
        line = written.decode()
    except UnicodeEncodeError:  # half a surrogate pair
        line = json.dumps(msgspec.to_builtins(content), default=str)
    if line.isprintable():
        return line
    return "".join(letter if letter.isprintable() else json.dumps(letter)[1:-1] for letter in line)
