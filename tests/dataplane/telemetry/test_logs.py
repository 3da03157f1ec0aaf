"""Log lines: one for each record, whatever callers send."""

import logging
import sys

import msgspec
import pytest

from switchover_dataplane.telemetry import logs, trace

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


def step(model: str) -> dict[str, object]:
    return {"model": model, "target": "t", "status": 500, "error_class": model, "duration_ms": 1, "decision": "next"}


@pytest.mark.parametrize(("sent", "written"), ODD.values(), ids=ODD.keys())
def test_text_lines_escape_what_is_not_printable(sent: str, written: str) -> None:
    line = logs.Text(colour=False).format(record(f"a{sent}{FORGED}", attempts=[step(f"m{sent}{FORGED}")]))

    assert f"a{written}{FORGED}" in line
    assert f"m{written}{FORGED}" in line
    assert [each for each in line if not each.isprintable()] == ["\n"]


@pytest.mark.parametrize(("sent", "_written"), ODD.values(), ids=ODD.keys())
def test_json_lines_escape_what_is_not_printable_and_mean_the_same(sent: str, _written: str) -> None:
    line = logs.JsonLines().format(record(f"a{sent}{FORGED}", attempts=[step(f"m{sent}{FORGED}")]))

    assert line.isprintable()
    if sent != "\ud83d":
        decoded = msgspec.json.decode(line)
        assert (decoded["msg"], decoded["attempts"][0]["model"]) == (f"a{sent}{FORGED}", f"m{sent}{FORGED}")


def test_what_is_printable_stays_as_it_is() -> None:
    assert logs.Text(colour=False).format(record("größer \\n 日本語 🙂")).endswith("  größer \\n 日本語 🙂")
    assert "größer 日本語 🙂" in logs.JsonLines().format(record("größer 日本語 🙂"))


def test_the_colour_of_a_warning_is_ours() -> None:
    line = logs.Text(colour=True).format(record("\x1b[32mgood"))

    assert line.endswith("\x1b[33m\\x1b[32mgood\x1b[0m")


def test_a_callers_name_of_a_model_is_cut_where_it_is_too_long() -> None:
    attempt = trace.Attempt(0, "ns/up/0/0", "openai", "m" * 10_000, 0.0)
    of = trace.Record("id", "ns/route", "0", 0.0, [attempt])

    assert len(trace.message(of)) < 300
    assert len(trace.line(of)["attempts"][0]["model"]) == 256


@pytest.mark.parametrize("form", [logs.Text(colour=False), logs.JsonLines()], ids=["text", "JSON"])
def test_the_text_of_an_exception_begins_no_line(form: logging.Formatter) -> None:
    made = record("it failed")
    try:
        raise ValueError(f"x\n{FORGED}")
    except ValueError:
        made.exc_info = sys.exc_info()

    assert not [line for line in form.format(made).split("\n") if line.startswith(FORGED)]
