"""Every command of every page is run, and prints what the page says; `page_commands` says which other test runs one."""

import shutil
from pathlib import Path

import pytest

import page_commands
from page_blocks import ROOT, Block, blocks, pages
from page_terminal import terminal

COMMANDS = ("sh", "console", "python")
DATA = ("yaml", "json", "toml", "text", "log", "js", "promql", "diff")
GUIDE = (
    "switchover simulate &\nswitchover run manifests/examples/model-failover "
    "--connect-to model-failover.gloo-system.svc.cluster.local:80:127.0.0.1:18080 &"
)


def is_run_elsewhere(block: Block) -> bool:
    return any(block.page == page and block.text.startswith(beginning) for page, beginning in page_commands.ELSEWHERE)


def of_a_page(page: str) -> list[Block]:
    """What is run of a page, with what is to come out of it: the output of what is run elsewhere is left out, too."""
    kept: list[Block] = []
    is_elsewhere = True
    for block in blocks(page):
        if block.language in COMMANDS:
            is_elsewhere = is_run_elsewhere(block)
        if block.file or not is_elsewhere:
            kept.append(block)
    return kept if any(block.language in COMMANDS for block in kept) else []


RUN = [page for page in pages() if of_a_page(page)]


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize("page", RUN)
def test_the_commands_of_a_page_do_what_it_says(page: str, tmp_path: Path) -> None:
    with terminal(tmp_path) as opened:
        if page in page_commands.WITH_THE_GUIDE:
            opened.run(Block(page, 0, "sh", "", GUIDE))
        for block in of_a_page(page):
            opened.run(block)


@pytest.mark.parametrize("page", pages())
def test_every_block_says_what_it_is(page: str) -> None:
    assert [block.place for block in blocks(page) if block.language not in COMMANDS + DATA] == []


@pytest.mark.parametrize(("page", "beginning"), page_commands.ELSEWHERE)
def test_what_is_not_run_with_its_page_is_there_and_names_its_test(page: str, beginning: str) -> None:
    test, reason = page_commands.ELSEWHERE[page, beginning]
    assert any(block.text.startswith(beginning) for block in blocks(page))
    assert (ROOT / test).exists()
    assert reason
