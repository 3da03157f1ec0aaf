"""The gateway's own answers, in OpenAI's error shape, which every SDK of the field parses.

Source of the shape: OpenAI API reference, error object: `{"error": {"message", "type", "param", "code"}}`.
"""

import math
from dataclasses import dataclass, field
from typing import Final

import msgspec
from multidict import CIMultiDict

from switchover_dataplane.formats.own_errors import BACKEND_NOT_FOUND, OwnError

_encoder = msgspec.json.Encoder()

_JSON: Final = "application/json"


@dataclass(slots=True)
class OwnAnswer:
    """A whole answer of the gateway's own; the connection writes it. With `closes` the connection ends with it.

    `code` and `why` are for the log: what is wrong, in one word and in words that hold nothing of what a client sent.
    The connection adds what frames the body, `Date` and `Server`. To HEAD it sends neither the body nor what describes
    the body (RFC 9110, section 9.3.2).
    """

    status: int
    headers: "CIMultiDict[str]" = field(default_factory=CIMultiDict)
    body: bytes = b""
    closes: bool = False
    code: str = ""
    why: str = ""


def body(error: OwnError, message: str, param: str | None = None) -> bytes:
    """Write an error body."""
    return _encoder.encode({"error": {"message": message, "type": error.kind, "param": param, "code": error.code}})


def json(status: int, content: bytes) -> OwnAnswer:
    """Make an answer of a JSON text."""
    return OwnAnswer(status, CIMultiDict({"content-type": _JSON}), content)


def error(why: OwnError, message: str, *, param: str | None = None, wait: float | None = None) -> OwnAnswer:
    """Make an error; `wait` seconds become `Retry-After`, rounded up."""
    answer = json(why.status, body(why, message, param))
    answer.code, answer.why = why.code, message
    if wait is not None:
        answer.headers["retry-after"] = str(max(1, math.ceil(wait)))
    return answer


def no_backend(request_id: str, why: str) -> OwnAnswer:
    """Say that the route has no backend that can be used (Gateway API: 500); `why` is for the log alone."""
    text = "the backend of this route cannot be used; the route's status and the gateway's log say why"
    answer = error(BACKEND_NOT_FOUND, f"{text}; request ID: {request_id}")
    answer.why = why
    return answer
