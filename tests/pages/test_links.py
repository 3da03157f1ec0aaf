"""Every link of every page leads somewhere, and every page of the documentation is linked."""

import re
from pathlib import PurePosixPath

import pytest

from page_blocks import ROOT, anchors, links, pages

OF_READERS = [page for page in pages() if page.startswith("docs/")]


def place(page: str, target: str) -> tuple[str, str]:
    """The file that a link leads to, from the root, and what stands behind `#`."""
    path, _, anchor = target.partition("#")
    return str((ROOT / page).parent.joinpath(path).resolve().relative_to(ROOT)) if path else page, anchor


def is_relative(target: str) -> bool:
    return re.match(r"[a-z]+:", target) is None


@pytest.mark.parametrize("page", pages())
def test_every_link_of_a_page_leads_to_a_file_and_a_heading_that_exist(page: str) -> None:
    lost = []
    for line, target in links(page):
        if is_relative(target):
            file, anchor = place(page, target)
            is_there = (ROOT / file).exists() and (not anchor or anchor in anchors(file))
            lost += [] if is_there else [f"{page}:{line}: {target}"]
    assert lost == []


def test_the_index_leads_to_every_page_of_the_documentation() -> None:
    linked = {place("docs/README.md", target)[0] for _, target in links("docs/README.md") if is_relative(target)}
    below = {page for page in OF_READERS if PurePosixPath(page).parts[1] == "performance"}
    assert sorted({*OF_READERS} - linked - below - {"docs/README.md"}) == []


def test_the_first_page_fits_on_two_screens_and_leads_to_the_index() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 100
    assert "docs/README.md" in [target for _, target in links("README.md")]
