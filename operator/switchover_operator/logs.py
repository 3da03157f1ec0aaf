"""Log records → lines on standard output, in the two forms that the data plane's lines have (`log_lines.py`)."""

import logging
import sys
from typing import Literal

from switchover_dataplane.log_lines import JsonLines, TextLines, has_colours
from switchover_dataplane.log_text import printable

LogFormat = Literal["json", "text"]


class _Text(TextLines):
    """A record's `more` follows it, a line each, indented: whoever copies such a line has no time before it."""

    def details(self, record: logging.LogRecord) -> str:
        """Write the lines that follow."""
        return "".join(f"\n    {printable(line)}" for line in getattr(record, "more", ()))


def configure(log_format: LogFormat) -> None:
    """Send every record of level INFO and above to standard output. Called once, by a process's entry point."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonLines() if log_format == "json" else _Text(colour=has_colours(sys.stdout)))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    for library in ("asyncio", "watchfiles"):
        logging.getLogger(library).setLevel(logging.WARNING)
