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

    def send_plain(self, event: bytes, data: bytes, now: float) -> bool:
        """Send one event with this data if it is text alone, while the transcript `is_plain`; another one of the turn.

        Returns:
            Whether it was; any other event is to be taken.

        Raises:
            Interruption: the event could not be read.
            ConnectionResetError: the client left.
        """
        try:
            if not self._transcript.take_plain(data):
                return False
        except Exception as error:  # noqa: BLE001 - whatever it is, the answer broke off here
            raise Interruption("malformed", unreadable(error, self.attempt.target)) from None
        self.turn += 1
        sent = self.redaction.body(event)
        self.written_at = now
        self.attempt.bytes += len(sent)
        self.connection.put(sent)
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
