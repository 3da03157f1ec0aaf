"""Headers whose values hold operators, on real sockets."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp

from serving import KEY, Answering, Gateway, Seen, Target, free_port, gateway, good, json, limited, table, targets
from switchover_dataplane.table.rules import Filters, Header, HeaderEdit, Operator, ValuePart

ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
BODY = b'{"model":"m","messages":[]}'
Served = AsyncIterator[tuple[Gateway, list[Target]]]


def edit(**operators: Operator) -> tuple[HeaderEdit, ...]:
    """Headers that are called as the arguments are, each with the value of one operator."""
    headers = (Header(f"x-{name}", parts=(ValuePart(operator=of),)) for name, of in operators.items())
    return (HeaderEdit(set=tuple(headers)),)


@asynccontextmanager
async def serving(filters: Filters, *scripts: Answering, ai: bool = True) -> Served:
    async with targets(*scripts) as made:
        of = table(free_port(), [each.port for each in made], filters=filters, ai=ai)
        async with gateway(of) as at:
            yield at, made


async def ask(at: Gateway, source: str = "127.0.0.1") -> dict[str, str]:
    """Ask on a connection of its own, with one head for all; return the fields of the answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", at.port, local_addr=(source, 0))
    writer.write(HEAD + BODY)
    text = (await reader.readuntil(b"\r\n\r\n")).decode()
    writer.close()
    return {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in text.split("\r\n")[1:])}


HEAD = b"POST /model HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(
    BODY
)


def headers_of(target: Target, name: str) -> list[str]:
    return [seen.headers.get(name, "") for seen in target.seen]


async def test_requests_with_one_head_get_the_time_and_the_client_of_each() -> None:
    filters = Filters(edit(began="START_TIME", client="DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT"))
    async with serving(filters, good()) as (at, [target]):
        for source in ("127.0.0.1", "127.0.0.2", "127.0.0.2"):
            await ask(at, source)
    assert headers_of(target, "x-client") == ["127.0.0.1", "127.0.0.2", "127.0.0.2"]
    times = headers_of(target, "x-began")
    assert all(ISO.fullmatch(each) for each in times)
    assert times == sorted(times)


async def test_an_answer_tells_who_gave_it_and_when_the_request_came() -> None:
    filters = Filters(
        edit(began="START_TIME", route="ROUTE_NAME", up="UPSTREAM_CLUSTER", protocol="PROTOCOL"),
        edit(
            began="START_TIME",
            by="UPSTREAM_HOST",
            code="RESPONSE_CODE",
            tries="UPSTREAM_REQUEST_ATTEMPT_COUNT",
            to="DOWNSTREAM_LOCAL_ADDRESS",
            took="DURATION",
        ),
    )
    async with serving(filters, limited(), good()) as (at, [first, second]):
        told = await ask(at)
    assert told["x-by"] == f"127.0.0.1:{second.port}"
    assert (told["x-code"], told["x-tries"], told["x-to"]) == ("200", "2", f"127.0.0.1:{at.port}")
    assert ISO.fullmatch(told["x-began"])
    assert told["x-took"].isdigit()
    sent = first.seen[0].headers
    assert (sent["x-route"], sent["x-up"], sent["x-protocol"]) == ("ns/route/0", "ns/up", "HTTP/1.1")


async def test_the_id_of_a_request_is_the_same_in_each_header(client: aiohttp.ClientSession) -> None:
    parts = (ValuePart("id "), ValuePart(operator="REQ", argument="x-request-id"))
    edits = (HeaderEdit(set=(Header("x-id", parts=parts),)),)
    async with serving(Filters(edits, edits), good()) as (at, [target]):
        for _ in range(2):
            async with client.post(f"{at.url}/model", data=BODY) as answer:
                assert answer.headers["x-id"] == f"id {answer.headers['x-request-id']}"
    assert headers_of(target, "x-id") == [f"id {each}" for each in headers_of(target, "x-request-id")]
    assert len(set(headers_of(target, "x-id"))) == 2


async def test_a_header_of_an_answer_is_taken_as_the_client_gets_it(client: aiohttp.ClientSession) -> None:
    def named(name: str) -> tuple[ValuePart, ...]:
        return (ValuePart(operator="RESP", argument=name),)

    headers = (Header("x-copy", parts=named("x-region")), Header("x-leak", parts=named("set-cookie")))
    quoting = json(200, {"choices": [{"message": {"content": "a"}}]}, [f"x-region: of {KEY}", "set-cookie: a=b"])
    async with serving(Filters((), (HeaderEdit(set=headers),)), quoting) as (at, _):
        async with client.post(f"{at.url}/model", data=BODY) as answer:
            assert (answer.headers["x-copy"], "x-leak" in answer.headers) == ("of ***", False)


async def test_a_plain_backend_gets_the_address_of_the_client_whose_body_it_gets() -> None:
    """Requests with one head share what is found out about it, also while the body of one still comes."""
    async with serving(Filters(), echo_nothing, ai=False) as (at, [target]):
        answers, slow = await asyncio.open_connection("127.0.0.1", at.port, local_addr=("127.0.0.2", 0))
        slow.write(HEAD + BODY[:5])
        await slow.drain()
        await ask(at)
        await ask(at)
        slow.write(BODY[5:])
        await answers.readuntil(b"\r\n\r\n")
        slow.close()
    assert sorted(headers_of(target, "x-forwarded-for")) == ["127.0.0.1", "127.0.0.1", "127.0.0.2"]


async def echo_nothing(_seen: Seen, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
