"""Trailer fields of a request: no field of one request ever stands among those of the next one on its connection."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from switchover_dataplane.edge.request import Request
from switchover_dataplane.edge.server import Connections, Edge, Limits
from switchover_dataplane.formats.own_answers import OwnAnswer
from switchover_dataplane.request import read_body
from switchover_dataplane.request.memory_budget import MemoryBudget
from switchover_dataplane.telemetry.refusals import Refusals

pytestmark = pytest.mark.asyncio(loop_factories=["asyncio", "uvloop"])

SECOND = b"POST /second HTTP/1.1\r\nHost: a\r\nX-Mine: 1\r\nContent-Length: 6\r\n\r\nsecond"
FIELDS_OF_THE_SECOND = [("host", "a"), ("x-mine", "1"), ("content-length", "6")]

TRAILERS = {
    "a credential": b"Authorization: Bearer of-the-first\r\n",
    "a credential behind another field": b"X-First: 1\r\nAuthorization: Bearer of-the-first\r\n",
    "a credential before another field": b"Authorization: Bearer of-the-first\r\nX-Last: 1\r\n",
    "a key of another API": b"X-Api-Key: of-the-first\r\n",
    "a cookie": b"Cookie: session=of-the-first\r\n",
    "a host": b"X-First: 1\r\nHost: evil.example\r\n",
    "an address": b"X-Forwarded-For: 192.0.2.66\r\n",
    "a request id": b"X-Request-Id: of-the-first\r\n",
    "a field that takes fields away": b"Connection: x-mine\r\n",
    "a field that ends the connection": b"Connection: close\r\n",
    "an expectation": b"Expect: 100-continue\r\n",
    "a type of content": b"Content-Type: text/plain\r\n",
    "a field that a route may match": b"X-Tenant: another\r\n",
    "a field without a value": b"X-Empty:\r\n",
    "many fields": b"".join(b"X-%d: 1\r\n" % number for number in range(40)),
    "no field": b"",
}


@dataclass
class Seen:
    """A port whose handler keeps the path and the fields of each request."""

    port: int
    requests: list[tuple[str, list[tuple[str, str]]]] = field(default_factory=list)

    def fields_of(self, path: str) -> list[list[tuple[str, str]]]:
        return [fields for seen, fields in self.requests if seen == path]


@pytest.fixture
async def served() -> AsyncIterator[Seen]:
    seen = Seen(0)

    async def handle(request: Request, _port: int) -> OwnAnswer:
        fields = [(name.lower(), value) for name, value in request.headers.items()]
        length = [] if request.content_length is None else [("content-length", str(request.content_length))]
        seen.requests.append((request.path, fields + length))
        if request.path != "/unread":
            await read_body.read(request, 1000, MemoryBudget(1000, time.monotonic).open(""), is_json=False)
        return OwnAnswer(200, body=b"ok")

    edge = Edge(handle, Refusals().tell, 7, Limits(), Connections(10))
    server = await asyncio.get_running_loop().create_server(edge, "127.0.0.1", 0)
    seen.port = server.sockets[0].getsockname()[1]
    yield seen
    server.close()
    await edge.drain(1)


def first(trailers: bytes, path: bytes = b"/first") -> bytes:
    return (
        b"POST "
        + path
        + b" HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n0\r\n"
        + trailers
        + b"\r\n"
    )


async def _until_closed(port: int, *pieces: bytes) -> bytes:
    """Send pieces one after the other and read until the gateway ends the connection; what it does not take is lost."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answers = b""
    try:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)
        while piece := await reader.read(1 << 16):
            answers += piece
    except ConnectionError:
        pass
    finally:
        writer.close()
    return answers


async def _answers(port: int, *requests: bytes) -> list[bytes]:
    """Send requests in one segment on a connection of their own and read the answer to each."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(b"".join(requests))
        return [await reader.readuntil(b"\r\n\r\nok") for _ in requests]
    finally:
        writer.close()


@pytest.mark.parametrize("trailers", TRAILERS.values(), ids=TRAILERS.keys())
@pytest.mark.parametrize("cut", ["one segment", "before the second request", "within the trailers", "every byte"])
async def test_a_trailer_field_is_no_field_of_the_next_request(served: Seen, trailers: bytes, cut: str) -> None:
    whole = first(trailers) + SECOND
    pieces = {
        "one segment": [whole],
        "before the second request": [first(trailers), SECOND],
        "within the trailers": [first(trailers)[:-4], first(trailers)[-4:] + SECOND],
        "every byte": [whole[at : at + 1] for at in range(len(whole))],
    }[cut]

    answers = await _until_closed(served.port, *pieces)
    if not served.fields_of("/second"):
        await _answers(served.port, SECOND)

    assert answers.count(b"HTTP/1.1 ") <= 1
    assert served.fields_of("/second") == [FIELDS_OF_THE_SECOND]


async def test_the_answer_to_a_request_in_chunks_says_that_its_connection_ends(served: Seen) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(first(b""))

    answer = await reader.read()

    assert b"\r\nConnection: close\r\n" in answer
    writer.close()


async def test_a_body_in_chunks_that_nobody_reads_ends_its_connection_too(served: Seen) -> None:
    answers = await _until_closed(served.port, first(b"Authorization: Bearer of-the-first\r\n", b"/unread") + SECOND)
    await _answers(served.port, SECOND)

    assert answers.count(b"HTTP/1.1 ") == 1
    assert served.fields_of("/second") == [FIELDS_OF_THE_SECOND]


async def test_a_request_with_a_length_keeps_its_connection(served: Seen) -> None:
    assert len(await _answers(served.port, SECOND, SECOND)) == 2
