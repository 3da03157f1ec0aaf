"""The decision against the measured behaviour of Envoy, in both semantics: outcomes in, order and status out."""

from collections import Counter
from typing import Any

import pytest

from envoy_vectors import ENVOY_BODY_LIMIT, Case, load, policy
from switchover_dataplane.classify import classify
from switchover_dataplane.failover import Answer, Tried, Wait, next_step
from switchover_dataplane.outcome import (
    Broken,
    ClientGone,
    Committed,
    ErrorClass,
    NotSent,
    Outcome,
    Refused,
    TimedOut,
)
from switchover_dataplane.table import Policy, Target, Upstream
from switchover_dataplane.triggers import ONCE_MORE, error_class, triggers

CASES = load()
LOCAL_FAILURE = {"5xx", "gateway-error", "reset"}


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
    order, _ = run(case, policy(case, "Failover"))
    assert pools(case, order) == pools(case, expected_of_failover(case))


@pytest.mark.parametrize("case", [case for case in CASES if case.group == "12 pools"], ids=lambda case: case.name)
@pytest.mark.parametrize("semantics", ["Envoy", "Failover"])
def test_siblings_are_used_before_a_target_is_repeated(case: Case, semantics: str) -> None:
    order, _ = run(case, policy(case, semantics))
    for pool in case.priorities:
        tries = Counter(label for label in order if label in pool)
        assert max(tries.values()) - min(tries[label] for label in pool) <= 1


# ── What is expected ────────────────────────────────────────────────────────────────────────────────────────────────


def expected_of_envoy(case: Case) -> tuple[list[str], int | None]:
    """What was measured, but where a 200 fails before its first content or a body is larger than Envoy's buffer."""
    if case.body_size > ENVOY_BODY_LIMIT:
        return until_success(case)
    first = case.behaviour(case.order[0], 0) if case.order else {}
    if breaks_before_content(first) and LOCAL_FAILURE & set(case.retries["retryOn"].split(",")):
        return until_success(case)
    return case.order, case.client_status


def until_success(case: Case) -> tuple[list[str], int]:
    """The walk of a request that is moved on at every failure and can be sent again whatever its size."""
    order: list[str] = []
    for pool in case.priorities:
        order.append(pool[0])
        behaviour = case.behaviour(pool[0], 0)
        if behaviour["status"] < 400 and not breaks_before_content(behaviour):
            break
    return order, case.behaviour(order[-1], 0)["status"]


def expected_of_failover(case: Case) -> list[str]:
    """The order by the documented departures: every priority its turn and no more, whatever was never sent moves on.

    Without `previousPriorities`, a failure that is brief by nature is repeated once while tries are to spare.
    """
    written = policy(case, "Failover")
    turns = [pool for pool in case.priorities for _ in range(written.update_frequency or 1)]
    if len(case.priorities) == 1:
        turns = case.priorities * written.attempts
    order: list[str] = []
    elapsed = 0.0
    while turns and len(order) < written.attempts:
        pool = turns.pop(0)
        label = next((label for label in pool if label not in order), pool[0])
        order.append(label)
        outcome, took = outcome_of(case, label, order.count(label) - 1, written, elapsed)
        elapsed += took
        if not (isinstance(outcome, NotSent) or triggers(written, outcome)) or elapsed >= written.timeout:
            break
        if case.client_leaves_after is not None and elapsed >= case.client_leaves_after:
            break
        to_spare = written.attempts - len(order) > len(turns)
        if not written.update_frequency and error_class(outcome) in ONCE_MORE and to_spare and order.count(label) == 1:
            turns.insert(0, pool)
    return order


def pools(case: Case, order: list[str]) -> list[int]:
    """Priorities instead of labels: a label may stand for its sibling."""
    return [next(index for index, pool in enumerate(case.priorities) if label in pool) for label in order]


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


def outcome_of(case: Case, label: str, request: int, under: Policy, elapsed: float) -> tuple[Outcome, float]:
    """What the data plane reports of a behaviour, and after how many seconds."""
    behaviour = case.behaviour(label, request)
    remaining = under.timeout - elapsed
    limit = min(under.per_try_timeout or remaining, remaining)
    delay = behaviour.get("delay", 0.0)
    if case.client_leaves_after is not None and delay > case.client_leaves_after:
        return ClientGone(), case.client_leaves_after
    if delay > limit:
        return TimedOut("timeout" if limit == remaining else "perTryTimeout", limit), limit
    return connection_failure(behaviour.get("mode", "")) or answer_of(behaviour), delay


def connection_failure(mode: str) -> Outcome | None:
    if mode == "nothing listens":
        return NotSent("refused")
    if mode == "blackhole":
        return NotSent("connect-timeout")
    if mode.lower().startswith("rst"):
        return Broken("reset")
    if mode.startswith("fin"):
        return Broken("eof")
    return Broken("not-http") if mode == "not HTTP" else None


def answer_of(behaviour: dict[str, Any]) -> Outcome:
    status, headers = behaviour["status"], behaviour.get("headers", {})
    if status < 400 and behaviour.get("mode") == "partial":
        return Broken("truncated")
    if status < 400 and "error" in behaviour.get("body", ""):
        return Broken("error-event", error_class=ErrorClass.RATE_LIMITED)
    error_class = classify("http", status, headers, b"")
    return Refused(status, error_class, headers) if error_class else Committed(status, headers)


def breaks_before_content(behaviour: dict[str, Any]) -> bool:
    return behaviour.get("status", 0) < 400 and "status" in behaviour and isinstance(answer_of(behaviour), Broken)
