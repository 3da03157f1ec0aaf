"""An answer that is read on, and given up where its target is silent for too long while it is waited for.

Time in which the client takes what came is not the target's: a slow client never makes a model look silent. One timer
serves the whole stream, as it nearly never has to do anything.
"""

import asyncio
from collections.abc import Callable

from switchover_dataplane.upstream.transport import Response


class IdleTimeout:
    """Closes `rest` when it was waited for `limit` seconds without any news, 0 for no limit.

    The reader sets `waiting_since` to the event loop's time while it waits, None for as long as it does not. Before
    `rest` is closed `longer` is asked for another limit, None if there is none. `timed_out` tells that it was closed.
    """

    __slots__ = ("_longer", "_loop", "_rest", "_timer", "limit", "timed_out", "waiting_since")

    def __init__(self, rest: Response, limit: float, longer: Callable[[], float | None]) -> None:
        self.limit = limit
        self.timed_out = False
        self.waiting_since: float | None = None
        self._longer = longer
        self._rest = rest
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._look()

    def change(self, limit: float) -> None:
        """Set another limit."""
        self.limit = limit
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
        since = self.waiting_since
        left = self.limit if since is None else since + self.limit - self._loop.time()
        if left > 0:
            self._timer = self._loop.call_later(left, self._look)
            return
        longer = self._longer()
        if longer is not None and longer != self.limit:
            self.limit = longer
            self._look()
            return
        self.timed_out = True
        self._rest.abort()
