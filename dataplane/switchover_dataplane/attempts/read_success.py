"""An answer under a success status → whether it is one, and in the shape that was asked for.

Where the API is known nothing is believed of its label: what begins as an event stream is one, and anything else is
read whole and checked. A stream becomes JSON where JSON was asked for, JSON becomes events where events were.
"""

import re
import time
from typing import Final

import msgspec

from switchover_dataplane.attempts.answer import Answer
from switchover_dataplane.attempts.in_flight import InFlight
from switchover_dataplane.attempts.join import join, joined_array
from switchover_dataplane.attempts.stream_start import open_stream
from switchover_dataplane.classify.success import check_success
from switchover_dataplane.failover.outcome import Broken, Committed, ErrorClass, Outcome
from switchover_dataplane.formats.api import Api
from switchover_dataplane.formats.as_stream import as_stream
from switchover_dataplane.formats.expected import Expected
from switchover_dataplane.formats.json_body import SMALL
from switchover_dataplane.formats.media_types import EVENT_STREAM, media_type
from switchover_dataplane.request.call import Call
from switchover_dataplane.request.limits import HeldBack
from switchover_dataplane.streams.opened import Opened
from switchover_dataplane.streams.opening import Opening
from switchover_dataplane.upstream.decoded import coding
from switchover_dataplane.upstream.targets import Route
from switchover_dataplane.upstream.transport import ConnectionBroken, Response

WHOLE_LIMIT: Final = 4 * 1024 * 1024
"""Up to here an answer that is no stream is read before its first byte goes out; a larger one is streamed."""

_JSON: Final = "application/json"
_STREAM_BEGINS: Final = re.compile(rb"(?:\xef\xbb\xbf)?[\r\n]*(?:data:|event:|id:|retry:|:)")
_STREAM_MAY_BEGIN: Final = re.compile(
    rb"(?:\xef|\xef\xbb|(?:\xef\xbb\xbf)?[\r\n]{0,99}(?:d|da|dat|data|e|ev|eve|even|event|i|id|r|re|ret|retr|retry)?)"
)
_JSON_BEGINS: Final = re.compile(rb"(?:\xef\xbb\xbf)?[ \t\r\n]*[\[{]")
_ASKING: Final = frozenset(("POST", "PUT", "PATCH"))
_decoder: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])


async def read_success(  # noqa: PLR0917 - an answer, and what is known of it
    answer: Answer, response: Response, call: Call, expected: Expected, attempt: InFlight, holdback: HeldBack
) -> Outcome:
    """Read the start of an answer, or all of it, and judge it."""
    route = attempt.head.route
    if expected.api is not None and (response.status in _WITHOUT_A_BODY or 300 <= response.status < 400):
        return _no_success(response.status)
    if not coding(response.headers) and await _is_stream(answer, response, expected):
        if expected.api is None or expected.shape != "value":
            _label(answer, EVENT_STREAM)
            return await open_stream(answer, response, route, expected.api, attempt, holdback)
        failed = await join(answer, response, expected.api, route.wire.name, WHOLE_LIMIT, attempt)
        return failed or _judged(answer, route, call, expected)
    return await _whole(answer, response) or judge_whole(answer, route, call, expected)


def judge_whole(answer: Answer, route: Route, call: Call, expected: Expected) -> Outcome:
    """Judge an answer that is held as a whole, and give it the shape that was asked for."""
    outcome = _judged(answer, route, call, expected)
    return _in_shape(answer, outcome, route, call, expected) if isinstance(outcome, Committed) else outcome


_WITHOUT_A_BODY: Final = frozenset((204, 205))


def _no_success(status: int) -> Broken:
    """Say that a redirect that was not followed, or nothing, is no answer of a model's."""
    if status in _WITHOUT_A_BODY:
        return Broken("empty", "a success without a body", ErrorClass.SERVER_ERROR, scope="unknown")
    why = f"a redirect ({status}) that cannot be followed"
    return Broken("malformed", why, ErrorClass.SERVER_ERROR, scope="unknown")


async def _is_stream(answer: Answer, response: Response, expected: Expected) -> bool:
    """Tell whether an answer is an event stream: by its label where the API is not known, else by how it begins."""
    is_labelled = media_type(response.headers) == EVENT_STREAM
    if expected.api is None:
        return is_labelled or (expected.shape == "events" and await _begins_as_stream(answer, response))
    if await _begins_as_stream(answer, response):
        return True
    return is_labelled and answer.broken is None and not _JSON_BEGINS.match(b"".join(answer.held))


