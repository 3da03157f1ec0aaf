"""Targets on real sockets that say raw bytes, for tests of what is below HTTP's rules and beside them.

    async with listening(answering(OK, OK)) as to:      # each connection: read a request, say the next answer, close
        ...send requests to Destination("127.0.0.1", to.port)...
        assert to.requests == [...]

A script says what happens on one connection, of which `Peer` is the target's end.
"""

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

Script = Callable[["Peer"], Awaitable[None]]

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


class Listener:
    """A listening port: how many connections it accepted, and every request that was read on them."""

    def __init__(self, host: str, port: int) -> None:
        self.host = host
        self.port = port
        self.accepted = 0
        self.requests: list[bytes] = []


class Peer:
    """The target's end of one connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, listener: Listener) -> None:
        self.reader = reader
        self.writer = writer
        self._listener = listener

    async def request(self) -> bytes:
        """Read a request whole: its head, and a body by length or in chunks."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        read = bytearray(head)
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                read += await self.reader.readexactly(int(line.split(b":")[1]))
            if line.startswith(b"transfer-encoding:"):
                while not read.endswith(b"\r\n0\r\n\r\n"):
                    read += await self.reader.read(1 << 20) or _cut()
        self._listener.requests.append(bytes(read))
        return self._listener.requests[-1]

    async def say(self, answer: bytes) -> None:
        """Send bytes."""
        self.writer.write(answer)
        await self.writer.drain()

    async def gone(self) -> None:
        """Wait until the other end has closed the connection, however it did."""
        try:
            while await self.reader.read(1 << 16):
                pass
        except ConnectionError:
            pass

    def reset(self) -> None:
        """Tear the connection down: RST instead of an orderly close."""
        raw = self.writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


def _cut() -> bytes:
    raise ConnectionError("the request was cut")


@asynccontextmanager
async def listening(script: Script, tls: ssl.SSLContext | None = None) -> AsyncIterator[Listener]:
    """Follow `script` on each connection and close it afterwards."""
    scripts: set[asyncio.Task[None]] = set()

    async def follow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        scripts.add(task)
        listener.accepted += 1
        try:
            await script(Peer(reader, writer, listener))
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass  # also when cancelled, as asyncio's streams take a cancelled task for a fault
        finally:
            scripts.discard(task)
            writer.close()

    server = await asyncio.start_server(follow, "127.0.0.1", 0, ssl=tls)
    listener = Listener(*server.sockets[0].getsockname()[:2])
    try:
        yield listener
    finally:
        server.close()
        for task in list(scripts):
            task.cancel()
        await asyncio.gather(*scripts, return_exceptions=True)


def answering(*answers: bytes) -> Script:
    """Read one request at a time and say the next answer."""

    async def script(peer: Peer) -> None:
        for answer in answers:
            await peer.request()
            await peer.say(answer)

    return script
