"""A data plane in this process, and targets on real sockets that do as they are scripted."""

import asyncio
import contextlib
import itertools
import os
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import msgspec
from multidict import CIMultiDictProxy

from as_written import AsWritten, resolved_policy
from switchover_dataplane.attempts.runtime import UpstreamRuntime
from switchover_dataplane.edge.listeners import Listeners
from switchover_dataplane.edge.server import Limits
from switchover_dataplane.failover.retry_budget import Budget
from switchover_dataplane.formats.sse import Event, Scanner
from switchover_dataplane.health.health import Health
from switchover_dataplane.proxy import Proxy, Settings
from switchover_dataplane.served_table import Ack, State
from switchover_dataplane.table.policies import Policy
from switchover_dataplane.table.ports import Host, Listener, Match, PathMatch, Port
from switchover_dataplane.table.rules import Backend, Filters, Rule
from switchover_dataplane.table.table import Table
from switchover_dataplane.table.upstreams import Auth, Http, OpenAI, Upstream
from switchover_dataplane.table.upstreams import Target as TableTarget
from switchover_dataplane.table.wire import encode, sealed
from switchover_dataplane.target_addresses import LOOPBACK, TargetAddresses
from switchover_dataplane.telemetry.metrics import Metrics
from switchover_dataplane.telemetry.refusals import Refusals
from switchover_dataplane.upstream.transport import Transport

ON_THIS_MACHINE = TargetAddresses(LOOPBACK)
CHAT = {"object": "chat.completion", "choices": [{"message": {"role": "assistant", "content": "hello"}}]}
KEY = "sk-of-the-test-never-to-be-seen"


@dataclass
class Seen:
    """One request as a target got it; header names are lower case."""

    line: str
    headers: dict[str, str]
    body: bytes

    @property
    def model(self) -> str:
        """The model that the body asks for."""
        model: str = msgspec.json.decode(self.body)["model"]
        return model


