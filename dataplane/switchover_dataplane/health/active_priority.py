"""Which priority of each upstream answers at the moment: for statuses and alerts, never what a request goes by.

It is the one that gave the last good answer, until all its targets cool down; then, and before any good answer, the
first one that has a target which does not cool down; where all do, the first of all, as they are then tried in order.
A target that returns in steps counts as cooling down until it has its full part again: nobody should hear of a change
with every other request.
"""

from switchover_dataplane.health.health import Health
from switchover_dataplane.table import Table, Target, Upstream


def priorities(table: Table, health: Health, now: float) -> dict[str, int]:
    """Return the active priority by upstream, of those that have a choice or are asked for models.

    Args:
        table: what is served.
        health: what its targets answered lately.
        now: seconds of the monotonic clock.
    """
    return {
        upstream.name: priority(upstream, health, now)
        for upstream in table.upstreams.values()
        if upstream.ai or len(upstream.priorities) > 1
    }


def priority(upstream: Upstream, health: Health, now: float) -> int:
    """Return the active priority of one upstream, 0 where it has none; `now` as above."""
    last, model = health.last_good.get(upstream.name, (0, ""))
    pools = upstream.priorities
    if last < len(pools) and _answers(pools[last], model, health, now):
        return last
    return next((number for number, pool in enumerate(pools) if _answers(pool, model, health, now)), 0)


def _answers(pool: tuple[Target, ...], model: str, health: Health, now: float) -> bool:
    return any(health.has_full_share(target, model, now) for target in pool)
