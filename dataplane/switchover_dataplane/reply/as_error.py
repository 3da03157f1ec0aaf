"""The last answer of a request, a success that was none → the error that it should have been.

SDKs raise what has an error's status and read anything else as a completion, so that an error under a 200 would reach
the app as an answer without words. Its own words are kept; a page, nothing, or half an answer has none worth keeping.
"""

from typing import Final

from switchover_dataplane.attempts.answer import Answer
from switchover_dataplane.classify import error_body
from switchover_dataplane.failover.outcome import Broken, ErrorClass

_STATUSES: Final = {
    ErrorClass.RATE_LIMITED: 429,
    ErrorClass.QUOTA_EXHAUSTED: 429,
    ErrorClass.OVERLOADED: 503,
    ErrorClass.CREDENTIALS: 401,
    ErrorClass.MODEL_UNAVAILABLE: 404,
    ErrorClass.CONTEXT_LENGTH: 400,
    ErrorClass.CONTENT_FILTER: 400,
    ErrorClass.CALLER_FAULT: 400,
}
_NO_STATUS: Final = 502


def error_response(outcome: Broken, answer: Answer) -> Answer | None:
    """Return the provider's error with the status that it states or means; None if there is no error to show."""
    if outcome.how != "error-event":
        return None
    body = answer.opened.error if answer.opened is not None else b"".join(answer.held)
    details = error_body.read({}, body)
    if not details.is_error:
        return None
    headers = answer.headers.copy()
    headers.popall("content-length", None)
    headers["content-type"] = "application/json"
    return Answer(details.status or _STATUSES.get(outcome.error_class, _NO_STATUS), headers, held=[body])
