"""The head of an answer from a target → an outcome and, where there is one, the answer, read as far as that needs."""

import time
from typing import Final

from switchover_dataplane.attempts.answer import Answer
from switchover_dataplane.attempts.in_flight import InFlight, Result
from switchover_dataplane.attempts.read_success import gather, read_success
from switchover_dataplane.classify.refusal import refused
from switchover_dataplane.failover.outcome import Broken, Committed, ErrorClass, Refused
from switchover_dataplane.formats.expected import Expected
from switchover_dataplane.request.call import Call
from switchover_dataplane.request.limits import HeldBack
from switchover_dataplane.upstream.decoded import CodingBroken, coding, decoded, has_body, in_clear
from switchover_dataplane.upstream.transport import ConnectionBroken, Response

_MODEL_UNAVAILABLE: Final = ErrorClass.MODEL_UNAVAILABLE

REFUSAL_LIMIT: Final = 64 * 1024
"""As much of a refusal's body is read to classify it and to keep its connection."""

_PATIENCE: Final = 0.05
_PATIENCE_WITH_A_LIMIT: Final = 0.25
_PATIENCE_WHERE_THE_BODY_DECIDES: Final = 2.0
_BODY_DECIDES: Final = frozenset((400, 401, 403, 404, 410, 413, 422, 424, 451))


async def read_answer(response: Response, call: Call, expected: Expected, of: InFlight, holdback: HeldBack) -> Result:
    """Read the start of an answer, or all of it, and judge it."""
    ai, method = call.head.ai, call.head.method
    if response.status >= 400:
        return await read_refusal(decoded(response) if method != "HEAD" else response, call, of)
    if not ai or method == "HEAD":
        return Committed(response.status, response.headers), Answer(response.status, response.headers, rest=response)
    response = decoded(response)
    if expected.api is not None and coding(response.headers) and has_body(response):
        response = await in_clear(response)
        if coding(response.headers):
            answer = Answer(response.status, response.headers, rest=response)
            return Broken("malformed", "its content-encoding cannot be undone here", ErrorClass.SERVER_ERROR), answer
    answer = Answer(response.status, response.headers, rest=response)
    return await read_success(answer, response, call, expected, of, holdback), answer


# ── Refusals ────────────────────────────────────────────────────────────────────────────────────────────────────────


def whole_refusal(response: Response, body: bytes, call: Call, of: InFlight) -> Result:
    """Classify the usual refusal, of which the body is short and comes with its head."""
    return _classified(Answer(response.status, response.headers, [body] if body else []), body, call, of)


async def read_refusal(response: Response, call: Call, of: InFlight) -> Result:
    """Read what classifies a refusal, as far as it comes in time."""
    answer = Answer(response.status, response.headers, rest=response)
    try:
        with of.within(_patience(response)):
            await gather(answer, response, REFUSAL_LIMIT)
    except TimeoutError:
        pass
    except CodingBroken:
        answer.rest = None  # what came of it before is more than the client could read
    except ConnectionBroken as failure:
        answer.broken, answer.rest = failure.anew(), None
    return _classified(answer, b"".join(answer.held), call, of)


def _classified(answer: Answer, body: bytes, call: Call, of: InFlight) -> Result:
    status, headers = answer.status, answer.headers
    error_class, wait, whom = refused(of.head.route.wire.name, status, headers, body, time.time())
    if error_class is _MODEL_UNAVAILABLE and call.head.method in ("GET", "DELETE"):
        error_class = ErrorClass.CALLER_FAULT  # what is not there is a stored answer or a file, not the model
    if error_class is _MODEL_UNAVAILABLE and of.head.keeps_model:
        whom = "request"  # the model is the caller's own choice, and not the one that others are served by
    return Refused(status, error_class, headers, wait, whom), answer


def _patience(response: Response) -> float:
    """Return how long the body of a refusal is waited for, in seconds: the longer, the more it may change."""
    if response.status in _BODY_DECIDES:
        return _PATIENCE_WHERE_THE_BODY_DECIDES
    if response.status == 429 and "retry-after" not in response.headers:
        return _PATIENCE_WITH_A_LIMIT
    return _PATIENCE
