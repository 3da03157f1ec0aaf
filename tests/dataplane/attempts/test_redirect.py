"""Redirects of a target's: followed to itself, never to anybody else, and never the client's to see."""

import asyncio
import logging
from io import BytesIO

import aiohttp
import msgspec
import pytest

from as_written import as_written
from serving import KEY, Answering, Seen, free_port, gateway, good, raw, table, targets
from switchover_dataplane.table.policies import Policy
from switchover_dataplane.table.ports import Host, Listener, Match, PathMatch, Port

ASKED = {"model": "asked", "messages": [{"role": "user", "content": "hi"}]}


def to(location: str, status: int = 307) -> bytes:
    return f"HTTP/1.1 {status} X\r\nlocation: {location}\r\ncontent-length: 3\r\n\r\nbye".encode()


def then_good(*locations: str, status: int = 307) -> Answering:
    """Redirect to each of these in turn, then answer; `{host}` is the target's own."""
    left = list(locations)

    async def script(seen: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if left:
            writer.write(to(left.pop(0).format(host=seen.headers["host"]), status))
        else:
            await good()(seen, reader, writer)

    return script


async def ask(port: int, path: str = "/model") -> tuple[int, bytes, str]:
    """Return status, body and how often models were asked."""
    async with aiohttp.ClientSession() as session:
        body = BytesIO(msgspec.json.encode(ASKED))
        async with session.post(f"http://127.0.0.1:{port}{path}", data=body, allow_redirects=False) as answer:
            return answer.status, await answer.read(), answer.headers["x-switchover-attempts"]


FOLLOWED = {
    "a path": (("/v1/chat/completions/",), "/v1/chat/completions/"),
    "a path and a query": (("/v2/chat?a=b",), "/v2/chat?a=b"),
    "a path that is relative": (("../other",), "/v1/other"),
    "the whole URL": (("http://{host}/v2/chat",), "/v2/chat"),
    "the whole URL in capitals": (("HTTP://{host}/v2/chat",), "/v2/chat"),
    "the host alone": (("//{host}/v2/chat",), "/v2/chat"),
    "a fragment": (("/v2/chat#top",), "/v2/chat"),
    "three of them": (("/1", "/2", "/3"), "/3"),
}


@pytest.mark.parametrize("status", [307, 308])
@pytest.mark.parametrize(("locations", "path"), FOLLOWED.values(), ids=FOLLOWED)
async def test_a_redirect_to_the_target_itself_that_keeps_the_body_is_followed_within_the_attempt(
    locations: tuple[str, ...], path: str, status: int
) -> None:
    async with targets(then_good(*locations, status=status)) as [one]:
        async with gateway(table(free_port(), [one.port])) as at:
            got, body, attempts = await ask(at.port)
    assert (got, b"hello" in body, attempts) == (200, True, "1")
    assert [seen.line.split()[1] for seen in (one.seen[0], one.seen[-1])] == ["/v1/chat/completions", path]
    assert len({seen.body for seen in one.seen}) == 1
    assert {seen.headers["authorization"] for seen in one.seen} == {f"Bearer {KEY}"}


async def test_a_redirect_to_another_host_is_a_failed_attempt_and_nothing_is_sent_there() -> None:
    async with targets(good(), good()) as [elsewhere, second]:
        moved = raw(to(f"http://127.0.0.1:{elsewhere.port}/v1/chat/completions"))
        async with targets(moved) as [one]:
            async with gateway(table(free_port(), [one.port, second.port], Policy(attempts=2))) as at:
                assert await ask(at.port) == (200, (await ask(at.port))[1], "2")
    assert elsewhere.seen == []


NOT_FOLLOWED = {
    "a status that loses the body": to("/v2/chat", 302),
    "a status for another method": to("/v2/chat", 303),
    "for good, without the body": to("/v2/chat", 301),
    "another scheme": to("https://127.0.0.1/v2/chat"),
    "no HTTP": to("file:///etc/passwd"),
    "another port": to("http://127.0.0.1:1/v2/chat"),
    "a host that begins like it": to("http://127.0.0.1.example/v2/chat"),
    "a user with the host's name": to("http://127.0.0.1@example.test/v2/chat"),
    "white space": to("/v2/a b"),
    "letters that are none of a path": to("/v2/ä"),
    "no URL": to("http://[::1/x"),
    "a path without end": to("/" + "x" * 20_000),
    "no location": b"HTTP/1.1 307 X\r\ncontent-length: 0\r\n\r\n",
    "two locations": b"HTTP/1.1 307 X\r\nlocation: /a\r\nlocation: /b\r\ncontent-length: 0\r\n\r\n",
    "several choices": to("/v2/chat", 300),
    "no change": b"HTTP/1.1 304 X\r\n\r\n",
}


@pytest.mark.parametrize("redirect", NOT_FOLLOWED.values(), ids=NOT_FOLLOWED)
async def test_any_other_redirect_is_a_failed_attempt_that_reaches_no_client(redirect: bytes) -> None:
    async with targets(raw(redirect), good()) as [first, second]:
        async with gateway(table(free_port(), [first.port, second.port], Policy(attempts=2))) as at:
            got, body, attempts = await ask(at.port)
        assert (got, b"hello" in body, attempts) == (200, True, "2")
        async with gateway(table(free_port(), [first.port], Policy(attempts=1))) as at:
            got, body, _ = await ask(at.port)
    assert (got, msgspec.json.decode(body)["error"]["code"]) == (502, "upstream_protocol_error")
    assert len(first.seen) == 2


async def test_a_target_that_redirects_without_end_is_given_up_after_three() -> None:
    async with targets(raw(to("/again")), good()) as [first, second]:
        async with gateway(table(free_port(), [first.port, second.port], Policy(attempts=2))) as at:
            assert (await ask(at.port))[0] == 200
    assert len(first.seen) == 4


async def test_what_a_location_says_is_in_no_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with targets(raw(to(f"http://{KEY}.example/{KEY}?{KEY}"))) as [one]:
        async with gateway(table(free_port(), [one.port], Policy(attempts=1))) as at:
            _, body, _ = await ask(at.port)
    assert KEY not in caplog.text + body.decode()
    assert "307" in "".join(repr(record.__dict__) for record in caplog.records)


async def test_a_redirect_of_an_api_that_is_not_known_is_handed_on() -> None:
    async with targets(raw(to("/v1/rerank/"))) as [one]:
        of = table(free_port(), [one.port])
        listener = Listener("ns/gw/http", hosts=(Host("", (Match("rule", PathMatch("/")),)),))
        ports = (Port(of.ports[0].number, "HTTP", (listener,)),)
        async with gateway(msgspec.structs.replace(of, ports=ports)) as at:
            assert (await ask(at.port, "/v1/rerank"))[0] == 307
    assert len(one.seen) == 1


async def test_a_redirect_is_handed_on_as_it_came_under_envoys_semantics() -> None:
    async with targets(raw(to("/v2/chat"))) as [one]:
        async with gateway(table(free_port(), [one.port], as_written(semantics="Envoy"))) as at:
            assert (await ask(at.port))[:2] == (307, b"bye")
    assert len(one.seen) == 1
