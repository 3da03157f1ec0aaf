"""The data plane as a process: it starts, drains on a signal, and ends with nothing lost."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest

from serving import STREAM_HEAD, chunks, event, free_port, table, targets
from switchover_dataplane import table as t


@dataclass
class Running:
    """A data-plane process and where its channels are."""

    process: asyncio.subprocess.Process
    socket: Path
    admin: int

    async def push(self, of: t.Table) -> None:
        """Push a table and expect it to be acknowledged."""
        async with aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(self.socket))) as client:
            async with client.put("http://dataplane/v1/table", data=t.encode(of)) as answer:
                assert answer.status == 200, await answer.text()


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[Running]:
    path, admin = tmp_path / "push", free_port()
    flags = ["--push", f"unix:{path}", "--admin", f"127.0.0.1:{admin}", "--grace", "20"]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "switchover_dataplane", *flags, stdout=asyncio.subprocess.PIPE
    )
    while not path.exists():
        assert process.returncode is None
        await asyncio.sleep(0.01)
    yield Running(process, path, admin)
    if process.returncode is None:
        process.kill()
    await process.wait()


async def test_a_stream_in_flight_ends_whole_after_sigterm_and_nothing_new_is_taken(running: Running) -> None:
    go_on = asyncio.Event()

    async def halting(_seen: object, _reader: object, writer: asyncio.StreamWriter) -> None:
        writer.write(STREAM_HEAD + chunks(event({"content": "before"}), end=False))
        await writer.drain()
        await go_on.wait()
        writer.write(chunks(event({"content": "after"}), event({}, "stop")))

    async with targets(halting) as (first,), aiohttp.ClientSession() as client:
        port = free_port()
        await running.push(table(port, [first.port]))
        async with client.post(f"http://127.0.0.1:{port}/model", json={"model": "a", "stream": True}) as answer:
            assert b"before" in await answer.content.readany()
            running.process.send_signal(signal.SIGTERM)
            await _refuses(port)
            go_on.set()
            assert b"after" in await answer.read()

    assert await running.process.wait() == 0


async def _refuses(port: int) -> None:
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except ConnectionRefusedError:
            return
        writer.close()
        await asyncio.sleep(0.01)


async def test_a_second_signal_ends_it_at_once(running: Running) -> None:
    async def never(_seen: object, reader: asyncio.StreamReader, _writer: object) -> None:
        await reader.read()

    async with targets(never) as (first,):
        port = free_port()
        await running.push(table(port, [first.port]))
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST /model HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\n{}")
        while not first.seen:
            await asyncio.sleep(0.01)
        running.process.send_signal(signal.SIGTERM)
        await _refuses(port)
        running.process.send_signal(signal.SIGTERM)

        assert await running.process.wait() == 1
        writer.close()


async def test_a_wrong_flag_is_a_usage_error_that_says_what_is_right() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "switchover_dataplane",
        "--push",
        "unix:/nowhere/x",
        "--connect-to",
        "a:b",
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "NO_COLOR": "1"},
    )
    _, errors = await process.communicate()

    assert process.returncode == 2
    assert b"HOST:PORT:HOST:PORT" in errors
