"""A model on a real socket that answers, refuses, resets, stalls and cuts as each request's behaviour says."""

import asyncio
import contextlib
import socket
import ssl
import struct
from collections.abc import Callable

import msgspec

from switchover_simulator import wire
from switchover_simulator.scenario import Behaviour
from switchover_simulator.wire import Request

Choose = Callable[[Request], Behaviour]
Own = Callable[[Request], "tuple[int, bytes] | None"]


class Server:
    """Serves one port. `choose` says what each request gets and may keep the request.

    `resets_on_head` may end one before its body is read. `own` answers requests of the simulator's own, as
    (status, body); None leaves them to `choose`.
    """

    def __init__(
        self,
        choose: Choose,
        *,
        label: str = "",
        own: Own = lambda _request: None,
        resets_on_head: Callable[[Request], bool] = lambda _request: False,
    ) -> None:
        self._resets_on_head = resets_on_head
        self._choose = choose
        self._label = label
        self._own = own
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.connections = 0

    async def open(self, host: str, port: int, tls: ssl.SSLContext | None = None) -> int:
        """Listen; return the port. `port` 0 takes a free one."""
        self._server = await asyncio.start_server(self._serve, host, port, ssl=tls, limit=1 << 20)
        bound: int = self._server.sockets[0].getsockname()[1]
        return bound

    async def close(self) -> None:
        """Stop listening and cut what is open."""
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        try:
            while await self._one(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError, ValueError):
            pass
        except asyncio.CancelledError:
            if not task.cancelling():
                raise
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Serve one request; tell whether the connection may serve another."""
        method, path, headers = await wire.read_head(reader)
        if self._resets_on_head(Request(method, path, headers, label=self._label)):
            _reset(writer)
            return False
        body = await wire.read_body(reader, headers)
        request = Request(method, path, headers, body, self._label, wire.fields_of(body))
        own = self._own(request)
        if own is not None:
            status, text = own
            await _write(writer, wire.head(status, {"content-length": str(len(text))}) + text)
            return True
        return await self._behave(self._choose(request), request, reader, writer)

    async def _behave(
        self, behaviour: Behaviour, request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        if behaviour.delay and await _gone_within(reader, behaviour.delay):
            return False
        match behaviour.mode:
            case "answer":
                await self._answer(behaviour, request, writer)
                return True
            case "stream":
                return await self._stream(behaviour, request, reader, writer)
            case "partial":
                body = self._body(behaviour, request)
                extra = {"content-type": "application/json", "content-length": str(len(body) + 100)}
                await _write(writer, wire.head(behaviour.status, {**behaviour.headers, **extra}) + body)
                await asyncio.sleep(0.02)
                _reset(writer)
            case "rst" | "rst-on-head":
                _reset(writer)
            case "not-http":
                await _write(writer, b"220 this is a mail server, go away\r\n")
            case "stall":
                await _gone_within(reader, 3600)
            case "fin":
                pass
        return False

    async def _answer(self, behaviour: Behaviour, request: Request, writer: asyncio.StreamWriter) -> None:
        body = self._body(behaviour, request)
        headers = {"content-type": "application/json", "x-served-by": self._label or request.model}
        headers |= behaviour.headers | {"content-length": str(len(body))}
        await _write(writer, wire.head(behaviour.status, headers) + body)

    def _body(self, behaviour: Behaviour, request: Request) -> bytes:
        if behaviour.body is not None:
            return behaviour.body.encode()
        return wire.default_body(behaviour.status, request.model, self._label)

    async def _stream(
        self, behaviour: Behaviour, request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        headers = {"content-type": "text/event-stream", "transfer-encoding": "chunked", **behaviour.headers}
        await _write(writer, wire.head(behaviour.status, headers))
        await _write(writer, wire.chunk(wire.event({"role": "assistant", "content": ""}, request.model)))
        for number in range(behaviour.events):
            await _write(writer, wire.chunk(wire.event({"content": f"token{number} "}, request.model)))
            if behaviour.gap and await _gone_within(reader, behaviour.gap):
                return False
        match behaviour.end:
            case "done":
                last = wire.event({}, request.model, "stop") + b"data: [DONE]\n\n"
                await _write(writer, wire.chunk(last) + b"0\r\n\r\n")
                return True
            case "rst":
                _reset(writer)
            case "hang":
                await _gone_within(reader, 3600)
            case "error-event":
                error = {"error": {"message": "simulated", "type": "server_error", "code": "server_error"}}
                data = b"data: " + msgspec.json.encode(error) + b"\n\n"
                await _write(writer, wire.chunk(data) + b"0\r\n\r\n")
                return True
            case "fin":
                pass
        return False


async def _write(writer: asyncio.StreamWriter, data: bytes) -> None:
    writer.write(data)
    await writer.drain()


async def _gone_within(reader: asyncio.StreamReader, seconds: float) -> bool:
    """Wait; tell whether the peer closed meanwhile."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            return not await reader.read(1)
    return False


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close with a TCP reset (SO_LINGER 0)."""
    listening = writer.get_extra_info("socket")
    if listening is not None:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
