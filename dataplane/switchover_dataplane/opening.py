"""The start of an event stream → whether it is an answer. What fails up to its first content costs the caller nothing.

With `streamRecovery: Holdback` the start is longer: the first tokens, or what comes in the first moments.
"""

import asyncio
import time
from dataclasses import dataclass
from math import inf
from typing import Final

from switchover_dataplane import calls, responses_chunk, turns
from switchover_dataplane.answer import Answer, Opened
from switchover_dataplane.api import Api
from switchover_dataplane.chunk import read
from switchover_dataplane.classify import failed_stream
from switchover_dataplane.finish_reasons import Finish
from switchover_dataplane.meaning import Chunk, Dialect, Meaning, dialect_of
from switchover_dataplane.outcome import Broken, Committed, ErrorClass, Outcome
from switchover_dataplane.stream import Event
from switchover_dataplane.table import Holdback
from switchover_dataplane.targets import Route
from switchover_dataplane.transport import ConnectionBroken, Response

AFTER_THE_END: Final = 4.0
"""Seconds of silence behind a `finish_reason` after which nothing more is waited for."""

HELD_LIMIT: Final = 1024 * 1024
"""Bytes of whole events that are held without any content: if a model thinks aloud they are handed on as they come."""

MOST_HELD: Final = 50_000
"""Events that are held without any content, which cost far more than their bytes."""


class Pulse:
    """When an attempt last showed that its model works on an answer, though none of it came; 0.0: not yet."""

    __slots__ = ("at",)

    def __init__(self) -> None:
        self.at = 0.0


@dataclass(frozen=True, slots=True)
class HeldBack:
    """How much of a stream is part of its attempt beside the first content.

    `first` is the first content of all (FailoverPolicy `holdback`). Tool calls are held back unless `call_silence` is
    None: the seconds that a target may be silent in one, 0 for no limit.
    """

    first: Holdback | None = None
    call_silence: float | None = None


NOT_HELD: Final = HeldBack()


class Opening:
    """Judges the events of `opened` one after the other, until one of them decides.

    `api` is what was asked for, None where the form of its answers is not known. With `holds_calls` a part of a tool
    call decides nothing yet.
    """

    __slots__ = (
        "_api",
        "_called",
        "_contents",
        "_counted",
        "_dialect",
        "_holds_calls",
        "_judged",
        "_known",
        "_open",
        "_opened",
        "_provider",
        "_status",
        "_strange",
        "_thought",
        "_wanted",
        "has_ended",
        "idle",
        "is_whole",
        "works",
    )

    def __init__(
        self, opened: Opened, status: int, provider: str, api: Api | None, *, holds_calls: bool = False
    ) -> None:
        self._opened = opened
        self._status = status
        self._provider = provider
        self._known = dialect_of(api)
        self._api = opened.api = api if self._known is not None else None
        self._dialect = self._known or Dialect.OTHER
        self._judged = 0
        self._contents = 0
        self._counted = False
        self._thought = False
        self._strange = b""
        self._wanted: float = 1
        self._holds_calls = holds_calls and self._known is not None
        self._open: set[int] = set()
        self._called = 0
        self.has_ended = False
        self.idle = 0
        self.is_whole = False
        self.works = False

    @property
    def is_within_a_call(self) -> bool:
        """Whether a part of a tool call came, and not yet all of it."""
        return bool(self._open)

    def hold_back(self, tokens: int) -> None:
        """Want so many events of content, 0: without a number."""
        self._wanted = tokens or inf

    def verdict(self) -> Outcome | None:
        """Tell what the events decide that were not judged yet, None if nothing."""
        events = self._opened.events
        while self._judged < len(events):
            event = events[self._judged]
            self._judged += 1
            outcome = self._take(event, read(event, self._api))
            if outcome is not None:
                return outcome
        # The Responses API repeats the request in its first events.
        limit = 16 * HELD_LIMIT if self._dialect is Dialect.RESPONSES and not self._called else HELD_LIMIT
        held = self._called or self.idle
        return self._too_much() if held > limit or len(events) > MOST_HELD else None

    def _take(self, event: Event, chunk: Chunk) -> Outcome | None:
        """Tell what the next event decides, None if nothing."""
        self.idle += len(event.raw)
        if chunk.dialect is not None and chunk.dialect is not self._dialect:
            if self._known is not None:
                # An event of another API: whatever it says, it is nothing of the answer.
                self._strange = event.data or self._strange
                return None
            if self._dialect is Dialect.OTHER:
                self._dialect = chunk.dialect
        match chunk.meaning:
            case Meaning.CONTENT | Meaning.FINISH | Meaning.LIFE:
                return self._heard(event, chunk)
            case Meaning.THINKING:
                self.works = self._thought = True
                self._count_call(event)
            case Meaning.UNKNOWN | Meaning.MALFORMED:
                self._strange = event.data or b""
            case Meaning.ERROR:
                return self._failed(event.data or b"")
            case Meaning.GARBLED:
                return Broken("malformed", "a chunk that is no JSON", ErrorClass.SERVER_ERROR)
            case Meaning.DONE:
                has_any = self._contents or self._thought
                self.is_whole = self.is_whole or bool(chunk.finished and has_any) or self._is_done()
                return self.at_end()
        return None

    def _heard(self, event: Event, chunk: Chunk) -> Outcome | None:
        """Take an event of the answer's own form."""
        self._counted = self._counted or chunk.counted
        if chunk.calls and self._holds_calls:
            self._open.update(chunk.calls)
        self._count_call(event)
        if chunk.meaning is Meaning.CONTENT:
            self._contents += 1
            self.has_ended = False
            self.works = self.works or bool(self._open)
        if chunk.closed:
            self._open.difference_update(chunk.closed)
        if chunk.finished:
            self._end_calls(chunk)
            self.has_ended = True
            self.is_whole = self._is_an_answer(event, chunk)
        if self._open:
            return None
        if self.is_whole or self._contents >= self._wanted:
            return Committed(self._status)
        if self.has_ended and self._counted and not self._contents:
            self.is_whole = True
            return Committed(self._status)
        return None

    def _end_calls(self, chunk: Chunk) -> None:
        if self._dialect is Dialect.CHAT:
            self._open.difference_update(chunk.finished)
        else:
            self._open.clear()

    def _count_call(self, event: Event) -> None:
        self._called = self._called + len(event.raw) if self._open else 0

    def _is_an_answer(self, event: Event, chunk: Chunk) -> bool:
        """Tell whether an answer that ends has anything in it, be it tokens that nobody sees."""
        if self._known is None or self._contents or self._thought or self._counted:
            return True
        if chunk.finish is not Finish.ENDED:
            return True
        return self._dialect is Dialect.RESPONSES and responses_chunk.has_output(event.data or b"")

    def _is_done(self) -> bool:
        """Tell whether a stream that says that it is done is whole, though it gave no reason for its end."""
        if self._known is not Dialect.CHAT or not self._contents:
            return False
        return calls.are_whole(self._opened.events) if self._open else self._counted

    def at_end(self) -> Outcome:
        """Tell what an orderly end decides."""
        if self.is_whole or (self._dialect is Dialect.OTHER and self._contents):
            return Committed(self._status)
        if not self._contents:
            return self._empty()
        return Broken("truncated", "the stream ended without a finish_reason")

    def _empty(self) -> Outcome:
        """Say that there was no answer; what came instead of one may tell why."""
        detail = "the stream ended before any content"
        if not self._strange:
            return Broken("empty", detail, ErrorClass.SERVER_ERROR, concerns="unknown")
        return Broken("empty", detail, *failed_stream(self._provider, self._strange, time.time()))

    def _failed(self, data: bytes) -> Outcome:
        self._opened.error = data
        return Broken(
            "error-event", "the stream began with an error", *failed_stream(self._provider, data, time.time())
        )

    def _too_much(self) -> Outcome:
        """Hold no more: what has content or thoughts in it is handed on, and what has none is no answer."""
        if self._contents or self._thought:
            return Committed(self._status)
        return Broken("malformed", "more than is held of a stream, without any content", ErrorClass.SERVER_ERROR)


