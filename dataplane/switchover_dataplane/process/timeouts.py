"""Time-outs that hardly ever come: many requests share one timer of the event loop.

Requests with the same limit in seconds reach it in the order in which they began, so that only the first of them needs
a timer. Adding one and taking it back cost two changes of a dictionary.
"""

import asyncio
from collections.abc import Callable


class Timeout:
    """Calls back once when its time has come, unless it is cancelled before."""

    __slots__ = ("_row", "callback", "due")

    def __init__(self, row: "_Row", due: float, callback: Callable[[], None]) -> None:
        self._row = row
        self.due = due
        self.callback = callback

    def cancel(self) -> None:
        """Do not call back."""
        self._row.waiting.pop(self, None)


class _Row:
    """The time-outs of one length: `waiting` holds them in the order in which they are due."""

    __slots__ = ("_loop", "_timer", "last", "waiting")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._timer: asyncio.TimerHandle | None = None
        self.last = 0.0
        self.waiting: dict[Timeout, None] = {}

    def add(self, due: float, callback: Callable[[], None]) -> Timeout:
        made = Timeout(self, due, callback)
        self.last = due
        self.waiting[made] = None
        if self._timer is None:
            self._timer = self._loop.call_at(due, self._fire)
        return made

    def _fire(self) -> None:
        self._timer = None
        now = self._loop.time()
        while self.waiting:
            first = next(iter(self.waiting))
            if first.due > now:
                self._timer = self._loop.call_at(first.due, self._fire)
                return
            del self.waiting[first]
            first.callback()


class Timeouts:
    """The time-outs of one event loop, by their length in seconds."""

    __slots__ = ("_loop", "_rows")

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._rows: dict[float, _Row] = {}

    def at(self, due: float, seconds: float, callback: Callable[[], None]) -> Timeout | asyncio.TimerHandle:
        """Call back at `due`, a time of the event loop; it is that of a limit of so many seconds."""
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self._loop, self._rows = loop, {}
        row = self._rows.get(seconds)
        if row is None:
            row = self._rows[seconds] = _Row(loop)
        if due < row.last:
            return loop.call_at(due, callback)
        return row.add(due, callback)
