"""One data plane with many ports, each with an upstream of its own: many small cases at once, none beside another.

A case is bytes on a real socket. It is sent in one segment and in several; what comes back is read to the end of the
connection, and what reached the lane's upstream is kept as bytes. No case waits for time: a connection that neither
answers nor ends within `PATIENCE` has hung, and that is the verdict.
"""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from serving import free_port, gateway
from switchover_dataplane.table.policies import CoolDown, Policy
from switchover_dataplane.table.ports import Host, Match, PathMatch, Port
from switchover_dataplane.table.ports import Listener as TableListener
from switchover_dataplane.table.rules import Backend, Filters, Rule
from switchover_dataplane.table.table import Table
from switchover_dataplane.table.upstreams import Auth, Http, OpenAI, Target, Upstream
from switchover_dataplane.table.wire import sealed
from wire import OK, Listener, Peer, listening

PATIENCE = 10.0
"""Seconds without an end after which a connection is called hung."""

LANES = 8
KEY = "sk-of-the-battery-never-to-be-seen"
Case = TypeVar("Case")
_TURNS = 3

_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding: *chunked", re.IGNORECASE)


@dataclass
class Lane:
    """A port of the gateway and the upstream behind it, which answers each request with the `answer` of the moment.

    What has the path prefix /plain goes to the upstream as it is, what has /model to a model at the same upstream.
    """

    port: int
    upstream: Listener
    answer: Callable[[bytes], "Said"]


@dataclass(frozen=True)
class Said:
    """Bytes to answer with, each piece a segment of its own; `closes` hangs up behind them."""

    pieces: Sequence[bytes]
    closes: bool = False


def answers_ok(_request: bytes) -> Said:
    """Answer every request with a short success."""
    return Said([OK])


@dataclass(frozen=True)
class Answer:
    """One answer as a client read it; `whole` tells whether its end was there by its own framing."""

    status: int
    head: bytes
    body: bytes
    whole: bool = True


@dataclass
class Conversation:
    """What a client got on one connection: bytes, and whether the gateway ended it ("closed", "reset" or "hung")."""

    got: bytes = b""
    end: str = "hung"
    answers: list[Answer] = field(default_factory=list)
    rest: bytes = b""

    def read(self, methods: Sequence[str] = ()) -> "Conversation":
        """Tell the answers apart; `methods` are those of the requests, GET where there are more answers."""
        rest, self.answers = self.got, []
        while rest and b"\r\n\r\n" in rest:
            method = methods[len(self.answers)] if len(self.answers) < len(methods) else "GET"
            answer, rest = _next_answer(rest, method)
            if answer.status >= 200:
                self.answers.append(answer)
        self.rest = rest
        return self

    @property
    def statuses(self) -> list[int]:
        """The status of each final answer."""
        return [answer.status for answer in self.answers]


def _next_answer(data: bytes, method: str) -> tuple[Answer, bytes]:
    head, _, rest = data.partition(b"\r\n\r\n")
    matched = re.match(rb"HTTP/1\.[01] ([0-9]{3}) ?", head)
    if matched is None:
        return Answer(0, head, rest, whole=False), b""
    status = int(matched[1])
    if status < 200 or status in (204, 304) or method == "HEAD":
        return Answer(status, head, b""), rest
    if _CHUNKED.search(head):
        body, rest, whole = _unchunked(rest)
        return Answer(status, head, body, whole), rest
    length = _LENGTH.search(head)
    if length is None:
        return Answer(status, head, rest), b""
    size = int(length[1])
    return Answer(status, head, rest[:size], len(rest) >= size), rest[size:]


def _unchunked(data: bytes) -> tuple[bytes, bytes, bool]:
    body = b""
    while True:
        size, found, data = data.partition(b"\r\n")
        if not found:
            return body, b"", False
        length = int(size, 16)
        if not length:
            return body, data[2:], data.startswith(b"\r\n")
        if len(data) < length + 2:
            return body + data[:length], b"", False
        body, data = body + data[:length], data[length + 2 :]


class _Client(asyncio.Protocol):
    """Keeps what comes, also where a reset follows it."""

    def __init__(self) -> None:
        self.got = bytearray()
        self.end = ""
        self.ended = asyncio.Event()
        self.free = asyncio.Event()
        self.free.set()

    def data_received(self, data: bytes) -> None:
        self.got += data

    def pause_writing(self) -> None:
        self.free.clear()

    def resume_writing(self) -> None:
        self.free.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self.end = "reset" if exc else "closed"
        self.ended.set()
        self.free.set()


