"""Requests that a transport sends to listeners of tests, and answers as they are read."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

from multidict import CIMultiDict

from switchover_dataplane.upstream.request_head import serialise
from switchover_dataplane.upstream.transport import Destination, Response, Transport
from wire import Listener, Peer


async def post(
    transport: Transport, to: Listener, body: bytes | AsyncIterator[bytes] = b"{}", method: str = "POST"
) -> Response:
    return await transport.send(
        Destination(to.host, to.port), method, serialise(method, "/x", CIMultiDict({"host": "a"})), body
    )


async def whole(response: Response) -> bytes:
    pieces = []
    while piece := await response.chunk():
        pieces.append(piece)
    return b"".join(pieces)


def taking(taken: list[bytes]) -> Callable[[bytes], bool]:
    """What takes each pushed piece and wants the next one."""

    def take(piece: bytes) -> bool:
        taken.append(piece)
        return True

    return take


def resetting(answer: bytes, taken: asyncio.Event) -> Callable[[Peer], Awaitable[None]]:
    """A target that answers and resets the connection once that was taken."""

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(answer)
        await taken.wait()
        peer.reset()

    return script


def count(transport: Transport, to: Listener, name: str) -> int:
    return transport.counts()[f"{to.host}:{to.port}"][name]


async def in_pieces(*pieces: bytes) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece
