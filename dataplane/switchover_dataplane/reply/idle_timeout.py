"""An answer that is read on, and given up where its target is silent for too long while it is waited for.

Time in which the client takes what came is not the target's: a slow client never makes a model look silent. One timer
serves the whole stream, as it nearly never has to do anything.
"""

import asyncio
from collections.abc import Callable
from math import inf


class IdleTimeout:
    """Calls `give_up` when an answer was waited for `limit` seconds without any news, 0 for no limit.

    The reader sets `waiting_since` to the event loop's time while it waits, None for as long as it does not. Before the
    answer is given up `longer` is asked for another limit for this one silence, None if there is none. `patience` is
    the limit of the last silence. `timed_out` tells that the answer was given up.
    """

    __slots__ = (
        "_give_up",
        "_lengthened",
        "_longer",
        "_loop",
        "_timer",
        "limit",
        "patience",
        "timed_out",
        "waiting_since",
    )

    def __init__(self, give_up: Callable[[], None], limit: float, longer: Callable[[], float | None]) -> None:
        self.limit = self.patience = limit
        self.timed_out = False
        self._lengthened: float | None = None
        self.waiting_since: float | None = None
        self._longer = longer
        self._give_up = give_up
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._look()

    def change(self, limit: float) -> None:
        """Set another limit."""
        self.limit = limit
        self._lengthened = None
        self.stop()
        self._look()

    def stop(self) -> None:
        """Look no longer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        self._timer = None
        if not self.limit:
            return
        left = self._left()
        if left > 0:
            # The reader does not say when a longer limit has ended with its silence, so this looks as often as ever.
            self._timer = self._loop.call_later(min(left, self.limit), self._look)
            return
        self.timed_out = True
        self._give_up()

    def _left(self) -> float:
        """Return how many seconds of the silence are left."""
        since = self.waiting_since
        if since is None or since != self._lengthened:
            self.patience, self._lengthened = self.limit, None
        if since is None:
            return self.limit
        left = since + self.patience - self._loop.time()
        if left > 0 or self._lengthened is not None:
            return left
        longer = self._longer()
        if longer is None or longer == self.limit:
            return left
        self.patience, self._lengthened = longer or inf, since
        return since + self.patience - self._loop.time()
