"""Pictures hold in light and in dark: each has its own background, or colours for both."""

import re
import subprocess
from xml.etree import ElementTree

import pytest

from page_blocks import ROOT, links, pages

PICTURES = subprocess.run(
    ["git", "-C", str(ROOT), "ls-files", "*.svg"], check=True, capture_output=True, text=True
).stdout.split()
SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize("picture", PICTURES)
def test_a_picture_is_well_formed_and_says_in_words_what_it_shows(picture: str) -> None:
    root = ElementTree.fromstring((ROOT / picture).read_text())
    assert root.tag == f"{SVG}svg"
    assert root.get("viewBox")
    title = root.find(f"{SVG}title")
    assert title is not None
    assert title.text


@pytest.mark.parametrize("picture", PICTURES)
def test_a_picture_has_a_background_of_its_own_or_colours_for_light_and_dark(picture: str) -> None:
    text = (ROOT / picture).read_text()
    root = ElementTree.fromstring(text)
    whole = (root.get("viewBox") or "").split()[2:]
    covers = [[each.get("width"), each.get("height")] in (whole, ["100%", "100%"]) for each in root.iter(f"{SVG}rect")]
    assert any(covers) or re.search(r"@media *\(prefers-color-scheme: *dark\)", text)


@pytest.mark.parametrize("picture", PICTURES)
def test_a_picture_is_shown_on_a_page(picture: str) -> None:
    shown = {(ROOT / page).parent.joinpath(target).resolve() for page in pages() for _, target in links(page)}
    assert (ROOT / picture).resolve() in shown
