"""The start of an event stream → whether it is an answer. What fails up to its first content costs the caller nothing.

With `streamRecovery: Holdback` the start is longer: the first tokens, or what comes in the first moments.
"""

import asyncio
import time
from math import inf
from typing import Final

from switchover_dataplane import turns
from switchover_dataplane.answer import Answer, Opened
from switchover_dataplane.api import Api
from switchover_dataplane.chunk import read
from switchover_dataplane.classify import failed_stream
from switchover_dataplane.meaning import Dialect, Meaning
from switchover_dataplane.outcome import Broken, Committed, ErrorClass, Outcome
from switchover_dataplane.table import Holdback
from switchover_dataplane.targets import Route
from switchover_dataplane.transport import ConnectionBroken, Response

HELD_LIMIT: Final = 1024 * 1024
"""Bytes of whole events that are held without any content: if a model thinks aloud they are handed on as they come."""

MOST_HELD: Final = 50_000
"""Events that are held without any content, which cost far more than their bytes."""


class Pulse:
    """When an attempt last showed that its model works on an answer, though none of it came; 0.0: not yet."""

    __slots__ = ("at",)

    def __init__(self) -> None:
        self.at = 0.0


class Opening:
    """Judges the events of `opened` one after the other, until one of them decides."""

    __slots__ = (
        "_api",
        "_contents",
        "_dialect",
        "_judged",
        "_opened",
        "_provider",
        "_status",
        "_thought",
        "_wanted",
        "idle",
        "is_whole",
        "thinks",
    )

    def __init__(self, opened: Opened, status: int, provider: str, api: Api | None) -> None:
        self._opened = opened
        self._status = status
        self._provider = provider
        self._api = api
        self._dialect = Dialect.OTHER
        self._judged = 0
        self._contents = 0
        self._thought = False
        self._wanted: float = 1
        self.idle = 0
        self.is_whole = False
        self.thinks = False

    def hold_back(self, tokens: int) -> None:
        """Want so many events of content, 0: without a number."""
        self._wanted = tokens or inf

    def verdict(self) -> Outcome | None:
        """Tell what the events decide that were not judged yet, None if nothing."""
        events = self._opened.events
        while self._judged < len(events):
            event = events[self._judged]
            self._judged += 1
            chunk = read(event)
            self.idle += len(event.raw)
            if self._dialect is Dialect.OTHER and chunk.dialect is not None:
                self._dialect = chunk.dialect
            match chunk.meaning:
                case Meaning.THINKING:
                    self.thinks = self._thought = True
                case Meaning.CONTENT | Meaning.FINISH:
                    self._contents += 1
                    self.is_whole = self.is_whole or bool(chunk.finished)
                    if self.is_whole or self._contents >= self._wanted:
                        return Committed(self._status)
                case Meaning.ERROR:
                    return self._failed(event.data or b"")
                case Meaning.GARBLED:
                    return Broken("malformed", "a chunk that is no JSON", ErrorClass.SERVER_ERROR)
                case Meaning.DONE:
                    self.is_whole = self.is_whole or bool(chunk.finished)
                    return self.at_end()
        # The Responses API repeats the request in its first events.
        limit = 16 * HELD_LIMIT if self._dialect is Dialect.RESPONSES else HELD_LIMIT
        return self._too_much() if self.idle > limit or len(events) > MOST_HELD else None

    def at_end(self) -> Outcome:
        """Tell what an orderly end decides."""
        if not self._contents:
            return Broken("empty", "the stream ended before any content", ErrorClass.SERVER_ERROR)
        if self.is_whole or self._dialect is Dialect.OTHER:
            return Committed(self._status)
        return Broken("truncated", "the stream ended without a finish_reason")

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
    answer: Answer, response: Response, route: Route, api: Api | None, *, pulse: Pulse, holdback: Holdback | None
) -> Outcome:
    """Read a stream until its start is judged; what was read is `answer.opened`. `held` is what was read before."""
    answer.opened = opened = Opened()
    for piece in answer.held:
        opened.events += opened.scanner.feed(piece)
    opening = Opening(opened, response.status, route.wire.name, api)
    outcome = await _read_on(answer, response, opened, opening, pulse)
    if holdback is not None and isinstance(outcome, Committed) and not opening.is_whole and answer.rest is not None:
        opening.hold_back(holdback.tokens)
        try:
            async with asyncio.timeout(holdback.time or None):
                outcome = await _read_on(answer, response, opened, opening, pulse)
        except TimeoutError:
            pass
    if isinstance(outcome, Committed):
        answer.held.clear()
        return Committed(response.status, response.headers)
    return outcome


async def _feed(opened: Opened, piece: bytes) -> None:
    """Add the events of a piece; whoever judges more than one turn is for gives way first."""
    events = opened.scanner.feed(piece)
    opened.events += events
    opened.turn += len(events)
    if opened.turn > turns.EVENTS:
        opened.turn = len(events)
        await turns.give_way()


async def _read_on(answer: Answer, response: Response, opened: Opened, opening: Opening, pulse: Pulse) -> Outcome:
    try:
        while (outcome := opening.verdict()) is None:
            if opening.thinks:
                opening.thinks = False
                pulse.at = asyncio.get_running_loop().time()
            piece = b"" if opened.scanner.is_behind else await response.chunk()
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
