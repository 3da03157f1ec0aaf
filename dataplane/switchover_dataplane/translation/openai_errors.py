"""Errors in the shape of OpenAI's APIs, for Chat Completions and Responses alike.

Source: OpenAI API reference, error object, and OpenAI docs, "Error codes". The SDKs choose an exception by the status.
"""

from collections.abc import Mapping
from typing import Final

from switchover_dataplane.translation.answers import Failed
from switchover_dataplane.translation.format import Problem, Reason
from switchover_dataplane.translation.neutral import Json

_FORMS: Final[Mapping[Reason, tuple[int, str, str | None]]] = {
    "request": (400, "invalid_request_error", None),
    "credentials": (401, "authentication_error", None),
    "permission": (403, "permission_error", None),
    "not-found": (404, "invalid_request_error", "model_not_found"),
    "too-large": (413, "invalid_request_error", None),
    "limit": (429, "rate_limit_error", "rate_limit_exceeded"),
    "overloaded": (503, "server_error", "server_is_overloaded"),
    "server": (500, "server_error", "server_error"),
    "filtered": (400, "invalid_request_error", "content_filter"),
}


def write_error(problem: Problem) -> tuple[int, Json]:
    """Return the status and the body of an error."""
    status, kind, code = _FORMS[problem.reason]
    return status, {"error": {"message": problem.message, "type": kind, "param": None, "code": problem.code or code}}


def failed(event: Failed) -> dict[str, Json]:
    """Return the error object of an error in a stream: the words of the provider, and OpenAI's where it has none."""
    kind = "invalid_request_error" if 400 <= event.status < 500 and event.status != 429 else "server_error"
    return {
        "message": event.message or "the model's answer failed",
        "type": event.kind or kind,
        "param": None,
        "code": event.code or None,
    }


def read_failed(error: Json, status: Json = None) -> Failed:
    """Read an error object, or the text in its place."""
    if not isinstance(error, dict):
        return Failed(error if isinstance(error, str) else "an error without words", _status(status))
    nested = error.get("error")
    if isinstance(nested, dict):
        error = nested
    message, kind, code = error.get("message"), error.get("type"), error.get("code")
    number = _status(code) or _status(error.get("status_code")) or _status(status)
    return Failed(
        message if isinstance(message, str) and message else "an error without words",
        number,
        kind if isinstance(kind, str) else "",
        "" if code is None else str(code)[:256],
    )


def _status(value: Json) -> int:
    """Return a status; some servers give it as the code of an error."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 400 <= value <= 599 else 0


__all__ = ["failed", "read_failed", "write_error"]
