"""The gateway's own answers, in OpenAI's error shape, which every SDK of the field parses.

Source of the shape: OpenAI API reference, error object: `{"error": {"message", "type", "param", "code"}}`.
"""

import math

import msgspec
from aiohttp import web
from aiohttp.abc import AbstractStreamWriter

from switchover_dataplane.outcome import Broken, NotSent, Outcome, TimedOut

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


def no_answer(outcome: Outcome | None, tried: str, wait: float | None) -> web.Response:
    """Say that the last attempt brought no answer at all; the statuses are Envoy's for the same failures.

    503 refused, reset or nothing to try; 502 not HTTP; 504 time-outs.
    """
    match outcome:
        case TimedOut(limit=limit):
            return error(504, "upstream_timeout", f"no model answered in time ({limit}); tried: {tried}", wait=wait)
        case Broken(how=how) if how not in ("reset", "eof"):
            message = f"what came is no model's answer ({how}); tried: {tried}"
            return error(502, "upstream_protocol_error", message, wait=wait)
        case NotSent(cause=cause):
            return error(503, "upstream_unreachable", f"no model could be reached ({cause}); tried: {tried}", wait=wait)
        case Broken(how=how):
            return error(503, "upstream_reset", f"the connection broke ({how}); tried: {tried}", wait=wait)
        case _:
            return error(503, "no_target", "no model is configured for this route that could be tried", wait=wait)
