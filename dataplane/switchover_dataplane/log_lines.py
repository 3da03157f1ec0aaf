"""Log records → one line each: JSON for machines, or text for people.

The lines of operator and data plane often go to one terminal, and both hold what others wrote. So both processes write
these two forms, in which every character that is not printable is escaped: nobody writes log lines of their own, or
commands to a terminal (CWE-117).
"""

import logging
import os
from datetime import UTC, datetime
from typing import Any, Final, TextIO

import msgspec

from switchover_dataplane.log_text import json_line, printable

_COLOURS: Final = {"WARNING": "33", "ERROR": "31", "CRITICAL": "31;1"}


def fields_of(record: logging.LogRecord) -> dict[str, Any]:
    """Return the additional fields of a record, which come as `extra={"fields": {...}}`."""
    given = getattr(record, "fields", None)
    if isinstance(given, msgspec.Struct):
        given = msgspec.to_builtins(given)
    return given if isinstance(given, dict) else {}


def has_colours(output: TextIO) -> bool:
    """Whether lines for people are coloured there: on a terminal, unless NO_COLOR is set (https://no-color.org)."""
    return output.isatty() and not os.environ.get("NO_COLOR")


class JsonLines(logging.Formatter):
    """`{"time": RFC 3339, "level", "msg", ...fields}`; `exception` after an error."""

    def format(self, record: logging.LogRecord) -> str:
        """Write a record as one line."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat().replace("+00:00", "Z"),
            "level": record.levelname,
            "msg": record.getMessage(),
            **fields_of(record),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json_line(line)


class TextLines(logging.Formatter):
    """`time  message`, with colours on a terminal; `details` and a traceback follow on lines of their own."""

    def __init__(self, *, colour: bool) -> None:
        super().__init__()
        self._colour = colour

    def format(self, record: logging.LogRecord) -> str:
        """Write a record for a person."""
        time = datetime.fromtimestamp(record.created).strftime("%H:%M:%S.%f")[:-3]
        text = f"{time}  {self._painted(record.levelname, printable(record.getMessage()))}{self.details(record)}"
        if record.exc_info:
            text += "".join(f"\n  {printable(line)}" for line in self.formatException(record.exc_info).split("\n"))
        return text

    def details(self, record: logging.LogRecord) -> str:
        """Return what follows the message, printable but for the ends of lines."""
        del record
        return ""

    def _painted(self, level: str, text: str) -> str:
        return f"\x1b[{_COLOURS[level]}m{text}\x1b[0m" if self._colour and level in _COLOURS else text
