"""Upstreams on real sockets that do as they are told, for tests: the simulator's engine, a port each.

    async with Scripted(429, Stream(events=3, end="rst")) as upstream:      # one behaviour a request, the last sticks
        ...send requests to upstream.port...
        assert [request.model for request in upstream.requests] == ["gpt-4o", "gpt-4o"]

    async with Upstreams(p0=[429, 200], p1="refused", p2=Stall()) as upstreams:
        ...
        assert upstreams.order == ["p0", "p2"]

A behaviour is a status, a mode's name, one of `switchover_simulator.behaviour`, or a mapping as in a scenario file.
Nothing here waits for time: `until` and `received` wait for what happened, `hold` and `release` say when to go on.
"""

import asyncio
import contextlib
import select
import socket
import ssl
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self

from switchover_simulator.behaviour import Behaviour
from switchover_simulator.request import Request
from switchover_simulator.scenario import Playback, validate
from switchover_simulator.server import Server

HOST = "127.0.0.1"
Said = int | str | Behaviour | Mapping[str, Any]
"""One behaviour, in any notation."""


class Scripted:
    """An upstream at a port of its own, 200 unless told otherwise. It may be started and stopped again and again.

    What it was sent is in `requests`, in the order of arrival; `journal`, shared by several, gets the label of each.
    """

    def __init__(
        self,
        *behaviours: Said,
        label: str = "upstream",
        tls: ssl.SSLContext | None = None,
        journal: list[str] | None = None,
    ) -> None:
        self.label = label
        self.port = 0
        self.requests: list[Request] = []
        self._journal = [] if journal is None else journal
        self._tls = tls
        self._server = Server(_playback(behaviours).choose, self._record, label)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Listen, at the same port as before if there was one."""
        self.port = await self._server.start(HOST, self.port, self._tls)

    async def stop(self) -> None:
        """Stop listening and drop every connection: from now on the port refuses."""
        await self._server.stop()

    @property
    def url(self) -> str:
        """Scheme, host and port."""
        return f"{'https' if self._tls else 'http'}://{HOST}:{self.port}"

    @property
    def models(self) -> list[str]:
        """The model that each request asked for."""
        return [request.model for request in self.requests]

    @property
    def accepted(self) -> int:
        """How many connections were accepted so far."""
        return self._server.accepted

    @property
    def open(self) -> int:
        """How many connections are open now."""
        return len(self._server.open)

    def behave(self, *behaviours: Said) -> None:
        """Do this from the next request on."""
        self._server.choose = _playback(behaviours).choose

    def release(self) -> None:
        """Let everything go on that holds now."""
        self._server.release()

    async def received(self, count: int = 1) -> None:
        """Wait until so many requests arrived."""
        await self.until(lambda: len(self.requests) >= count)

    async def until(self, condition: Callable[[], bool], seconds: float = 40.0) -> None:
        """Wait for a condition on `requests`, `accepted` or `open`.

        Raises:
            TimeoutError: it did not come true.
        """
        async with asyncio.timeout(seconds):
            while not condition():
                await self._server.changed.wait()

    def _record(self, request: Request, _behaviour: Behaviour) -> None:
        self.requests.append(request)
        self._journal.append(self.label)


def _playback(behaviours: tuple[Said, ...]) -> Playback:
    return Playback(validate({"default": [*(behaviours or (200,))]}))


class Refusing:
    """A port that refuses every connection for as long as it is entered: bound by us, so that nobody else takes it."""

    def __init__(self) -> None:
        self.port = 0

    async def __aenter__(self) -> Self:
        self._socket = socket.socket()
        self._socket.bind((HOST, 0))
        self.port = int(self._socket.getsockname()[1])
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()


class Blackhole:
    """A port that never answers a SYN: its queue of connections waiting to be accepted is full, and stays so."""

    def __init__(self) -> None:
        self.port = 0
        self._queued: list[socket.socket] = []

    async def __aenter__(self) -> Self:
        self._listening = socket.socket()
        self._listening.bind((HOST, 0))
        self._listening.listen(0)
        self.port = int(self._listening.getsockname()[1])
        # How many fit into a queue of "0" is the kernel's affair: fill it until one is left without an answer.
        while not self._queued or await asyncio.to_thread(_answered, self._queued[-1]):
            waiting = socket.socket()
            waiting.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                waiting.connect((HOST, self.port))
            self._queued.append(waiting)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for waiting in (*self._queued, self._listening):
            waiting.close()


def _answered(connecting: socket.socket) -> bool:
    """Tell whether the handshake ends; on loopback that takes no time worth measuring."""
    return bool(select.select([], [connecting], [], 0.05)[1])


Upstream = Scripted | Refusing | Blackhole


class Upstreams:
    """Several upstreams under labels, and the order in which they were asked.

    A value is one behaviour or a list of them; "refused" is a port where nothing listens, "blackhole" one that does
    not answer a SYN.
    """

    def __init__(self, **behaviours: Said | list[Said]) -> None:
        self.order: list[str] = []
        self._all = {label: self._make(label, said) for label, said in behaviours.items()}
        self._entered = contextlib.AsyncExitStack()

    def _make(self, label: str, said: Said | list[Said]) -> Upstream:
        if said == "refused":
            return Refusing()
        if said == "blackhole":
            return Blackhole()
        listed = said if isinstance(said, list) else [said]
        return Scripted(*listed, label=label, journal=self.order)

    async def __aenter__(self) -> Self:
        for upstream in self._all.values():
            await self._entered.enter_async_context(upstream)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._entered.aclose()

    def __getitem__(self, label: str) -> Scripted:
        """The scripted upstream of this label."""
        found = self._all[label]
        assert isinstance(found, Scripted), f"{label} listens to nobody"
        return found

    def port(self, label: str) -> int:
        """The port of any of them."""
        return self._all[label].port


_MEASURED = {
    "rst": "rst",
    "rst (TCP RST after the request was read)": "rst",
    "RST as soon as the request headers arrive": "rst-on-head",
    "fin (orderly close before any response byte)": "fin",
    "not HTTP": "not-http",
    "nothing listens": "refused",
    "blackhole": "blackhole",
}


def measured(raw: dict[str, Any]) -> Said:
    """Translate a behaviour of `vectors/envoy-retry.json`: its modes have names of their own, its gap a default."""
    mode = raw.get("mode")
    if mode in _MEASURED:
        return _MEASURED[mode]
    return {"gap": 0.05, **raw} if mode == "stream" else raw
