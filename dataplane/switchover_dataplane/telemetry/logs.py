"""Log records → one line each on standard output: JSON for machines, or text for people.

Additional fields come as `extra={"fields": {...}}`. Characters that are not printable are escaped in both forms: a
caller must not write log lines of its own, or commands to a terminal (CWE-117).
"""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

_COLOURS: Final = {"WARNING": "33", "ERROR": "31", "CRITICAL": "31;1"}
_encoder = msgspec.json.Encoder()


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    given = getattr(record, "fields", None)
    return given if isinstance(given, dict) else {}


def printable(text: str) -> str:
    """Escape what is not printable: control characters, line ends, direction marks, half a surrogate pair."""
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)


def _one_line(content: dict[str, Any]) -> str:
    """Write JSON with all characters escaped that are not printable."""
    try:
        line = _encoder.encode(content).decode()
    except UnicodeEncodeError:  # half a surrogate pair
        line = json.dumps(content, default=str)
    if line.isprintable():
        return line
    return "".join(letter if letter.isprintable() else json.dumps(letter)[1:-1] for letter in line)


class JsonLines(logging.Formatter):
    """`{"time": RFC 3339, "level", "msg", ...fields}`."""

    def format(self, record: logging.LogRecord) -> str:
        """Write a record as one line."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat().replace("+00:00", "Z"),
            "level": record.levelname,
            "msg": record.getMessage(),
            **_fields(record),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return _one_line(line)


class Text(logging.Formatter):
    """`time  message`, with colours on a terminal; each attempt of a trace has its own line."""

    def __init__(self, *, colour: bool) -> None:
        super().__init__()
        self._colour = colour

    def format(self, record: logging.LogRecord) -> str:
        """Write a record for a person."""
        time = datetime.fromtimestamp(record.created).strftime("%H:%M:%S.%f")[:-3]
        text = f"{time}  {self._painted(record.levelname, printable(record.getMessage()))}"
        for number, step in enumerate(_fields(record).get("attempts", ()), 1):
            what = step.get("detail") or step["status"]
            reason = f" {step['error_class']}" if step["error_class"] else ""
            line = printable(f"{step['model'] or step['target']}: {what}{reason}")
            text += f"\n              {number}. {line} after {step['duration_ms']} ms, then: {step['decision']}"
        if record.exc_info:
            text += "".join(f"\n  {printable(line)}" for line in self.formatException(record.exc_info).split("\n"))
        return text

    def _painted(self, level: str, text: str) -> str:
        return f"\x1b[{_COLOURS[level]}m{text}\x1b[0m" if self._colour and level in _COLOURS else text


def start(form: str) -> None:
    """Send all logs to standard output as `form`, "json" or "text"."""
    _record_only_what_is_written()
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonLines() if form == "json" else Text(colour=sys.stdout.isatty()))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    logging.getLogger("asyncio").setLevel(logging.WARNING)


def _record_only_what_is_written() -> None:
    """Leave out of each record what neither form writes: its place in the code, its thread, process and task.

    Source: Python's Logging HOWTO, "Optimization". A request that failed over is logged, so that it is a part of its
    cost.
    """
    logging._srcfile = None
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    if sys.version_info >= (3, 12):
        logging.logAsyncioTasks = False
