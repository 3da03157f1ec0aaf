"""How answers go out on a client's connection: their framing, what is added to them, and what ends the connection."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from multidict import CIMultiDict

from switchover_dataplane.edge import reply_head
from switchover_dataplane.edge.request import Request
from switchover_dataplane.edge.server import Connections, Edge, Limits
from switchover_dataplane.formats import own_answers, own_errors
from switchover_dataplane.formats.own_answers import OwnAnswer
from switchover_dataplane.telemetry.refusals import Refusals

pytestmark = pytest.mark.asyncio(loop_factories=["asyncio", "uvloop"])

SECRET = "sk-never-to-be-seen"
GET = b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n"
LAST = b"GET /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
OF_1_0 = b"GET /x HTTP/1.0\r\n\r\n"
KEPT_OF_1_0 = b"GET /x HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
HEAD = b"HEAD /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"

Answering = Callable[[Request], Awaitable[OwnAnswer | None]]


@asynccontextmanager
async def answering(answer: Answering) -> AsyncIterator[int]:
    """A port at which every request gets this answer."""
    edge = Edge(lambda request, _: answer(request), Refusals().tell, 7, Limits(), Connections(10))
    server = await asyncio.get_running_loop().create_server(edge, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await edge.drain(1)


async def got(answer: Answering, *requests: bytes) -> tuple[bytes, bytes]:
    """Send requests at once and read until the gateway closes: the head of the first answer, and what is behind it."""
    async with answering(answer) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"".join(requests))
        head, _, rest = (await reader.read()).partition(b"\r\n\r\n")
        writer.close()
        return head, rest


def fields(head: bytes) -> dict[str, str]:
    lines = [line.partition(": ") for line in head.decode().split("\r\n")[1:]]
    assert len({name.lower() for name, _, _ in lines}) == len(lines), "no field stands there twice"
    return {name.lower(): value for name, _, value in lines}


async def whole(_request: Request) -> OwnAnswer:
    return OwnAnswer(200, CIMultiDict({"content-type": "text/plain"}), b"hello")


async def in_pieces(request: Request) -> None:
    request.connection.begin(200, CIMultiDict({"content-type": "text/plain"}))
    await request.connection.write(b"he")
    await request.connection.write(b"llo")
    request.connection.end()


async def of_a_length(request: Request) -> None:
    request.connection.begin(200, CIMultiDict(), 5)
    await request.connection.write(b"he")
    request.connection.end(b"llo")


async def test_a_whole_answer_has_its_length_its_date_and_who_serves_it() -> None:
    head, body = await got(whole, LAST)

    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert body == b"hello"
    named = fields(head)
    assert named.pop("date").endswith(" GMT")
    assert named == {
        "content-type": "text/plain", "content-length": "5", "server": "switchover", "connection": "close"
    }  # fmt: skip


async def test_an_answer_of_unknown_length_comes_in_chunks() -> None:
    head, body = await got(in_pieces, LAST)

    assert fields(head)["transfer-encoding"] == "chunked"
    assert "content-length" not in fields(head)
    assert body == b"2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"


@pytest.mark.parametrize("request_", [OF_1_0, KEPT_OF_1_0], ids=["closed", "kept"])
async def test_without_chunks_its_end_is_that_of_the_connection(request_: bytes) -> None:
    head, body = await got(in_pieces, request_)

    assert head.startswith(b"HTTP/1.0 200 OK\r\n")
    assert "transfer-encoding" not in fields(head)
    assert body == b"hello"


async def test_http_1_0_keeps_a_connection_that_it_asks_to_keep_where_the_answer_has_a_length() -> None:
    head, rest = await got(whole, KEPT_OF_1_0, OF_1_0)

    assert fields(head)["connection"] == "keep-alive"
    assert rest.startswith(b"helloHTTP/1.0 200 OK\r\n")


async def test_an_answer_of_a_length_that_was_announced_comes_as_it_is() -> None:
    head, body = await got(of_a_length, LAST)

    assert fields(head)["content-length"] == "5"
    assert body == b"hello"


@pytest.mark.parametrize("answer", [whole, in_pieces, of_a_length])
async def test_an_answer_to_head_has_no_body(answer: Answering) -> None:
    head, body = await got(answer, HEAD)

    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert body == b""


async def test_an_error_of_ours_does_not_say_to_head_which_content_it_would_have() -> None:
    async def refuse(_request: Request) -> OwnAnswer:
        return own_answers.error(own_errors.NO_ROUTE, "nothing is here")

    head, body = await got(refuse, HEAD)

    assert head.startswith(b"HTTP/1.1 404 ")
    assert "content-type" not in fields(head)
    assert body == b""


@pytest.mark.parametrize("status", [204, 304])
async def test_an_answer_that_has_no_body_by_its_status_has_no_length_either(status: int) -> None:
    async def empty(_request: Request) -> OwnAnswer:
        return OwnAnswer(status, CIMultiDict({"content-length": "5"}), b"hello")

    head, body = await got(empty, LAST)

    assert head.startswith(b"HTTP/1.1 %d " % status)
    assert "content-length" not in fields(head)
    assert body == b""


async def test_a_status_that_nobody_registered_is_handed_on() -> None:
    async def odd(_request: Request) -> OwnAnswer:
        return OwnAnswer(599)

    assert (await got(odd, LAST))[0].startswith(b"HTTP/1.1 599 \r\n")


async def test_fields_of_an_answer_that_frame_it_otherwise_are_left_out() -> None:
    async def framed(request: Request) -> None:
        names = CIMultiDict({"Content-Length": "99", "Transfer-Encoding": "gzip", "X-Kept": "yes"})
        request.connection.send(200, names, b"hello")

    head, body = await got(framed, LAST)

    assert fields(head)["content-length"] == "5"
    assert "transfer-encoding" not in fields(head)
    assert fields(head)["x-kept"] == "yes"
    assert body == b"hello"


async def test_date_and_server_of_an_answer_stay() -> None:
    async def own(request: Request) -> None:
        request.connection.send(200, CIMultiDict({"Date": "yesterday", "Server": "model"}), b"")

    assert (fields((await got(own, LAST))[0])["date"], fields((await got(own, LAST))[0])["server"]) == (
        "yesterday",
        "model",
    )


async def test_octets_above_ascii_in_a_field_stay_as_they_came() -> None:
    async def odd(request: Request) -> None:
        request.connection.send(200, CIMultiDict({"X-Odd": b"\xff\xc3\xa9".decode("utf-8", "surrogateescape")}), b"")

    assert b"\r\nX-Odd: \xff\xc3\xa9\r\n" in (await got(odd, LAST))[0]


@pytest.mark.parametrize("sign", ["\r\n", "\r", "\n", "\0"], ids=["CRLF", "CR", "LF", "NUL"])
@pytest.mark.parametrize("is_begun", [True, False], ids=["in pieces", "whole"])
async def test_a_field_that_would_end_its_line_is_a_fault_and_not_sent(
    sign: str, is_begun: bool, caplog: pytest.LogCaptureFixture
) -> None:
    async def split(request: Request) -> None:
        names = CIMultiDict({"X-Split": f"{SECRET}{sign}X-Other: y"})
        if is_begun:
            request.connection.begin(200, names)
        else:
            request.connection.send(200, names, b"")

    head, body = await got(split, GET)

    assert head.startswith(b"HTTP/1.1 500 ")
    assert SECRET.encode() not in head + body
    assert SECRET not in caplog.text


async def test_a_handler_that_does_not_answer_is_a_fault(caplog: pytest.LogCaptureFixture) -> None:
    async def silent(_request: Request) -> None:
        return None

    head, _ = await got(silent, GET)

    assert head.startswith(b"HTTP/1.1 500 ")
    assert "RuntimeError" in caplog.text


@pytest.mark.parametrize("request_", [GET, OF_1_0], ids=["HTTP/1.1", "HTTP/1.0"])
async def test_a_fault_within_an_answer_never_lets_it_look_whole(
    request_: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async def breaks(request: Request) -> None:
        request.connection.begin(200, CIMultiDict())
        await request.connection.write(b"he")
        raise RuntimeError(SECRET)

    try:
        _, body = await got(breaks, request_)
    except ConnectionResetError:
        body = b""

    assert not body.endswith(b"0\r\n\r\n")
    assert (request_ == GET) or not body
    assert SECRET not in caplog.text


async def test_an_answer_that_is_shorter_than_its_length_ends_with_its_connection() -> None:
    async def short(request: Request) -> None:
        request.connection.begin(200, CIMultiDict(), 9)
        request.connection.end(b"hello")

    _, body = await got(short, GET, GET)

    assert b"HTTP/1.1" not in body


async def test_no_byte_beyond_an_announced_length_is_sent() -> None:
    async def long(request: Request) -> None:
        request.connection.begin(200, CIMultiDict(), 3)
        request.connection.end(b"hello")

    assert (await got(long, LAST))[1] == b"hel"


async def test_the_head_of_an_answer_can_go_ahead_of_its_body() -> None:
    go_on = asyncio.Event()

    async def waits(request: Request) -> None:
        request.connection.begin(200, CIMultiDict())
        request.connection.send_head()
        await go_on.wait()
        request.connection.end(b"hello")

    async with answering(waits) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(LAST)
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 OK\r\n")
        go_on.set()
        assert await reader.read() == b"5\r\nhello\r\n0\r\n\r\n"
        writer.close()


async def test_requests_that_a_client_sends_far_ahead_are_all_answered_in_order() -> None:
    async def number(request: Request) -> OwnAnswer:
        await asyncio.sleep(0)
        return OwnAnswer(200, body=request.path.encode())

    async with answering(number) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        ahead = [b"GET /%d HTTP/1.1\r\nHost: a\r\nX: %b\r\n\r\n" % (each, b"x" * 2_000) for each in range(200)]
        sending = asyncio.create_task(_send(writer, b"".join(ahead)))
        for each in range(200):
            path = b"/%d" % each
            assert (await reader.readuntil(b"\r\n\r\n" + path)).startswith(b"HTTP/1.1 200 ")
        await sending
        writer.close()


async def _send(writer: asyncio.StreamWriter, data: bytes) -> None:
    writer.write(data)
    await writer.drain()


async def test_the_date_is_written_anew_each_second() -> None:
    now = 784_111_777.2
    date = reply_head.Date(lambda: now)

    assert date.now() == "Sun, 06 Nov 1994 08:49:37 GMT"
    now += 0.7
    assert date.now() == "Sun, 06 Nov 1994 08:49:37 GMT"
    now += 0.2
    assert date.now() == "Sun, 06 Nov 1994 08:49:38 GMT"
