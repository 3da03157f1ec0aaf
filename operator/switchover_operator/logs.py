"""Log records → lines on standard output: JSON for machines or text for a terminal.

The data plane's lines have the same two forms; the processes share a terminal, not code. Fields beside the message
come as `extra={"fields": {...}}`.
"""

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
        return msgspec.json.encode(line).decode()


class TextLines(logging.Formatter):
    """Local time and message, coloured where a person looks on; a traceback follows on lines of its own."""

    def __init__(self, *, colour: bool) -> None:
        super().__init__()
        self._colour = colour

    def format(self, record: logging.LogRecord) -> str:
        """Record → line."""
        time = datetime.fromtimestamp(record.created).strftime("%H:%M:%S.%f")[:-3]
        message = record.getMessage()
        if self._colour and record.levelno >= logging.WARNING:
            message = click.style(message, fg="red" if record.levelno >= logging.ERROR else "yellow")
        line = f"{time}  {message}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line
