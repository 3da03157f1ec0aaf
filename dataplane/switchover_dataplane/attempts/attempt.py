"""Exactly one attempt: send a request to one target, read as much of the answer as tells whether it is good.

A request and a target → an outcome and, where there is one, the answer. Nothing reaches the client from here, so any
failure that is seen here can still be moved to another target. What is done next is `decision.py`'s.
"""

import contextlib
from typing import Final

from switchover_dataplane.attempts import redirect
from switchover_dataplane.attempts.adapted import adapted_attempt
from switchover_dataplane.attempts.answer import DRAIN_TIME, Answer
from switchover_dataplane.attempts.in_flight import InFlight, Result
from switchover_dataplane.attempts.read_answer import read_answer, whole_refusal
from switchover_dataplane.attempts.unreadable import unreadable
from switchover_dataplane.failover.outcome import Broken, Committed, ErrorClass, NotSent, TimedOut
from switchover_dataplane.formats.expected import Expected
from switchover_dataplane.formats.plain_answer import is_plainly_good
from switchover_dataplane.request.call import Call
from switchover_dataplane.request.expect import expected_of
from switchover_dataplane.request.limits import Limits
from switchover_dataplane.upstream.transport import ConnectFailed, ConnectionBroken, Response, Transport

_JSON: Final = "application/json"
_JSON_WITH: Final = "application/json;"


async def attempt(transport: Transport, call: Call, limits: Limits, of: InFlight) -> Result:
    """Send the call to one target and tell what became of it; cancelling closes what is open.

    An answer comes with `Committed`, with `Refused`, and with a `Broken` that was at least an HTTP answer, as the
    policy may say that such a failure is the client's to see.
    """
    seconds, name = limits.head
    head, method = of.head, call.head.method
    if head.adapts:
        return await adapted_attempt(transport, call, limits, of)
    expected = expected_of(head, call.body, in_a_form=limits.in_a_form)
    body = call.content(head) if head.edits else call.body.for_target(head.route, head.model)
    try:
        with of.within(seconds):
            wire = call.request_id.join(head.wire)
            response = await transport.send(head.route.destination, method, wire, body, of.go_on, call.head.protocol)
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
            return whole_refusal(response, response.whole, call, of)
        with of.within(limits.remaining):
            result = await read_answer(response, call, expected, of, limits.holdback)
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
    """Judge the usual good answer, which has come as a whole with its head; None leaves it to `read_answer`."""
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
