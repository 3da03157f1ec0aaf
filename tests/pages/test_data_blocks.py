"""What pages show and nobody runs is right, too: manifests, scenarios, settings of clients, messages."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml

from agents.agents import Codex
from page_blocks import ROOT, Block, blocks, lines, pages
from switchover_simulator.scenario import parse

SHOWN = [block for page in pages() for block in blocks(page) if block.language == "yaml"]
SCENARIOS = [block for block in SHOWN if block.page == "docs/simulator.md"]


@pytest.mark.parametrize("block", SHOWN, ids=[block.place for block in SHOWN])
def test_yaml_of_a_page_is_yaml(block: Block) -> None:
    documents = block.text.split("\n") if block in SCENARIOS and "\n  " not in block.text else [block.text]
    for document in documents:
        assert [*yaml.safe_load_all(document)]


@pytest.mark.parametrize("block", SCENARIOS, ids=[block.place for block in SCENARIOS])
def test_a_scenario_of_a_page_is_one(block: Block) -> None:
    for text in block.text.split("\n") if "\n  " not in block.text else [block.text]:
        parse(text.encode())


def test_codex_is_set_up_as_its_sessions_are(tmp_path: Path) -> None:
    [shown] = [block for block in blocks("docs/how-to/codex.md") if block.language == "toml"]
    environment = Codex().environment(tmp_path, "http://127.0.0.1:8080")
    config = Path(environment["CODEX_HOME"]) / "config.toml"
    assert tomllib.loads(shown.text) == tomllib.loads(config.read_text())
    assert "GATEWAY_KEY" in environment


def sources() -> str:
    """The texts in the sources of both processes, put together where they are written in parts."""
    files = [*(ROOT / "dataplane").rglob("*.py"), *(ROOT / "operator").rglob("*.py")]
    joined = re.sub(r"\"\s*\n?\s*f?\"", "", "\n".join(file.read_text() for file in sorted(files)))
    return re.sub(r"\{[^{}]*\}", "...", joined)


def messages() -> list[str]:
    """What stands as code in the first column of the tables of the page."""
    rows = [line for line in lines("docs/troubleshooting.md") if line.startswith("| ") and "you see" not in line]
    return [text for row in rows for text in re.findall(r"`([^`]+)`", row.split(" | ")[0])]


def test_the_messages_that_one_can_look_up_are_those_that_are_written() -> None:
    written = sources()
    parts = {
        part.strip(" :;,.")
        for message in messages()
        for part in re.split(
            r"\.\.\.|\bNAME\b|\bopenai/gpt-4o\b|\bOPENAI_API_KEY\b|\bAddress already in use\b", message
        )
    }
    assert len(parts) > 40
    assert sorted(part for part in parts if part and part not in written) == []
