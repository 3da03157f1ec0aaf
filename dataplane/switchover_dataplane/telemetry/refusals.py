"""Requests that the gateway answered itself → a line each in the log, while they are few; of more, how many they were.

Whoever reaches a port can make it refuse as many requests as a connection carries, and must not decide how much is
logged. So of each kind (a code, at a route) a number of lines is written in a window of time, and of all kinds
together another; what is left out is counted, and one line says so at the end of the window.
"""

import asyncio
import logging
from collections import Counter
from typing import Final

from switchover_dataplane.telemetry import logs
from switchover_dataplane.telemetry.line import Line

log = logging.getLogger("switchover.requests")

WINDOW: Final = 10.0
"""Seconds."""
MOST_OF_ONE_KIND: Final = 50
MOST_OF_ALL: Final = 500
_MOST_KINDS: Final = 100

Kind = tuple[int, str, str]
"""Status, code and route."""


class RefusalLine(Line, kw_only=True, omit_defaults=True, gc=False):
    """A request that the gateway answered itself, or with `left_out` how many there were beside those in the log."""

    request_id: str = ""
    caller: str = ""
    route: str = ""
    status: int
    code: str
    reason: str = ""
    left_out: int = 0
    seconds: float = 0.0


class Refusals:
    """Writes the lines; statuses of 500 and more are warnings. `close` says what is left to say."""

    def __init__(self) -> None:
        self._written: Counter[Kind] = Counter()
        self._all = 0
        self._left_out: Counter[Kind] = Counter()
        self._began = 0.0
        self._end: asyncio.TimerHandle | None = None

    def tell(  # noqa: PLR0917 - the fields of a line, in their order
        self, request_id: str, status: int, code: str, why: str, route: str = "", caller: str = ""
    ) -> None:
        """Write that a request got an answer of the gateway's own, unless too many did."""
        level = logging.INFO if status < 500 else logging.WARNING
        if not log.isEnabledFor(level) or not self.admits(status, code, route):
            return
        what = "refused" if status >= 400 else "answered"
        message = f"{what}: {status} {code}: {why}" if why else f"{what}: {status} {code}"
        fields = RefusalLine(request_id=request_id, caller=caller, route=route, status=status, code=code, reason=why)
        logs.write(log, level, message, fields)

    def admits(self, status: int, code: str, route: str) -> bool:
        """Tell whether a line of this kind may be written; it is counted in either case."""
        if self._end is None:
            loop = asyncio.get_running_loop()
            self._began = loop.time()
            self._end = loop.call_later(WINDOW, self.close)
        kind = status, code, route
        if self._all < MOST_OF_ALL and self._written[kind] < MOST_OF_ONE_KIND:
            self._all += 1
            self._written[kind] += 1
            return True
        if kind not in self._left_out and len(self._left_out) >= _MOST_KINDS:
            kind = 0, "other", ""
        self._left_out[kind] += 1
        return False

    def close(self) -> None:
        """End the window: say what was left out."""
        if self._end is None:
            return
        self._end.cancel()
        self._end = None
        seconds = round(asyncio.get_running_loop().time() - self._began, 1)
        left_out, self._left_out = self._left_out, Counter()
        self._written.clear()
        self._all = 0
        for (status, code, route), count in left_out.items():
            what = f"{status} {code}" if status else "of other kinds"
            at = f" at {route}" if route else ""
            fields = RefusalLine(route=route, status=status, code=code, left_out=count, seconds=seconds)
            logs.write(log, logging.INFO, f"and {count:,} more in {seconds:g} s: {what}{at}", fields)
