"""Tenant B in a process of its own: its model, its clients at 50 requests a second, and a probe of the event loop.

It is told what to do by lines of JSON and answers with one each, so that nothing that A's process does delays it.
"""

import asyncio
import contextlib
import json
import sys
import time
from dataclasses import asdict, dataclass, field
from typing import Any

from tenants.manifests import B_ANSWER, B_HEADER, B_KEY, B_MODEL, B_PROMPT

RATE = 50
PROBE_EVERY = 0.005
PATIENCE = 30.0


@dataclass
class Measured:
    """What B saw in a while: seconds of each request, what was wrong, and how long /healthz took at most."""

    seconds: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    longest_hold: float = 0.0
    foreign: list[str] = field(default_factory=list)

    @property
    def p99(self) -> float:
        """Seconds in which 99 of 100 requests were answered."""
        return sorted(self.seconds)[int(len(self.seconds) * 0.99)] if self.seconds else PATIENCE


class Model:
    """B's model: it notes what is not B's, and answers in one piece or as a stream."""

    def __init__(self) -> None:
        self.foreign: list[str] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:-2])
                body = await reader.readexactly(int(fields[b"content-length"]))
                if fields.get(b"authorization") != f"Bearer {B_KEY}".lower().encode() or B_PROMPT.encode() not in body:
                    self.foreign.append(repr((head + body)[:300]))
                writer.write(_stream() if b'"stream":true' in body else _completion())
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass  # also when cancelled, as asyncio's streams take a cancelled task for a fault
        finally:
            writer.close()


def _completion() -> bytes:
    message = {"role": "assistant", "content": B_ANSWER}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    body = json.dumps({"id": "1", "object": "chat.completion", "model": B_MODEL, "choices": [choice]}).encode()
    return b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body) + body


def _stream() -> bytes:
    deltas: list[tuple[dict[str, str], str | None]] = [({"content": word + " "}, None) for word in B_ANSWER.split()]
    events = [
        json.dumps({"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})
        for delta, finish in [*deltas, ({}, "stop")]
    ]
    body = "".join(f"data: {event}\n\n" for event in [*events, "[DONE]"]).encode()
    return b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: %d\r\n\r\n" % len(body) + body


def _request(*, stream: bool) -> bytes:
    prompt = {"role": "user", "content": B_PROMPT}
    body = json.dumps(
        {"model": "x", **({"stream": True} if stream else {}), "messages": [prompt]}, separators=(",", ":")
    )
    head = f"POST /b/model HTTP/1.1\r\nHost: b.localhost\r\nX-Tenant: {B_HEADER}\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode()


class Clients:
    """B's clients, which keep their connections."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def ask(self, measured: Measured, *, stream: bool) -> None:
        """Ask once; note how long it took, and what was wrong with the answer."""
        began = time.perf_counter()
        try:
            async with asyncio.timeout(PATIENCE):
                got = await self._exchange(_request(stream=stream))
        except (TimeoutError, OSError, asyncio.IncompleteReadError, ValueError) as error:
            measured.wrong.append(type(error).__name__)
        else:
            status, body = got
            if status != 200 or not _is_whole(body, stream=stream):
                measured.wrong.append(f"{status} {body[:200]!r}")
        measured.seconds.append(time.perf_counter() - began)

    async def _exchange(self, request: bytes) -> tuple[int, bytes]:
        reader, writer = (
            self._idle.pop() if self._idle else await asyncio.open_connection("127.0.0.1", self._port, limit=1 << 20)
        )
        try:
            writer.write(request)
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            body = await _body(reader, head)
        except BaseException:
            writer.transport.abort()
            raise
        if b"\r\nconnection: close" in head:
            writer.close()
        else:
            self._idle.append((reader, writer))
        return int(head.split(b" ", 2)[1]), body

    def close(self) -> None:
        for _, writer in self._idle:
            writer.close()


async def _body(reader: asyncio.StreamReader, head: bytes) -> bytes:
    for line in head.split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return await reader.readexactly(int(line.partition(b":")[2]))
    body = b""
    while size := int((await reader.readuntil(b"\r\n"))[:-2], 16):
        body += (await reader.readexactly(size + 2))[:-2]
    await reader.readuntil(b"\r\n")
    return body


def _is_whole(body: bytes, *, stream: bool) -> bool:
    try:
        return _text(body, stream=stream).split() == B_ANSWER.split()
    except (ValueError, LookupError, TypeError):
        return False


def _text(body: bytes, *, stream: bool) -> str:
    if not stream:
        return str(json.loads(body)["choices"][0]["message"]["content"])
    events = [json.loads(line[6:]) for line in body.decode().split("\n\n") if line and line != "data: [DONE]"]
    return "".join(event["choices"][0]["delta"].get("content", "") for event in events)


async def _probe(admin: int, measured: Measured) -> None:
    """Ask /healthz again and again: it is answered by the event loop that serves everybody."""
    while True:
        began = time.perf_counter()
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(PATIENCE):
                reader, writer = await asyncio.open_connection("127.0.0.1", admin)
                writer.write(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                await reader.read()
                writer.close()
        measured.longest_hold = max(measured.longest_hold, time.perf_counter() - began)
        await asyncio.sleep(PROBE_EVERY)


async def measure(port: int, admin: int, seconds: float) -> Measured:
    """Ask at `RATE` for a while; what had begun is waited for."""
    measured, clients = Measured(), Clients(port)
    probing = asyncio.create_task(_probe(admin, measured))
    loop = asyncio.get_running_loop()
    asking: list[asyncio.Task[None]] = []
    began = loop.time()
    for number in range(int(seconds * RATE)):
        await asyncio.sleep(max(0.0, began + number / RATE - loop.time()))
        asking.append(loop.create_task(clients.ask(measured, stream=bool(number % 2))))
    await asyncio.gather(*asking)
    probing.cancel()
    clients.close()
    return measured


async def main() -> None:
    """Say the port of B's model; then for each line {"port", "admin", "seconds"} measure, and say what was seen."""
    model = Model()
    server = await asyncio.start_server(model.serve, "127.0.0.1", 0, limit=1 << 20)
    _say(server.sockets[0].getsockname()[1])
    while line := await asyncio.to_thread(sys.stdin.readline):
        asked = json.loads(line)
        measured = await measure(asked["port"], asked["admin"], asked["seconds"])
        measured.foreign, model.foreign = model.foreign, []
        _say({**asdict(measured), "p99": measured.p99})


def _say(value: Any) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main())
