"""docs/reference and docs/fields.md say what the code says."""

from collections.abc import Callable
from pathlib import Path

import pytest

from reference_pages import PAGES


@pytest.mark.parametrize(("file", "page"), PAGES.items(), ids=[file.stem for file in PAGES])
def test_a_page_is_what_the_code_says(file: Path, page: Callable[[], str]) -> None:
    assert file.read_text() == page(), "run: make reference"
