"""Log records → one line each on standard output: JSON for machines, or text for people.

Fields beside the message come as `extra={"fields": {...}}`.
"""

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
        return _encoder.encode(line).decode()


class Text(logging.Formatter):
    """`time  message`, coloured where a person looks on; the attempts of a trace on lines of their own."""

    def __init__(self, *, colour: bool) -> None:
        super().__init__()
        self._colour = colour

    def format(self, record: logging.LogRecord) -> str:
        """Write a record for a person."""
        time = datetime.fromtimestamp(record.created).strftime("%H:%M:%S.%f")[:-3]
        text = f"{time}  {self._painted(record.levelname, record.getMessage())}"
        for number, step in enumerate(_fields(record).get("attempts", ()), 1):
            what = step.get("detail") or step["status"]
            reason = f" {step['error_class']}" if step["error_class"] else ""
            text += (
                f"\n              {number}. {step['model'] or step['target']}: {what}{reason}"
                f" after {step['duration_ms']} ms, then: {step['decision']}"
            )
        if record.exc_info:
            text += "\n" + self.formatException(record.exc_info)
        return text

    def _painted(self, level: str, text: str) -> str:
        return f"\x1b[{_COLOURS[level]}m{text}\x1b[0m" if self._colour and level in _COLOURS else text


def start(form: str) -> None:
    """Send all logs to standard output as `form`, "json" or "text"."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonLines() if form == "json" else Text(colour=sys.stdout.isatty()))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    logging.getLogger("asyncio").setLevel(logging.WARNING)
