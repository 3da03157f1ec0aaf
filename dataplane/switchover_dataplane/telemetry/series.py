"""What is counted of one route and of one target: plain numbers, which requests add to and a scrape reads.

A request that succeeds looks up its two series and adds to them; it takes no lock and makes no text. Names of labels
and formats are `families.py`'s.
"""

from bisect import bisect_left
from collections import defaultdict
from typing import Final

from switchover_dataplane.telemetry.trace import Attempt, Record

BOUNDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)
"""The upper bounds of the buckets of every histogram, in seconds, without the last one, which is infinite."""

_SHORTEST: Final = 0.005
_SUCCEEDED: Final = ("served", "rescued")


class Histogram:
    """How often something took how long. `counts` has one number for each of `BOUNDS`, and one for what is longer."""

    __slots__ = ("counts", "sum")

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS) + 1)
        self.sum = 0.0

    def add(self, seconds: float) -> None:
        """Count one duration; a bucket holds what is equal to its bound, too."""
        # Mostly it is the first bucket, or the gateway itself has much to do.
        self.counts[0 if seconds <= _SHORTEST else bisect_left(BOUNDS, seconds)] += 1
        self.sum += seconds


class RouteSeries:
    """What is counted of the requests of one route.

    `began` is when the counting began, in seconds since 1970. `requests` is by how they ended, `answers` by status,
    `priorities` by the priority that answered, `hedges` by who won, `callers` by caller and how the request ended,
    `denied` by the reason. `failovers` counts the requests with more than one attempt, `failover_seconds` what these
    took without giving an answer.
    """

    __slots__ = (
        "answers",
        "began",
        "callers",
        "denied",
        "duration",
        "failover_seconds",
        "failovers",
        "hedges",
        "priorities",
        "requests",
    )

    def __init__(self, began: float) -> None:
        self.began = began
        self.requests: defaultdict[str, int] = defaultdict(int)
        self.answers: defaultdict[int, int] = defaultdict(int)
        self.priorities: defaultdict[int, int] = defaultdict(int)
        self.hedges: defaultdict[str, int] = defaultdict(int)
        self.callers: defaultdict[tuple[str, str], int] = defaultdict(int)
        self.denied: defaultdict[str, int] = defaultdict(int)
        self.duration = Histogram()
        self.failovers = 0
        self.failover_seconds = 0.0

    def count(self, record: Record) -> None:
        """Count one finished request; its attempts are counted by their targets."""
        outcome, attempts = record.outcome, record.attempts
        self.requests[outcome] += 1
        self.answers[record.status] += 1
        self.duration.add(record.duration_ms / 1000)
        if record.caller:
            self.callers[record.caller, outcome] += 1
        if attempts and outcome in _SUCCEEDED:
            self.priorities[attempts[-1].priority] += 1
        if len(attempts) > 1:
            self.failovers += 1
            self.failover_seconds += _lost(record) / 1000
            self._count_hedges(record)

    def _count_hedges(self, record: Record) -> None:
        """Count the attempts that ran beside a silent one; whoever answered stands last in the trace."""
        hedges = sum(attempt.beside for attempt in record.attempts)
        if hedges:
            winner = "later" if record.attempts[-1].beside else "silent"
            self.hedges[winner if record.outcome in _SUCCEEDED else "none"] += hedges


class TargetSeries:
    """What is counted of the attempts at one target.

    `model` is the one that the table gives it, "" where the caller's is kept; `began` as in `RouteSeries`. `attempts`
    is by what became of them, `dropped` counts malformed events.
    """

    __slots__ = ("attempts", "began", "dropped", "first_token", "model")

    def __init__(self, model: str, began: float) -> None:
        self.model = model
        self.began = began
        self.attempts: defaultdict[str, int] = defaultdict(int)
        self.first_token = Histogram()
        self.dropped = 0

    def count(self, attempt: Attempt) -> None:
        """Count one attempt; one that nobody waited for to its end has neither an answer nor a failure."""
        first_token_ms = attempt.first_token_ms
        if first_token_ms is not None:
            self.attempts[attempt.error_class or "ok"] += 1
            self.first_token.add(first_token_ms / 1000)
        else:
            self.attempts[attempt.error_class or ("given-up" if attempt.status is None else "ok")] += 1
        if attempt.dropped:
            self.dropped += attempt.dropped


def _lost(record: Record) -> float:
    """Return the milliseconds that a request spent on attempts without any content, and on waits.

    Attempts that ran beside one another cost their time once: all but that of the last, which answered.
    """
    spent = sum(
        attempt.wait_ms + (attempt.duration_ms if attempt.first_token_ms is None else 0.0)
        for attempt in record.attempts[:-1]
    )
    last = record.attempts[-1]
    return max(0.0, min(spent + last.wait_ms, record.duration_ms - last.duration_ms))
