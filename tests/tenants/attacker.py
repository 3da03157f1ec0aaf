"""Tenant A's tools: an upstream of raw bytes, raw clients, and an eye on whether anything of B's comes by."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tenants.manifests import B_MARK

HOST = b"Host: a.localhost\r\n"
CHAT = b'{"model":"gpt-a"%b,"messages":[{"role":"user","content":"hi"}]}'
STREAM_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
TEXT = b'data: {"choices":[{"index":0,"delta":{"content":"hi"}}]}\n\n'
_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)", re.IGNORECASE)
_OVERLAP = 2 * len(B_MARK)

Answering = Callable[[asyncio.StreamWriter], Awaitable[None]]


class Eye:
    """Looks at every byte that A gets for B's mark; `found` says where it was seen."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def look(self, where: str, data: bytes, tail: bytes = b"") -> bytes:
        """Look at the next bytes of a connection; return what to hand in with those that follow."""
        text = tail + data
        at = text.lower().find(B_MARK.lower().encode())
        if at >= 0:
            self.found.append(f"{where}: {text[max(0, at - 40) : at + 60]!r}")
        return text[-_OVERLAP:]


@dataclass
class Attacker:
    """What an attack works with: the gateway's port, A's own folder of manifests, and `answer` of A's upstream.

    `accounted` is how many bytes of request bodies the attack has under way at most, as the gateway has to count them.
    """

    port: int
    folder: Path
    eye: Eye = field(default_factory=Eye)
    upstream_port: int = 0
    answer: Answering | None = None
    accounted: int = 0
    _serving: "set[asyncio.Task[None]]" = field(default_factory=set)

    @asynccontextmanager
    async def upstream(self) -> AsyncIterator[None]:
        """Serve A's upstream."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=1 << 20)
        self.upstream_port = int(server.sockets[0].getsockname()[1])
        try:
            yield
        finally:
            server.close()
            await self.clean()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tail = b""
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                tail = self.eye.look("A's upstream", head, tail)
                length = _LENGTH.search(head)
                left = int(length[1]) if length else 0
                while left:
                    piece = await reader.read(min(left, 1 << 16))
                    if not piece:
                        return
                    left -= len(piece)
                    tail = self.eye.look("A's upstream", piece, tail)
                if self.answer is None:
                    await say(writer, answer())
                else:
                    await self.answer(writer)
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError, asyncio.CancelledError):
            pass  # also when cancelled, as asyncio's streams take a cancelled task for a fault
        finally:
            self._serving.discard(task)
            writer.transport.abort()

    async def ask(self, data: bytes, *, pace: Iterable[bytes] = (), reads: bool = True, seconds: float = 10.0) -> None:
        """Send bytes on a connection of its own, then those of `pace`, and read what comes until it ends."""
        with contextlib.suppress(TimeoutError, ConnectionError):
            async with asyncio.timeout(seconds):
                await self._ask(data, pace, reads=reads)

    async def _ask(self, data: bytes, pace: Iterable[bytes], *, reads: bool) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, limit=1 << 20)
        try:
            writer.write(data)
            await writer.drain()
            for piece in pace:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0.2)
            tail = b""
            while reads:
                piece = await reader.read(1 << 16)
                if not piece:
                    return
                tail = self.eye.look("A's client", piece, tail)
            await asyncio.Event().wait()
        finally:
            writer.transport.abort()

    async def again(self, lanes: int, data: bytes, *, seconds: float = 10.0) -> None:
        """Ask the same again and again, in so many lanes, until the attack is called off."""

        async def lane() -> None:
            while True:
                await self.ask(data, seconds=seconds)
                await asyncio.sleep(0.01)

        async with asyncio.TaskGroup() as group:
            for _ in range(lanes):
                group.create_task(lane())

    def write(self, text: str) -> None:
        """Put manifests of A's in the place of those before."""
        new = self.folder / ".attack.new"
        new.write_text(text)
        new.replace(self.folder / "attack.yaml")

    async def clean(self) -> None:
        """Take A's manifests of an attack away, hang up on what A's upstream still serves, and answer well again."""
        for task in list(self._serving):
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)
        (self.folder / "attack.yaml").unlink(missing_ok=True)
        self.answer = None
        self.accounted = 0


def answer(body: bytes = b"{}", content_type: bytes = b"application/json", fields: bytes = b"") -> bytes:
    head = b"HTTP/1.1 200 OK\r\ncontent-type: " + content_type + b"\r\n" + fields
    return head + b"content-length: %d\r\n\r\n" % len(body) + body


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def post(path: bytes, body: bytes, fields: bytes = b"") -> bytes:
    head = b"POST " + path + b" HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\n" + fields
    return head + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body


def chat(*, stream: bool = False) -> bytes:
    return post(b"/a/model", CHAT % (b',"stream":true' if stream else b""))


async def say(writer: asyncio.StreamWriter, *pieces: bytes) -> None:
    for piece in pieces:
        writer.write(piece)
        await writer.drain()
