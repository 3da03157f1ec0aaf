"""docs/security.md names a test for each promise: every one of them exists, and pytest runs it."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "security.md"
NAMED = re.findall(r"`(tests/[^`]+?)(?:::([^`]+))?`", PAGE.read_text())


@pytest.mark.parametrize(("file", "test"), NAMED)
def test_every_test_that_a_promise_names_exists(file: str, test: str) -> None:
    assert (ROOT / file).exists()
    if test:
        assert re.search(rf"^(?:async )?def {re.escape(test)}\(", (ROOT / file).read_text(), re.MULTILINE)


def test_every_promise_names_a_test() -> None:
    rows = re.findall(r"^\| (?!promise|---)(.+) \| (.+) \|$", _promises(), re.MULTILINE)
    assert len(rows) > 20
    assert [promise for promise, tests in rows if "`tests/" not in tests] == []


def _promises() -> str:
    """The tables whose second column is a test."""
    tables = re.split(r"\n\n", PAGE.read_text())
    return "\n".join(table for table in tables if table.startswith("| promise | test |"))
