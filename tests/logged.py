"""What a record of the log tells beside its message."""

import logging
from typing import Any

import msgspec


def fields_of(record: logging.LogRecord) -> dict[str, Any]:
    """Return the additional fields of a record as they are written; the record has some."""
    fields: dict[str, Any] = msgspec.to_builtins(record.__dict__["fields"])
    return fields
