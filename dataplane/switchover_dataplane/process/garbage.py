"""When Python looks for garbage in cycles: at all that is alive only while nobody waits for anything.

Looking at what thousands of streams hold takes half a second, in which each of them stands still. What requests leave
is in no cycle, so that hardly anything is found: what is in one comes from faults and from libraries.
"""

import asyncio
import gc
from collections.abc import Callable
from typing import Final

EVERY: Final = 60.0
"""Seconds between two moments at which everything may be looked at."""

_NEW: Final = 1_000
_MIDDLE_AGED: Final = 10
_ALL: Final = 5_000
"""So often something is looked at that outlived two looks before all is looked at without waiting for a quiet moment:
after some 50 million objects that stay, where Python comes to it after 70,000."""


def start() -> None:
    """Never look again at what is there now, as what was imported; at new objects as often as ever, at all seldom."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_NEW, _MIDDLE_AGED, _ALL)


class QuietMoments:
    """Looks at everything each `seconds` if nobody waits then (`is_quiet`), and if anything new stayed meanwhile."""

    def __init__(self, is_quiet: Callable[[], bool], seconds: float = EVERY) -> None:
        self._is_quiet = is_quiet
        self._seconds = seconds
        self._loop = asyncio.get_running_loop()
        self._timer = self._loop.call_later(seconds, self._look)

    def end(self) -> None:
        """Look no more."""
        self._timer.cancel()

    def _look(self) -> None:
        if self._is_quiet() and any(gc.get_count()[1:]):
            gc.collect()
        self._timer = self._loop.call_later(self._seconds, self._look)
