"""One outcome and a policy → does the policy ask for another attempt, and may a fallback's word be passed over.

Two vocabularies meet here and nowhere else: Envoy's `retryOn` tokens, which speak of statuses and connections, and
the error classes, which speak of reasons. `decision.py` asks; it never looks into an outcome itself.
"""

from typing import Final

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
from switchover_dataplane.table.error_classes import CONNECTION_TRIGGERS
from switchover_dataplane.table.policies import Classes, Policy, Tokens

_CONTENT_FILTER: Final = ErrorClass.CONTENT_FILTER
_LOCAL_FAILURE: Final = ("5xx", "gateway-error", "reset")
_NO_CONNECTION: Final = (*_LOCAL_FAILURE, *CONNECTION_TRIGGERS)
_GRPC_STATUS: Final = {
    "cancelled": "1",
    "deadline-exceeded": "4",
    "resource-exhausted": "8",
    "internal": "13",
    "unavailable": "14",
}


def is_soft(outcome: Outcome) -> bool:
    """Tell whether this is mere silence beyond a soft limit: not a failure yet, so no `retryOn` is asked about it."""
    return isinstance(outcome, TimedOut) and outcome.limit in ("firstTokenTimeout", "answerTimeout")


def error_class(outcome: Outcome) -> ErrorClass | None:
    """Return why the attempt failed; None for a success and for a client that left."""
    return None if isinstance(outcome, (Committed, ClientGone)) else outcome.error_class


def wants_refusals_known(policy: Policy) -> bool:
    """Tell whether a refusal under a success is a trigger: where a written `retryOn` names content filters."""
    triggers = policy.triggers
    return not isinstance(triggers, Classes) and _CONTENT_FILTER in triggers.tokens


def is_final_success(policy: Policy, outcome: Outcome) -> bool:
    """Tell whether an outcome is a success that ends the request: one that no written token names."""
    if not isinstance(outcome, Committed):
        return False
    triggers = policy.triggers
    return isinstance(triggers, Classes) or not _answer_is_named(triggers, outcome)


def is_trigger(policy: Policy, outcome: Outcome) -> bool:
    """Tell whether the policy asks for another attempt after this outcome."""
    triggers = policy.triggers
    if isinstance(triggers, Tokens):
        return _is_named(triggers, outcome)
    return error_class(outcome) in triggers.classes


def moves_on_from_fallback(policy: Policy, outcome: Outcome) -> bool:
    """Tell whether another target is worth an attempt where a fallback, not the first target, failed like this."""
    return isinstance(policy.triggers, Classes) and error_class(outcome) in policy.triggers.of_fallback


def _is_named(triggers: Tokens, outcome: Outcome) -> bool:
    """Tell whether `retryOn` names this outcome, by an error class or by a token as Envoy reads it.

    Source: Envoy, "HTTP header manipulation / x-envoy-retry-on", as measured (vectors of Envoy 1.40).
    """
    tokens = triggers.tokens
    match outcome:
        case NotSent():
            return outcome.error_class in tokens or _any(_NO_CONNECTION, tokens)
        case TimedOut() | Broken():
            return outcome.error_class in tokens or _any(_LOCAL_FAILURE, tokens)
        case Refused() | Committed():
            return _answer_is_named(triggers, outcome)
        case _:
            return False


def _answer_is_named(triggers: Tokens, answer: Refused | Committed) -> bool:
    tokens, status, headers, reason = triggers.tokens, answer.status, answer.headers, answer.error_class
    if "x-envoy-ratelimited" in headers:
        return "envoy-ratelimited" in tokens
    return (
        reason in tokens
        or ("5xx" in tokens and 500 <= status <= 599)
        or ("gateway-error" in tokens and status in (502, 503, 504))
        or ("retriable-4xx" in tokens and status == 409)
        or ("retriable-status-codes" in tokens and status in triggers.status_codes)
        or ("grpc-status" in headers and _grpc_is_named(headers["grpc-status"], tokens))
    )


def _grpc_is_named(status: str, tokens: tuple[str, ...]) -> bool:
    return any(status == code and token in tokens for token, code in _GRPC_STATUS.items())


def _any(names: tuple[str, ...], tokens: tuple[str, ...]) -> bool:
    return any(name in tokens for name in names)
