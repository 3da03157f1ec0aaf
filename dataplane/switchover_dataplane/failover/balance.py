"""The candidates of one pool → the one that gets the request.

Power of two choices (Mitzenmacher 2001): two candidates are drawn by weight and the one with fewer requests in flight
for its weight is taken. It avoids busy targets nearly as well as comparing all of them, at a cost that does not
grow with the pool, and without the herd that runs to the one that was idle a moment ago.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

from switchover_dataplane.table.upstreams import Target


class Chance(Protocol):
    """A source of random numbers, as `random.Random` and the module `random` are."""

    def random(self) -> float:
        """Return a number in [0, 1)."""


def choose(candidates: Sequence[Target], in_flight: Mapping[str, int], chance: Chance) -> Target:
    """Choose one of the candidates (at least one) by load and weight.

    `in_flight` counts requests by target id; an absent one has none. Idle candidates are chosen in proportion to
    their weights.
    """
    if len(candidates) == 1:
        return candidates[0]
    first = _draw(candidates, None, chance)
    second = _draw(candidates, first, chance)
    one, other = candidates[first], candidates[second]
    # Compared crosswise, as integers: a tie stays a tie, so the draw decides between idle targets.
    if in_flight.get(other.id, 0) * one.weight < in_flight.get(one.id, 0) * other.weight:
        return other
    return one


def _draw(candidates: Sequence[Target], without: int | None, chance: Chance) -> int:
    """Draw a position by weight, leaving `without` out."""
    weights = [target.weight for target in candidates]
    if without is not None:
        weights[without] = 0
    point = chance.random() * sum(weights)
    drawn = 0
    for position, weight in enumerate(weights):
        if weight:
            drawn = position
            if point < weight:
                break
        point -= weight
    return drawn
