"""A point in time at which something is done unless it is moved or cleared before: one timer, however often it moves.

A connection moves its deadline with every request, and hardly ever reaches one. So moving it later costs no timer of
the event loop: the one that is armed looks at its time again when it fires.
"""

import asyncio
from collections.abc import Callable


class Deadline:
    """One deadline of `loop`; nothing is due at first."""

    __slots__ = ("_callback", "_due", "_loop", "_timer")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._timer: asyncio.TimerHandle | None = None
        self._callback: Callable[[], None] | None = None
        self._due = 0.0

    def set(self, now: float, seconds: float, callback: Callable[[], None]) -> None:
        """Call `callback` in `seconds`, in place of whatever was due; `now` is the event loop's time."""
        self._due = due = now + seconds
        self._callback = callback
        timer = self._timer
        if timer is None:
            self._timer = self._loop.call_at(due, self._fire)
        elif timer.when() > due:
            timer.cancel()
            self._timer = self._loop.call_at(due, self._fire)

    def clear(self) -> None:
        """Nothing is due any more; `set` may be called again."""
        self._callback = None

    def end(self) -> None:
        """Nothing is due any more, and nothing of the event loop is held."""
        self._callback = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _fire(self) -> None:
        self._timer = None
        callback = self._callback
        if callback is None:
            return
        if self._loop.time() < self._due:
            self._timer = self._loop.call_at(self._due, self._fire)
            return
        self._callback = None
        callback()
