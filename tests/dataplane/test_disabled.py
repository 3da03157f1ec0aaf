"""Targets that somebody took out of rotation: new requests pass them by, and requests in flight end."""

import asyncio
import logging

import aiohttp
import msgspec
import pytest

from logged import fields_of
from serving import Answering, Gateway, Seen, free_port, gateway, good, json, limited, table, targets
from switchover_dataplane.failover.decision import first_step
from switchover_dataplane.proxy import Settings
from switchover_dataplane.table.disabled import disabled, in_use
from switchover_dataplane.table.policies import CoolDown, Disabled, Policy
from switchover_dataplane.table.rules import Filters, Rewrite
from switchover_dataplane.table.table import Table
from switchover_dataplane.table.wire import encode, sealed

ASKED = {"model": "asked", "messages": [{"role": "user", "content": "hi"}]}
FIRST = Policy(disabled=(Disabled("ns/up/0/0", "of finance's"),))


async def ask(client: aiohttp.ClientSession, at: Gateway, path: str = "/model") -> tuple[int, str, str]:
    async with client.post(f"{at.url}{path}", json=ASKED) as answer:
        text = await answer.text()
        return answer.status, answer.headers.get("x-switchover-served-by", ""), f"{answer.headers}{text}"


def out_of_rotation(of: Table, reason: str) -> Table:
    upstream = msgspec.structs.replace(of.upstreams["ns/up"], disabled=reason)
    return sealed(of.ports, of.rules, of.policies, {"ns/up": upstream}, of.secrets)


def lines(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    return [record for record in caplog.records if record.name == "switchover.trace"]


async def test_a_disabled_model_is_passed_by_and_its_request_says_why_in_the_log_alone(
    client: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with targets(good(), good()) as (first, second):
        async with gateway(table(free_port(), [first.port, second.port], FIRST), Settings(log_all=True)) as at:
            status, by, shown = await ask(client, at)

    assert (status, by, first.seen, len(second.seen)) == (200, "openai/model-1", [], 1)
    assert "finance" not in shown
    (line,) = lines(caplog)
    assert line.getMessage() == "served: openai/model-1 200; passed by: openai/model-0 disabled (of finance's)"
    assert fields_of(line)["passed_by"] == ("openai/model-0 disabled (of finance's)",)


async def test_a_disabled_model_is_not_the_last_resort(
    client: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    policy = msgspec.structs.replace(FIRST, cool_down=CoolDown(after=1))
    async with targets(good(), limited(["retry-after: 60"])) as (first, second):
        async with gateway(table(free_port(), [first.port, second.port], policy)) as at:
            for _ in range(3):
                assert (await ask(client, at))[:2] == (429, "openai/model-1")

    assert first.seen == []
    assert lines(caplog)[0].getMessage() == (
        "exhausted: openai/model-1 429 rate-limited; passed by: openai/model-0 disabled (of finance's)"
    )


async def test_where_all_is_disabled_the_answer_is_503_and_names_no_reason(
    client: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    async with targets(good(), good()) as made:
        of = out_of_rotation(table(free_port(), [each.port for each in made]), "of finance's")
        async with gateway(of) as at:
            status, by, shown = await ask(client, at)
            counted = at.metrics.registry.get_sample_value("switchover_exhausted_requests_total", {"route": "ns/route"})

    assert (status, by, [each.seen for each in made], counted) == (503, "", [[], []], 1)
    assert '"code":"all_disabled"' in shown
    assert "finance" not in shown
    (line,) = lines(caplog)
    assert line.levelname == "WARNING"
    assert line.getMessage() == "exhausted: no target; passed by: ns/up disabled (of finance's)"
    assert fields_of(line)["request_id"] in shown


async def test_a_request_in_flight_ends_at_a_model_that_is_disabled_meanwhile(client: aiohttp.ClientSession) -> None:
    asked, goes_on = asyncio.Event(), asyncio.Event()

    def slow() -> Answering:
        answers = good()

        async def script(seen: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            asked.set()
            await goes_on.wait()
            await answers(seen, reader, writer)

        return script

    async with targets(slow(), good()) as (first, second):
        of = table(free_port(), [first.port, second.port])
        async with gateway(of) as at:
            asking = asyncio.create_task(ask(client, at))
            await asked.wait()
            drained = table(of.ports[0].number, [first.port, second.port], FIRST)
            await at.state.apply(encode(drained), at.listeners)
            assert (await ask(client, at))[:2] == (200, "openai/model-1")
            goes_on.set()
            assert (await asking)[:2] == (200, "openai/model-0")
            await at.state.apply(encode(of), at.listeners)
            assert (await ask(client, at))[:2] == (200, "openai/model-0")


async def test_vectors_of_another_model_do_not_take_the_place_of_a_disabled_one(client: aiohttp.ClientSession) -> None:
    vectors = json(200, {"object": "list", "data": [{"embedding": [0.5], "index": 0}]})
    to_vectors = Filters(rewrite=Rewrite(full_path="/v1/embeddings"))
    async with targets(vectors, vectors) as made:
        ports = [each.port for each in made]
        for policy, status in ((Policy(), 200), (FIRST, 503)):
            async with gateway(table(free_port(), ports, policy, filters=to_vectors)) as at:
                async with client.post(f"{at.url}/model", json={"model": "model-0", "input": "x"}) as answer:
                    assert answer.status == status

    assert [len(each.seen) for each in made] == [1, 0]


def test_what_is_not_disabled_is_not_copied() -> None:
    upstream = table(80, [1, 2]).upstreams["ns/up"]
    other = Policy(disabled=(Disabled("ns/another/0/0", "x"),))
    assert in_use(upstream, Policy()) is upstream
    assert in_use(upstream, other) is upstream


def test_the_priorities_of_the_others_stay() -> None:
    upstream = table(80, [1, 2]).upstreams["ns/up"]
    left = in_use(upstream, FIRST)
    assert disabled(upstream, FIRST) == {"ns/up/0/0": "of finance's"}
    assert [len(pool) for pool in left.priorities] == [0, 1]
    step = first_step(left, frozenset())
    assert getattr(step, "priority", None) == 1
