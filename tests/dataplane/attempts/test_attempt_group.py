"""Attempts that are open at once, where two ends meet in the same moment."""

import asyncio
import time

from multidict import CIMultiDict

from serving import STREAM_HEAD, Gateway, chunks, event, free_port, gateway, raw, table, targets
from switchover_dataplane.attempts.attempt import attempt
from switchover_dataplane.attempts.attempt_group import AttemptGroup
from switchover_dataplane.attempts.in_flight import InFlight
from switchover_dataplane.request.call import Call, CallHead, RawBody
from switchover_dataplane.request.limits import Limits
from switchover_dataplane.table.table import Table
from switchover_dataplane.telemetry import trace
from switchover_dataplane.upstream.targets import routes

HEAD = CallHead("GET", "/", "", CIMultiDict(), True, "", "")
CALL = Call(HEAD, RawBody(None), b"id")


def begun_at_the_first_target(of: Table, at: Gateway) -> tuple[AttemptGroup, InFlight]:
    """A group with one attempt in it."""
    [upstream] = of.upstreams.values()
    target = upstream.priorities[0][0]
    newest = InFlight(
        0, target, HEAD.to(routes(of)[target.id]), trace.Attempt(0, target.id, "", "", 0.0), time.monotonic()
    )
    group = AttemptGroup(at.runtime.timeouts)
    group.start(newest, attempt(at.runtime.transport, CALL, Limits(), newest))
    return group, newest


async def has_ended(newest: InFlight) -> None:
    async with asyncio.timeout(40):
        while not newest.has_ended:
            await asyncio.sleep(0)


async def test_an_answer_that_came_in_the_moment_in_which_it_was_given_up_is_closed() -> None:
    begun = raw(STREAM_HEAD + chunks(event({"content": "a"}), end=False), then="wait")
    async with targets(begun) as [target]:
        of = table(free_port(), [target.port])
        async with gateway(of) as at:
            group, newest = begun_at_the_first_target(of, at)
            await has_ended(newest)
            group.cancel(newest)
            async with asyncio.timeout(40):
                await target.left.wait()
    assert group.open == []


async def test_an_attempt_that_failed_in_that_moment_leaves_nothing_to_close() -> None:
    of = table(free_port(), [free_port()])
    async with gateway(of) as at:
        group, newest = begun_at_the_first_target(of, at)
        await has_ended(newest)
        group.cancel(newest)
    assert group.open == []


async def test_an_attempt_that_is_cancelled_while_its_connection_is_opened_opens_none() -> None:
    async with targets(raw(b"")) as [target]:
        of = table(free_port(), [target.port])
        async with gateway(of) as at:
            group, newest = begun_at_the_first_target(of, at)
            group.cancel(newest)
            assert await group.next_ended(0.0) is None
            async with asyncio.timeout(40):
                while at.runtime.transport.counts().get(f"127.0.0.1:{target.port}", {}).get("used"):
                    await asyncio.sleep(0)
