"""Log records → one line each on standard output, in the two forms of `log_lines.py`.

Additional fields come as `extra={"fields": {...}}`, and those of a frequent line as a `Line`, with `info`.
"""

import asyncio
import logging
import sys
import time
from datetime import UTC, datetime
from typing import Final, TextIO

import msgspec
from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from switchover_dataplane import log_lines


class Line(msgspec.Struct, kw_only=True, omit_defaults=True, gc=False):
    """The fields of one kind of line; what is logged adds its own. The three here are set as the line is written."""

    time: datetime | UnsetType = UNSET
    level: str | UnsetType = UNSET
    msg: str | UnsetType = UNSET


# Forms of the standard library read these out of a record's `__dict__`.
_SAME_IN_ALL: Final = {
    "levelname": "INFO",
    "levelno": logging.INFO,
    "args": (),
    "lineno": 0,
    "msecs": 0.0,
    "relativeCreated": 0.0,
    **dict.fromkeys(("pathname", "filename", "module", "funcName"), ""),
    **dict.fromkeys(("exc_info", "exc_text", "stack_info", "thread", "threadName", "process", "processName")),
}


class Entry(logging.LogRecord):
    """A record with the level INFO that has only what the two forms write, and so costs a fraction of another one."""

    def __init__(self, name: str, message: str, fields: Line) -> None:
        self.__dict__.update(_SAME_IN_ALL)
        self.name = name
        self.msg = message
        self.fields = fields
        self.created = time.time()

    def getMessage(self) -> str:  # noqa: N802 - a name of the standard library
        """Return the message."""
        return str(self.msg)


def info(logger: logging.Logger, message: str, fields: Line) -> None:
    """Log a line; whoever makes its fields asks before whether the logger is enabled for INFO."""
    logger.handle(Entry(logger.name, message, fields))


class JsonLines(log_lines.JsonLines):
    """A frequent line is written from its `Line` as it is."""

    def format(self, record: logging.LogRecord) -> str:
        """Write a record as one line."""
        if isinstance(record, Entry):
            created = datetime.fromtimestamp(record.created, UTC)
            line = replace(record.fields, time=created, level=record.levelname, msg=record.getMessage())
            return log_lines.json_line(line)
        return super().format(record)


class Text(log_lines.TextLines):
    """Each attempt of a trace has its own line."""

    def details(self, record: logging.LogRecord) -> str:
        """Write the attempts of a trace, if the record is one."""
        text = ""
        for number, step in enumerate(log_lines.fields_of(record).get("attempts", ()), 1):
            what = step.get("detail") or step["status"]
            reason = f" {step['error_class']}" if step["error_class"] else ""
            line = log_lines.printable(f"{step['model'] or step['target']}: {what}{reason}")
            text += f"\n              {number}. {line} after {step['duration_ms']} ms, then: {step['decision']}"
        return text


class Output(logging.StreamHandler[TextIO]):
    """Writes the lines of one turn of the event loop at once, in their order, and those of a process without one as
    they come. A warning or an error, and the end of the process, let nothing wait.
    """

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self._lines: list[str] = []
        self._waits_in: asyncio.AbstractEventLoop | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Add the line of a record."""
        try:
            self._lines.append(self.format(record))
        except Exception:  # noqa: BLE001 - no line is worth the request that it is about
            self.handleError(record)
            return
        loop = None if record.levelno >= logging.WARNING else _running_loop()
        if loop is None:
            self._write(record)
        elif self._waits_in is not loop:
            # It may be another loop that waits: one that was closed before its turn came writes nothing.
            self._waits_in = loop
            loop.call_soon(self._write, record)

    def flush(self) -> None:
        """Write the lines that wait."""
        self.acquire()
        try:
            self._waits_in = None
            lines, self._lines = self._lines, []
            if lines:
                self.stream.write("\n".join(lines) + "\n")
            self.stream.flush()
        finally:
            self.release()

    def _write(self, record: logging.LogRecord) -> None:
        try:
            self.flush()
        except Exception:  # noqa: BLE001 - as above
            self.handleError(record)


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def start(form: str) -> None:
    """Send all logs to standard output as `form`, "json" or "text"."""
    _record_only_what_is_written()
    handler = Output(sys.stdout)
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
