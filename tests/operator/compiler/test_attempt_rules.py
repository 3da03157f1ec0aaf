"""What is written about attempts and the upstream it is for → what the policy says to do."""

from typing import Any

import pytest

from as_written import as_written, retries
from switchover_dataplane.table.policies import Counted, EnvoyOrder, EveryPriority, Policy, Tokens


@pytest.mark.parametrize(
    ("written", "pools", "ai", "attempts"),
    [
        ({}, [1, 1], True, 3),
        ({}, [1, 1, 0, 1, 1], True, 4),
        ({}, [3], False, 1),
        ({"tokens": ("5xx",)}, [3], False, 3),
        ({"tokens": ("5xx",)}, [1, 1], True, 3),
        ({"tokens": ("5xx",), "semantics": "Envoy"}, [1, 1], True, 2),
        ({"semantics": "Envoy"}, [1, 1], True, 1),
        ({"semantics": "Envoy", "attempts": 4}, [1, 1], True, 1),
        ({"attempts": 2}, [1, 1, 1], True, 2),
    ],
)
def test_the_number_of_attempts_is_the_written_one_or_follows_from_the_upstream(
    written: dict[str, Any], pools: list[int], *, ai: bool, attempts: int
) -> None:
    assert as_written(**written).resolved_for_pools(pools, ai=ai).attempts == attempts


def test_what_is_written_nowhere_is_the_default_policy() -> None:
    assert as_written().resolved_for_pools([1, 1]) == Policy()


def test_previous_priorities_count_attempts_and_with_one_priority_all_are_its_own() -> None:
    written = retries(attempts=4, update_frequency=2)
    assert written.resolved_for_pools([1, 1]).order == Counted(2)
    assert written.resolved_for_pools([2, 0]).order == Counted(4)


def test_a_written_number_repeats_the_only_priority_after_any_failure() -> None:
    assert retries(attempts=4).resolved_for_pools([2]).order == EveryPriority(repeats_any=True)
    assert retries(attempts=4).resolved_for_pools([1, 1]).order == EveryPriority()
    assert as_written(attempts=4).resolved_for_pools([2]).order == EveryPriority()


def test_under_envoys_semantics_every_answer_is_envoys() -> None:
    policy = retries(attempts=4, tokens=("5xx",), semantics="Envoy").resolved_for_pools([1, 1])
    assert (policy.order, policy.triggers) == (EnvoyOrder(), Tokens(("5xx",)))
    assert (policy.brief_wait, policy.hedges, policy.demands_form) == (0.0, False, False)
    assert (policy.hands_on_unchanged, policy.last_answer_is_final, policy.deadline_is_final) == (True, True, True)
    assert (policy.stream_recovery, policy.tool_calls) == ("Abort", "Stream")


@pytest.mark.parametrize(("pools", "ai", "hedges"), [([1, 1], True, True), ([1], True, False), ([1, 1], False, False)])
def test_another_target_starts_beside_a_silent_model_where_there_is_one(
    pools: list[int], *, ai: bool, hedges: bool
) -> None:
    assert as_written().resolved_for_pools(pools, ai=ai).hedges is hedges


def test_a_tool_call_is_held_back_unless_a_break_is_the_clients_to_see() -> None:
    assert as_written(stream_recovery="Holdback").resolved_for_pools([1, 1]).tool_calls == "Hold"
    assert as_written(stream_recovery="Abort").resolved_for_pools([1, 1]).tool_calls == "Stream"
