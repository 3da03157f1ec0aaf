"""The rest of an event stream that is read to its end, as long as its target is not silent for too long.

In the steady state the events are handed on where the target's connection receives them. A task wakes up only for a
turn, for a client that takes too little, while a tool call is held back, and around the end.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from switchover_dataplane.attempts.stream_start import AFTER_THE_END
from switchover_dataplane.formats.sse import Event, Scanner
from switchover_dataplane.reply.delivery import Delivery
from switchover_dataplane.reply.idle_timeout import IdleTimeout
from switchover_dataplane.streams.transcript import Interruption, Transcript
from switchover_dataplane.upstream.transport import ConnectionBroken, Response

AFTER_DONE: Final = 1.0
"""Seconds of silence after which the end of a body is not waited for whose last event came."""

KEEP_ALIVE: Final = 10.0
"""Seconds without a byte for the client after which a comment is sent while a tool call is held back."""

_HELD_BACK: Final = "switchover: a tool call is held back until it is whole"
_AT_ONCE: Final = 0.001


class Reading:
    """Reads `rest` and has its events delivered.

    The target may be silent for `limit` seconds, 0 for no limit. `longer` returns another limit where a cut could only
    destroy the answer, None where not.
    """

    __slots__ = (
        "_delivery",
        "_failure",
        "_idle",
        "_late",
        "_limit",
        "_loop",
        "_rest",
        "_scanner",
        "_settled_at",
        "_transcript",
        "_waited",
    )

    def __init__(  # noqa: PLR0917 - what is read, where it goes, and how long its target may be silent
        self,
        rest: Response,
        scanner: Scanner,
        transcript: Transcript,
        delivery: Delivery,
        limit: float,
        longer: Callable[[], float | None],
    ) -> None:
        self._delivery = delivery
        self._failure: Exception | None = None
        self._late: Sequence[Event] = ()
        self._limit = limit
        self._loop = asyncio.get_running_loop()
        self._rest = rest
        self._scanner = scanner
        self._settled_at: float | None = None
        self._transcript = transcript
        self._waited = 0.0
        self._idle = IdleTimeout(rest.abort, self._idle_limit(), longer)

    async def to_its_end(self) -> None:
        """Read until the body ended in an orderly way.

        Raises:
            Interruption: the answer broke off, or its target was silent for too long; all that was good of it was sent.
            Mismatch: it does not continue what was sent.
            ConnectionBroken: the body is not whole.
            ConnectionResetError: the client left.
        """
        transcript, scanner, idle = self._transcript, self._scanner, self._idle
        try:
            while True:
                if scanner.is_behind:
                    await self._delivery.take(scanner.feed(b""))
                elif transcript.is_holding or transcript.is_settled:
                    piece = await self._piece()
                    if not piece:
                        return
                    await self._delivery.take(scanner.feed(piece))
                elif not await self._push():
                    return
                limit = self._idle_limit()
                if limit != idle.limit:
                    idle.change(limit)
        except ConnectionBroken:
            if not idle.timed_out or transcript.is_settled:
                raise
            raise Interruption("stalled", f"no sign of life for {idle.patience:g}s (streamIdleTimeout)") from None
        finally:
            idle.stop()

    # ── A piece when it comes ───────────────────────────────────────────────────────────────────────────────────────

    async def _push(self) -> bool:
        """Have the pieces delivered when they come, until something else is due; return whether more may come."""
        self._idle.waiting_since = self._loop.time()
        may_go_on = await self._rest.push(self._take_now)
        self._idle.waiting_since = None
        failure, self._failure = self._failure, None
        if failure is not None:
            try:
                raise failure
            finally:
                del failure  # it holds this frame
        late, self._late = self._late, ()
        if late:
            await self._delivery.take(late)
        await self._delivery.drained()
        return may_go_on

    def _take_now(self, piece: bytes) -> bool:
        """Deliver a piece at once; return whether the next one can be taken in the same way."""
        scanner, delivery, transcript = self._scanner, self._delivery, self._transcript
        self._idle.waiting_since = now = self._loop.time()
        try:
            if transcript.is_plain and not scanner.held and delivery.send_alike(piece, now):
                return not delivery.connection.paused
            events = scanner.feed(piece)
            if not delivery.take_now(events, now):
                self._late = events
                return False
        except Exception as failure:  # noqa: BLE001 - raised in the task
            self._failure = failure
            return False
        if delivery.connection.paused or scanner.is_behind:
            return False
        return transcript.is_plain or not (transcript.is_holding or transcript.is_settled)

    # ── A piece that is waited for ──────────────────────────────────────────────────────────────────────────────────

    async def _piece(self) -> bytes:
        """Return the next piece of the body, b"" at its end."""
        began = self._idle.waiting_since = self._loop.time()
        piece = await (self._piece_of_a_call() if self._transcript.is_holding else self._rest.chunk())
        self._idle.waiting_since = None
        self._waited += self._loop.time() - began
        return piece

    async def _piece_of_a_call(self) -> bytes:
        """Return the same; meanwhile comments show the client that its connection lives."""
        delivery = self._delivery
        while True:
            try:
                async with asyncio.timeout_at(delivery.written_at + KEEP_ALIVE):
                    return await self._rest.chunk()
            except TimeoutError:
                delivery.written_at = self._loop.time()
            if delivery.is_between_events:
                await delivery.write(self._transcript.comment(_HELD_BACK))

    def _idle_limit(self) -> float:
        """Return how many seconds the target may be silent now, 0 for no limit."""
        transcript, limit = self._transcript, self._limit
        if not transcript.is_settled:
            self._settled_at = None
            return limit
        if self._settled_at is None:
            self._settled_at = self._waited
        most = AFTER_DONE if transcript.done_sent else AFTER_THE_END
        # Whoever goes on without content behind the end is not waited for without end.
        return max(_AT_ONCE, min(most, self._settled_at + limit - self._waited)) if limit else most
