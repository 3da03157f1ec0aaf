"""The two forms of a log line: one for each record, whatever stands in objects and whatever callers send."""

import logging
import os
import pty
import sys
from pathlib import Path

import msgspec
import pytest

from logged import FORGED, ODD, record
from switchover_dataplane.log_lines import JsonLines, TextLines, has_colours


@pytest.mark.parametrize(("sent", "written"), ODD.values(), ids=ODD.keys())
def test_text_lines_escape_what_is_not_printable(sent: str, written: str) -> None:
    line = TextLines(colour=False).format(record(f"a{sent}{FORGED}"))

    assert f"a{written}{FORGED}" in line
    assert line.isprintable()


@pytest.mark.parametrize(("sent", "_written"), ODD.values(), ids=ODD.keys())
def test_json_lines_escape_what_is_not_printable_and_mean_the_same(sent: str, _written: str) -> None:
    line = JsonLines().format(record(f"a{sent}{FORGED}", object=f"m{sent}{FORGED}"))

    assert line.isprintable()
    if sent != "\ud83d":
        decoded = msgspec.json.decode(line)
        assert (decoded["msg"], decoded["object"]) == (f"a{sent}{FORGED}", f"m{sent}{FORGED}")


def test_what_is_printable_stays_as_it_is() -> None:
    assert TextLines(colour=False).format(record("größer \\n 日本語 🙂")).endswith("  größer \\n 日本語 🙂")
    assert "größer 日本語 🙂" in JsonLines().format(record("größer 日本語 🙂"))


def test_the_colour_of_a_warning_is_ours() -> None:
    line = TextLines(colour=True).format(record("\x1b[32mgood"))

    assert line.endswith("\x1b[33m\\x1b[32mgood\x1b[0m")


@pytest.mark.parametrize("form", [TextLines(colour=False), JsonLines()], ids=["text", "JSON"])
def test_the_text_of_an_exception_begins_no_line(form: logging.Formatter) -> None:
    made = record("it failed")
    try:
        raise ValueError(f"x\n{FORGED}")
    except ValueError:
        made.exc_info = sys.exc_info()

    assert not [line for line in form.format(made).split("\n") if line.startswith(FORGED)]


@pytest.mark.parametrize(("value", "coloured"), [(None, True), ("", True), ("1", False), ("0", False)])
def test_a_terminal_has_colours_unless_no_color_is_set(
    monkeypatch: pytest.MonkeyPatch, value: str | None, coloured: bool
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    if value is not None:
        monkeypatch.setenv("NO_COLOR", value)
    ours, theirs = pty.openpty()
    with os.fdopen(ours), os.fdopen(theirs, "w") as terminal:
        assert has_colours(terminal) is coloured


def test_a_file_has_no_colours() -> None:
    with Path(os.devnull).open("w") as file:
        assert not has_colours(file)
