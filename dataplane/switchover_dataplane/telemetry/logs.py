"""Log records → one line each on standard output, in the two forms of `log_lines.py`.

Additional fields come as `extra={"fields": {...}}`, and those of a frequent line as a `Line`, with `info`.
"""

import asyncio
import logging
import sys
import time
from typing import Final, TextIO

from switchover_dataplane import log_lines
from switchover_dataplane.log_text import printable
from switchover_dataplane.telemetry.json_line import line_of
from switchover_dataplane.telemetry.line import Line

# Forms of the standard library read these out of a record's `__dict__`.
_SAME_IN_ALL: Final = {
    "args": (),
    "lineno": 0,
    "msecs": 0.0,
    "relativeCreated": 0.0,
    **dict.fromkeys(("pathname", "filename", "module", "funcName"), ""),
    **dict.fromkeys(("exc_info", "exc_text", "stack_info", "thread", "threadName", "process", "processName")),
}


_NAMES: Final = {logging.INFO: "INFO", logging.WARNING: "WARNING", logging.ERROR: "ERROR"}


class Entry(logging.LogRecord):
    """A record that has only what the two forms write, and so costs a fraction of another one."""

    def __init__(self, name: str, level: int, message: str, fields: Line) -> None:
        self.__dict__.update(_SAME_IN_ALL)
        self.name = name
        self.levelno = level
        self.levelname = _NAMES[level]
        self.msg = message
        self.fields = fields
        self.created = time.time()

    def getMessage(self) -> str:  # noqa: N802 - a name of the standard library
        """Return the message."""
        return str(self.msg)


def write(logger: logging.Logger, level: int, message: str, fields: Line) -> None:
    """Log a line; whoever makes its fields asks before whether the logger is enabled for the level.

    A warning waits for the end of the event loop's turn as well: in an outage there is one for each request.
    """
    output = _only_output(logger)
    if output is None:
        logger.handle(Entry(logger.name, level, message, fields))
        return
    try:
        output.add(line_of(time.time(), _NAMES[level], message, fields))
    except Exception:  # noqa: BLE001 - no line is worth the request that it is about
        output.handleError(Entry(logger.name, level, message, fields))


def _only_output(logger: logging.Logger) -> "Output | None":
    """Return the output where all that a logger logs goes there alone, as JSON: the way to it costs as much again."""
    handlers = logging.root.handlers
    output = handlers[0] if len(handlers) == 1 else None
    if isinstance(output, Output) and output.is_json and logger.propagate and not logger.handlers:
        return output
    return None


class JsonLines(log_lines.JsonLines):
    """A frequent line is written from its `Line` as it is."""

    def format(self, record: logging.LogRecord) -> str:
        """Write a record as one line."""
        if isinstance(record, Entry):
            return line_of(record.created, record.levelname, record.getMessage(), record.fields)
        return super().format(record)


class Text(log_lines.TextLines):
    """Each attempt of a trace has its own line, and the line about a request its identifier."""

    def details(self, record: logging.LogRecord) -> str:
        """Write what a request was, and the attempts of a trace, if the record is about one."""
        fields = log_lines.fields_of(record)
        text = printable(f" (request {fields['request_id']})") if fields.get("request_id") else ""
        for number, step in enumerate(fields.get("attempts", ()), 1):
            what = step.get("detail") or step["status"]
            reason = f" {step['error_class']}" if step["error_class"] else ""
            name = f"{step['provider']}/{step['model']}" if step["model"] else step["target"]
            line = printable(f"{name}: {what}{reason}")
            text += f"\n              {number}. {line} after {step['duration_ms']} ms, then: {step['decision']}"
            if step.get("not_carried"):
                text += printable(f"; not carried: {', '.join(step['not_carried'])}")
        return text


class Output(logging.StreamHandler[TextIO]):
    """Writes the lines of one turn of the event loop at once, in their order, and those of a process without one as
    they come. A warning or an error that is not about one request, and the end of the process, let nothing wait.
    """

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self._lines: list[str] = []
        self._waits_in: asyncio.AbstractEventLoop | None = None

    @property
    def is_json(self) -> bool:
        """Whether the lines are JSON."""
        return isinstance(self.formatter, JsonLines)

    def emit(self, record: logging.LogRecord) -> None:
        """Add the line of a record."""
        try:
            line = self.format(record)
        except Exception:  # noqa: BLE001 - no line is worth the request that it is about
            self.handleError(record)
            return
        if record.levelno >= logging.WARNING and not isinstance(record, Entry):
            self._lines.append(line)
            self._write()
        else:
            self.add(line)

    def add(self, line: str) -> None:
        """Add a line, to be written at the end of the event loop's turn."""
        self._lines.append(line)
        loop = _running_loop()
        if loop is None:
            self._write()
        elif self._waits_in is not loop:
            # It may be another loop that waits: one that was closed before its turn came writes nothing.
            self._waits_in = loop
            loop.call_soon(self._write)

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

    def _write(self) -> None:
        try:
            self.flush()
        except Exception:  # noqa: BLE001 - as above
            self.handleError(Entry(__name__, logging.ERROR, "lines could not be written", Line()))


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def start(form: str) -> None:
    """Send all logs to standard output as `form`, "json" or "text"."""
    _record_only_what_is_written()
    handler = Output(sys.stdout)
    handler.setFormatter(JsonLines() if form == "json" else Text(colour=log_lines.has_colours(sys.stdout)))
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
        logging.logAsyncioTasks = False  # type: ignore[attr-defined, unused-ignore]  # no stub has it
