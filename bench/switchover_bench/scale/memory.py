"""What a data plane has in memory: with few routes, with many, and after very many requests."""

from collections.abc import Iterator

from switchover_bench import processes
from switchover_bench.load import Failed
from switchover_bench.scale.gateway import Gateway, gateway
from switchover_bench.scale.line import Line
from switchover_bench.scale.setting import Setting
from switchover_bench.scenarios import SUCCESS

MOST_MB = {100: 60.0, 10_000: 150.0}
MOST_GROWTH_MB = 2.0
"""What counts as no growth: less than the allocator's own steps."""
_CONNECTIONS = 64
_STEP_S = 5.0
_FIRST = 0.2
"""The part of all requests after which growth is counted: caches are full by then."""


def lines(setting: Setting) -> Iterator[Line]:
    """Resident memory with each number of routes, and its growth with 100 of them."""
    for routes, most in MOST_MB.items():
        if routes <= setting.most_routes:
            yield from _resident(routes, most, setting)


def _resident(routes: int, most: float, setting: Setting) -> Iterator[Line]:
    what = f"data plane in memory with {routes:,} routes under load"
    try:
        with gateway(routes, setting.ports, SUCCESS) as running:
            client = running.client()
            client.routes(_CONNECTIONS, max(setting.seconds, routes / 1000), routes)
            yield Line(what, processes.resident(running.worker) / 1e6, "MB", most)
            beside = processes.resident(running.operator) / 1e6
            yield Line(f"`switchover run` beside it with {routes:,} routes", beside, "MB")
            if routes == min(MOST_MB):
                yield from _growth(running, routes, setting)
    except Failed as failed:
        yield Line(what, 0, "MB", most, str(failed))


def _growth(running: Gateway, routes: int, setting: Setting) -> Iterator[Line]:
    """Memory after all of the requests, beside that after the first part of them."""
    client, worker = running.client(), running.worker
    done = begun = first = 0
    while done < setting.requests:
        done += client.routes(_CONNECTIONS, _STEP_S, routes).requests
        if not first and done >= _FIRST * setting.requests:
            first, begun = processes.resident(worker), done
    grown = (processes.resident(worker) - first) / 1e6
    yield Line(f"growth of the data plane from {begun:,} to {done:,} requests", grown, "MB", MOST_GROWTH_MB)
