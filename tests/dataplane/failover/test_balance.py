"""The choice among the targets of a pool."""

import random
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from switchover_dataplane.failover.balance import choose
from switchover_dataplane.table.upstreams import Target


def pool(*weights: int) -> list[Target]:
    return [Target(id=f"t{index}", host="h", port=80, weight=weight) for index, weight in enumerate(weights)]


def shares(targets: list[Target], in_flight: dict[str, int], requests: int = 4000) -> dict[str, float]:
    chance = random.Random(7)
    counts = Counter(choose(targets, in_flight, chance).id for _ in range(requests))
    return {target.id: counts[target.id] / requests for target in targets}


def test_idle_targets_are_chosen_by_weight() -> None:
    found = shares(pool(3, 1), {})
    assert 0.72 < found["t0"] < 0.78
    assert all(0.22 < share < 0.28 for share in shares(pool(1, 1, 1, 1), {}).values())


def test_of_two_targets_the_less_busy_one_is_chosen() -> None:
    assert shares(pool(1, 1), {"t0": 5, "t1": 4}) == {"t0": 0.0, "t1": 1.0}


def test_load_is_measured_against_weight() -> None:
    assert shares(pool(4, 1), {"t0": 3, "t1": 1})["t0"] == 1.0
    assert shares(pool(4, 1), {"t0": 9, "t1": 1})["t0"] == 0.0


def test_the_busiest_of_many_is_never_chosen() -> None:
    assert shares(pool(1, 1, 1, 1), {"t2": 50})["t2"] == 0.0


def test_load_evens_out_when_requests_stay_in_flight() -> None:
    targets, in_flight, chance = pool(1, 1, 1, 1, 1), Counter[str](), random.Random(3)
    for _ in range(500):
        in_flight[choose(targets, in_flight, chance).id] += 1
    assert max(in_flight.values()) - min(in_flight.values()) <= 3


@given(st.lists(st.integers(1, 1000), min_size=1, max_size=6), st.integers(), st.integers(0, 9))
def test_one_of_the_candidates_is_chosen_whatever_chance_says(weights: list[int], seed: int, busy: int) -> None:
    targets = pool(*weights)
    assert choose(targets, {"t0": busy}, random.Random(seed)) in targets


def test_chance_at_its_upper_end_still_draws_a_target() -> None:
    class Highest:
        def random(self) -> float:
            return 1.0

    assert choose(pool(1, 1, 1), {}, Highest()).id == "t2"
