"""One outcome and a policy → is it worth another try, and may it be the same target again.

Two vocabularies meet here and nowhere else: Envoy's `retryOn` tokens, which speak of statuses and connections, and
the error classes, which speak of reasons. `failover.py` asks; it never looks into an outcome itself.
"""

from collections.abc import Mapping

from switchover_dataplane.failover.outcome import (
    Broken,
    Committed,
    ErrorClass,
    NotSent,
    Outcome,
    Refused,
    TimedOut,
)
from switchover_dataplane.table import Policy

ONCE_MORE = frozenset({ErrorClass.OVERLOADED, ErrorClass.SERVER_ERROR, ErrorClass.RESET})
"""Classes after which the same target may well answer: brief by nature (DESIGN section 4, "same target again")."""

FINAL = frozenset({ErrorClass.CONTENT_FILTER, ErrorClass.CALLER_FAULT})
"""Classes that are about the request: no other model is asked to overrule the first (DESIGN section 4)."""

_LOCAL_FAILURE = ("5xx", "gateway-error", "reset")
_NO_CONNECTION = (*_LOCAL_FAILURE, "connect-failure", "reset-before-request")
_GRPC_STATUS = {
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
    return outcome.error_class if isinstance(outcome, NotSent | TimedOut | Broken | Refused) else None


def wants_refusals_known(policy: Policy) -> bool:
    """Tell whether a refusal under a success may move on: where a written `retryOn` names content filters."""
    return policy.explicit and ErrorClass.CONTENT_FILTER in policy.retry_on


def triggers(policy: Policy, outcome: Outcome) -> bool:
    """Tell whether the policy asks for another try after this outcome.

    Without an explicit `retryOn` the error classes decide; Envoy's semantics has no triggers then.
    """
    if policy.explicit:
        return _is_named(policy, outcome)
    if policy.semantics == "Envoy":
        return False
    reason = error_class(outcome)
    return reason is not None and reason not in FINAL


def _is_named(policy: Policy, outcome: Outcome) -> bool:
    """Tell whether `retryOn` names this outcome, by an error class or by a token with Envoy's meaning.

    Source: Envoy, "HTTP header manipulation / x-envoy-retry-on", as measured (vectors of Envoy 1.40).
    """
    tokens = policy.retry_on
    match outcome:
        case NotSent():
            return outcome.error_class in tokens or _any(_NO_CONNECTION, tokens)
        case TimedOut() | Broken():
            return outcome.error_class in tokens or _any(_LOCAL_FAILURE, tokens)
        case Refused():
            return _answer_is_named(policy, outcome.status, outcome.headers, outcome.error_class)
        case Committed():
            return _answer_is_named(policy, outcome.status, outcome.headers, outcome.error_class)
        case _:
            return False


def _answer_is_named(policy: Policy, status: int, headers: Mapping[str, str], reason: ErrorClass | None) -> bool:
    tokens = policy.retry_on
    if "x-envoy-ratelimited" in headers:
        return "envoy-ratelimited" in tokens
    return (
        reason in tokens
        or ("5xx" in tokens and 500 <= status <= 599)
        or ("gateway-error" in tokens and status in (502, 503, 504))
        or ("retriable-4xx" in tokens and status == 409)
        or ("retriable-status-codes" in tokens and status in policy.status_codes)
        or ("grpc-status" in headers and _grpc_is_named(headers["grpc-status"], tokens))
    )


def _grpc_is_named(status: str, tokens: tuple[str, ...]) -> bool:
    return any(status == code and token in tokens for token, code in _GRPC_STATUS.items())


def _any(names: tuple[str, ...], tokens: tuple[str, ...]) -> bool:
    return any(name in tokens for name in names)
