"""What a request costs with few routes and with many, when the requests go to all of them in turn."""

import statistics
from collections.abc import Iterator

from switchover_bench import processes
from switchover_bench.load import Failed
from switchover_bench.scale.gateway import gateway
from switchover_bench.scale.line import Line
from switchover_bench.scale.setting import Setting
from switchover_bench.scenarios import SUCCESS
from switchover_bench.summary import rotated

MOST = 1.1
"""How many times the cost with the fewest routes a request may cost."""
_CONNECTIONS = 16


def lines(setting: Setting) -> Iterator[Line]:
    """A line for each number of routes, as a ratio to the least number."""
    costs: dict[int, list[float]] = {routes: [] for routes in setting.route_counts}
    failed: dict[int, str] = {}
    for repetition in range(setting.repetitions):
        for routes in rotated(setting.route_counts, repetition):
            if routes not in failed:
                try:
                    costs[routes].append(_cost(routes, setting))
                except Failed as error:
                    failed[routes] = str(error)
    fewest = setting.route_counts[0]
    base = statistics.median(costs[fewest]) if costs[fewest] else 0.0
    for routes, found in costs.items():
        what = f"CPU of a request with {routes:,} routes"
        if routes in failed:
            yield Line(what, 0, "µs", failed=failed[routes])
            continue
        median = statistics.median(found)
        yield Line(what, median, "µs")
        if routes != fewest and base:
            yield Line(f"the same, times that of {fewest} routes", median / base, "x", MOST)


def _cost(routes: int, setting: Setting) -> float:
    """Microseconds of CPU of the data plane for each request."""
    with gateway(routes, setting.ports, SUCCESS) as running:
        client = running.client()
        client.routes(_CONNECTIONS, max(1.0, routes / 1000), routes)  # each route once at least
        before = processes.cpu([running.worker])
        load = client.routes(_CONNECTIONS, setting.seconds, routes)
        used = processes.cpu([running.worker]) - before
        return 1e6 * (used.user + used.system) / load.requests
