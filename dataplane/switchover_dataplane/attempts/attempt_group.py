"""The attempts of one request that are open at once, and which of them ends first.

Mostly there is one. Another starts beside it where it is silent for too long.
"""

import asyncio
import contextlib
from collections.abc import Coroutine
from typing import Any

from switchover_dataplane.attempts.in_flight import InFlight, Result
from switchover_dataplane.process.timeouts import Timeouts
from switchover_dataplane.process.waiter import Waiter


class AttemptGroup:
    """The attempts that have not ended, oldest first."""

    __slots__ = ("_timeouts", "_waiter", "open")

    def __init__(self, timeouts: Timeouts) -> None:
        self.open: list[InFlight] = []
        self._timeouts = timeouts
        self._waiter: Waiter | None = None

    def start(self, attempt: InFlight, coroutine: Coroutine[Any, Any, Result]) -> None:
        """Begin an attempt beside those that are open."""
        self.open.append(attempt)
        attempt.start(coroutine, self._wake)

    async def next_ended(self, left: float | None = None) -> InFlight | None:
        """Wait until an attempt ends, and return it, which is open no longer; None if none does in `left` seconds."""
        ended = self.take_ended()
        if ended is None:
            await self.waiter(left)
            ended = self.take_ended()
        return ended

    def waiter(self, left: float | None, limit: float = 0.0) -> Waiter:
        """Return what is awaited until an attempt ends, for `left` seconds at most, which are left of a `limit`."""
        loop = asyncio.get_running_loop()
        self._waiter = waiter = Waiter(loop)
        if left is not None:
            waiter.timeout = self._timeouts.at(loop.time() + max(0.0, left), limit, waiter.wake)
        return waiter

    def take_ended(self) -> InFlight | None:
        """Return an attempt that has ended, which is open no longer; None if there is none."""
        for attempt in self.open:
            if attempt.has_ended:
                self.open.remove(attempt)
                return attempt
        return None

    def cancel(self, attempt: InFlight) -> None:
        """Close an attempt whose outcome is not waited for any more."""
        self.open.remove(attempt)
        if not attempt.has_ended:
            attempt.cancel()
            return
        with contextlib.suppress(Exception):
            answer = attempt.result[1]
            if answer is not None:
                answer.abort()

    def _wake(self) -> None:
        if self._waiter is not None:
            self._waiter.wake()
