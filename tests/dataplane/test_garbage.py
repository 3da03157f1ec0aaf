"""What requests and streams leave behind, however they ended: nothing that the garbage collector alone could free.

A full collection looks at all that is alive. With thousands of streams it would hold each of them up, so that it is
seldom (`process/garbage.py`), and what waited for it would need memory meanwhile.
"""

import asyncio
import gc
import types
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import pytest

from serving import (
    END,
    ROLE,
    STREAM_HEAD,
    Answering,
    chunks,
    event,
    free_port,
    gateway,
    good,
    limited,
    raw,
    table,
    targets,
)
from switchover_dataplane.served_table import Ack
from switchover_dataplane.table.policies import CoolDown, Policy
from switchover_dataplane.table.wire import encode

PACKAGE = "switchover_dataplane"
TIMES = 5
FIRST = ROLE + event({"content": "one two"})
WHOLE = raw(STREAM_HEAD + chunks(FIRST, event({"content": " three"}), END))
CUT = raw(STREAM_HEAD + chunks(FIRST, event({"content": " three"}), end=False), then="close")
RESET = raw(STREAM_HEAD + chunks(FIRST, event({"content": " three"}), end=False), then="reset")
GOES_ON = raw(STREAM_HEAD + chunks(event({"content": "one two three four"}), END))
SILENT = raw(STREAM_HEAD + chunks(FIRST, end=False), then="wait")
DRIPPING = raw(STREAM_HEAD + chunks(FIRST, b": still here\n\n", end=False), then="wait")
NO_ANSWER = raw(b"", then="close")
NO_HTTP = raw(b"SMTP ready\r\n", then="close")
HALF = raw(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{", then="close")
BAD_CHUNK = raw(STREAM_HEAD + chunks(FIRST, end=False) + b"no size\r\n", then="wait")
QUICK = Policy(cool_down=CoolDown(base=0.0), lone_stream_idle_timeout=0.05, stream_idle_timeout=0.05)

CASES = {
    "an answer": ((good(),), False),
    "an answer behind a refusal": ((limited(), good()), False),
    "a refusal by all": ((limited(), limited()), False),
    "an answer that is cut": ((HALF,), False),
    "an answer behind one that is cut": ((HALF, good()), False),
    "no answer": ((NO_ANSWER,), False),
    "an answer behind none": ((NO_ANSWER, good()), False),
    "no HTTP": ((NO_HTTP, good()), False),
    "a stream": ((WHOLE,), True),
    "a stream behind a refusal": ((limited(), WHOLE), True),
    "a stream that is cut": ((CUT,), True),
    "a stream that is torn down": ((RESET,), True),
    "a stream that falls silent": ((SILENT,), True),
    "a stream that says nothing any more": ((DRIPPING,), True),
    "a stream that is no HTTP any more": ((BAD_CHUNK,), True),
    "a stream that another model continues": ((CUT, GOES_ON), True),
    "a stream that is continued and cut": ((CUT, CUT), True),
    "a stream that is torn down and continued": ((RESET, GOES_ON), True),
    "a stream that falls silent and is continued": ((SILENT, GOES_ON), True),
}


def request(path: str = "/model", *, stream: bool = False) -> bytes:
    body = msgspec.json.encode({"model": "m", "stream": stream, "messages": [{"role": "user", "content": "hi"}]})
    return b"POST %b HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: %d\r\n\r\n%b" % (
        path.encode(),
        len(body),
        body,
    )


async def ask(port: int, data: bytes, *, leaves: bool = False, ends: bool = False) -> bytes:
    """Send bytes, and no more if it `ends`; read to the end of the connection, or to an event if it `leaves`."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(data)
    if ends:
        writer.write_eof()
    try:
        return await reader.readuntil(b"data: ") if leaves else await reader.read()
    except ConnectionError:
        return b""
    finally:
        if leaves:
            writer.transport.abort()
        writer.close()


def leftovers() -> Counter[str]:
    """Collect, and name what of the data plane's could be freed by that alone."""
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        gc.collect()
        return Counter(name for one in gc.garbage if (name := _name(one)))
    finally:
        gc.set_debug(0)
        gc.garbage.clear()


def _name(one: object) -> str:
    if isinstance(one, types.FrameType):
        return f"frame of {one.f_code.co_qualname}" if f"/{PACKAGE}/" in one.f_code.co_filename else ""
    if isinstance(one, types.CoroutineType):
        return f"coroutine {one.__qualname__}" if f"/{PACKAGE}/" in one.cr_code.co_filename else ""
    return type(one).__qualname__ if type(one).__module__.startswith(PACKAGE) else ""


@asynccontextmanager
async def no_garbage() -> AsyncIterator[None]:
    """Fail where what is done within leaves anything for the garbage collector."""
    gc.collect()
    gc.disable()
    try:
        yield
        assert leftovers() == {}
    finally:
        gc.enable()


@pytest.mark.parametrize(("scripts", "stream"), CASES.values(), ids=CASES.keys())
async def test_what_was_asked_for_leaves_nothing_for_the_garbage_collector(
    scripts: tuple[Answering, ...], stream: bool
) -> None:
    asked = request(stream=stream)
    async with targets(*scripts) as each, gateway(table(free_port(), [one.port for one in each], QUICK)) as at:
        assert (await ask(at.port, asked)).startswith(b"HTTP/1.1 ")
        async with no_garbage():
            for _ in range(TIMES):
                assert (await ask(at.port, asked)).startswith(b"HTTP/1.1 ")
        assert all(one.seen for one in each)


REFUSED = {
    "a path without a route": request("/other"),
    "a body that is no JSON": request().replace(b"{", b"["),
    "no HTTP": b"SMTP ready\r\n\r\n",
    "a head that is not well-formed": b"POST /model HTTP/1.1\r\nhost localhost\r\n\r\n",
    "a host that is not served": request().replace(b"localhost", b"example.com"),
    "a head that is new each time": b"",
}


@pytest.mark.parametrize("asked", REFUSED.values(), ids=REFUSED.keys())
async def test_what_is_refused_leaves_nothing_for_the_garbage_collector(asked: bytes) -> None:
    async with targets(good()) as [one], gateway(table(free_port(), [one.port])) as at:
        await ask(at.port, asked or request())
        async with no_garbage():
            for number in range(TIMES):
                sent = asked or request().replace(b"host:", b"x-number: %d\r\nhost:" % number)
                assert (await ask(at.port, sent)).startswith(b"HTTP/1.1 ")


@pytest.mark.parametrize("begun", [request()[:30], b"\r\n\r\n", b""])
async def test_a_client_that_ends_within_a_head_leaves_nothing_for_the_garbage_collector(begun: bytes) -> None:
    async with targets(good()) as [one], gateway(table(free_port(), [one.port])) as at:
        async with no_garbage():
            for _ in range(TIMES):
                assert await ask(at.port, begun, ends=True) == b""


@pytest.mark.parametrize("script", [WHOLE, SILENT, DRIPPING, CUT])
async def test_a_client_that_leaves_leaves_nothing_for_the_garbage_collector(script: Answering) -> None:
    async with targets(script) as [one], gateway(table(free_port(), [one.port])) as at:
        async with no_garbage():
            for _ in range(TIMES):
                await ask(at.port, request(stream=True), leaves=True)
            while at.metrics.in_flight:
                await asyncio.sleep(0)
            await asyncio.sleep(0)


async def test_a_table_that_is_replaced_leaves_nothing_for_the_garbage_collector() -> None:
    async with targets(good()) as [one]:
        port = free_port()
        tables = [table(port, [one.port], Policy(attempts=number + 1)) for number in range(TIMES)]
        async with gateway(tables.pop()) as at:
            await ask(at.port, request())
            async with no_garbage():
                for another in tables:
                    assert isinstance(await at.state.apply(encode(another), at.listeners), Ack)
                    assert (await ask(at.port, request())).startswith(b"HTTP/1.1 200 ")
