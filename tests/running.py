"""What standalone tests run: real processes, models that answer as told, and files that can be edited."""

import asyncio
import copy
import io
import json
import os
import random
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import yaml
from aiohttp import web

from said import with_what_it_said

EXAMPLE = Path(__file__).parents[1] / "manifests" / "examples" / "model-failover"
MODELS = ("gpt-4o", "gpt-4.0-turbo", "gpt-3.5-turbo")
HOST = "model-failover.gloo-system.svc.cluster.local:80"
SECRET = "sk-of-the-guide-never-to-be-seen"
PROMPT = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Compose a poem."}]}


def free_port(neighbours: int = 0) -> int:
    """A port that is free with the `neighbours` after it, below those of `serving.py` and of the system."""
    while True:
        port = random.randrange(12_000, 19_900)
        if all(map(is_free, range(port, port + 1 + neighbours))):
            return port


def is_free(port: int) -> bool:
    """Whether nothing listens at a port of loopback."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


async def until(condition: Callable[[], object], what: str, seconds: float = 40.0) -> None:
    """Wait for a condition, by looking often and giving up late."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:g} s: {what}")
        await asyncio.sleep(0.02)


@dataclass(frozen=True)
class Seen:
    """One request that reached a model."""

    path: str
    model: str
    authorization: str
    size: int


@dataclass
class Models:
    """A provider at which every model answers with the status told, 429 unless another is."""

    port: int = 0
    statuses: dict[str, int] = field(default_factory=dict)
    seen: list[Seen] = field(default_factory=list)

    async def _answer(self, request: web.BaseRequest) -> web.Response:
        body = await request.content.read()  # request.read() has a limit of 1 MiB
        model = json.loads(body)["model"]
        self.seen.append(Seen(request.path, model, request.headers.get("authorization", ""), len(body)))
        status = self.statuses.get(model, 429)
        if status != 200:
            return web.json_response({"error": {"message": "too many", "code": "rate_limit_exceeded"}}, status=status)
        choice = {"index": 0, "message": {"role": "assistant", "content": "A poem."}, "finish_reason": "stop"}
        return web.json_response({"id": "1", "object": "chat.completion", "model": model, "choices": [choice]})

    @property
    def tried(self) -> list[str]:
        """The models that were asked, in order."""
        return [seen.model for seen in self.seen]

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Models"]:
        server = await asyncio.get_running_loop().create_server(web.Server(self._answer), "127.0.0.1", self.port)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()


@dataclass
class Manifests:
    """A folder of manifests that a test edits: the guide's objects under names and a path of the test's own."""

    folder: Path
    port: int

    def write(self, name: str, *objects: dict[str, Any]) -> Path:
        """Replace a file at once, as an editor does."""
        new = self.folder / f".{name}.new"
        new.write_text(yaml.safe_dump_all(objects, sort_keys=False))
        return new.replace(self.folder / f"{name}.yaml")

    def gateway(self) -> None:
        """The example's Gateway on a port that is free, and its Secret."""
        gateway, secret = copy.deepcopy(example("Gateway")), copy.deepcopy(example("Secret"))
        gateway["spec"]["listeners"][0]["port"] = self.port
        secret.pop("data", None)
        secret["stringData"] = {"Authorization": SECRET}
        self.write("gateway", gateway, secret)

    def guide(self, name: str, *, with_route_option: bool = True) -> list[dict[str, Any]]:
        """The guide's three objects under another name, its route at /NAME."""
        upstream, route, option = (copy.deepcopy(example(kind)) for kind in ("Upstream", "HTTPRoute", "RouteOption"))
        for each in (upstream, route, option):
            each["metadata"]["name"] = name
        [rule] = route["spec"]["rules"]
        rule["matches"][0]["path"]["value"] = f"/{name}"
        rule["backendRefs"][0]["name"] = name
        option["spec"]["targetRefs"][0]["name"] = name
        return [upstream, route, *([option] if with_route_option else [])]


def example(kind: str) -> dict[str, Any]:
    """The one object of a kind in the example."""
    [found] = [each for each in _example() if each["kind"] == kind]
    return found


def _example() -> Iterator[dict[str, Any]]:
    for file in sorted(EXAMPLE.glob("*.yaml")):
        yield from filter(None, yaml.safe_load_all(file.read_text()))


