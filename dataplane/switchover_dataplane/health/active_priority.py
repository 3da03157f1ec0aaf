"""Which priority of each upstream answers at the moment. Statuses and alerts use it; routing does not.

It is the priority of the last good answer, until all its targets cool down. After that, and before any good answer, it
is the first priority with a target that does not cool down. If all targets cool down it is the first priority, as the
priorities are then tried in order. A target in its ramp counts as cooling down, so that the value does not change with
every other request.
"""

from switchover_dataplane.health.health import Health
from switchover_dataplane.table.table import Table
from switchover_dataplane.table.upstreams import Target, Upstream


def priorities(table: Table, health: Health, now: float) -> dict[str, int]:
    """Return the active priority of each upstream that has several priorities or serves models.

    Args:
        table: the table that is served.
        health: the health of its targets.
        now: seconds of the monotonic clock.
    """
    return {
        upstream.name: priority(upstream, health, now)
        for upstream in table.upstreams.values()
        if upstream.ai or len(upstream.priorities) > 1
    }


def priority(upstream: Upstream, health: Health, now: float) -> int:
    """Return the active priority of one upstream, 0 if it has none; `now` as in `priorities`."""
    last, model = health.last_good.get(upstream.name, (0, ""))
    pools = upstream.priorities
    if last < len(pools) and _answers(pools[last], model, health, now):
        return last
    return next((number for number, pool in enumerate(pools) if _answers(pool, model, health, now)), 0)


def _answers(pool: tuple[Target, ...], model: str, health: Health, now: float) -> bool:
    return any(health.has_full_share(target, model, now) for target in pool)