async def _begins_as_stream(answer: Answer, response: Response) -> bool:
    """Tell whether the first bytes are those of an event stream; they are held."""
    begun = b""
    while True:
        try:
            piece = await response.chunk()
        except ConnectionBroken as failure:
            answer.broken = failure.anew()
            return False
        answer.held.append(piece)
        begun += piece
        if _STREAM_BEGINS.match(begun):
            return True
        if not piece or not _STREAM_MAY_BEGIN.fullmatch(begun):
            return False


def _label(answer: Answer, kind: str) -> None:
    """Say what the answer is, where its server says something else."""
    if media_type(answer.headers) != kind:
        answer.headers = answer.headers.copy()
        answer.headers["content-type"] = kind


# ── Answers that are read whole ─────────────────────────────────────────────────────────────────────────────────────


async def _whole(answer: Answer, response: Response) -> Outcome | None:
    """Read an answer that is no stream; cut short it is a failed attempt."""
    try:
        await gather(answer, response, WHOLE_LIMIT)
    except ConnectionBroken as failure:
        answer.broken, answer.rest = failure.anew(), None
        return Broken(failure.how, failure.detail)
    return None


async def gather(answer: Answer, response: Response, limit: int) -> None:
    """Read into `answer.held` until the end, which leaves no `rest`, or until `limit` bytes are held.

    Raises:
        ConnectionBroken: the answer is not whole.
    """
    if answer.broken is not None:
        raise answer.broken.anew()
    size = answer.size
    while size <= limit:
        piece = await response.chunk()
        if not piece:
            answer.rest = None
            return
        answer.held.append(piece)
        size += len(piece)


def _judged(answer: Answer, route: Route, call: Call, expected: Expected) -> Outcome:
    """Tell whether a whole answer is one. What is fetched may be anything, and a large or coded one is not known."""
    if call.head.method not in _ASKING or answer.rest is not None or coding(answer.headers):
        return Committed(answer.status, answer.headers)
    body = answer.held[0] if len(answer.held) == 1 else b"".join(answer.held)
    return check_success(route.wire.name, expected, answer.status, answer.headers, body, time.time())


def _in_shape(answer: Answer, outcome: Committed, route: Route, call: Call, expected: Expected) -> Outcome:
    """Give a whole answer the shape that was asked for; a large or coded one stays as it is."""
    if expected.shape == "events":
        return _as_events(answer, outcome, route, call, expected.api)
    if expected.api is None or answer.rest is not None or coding(answer.headers):
        return outcome
    _label(answer, _JSON)
    if expected.api is Api.GENERATE and expected.shape == "value":
        return _as_one(answer, outcome)
    return outcome


def _as_one(answer: Answer, outcome: Committed) -> Outcome:
    """Make one response of Gemini's array of them, which nobody asked for."""
    text = b"".join(answer.held)
    if not text.lstrip().startswith(b"["):
        return outcome
    joined = joined_array(text, WHOLE_LIMIT)
    if joined is None:
        return Broken("malformed", "an array that cannot be made one answer", ErrorClass.SERVER_ERROR)
    answer.held = [joined]
    answer.headers = answer.headers.copy()
    answer.headers.popall("content-length", None)
    return outcome


def _as_events(answer: Answer, outcome: Committed, route: Route, call: Call, api: Api | None) -> Outcome:
    """Turn a whole answer into the event stream that was asked for; what is none stays as it is."""
    body = call.body
    written = None
    if answer.rest is None and not coding(answer.headers):
        wants_usage = _wants_usage(body.fields.get("stream_options"))
        written = as_stream(api, b"".join(answer.held), with_usage=wants_usage)
    if written is None:
        if api is not None and answer.rest is None and not coding(answer.headers):
            _label(answer, _JSON)
        if body.continues:
            return Broken("malformed", "no event stream, which alone could be continued", ErrorClass.SERVER_ERROR)
        return outcome
    _label(answer, EVENT_STREAM)
    answer.opened, answer.held = Opened(), []
    answer.opened.events = answer.opened.scanner.feed(written)
    opening = Opening(answer.opened, answer.status, route.wire.name, api, time.time)
    # A whole answer that was checked is good, although its events alone may not show it.
    return outcome if api is not None else opening.verdict() or outcome


def _wants_usage(options: msgspec.Raw | None) -> bool:
    if options is None or len(options) > SMALL:
        return False
    try:
        return bytes(_decoder.decode(options)["include_usage"]) == b"true"
    except (ValueError, KeyError):
        return False
