"""The failures of one target or credential → whether it gets requests now, and how it comes back.

It cools down until a time. Then one request probes it, and the others still skip it. After a good probe it gets a
growing share of the requests: 10, 25 and 50 % (Envoy: slow start). After that it is healthy again. A failure before
that starts the next cool-down at once. All times are seconds of one monotonic clock.
"""

import math
from dataclasses import dataclass

from switchover_dataplane.failover.outcome import ErrorClass
from switchover_dataplane.table.policies import CoolDown

PROBE_TIMEOUT = 10.0
"""Seconds after which the next probe may start, although the last one has no result."""

RAMP_SHARES = (0.10, 0.25, 0.50)
"""The share of the requests that a returning target gets, by stage of the ramp."""

MIN_RAMP_STAGE = 1.0
"""Minimum seconds of a stage: several successes at one moment count as one."""

MAX_RAMP_STAGE = 5.0
"""Seconds without a failure after which the next stage starts without a success: requests may be rare."""

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
        """Whether the cool-down lasts, or a probe has no result yet."""
        return self.ramp_stage < 0 and (now < self.until or (self.until > 0 and now < self.probed_at + PROBE_TIMEOUT))

    def has_recovered(self, now: float) -> bool:
        """Whether the ramp is over."""
        return self.ramp_stage >= 0 and self._ramp_stage(now) >= len(RAMP_SHARES)

    def is_returning(self, now: float) -> bool:
        """Whether it gets a share of the requests."""
        return self.ramp_stage >= 0 and not self.has_recovered(now)

    def admits(self, now: float) -> bool:
        """Whether a request at this moment may go to it.

        During the ramp the fractional part of a multiple of the golden ratio decides. These parts are spread evenly
        over any period, however regular the requests are (Weyl's equidistribution theorem).
        """
        if self.is_returning(now):
            return now * 1e6 * _GOLDEN % 1.0 < self.share(now)
        return not self.is_cooling(now)

    def share(self, now: float) -> float:
        """Return the largest share of the requests that it may get."""
        if self.is_cooling(now):
            return 0.0
        return RAMP_SHARES[self._ramp_stage(now)] if self.is_returning(now) else 1.0

    def _ramp_stage(self, now: float) -> int:
        return self.ramp_stage + int((now - self.ramp_stage_began) // MAX_RAMP_STAGE)

    def probe(self, now: float) -> None:
        """Record the start of an attempt: after a cool-down it is the probe."""
        if self.ramp_stage < 0 and 0 < self.until <= now:
            self.probed_at = now

    def end_probe(self) -> None:
        """Record that a probe had no result: the next request is a probe."""
        self.probed_at = -math.inf

    def succeed(self, now: float) -> bool:
        """Record a good start of an answer; return whether the target is healthy and this object can be dropped.

        A wait that the target asked for stays: the answer may belong to a request from before it.
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
        """Record a complete answer; return whether this object can be dropped."""
        self.interruptions = 0
        return not self.until or self.has_recovered(now)

    def fail(self, error_class: ErrorClass, now: float) -> None:
        """Count a failure; the caller decides whether a cool-down starts."""
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
        """Cool down until a time; a later end that is already set stays."""
        if now >= self.until:
            self.since = now
        if until > self.until:
            self.until, self.explicit = until, explicit

    def should_eject(self, cool_down: CoolDown, now: float) -> bool:
        """Whether the failure just counted starts a cool-down: by the number of failures, or during the ramp."""
        return now >= self.until and (self.failures >= cool_down.after or self.until > 0)

    def cool_computed(self, cool_down: CoolDown, now: float, requested: float) -> None:
        """Start a cool-down of computed length, or of `requested` seconds if that is longer."""
        seconds = _computed(cool_down, self.consecutive)
        self.cool(now, now + max(seconds, requested), explicit=requested > seconds)
        self.consecutive += 1


def _computed(cool_down: CoolDown, consecutive: int) -> float:
    """Return the seconds of the next cool-down after `consecutive` in a row.

    It doubles each time. With Gloo's `outlierDetection` it grows by `base` and is rounded up to whole intervals
    (Envoy, "Outlier detection": ejection algorithm).
    """
    if cool_down.growth == "multiple":
        seconds = min(cool_down.base * (consecutive + 1), cool_down.max)
    else:
        seconds = min(cool_down.base * 2.0 ** min(consecutive, 64), cool_down.max)
    return math.ceil(seconds / cool_down.interval) * cool_down.interval if cool_down.interval else seconds


def described(ejection: Ejection, now: float) -> dict[str, str | int | float | None]:
    """Describe an entry; `returns_in` is null without a cool-down, `share` is the share of the requests it may get."""
    cooling = ejection.is_cooling(now) and now < ejection.until
    word = "cooling" if cooling else "probing" if ejection.is_cooling(now) else "failing"
    return {
        "state": "returning" if ejection.is_returning(now) else word,
        "error_class": ejection.error_class.value,
        "failures": ejection.failures,
        "returns_in": round(ejection.until - now, 3) if cooling else None,
        "share": ejection.share(now),
    }
