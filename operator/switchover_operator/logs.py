"""Log records → lines on standard output, as JSON for machines or as text for a terminal.

The data plane writes its own lines in the same two forms; the processes share a terminal, not code.
"""

import logging
import sys
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

LogFormat = Literal["json", "text"]

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def configure(log_format: LogFormat) -> None:
    """Send every record of level INFO and above to standard output. Called once, by a process's entry point."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonLines() if log_format == "json" else TextLines())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)


class JsonLines(logging.Formatter):
    """One JSON object a line: `time`, `level`, `msg`, what `extra` gave, and `traceback` after an error."""

    def format(self, record: logging.LogRecord) -> str:
        """Record → line."""
        fields: dict[str, Any] = {"time": _time(record), "level": record.levelname, "msg": record.getMessage()}
        fields |= {name: value for name, value in vars(record).items() if name not in _STANDARD}
        if record.exc_info:
            fields["traceback"] = self.formatException(record.exc_info)
        return msgspec.json.encode(fields, enc_hook=str).decode()


class TextLines(logging.Formatter):
    """Time, level unless it is INFO, and the message; a traceback follows on lines of its own."""

    def format(self, record: logging.LogRecord) -> str:
        """Record → line."""
        level = "" if record.levelno == logging.INFO else f"{record.levelname.lower()}: "
        line = f"{_time(record)[11:23]} {level}{record.getMessage()}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
