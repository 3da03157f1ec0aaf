"""The events of an answer → the client, a turn at a time and at the pace at which the client takes them.

What the events mean is `transcript.py`'s. The bytes pass through as they came.
"""

import asyncio
from collections.abc import Sequence
from typing import Final

from switchover_dataplane.attempts.unreadable import unreadable
from switchover_dataplane.edge.sending import Sending
from switchover_dataplane.formats.sse import Event
from switchover_dataplane.process import turns
from switchover_dataplane.streams.splice import Mismatch
from switchover_dataplane.streams.transcript import Interruption, Transcript
from switchover_dataplane.telemetry import trace
from switchover_dataplane.upstream.redaction import Redaction

_EVENT_ENDS: Final = (b"\n\n", b"\r\n\r\n", b"\r\r")


class Delivery:
    """Sends what the transcript makes of the events of `attempt`, without what `redaction` replaces.

    `written_at` is the event loop's time of the last bytes for the client. `is_between_events`: another event may be
    written now, as the client is not in the middle of one. `turn` counts the events since others had their turn.
    """

    __slots__ = (
        "_loop",
        "_transcript",
        "attempt",
        "connection",
        "is_between_events",
        "redaction",
        "turn",
        "written_at",
    )

    def __init__(
        self, connection: Sending, transcript: Transcript, attempt: trace.Attempt, redaction: Redaction
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._transcript = transcript
        self.turn = 0
        self.attempt = attempt
        self.connection = connection
        self.is_between_events = True
        self.redaction = redaction
        self.written_at = self._loop.time()

    async def take(self, events: Sequence[Event]) -> None:
        """Send what of the events is for the client, all at once; they are no more than one turn is for.

        Raises:
            Interruption: the answer broke off; all that was good of it was sent.
            Mismatch: it does not continue what was sent.
            ConnectionResetError: the client left.
        """
        if not self.take_now(events, self._loop.time()):
            self.turn = 0
            await turns.give_way()
            self.take_now(events, self._loop.time())
        await self.drained()

    def take_now(self, events: Sequence[Event], now: float) -> bool:
        """Send the same without waiting; return False, and send nothing, if the next turn has to come first.

        `now` is the event loop's time. It raises as `take`.
        """
        turn = self.turn + len(events)
        if turn > turns.EVENTS and self.turn:
            return False
        self.turn = turn
        transcript, taken = self._transcript, b""
        try:
            for event in events:
                taken += transcript.take(event)
                if event.is_part or not self.is_between_events:
                    self.is_between_events = not event.is_part or event.raw.endswith(_EVENT_ENDS)
        except (Interruption, Mismatch):
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, the answer broke off here
            raise Interruption("malformed", unreadable(error, self.attempt.target)) from None
        finally:
            if taken:
                taken = self.redaction.body(taken)
                self.written_at = now
                self.attempt.bytes += len(taken)
                self.connection.put(taken)
        return True

    def send_alike(self, piece: bytes, now: float) -> bool:
        """Send a piece whose events differ from one before them in their text alone; return whether it was sent.

        `take_now` is for any other one. Such events are read as bytes, so that they do not count for the turn beside
        their bytes. The transcript `is_plain`, and nothing of an event is held before the piece.

        Raises:
            Interruption: the events could not be read.
            ConnectionResetError: the client left.
        """
        try:
            if not self._transcript.take_alike(piece):
                return False
        except Exception as error:  # noqa: BLE001 - whatever it is, the answer broke off here
            raise Interruption("malformed", unreadable(error, self.attempt.target)) from None
        piece = self.redaction.body(piece)
        self.written_at = now
        self.attempt.bytes += len(piece)
        self.connection.put(piece)
        return True

    async def drained(self) -> None:
        """Wait while the client takes too little.

        Raises:
            ConnectionResetError: it left.
        """
        if self.connection.paused:
            await self.connection.drained()

    async def write(self, data: bytes) -> None:
        """Send something between the events.

        Raises:
            ConnectionResetError: the client left.
        """
        if data:
            await self.connection.write(data)
            self.attempt.count(len(data))
