"""An event stream that is read on until its start is judged, as far as it is part of the attempt.

With `streamRecovery: Holdback` the start is longer: the first tokens, or what comes in the first moments.
"""

import asyncio
import time
from dataclasses import dataclass
from typing import Final

from switchover_dataplane.attempts.answer import Answer
from switchover_dataplane.attempts.in_flight import InFlight
from switchover_dataplane.failover.outcome import Broken, Committed, ErrorClass, Outcome
from switchover_dataplane.formats.api import Api
from switchover_dataplane.process import turns
from switchover_dataplane.request.limits import HeldBack
from switchover_dataplane.streams.opened import Opened
from switchover_dataplane.streams.opening import Opening
from switchover_dataplane.upstream.targets import Route
from switchover_dataplane.upstream.transport import ConnectionBroken, Response

AFTER_THE_END: Final = 4.0
"""Seconds of silence behind a `finish_reason` after which nothing more is waited for."""


async def open_stream(  # noqa: PLR0917 - an answer, and what is known of it
    answer: Answer, response: Response, route: Route, api: Api | None, attempt: InFlight, holdback: HeldBack
) -> Outcome:
    """Read a stream until its start is judged; what was read is `answer.opened`. `held` is what was read before."""
    answer.opened = opened = Opened()
    for piece in answer.held:
        opened.events += opened.scanner.feed(piece)
    opening = Opening(
        opened, response.status, route.wire.name, api, time.time, holds_calls=holdback.call_silence is not None
    )
    reading = _Reading(answer, response, opened, opening, attempt, holdback.call_silence or None)
    outcome = await reading.read_on()
    first = holdback.first
    if first is not None and isinstance(outcome, Committed) and not opening.is_whole and answer.rest is not None:
        opening.hold_back(first.tokens)
        try:
            with attempt.within(first.time or None):
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
    attempt: InFlight
    call_silence: float | None

    async def read_on(self) -> Outcome:
        """Read until an outcome is there."""
        answer, opened, opening = self.answer, self.opened, self.opening
        try:
            while (outcome := opening.verdict()) is None:
                if opening.works:
                    opening.works = False
                    self.attempt.works_since = asyncio.get_running_loop().time()
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
            answer.broken, answer.rest = failure.anew(), None
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
            with self.attempt.within(limit):
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
