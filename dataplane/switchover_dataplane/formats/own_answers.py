"""The gateway's own answers, in OpenAI's error shape, which every SDK of the field parses.

Source of the shape: OpenAI API reference, error object: `{"error": {"message", "type", "param", "code"}}`.
"""

import math

import msgspec
from aiohttp import web
from aiohttp.abc import AbstractStreamWriter

_encoder = msgspec.json.Encoder()


def body(message: str, kind: str, code: str, param: str | None = None) -> bytes:
    """Write an error body."""
    return _encoder.encode({"error": {"message": message, "type": kind, "param": param, "code": code}})


class OwnAnswer(web.Response):
    """An answer of ours. To HEAD it has no content, and does not say which it would have (RFC 9110, section 9.3.2).

    Clients read what a type is named of, and are right to: Gateway API's conformance suite does.
    """

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Send the head."""
        if request.method == "HEAD":
            self.content_type = "application/octet-stream"
        return await super().prepare(request)


def error(status: int, code: str, message: str, *, param: str | None = None, wait: float | None = None) -> web.Response:
    """Make an answer of our own; `wait` seconds become `Retry-After`, rounded up."""
    answer = OwnAnswer(
        status=status,
        body=body(message, "invalid_request_error" if status < 500 else "server_error", code, param),
        content_type="application/json",
    )
    if wait is not None:
        answer.headers["retry-after"] = str(max(1, math.ceil(wait)))
    return answer


def no_backend(request_id: str) -> web.Response:
    """Say that the route has no backend that can be used (Gateway API: 500); why is for the log and the status."""
    text = "the backend of this route cannot be used; the route's status and the gateway's log say why"
    answer = error(500, "backend_not_found", f"{text}; request ID: {request_id}")
    answer.headers["x-request-id"] = request_id
    return answer
