"""One target or credential that failed → whether requests pass it by now, and how it comes back.

It cools down until a time; then one request probes it while the others still pass it by; when the probe succeeds it
returns in steps, 10, 25 and 50 % of the requests, before it counts as healthy again. A failure on the way back begins
the next cool-down at once. Times are seconds of whichever monotonic clock is handed in; there is no other state.
"""

import math
from dataclasses import dataclass

from switchover_dataplane.failover.outcome import ErrorClass
from switchover_dataplane.table import CoolDown

PROBE_PATIENCE = 10.0
"""A probe that did not come back after so many seconds no longer keeps the next one away."""

SHARES = (0.10, 0.25, 0.50)
"""Which part of the requests a returning target gets, step by step."""

STEP_SHORTEST = 1.0
"""So long a step lasts at least (seconds), as the successes of one moment are one piece of evidence."""

STEP_LONGEST = 5.0
"""After so long without a failure the next step begins by itself: where requests are few, successes are, too."""

_GOLDEN = (math.sqrt(5.0) - 1.0) / 2.0


@dataclass(slots=True)
class State:
    """One target and model, or one credential, that failed since it was last healthy.

    `breaks` counts those failures of which the beginning of a next stream tells nothing, as they come after it.
    `cooled` counts the guessed cool-downs in a row, which make the next one longer; `since` is when the current one
    began. `until` is 0 before the first one, and `asked` tells whether the target itself named it. `step` is an index
    of `SHARES` while it returns, -1 otherwise.
    """

    error_class: ErrorClass
    failures: int = 0
    breaks: int = 0
    cooled: int = 0
    since: float = -math.inf
    until: float = 0.0
    asked: bool = False
    probed_at: float = -math.inf
    step: int = -1
    step_began: float = 0.0

    def is_cooling(self, now: float) -> bool:
        """Tell whether its time is not over, or a probe is on its way."""
        return self.step < 0 and (now < self.until or (self.until > 0 and now < self.probed_at + PROBE_PATIENCE))

    def is_back(self, now: float) -> bool:
        """Tell whether it returned by itself, for want of requests that would have shown it."""
        return self.step >= 0 and self._step(now) >= len(SHARES)

    def is_returning(self, now: float) -> bool:
        """Tell whether it gets a part of the requests."""
        return self.step >= 0 and not self.is_back(now)

    def lets_in(self, now: float) -> bool:
        """Tell whether the request of this moment may go to it.

        While it returns, moments are drawn by the fractional parts of a multiple of the golden ratio, which are spread
        evenly over any stretch of time, however regular the requests are (Weyl).
        """
        if self.is_returning(now):
            return now * 1e6 * _GOLDEN % 1.0 < self.share(now)
        return not self.is_cooling(now)

    def share(self, now: float) -> float:
        """Return the part of the requests that it gets at most."""
        if self.is_cooling(now):
            return 0.0
        return SHARES[self._step(now)] if self.is_returning(now) else 1.0

    def _step(self, now: float) -> int:
        return self.step + int((now - self.step_began) // STEP_LONGEST)

    def probe(self, now: float) -> None:
        """Note that a request goes to it: after a cool-down it is the probe, alone for a while."""
        if self.step < 0 and 0 < self.until <= now:
            self.probed_at = now

    def end_probe(self) -> None:
        """Note that a probe told nothing: the next request is one."""
        self.probed_at = -math.inf

    def succeed(self, now: float) -> bool:
        """Learn of a good beginning; True if it is healthy again and nothing is left to know of it.

        A wait that the target asked for holds all the same: a request that began before may well end after it.
        """
        if not self.until or self.is_back(now):
            self._start_anew()
            return not self.breaks
        if self.asked and now < self.until:
            return False
        self.end_probe()
        if self.step < 0:
            self.step, self.step_began = 0, now
        elif now >= self.step_began + STEP_SHORTEST:
            self.step, self.step_began = self._step(now) + 1, now
        return self.is_back(now) and not self.breaks

    def end_well(self, now: float) -> bool:
        """Learn that an answer ended whole; True if nothing is left to know of it."""
        self.breaks = 0
        return not self.until or self.is_back(now)

    def fail(self, error_class: ErrorClass, now: float) -> None:
        """Count a failure; whether it cools down by it is the caller's to say."""
        if self.is_back(now):
            self._start_anew()
        self.error_class = error_class
        self.failures += 1
        self.breaks += error_class is ErrorClass.INTERRUPTED
        self.step = -1
        self.end_probe()

    def _start_anew(self) -> None:
        self.failures, self.cooled, self.until, self.step = self.breaks, 0, 0.0, -1

    def cool(self, now: float, until: float, *, asked: bool = False) -> None:
        """Leave this alone until then; a longer wait that is already known stays."""
        if now >= self.until:
            self.since = now
        if until > self.until:
            self.until, self.asked = until, asked

    def is_due(self, cool_down: CoolDown, now: float) -> bool:
        """Tell whether it cools down after the failure just counted: by their number, or as it is on its way back."""
        return now >= self.until and (self.failures >= cool_down.after or self.until > 0)

    def guess(self, cool_down: CoolDown, now: float, asked: float) -> None:
        """Begin a cool-down of a length that nobody named, or that of `asked` seconds where it is longer."""
        seconds = _guessed(cool_down, self.cooled)
        self.cool(now, now + max(seconds, asked), asked=asked > seconds)
        self.cooled += 1


def _guessed(cool_down: CoolDown, cooled: int) -> float:
    """Return the length of the next cool-down after `cooled` in a row.

    It doubles; that of Gloo's `outlierDetection` grows by its base (Envoy, "Outlier detection": ejection algorithm) and
    ends at the first look at the hosts, one an interval.
    """
    if cool_down.growth == "multiple":
        seconds = min(cool_down.base * (cooled + 1), cool_down.max)
    else:
        seconds = min(cool_down.base * 2.0 ** min(cooled, 64), cool_down.max)
    return math.ceil(seconds / cool_down.interval) * cool_down.interval if cool_down.interval else seconds
