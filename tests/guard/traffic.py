"""The traffic that is counted: one client, one or two targets and a data plane between them, all on real sockets.

Client and targets are protocols that call nothing but C functions, so that what is counted is the data plane's alone.
They take turns: a next request starts when the last answer is whole, a next event is sent when the last one arrived.
So it does not depend on the machine how bytes are cut into pieces.
"""

import asyncio
import re
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, cast

import msgspec

from guard.counting import Counter, Counts
from serving import END, ROLE, STREAM_HEAD, chunks, event, free_port, gateway, table
from switchover_dataplane.table.policies import CoolDown, Policy
from switchover_dataplane.table.table import Table
from switchover_dataplane.table.upstreams import Anthropic
from switchover_dataplane.table.wire import sealed

WARM_UP: Final = 10
REQUESTS: Final = 20
EVENTS: Final = 40

_HOST: Final = "127.0.0.1"
_LONGEST: Final = 50.0
_NOT_COUNTED: Final = frozenset({__file__})
_ENDS: Final = b"\r\n\r\n"
_LENGTH: Final = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")
_LAST_CHUNK: Final = b"\r\n0\r\n\r\n"
_WORD: Final = b'"word '
_PROMPT: Final = {
    "model": "gpt-4o",
    "messages": [
        {"role": "system", "content": "You are a helpful assistant that answers in one sentence."},
        {
            "role": "user",
            "content": "Which gateway is it that asks the next model when one fails? Compose a poem on it.",
        },
    ],
    "temperature": 0.7,
}
_COMPLETION: Final = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1_700_000_000,
    "model": "gpt-4o",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "A request that fails moves on to the next. " * 8},
            "finish_reason": "stop",
        }
    ],
    "usage": {"prompt_tokens": 40, "completion_tokens": 80, "total_tokens": 120},
}
_USAGE: Final = {"input_tokens": 40, "output_tokens": 80}
_MESSAGE: Final = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-sonnet-4-5"}
_WHOLE_MESSAGE: Final = {
    **_MESSAGE,
    "content": [{"type": "text", "text": "A request that fails moves on to the next. " * 8}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": _USAGE,
}
_DEFAULTS: Final = Policy()
_TOO_MANY: Final = {"error": {"message": "slow down", "type": "requests", "code": "rate_limit_exceeded"}}


@dataclass(frozen=True, slots=True)
class Measured:
    """What each kind of work of a scenario executes, by name, and where all of it was counted."""

    name: str
    works: dict[str, Counts]
    counter: Counter


@dataclass(frozen=True, slots=True)
class Scenario:
    """What each target sends for one request, piece by piece, under which policy, and what the client asks for.

    `translated`: the targets speak the Messages API, the client speaks Chat Completions in any case.
    """

    name: str
    targets: tuple[tuple[bytes, ...], ...]
    policy: Policy = _DEFAULTS
    stream: bool = False
    translated: bool = False


def _json(status: str, content: object) -> tuple[bytes, ...]:
    body = msgspec.json.encode(content)
    head = f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    return (head.encode() + body,)


def _stream() -> tuple[bytes, ...]:
    first, *others = [event({"content": f"word {number} "}) for number in range(EVENTS)]
    return (
        STREAM_HEAD + chunks(ROLE + first, end=False),
        *(chunks(each, end=False) for each in others),
        chunks(END),
    )


def _stream_of_claude() -> tuple[bytes, ...]:
    def said(kind: str, **fields: object) -> bytes:
        return b"event: %s\ndata: %s\n\n" % (kind.encode(), msgspec.json.encode({"type": kind, **fields}))

    def word(number: int) -> bytes:
        return said("content_block_delta", index=0, delta={"type": "text_delta", "text": f"word {number} "})

    begun = said("message_start", message={**_MESSAGE, "content": [], "stop_reason": None, "usage": _USAGE})
    block = said("content_block_start", index=0, content_block={"type": "text", "text": ""})
    stopped = said("message_delta", delta={"stop_reason": "end_turn", "stop_sequence": None}, usage=_USAGE)
    end = said("content_block_stop", index=0) + stopped + said("message_stop")
    first, *others = [word(number) for number in range(EVENTS)]
    return (
        STREAM_HEAD + chunks(begun + block + first, end=False),
        *(chunks(each, end=False) for each in others),
        chunks(end),
    )


_GOOD: Final = _json("200 OK", _COMPLETION)

SCENARIOS: Final = (
    Scenario("success", (_GOOD,)),
    # Nothing cools down, or each target would fail for one request alone.
    Scenario("failover", (_json("429 Too Many Requests", _TOO_MANY), _GOOD), Policy(cool_down=CoolDown(base=0.0))),
    # The first target fails in the warm-up, and is passed by from then on.
    Scenario("passed by", (_json("429 Too Many Requests\r\nretry-after: 300", _TOO_MANY), _GOOD)),
    Scenario("stream", (_stream(),), stream=True),
    Scenario("translated", (_json("200 OK", _WHOLE_MESSAGE),), translated=True),
    Scenario("translated stream", (_stream_of_claude(),), stream=True, translated=True),
)


class _Target(asyncio.Protocol):
    """Answers each request with the first piece; `go_on` sends the next one."""

    def __init__(self, pieces: tuple[bytes, ...]) -> None:
        self._pieces = pieces
        self._came = bytearray()
        self._transport: asyncio.Transport | None = None
        self.sent = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._came += data
        if _is_whole(self._came):
            self._came.clear()
            self.sent = 0
            self.go_on()

    def go_on(self) -> None:
        """Send the next piece, if one is left."""
        if self.sent < len(self._pieces) and self._transport is not None:
            self._transport.write(self._pieces[self.sent])
            self.sent += 1


class _Client(asyncio.Protocol):
    """Sends one request after the other; `moments` are the counts at each event, `ends` those at each answer's end."""

    def __init__(self, counter: Counter, target: _Target) -> None:
        self.moments: list[list[Counts]] = []
        self.ends: list[Counts] = []
        self._counter = counter
        self._target = target
        self._came = bytearray()
        self._events = 0
        self._transport: asyncio.Transport | None = None
        self._end: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    async def ask(self, request: bytes, times: int) -> None:
        """Send a request so many times.

        Raises:
            AssertionError: the answer is no 200.
        """
        assert self._transport is not None
        for _ in range(times):
            self._came.clear()
            self._events = 0
            self.moments.append([])
            self._end = asyncio.get_running_loop().create_future()
            self._transport.write(request)
            await self._end
            assert self._came.startswith(b"HTTP/1.1 200 "), bytes(self._came)

    def data_received(self, data: bytes) -> None:
        self._came += data
        if _is_whole(self._came):
            self.ends.append(self._counter.now())
            self._end.set_result(None)
            return
        events = data.count(_WORD)
        if events:
            self._events += events
            self.moments[-1].append(self._counter.now())
            if self._events >= self._target.sent:
                self._target.go_on()

    def connection_lost(self, _error: Exception | None) -> None:
        if not self._end.done():
            self._end.set_exception(ConnectionError("the gateway closed the connection"))


def _is_whole(message: bytearray) -> bool:
    head, gap, body = message.partition(_ENDS)
    length = _LENGTH.search(head)
    return bool(gap) and (len(body) >= int(length[1]) if length is not None else body.endswith(_LAST_CHUNK))


async def measure(scenario: Scenario) -> Measured:
    """Count what one scenario executes.

    Raises:
        TimeoutError: an answer or an event did not come.
    """
    counter = Counter(_NOT_COUNTED)
    loop = asyncio.get_running_loop()
    made = [_Target(pieces) for pieces in scenario.targets]
    servers = [await loop.create_server(lambda target=target: target, _HOST, 0) for target in made]  # type: ignore[misc]
    ports = [server.sockets[0].getsockname()[1] for server in servers]
    served = table(free_port(), ports, scenario.policy)
    if scenario.translated:
        served = _of_claude(served)
    async with asyncio.timeout(_LONGEST), gateway(served) as at:
        transport, client = await loop.create_connection(lambda: _Client(counter, made[-1]), _HOST, at.port)
        request = _request(stream=scenario.stream)
        await client.ask(request, WARM_UP)
        counter.start()
        await client.ask(request, REQUESTS)
        counter.stop()
        transport.close()
    for server in servers:
        server.close()
    works = {scenario.name: _median(client.ends[WARM_UP - 1 :])}
    if scenario.stream:
        works[f"{scenario.name} event"] = _median(*client.moments[WARM_UP:])
    return Measured(scenario.name, works, counter)


def _of_claude(of: Table) -> Table:
    """Return the same table with targets that speak the Messages API."""
    claude = Anthropic("claude-sonnet-4-5")
    upstreams = {
        name: msgspec.structs.replace(
            each,
            priorities=tuple(
                tuple(msgspec.structs.replace(target, provider=claude) for target in pool) for pool in each.priorities
            ),
        )
        for name, each in of.upstreams.items()
    }
    return sealed(of.ports, of.rules, of.policies, upstreams, of.secrets, of.access)


def _median(*series: Sequence[Counts]) -> Counts:
    """Return the median of the differences between neighbours."""
    steps = [after.since(before) for each in series for before, after in pairwise(each)]
    return Counts(*map(statistics.median, zip(*steps, strict=True)))


def _request(*, stream: bool) -> bytes:
    body = msgspec.json.encode({**_PROMPT, **({"stream": True} if stream else {})})
    head = (
        "POST /model HTTP/1.1\r\nhost: localhost\r\nuser-agent: guard\r\naccept: */*\r\n"
        f"authorization: Bearer of-the-client\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
