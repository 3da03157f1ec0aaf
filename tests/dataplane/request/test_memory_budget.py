"""The memory for bodies: who may hold how much of it, and which body is given up for others."""

import pytest

from switchover_dataplane.request.memory_budget import SMALL, Hold, MemoryBudget, OutOfMemoryBudget

KIB, MIB = 1 << 10, 1 << 20


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Bodies:
    """A budget of so many bytes, and which bodies were given up."""

    def __init__(self, total: int) -> None:
        self.clock = Clock()
        self.budget = MemoryBudget(total, self.clock)
        self.given_up: list[str] = []

    def coming(self, name: str, size: int, client: str = "") -> Hold:
        held = self.budget.open(client or name)
        held.begin_coming(lambda: self.given_up.append(name))
        held.add(size)
        return held

    def whole(self, size: int, client: str) -> Hold:
        held = self.budget.open(client)
        held.add(size)
        return held


def test_what_was_held_is_free_again_when_its_request_ends() -> None:
    bodies = Bodies(10 * MIB)

    for _ in range(3):
        held = bodies.whole(8 * MIB, "a")
        held.add(MIB)
        held.close()
        held.close()

    assert (bodies.budget.held, bodies.budget.by_client) == (0, {})


def test_a_body_larger_than_the_room_that_is_left_is_refused() -> None:
    bodies = Bodies(10 * MIB)
    bodies.whole(6 * MIB, "a")

    with pytest.raises(OutOfMemoryBudget):
        bodies.whole(6 * MIB, "b")

    assert bodies.budget.held == 6 * MIB


def test_small_bodies_have_a_reserve_that_large_ones_cannot_use() -> None:
    bodies = Bodies(8 * MIB)
    bodies.whole(8 * MIB, "a")

    for _ in range(MIB // SMALL):
        bodies.whole(SMALL, "b")

    with pytest.raises(OutOfMemoryBudget):
        bodies.whole(SMALL, "b")


def test_one_client_gets_a_large_body_but_not_all_the_room_with_many() -> None:
    bodies = Bodies(8 * MIB)
    bodies.whole(5 * MIB, "a")

    with pytest.raises(OutOfMemoryBudget):
        bodies.whole(MIB, "a")

    bodies.whole(MIB, "b")
    bodies.whole(SMALL, "a")


def test_the_slowest_body_is_given_up_first_and_no_more_than_are_needed() -> None:
    bodies = Bodies(8 * MIB)
    slow, slower = bodies.coming("slow", 3 * MIB), bodies.coming("slower", 3 * MIB)
    for _ in range(10):
        bodies.clock.now += 5
        slow.add(9 * KIB)
        slower.add(KIB)

    bodies.whole(4 * MIB, "new")

    assert bodies.given_up == ["slower"]
    with pytest.raises(OutOfMemoryBudget):
        slower.add(1)


def test_a_body_that_was_fast_at_first_and_stalls_is_slow() -> None:
    bodies = Bodies(8 * MIB)
    bodies.coming("stalled", 8 * MIB)
    bodies.clock.now += 11

    bodies.whole(8 * MIB, "new")

    assert bodies.given_up == ["stalled"]


@pytest.mark.parametrize("passed", [0, 1, 4.9])
def test_a_body_that_began_a_moment_ago_is_not_given_up(passed: float) -> None:
    bodies = Bodies(8 * MIB)
    bodies.coming("new", 8 * MIB)
    bodies.clock.now += passed

    with pytest.raises(OutOfMemoryBudget):
        bodies.whole(MIB, "other")

    assert bodies.given_up == []


def test_a_body_that_comes_fast_is_not_given_up_however_long_it_takes() -> None:
    bodies = Bodies(8 * MIB)
    steady = bodies.coming("steady", MIB)
    for _ in range(60):
        bodies.clock.now += 1
        steady.add(100 * KIB)

    with pytest.raises(OutOfMemoryBudget):
        bodies.whole(4 * MIB, "new")

    assert bodies.given_up == []


def test_a_body_that_is_there_as_a_whole_is_not_given_up() -> None:
    bodies = Bodies(8 * MIB)
    bodies.coming("whole", 8 * MIB).end_coming()
    bodies.clock.now += 60

    with pytest.raises(OutOfMemoryBudget):
        bodies.whole(MIB, "new")

    assert bodies.given_up == []


def test_a_slow_body_takes_no_room_from_one_that_is_as_slow() -> None:
    bodies = Bodies(8 * MIB)
    slow, slowest = bodies.coming("slow", 4 * MIB), bodies.coming("slowest", 4 * MIB)
    for _ in range(4):
        bodies.clock.now += 5
        slow.add(0)
        slowest.add(0)
    bodies.clock.now += 1

    with pytest.raises(OutOfMemoryBudget):
        slow.add(SMALL)

    assert bodies.given_up == []


def test_a_client_with_too_much_loses_a_slow_body_of_its_own() -> None:
    bodies = Bodies(16 * MIB)
    bodies.coming("another's", MIB)
    bodies.coming("its own", 9 * MIB, "a")
    bodies.clock.now += 20

    bodies.whole(MIB, "a")

    assert bodies.given_up == ["its own"]
