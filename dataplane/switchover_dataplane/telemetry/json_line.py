"""The fields of a frequent line → its text."""

from datetime import UTC, datetime

from msgspec.structs import replace

from switchover_dataplane.log_text import json_line
from switchover_dataplane.telemetry.line import Line


def line_of(created: float, level: str, message: str, fields: Line) -> str:
    """Write a line; `created` is in seconds since 1970."""
    return json_line(replace(fields, time=datetime.fromtimestamp(created, UTC), level=level, msg=message))
