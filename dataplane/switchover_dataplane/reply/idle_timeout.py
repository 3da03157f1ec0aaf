"""An answer that is read on, and given up where its target is silent for too long while it is waited for.

Time in which the client takes what came is not the target's: a slow client never makes a model look silent. One timer
serves the whole stream, as it nearly never has to do anything.
"""

import asyncio
from collections.abc import Callable

from switchover_dataplane.upstream.transport import Response


class Watched:
    """Reads `rest`; closes it when nothing was `heard` for as long as was said last (seconds, 0: no limit).

    Before it is closed `longer` is asked for another limit, None if there is none. `barked` tells that it was closed,
    `limit` what the limit was, and `waited` how many seconds were waited for the target in all.
    """

    __slots__ = ("_longer", "_loop", "_quiet", "_rest", "_timer", "_waiting_since", "barked", "limit", "waited")

    def __init__(self, rest: Response, limit: float, longer: Callable[[], float | None]) -> None:
        self.barked = False
        self.waited = 0.0
        self._longer = longer
        self._rest = rest
        self._loop = asyncio.get_running_loop()
        self._quiet = 0.0
        self._waiting_since: float | None = None
        self._timer: asyncio.TimerHandle | None = None
        self.limit = limit
        self._look()

    async def piece(self) -> bytes:
        """Return the next piece of the body, b"" at its end.

        Raises:
            ConnectionBroken: the body is not whole, or it was given up.
        """
        began = self._waiting_since = self._loop.time()
        try:
            return await self._rest.chunk()
        finally:
            self._waiting_since = None
            waited = self._loop.time() - began
            self._quiet += waited
            self.waited += waited

    def heard(self, limit: float) -> None:
        """Begin to count anew, up to `limit` seconds."""
        self._quiet = 0.0
        if limit != self.limit:
            self.limit = limit
            self.stop()
            self._look()

    def stop(self) -> None:
        """Watch no longer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        self._timer = None
        if not self.limit:
            return
        waited = self._loop.time() - self._waiting_since if self._waiting_since is not None else 0.0
        left = self.limit - self._quiet - waited
        if left > 0 or self._waiting_since is None:
            self._timer = self._loop.call_later(left if left > 0 else self.limit, self._look)
            return
        longer = self._longer()
        if longer is not None and longer != self.limit:
            self.limit = longer
            self._look()
            return
        self.barked = True
        self._rest.abort()
