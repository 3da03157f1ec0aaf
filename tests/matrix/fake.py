"""A provider on a real socket that takes what its API takes, answers as it is told, and says what was wrong."""

import asyncio
import json
import socket
import struct
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Protocol

from matrix.plan import Breaks, Fails, Plan, Reason, Says, Stream
from serving import Seen, Target, chunks, targets
from switchover_dataplane.table.upstreams import Provider

JSON = "application/json"
EVENTS = "text/event-stream"
FRAMES = "application/vnd.amazon.eventstream"


class Wire(Protocol):
    """One API of one provider, written by hand from recordings and documentation."""

    @property
    def stream_type(self) -> str:
        """The media type of its streams."""

    def is_streamed(self, seen: Seen, body: dict[str, Any]) -> bool:
        """Tell whether the answer is asked for as a stream."""

    def faults(self, seen: Seen, body: dict[str, Any]) -> list[str]:
        """Say why the provider would answer 400, 401 or 404."""

    def whole(self, says: Says) -> Any:
        """Write an answer."""

    def stream(self, says: Says) -> Stream:
        """Write the events of an answer."""

    def error(self, reason: Reason, message: str) -> tuple[int, Any, Sequence[str]]:
        """Write an error: status, body and header lines."""

    def error_event(self) -> bytes:
        """Write an error within a stream, under a success."""


class Maker(Protocol):
    """A provider: how a table names it, and the API of a path."""

    @property
    def name(self) -> str:
        """Its name in the matrix."""

    @property
    def provider(self) -> Provider:
        """Its part of a table."""

    def wire(self, path: str) -> Wire | None:
        """Return the API of a path, None where the provider has no such path."""


class Fake:
    """A provider that follows its plans, one for each request that it takes; the last one stays."""

    def __init__(self, maker: Maker, *plans: Plan) -> None:
        self.maker = maker
        self.plans = list(plans)
        self.faults: list[str] = []
        self.seen: list[Seen] = []
        self.port = 0

    def does(self, *plans: Plan) -> None:
        """Do this from the next request on, and forget what was."""
        self.plans = list(plans)
        self.faults, self.seen = [], []

    @property
    def body(self) -> dict[str, Any]:
        """The body of the last request."""
        found: dict[str, Any] = json.loads(self.seen[-1].body)
        return found

    async def answer(self, seen: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Judge a request and do what is planned."""
        self.seen.append(seen)
        wire = self.maker.wire(seen.line.split(" ")[1])
        if wire is None:
            self.faults.append(f"{self.maker.name} has no {seen.line}")
            writer.write(_head(404, JSON, ["content-length: 2"]) + b"{}")
            return
        body = _object(seen.body)
        faults = ["no JSON object"] if body is None else _faults(wire, seen, body)
        if body is None or faults:
            self.faults += [f"{self.maker.name}: {fault}" for fault in faults]
            _whole(writer, *wire.error("request", "; ".join(faults)))
            return
        plan = self.plans.pop(0) if len(self.plans) > 1 else self.plans[0]
        await _do(plan, wire, reader, writer, is_streamed=wire.is_streamed(seen, body))


def _faults(wire: Wire, seen: Seen, body: dict[str, Any]) -> list[str]:
    try:
        return wire.faults(seen, body)
    except (KeyError, TypeError, AttributeError) as error:
        return [f"no request of this API: {error!r}"]


def _object(content: bytes) -> dict[str, Any] | None:
    try:
        body = json.loads(content)
    except ValueError:
        return None
    return body if isinstance(body, dict) else None


async def _do(
    plan: Plan, wire: Wire, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, is_streamed: bool
) -> None:
    if isinstance(plan, Fails):
        _whole(writer, *wire.error(plan.reason, f"scripted: {plan.reason}"))
    elif isinstance(plan, Breaks):
        await _break(plan, wire, reader, writer, is_streamed=is_streamed)
    elif is_streamed:
        writer.write(_head(200, wire.stream_type, ["transfer-encoding: chunked"]))
        stream = wire.stream(plan)
        writer.write(chunks(*stream.start, *stream.content, *stream.end))
    else:
        _whole(writer, 200, wire.whole(plan), ())


async def _break(
    plan: Breaks, wire: Wire, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, is_streamed: bool
) -> None:
    if plan.how == "silent":
        await reader.read()
    elif plan.how == "reset":
        sock: socket.socket = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()
    elif not is_streamed:
        if plan.how == "error under 200":
            _whole(writer, 200, wire.error("overloaded", "scripted: an error under 200")[1], ())
            return
        content = json.dumps(wire.whole(plan.says)).encode()
        writer.write(_head(200, JSON, [f"content-length: {len(content)}"]) + content[: len(content) // 2])
    else:
        stream = wire.stream(plan.says)
        writer.write(_head(200, wire.stream_type, ["transfer-encoding: chunked"]))
        if plan.how == "error under 200":
            writer.write(chunks(*stream.start, wire.error_event()))
            return
        shown = stream.content[:-1] if plan.how == "cut after content" else []
        writer.write(chunks(*stream.start, *shown, end=False))
    await writer.drain()
    raise ConnectionAbortedError


def _whole(writer: asyncio.StreamWriter, status: int, body: Any, headers: Sequence[str]) -> None:
    content = json.dumps(body).encode()
    writer.write(_head(status, JSON, [*headers, f"content-length: {len(content)}"]) + content)


def _head(status: int, kind: str, fields: Sequence[str]) -> bytes:
    lines = "".join(f"{field}\r\n" for field in fields)
    return f"HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\n{lines}\r\n".encode()


@asynccontextmanager
async def serving(*fakes: Fake) -> AsyncIterator[None]:
    """Serve each provider at a port of its own."""
    async with targets(*(fake.answer for fake in fakes)) as ports:
        served: Sequence[Target] = ports
        for fake, target in zip(fakes, served, strict=True):
            fake.port = target.port
        yield


def sse(*events: tuple[str, object]) -> list[bytes]:
    """Write server-sent events: their names, "" for none, and what stands in them."""
    return [
        (f"event: {name}\n" if name else "").encode() + b"data: " + json.dumps(data).encode() + b"\n\n"
        for name, data in events
    ]
