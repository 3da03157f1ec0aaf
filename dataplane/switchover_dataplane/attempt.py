"""Exactly one attempt: send a request to one target, read as much of the answer as tells whether it is good.

A request and a target → an outcome and, where there is one, the answer. Nothing reaches the client from here, so any
failure that is seen here can still be moved to another target. What is done next is `failover.py`'s.
"""

import asyncio
import time
from dataclasses import dataclass
from typing import Final, Literal

import msgspec

from switchover_dataplane.answer import Answer, Call, Opened
from switchover_dataplane.as_stream import as_stream
from switchover_dataplane.body import JsonBody
from switchover_dataplane.classify import classify, retry_after
from switchover_dataplane.continuation import Continuation
from switchover_dataplane.opening import Opening, Pulse, open_stream
from switchover_dataplane.outcome import Broken, Committed, ErrorClass, NotSent, Outcome, Refused, TimedOut
from switchover_dataplane.table import Holdback
from switchover_dataplane.targets import Route
from switchover_dataplane.transport import ConnectFailed, ConnectionBroken, Response, Transport

WHOLE_LIMIT: Final = 4 * 1024 * 1024
"""Up to here an answer that is no stream is read before its first byte goes out; a larger one is streamed."""

REFUSAL_LIMIT: Final = 64 * 1024
"""As much of a refusal's body is read to classify it and to keep its connection."""

_PATIENCE: Final = 0.05
_PATIENCE_WHERE_THE_BODY_DECIDES: Final = 2.0
_BODY_DECIDES: Final = frozenset((400, 403, 404, 413, 422, 424))

_JSON_TYPES: Final = ("application/json", "application/problem+json")
_decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])


class _Choice(msgspec.Struct, gc=False):
    finish_reason: str | None = None


_choices_decoder = msgspec.json.Decoder(list[_Choice])


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
        return await _refusal(response, route)
    answer = Answer(response.status, response.headers, rest=response)
    if not call.ai or call.method == "HEAD":
        return Committed(response.status, response.headers), answer
    if _media_type(response) == "text/event-stream" and _is_plain(response):
        return await open_stream(answer, response, route, pulse, holdback), answer
    outcome = await _whole(answer, response, route)
    if isinstance(outcome, Committed) and isinstance(call.body, JsonBody | Continuation) and call.body.stream:
        outcome = _as_asked(answer, outcome, route, call.body)
    return outcome, answer


def _media_type(response: Response) -> str:
    return response.headers.get("content-type", "").partition(";")[0].strip().lower()


def _is_plain(response: Response) -> bool:
    """Tell whether the body is as it reads: no coding is asked for, but a target may choose one all the same."""
    return response.headers.get("content-encoding", "identity").lower() == "identity"


# ── Refusals ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def _refusal(response: Response, route: Route) -> Result:
    """Read what classifies a refusal: its body is short and comes with its head, nearly always."""
    answer = Answer(response.status, response.headers, rest=response)
    patience = _PATIENCE_WHERE_THE_BODY_DECIDES if response.status in _BODY_DECIDES else _PATIENCE
    try:
        async with asyncio.timeout(patience):
            await _gather(answer, response, REFUSAL_LIMIT)
    except TimeoutError:
        pass
    except ConnectionBroken as failure:
        answer.broken, answer.rest = failure, None
    body = b"".join(answer.held)
    error_class = classify(route.wire.name, response.status, response.headers, body) or ErrorClass.SERVER_ERROR
    wait = retry_after(response.headers, body, time.time())
    return Refused(response.status, error_class, response.headers, wait), answer


async def _gather(answer: Answer, response: Response, limit: int) -> None:
    """Read into `answer.held` until the end, which leaves no `rest`, or until `limit` bytes are held."""
    size = 0
    while size <= limit:
        piece = await response.chunk()
        if not piece:
            answer.rest = None
            return
        answer.held.append(piece)
        size += len(piece)


# ── Answers that are read whole ─────────────────────────────────────────────────────────────────────────────────────


async def _whole(answer: Answer, response: Response, route: Route) -> Outcome:
    """Read an answer that is no stream: cut short, empty or not what its type says, it is a failed attempt."""
    try:
        await _gather(answer, response, WHOLE_LIMIT)
    except ConnectionBroken as failure:
        answer.broken, answer.rest = failure, None
        return Broken(failure.how, failure.detail)
    if answer.rest is not None:
        return Committed(response.status, response.headers)
    return _judged(answer, response, route)


def _as_asked(answer: Answer, outcome: Committed, route: Route, body: JsonBody | Continuation) -> Outcome:
    """Turn a whole completion into the event stream that was asked for; what is none stays as it is."""
    if answer.rest is not None:
        return outcome
    options = bytes(body.fields.get("stream_options", b""))
    written = as_stream(b"".join(answer.held), with_usage=_wants_usage(options))
    if written is None:
        return outcome
    answer.headers = answer.headers.copy()
    answer.headers["content-type"] = "text/event-stream"
    answer.opened, answer.held = Opened(), []
    answer.opened.events = answer.opened.scanner.feed(written)
    return Opening(answer.opened, answer.status, route.wire.name).verdict() or outcome


def _wants_usage(options: bytes) -> bool:
    try:
        return bytes(_decoder.decode(options)["include_usage"]) == b"true"
    except (msgspec.DecodeError, KeyError):
        return False


def _judged(answer: Answer, response: Response, route: Route) -> Outcome:
    """Tell whether a whole answer is one: providers and the proxies before them put errors under a 200, too."""
    if response.status == 204 or 300 <= response.status < 400:
        return Committed(response.status, response.headers)
    body = answer.held[0] if len(answer.held) == 1 else b"".join(answer.held)
    media_type = _media_type(response)
    if not body.strip():
        return Broken("empty", "a success without a body", ErrorClass.SERVER_ERROR)
    if media_type == "text/html":
        return Broken("malformed", "an HTML page", ErrorClass.SERVER_ERROR)
    if media_type in _JSON_TYPES:
        try:
            fields = _decoder.decode(body)
        except msgspec.ValidationError:
            return Committed(response.status, response.headers)
        except (msgspec.DecodeError, RecursionError):
            return Broken("malformed", "not the JSON that its content-type says", ErrorClass.SERVER_ERROR)
        choices = bytes(fields.get("choices", b""))
        if bytes(fields.get("error", b"null")) != b"null" and not choices:
            error_class = classify(route.wire.name, response.status, response.headers, body)
            return Broken("error-event", "an error under a success status", error_class or ErrorClass.SERVER_ERROR)
        if _has_failed(choices):
            return Broken("error-event", "an answer whose finish_reason is an error", ErrorClass.SERVER_ERROR)
    return Committed(response.status, response.headers)


def _has_failed(choices: bytes) -> bool:
    """Tell whether a choice ended with an error (Mistral API, chat completion, finish_reason)."""
    if b'"error"' not in choices:
        return False
    try:
        return any(choice.finish_reason == "error" for choice in _choices_decoder.decode(choices))
    except msgspec.ValidationError:
        return False
