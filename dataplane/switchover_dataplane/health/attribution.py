"""The outcome of an attempt → what it says about the target: success, failure of the target or key, nothing, unknown.

A refusal without a reason may be caused by the caller's request, so one of them alone does not count for the target.
"""

from enum import Enum, auto
from typing import Final

from switchover_dataplane.failover.outcome import Broken, ClientGone, Committed, ErrorClass, Outcome, Refused, TimedOut
from switchover_dataplane.failover.triggers import error_class
from switchover_dataplane.table.error_classes import FINAL
from switchover_dataplane.table.policies import CoolDown
from switchover_dataplane.table.upstreams import Http, Target

MAX_REQUESTED_WAIT: Final = 300.0
"""Upper limit in seconds of a wait that a target asks for: a mistaken value must not disable a model for long."""

_NEUTRAL: Final = FINAL | {ErrorClass.CONTEXT_LENGTH}
_OF_A_CALLERS_KEY: Final = frozenset(
    {ErrorClass.CREDENTIALS, ErrorClass.QUOTA_EXHAUSTED, ErrorClass.RATE_LIMITED, ErrorClass.MODEL_UNAVAILABLE}
)


class Attribution(Enum):
    """What an outcome is counted for.

    SUCCESS: a good answer. NONE: nothing about the target. UNEXPLAINED: a failure without a reason. TARGET: a failure
    of the target with this model. KEY: a failure of its credential.
    """

    SUCCESS = auto()
    NONE = auto()
    UNEXPLAINED = auto()
    TARGET = auto()
    KEY = auto()


def attribution_of(target: Target, outcome: Outcome, cool_down: CoolDown) -> Attribution:
    """Return what an outcome is counted for."""
    if isinstance(outcome, Committed) or _is_plain_answer(target, outcome, cool_down):
        return Attribution.SUCCESS
    if _is_about_the_caller(target, outcome):
        return Attribution.NONE
    reason = failure_class(outcome)
    if cool_down.server_errors_only and reason is ErrorClass.RATE_LIMITED and not requested_wait(outcome):
        return Attribution.NONE
    if _is_unexplained(target, outcome):
        return Attribution.UNEXPLAINED
    return Attribution.KEY if target.auth.secret and _is_about_the_key(outcome, reason) else Attribution.TARGET


def failure_class(outcome: Outcome) -> ErrorClass:
    """Return the class of a failure."""
    return error_class(outcome) or ErrorClass.SERVER_ERROR


def requested_wait(outcome: Outcome) -> float:
    """Return the wait in seconds that a target asks for, at most `MAX_REQUESTED_WAIT`; 0 if it asks for none."""
    return min(outcome.retry_after or 0.0, MAX_REQUESTED_WAIT) if isinstance(outcome, (Refused, Broken)) else 0.0


def _is_plain_answer(target: Target, outcome: Outcome, cool_down: CoolDown) -> bool:
    """Whether a plain HTTP backend answered: its 4xx is for the caller; its 5xx counts only with `plain_5xx`."""
    if not isinstance(target.provider, Http) or not isinstance(outcome, Refused):
        return False
    return outcome.status < 500 or not cool_down.plain_5xx


def _is_about_the_caller(target: Target, outcome: Outcome) -> bool:
    """Whether the caller is the cause: the request, the caller's own key, or the end of the request's time."""
    if isinstance(outcome, ClientGone) or (isinstance(outcome, TimedOut) and outcome.limit == "timeout"):
        return True
    if isinstance(outcome, (Refused, Broken)) and outcome.scope == "request":
        return True
    reason = error_class(outcome)
    return reason in _NEUTRAL or (target.auth.kind == "passthrough" and reason in _OF_A_CALLERS_KEY)


def _is_unexplained(target: Target, outcome: Outcome) -> bool:
    """Whether only a status is known. Statuses of plain backends follow `outlierDetection`, as in Envoy."""
    is_unknown = isinstance(outcome, (Refused, Broken)) and outcome.scope == "unknown"
    return is_unknown and not isinstance(target.provider, Http)


def _is_about_the_key(outcome: Outcome, reason: ErrorClass) -> bool:
    """Whether every target with this key would fail. A 403 does not count: the key is valid, but not for this use."""
    if reason is ErrorClass.CREDENTIALS:
        return isinstance(outcome, Refused) and outcome.status != 403
    return reason is ErrorClass.QUOTA_EXHAUSTED and not (isinstance(outcome, Refused) and outcome.scope == "model")
