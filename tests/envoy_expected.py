"""What is expected of each measured case, in both semantics: what Envoy did, and the documented departures as rules.

Nothing is listed by name: whatever differs from the measurement is computed from the case.
"""

from typing import Any

from envoy_vectors import ENVOY_BODY_LIMIT, Case, policy
from switchover_dataplane.classify.refusal import classify
from switchover_dataplane.failover.answer_status import status_for
from switchover_dataplane.failover.outcome import (
    Broken,
    ClientGone,
    Committed,
    ErrorClass,
    NotSent,
    Outcome,
    Refused,
    TimedOut,
)
from switchover_dataplane.failover.triggers import error_class, is_trigger
from switchover_dataplane.table.error_classes import BRIEF
from switchover_dataplane.table.policies import Policy

LOCAL_FAILURE = {"5xx", "gateway-error", "reset"}

Expected = tuple[list[str], int | None]
"""The labels in the order of the attempts, and the status that the client sees; None where no client is left."""


def expected_of_envoy(case: Case) -> Expected:
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


def expected_of_failover(case: Case, *, to_first_content: bool = False) -> Expected:
    """The order by the documented departures: every priority its turn and no more, whatever was never sent moves on.

    A redirect is no answer of a model's.

    A stream that breaks after its first content moves on, too: the next target is asked to continue it. An answer that
    came before is handed on in the place of no answer. With `to_first_content` both are left out: it is what follows
    from the attempts alone.
    Without `previousPriorities`, a failure that is brief by nature is repeated once while tries are to spare.
    """
    written = policy(case, "Failover")
    turns = [pool for pool in case.priorities for _ in range(case.update_frequency or 1)]
    if len(case.priorities) == 1:
        turns = case.priorities * written.attempts
    order: list[str] = []
    elapsed = 0.0
    status: int | None = 503
    said: int | None = None
    while turns and len(order) < written.attempts:
        pool = turns.pop(0)
        label = next((label for label in pool if label not in order), pool[0])
        order.append(label)
        request = order.count(label) - 1
        outcome, took = outcome_of(case, label, request, written, elapsed)
        elapsed += took
        status = seen_status(case, label, request, outcome)
        if isinstance(outcome, Refused):
            said = status
        elif said is not None and isinstance(outcome, NotSent | TimedOut) and not to_first_content:
            status = said
        moves_on = (
            isinstance(outcome, NotSent)
            or is_trigger(written, outcome)
            or (not to_first_content and breaks_after_content(case, label, request))
        )
        if not moves_on or elapsed >= written.timeout:
            break
        if case.client_leaves_after is not None and elapsed >= case.client_leaves_after:
            break
        to_spare = written.attempts - len(order) > len(turns)
        if not case.update_frequency and error_class(outcome) in BRIEF and to_spare and order.count(label) == 1:
            turns.insert(0, pool)
    return order, status


def seen_status(case: Case, label: str, request: int, outcome: Outcome) -> int | None:
    """The status of a last outcome; an HTTP answer that broke and is not moved on reaches the client as it came."""
    if isinstance(outcome, ClientGone):
        return None
    if isinstance(outcome, Broken) and outcome.how in ("truncated", "error-event"):
        return int(case.behaviour(label, request)["status"])
    return status_for(outcome)


def pools(case: Case, order: list[str]) -> list[int]:
    """Priorities instead of labels: a label may stand for its sibling."""
    return [next(index for index, pool in enumerate(case.priorities) if label in pool) for label in order]


# ── Behaviours as outcomes ──────────────────────────────────────────────────────────────────────────────────────────


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
    if under.demands_form and 300 <= behaviour.get("status", 0) < 400:
        return Broken("malformed", error_class=ErrorClass.SERVER_ERROR), delay
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
    reason = classify("openai", status, headers, b"")
    return Refused(status, reason, headers) if reason else Committed(status, headers)


def breaks_before_content(behaviour: dict[str, Any]) -> bool:
    return behaviour.get("status", 0) < 400 and "status" in behaviour and isinstance(answer_of(behaviour), Broken)


def breaks_after_content(case: Case, label: str, request: int) -> bool:
    behaviour = case.behaviour(label, request)
    return behaviour.get("mode") == "stream" and behaviour["status"] < 400 and behaviour.get("end") in ("rst", "fin")
