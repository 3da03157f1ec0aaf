"""Bytes of clients → the requests that the handler sees, through the edge and its parser on a real socket."""

import asyncio
import contextlib
import random
import socket
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import cache

from battery.client import CASES
from fuzz.edits import edited, pieces
from switchover_dataplane.edge.request import Request
from switchover_dataplane.edge.server import Connections, Edge, Limits
from switchover_dataplane.formats.own_answers import OwnAnswer
from switchover_dataplane.request import passing_body
from switchover_dataplane.telemetry.refusals import Refusals

SEEDS = tuple(case.data for case in CASES if 10 < len(case.data) < 1_500)
WORDS = (
    b"\r\n", b"\n", b"\r", b"\r\n\r\n", b" ", b"\t", b":", b";", b"\x00", b"\xff", b"GET /plain/x HTTP/1.1\r\n",
    b"Host: localhost\r\n", b"Content-Length: 5\r\n", b"Content-Length: 0\r\n", b"Transfer-Encoding: chunked\r\n",
    b"Transfer-Encoding: x\r\n", b"Connection: close\r\n", b"Connection: upgrade\r\nUpgrade: x\r\n",
    b"Expect: 100-continue\r\n", b"5\r\nhello\r\n", b"0\r\n\r\n", b"0\r\nX-Late: a\r\n\r\n", b"hello", b"ffffffff",
    b"A: b\r\n", b" folded\r\n", b"HTTP/1.0", b"HTTP/2.0", b"http://localhost/", b"%2e%2e/", b"POST", b"HEAD",
    b"TRACE", b"\r\n\r\nGET /plain/hidden HTTP/1.1\r\nHost: localhost\r\n\r\n",
)  # fmt: skip
_QUIET_TURNS = 12


@dataclass(frozen=True)
class Seen:
    """One request as the handler got it."""

    method: str
    target: str
    fields: tuple[tuple[str, str], ...]
    body: bytes


def seeds() -> Sequence[bytes]:
    return SEEDS


def draw(chance: random.Random, known: Sequence[bytes]) -> tuple[bytes, ...]:
    return pieces(chance, edited(chance, known, WORDS))


def seed(cut: tuple[bytes, ...]) -> bytes:
    return b"".join(cut)


def are_the_same_requests_however_they_are_cut(cut: tuple[bytes, ...]) -> Hashable:
    """Of two cuts of the same bytes one sees what the other sees, or stops earlier; each request has one framing.

    What a port has served before is read as it was the first time.
    """
    [(in_pieces, answered)] = _loop().run_until_complete(_seen(cut))
    whole = (b"".join(cut),)
    (at_once, answered_at_once), (again, _) = _loop().run_until_complete(_seen(whole, whole))
    shorter, longer = sorted((in_pieces, at_once), key=len)
    assert longer[: len(shorter)] == shorter, "cut otherwise, read otherwise"
    assert again == at_once, "sent again, read otherwise"
    for answers in (answered, answered_at_once):
        assert b"internal_error" not in answers, "the gateway failed"
    for request in longer:
        names = [name.lower() for name, _ in request.fields]
        assert names.count("host") <= 1, "two hosts"
        assert names.count("content-length") + names.count("transfer-encoding") <= 1, "two framings"
        ends = [name for name, value in request.fields if any(sign in name + value for sign in "\r\n\0")]
        assert not ends, "a field with a line end"
    return len(in_pieces), len(at_once), answered[:30], len(longer[0].fields) if longer else 0


@cache
def _loop() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    loop.set_exception_handler(_raise)
    return loop


def _raise(_loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
    _faults.append(str(context.get("exception") or context.get("message")))


_faults: list[str] = []


async def _seen(*conversations: tuple[bytes, ...]) -> list[tuple[list[Seen], bytes]]:
    """Have conversations with one port, each on a connection of its own: the requests seen, and the bytes answered."""
    seen: list[Seen] = []

    async def handle(request: Request, _port: int) -> OwnAnswer:
        content = b"".join([piece async for piece in passing_body.passing(request)])
        seen.append(Seen(request.method, request.head.target, tuple(request.headers.items()), content))
        return OwnAnswer(200, body=b"ok")

    edge = Edge(handle, Refusals().tell, 7, Limits(), Connections(10))
    had: list[tuple[list[Seen], bytes]] = []
    for cut in conversations:
        answered = await _converse(edge, cut)
        had.append((list(seen), answered))
        seen.clear()
    await edge.drain(0)
    faults, _faults[:] = list(_faults), []
    assert not faults, faults
    return had


async def _converse(edge: Edge, cut: tuple[bytes, ...]) -> bytes:
    loop = asyncio.get_running_loop()
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    theirs.setblocking(False)
    transport, _ = await loop.connect_accepted_socket(edge, theirs)
    got = bytearray()
    with contextlib.suppress(ConnectionError):
        for piece in cut:
            await loop.sock_sendall(ours, piece)
            await _turns(ours, got, 4)
        await _turns(ours, got, _QUIET_TURNS)
    ours.close()
    transport.abort()
    return bytes(got)


async def _turns(ours: socket.socket, got: bytearray, turns: int) -> None:
    """Let the edge work until nothing has come for so many turns."""
    quiet = 0
    while quiet < turns:
        await asyncio.sleep(0)
        try:
            read = ours.recv(1 << 16)
        except BlockingIOError:
            quiet += 1
            continue
        quiet = 0 if read else turns
        got += read
