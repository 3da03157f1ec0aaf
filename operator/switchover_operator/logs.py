"""Log records → lines on standard output: JSON for machines or text for a terminal.

The data plane's lines have the same two forms; the two processes share a terminal, but no code. Further fields are
given as `extra={"fields": {...}}`. Characters that are not printable are escaped in both forms, as objects hold texts
that others wrote (CWE-117).
"""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any, Literal

import click
import msgspec

LogFormat = Literal["json", "text"]


def configure(log_format: LogFormat) -> None:
    """Send every record of level INFO and above to standard output. Called once, by a process's entry point."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonLines() if log_format == "json" else TextLines(colour=sys.stdout.isatty()))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    for library in ("asyncio", "watchfiles"):
        logging.getLogger(library).setLevel(logging.WARNING)


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    given = getattr(record, "fields", None)
    return given if isinstance(given, dict) else {}


def printable(text: str) -> str:
    """Escape characters that are not printable: C0 and C1, line ends, bidirectional marks, lone surrogates."""
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)


def _one_line(content: dict[str, Any]) -> str:
    """Write JSON; characters that are not printable are escaped."""
    try:
        line = msgspec.json.encode(content).decode()
    except UnicodeEncodeError:  # a lone surrogate
        line = json.dumps(content, default=str)
    if line.isprintable():
        return line
    return "".join(letter if letter.isprintable() else json.dumps(letter)[1:-1] for letter in line)


class JsonLines(logging.Formatter):
    """One JSON object a line: `time` (RFC 3339), `level`, `msg`, the record's fields; `exception` after an error."""

    def format(self, record: logging.LogRecord) -> str:
        """Record → line."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat().replace("+00:00", "Z"),
            "level": record.levelname,
            "msg": record.getMessage(),
            **_fields(record),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return _one_line(line)


class TextLines(logging.Formatter):
    """Local time and message, with colours on a terminal; a traceback follows on lines of its own."""

    def __init__(self, *, colour: bool) -> None:
        super().__init__()
        self._colour = colour

    def format(self, record: logging.LogRecord) -> str:
        """Record → line."""
        time = datetime.fromtimestamp(record.created).strftime("%H:%M:%S.%f")[:-3]
        message = printable(record.getMessage())
        if self._colour and record.levelno >= logging.WARNING:
            message = click.style(message, fg="red" if record.levelno >= logging.ERROR else "yellow")
        line = f"{time}  {message}"
        if record.exc_info:
            line += "".join(f"\n  {printable(part)}" for part in self.formatException(record.exc_info).split("\n"))
        return line