@dataclass
class Switchover:
    """A running `switchover run` and everything that it and its workers wrote."""

    process: asyncio.subprocess.Process
    url: str
    admin: str
    session: aiohttp.ClientSession
    lines: list[dict[str, Any]] = field(default_factory=list)
    written: list[str] = field(default_factory=list)

    def said(self, text: str) -> bool:
        return any(text in line["msg"] for line in self.lines)

    async def says(self, text: str) -> dict[str, Any]:
        """Wait for a log line with this text."""
        with with_what_it_said(self.all_written):
            await until(lambda: self.said(text) or self.process.returncode is not None, f"a line with {text!r}")
            found = [line for line in self.lines if text in line["msg"]]
            assert found, f"it ended without a line with {text!r}"
            return found[0]

    def all_written(self) -> str:
        """Everything that it and its workers wrote."""
        return "".join(self.written)

    async def until_written(self, text: str) -> None:
        """Wait for a line with this text in any form."""
        await until(lambda: any(text in line for line in self.written), f"a line with {text!r}")

    async def read(self) -> None:
        assert self.process.stdout is not None
        while line := await self.process.stdout.readline():
            self.written.append(line.decode())
            if line.startswith(b"{"):
                self.lines.append(json.loads(line))

    async def ask(self, path: str, body: dict[str, Any] | None = None, key: str = "") -> int:
        """Send a prompt, with a bearer token where there is a `key`; the status."""
        text = io.BytesIO(json.dumps(body or PROMPT).encode())
        headers = {"content-type": "application/json", **({"authorization": f"Bearer {key}"} if key else {})}
        async with self.session.post(self.url + path, data=text, headers=headers) as response:
            await response.read()
            return response.status

    async def serves(self, path: str) -> None:
        """Wait until the table that is served has this path."""
        await until_async(lambda: self._routed(path), f"{path} is served")

    async def _routed(self, path: str) -> bool:
        async with self.session.get(f"{self.admin}/v1/table") as response:
            return path in await response.text()

    async def stop(self) -> int:
        """Ask it to end, as a supervisor does; its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return await asyncio.wait_for(self.process.wait(), 40)


async def until_async(condition: Callable[[], Any], what: str, seconds: float = 40.0) -> None:
    """As `until`, for a condition that has to be asked for."""
    deadline = time.monotonic() + seconds
    while not await condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:g} s: {what}")
        await asyncio.sleep(0.02)


@asynccontextmanager
async def switchover(folder: Path, port: int, models_port: int, *flags: str) -> AsyncIterator[Switchover]:
    """`switchover run` on a folder, killed at the end with all that it started."""
    arguments = ("-f", str(folder), "--connect-to", f"{HOST}:127.0.0.1:{models_port}", "--log-format", "json", *flags)
    async with run(port, *arguments) as running:
        yield running


@asynccontextmanager
async def run(
    port: int, *arguments: str, text: bytes = b"", environment: Mapping[str, str] | None = None
) -> AsyncIterator[Switchover]:
    """`switchover run` with these arguments, standard input and variables, killed at the end with all it started."""
    admin = f"127.0.0.1:{free_port(neighbours=1)}"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "switchover_operator", "run", "--admin", admin, *arguments),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, "PYTHONUNBUFFERED": "1", **(environment or {})},
        limit=1 << 22,
    )
    assert process.stdin is not None
    process.stdin.write(text)
    process.stdin.close()
    async with aiohttp.ClientSession() as session:
        running = Switchover(process, f"http://127.0.0.1:{port}", f"http://{admin}", session)
        reading = asyncio.create_task(running.read())
        try:
            with with_what_it_said(running.all_written):
                yield running
        finally:
            if process.returncode is None:
                await running.stop()
            await reading


@dataclass
class Shared:
    """One running gateway for the tests of a module; each test adds objects of its own."""

    running: Switchover
    manifests: Manifests
    models: Models

    async def guide(self, name: str, *, with_route_option: bool = True) -> str:
        """Apply the guide's objects under a name of the test's own; the path they serve, all models failing."""
        self.models.seen.clear()
        self.models.statuses.clear()
        self.manifests.write(name, *self.manifests.guide(name, with_route_option=with_route_option))
        await self.running.serves(f"/{name}")
        return f"/{name}"
