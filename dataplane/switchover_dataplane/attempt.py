"""Exactly one attempt: send a request to one target, read as much of the answer as tells whether it is good.

A request and a target → an outcome and, where there is one, the answer. Nothing reaches the client from here, so any
failure that is seen here can still be moved to another target. What is done next is `failover.py`'s.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Final, Literal

import msgspec
from multidict import CIMultiDict

from switchover_dataplane.body import JsonBody
from switchover_dataplane.classify import classify, retry_after
from switchover_dataplane.outcome import Broken, Committed, ErrorClass, NotSent, Outcome, Refused, TimedOut
from switchover_dataplane.stream import Event, EventTooLarge, Meaning, Scanner, judge
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


@dataclass(slots=True)
class Call:
    """What is asked of whichever target: the request after routing, filters and header rules.

    `body` is a `JsonBody` on AI routes (worded anew for each target), bytes that can be sent again, an iterator that
    can be sent once, or None. `token` is the caller's own Authorization, for targets that pass it through.
    """

    method: str
    path: str
    query: str
    headers: "CIMultiDict[str]"
    body: JsonBody | bytes | AsyncIterator[bytes] | None
    ai: bool
    token: str


@dataclass(slots=True)
class Answer:
    """An answer that can be handed to the client: `held` was read already, `rest` gives what is still to come."""

    status: int
    headers: "CIMultiDict[str]"
    held: list[bytes] = field(default_factory=list)
    rest: Response | None = None
    broken: ConnectionBroken | None = None

    @property
    def size(self) -> int:
        """How many bytes of the body are held."""
        return sum(map(len, self.held))

    async def put_away(self) -> None:
        """Give the answer up: its connection is kept if what is left of it is short."""
        if self.rest is not None:
            await self.rest.discard()
            self.rest = None

    def abort(self) -> None:
        """Give the answer up at once, with its connection."""
        if self.rest is not None:
            self.rest.abort()
            self.rest = None


@dataclass(frozen=True, slots=True)
class Limits:
    """How long the attempt may take, in seconds, None for no limit.

    `headers` runs until the head of the answer (Gloo `retries.perTryTimeout`), `remaining` is what is left of the
    request's own deadline and covers everything.
    """

    headers: float | None = None
    remaining: float | None = None

    @property
    def head(self) -> tuple[float | None, Literal["perTryTimeout", "timeout"]]:
        """The limit that counts until the head has come, and its name."""
        if self.headers is None or (self.remaining is not None and self.remaining <= self.headers):
            return self.remaining, "timeout"
        return self.headers, "perTryTimeout"


Result = tuple[Outcome, Answer | None]


async def attempt(transport: Transport, route: Route, call: Call, limits: Limits) -> Result:
    """Send the call to one target and tell what became of it.

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
            return await _read(response, route, call)
        async with asyncio.timeout(limits.remaining):
            return await _read(response, route, call)
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
    body = call.body.for_model(route.model) if isinstance(call.body, JsonBody) else call.body
    return await transport.send(route.destination, call.method, route.path(call.path, call.query), headers, body)


async def _read(response: Response, route: Route, call: Call) -> Result:
    """Read the start of an answer, or all of it, and judge it."""
    if response.status >= 400:
        return await _refusal(response, route)
    answer = Answer(response.status, response.headers, rest=response)
    if not call.ai or call.method == "HEAD":
        return Committed(response.status, response.headers), answer
    if _media_type(response) == "text/event-stream":
        return await _until_content(answer, response, route)
    return await _whole(answer, response, route)


def _media_type(response: Response) -> str:
    return response.headers.get("content-type", "").partition(";")[0].strip().lower()


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


async def _whole(answer: Answer, response: Response, route: Route) -> Result:
    """Read an answer that is no stream: cut short, empty or not what its type says, it is a failed attempt."""
    try:
        await _gather(answer, response, WHOLE_LIMIT)
    except ConnectionBroken as failure:
        answer.broken, answer.rest = failure, None
        return Broken(failure.how, failure.detail), answer
    if answer.rest is not None:
        return Committed(response.status, response.headers), answer
    return _judged(answer, response, route), answer


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
        if bytes(fields.get("error", b"null")) != b"null" and "choices" not in fields:
            error_class = classify(route.wire.name, response.status, response.headers, body)
            return Broken("error-event", "an error under a success status", error_class or ErrorClass.SERVER_ERROR)
    return Committed(response.status, response.headers)


# ── Streams ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def _until_content(answer: Answer, response: Response, route: Route) -> Result:
    """Read a stream up to its first content: what fails before that has cost the caller nothing."""
    scanner = Scanner()
    try:
        while piece := await response.chunk():
            answer.held.append(piece)
            for event in scanner.feed(piece):
                outcome = _first_words(event, response, route)
                if outcome is not None:
                    return outcome, answer
    except ConnectionBroken as failure:
        answer.broken, answer.rest = failure, None
        return Broken(failure.how, failure.detail), answer
    except EventTooLarge:
        return Committed(response.status, response.headers), answer
    answer.rest = None
    return Broken("empty", "the stream ended before any content", ErrorClass.SERVER_ERROR), answer


def _first_words(event: Event, response: Response, route: Route) -> Outcome | None:
    """What an event at the start of a stream decides, None if it decides nothing yet."""
    match judge(event):
        case Meaning.CONTENT | Meaning.FINISH:
            return Committed(response.status, response.headers)
        case Meaning.ERROR:
            error_class = classify(route.wire.name, response.status, {}, event.data) or ErrorClass.SERVER_ERROR
            return Broken("error-event", "the stream began with an error", error_class)
        case Meaning.DONE:
            return Broken("empty", "the stream ended before any content", ErrorClass.SERVER_ERROR)
        case _:
            return None
