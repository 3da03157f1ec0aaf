"""`make demo` as a user runs it: what it shows, and that it leaves nothing running however it ends."""

import asyncio
import os
import shutil
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from running import EXAMPLE, free_port

DEMO = Path(__file__).parents[2] / "tools" / "demo.py"
ATTEMPTED = '"model\\":\\"'


@dataclass
class Copy:
    """The example with another port, as the demo says how to make it."""

    folder: Path
    port: int

    def edit(self, file: str, old: str, new: str) -> None:
        path = self.folder / file
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new))


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    made = Copy(tmp_path / "copy", free_port())
    shutil.copytree(EXAMPLE, made.folder)
    made.edit("gateway.yaml", "port: 8080", f"port: {made.port}")
    return made


@asynccontextmanager
async def demo(copy: Copy, **environment: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(DEMO), str(copy.folder)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={name: value for name, value in os.environ.items() if "COLOR" not in name} | environment,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
            await process.communicate()


async def shown(copy: Copy, **environment: str) -> tuple[int | None, str, str]:
    """Run it to its end: exit status, standard output and standard error."""
    async with demo(copy, **environment) as process:
        out, error = await process.communicate()
        return process.returncode, out.decode(), error.decode()


def nothing_is_left(copy: Copy) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", copy.port)) != 0


async def test_the_demo_shows_three_models_in_order_then_a_rescue_and_ends_by_itself(copy: Copy) -> None:
    code, out, error = await shown(copy)
    assert (code, error) == (0, "")
    received = [line.split(ATTEMPTED)[1].split("\\")[0] for line in out.splitlines() if ATTEMPTED in line]
    assert received == ["gpt-4o", "gpt-4.0-turbo", "gpt-3.5-turbo", "gpt-4o", "gpt-4.0-turbo"]
    assert "< HTTP/1.1 429, after 3 attempts" in out
    assert "< HTTP/1.1 200, after 2 attempts" in out
    assert "failed over: openai/gpt-4o 429 rate-limited > openai/gpt-4.0-turbo 200" in out
    assert "\x1b" not in out
    assert nothing_is_left(copy)


async def test_a_demo_that_does_not_show_what_it_promises_fails_and_says_so(copy: Copy) -> None:
    copy.edit("upstream.yaml", "gpt-4.0-turbo", "gpt-4.0")
    code, _, error = await shown(copy)
    assert code == 1
    assert "this should have held: the provider is asked for ['gpt-4o', 'gpt-4.0-turbo', 'gpt-3.5-turbo'], not" in error
    assert nothing_is_left(copy)


async def test_a_port_in_use_is_named_with_what_to_do(copy: Copy) -> None:
    with socket.create_server(("127.0.0.1", copy.port)):
        code, _, error = await shown(copy, FORCE_COLOR="1")
    assert code == 1
    assert f"port {copy.port} cannot be had: Address already in use" in error
    assert "\x1b[31;1m" in error


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_an_interrupted_demo_leaves_nothing_running(copy: Copy, number: signal.Signals) -> None:
    async with demo(copy) as process:
        assert process.stdout is not None
        await process.stdout.readline()
        process.send_signal(number)
        _, error = await process.communicate()
    assert process.returncode == 130
    assert "nothing is left running" in error.decode()
    assert nothing_is_left(copy)
