"""Twenty attacks of tenant A: as upstream, as client and by manifests. Each goes on until it is called off.

docs/security.md has a row for each, by `name`.
"""

import asyncio
import itertools
import zlib
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from functools import cache

from tenants import manifests
from tenants.attacker import HOST, STREAM_HEAD, TEXT, Attacker, answer, chat, chunk, post, say

MIB = 1 << 20


@dataclass(frozen=True)
class Attack:
    """What A does, in A's role "upstream", "client" or "manifests"."""

    name: str
    role: str
    run: Callable[[Attacker], Awaitable[None]]


ATTACKS: list[Attack] = []


def attack(name: str, role: str) -> Callable[[Callable[[Attacker], Awaitable[None]]], None]:
    def keep(run: Callable[[Attacker], Awaitable[None]]) -> None:
        ATTACKS.append(Attack(name, role, run))

    return keep


# ── As an upstream ──────────────────────────────────────────────────────────────────────────────────────────────────


def _always(*pieces: bytes) -> Callable[[asyncio.StreamWriter], Awaitable[None]]:
    async def answering(writer: asyncio.StreamWriter) -> None:
        await say(writer, *pieces)

    return answering


def _without_end(head: bytes, piece: bytes, most: int = 64 * MIB) -> Callable[[asyncio.StreamWriter], Awaitable[None]]:
    async def answering(writer: asyncio.StreamWriter) -> None:
        await say(writer, head)
        for _ in range(most // len(piece)):
            await say(writer, piece)

    return answering


@attack("errors of 40,000 texts", "upstream")
async def _(a: Attacker) -> None:
    a.answer = _always(answer(b'{"error":{"message":[' + b'"a",' * 40_000 + b'"a"]}}'))
    await a.again(2, chat())


@attack("a compressed answer of 200 MB", "upstream")
async def _(a: Attacker) -> None:
    a.answer = _always(answer(_zeros(200), fields=b"content-encoding: gzip\r\n"))
    await a.again(2, chat())


@attack("a compressed stream of 200 MB", "upstream")
async def _(a: Attacker) -> None:
    a.answer = _always(answer(_zeros(200), b"text/event-stream", b"content-encoding: gzip\r\n"))
    await a.again(2, chat(stream=True))


@attack("a stream of empty lines", "upstream")
async def _(a: Attacker) -> None:
    a.answer = _without_end(STREAM_HEAD + chunk(TEXT), chunk(b"\n" * 65_536))
    await a.again(2, chat(stream=True))


@attack("a stream of the smallest events", "upstream")
async def _(a: Attacker) -> None:
    a.answer = _without_end(STREAM_HEAD + chunk(TEXT), chunk(b"data:1\n\n" * 8_192))
    await a.again(2, chat(stream=True))


@attack("a line without end", "upstream")
async def _(a: Attacker) -> None:
    a.answer = _without_end(STREAM_HEAD + chunk(TEXT), chunk(b"data: " + b"a" * 65_530))
    await a.again(2, chat(stream=True))


@attack("interim answers without end", "upstream")
async def _(a: Attacker) -> None:
    a.answer = _without_end(b"", b"HTTP/1.1 102 Processing\r\n\r\n" * 1_000, 8 * MIB)
    await a.again(4, chat())


@attack("heads, chunk extensions and trailers without end", "upstream")
async def _(a: Attacker) -> None:
    large = b"x: " + b"a" * 65_000 + b"\r\n"
    kinds = itertools.cycle(
        (
            _without_end(b"HTTP/1.1 200 OK\r\n", large, 8 * MIB),
            _without_end(STREAM_HEAD + b"5;", b"a" * 65_536, 8 * MIB),
            _without_end(STREAM_HEAD + chunk(TEXT) + b"0\r\n", large, 8 * MIB),
        )
    )

    async def answering(writer: asyncio.StreamWriter) -> None:
        await next(kinds)(writer)

    a.answer = answering
    await a.again(4, chat(stream=True))


@attack("silence on 200 connections", "upstream")
async def _(a: Attacker) -> None:
    async def answering(_writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    a.answer = answering
    await a.again(200, chat(), seconds=30)


@attack("truncation and resets at every byte", "upstream")
async def _(a: Attacker) -> None:
    whole = STREAM_HEAD + chunk(TEXT) * 4
    lengths = itertools.cycle(range(0, len(whole), 7))

    async def answering(writer: asyncio.StreamWriter) -> None:
        await say(writer, whole[: next(lengths)])
        writer.transport.abort()
        raise ConnectionAbortedError

    a.answer = answering
    await a.again(8, chat(stream=True))


# ── As a client ─────────────────────────────────────────────────────────────────────────────────────────────────────


@attack("fields in trailers", "client")
async def _(a: Attacker) -> None:
    head = b"POST /a/plain HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n"
    trailers = b"Host: b\r\nAuthorization: Bearer attacker\r\nConnection: close\r\n"
    await a.again(8, (head + b"5\r\nhello\r\n0\r\n" + trailers + b"\r\n") * 4 + chat())


@attack("bodies of 30 MiB of nested lists", "client")
async def _(a: Attacker) -> None:
    body = b'{"model":"x","stream":true,"messages":[],"prompt":[' + b"[[1]]," * (30 * MIB // 6) + b"1]}"
    a.accounted = 2 * len(body)
    await a.again(2, post(b"/a/model", body), seconds=30)


@attack("slow bodies", "client")
async def _(a: Attacker) -> None:
    declared = 24 * MIB
    a.accounted = 8 * declared
    head = b"POST /a/model HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n"

    async def lane() -> None:
        while True:
            sent = (head % declared) + b'{"model":"x","user":"' + b"a" * (declared - 2_000)
            await a.ask(sent, pace=_slowly(), seconds=60)
            await asyncio.sleep(0.1)

    async with asyncio.TaskGroup() as group:
        for _ in range(8):
            group.create_task(lane())


def _slowly() -> Iterator[bytes]:
    return itertools.repeat(b"a", 1_000)


@attack("clients that do not read", "client")
async def _(a: Attacker) -> None:
    a.answer = _without_end(STREAM_HEAD, chunk(TEXT * 500))

    async def lane() -> None:
        await a.ask(chat(stream=True), reads=False, seconds=600)

    async with asyncio.TaskGroup() as group:
        for _ in range(20):
            group.create_task(lane())


@attack("2,000 connections without data", "client")
async def _(a: Attacker) -> None:
    async def lane(number: int) -> None:
        await asyncio.sleep(number / 2_000)
        while True:
            await a.ask(b"GET /a/plain HTTP/1.1\r\n" if number % 2 else b"", reads=True, seconds=30)
            await asyncio.sleep(0.5)

    async with asyncio.TaskGroup() as group:
        for number in range(2_000):
            group.create_task(lane(number))


@attack("pipelined requests", "client")
async def _(a: Attacker) -> None:
    await a.again(2, (b"GET /a/plain HTTP/1.1\r\n" + HOST + b"\r\n") * 2_000)


@attack("queries and paths against 1,000 matches", "client")
async def _(a: Attacker) -> None:
    a.write(manifests.many_matches(1_000) + "---\n" + manifests.many_patterns(1_000))
    query = b"&".join(b"z%d=1" % number for number in range(1_000))
    asked = (
        b"GET /a/many?" + query + b" HTTP/1.1\r\n" + HOST + b"\r\n",
        b"GET /a/pattern/" + b"a" * 7_000 + b" HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n",
    )
    await a.again(2, b"".join(asked))


# ── By manifests ────────────────────────────────────────────────────────────────────────────────────────────────────


@attack("references to the neighbour's key and models", "manifests")
async def _(a: Attacker) -> None:
    a.write(manifests.STEALING)
    chat_body = b'{"messages":[]}'
    paths = (b"/a/steals/key", b"/a/steals/upstream", b"/a/steals/plain", b"/b/model", b"/b/plain")
    while True:
        for path in paths:
            await a.ask(post(path, chat_body), seconds=2)
        await asyncio.sleep(0.05)


@attack("routes and policies for the neighbour's objects", "manifests")
async def _(a: Attacker) -> None:
    a.write(manifests.SHADOWING)
    while True:
        await a.ask(post(b"/b/other", b"{}"), seconds=2)
        await asyncio.sleep(0.05)


@attack("300 invalid and changing routes", "manifests")
async def _(a: Attacker) -> None:
    for number in itertools.count():
        a.write(f"# {number}\n" + manifests.many_patterns(300 + number % 7) + "---" + manifests.BROKEN)
        await asyncio.sleep(0.3)


# ── What they are made of ───────────────────────────────────────────────────────────────────────────────────────────


@cache
def _zeros(megabytes: int) -> bytes:
    """Write so many MB of zeros in gzip."""
    packing = zlib.compressobj(9, zlib.DEFLATED, 31)
    return b"".join([*(packing.compress(bytes(1_000_000)) for _ in range(megabytes)), packing.flush()])
