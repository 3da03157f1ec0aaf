"""How many repeats may be in flight beside so many requests."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switchover_dataplane.failover.retry_budget import Budget
from switchover_dataplane.table.policies import RetryBudget


def granted(budget: Budget, limit: RetryBudget) -> int:
    """Take as many repeats as there are."""
    count = 0
    while count < 1000 and budget.allows("u", limit):
        budget.repeat("u")
        count += 1
    return count


@pytest.mark.parametrize(("requests", "repeats"), [(0, 10), (50, 10), (51, 11), (100, 20), (1000, 200)])
def test_repeats_are_a_share_of_the_requests_in_flight_and_at_least_the_minimum(requests: int, repeats: int) -> None:
    budget = Budget()
    for _ in range(requests):
        budget.begin("u")
    assert granted(budget, RetryBudget()) == repeats


def test_another_upstream_has_a_budget_of_its_own() -> None:
    budget = Budget()
    granted(budget, RetryBudget())
    assert budget.allows("other", RetryBudget())


def test_a_budget_of_nothing_allows_nothing() -> None:
    assert not Budget().allows("u", RetryBudget(percent=0.0, minimum=0))


@given(st.lists(st.integers(1, 5), max_size=20))
def test_what_ended_is_free_again_and_nothing_is_kept_of_it(ended: list[int]) -> None:
    budget = Budget()
    for count in ended:
        budget.begin("u")
        for _ in range(count):
            budget.repeat("u")
    for count in ended:
        budget.repeated("u", count)
        budget.end("u")
    budget.repeated("u", 0)
    assert granted(budget, RetryBudget(minimum=3)) == 3
