"""Errors of Bedrock: the exceptions of its API, their statuses, and the body for a client.

Source: botocore's model of bedrock-runtime (the errors of Converse and ConverseStream).
"""

from typing import Final

from switchover_dataplane.translation.format import Problem, Reason
from switchover_dataplane.translation.neutral import Json

STATUSES: Final = {
    "throttlingexception": 429,
    "modelstreamerrorexception": 424,
    "modelerrorexception": 424,
    "modeltimeoutexception": 408,
    "modelnotreadyexception": 429,
    "internalserverexception": 500,
    "serviceunavailableexception": 503,
    "validationexception": 400,
    "accessdeniedexception": 403,
    "resourcenotfoundexception": 404,
    "servicequotaexceededexception": 400,
}
"""The HTTP status that each exception has as an answer, by its name in lower case."""

_EXCEPTIONS: Final[dict[Reason, tuple[int, str]]] = {
    "request": (400, "ValidationException"),
    "credentials": (403, "AccessDeniedException"),
    "permission": (403, "AccessDeniedException"),
    "not-found": (404, "ResourceNotFoundException"),
    "too-large": (400, "ValidationException"),
    "limit": (429, "ThrottlingException"),
    "overloaded": (503, "ServiceUnavailableException"),
    "server": (500, "InternalServerException"),
    "filtered": (400, "ValidationException"),
}


def write_error(problem: Problem) -> tuple[int, Json]:
    """Return the status and the body of an error; botocore takes the exception's name from `code`."""
    status, exception = _EXCEPTIONS[problem.reason]
    return status, {"message": problem.message, "code": exception}
