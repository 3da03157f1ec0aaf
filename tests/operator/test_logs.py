"""Log lines: one for each record, whatever stands in objects."""

import logging
import sys

import msgspec
import pytest

from switchover_operator import logs

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


@pytest.mark.parametrize(("sent", "written"), ODD.values(), ids=ODD.keys())
def test_text_lines_escape_what_is_not_printable(sent: str, written: str) -> None:
    line = logs.TextLines(colour=False).format(record(f"a{sent}{FORGED}"))

    assert f"a{written}{FORGED}" in line
    assert line.isprintable()


@pytest.mark.parametrize(("sent", "_written"), ODD.values(), ids=ODD.keys())
def test_json_lines_escape_what_is_not_printable_and_mean_the_same(sent: str, _written: str) -> None:
    line = logs.JsonLines().format(record(f"a{sent}{FORGED}", object=f"m{sent}{FORGED}"))

    assert line.isprintable()
    if sent != "\ud83d":
        decoded = msgspec.json.decode(line)
        assert (decoded["msg"], decoded["object"]) == (f"a{sent}{FORGED}", f"m{sent}{FORGED}")


def test_what_is_printable_stays_as_it_is() -> None:
    assert logs.TextLines(colour=False).format(record("größer \\n 日本語 🙂")).endswith("  größer \\n 日本語 🙂")
    assert "größer 日本語 🙂" in logs.JsonLines().format(record("größer 日本語 🙂"))


def test_the_colour_of_a_warning_is_ours() -> None:
    line = logs.TextLines(colour=True).format(record("\x1b[32mgood"))

    assert line.endswith("\x1b[33m\\x1b[32mgood\x1b[0m")


@pytest.mark.parametrize("form", [logs.TextLines(colour=False), logs.JsonLines()], ids=["text", "JSON"])
def test_the_text_of_an_exception_begins_no_line(form: logging.Formatter) -> None:
    made = record("it failed")
    try:
        raise ValueError(f"x\n{FORGED}")
    except ValueError:
        made.exc_info = sys.exc_info()

    assert not [line for line in form.format(made).split("\n") if line.startswith(FORGED)]
