"""A refusal of a target → the same error in words that belong to no provider, for the client's format to write."""

from typing import Final

from switchover_dataplane.table.error_classes import ErrorClass
from switchover_dataplane.translation.format import Problem, Reason

_REASONS: Final[dict[ErrorClass, Reason]] = {
    ErrorClass.RATE_LIMITED: "limit",
    ErrorClass.QUOTA_EXHAUSTED: "limit",
    ErrorClass.OVERLOADED: "overloaded",
    ErrorClass.CREDENTIALS: "credentials",
    ErrorClass.MODEL_UNAVAILABLE: "not-found",
    ErrorClass.CONTEXT_LENGTH: "request",
    ErrorClass.CONTENT_FILTER: "filtered",
}
_OF_STATUS: Final[dict[int, Reason]] = {403: "permission", 404: "not-found", 413: "too-large"}
_CODES: Final = {
    ErrorClass.CONTEXT_LENGTH: "context_length_exceeded",
    ErrorClass.MODEL_UNAVAILABLE: "model_not_found",
    ErrorClass.QUOTA_EXHAUSTED: "insufficient_quota",
}
_NO_WORDS: Final = "the model's provider gave no reason"


def problem_of(error_class: ErrorClass, status: int, message: str, code: str = "") -> Problem:
    """Return the error of a refusal. `message` is the provider's own, `code` its code, "" where it has none."""
    reason = _REASONS.get(error_class)
    if reason == "credentials" and status == 403:
        reason = "permission"
    if reason is None:
        reason = _OF_STATUS.get(status) or ("request" if 400 <= status < 500 else "server")
    return Problem(reason, status, message or _NO_WORDS, _CODES.get(error_class, code))
