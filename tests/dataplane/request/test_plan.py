"""What is found for one head is kept for the requests with the same head, and never longer than it holds."""

import aiohttp
import msgspec
import pytest

from serving import Gateway, free_port, gateway, good, table, targets
from switchover_dataplane.served_table import Ack
from switchover_dataplane.table.ports import Host, Listener, Match, PathMatch, ValueMatch
from switchover_dataplane.table.rules import Backend
from switchover_dataplane.table.upstreams import OpenAI, Upstream
from switchover_dataplane.table.wire import encode, sealed

ASKED = b'{"model": "asked", "messages": [{"role": "user", "content": "hi"}]}'


async def served_by(client: aiohttp.ClientSession, at: Gateway, body: bytes = ASKED) -> str:
    async with client.post(f"{at.url}/model", data=body) as answer:
        await answer.read()
        return answer.headers["x-switchover-served-by"]


async def test_a_head_that_is_known_goes_where_the_newest_table_says() -> None:
    async with targets(good(), good()) as (one, other), aiohttp.ClientSession() as client:
        before = table(free_port(), [one.port, other.port])
        async with gateway(before) as at:
            assert [await served_by(client, at) for _ in range(2)] == ["openai/model-0"] * 2
            upstream = before.upstreams["ns/up"]
            turned = msgspec.structs.replace(upstream, priorities=tuple(reversed(upstream.priorities)))
            after = sealed(before.ports, before.rules, before.policies, {"ns/up": turned}, before.secrets)
            assert isinstance(await at.state.apply(encode(after), at.listeners), Ack)
            assert [await served_by(client, at) for _ in range(2)] == ["openai/model-1"] * 2


async def test_each_request_with_a_head_that_is_known_has_an_id_of_its_own() -> None:
    async with targets(good()) as [one], gateway(table(free_port(), [one.port])) as at:
        async with aiohttp.ClientSession() as client:
            for _ in range(3):
                await served_by(client, at)
    ids = [seen.headers["x-request-id"] for seen in one.seen]
    assert len(set(ids)) == 3
    assert all(len(each) == 32 for each in ids)


async def test_the_id_of_a_caller_stays_its_own() -> None:
    async with targets(good()) as [one], gateway(table(free_port(), [one.port])) as at:
        async with aiohttp.ClientSession(headers={"x-request-id": "mine-1"}) as client:
            for _ in range(2):
                await served_by(client, at)
    assert [seen.headers["x-request-id"] for seen in one.seen] == ["mine-1"] * 2


async def test_a_backend_is_drawn_anew_for_each_request_with_a_head_that_is_known() -> None:
    async with targets(good(), good()) as (one, other), aiohttp.ClientSession() as client:
        of = table(free_port(), [one.port])
        [upstream] = of.upstreams.values()
        [[target]] = upstream.priorities
        second = msgspec.structs.replace(target, id="ns/other/0/0", port=other.port, provider=OpenAI("other"))
        rule = msgspec.structs.replace(
            of.rules["rule"], backends=(Backend(1, "ns/up", "policy"), Backend(1, "ns/other", "policy"))
        )
        upstreams = {"ns/up": upstream, "ns/other": Upstream("ns/other", True, ((second,),))}
        made = sealed(of.ports, {"rule": rule}, of.policies, upstreams, of.secrets)
        async with gateway(made) as at:
            served = {await served_by(client, at) for _ in range(60)}
    assert served == {"openai/model-0", "openai/other"}


@pytest.mark.parametrize(("length", "status"), [(len(ASKED), 200), (len(ASKED) + 1, 404)])
async def test_a_match_of_the_content_length_looks_at_each_request(length: int, status: int) -> None:
    async with targets(good()) as [one], aiohttp.ClientSession() as client:
        of = table(free_port(), [one.port])
        wanted = ValueMatch("content-length", str(len(ASKED)))
        match = Match("rule", PathMatch("/model"), headers=(wanted,))
        port = msgspec.structs.replace(of.ports[0], listeners=(Listener("ns/gw/http", hosts=(Host("", (match,)),)),))
        async with gateway(sealed((port,), of.rules, of.policies, of.upstreams, of.secrets)) as at:
            for body, expected in ((ASKED, 200), (ASKED.ljust(length), status)):
                async with client.post(f"{at.url}/model", data=body) as answer:
                    assert answer.status == expected
