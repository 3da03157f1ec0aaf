"""The decision against the measured behaviour of Envoy, in both semantics: outcomes in, order and status out."""

from collections import Counter

import pytest

from envoy_expected import expected_of_envoy, expected_of_failover, outcome_of, pools
from envoy_vectors import Case, load, policy
from switchover_dataplane.failover.decision import Answer, Tried, Wait, next_step
from switchover_dataplane.failover.outcome import Broken
from switchover_dataplane.table.policies import Policy
from switchover_dataplane.table.upstreams import Target, Upstream

CASES = load()


def test_every_measured_case_is_run() -> None:
    assert len(CASES) == len({case.name for case in CASES}) == 527


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_envoy_semantics_makes_the_attempts_that_envoy_made(case: Case) -> None:
    order, status = run(case, policy(case, "Envoy"))
    expected_order, expected_status = expected_of_envoy(case)
    assert pools(case, order) == pools(case, expected_order)
    if expected_status is not None:
        assert status == expected_status


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_default_semantics_departs_from_envoy_only_as_documented(case: Case) -> None:
    order, status = run(case, policy(case, "Failover"))
    expected_order, expected_status = expected_of_failover(case, to_first_content=True)
    assert pools(case, order) == pools(case, expected_order)
    if expected_status is not None and not case.is_hedged:
        assert status == expected_status


@pytest.mark.parametrize("case", [case for case in CASES if case.group == "12 pools"], ids=lambda case: case.name)
@pytest.mark.parametrize("semantics", ["Envoy", "Failover"])
def test_siblings_are_used_before_a_target_is_repeated(case: Case, semantics: str) -> None:
    order, _ = run(case, policy(case, semantics))
    for pool in case.priorities:
        tries = Counter(label for label in order if label in pool)
        assert max(tries.values()) - min(tries[label] for label in pool) <= 1


# ── Running a case without sockets ──────────────────────────────────────────────────────────────────────────────────


def run(case: Case, under: Policy) -> tuple[list[str], int]:
    """Drive the decision with the outcomes that the data plane would report; the clock is counted up."""
    upstream = Upstream(
        name=case.name,
        ai=True,
        priorities=tuple(tuple(Target(id=label, host="h", port=80) for label in pool) for pool in case.priorities),
    )
    history: list[Tried] = []
    elapsed = 0.0
    while True:
        step = next_step(
            under,
            upstream,
            history,
            cooling=frozenset(),
            elapsed=elapsed,
            wall=1.8e9,
            chance=0.5,
            repeats_allowed=True,
        )
        if isinstance(step, Answer):
            return [tried.target.id for tried in history], seen_by_client(case, history, step)
        if isinstance(step, Wait):
            elapsed += step.seconds
            if case.client_leaves_after is not None and elapsed > case.client_leaves_after:
                return [tried.target.id for tried in history], 499
            step = step.then
        target = step.candidates[0]
        requests = sum(tried.target.id == target.id for tried in history)
        outcome, took = outcome_of(case, target.id, requests, under, elapsed)
        elapsed += took
        history.append(Tried(step.priority, target, outcome))


def seen_by_client(case: Case, history: list[Tried], answer: Answer) -> int:
    """The decision's status, but an HTTP answer that broke and is not retried reaches the client as it came."""
    last = history[-1] if history else None
    if case.is_hedged:
        return int(case.behaviour(history[0].target.id, 0)["status"])
    if last and isinstance(last.outcome, Broken) and last.outcome.how in ("truncated", "error-event"):
        return int(case.behaviour(last.target.id, 0)["status"])
    return answer.status
