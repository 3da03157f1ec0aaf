"""Every command of every page is run, and prints what the page says; `page_commands` says which other test runs one."""

import shutil
from pathlib import Path

import pytest

from page_blocks import ROOT, Block, blocks, pages
from page_commands import ELSEWHERE, GROUPS, Group
from page_terminal import COMMANDS, DATA, Terminal, terminal


def is_run_elsewhere(block: Block) -> bool:
    return any(block.page == page and block.text.startswith(beginning) for page, beginning in ELSEWHERE)


def of_a_page(page: str) -> list[Block]:
    """What is run of a page, and what is to come out of it. The output of what is run elsewhere is left out, too."""
    kept: list[Block] = []
    is_elsewhere = True
    for block in blocks(page):
        if block.language in COMMANDS:
            is_elsewhere = is_run_elsewhere(block)
        if block.file or not is_elsewhere:
            kept.append(block)
    return kept if any(block.language in COMMANDS for block in kept) else []


GROUPED = [page for group in GROUPS for page in group.pages]
ALONE = [page for page in pages() if of_a_page(page) and page not in GROUPED]


def read(opened: Terminal, page: str) -> None:
    """Do what a reader of the page does."""
    for block in of_a_page(page):
        opened.run(block)
    opened.finish()


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize("page", ALONE)
def test_the_commands_of_a_page_do_what_it_says(page: str, tmp_path: Path) -> None:
    with terminal(tmp_path) as opened:
        read(opened, page)


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize("group", GROUPS, ids=[group.pages[0] for group in GROUPS])
def test_the_commands_of_pages_about_a_gateway_that_runs_do_what_they_say(group: Group, tmp_path: Path) -> None:
    with terminal(tmp_path) as opened:
        opened.run(Block("setup", 0, "sh", "", group.setup))
        for page in group.pages:
            read(opened, page)


@pytest.mark.parametrize("page", pages())
def test_every_block_says_what_it_is(page: str) -> None:
    assert [block.place for block in blocks(page) if block.language not in COMMANDS + DATA] == []


@pytest.mark.parametrize(("page", "beginning"), ELSEWHERE)
def test_what_is_not_run_with_its_page_is_there_and_names_its_test(page: str, beginning: str) -> None:
    test, reason = ELSEWHERE[page, beginning]
    assert any(block.text.startswith(beginning) for block in blocks(page))
    assert (ROOT / test).exists()
    assert reason
