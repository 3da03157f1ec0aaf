"""What an attempt became → whom it speaks of: the target, its key, one caller's request, or nobody can tell.

A refusal that names no reason may be the answer to what the caller sent, so that it is no word about the target yet.
"""

from enum import Enum, auto
from typing import Final

from switchover_dataplane.failover.outcome import Broken, ClientGone, Committed, ErrorClass, Outcome, Refused, TimedOut
from switchover_dataplane.failover.triggers import error_class
from switchover_dataplane.table import FINAL, CoolDown, Http, Target

LONGEST_EXPLICIT: Final = 300.0
"""A wait that a target asks for is believed up to here (seconds): a mistaken hour must not take a model away."""

_NEUTRAL: Final = FINAL | {ErrorClass.CONTEXT_LENGTH}
_OF_A_CALLERS_KEY: Final = frozenset(
    {ErrorClass.CREDENTIALS, ErrorClass.QUOTA_EXHAUSTED, ErrorClass.RATE_LIMITED, ErrorClass.MODEL_UNAVAILABLE}
)


class Blame(Enum):
    """Whom an outcome speaks of; `TARGET` is the target as it answers for this model."""

    GOOD = auto()
    NOTHING = auto()
    UNKNOWN = auto()
    TARGET = auto()
    KEY = auto()


def blame(target: Target, outcome: Outcome, cool_down: CoolDown) -> Blame:
    """Tell whom an outcome speaks of."""
    if isinstance(outcome, Committed) or _is_plain_answer(target, outcome, cool_down):
        return Blame.GOOD
    if _tells_nothing(target, outcome):
        return Blame.NOTHING
    reason = reason_of(outcome)
    if cool_down.server_errors_only and reason is ErrorClass.RATE_LIMITED and not asked_wait(outcome):
        return Blame.NOTHING
    if _names_no_reason(target, outcome):
        return Blame.UNKNOWN
    return Blame.KEY if target.auth.secret and _is_about_the_key(outcome, reason) else Blame.TARGET


def reason_of(outcome: Outcome) -> ErrorClass:
    """Return the class of a failure."""
    return error_class(outcome) or ErrorClass.SERVER_ERROR


def asked_wait(outcome: Outcome) -> float:
    """Return for how long a target asks to be left alone (seconds), 0 where it does not."""
    return min(outcome.retry_after or 0.0, LONGEST_EXPLICIT) if isinstance(outcome, Refused | Broken) else 0.0


def _is_plain_answer(target: Target, outcome: Outcome, cool_down: CoolDown) -> bool:
    """A plain backend that answers is alive: its statuses are for the caller, who may well be the reason of them."""
    if not isinstance(target.provider, Http) or not isinstance(outcome, Refused):
        return False
    return outcome.status < 500 or not cool_down.plain_5xx


def _tells_nothing(target: Target, outcome: Outcome) -> bool:
    """Tell whether the outcome is about the caller: their request, their own key, their patience."""
    if isinstance(outcome, ClientGone) or (isinstance(outcome, TimedOut) and outcome.limit == "timeout"):
        return True
    if isinstance(outcome, Refused | Broken) and outcome.concerns == "request":
        return True
    reason = error_class(outcome)
    return reason in _NEUTRAL or (target.auth.kind == "passthrough" and reason in _OF_A_CALLERS_KEY)


def _names_no_reason(target: Target, outcome: Outcome) -> bool:
    """Tell whether a status speaks alone. Those of a plain backend count by `outlierDetection`, as Envoy's do."""
    is_unknown = isinstance(outcome, Refused | Broken) and outcome.concerns == "unknown"
    return is_unknown and not isinstance(target.provider, Http)


def _is_about_the_key(outcome: Outcome, reason: ErrorClass) -> bool:
    """Tell whether every target with this key would fail alike. A 403 is not: the key is good, but not for this."""
    if reason is ErrorClass.CREDENTIALS:
        return isinstance(outcome, Refused) and outcome.status != 403
    return reason is ErrorClass.QUOTA_EXHAUSTED and not (isinstance(outcome, Refused) and outcome.concerns == "model")
