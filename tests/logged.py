"""Records of the log: what one tells beside its message, and texts that could forge lines."""

import logging
from typing import Any

import msgspec

FORGED = "23:59:59.000000  KEY ROTATED by admin"
ODD = {
    "a line feed": ("\n", r"\n"),
    "a carriage return": ("\r", r"\r"),
    "a NUL": ("\0", r"\x00"),
    "an escape": ("\x1b[2J", r"\x1b[2J"),
    "a bell": ("\x07", r"\x07"),
    "a delete": ("\x7f", r"\x7f"),
    "C1's control sequence introducer": ("\x9b2J", r"\x9b2J"),
    "a next line": ("\x85", r"\x85"),
    "a line separator": ("\u2028", r"\u2028"),
    "a paragraph separator": ("\u2029", r"\u2029"),
    "an override of direction": ("\u202e", r"\u202e"),
    "an isolate": ("\u2066", r"\u2066"),
    "a mark of direction": ("\u200f", r"\u200f"),
    "a byte order mark": ("\ufeff", r"\ufeff"),
    "half a surrogate": ("\ud83d", r"\ud83d"),
    "a tag": ("\U000e0041", r"\U000e0041"),
}


def record(message: str, **fields: object) -> logging.LogRecord:
    made = logging.LogRecord("x", logging.WARNING, "x", 1, "%s", (message,), None)
    made.fields = fields
    return made


def fields_of(record: logging.LogRecord) -> dict[str, Any]:
    """Return the additional fields of a record as they are written; the record has some."""
    fields: dict[str, Any] = msgspec.to_builtins(record.__dict__["fields"])
    return fields
