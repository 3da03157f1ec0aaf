"""Exactly one attempt: send a request to one target, read as much of the answer as tells whether it is good.

A request and a target → an outcome and, where there is one, the answer. Nothing reaches the client from here, so any
failure that is seen here can still be moved to another target. What is done next is `decision.py`'s.
"""

import contextlib
import time
from typing import Final

from switchover_dataplane.attempts import redirect
from switchover_dataplane.attempts.answer import DRAIN_TIME, Answer
from switchover_dataplane.attempts.in_flight import InFlight, Result
from switchover_dataplane.attempts.read_success import gather, read_success
from switchover_dataplane.attempts.unreadable import unreadable
from switchover_dataplane.classify.refusal import refused
from switchover_dataplane.failover.outcome import Broken, Committed, ErrorClass, NotSent, Refused, TimedOut
from switchover_dataplane.formats.expected import Expected
from switchover_dataplane.formats.plain_answer import is_plainly_good
from switchover_dataplane.request.call import Call
from switchover_dataplane.request.expect import expected_of
from switchover_dataplane.request.limits import HeldBack, Limits
from switchover_dataplane.upstream.decoded import CodingBroken, coding, decoded, has_body, in_clear
from switchover_dataplane.upstream.transport import ConnectFailed, ConnectionBroken, Response, Transport

_MODEL_UNAVAILABLE: Final = ErrorClass.MODEL_UNAVAILABLE
_JSON: Final = "application/json"
_JSON_WITH: Final = "application/json;"

REFUSAL_LIMIT: Final = 64 * 1024
"""As much of a refusal's body is read to classify it and to keep its connection."""

_PATIENCE: Final = 0.05
_PATIENCE_WITH_A_LIMIT: Final = 0.25
_PATIENCE_WHERE_THE_BODY_DECIDES: Final = 2.0
_BODY_DECIDES: Final = frozenset((400, 401, 403, 404, 410, 413, 422, 424, 451))


async def attempt(transport: Transport, call: Call, limits: Limits, of: InFlight) -> Result:
    """Send the call to one target and tell what became of it; cancelling closes what is open.

    An answer comes with `Committed`, with `Refused`, and with a `Broken` that was at least an HTTP answer, as the
    policy may say that such a failure is the client's to see.
    """
    seconds, name = limits.head
    head, method = of.head, call.head.method
    expected = expected_of(head, call.body, in_a_form=limits.in_a_form)
    body = call.body.for_target(head.route, head.model)
    try:
        with of.within(seconds):
            wire = call.request_id.join(head.wire)
            response = await transport.send(head.route.destination, method, wire, body, of.go_on)
            if response.status in redirect.KEEPING and expected.api is not None and isinstance(body, bytes):
                response = await _followed(response, transport, call, body, of)
    except TimeoutError:
        return TimedOut(name, seconds or 0.0), None
    except ConnectFailed as unsent:
        return NotSent(unsent.cause, unsent.detail), None
    except ConnectionBroken as failure:
        return Broken(failure.how, failure.detail), None
    plain = _plainly_good(response, expected)
    if plain is not None:
        return plain
    try:
        if response.status >= 400 and response.whole is not None and "content-encoding" not in response.headers:
            return _whole_refusal(response, response.whole, call, of)
        with of.within(limits.remaining):
            result = await _read(response, call, expected, of, limits.holdback)
        response.hand_over()
        return result
    except TimeoutError:
        response.abort()
        return TimedOut("timeout", limits.remaining or 0.0), None
    except Exception as error:
        response.abort()
        if error is response.failure or isinstance(error, ConnectionBroken):
            response.forget()
            raise  # what stopped the request's body
        return Broken("malformed", unreadable(error, of.target.id), ErrorClass.SERVER_ERROR), None
    except BaseException:
        response.abort()
        raise


async def _followed(response: Response, transport: Transport, call: Call, body: bytes, of: InFlight) -> Response:
    """Follow an answer where the target itself sends the request on, as long as it does."""
    head, method, path = of.head, call.head.method, of.head.path
    destination = head.route.destination
    for _ in range(redirect.MOST):
        location = redirect.location(response, destination, head.host, path)
        if location is None:
            break
        path = location
        try:
            with contextlib.suppress(TimeoutError), of.within(DRAIN_TIME):
                await response.drain()
        finally:
            response.abort()
        wire = call.request_id.join(head.wire_for(call.head, path))
        response = await transport.send(destination, method, wire, body, of.go_on)
    return response


def _plainly_good(response: Response, expected: Expected) -> Result | None:
    """Judge the usual good answer, which has come as a whole with its head; None leaves it to `_read`."""
    if response.status != 200 or expected.api is None or expected.shape != "value":
        return None
    headers = response.headers
    text = response.whole
    kind = headers.get("content-type", "")
    if text is None or (kind != _JSON and not kind.startswith(_JSON_WITH)) or "content-encoding" in headers:
        return None
    if not is_plainly_good(expected.api, text):
        return None
    return Committed(200, headers), Answer(200, headers, [text])


async def _read(response: Response, call: Call, expected: Expected, of: InFlight, holdback: HeldBack) -> Result:
    """Read the start of an answer, or all of it, and judge it."""
    ai, method = call.head.ai, call.head.method
    if response.status >= 400:
        return await _refusal(decoded(response) if method != "HEAD" else response, call, of)
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


def _whole_refusal(response: Response, body: bytes, call: Call, of: InFlight) -> Result:
    """Classify the usual refusal, of which the body is short and comes with its head."""
    return _classified(Answer(response.status, response.headers, [body] if body else []), body, call, of)


async def _refusal(response: Response, call: Call, of: InFlight) -> Result:
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
