"""Exactly one attempt: send a request to one target, read as much of the answer as tells whether it is good.

A request and a target → an outcome and, where there is one, the answer. Nothing reaches the client from here, so any
failure that is seen here can still be moved to another target. What is done next is `failover.py`'s.
"""

import asyncio
import re
import time
from dataclasses import dataclass
from typing import Final, Literal

import msgspec

from switchover_dataplane.answer import Answer, Call, Opened
from switchover_dataplane.api import Api
from switchover_dataplane.as_stream import as_stream
from switchover_dataplane.classify import refused
from switchover_dataplane.continuation import Continuation
from switchover_dataplane.decoded import coding, decoded, readable, undone
from switchover_dataplane.json_body import SMALL, JsonBody
from switchover_dataplane.judgement import judged, media_type
from switchover_dataplane.opening import Opening, Pulse, open_stream
from switchover_dataplane.outcome import Broken, Committed, ErrorClass, NotSent, Outcome, Refused, TimedOut
from switchover_dataplane.table import Holdback
from switchover_dataplane.targets import Route
from switchover_dataplane.transport import ConnectFailed, ConnectionBroken, Response, Transport
from switchover_dataplane.unreadable import unreadable

WHOLE_LIMIT: Final = 4 * 1024 * 1024
"""Up to here an answer that is no stream is read before its first byte goes out; a larger one is streamed."""

REFUSAL_LIMIT: Final = 64 * 1024
"""As much of a refusal's body is read to classify it and to keep its connection."""

_PATIENCE: Final = 0.05
_PATIENCE_WITH_A_LIMIT: Final = 0.25
_PATIENCE_WHERE_THE_BODY_DECIDES: Final = 2.0
_BODY_DECIDES: Final = frozenset((400, 403, 404, 413, 422, 424))

EVENT_STREAM: Final = "text/event-stream"
_STREAM_BEGINS: Final = re.compile(rb"(?:\xef\xbb\xbf)?[\r\n]*(?:data:|event:|id:|retry:|:)")
_STREAM_MAY_BEGIN: Final = re.compile(
    rb"(?:\xef|\xef\xbb|(?:\xef\xbb\xbf)?[\r\n]{0,99}(?:d|da|dat|data|e|ev|eve|even|event|i|id|r|re|ret|retr|retry)?)"
)
_ASKING: Final = frozenset(("POST", "PUT", "PATCH"))
_decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])


@dataclass(frozen=True, slots=True)
class Limits:
    """How long the attempt may take, in seconds, None for no limit.

    `headers` runs until the head of the answer (Gloo `retries.perTryTimeout`), `remaining` is what is left of the
    request's own deadline and covers everything. `holdback` is how much of a stream is part of the attempt.
    """

    headers: float | None = None
    remaining: float | None = None
    holdback: Holdback | None = None

    @property
    def head(self) -> tuple[float | None, Literal["perTryTimeout", "timeout"]]:
        """The limit that counts until the head has come, and its name."""
        if self.headers is None or (self.remaining is not None and self.remaining <= self.headers):
            return self.remaining, "timeout"
        return self.headers, "perTryTimeout"


Result = tuple[Outcome, Answer | None]


async def attempt(transport: Transport, route: Route, call: Call, limits: Limits, pulse: Pulse) -> Result:
    """Send the call to one target and tell what became of it; cancelling closes what is open.

    An answer comes with `Committed`, with `Refused`, and with a `Broken` that was at least an HTTP answer, as the
    policy may say that such a failure is the client's to see.
    """
    seconds, name = limits.head
    try:
        if seconds is None:
            response = await _send(transport, route, call)
        else:
            async with asyncio.timeout(seconds):
                response = await _send(transport, route, call)
    except TimeoutError:
        return TimedOut(name, seconds or 0.0), None
    except ConnectFailed as failure:
        return NotSent(failure.cause, failure.detail), None
    except ConnectionBroken as failure:
        return Broken(failure.how, failure.detail), None
    try:
        if limits.remaining is None:
            return await _read(response, route, call, pulse, limits.holdback)
        async with asyncio.timeout(limits.remaining):
            return await _read(response, route, call, pulse, limits.holdback)
    except TimeoutError:
        response.abort()
        return TimedOut("timeout", limits.remaining or 0.0), None
    except Exception as error:
        response.abort()
        if error is response.failure:
            raise  # what stopped the request's body
        return Broken("malformed", unreadable(error, route.target.id), ErrorClass.SERVER_ERROR), None
    except BaseException:
        response.abort()
        raise


async def _send(transport: Transport, route: Route, call: Call) -> Response:
    """Write the request as this target wants it."""
    headers = call.headers.copy()
    if route.authority:
        headers["host"] = route.authority
    elif "host" not in headers:
        headers["host"] = f"{route.destination.host}:{route.destination.port}"
    credential = route.credential or (route.passed_through(call.token) if call.token else None)
    if credential is not None:
        headers[credential[0]] = credential[1]
    body = call.body
    if isinstance(body, JsonBody):
        body = body.for_model(route.model)
    elif isinstance(body, Continuation):
        body = body.for_target(route)
    return await transport.send(route.destination, call.method, route.path(call.path, call.query), headers, body)


