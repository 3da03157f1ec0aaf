"""Behaviours on a socket: reads HTTP/1.1 requests, asks what to do with each, and plays the steps.

A bare `asyncio.Protocol`, because what has to be shown is below HTTP: resets, half answers, silence. It serves the
`switchover simulate` command and the scripted upstreams of the tests alike.
"""

import asyncio
import contextlib
import socket
import ssl
import struct
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import cast

import httptools
from multidict import CIMultiDict

from switchover_simulator.behaviour import Behaviour, ResetOnHead
from switchover_simulator.request import Request
from switchover_simulator.script import steps
from switchover_simulator.steps import AwaitPeer, AwaitRelease, Close, Pause, Send, SendReset, Step

Choose = Callable[[Request], Behaviour | None]
"""What to do with a request. Asked first with its head alone (`body` None), when None puts it off; then with all."""

Observe = Callable[[Request, Behaviour], None]
"""Told of each request and what will be done with it, before any of it is."""

_LINGER_ZERO = struct.pack("ii", 1, 0)
_BAD_REQUEST = b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


class Server:
    """Serves `choose` at one socket; `served_by`, where not empty, is sent as `x-served-by`."""

    def __init__(self, choose: Choose, observe: Observe, served_by: str = "") -> None:
        self.choose = choose
        self.observe = observe
        self.served_by = served_by
        self.accepted = 0
        self.open: set[Connection] = set()
        self.released = asyncio.Event()
        self.changed = asyncio.Event()
        self._received = 0
        self._listening: asyncio.Server | None = None

    async def start(self, host: str, port: int, tls: ssl.SSLContext | None = None) -> int:
        """Listen, and return the port (a free one for 0).

        Raises:
            OSError: the address cannot be had.
        """
        loop = asyncio.get_running_loop()
        self._listening = await loop.create_server(lambda: Connection(self), host, port, ssl=tls)
        return int(self._listening.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Stop listening and drop every connection."""
        if self._listening is not None:
            self._listening.close()
        for connection in list(self.open):
            connection.drop()
        if self._listening is not None:
            await self._listening.wait_closed()
            self._listening = None

    def release(self) -> None:
        """Let everything go on that holds now; what holds later waits for the next release."""
        self.released.set()
        self.released = asyncio.Event()

    def next_number(self) -> int:
        """Count a request."""
        self._received += 1
        return self._received

    def note_change(self) -> None:
        """Wake whoever waits for a request or a connection to come or go."""
        self.changed.set()
        self.changed = asyncio.Event()


class Connection(asyncio.Protocol):
    """One client's connection: requests are answered one after the other, in their order."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport
        self._todo: deque[tuple[Request, Behaviour]] = deque()
        self._playing: asyncio.Task[None] | None = None
        self._writable = asyncio.Event()
        self._writable.set()
        self._begin()

    # ── From the socket ─────────────────────────────────────────────────────────────────────────────────────────────

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop has transports of its own, which are no subclass.
        self._transport = cast("asyncio.Transport", transport)
        self._server.accepted += 1
        self._server.open.add(self)
        self._server.note_change()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self._server.open.discard(self)
        if self._playing is not None:
            self._playing.cancel()
        self._server.note_change()

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            return
        except httptools.HttpParserError:
            if not self._transport.is_closing():
                self._transport.write(_BAD_REQUEST)
                self._transport.close()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    # ── From the parser ─────────────────────────────────────────────────────────────────────────────────────────────

    def _begin(self) -> None:
        self._target = b""
        self._headers: CIMultiDict[str] = CIMultiDict()
        self._content = bytearray()
        self._request: Request | None = None
        self._chosen: Behaviour | None = None

    def on_message_begin(self) -> None:
        self._begin()

    def on_url(self, url: bytes) -> None:
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.add(name.decode("latin-1"), value.decode("latin-1"))

    def on_headers_complete(self) -> None:
        self._request = Request(
            number=self._server.next_number(),
            method=self._parser.get_method().decode("latin-1"),
            target=self._target.decode("latin-1"),
            headers=self._headers,
            at=time.time(),
            keep_alive=self._parser.should_keep_alive(),
        )
        self._chosen = self._server.choose(self._request)
        if isinstance(self._chosen, ResetOnHead):
            self._server.observe(self._request, self._chosen)
            self._server.note_change()
            self._reset()
        elif self._headers.get("expect", "").lower() == "100-continue":
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        self._content += body

    def on_message_complete(self) -> None:
        if self._request is None or self._transport.is_closing():
            return
        request = replace(self._request, body=bytes(self._content))
        behaviour = self._chosen or self._server.choose(request)
        assert behaviour is not None, "with the whole request there is always something to do"
        self._server.observe(request, behaviour)
        self._server.note_change()
        self._todo.append((request, behaviour))
        if self._playing is None:
            self._playing = asyncio.get_running_loop().create_task(self._play())

    # ── To the socket ───────────────────────────────────────────────────────────────────────────────────────────────

    async def _play(self) -> None:
        while self._todo and not self._transport.is_closing():
            request, behaviour = self._todo.popleft()
            for step in steps(behaviour, request, self._server.served_by):
                if self._transport.is_closing():
                    break
                await self._take(step)
        self._playing = None

    async def _take(self, step: Step) -> None:
        match step:
            case Send(data):
                self._transport.write(data)
                await self._writable.wait()
            case Pause(seconds):
                await asyncio.sleep(seconds)
            case AwaitRelease():
                await self._server.released.wait()
            case AwaitPeer():
                await asyncio.Event().wait()
            case SendReset():
                self._reset()
            case Close():
                self._transport.close()

    def _reset(self) -> None:
        """Close with SO_LINGER 0, which sends RST instead of FIN (tcp(7), socket(7))."""
        opened = self._transport.get_extra_info("socket")
        with contextlib.suppress(OSError):
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)
        self._transport.abort()

    def drop(self) -> None:
        """End the connection at once, whatever it is doing."""
        self._transport.abort()
