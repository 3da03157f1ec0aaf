"""A change that a page shows can be made: what it takes away or leaves stands in the file that it names."""

import pytest

from page_blocks import ROOT, Block, blocks, pages

CHANGES = [block for page in pages() for block in blocks(page) if block.text.startswith("--- ")]


def before(change: Block) -> list[tuple[str, str]]:
    """The file and the line of each line that is there before the change."""
    found: list[tuple[str, str]] = []
    file = ""
    for line in change.text.splitlines():
        if line.startswith("--- "):
            file = line.removeprefix("--- ")
        elif not line.startswith("+"):
            found.append((file, line[1:]))
    return found


@pytest.mark.parametrize("change", CHANGES, ids=[change.place for change in CHANGES])
def test_what_a_change_takes_away_or_leaves_is_there(change: Block) -> None:
    lines = before(change)

    assert lines
    assert [(file, line) for file, line in lines if line not in (ROOT / file).read_text().splitlines()] == []
