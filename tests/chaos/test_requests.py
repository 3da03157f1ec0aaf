"""Requests to two targets that both misbehave, through a running gateway: few here, many in `make chaos`.

The seed is fixed, so that every run of the suite sees the same requests; the measure is what their clients got.
"""

import json
import random
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from multidict import CIMultiDict

from chaos.apis import APIS, Api
from chaos.deeds import BAD, DEEDS, WELL
from chaos.requests import Result, planned, run
from chaos.verdict import End, Outcome, Verdict, judge, judge_whole
from switchover_simulator import script
from switchover_simulator.behaviour import Behaviour
from switchover_simulator.request import Request as Asked
from switchover_simulator.steps import AwaitPeer, Send, SendReset

REQUESTS = 6 * len(DEEDS)
TEXT = "a1 b2 c3"


def asked(api: Api, stream: bool) -> Asked:
    body = json.dumps({"model": "m", "stream": stream}).encode()
    return Asked(1, "POST", APIS[api], CIMultiDict(), 0.0, body=body)


def as_sent(behaviour: Behaviour, request: Asked, api: Api) -> Verdict:
    """What a client of the target itself, without a gateway, would have got."""
    steps = [*script.steps(behaviour, request)]
    end: End = "closed"
    if any(isinstance(step, AwaitPeer) for step in steps):
        end = "time-out"
    if any(isinstance(step, SendReset) for step in steps):
        end = "reset"
    sent = [step.data for step in steps if isinstance(step, Send)]
    raw = b"".join(data for data in sent if not data.startswith(b"HTTP/1.1 103"))
    return (judge if request.wants_stream else judge_whole)(raw, end, TEXT, api)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("kind", BAD)
@pytest.mark.parametrize("api", APIS)
def test_what_counts_as_bad_is_whole_for_nobody(api: Api, kind: str, stream: bool) -> None:
    request = asked(api, stream)
    for number in range(50):
        behaviour = BAD[kind](random.Random(number), TEXT, request)
        assert as_sent(behaviour, request, api).outcome is not Outcome.WHOLE


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("kind", [kind for kind in WELL if kind != "coded"])
@pytest.mark.parametrize("api", APIS)
def test_what_counts_as_well_is_whole(api: Api, kind: str, stream: bool) -> None:
    request = asked(api, stream)
    for number in range(20):
        assert as_sent(WELL[kind](random.Random(number), TEXT, request), request, api).outcome is Outcome.WHOLE


def test_the_same_seed_plans_the_same_requests() -> None:
    assert [planned(3, number) for number in range(40)] == [planned(3, number) for number in range(40)]
    assert planned(3, 0) != planned(4, 0)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def result() -> AsyncIterator[Result]:
    yield await run(5, REQUESTS, REQUESTS)


@pytest.mark.asyncio(loop_scope="module")
async def test_no_client_is_deceived_and_a_second_target_that_is_well_saves_every_request(result: Result) -> None:
    assert result.wrong == []


@pytest.mark.asyncio(loop_scope="module")
async def test_every_request_gets_a_verdict_and_the_gateway_raises_nothing(result: Result) -> None:
    assert len(result.verdicts) == REQUESTS
    assert result.saved > 0
    assert result.faults == []
