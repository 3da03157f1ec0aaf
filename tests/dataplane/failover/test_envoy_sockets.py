"""The measured behaviour of Envoy through real sockets: upstreams answer, refuse, reset, stall and cut as scripted.

Each case has a gateway and upstreams of its own. Many run at once in one event loop: their pauses pass together.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import Literal

import aiohttp
import msgspec
import pytest

from envoy_expected import Expected, expected_of_envoy, expected_of_failover, pools
from envoy_vectors import Case, headers_of, load, policy
from logged import fields_of
from scripted import HOST, Said, Upstreams, measured
from serving import free_port, gateway
from switchover_dataplane.proxy import Settings
from switchover_dataplane.table.ports import Host, Listener, Match, PathMatch, Port
from switchover_dataplane.table.rules import Backend, Rule
from switchover_dataplane.table.table import Table
from switchover_dataplane.table.upstreams import OpenAI, Target, Upstream
from switchover_dataplane.table.wire import sealed

Semantics = Literal["Envoy", "Failover"]

PACE = 5
# The pure test has the one that is left out; here it would take its 15 seconds.
CASES = [case.at_pace(PACE if case.is_timed else 1) for case in load() if case.name != "timeout.default15s"]
GROUPS = sorted({case.group for case in CASES})
AT_ONCE = 48
SHORT_CONNECT_TIMEOUT = 0.3
EXPECTED: dict[Semantics, Callable[[Case], Expected]] = {"Envoy": expected_of_envoy, "Failover": expected_of_failover}


@dataclass
class Seen:
    """What became of one request: the labels of its attempts, those whose upstream got it, and the client's view."""

    tried: list[str]
    received: list[str]
    status: int | None
    truncated: bool

    def differs(self, case: Case, expected: Expected) -> bool:
        """Whether attempts, arrivals or the status are not the expected ones."""
        order, status = expected
        listening = [label for label in self.tried if _listens(case, label)]
        return (
            pools(case, self.tried) != pools(case, order)
            or self.received != listening
            or (not case.is_hedged and self.status != status)
        )


@pytest.fixture(autouse=True)
def _traces(attempts: "Attempts") -> Iterator[None]:
    logger = logging.getLogger("switchover.trace")
    level = logger.level
    logger.addHandler(attempts)
    logger.setLevel(logging.INFO)
    yield
    logger.removeHandler(attempts)
    logger.setLevel(level)


class Attempts(logging.Handler):
    """The targets of each request's attempts, as its trace tells them; connections that failed are among them."""

    def __init__(self) -> None:
        super().__init__()
        self.targets: dict[str, list[str]] = {}

    def emit(self, record: logging.LogRecord) -> None:
        fields = fields_of(record)
        self.targets[fields["request_id"]] = [attempt["target"] for attempt in fields["attempts"]]


@pytest.fixture
def attempts() -> Attempts:
    return Attempts()


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("semantics", ["Envoy", "Failover"])
async def test_what_upstreams_and_the_client_see_is_what_was_measured_or_the_documented_departure(
    group: str, semantics: Semantics, attempts: Attempts
) -> None:
    places = asyncio.Semaphore(AT_ONCE)

    async def wrong(case: Case) -> list[tuple[str, Seen, Expected]]:
        expected = EXPECTED[semantics](case)
        async with places:
            found = await run(case, semantics, attempts)
        return [(case.name, seen, expected) for seen in found if seen.differs(case, expected)]

    cases = [case for case in CASES if case.group == group]
    # Those in which limits run out are not to wait for the many others.
    for several in ([case for case in cases if not case.is_timed], [case for case in cases if case.is_timed]):
        assert [each for found in await asyncio.gather(*map(wrong, several)) for each in found] == []


async def test_an_answer_that_breaks_after_its_first_content_looks_complete_only_if_another_model_continued_it(
    attempts: Attempts,
) -> None:
    [case] = [case for case in CASES if case.name == "stream.rst_midstream"]
    assert [seen.truncated for seen in await run(case, "Envoy", attempts)] == [True]
    assert [(seen.truncated, seen.tried) for seen in await run(case, "Failover", attempts)] == [(False, ["p0", "p1"])]


# ── Running a case ──────────────────────────────────────────────────────────────────────────────────────────────────


async def run(case: Case, semantics: Semantics, attempts: Attempts) -> list[Seen]:
    """Send the case's request, once unless its name says otherwise, each time to the same gateway."""
    labels = [label for pool in case.priorities for label in pool]
    async with Upstreams(**{label: _behaviours(case, label) for label in labels}) as upstreams:
        ports = {label: upstreams.port(label) for label in labels}
        async with gateway(_table(case, semantics, ports), Settings(log_all=True)) as at:
            found = []
            for number, method in enumerate(_methods(case)):
                del upstreams.order[:]
                name = f"vector-{semantics}-{CASES.index(case)}-{number}"
                status, truncated = await _ask(f"{at.url}/", method, name, case)
                # What comes late to a client that left is in the trace once its request has ended.
                async with asyncio.timeout(40):
                    while name not in attempts.targets:
                        await asyncio.sleep(0.01)
                found.append(Seen(attempts.targets[name], list(upstreams.order), status, truncated))
            return found


def _methods(case: Case) -> list[str]:
    if "put_get_post" in case.name:
        return ["PUT", "GET", "POST"]
    return ["POST"] * (10 if "memoryless" in case.name else 1)


def _behaviours(case: Case, label: str) -> Said | list[Said]:
    given = case.behaviours.get(label)
    if isinstance(given, list):
        return [measured(case.behaviour(label, request)) for request in range(len(given))]
    return measured(case.behaviour(label, 0))


def _listens(case: Case, label: str) -> bool:
    """Whether anybody is there to note a request."""
    return case.behaviour(label, 0).get("mode") not in ("nothing listens", "blackhole")


def _table(case: Case, semantics: Semantics, ports: dict[str, int]) -> Table:
    priorities = tuple(
        tuple(Target(label, HOST, ports[label], OpenAI("m")) for label in pool) for pool in case.priorities
    )
    rule = Rule("ns/route", "0", backends=(Backend(1, "ns/up", "policy"),))
    listener = Listener("ns/gw/http", hosts=(Host("", (Match("rule", PathMatch("/")),)),))
    return sealed(
        (Port(free_port(), "HTTP", (listener,)),),
        {"rule": rule},
        {"policy": msgspec.structs.replace(policy(case, semantics), operations="All")},
        {"ns/up": Upstream("ns/up", True, priorities, SHORT_CONNECT_TIMEOUT if "blackhole" in ports else 20)},
        {},
    )


async def _ask(url: str, method: str, request_id: str, case: Case) -> tuple[int | None, bool]:
    """Send the request; the status, and whether the answer's body broke off. A client that leaves sees no status."""
    # A stream for who asked for none would become one piece of JSON, which breaks off unseen.
    streams = any(case.behaviour(label, 0).get("mode") == "stream" for pool in case.priorities for label in pool)
    asked = {"model": "m", "messages": [{"role": "user", "content": "x" * case.body_size}], "stream": streams}
    headers = {"x-request-id": request_id, "content-type": "application/json", **headers_of(case)}
    # From a stream, as aiohttp's client warns of large bodies that are bytes.
    body = None if method == "GET" else BytesIO(msgspec.json.encode(asked))
    async with aiohttp.ClientSession() as client:
        status: int | None = None
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(case.client_leaves_after):
                async with client.request(method, url, data=body, headers=headers) as answer:
                    status = answer.status
                    try:
                        await answer.read()
                    except (aiohttp.ClientPayloadError, aiohttp.ClientConnectionError):
                        return status, True
        return status, False
