"""An event stream that nobody asked for → the JSON that was: it is read to its true end, and checked as a whole.

A stream is no answer before it is whole: one that breaks off, fails, ends for a bad reason or cannot be joined is a
failed attempt, of which the client sees nothing.
"""

import contextlib
import time
from typing import Final, Protocol

import msgspec

from switchover_dataplane.attempts.answer import DRAIN_TIME, Answer
from switchover_dataplane.attempts.in_flight import InFlight
from switchover_dataplane.attempts.stream_start import AFTER_THE_END
from switchover_dataplane.classify.refusal import failed_stream
from switchover_dataplane.failover.outcome import Broken, ErrorClass
from switchover_dataplane.formats import lenient_json
from switchover_dataplane.formats.api import Api
from switchover_dataplane.formats.as_whole import ChatJoiner, FailedEvent, SizeBudget, Unjoinable
from switchover_dataplane.formats.native_as_whole import GeneratedJoiner, MessagesJoiner, ResponsesJoiner
from switchover_dataplane.formats.sse import Event, Scanner
from switchover_dataplane.process import turns
from switchover_dataplane.upstream.transport import ConnectionBroken, Response

MOST_BYTES: Final = 64 * 1024 * 1024
"""Bytes of events that are read for one answer, which are some ten times as many as it has itself."""

_array_decoder: Final = msgspec.json.Decoder(list[msgspec.Raw])


class Joiner(Protocol):
    """Joins the events of one API. `is_whole`: the answer ended; `has_ended`: nothing of it follows any more."""

    has_ended: bool

    @property
    def is_whole(self) -> bool: ...  # noqa: D102

    def take(self, data: bytes) -> None: ...  # noqa: D102

    def take_done(self) -> None: ...  # noqa: D102

    def written(self) -> bytes: ...  # noqa: D102


JOINERS: Final[dict[Api, type[ChatJoiner] | type[MessagesJoiner] | type[ResponsesJoiner] | type[GeneratedJoiner]]] = {
    Api.CHAT: ChatJoiner,
    Api.COMPLETIONS: ChatJoiner,
    Api.MESSAGES: MessagesJoiner,
    Api.RESPONSES: ResponsesJoiner,
    Api.GENERATE: GeneratedJoiner,
}


async def join(  # noqa: PLR0917 - an answer, and what is known of it
    answer: Answer, response: Response, api: Api, provider: str, limit: int, attempt: InFlight
) -> Broken | None:
    """Read a stream to its end and hold its answer as one JSON text of up to `limit` bytes; what was read is `held`.

    A failure is returned, and the words of an error are held in the place of the answer.
    """
    joiner = JOINERS[api](SizeBudget(limit)) if api in JOINERS else None
    if joiner is None:
        return _no_answer("an event stream, which the API has not")
    pieces, answer.held = answer.held, []
    try:
        failed = await _read(pieces, response, joiner, provider, answer, attempt)
        if failed is None:
            answer.held = [joiner.written()]
    except Unjoinable as why:
        failed = _no_answer(f"an event stream that cannot be made one answer: {why}")
    except ConnectionBroken as failure:
        failed = Broken(failure.how, failure.detail)
    answer.rest = None
    if failed is None:
        with contextlib.suppress(TimeoutError), attempt.within(DRAIN_TIME):
            await response.drain()
    response.abort()
    answer.headers = answer.headers.copy()
    answer.headers.popall("content-length", None)
    answer.headers["content-type"] = "application/json"
    return failed


def joined_array(text: bytes, limit: int) -> bytes | None:
    """Join the responses of a JSON array, which is Gemini's stream without events.

    None where that cannot be done, or where it has too many values.
    """
    if not lenient_json.has_few_values(text):
        return None
    joiner = GeneratedJoiner(SizeBudget(limit))
    try:
        for response in _array_decoder.decode(text):
            joiner.take(bytes(response))
    except (ValueError, RecursionError, FailedEvent, Unjoinable):
        return None
    return joiner.written()


async def _read(  # noqa: PLR0917 - an answer, and what is known of it
    pieces: list[bytes], response: Response, joiner: Joiner, provider: str, answer: Answer, attempt: InFlight
) -> Broken | None:
    """Read until nothing follows; return why what came is no answer."""
    scanner, size, turn, came_to_end = Scanner(), 0, 0, False
    while True:
        if scanner.is_behind:
            events = scanner.feed(b"")
        elif pieces:
            events = scanner.feed(pieces.pop(0))
        else:
            piece = await _next(response, joiner, attempt)
            size += len(piece)
            came_to_end = not piece
            events = scanner.feed(piece) if piece else scanner.end()
        for event in events:
            if joiner.has_ended:
                break
            failed = _take(event, joiner, provider, answer)
            if failed is not None:
                return failed
        if joiner.has_ended or (came_to_end and not scanner.is_behind):
            break
        if size > MOST_BYTES:
            raise Unjoinable("more than is read of one")
        turn += len(events)
        if turn > turns.EVENTS:
            turn = 0
            await turns.give_way()
    return None if joiner.is_whole else Broken("truncated", "the stream ended without a finish_reason")


async def _next(response: Response, joiner: Joiner, attempt: InFlight) -> bytes:
    """Wait for the next piece; what is whole is not waited for without end."""
    if not joiner.is_whole:
        return await response.chunk()
    try:
        with attempt.within(AFTER_THE_END):
            return await response.chunk()
    except (TimeoutError, ConnectionBroken):
        return b""


def _take(event: Event, joiner: Joiner, provider: str, answer: Answer) -> Broken | None:
    data = event.data
    if data is None:
        if event.is_part:
            raise Unjoinable("an event that is too large to be read")
        return None
    if data.strip() == b"[DONE]":
        joiner.take_done()
        return None
    if event.name == "error":
        return _failed(data, provider, answer)
    try:
        joiner.take(data)
    except FailedEvent:
        return _failed(data, provider, answer)
    except (ValueError, RecursionError):
        if data.lstrip()[:1] == b"{":
            return _no_answer("a chunk that is no JSON")
    return None


def _failed(data: bytes, provider: str, answer: Answer) -> Broken:
    answer.held = [data]
    return Broken(
        "error-event", "an error in a stream that was not asked for", *failed_stream(provider, data, time.time())
    )


def _no_answer(why: str) -> Broken:
    return Broken("malformed", why, ErrorClass.SERVER_ERROR, scope="unknown")
