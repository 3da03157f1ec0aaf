"""The programs of docs/clients.md run as they stand there, while the first of two models fails."""

import asyncio
import re
import sys
from pathlib import Path

from running import free_port, run
from scripted import Scripted

PAGE = (Path(__file__).parents[2] / "docs" / "clients.md").read_text()


def program() -> str:
    """All blocks of Python on the page, one after the other."""
    found = re.findall(r"(?:^    .*\n|^\n(?=    ))+", PAGE, re.MULTILINE)
    blocks = ["\n".join(line[4:] for line in block.splitlines()) for block in found]
    return "\n".join(block for block in blocks if "export " not in block)


async def test_each_program_of_the_page_gets_its_answer_from_the_second_model() -> None:
    port = free_port()
    async with Scripted(429) as first, Scripted(200) as second:
        flags = ("--model", f"openai/a@127.0.0.1:{first.port}", "--model", f"openai/b@127.0.0.1:{second.port}")
        async with run(port, *flags, "--port", str(port), "--log-format", "json") as running:
            ready = await running.says("ready: ")
            app = await asyncio.create_subprocess_exec(
                *(sys.executable, "-W", "ignore", "-c", program()),
                env=ready["client"],
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
            said, wrong = await app.communicate()
    assert app.returncode == 0, wrong.decode()
    assert "openai/b" in said.decode()
    assert second.models == ["b"] * 4
