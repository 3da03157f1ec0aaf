"""One target or credential that failed → whether requests pass it by now, and how it comes back.

It cools down until a time; then one request probes it while the others still pass it by; when the probe succeeds it
returns in steps, 10, 25 and 50 % of the requests, before it counts as healthy again. A failure on the way back begins
the next cool-down at once. Times are seconds of whichever monotonic clock is handed in; there is no other state.
"""

import math
from dataclasses import dataclass

from switchover_dataplane.failover.outcome import ErrorClass
from switchover_dataplane.table import CoolDown

PROBE_TIMEOUT = 10.0
"""A probe that did not come back after so many seconds no longer keeps the next one away."""

RAMP_SHARES = (0.10, 0.25, 0.50)
"""Which part of the requests a returning target gets, step by step."""

MIN_RAMP_STAGE = 1.0
"""So long a step lasts at least (seconds), as the successes of one moment show one thing."""

MAX_RAMP_STAGE = 5.0
"""After so long without a failure the next step begins by itself: where requests are few, successes are, too."""

_GOLDEN = (math.sqrt(5.0) - 1.0) / 2.0


@dataclass(slots=True)
class Ejection:
    """One target and model, or one credential, that failed since it was last healthy.

    `interruptions` counts the failures after the first content of a stream: the start of another one refutes none of
    them. `consecutive` counts the computed cool-downs in a row, each of which makes the next one longer. `since` is
    when the current one began, and `until` when it ends, 0 before the first one. `explicit`: the target named the end.
    `ramp_stage` is an index of `RAMP_SHARES` while the target returns, else -1.
    """

    error_class: ErrorClass
    failures: int = 0
    interruptions: int = 0
    consecutive: int = 0
    since: float = -math.inf
    until: float = 0.0
    explicit: bool = False
    probed_at: float = -math.inf
    ramp_stage: int = -1
    ramp_stage_began: float = 0.0

    def is_cooling(self, now: float) -> bool:
        """Tell whether its time is not over, or a probe is on its way."""
        return self.ramp_stage < 0 and (now < self.until or (self.until > 0 and now < self.probed_at + PROBE_TIMEOUT))

    def has_recovered(self, now: float) -> bool:
        """Tell whether it returned by itself, for want of requests that would have shown it."""
        return self.ramp_stage >= 0 and self._ramp_stage(now) >= len(RAMP_SHARES)

    def is_returning(self, now: float) -> bool:
        """Tell whether it gets a part of the requests."""
        return self.ramp_stage >= 0 and not self.has_recovered(now)

    def admits(self, now: float) -> bool:
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
        return RAMP_SHARES[self._ramp_stage(now)] if self.is_returning(now) else 1.0

    def _ramp_stage(self, now: float) -> int:
        return self.ramp_stage + int((now - self.ramp_stage_began) // MAX_RAMP_STAGE)

    def probe(self, now: float) -> None:
        """Note that a request goes to it: after a cool-down it is the probe, alone for a while."""
        if self.ramp_stage < 0 and 0 < self.until <= now:
            self.probed_at = now

    def end_probe(self) -> None:
        """Note that a probe told nothing: the next request is one."""
        self.probed_at = -math.inf

    def succeed(self, now: float) -> bool:
        """Learn of a good beginning; True if it is healthy again and nothing is left to know of it.

        A wait that the target asked for holds all the same: a request that began before may well end after it.
        """
        if not self.until or self.has_recovered(now):
            self._reset()
            return not self.interruptions
        if self.explicit and now < self.until:
            return False
        self.end_probe()
        if self.ramp_stage < 0:
            self.ramp_stage, self.ramp_stage_began = 0, now
        elif now >= self.ramp_stage_began + MIN_RAMP_STAGE:
            self.ramp_stage, self.ramp_stage_began = self._ramp_stage(now) + 1, now
        return self.has_recovered(now) and not self.interruptions

    def complete(self, now: float) -> bool:
        """Learn that an answer ended whole; True if nothing is left to know of it."""
        self.interruptions = 0
        return not self.until or self.has_recovered(now)

    def fail(self, error_class: ErrorClass, now: float) -> None:
        """Count a failure; whether it cools down by it is the caller's to say."""
        if self.has_recovered(now):
            self._reset()
        self.error_class = error_class
        self.failures += 1
        self.interruptions += error_class is ErrorClass.INTERRUPTED
        self.ramp_stage = -1
        self.end_probe()

    def _reset(self) -> None:
        self.failures, self.consecutive, self.until, self.ramp_stage = self.interruptions, 0, 0.0, -1

    def cool(self, now: float, until: float, *, explicit: bool = False) -> None:
        """Leave this alone until then; a longer wait that is already known stays."""
        if now >= self.until:
            self.since = now
        if until > self.until:
            self.until, self.explicit = until, explicit

    def should_eject(self, cool_down: CoolDown, now: float) -> bool:
        """Tell whether it cools down after the failure just counted: by their number, or as it is on its way back."""
        return now >= self.until and (self.failures >= cool_down.after or self.until > 0)

    def cool_computed(self, cool_down: CoolDown, now: float, requested: float) -> None:
        """Begin a cool-down of a length that nobody named, or that of `explicit` seconds where it is longer."""
        seconds = _computed(cool_down, self.consecutive)
        self.cool(now, now + max(seconds, requested), explicit=requested > seconds)
        self.consecutive += 1


def _computed(cool_down: CoolDown, consecutive: int) -> float:
    """Return the length of the next cool-down after `consecutive` in a row.

    It doubles; that of Gloo's `outlierDetection` grows by its base (Envoy, "Outlier detection": ejection algorithm) and
    ends at the first look at the hosts, one an interval.
    """
    if cool_down.growth == "multiple":
        seconds = min(cool_down.base * (consecutive + 1), cool_down.max)
    else:
        seconds = min(cool_down.base * 2.0 ** min(consecutive, 64), cool_down.max)
    return math.ceil(seconds / cool_down.interval) * cool_down.interval if cool_down.interval else seconds
