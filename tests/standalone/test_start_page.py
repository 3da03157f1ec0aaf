"""docs/start.md says what is so: its command prints what stands there, and its table has every provider."""

import re
import shlex
from pathlib import Path

from running import free_port, run
from switchover_operator.standalone.providers import OTHER_NAMES, PROVIDERS

PAGE = (Path(__file__).parents[2] / "docs" / "start.md").read_text()
KEYS = {"OPENAI_API_KEY": "sk-not-a-real-key", "MISTRAL_API_KEY": "not-a-real-key"}


def blocks() -> list[list[str]]:
    """The commands and outputs of the page: blocks that are indented by four spaces."""
    found = re.findall(r"(?:^    .*\n|^\n(?=    ))+", PAGE, re.MULTILINE)
    return [[line[4:] for line in block.splitlines() if line.strip()] for block in found]


async def test_the_first_command_prints_what_the_page_says() -> None:
    (command, *_) = [
        line for block in blocks() for line in block if line.startswith("switchover run --model openai/gpt-4o --")
    ]
    (expected,) = [block for block in blocks() if "ready: " in block[0]]
    port = free_port()
    flags = [*shlex.split(command)[2:], "--port", str(port), "--log-format", "text"]
    async with run(port, *flags, environment=KEYS) as running:
        await running.until_written("admin port: ")
    said = [line.rstrip().replace(f":{port}", ":8080") for line in running.written[: len(expected)]]
    without_time = re.compile(r"^\d\d:\d\d:\d\d\.\d\d\d")
    assert [without_time.sub("TIME", line) for line in said] == [without_time.sub("TIME", line) for line in expected]


def test_the_table_has_every_provider_with_its_variable_and_its_host() -> None:
    rows = re.findall(r"^\| (`[^|]*) \| ([^|]*) \| ([^|]*) \|$", PAGE, re.MULTILINE)
    told = {names: (variable, where) for names, variable, where in rows}
    assert len(told) == len(PROVIDERS)
    for name, provider in PROVIDERS.items():
        (row,) = [row for names, row in told.items() if names.startswith(f"`{name}`")]
        assert f"`{provider.variable}`" in row[0]
        assert ("none needed" in row[0]) is not provider.needs_key
        assert provider.host + provider.base_path in row[1]
    assert [name for name in re.findall(r"\(`(.*?)`\)", " ".join(told)) if name not in OTHER_NAMES] == []
