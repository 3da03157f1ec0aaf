"""Attempts that are open at once, where two ends meet in the same moment."""

import asyncio

from multidict import CIMultiDict

from serving import STREAM_HEAD, Gateway, chunks, event, free_port, gateway, raw, table, targets
from switchover_dataplane.attempts.attempt_group import Race
from switchover_dataplane.failover.steps import Try, Why
from switchover_dataplane.request.call import Call
from switchover_dataplane.request.identity import RequestIdentity
from switchover_dataplane.table import Policy, Table
from switchover_dataplane.telemetry.trace import Record
from switchover_dataplane.upstream.targets import routes


def race_of(of: Table, at: Gateway) -> tuple[Race, Try]:
    """A race without anybody in it, and the step that starts the first."""
    [upstream] = of.upstreams.values()
    call = Call("GET", "/", "", CIMultiDict(), None, ai=True, token="")
    record = Record("id", "route", "0", 0.0)
    identity = RequestIdentity(call, name="", fields=call.headers, query="", address="")
    policy, prepared = Policy(), routes(of)
    race = Race(
        call, identity=identity, upstream=upstream, policy=policy, routes=prepared, fleet=at.fleet, record=record
    )
    return race, Try(0, upstream.priorities[0], Why.FIRST)


async def test_an_answer_that_came_in_the_moment_in_which_it_was_given_up_is_closed() -> None:
    begun = raw(STREAM_HEAD + chunks(event({"content": "a"}), end=False), then="wait")
    async with targets(begun, begun) as made:
        of = table(free_port(), [target.port for target in made])
        async with gateway(of) as at:
            race, step = race_of(of, at)
            running, _ = await race.start(step, 0.0)
            assert await race.first_to_end() is await race.first_to_end() is running
            race.abandon(running)
            async with asyncio.timeout(5):
                await made[0].left.wait()

    assert (race.open, +at.fleet.in_flight) == ([], {})
    assert running.note.detail == "the client left"


async def test_an_attempt_that_failed_in_that_moment_leaves_nothing_to_close() -> None:
    of = table(free_port(), [free_port(), free_port()])
    async with gateway(of) as at:
        race, step = race_of(of, at)
        running, _ = await race.start(step, 0.0)
        await race.first_to_end()
        race.abandon(running)

    assert (race.open, +at.fleet.in_flight) == ([], {})