async def open_stream(
    answer: Answer, response: Response, route: Route, api: Api | None, *, pulse: Pulse, holdback: HeldBack
) -> Outcome:
    """Read a stream until its start is judged; what was read is `answer.opened`. `held` is what was read before."""
    answer.opened = opened = Opened()
    for piece in answer.held:
        opened.events += opened.scanner.feed(piece)
    opening = Opening(opened, response.status, route.wire.name, api, holds_calls=holdback.call_silence is not None)
    reading = _Reading(answer, response, opened, opening, pulse, holdback.call_silence or None)
    outcome = await reading.read_on()
    first = holdback.first
    if first is not None and isinstance(outcome, Committed) and not opening.is_whole and answer.rest is not None:
        opening.hold_back(first.tokens)
        try:
            async with asyncio.timeout(first.time or None):
                outcome = await reading.read_on()
        except TimeoutError:
            pass
    if isinstance(outcome, Committed):
        answer.held.clear()
        return Committed(response.status, response.headers)
    return outcome


@dataclass(slots=True)
class _Reading:
    """What is read on, until it is judged. `call_silence` is in seconds, None for no limit."""

    answer: Answer
    response: Response
    opened: Opened
    opening: Opening
    pulse: Pulse
    call_silence: float | None

    async def read_on(self) -> Outcome:
        """Read until an outcome is there."""
        answer, opened, opening = self.answer, self.opened, self.opening
        try:
            while (outcome := opening.verdict()) is None:
                if opening.works:
                    opening.works = False
                    self.pulse.at = asyncio.get_running_loop().time()
                piece = b"" if opened.scanner.is_behind else await self._piece()
                if piece is None:
                    outcome = self._given_up()
                    break
                if not piece and not opened.scanner.is_behind:
                    answer.rest = None
                    opened.events += opened.scanner.end()
                    outcome = opening.verdict() or opening.at_end()
                    break
                if piece:
                    answer.held.append(piece)
                await _feed(opened, piece)
        except ConnectionBroken as failure:
            answer.broken, answer.rest = failure, None
            return Broken(failure.how, failure.detail)
        if isinstance(outcome, Broken):
            # Handed on all the same, under a policy that says so, it must not look whole.
            answer.broken = ConnectionBroken("truncated", outcome.detail)
        return outcome

    async def _piece(self) -> bytes | None:
        """Return the next piece, b"" at the end; None if none came in time where silence has a limit."""
        if self.opening.has_ended:
            limit: float | None = AFTER_THE_END
        elif self.opening.is_within_a_call:
            limit = self.call_silence
        else:
            return await self.response.chunk()
        try:
            async with asyncio.timeout(limit):
                return await self.response.chunk()
        except TimeoutError:
            return None

    def _given_up(self) -> Outcome:
        self.answer.abort()
        if self.opening.has_ended:
            return self.opening.at_end()
        return Broken("stalled", f"no sign of life for {self.call_silence:g}s within a tool call", ErrorClass.SILENT)


async def _feed(opened: Opened, piece: bytes) -> None:
    """Add the events of a piece; whoever judges more than one turn is for gives way first."""
    events = opened.scanner.feed(piece)
    opened.events += events
    opened.turn += len(events)
    if opened.turn > turns.EVENTS:
        opened.turn = len(events)
        await turns.give_way()