async def converse(port: int, pieces: Iterable[bytes], *, leave: bool = False) -> Conversation:
    """Send each piece as a segment of its own and read until the gateway ends the connection.

    With `leave` the client closes behind the last piece, in an orderly way and without reading.
    """
    transport, client = await asyncio.get_running_loop().create_connection(_Client, "127.0.0.1", port)
    end = "hung"
    try:
        async with asyncio.timeout(PATIENCE):
            for piece in pieces:
                if client.end:
                    break
                transport.write(piece)
                await client.free.wait()
                await turns()
            if leave:
                transport.close()
            await client.ended.wait()
            end = client.end
    except TimeoutError:
        transport.abort()
    return Conversation(bytes(client.got), end)


async def turns() -> None:
    """Let the gateway, which is in this process, read what was sent before the next piece is."""
    for _ in range(_TURNS):
        await asyncio.sleep(0)


def cuts(data: bytes) -> list[list[bytes]]:
    """Cut bytes as a network may: not at all, behind each CR and in the middle of each line, and in small pieces."""
    if len(data) > 4_000:
        half = len(data) // 2
        return [[data], [data[:half], data[half:]]]
    at = 0
    lines: list[bytes] = []
    for line in re.split(rb"(?<=\r)", data):
        middle = at + len(line) // 2
        lines += [data[at:middle], data[middle : at + len(line)]]
        at += len(line)
    small = [data[start : start + 3] for start in range(0, len(data), 3)]
    return [[data], [piece for piece in lines if piece], *([small] if len(data) < 400 else [])]


@asynccontextmanager
async def lanes(count: int = LANES) -> AsyncIterator[list[Lane]]:
    """Run a data plane with so many ports."""
    async with contextlib.AsyncExitStack() as stack:
        made: list[Lane] = []
        for _ in range(count):
            upstream = await stack.enter_async_context(listening(_following(made, len(made))))
            made.append(Lane(free_port(), upstream, answers_ok))
        await stack.enter_async_context(gateway(_table(made)))
        yield made


def _following(made: list[Lane], number: int) -> Callable[[Peer], Awaitable[None]]:
    async def script(peer: Peer) -> None:
        said = Said([])
        while not said.closes:
            request = await peer.request()
            # Asked anew each time: a connection outlives the case that it was opened for.
            said = made[number].answer(request)
            for piece in said.pieces:
                await peer.say(piece)
                await turns()

    return script


def _table(made: Sequence[Lane]) -> Table:
    ports: list[Port] = []
    rules: dict[str, Rule] = {}
    upstreams: dict[str, Upstream] = {}
    for number, lane in enumerate(made):
        for kind in ("plain", "model"):
            name = f"ns/{kind}-{number}"
            ai = kind == "model"
            target = Target(
                f"{name}/0",
                "127.0.0.1",
                lane.upstream.port,
                OpenAI("gpt-a") if ai else Http(),
                auth=Auth("token", "key") if ai else Auth("none"),
            )
            upstreams[name] = Upstream(name, ai, ((target,),))
            rules[name] = Rule(name, "0", Filters(), (Backend(1, name, "policy"),))
        hosts = Host("", tuple(Match(f"ns/{kind}-{number}", PathMatch(f"/{kind}")) for kind in ("plain", "model")))
        ports.append(Port(lane.port, "HTTP", (TableListener(f"ns/gw-{number}/http", hosts=(hosts,)),)))
    policy = Policy(cool_down=CoolDown(base=0.0))
    return sealed(tuple(ports), rules, {"policy": policy}, upstreams, {"key": KEY})


async def each_in_a_lane(
    cases: Iterable[Case], judge: Callable[[Lane, Case], Awaitable[list[str]]], count: int = LANES
) -> list[str]:
    """Judge all cases, as many at a time as there are lanes; return what was wrong, a line for each."""
    waiting = iter(cases)
    wrong: list[str] = []

    async def work(lane: Lane) -> None:
        for case in waiting:
            wrong.extend(await judge(lane, case))

    async with lanes(count) as made, asyncio.TaskGroup() as working:
        for lane in made:
            working.create_task(work(lane))
    return wrong