async def _read(response: Response, route: Route, call: Call, pulse: Pulse, holdback: Holdback | None) -> Result:
    """Read the start of an answer, or all of it, and judge it."""
    if response.status >= 400:
        return await _refusal(response, route, call)
    is_read = call.ai and call.method != "HEAD"
    if is_read:
        response = decoded(response)
    answer = Answer(response.status, response.headers, rest=response)
    if not is_read:
        return Committed(response.status, response.headers), answer
    api = route.api(call.path) if call.method == "POST" else None
    body = call.body if isinstance(call.body, JsonBody | Continuation) else None
    wants_stream = body is not None and body.stream
    if not coding(response.headers):
        if media_type(response.headers) == EVENT_STREAM:
            return await open_stream(answer, response, route, api, pulse=pulse, holdback=holdback), answer
        if wants_stream and await _begins_as_stream(answer, response):
            answer.headers = answer.headers.copy()
            answer.headers["content-type"] = EVENT_STREAM
            return await open_stream(answer, response, route, api, pulse=pulse, holdback=holdback), answer
    outcome = await _whole(answer, response) or _judged(answer, response, route, call, api)
    if isinstance(outcome, Committed) and body is not None and wants_stream:
        outcome = _as_asked(answer, outcome, route, api, body)
    return outcome, answer


async def _begins_as_stream(answer: Answer, response: Response) -> bool:
    """Tell whether an answer of another type is an event stream all the same: some servers do not say so."""
    begun = b""
    while True:
        try:
            piece = await response.chunk()
        except ConnectionBroken as failure:
            answer.broken = failure
            return False
        answer.held.append(piece)
        begun += piece
        if _STREAM_BEGINS.match(begun):
            return True
        if not piece or not _STREAM_MAY_BEGIN.fullmatch(begun):
            return False


# ── Refusals ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def _refusal(response: Response, route: Route, call: Call) -> Result:
    """Read what classifies a refusal: its body is short and comes with its head, nearly always."""
    answer = Answer(response.status, response.headers, rest=response)
    try:
        async with asyncio.timeout(_patience(response)):
            await _gather(answer, response, REFUSAL_LIMIT)
    except TimeoutError:
        pass
    except ConnectionBroken as failure:
        answer.broken, answer.rest = failure, None
    status, body = response.status, readable(response.headers, b"".join(answer.held), REFUSAL_LIMIT)
    if answer.rest is None and answer.broken is None:
        _undo_coding(answer)
    error_class, wait, whom = refused(route.wire.name, status, response.headers, body, time.time())
    if error_class is ErrorClass.MODEL_UNAVAILABLE and call.method in ("GET", "DELETE"):
        error_class = ErrorClass.CALLER_FAULT  # what is not there is a stored answer or a file, not the model
    return Refused(status, error_class, response.headers, wait, whom), answer


def _undo_coding(answer: Answer) -> None:
    """Let the words of a whole refusal be read by whoever gets it, and by what looks for keys in it."""
    body = undone(answer.headers, b"".join(answer.held), REFUSAL_LIMIT)
    if body is not None:
        answer.headers = answer.headers.copy()
        answer.headers.popall("content-encoding")
        answer.held = [body]


def _patience(response: Response) -> float:
    """Return how long the body of a refusal is waited for, in seconds: the longer, the more it may change."""
    if response.status in _BODY_DECIDES:
        return _PATIENCE_WHERE_THE_BODY_DECIDES
    if response.status == 429 and "retry-after" not in response.headers:
        return _PATIENCE_WITH_A_LIMIT
    return _PATIENCE


async def _gather(answer: Answer, response: Response, limit: int) -> None:
    """Read into `answer.held` until the end, which leaves no `rest`, or until `limit` bytes are held."""
    if answer.broken is not None:
        raise answer.broken
    size = answer.size
    while size <= limit:
        piece = await response.chunk()
        if not piece:
            answer.rest = None
            return
        answer.held.append(piece)
        size += len(piece)


# ── Answers that are read whole ─────────────────────────────────────────────────────────────────────────────────────


async def _whole(answer: Answer, response: Response) -> Outcome | None:
    """Read an answer that is no stream; cut short it is a failed attempt."""
    try:
        await _gather(answer, response, WHOLE_LIMIT)
    except ConnectionBroken as failure:
        answer.broken, answer.rest = failure, None
        return Broken(failure.how, failure.detail)
    return None


def _judged(answer: Answer, response: Response, route: Route, call: Call, api: Api | None) -> Outcome:
    """Tell whether a whole answer is one. What is fetched may be anything, and a large or coded one is not known."""
    if call.method not in _ASKING or answer.rest is not None or coding(response.headers):
        return Committed(response.status, response.headers)
    body = answer.held[0] if len(answer.held) == 1 else b"".join(answer.held)
    return judged(route.wire.name, api, response.status, response.headers, body)


def _as_asked(
    answer: Answer, outcome: Committed, route: Route, api: Api | None, body: JsonBody | Continuation
) -> Outcome:
    """Turn a whole completion into the event stream that was asked for; what is none stays as it is."""
    written = None
    if answer.rest is None:
        usage = _wants_usage(body.fields.get("stream_options"))
        written = as_stream(b"".join(answer.held), with_usage=usage)
    if written is None:
        if isinstance(body, Continuation):
            return Broken("malformed", "no event stream, which alone could be continued", ErrorClass.SERVER_ERROR)
        return outcome
    answer.headers = answer.headers.copy()
    answer.headers["content-type"] = EVENT_STREAM
    answer.opened, answer.held = Opened(), []
    answer.opened.events = answer.opened.scanner.feed(written)
    return Opening(answer.opened, answer.status, route.wire.name, api).verdict() or outcome


def _wants_usage(options: msgspec.Raw | None) -> bool:
    if options is None or len(options) > SMALL:
        return False
    try:
        return bytes(_decoder.decode(options)["include_usage"]) == b"true"
    except (ValueError, KeyError):
        return False
