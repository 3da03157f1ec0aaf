"""A refusal of the gateway's own → the body that the client's SDK expects of the API that it speaks.

Which API is known from the path alone. Sources: OpenAI API reference, error object; Anthropic API reference, "Errors";
Google AI for Developers, Gemini API reference (google.rpc.Status).
"""

import re
from typing import Final, Literal

import msgspec

from switchover_dataplane.formats import own_answers, own_errors
from switchover_dataplane.formats.api import is_of_messages
from switchover_dataplane.formats.own_errors import OwnError

Form = Literal["openai", "anthropic", "gemini"]

Why = Literal["closed", "no-key", "unknown-key"]
"""Why a request is not served: nobody may ask, it has no key, or its key is none of the callers'."""

_GEMINI: Final = re.compile(
    r":(generateContent|streamGenerateContent|countTokens|embedContent|batchEmbedContents)\Z"
    r"|/v1(?:alpha|beta1?)/models(?:/|\Z)"
)
_ANTHROPIC_TYPES: Final = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}
_GEMINI_STATUSES: Final = {
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    502: "UNAVAILABLE",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder()


def form_of(path: str) -> Form:
    """Name the API that a request speaks by its path."""
    if _GEMINI.search(path.partition("?")[0]):
        return "gemini"
    return "anthropic" if is_of_messages(path) else "openai"


def error(path: str, why: OwnError, message: str) -> own_answers.OwnAnswer:
    """Make an answer in the form of the API that `path` belongs to; its code has a place in OpenAI's form alone."""
    return error_of(form_of(path), why, message)


def error_of(form: Form, why: OwnError, message: str) -> own_answers.OwnAnswer:
    """Make an answer in a form; its code has a place in OpenAI's alone."""
    answer = own_answers.error(why, message)
    if form != "openai":
        answer.body = _body(form, answer.status, message)
    return answer


def in_form(path: str, answer: own_answers.OwnAnswer) -> own_answers.OwnAnswer:
    """Give an error that was made in OpenAI's form the one of the API that `path` belongs to, in place."""
    if answer.status >= 400 and answer.body and answer.code and form_of(path) != "openai":
        error = _decoder.decode(answer.body).get("error")
        if isinstance(error, dict) and error.get("code") == answer.code and "param" in error:
            answer.body = _body(form_of(path), answer.status, error["message"])
    return answer


_DENIALS: Final[dict[Why, tuple[OwnError, str]]] = {
    "closed": (
        own_errors.ACCESS_CONTROL_NOT_SERVED,
        "this route has an access control that the gateway does not serve",
    ),
    "no-key": (own_errors.MISSING_API_KEY, "an API key is needed: send it as Authorization: Bearer KEY"),
    "unknown-key": (own_errors.INVALID_API_KEY, "the API key is not one that this route accepts"),
}


def denied(path: str, why: Why) -> own_answers.OwnAnswer:
    """Make the answer for somebody who is not let in (RFC 9110, section 15.5.2: a 401 says how to ask)."""
    denial, message = _DENIALS[why]
    answer = error(path, denial, message)
    if denial.status == 401:
        answer.headers["www-authenticate"] = "Bearer"
    return answer


def _body(form: Form, status: int, message: str) -> bytes:
    """Write an error for an API that is not OpenAI's."""
    if form == "anthropic":
        kind = _ANTHROPIC_TYPES.get(status, "invalid_request_error" if status < 500 else "api_error")
        return _encoder.encode({"type": "error", "error": {"type": kind, "message": message}})
    word = _GEMINI_STATUSES.get(status, "INVALID_ARGUMENT" if status < 500 else "INTERNAL")
    return _encoder.encode({"error": {"code": status, "message": message, "status": word}})