Answering = Callable[[Seen, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Target:
    """A target that follows `script` for each request; what it got is in `seen`."""

    script: Answering
    seen: list[Seen] = field(default_factory=list)
    port: int = 0
    left: asyncio.Event = field(default_factory=asyncio.Event)


async def _requests(target: Target, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = {n.lower(): v.strip() for n, _, v in (line.partition(":") for line in head[1:] if line)}
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            seen = Seen(head[0], headers, body)
            target.seen.append(seen)
            await target.script(seen, reader, writer)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        target.left.set()
    finally:
        writer.close()


@asynccontextmanager
async def targets(*scripts: Answering) -> AsyncIterator[list[Target]]:
    """Serve each script at a port of its own."""
    serving = []
    made = []
    for script in scripts:
        target = Target(script)

        async def connected(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter, target: Target = target
        ) -> None:
            await _requests(target, reader, writer)

        server = await asyncio.start_server(connected, "127.0.0.1", 0, limit=1 << 20)
        target.port = server.sockets[0].getsockname()[1]
        serving.append(server)
        made.append(target)
    try:
        yield made
    finally:
        for server in serving:
            server.close()


_STRETCH = 3_000


def _own_ports() -> Iterator[int]:
    """Ports of this test process alone, below those that the system hands out to outgoing connections."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 4
    for number in itertools.count(os.getpid() * 97):
        yield 20_000 + worker * _STRETCH + number % _STRETCH


_ports = _own_ports()


def free_port() -> int:
    """Return a port that nothing listens at."""
    for port in _ports:
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError


# ── What targets do ─────────────────────────────────────────────────────────────────────────────────────────────────


def raw(answer: bytes, *, then: str = "go on") -> Answering:
    """Send bytes; `then` closes, resets or waits until the peer has gone."""

    async def script(_seen: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        await writer.drain()
        if then == "wait":
            await reader.read()
        if then == "reset":
            # Without this turn the reset would overtake what was written.
            await asyncio.sleep(0.02)
            linger = struct.pack("ii", 1, 0)
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            writer.transport.abort()
        if then != "go on":
            raise ConnectionAbortedError

    return script


def json(status: int, content: object, headers: Sequence[str] = ()) -> Answering:
    """Answer with JSON."""
    body = msgspec.json.encode(content)
    lines = "".join(f"{header}\r\n" for header in headers)
    head = f"HTTP/1.1 {status} X\r\ncontent-type: application/json\r\n{lines}content-length: {len(body)}\r\n\r\n"
    return raw(head.encode() + body)


def good(model: str = "m") -> Answering:
    """Answer with a chat completion."""
    return json(200, {**CHAT, "model": model})


def limited(headers: Sequence[str] = ()) -> Answering:
    """Answer 429 as OpenAI does."""
    error = {"message": "slow down", "type": "requests", "param": None, "code": "rate_limit_exceeded"}
    return json(429, {"error": error}, headers)


def event(delta: dict[str, object], finish: str | None = None) -> bytes:
    """Write a chat completion chunk as one event."""
    return b"data: " + msgspec.json.encode({"choices": [{"delta": delta, "finish_reason": finish}]}) + b"\n\n"


ROLE = event({"role": "assistant", "content": ""})
END = event({}, "stop") + b"data: [DONE]\n\n"
STREAM_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


def chunks(*pieces: bytes, end: bool = True) -> bytes:
    """Frame pieces as HTTP chunks, with or without the last one."""
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + (b"0\r\n\r\n" if end else b"")


def events_of(body: bytes) -> list[Event]:
    """Return all events of a stream's bytes."""
    scanner = Scanner()
    events = scanner.feed(body)
    while scanner.is_behind:
        events += scanner.feed(b"")
    return events


# ── The gateway ─────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass
class Got:
    """An answer, whole."""

    status: int
    headers: CIMultiDictProxy[str]
    body: bytes

    @property
    def error(self) -> dict[str, Any]:
        """OpenAI's error object."""
        error: dict[str, Any] = msgspec.json.decode(self.body)["error"]
        return error

    @property
    def code(self) -> str:
        """The code of the error."""
        return str(self.error["code"])

    @property
    def served_by(self) -> str:
        """Whose answer it is."""
        return self.headers["x-switchover-served-by"]


@dataclass
class Gateway:
    """A running data plane and its parts."""

    port: int
    state: State
    metrics: Metrics
    runtime: UpstreamRuntime
    listeners: Listeners

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"


def table(
    port: int,
    ports: Sequence[int],
    policy: Policy | AsWritten | None = None,
    *,
    filters: Filters | None = None,
    ai: bool = True,
    auth: str = "token",
) -> Table:
    """A route at /model to one model a priority, named model-0, model-1 ..."""
    pools = tuple(
        (
            TableTarget(
                f"ns/up/{number}/0",
                "127.0.0.1",
                target,
                OpenAI(f"model-{number}") if ai else Http(),
                auth=Auth("token", "key") if auth == "token" else Auth("passthrough" if auth else "none"),
            ),
        )
        for number, target in enumerate(ports)
    )
    match = Match("rule", PathMatch("/model"))
    rule = Rule("ns/route", "0", filters or Filters(), (Backend(1, "ns/up", "policy"),))
    upstream = Upstream("ns/up", ai, pools)
    return sealed(
        (Port(port, "HTTP", (Listener("ns/gw/http", hosts=(Host("", (match,)),)),)),),
        {"rule": rule},
        {"policy": resolved_policy(policy, upstream)},
        {"ns/up": upstream},
        {"key": KEY},
    )


@asynccontextmanager
async def gateway(of: Table, settings: Settings | None = None) -> AsyncIterator[Gateway]:
    """Serve a table in this process, sealed anew: a test may have replaced a part of one."""
    of = sealed(of.ports, of.rules, of.policies, of.upstreams, of.secrets, of.access)
    metrics, health = Metrics(), Health()
    state = State(health, metrics, None, ON_THIS_MACHINE)
    runtime = UpstreamRuntime(Transport(targets=ON_THIS_MACHINE), health, Budget())
    refusals = Refusals()
    proxy = Proxy(state, runtime, metrics, settings or Settings(), refusals)
    listeners = Listeners(proxy.handle, refusals.tell, "127.0.0.1", Limits(), share_ports=False)
    applied = await state.apply(encode(of), listeners)
    assert isinstance(applied, Ack), applied
    try:
        yield Gateway(of.ports[0].number, state, metrics, runtime, listeners)
    finally:
        await listeners.drain(1)
        refusals.close()
        await runtime.transport.close()
