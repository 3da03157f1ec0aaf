"""Log records → lines on standard output, in the two forms that the data plane's lines have (`log_lines.py`)."""

import logging
import sys
from typing import Literal

from switchover_dataplane.log_lines import JsonLines, TextLines

LogFormat = Literal["json", "text"]


def configure(log_format: LogFormat) -> None:
    """Send every record of level INFO and above to standard output. Called once, by a process's entry point."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonLines() if log_format == "json" else TextLines(colour=sys.stdout.isatty()))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    for library in ("asyncio", "watchfiles"):
        logging.getLogger(library).setLevel(logging.WARNING)
