"""The content of a log line → JSON in one line, with all characters escaped that are not printable."""

import json
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from switchover_dataplane.telemetry.line import Line

_encoder: Final = msgspec.json.Encoder()
_DELETE: Final = b"\x7f"


def one_line(content: dict[str, Any] | Line) -> str:
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


def line_of(created: float, level: str, message: str, fields: Line) -> str:
    """Write a line of a kind that is frequent; `created` is in seconds since 1970."""
    return one_line(replace(fields, time=datetime.fromtimestamp(created, UTC), level=level, msg=message))
