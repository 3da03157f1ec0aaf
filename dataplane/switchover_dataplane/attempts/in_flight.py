"""One attempt that is under way, or whose answer is handed on."""

import time

from switchover_dataplane.attempts.answer import Answer
from switchover_dataplane.attempts.soft_timeout import WITHOUT_END
from switchover_dataplane.failover.outcome import Outcome, TimedOut
from switchover_dataplane.failover.steps import Tried
from switchover_dataplane.process.driver import Driver
from switchover_dataplane.request.call import TargetHead
from switchover_dataplane.table.upstreams import Target
from switchover_dataplane.telemetry import trace

Result = tuple[Outcome, Answer | None]


class InFlight(Driver[Result]):
    """An attempt: what it asks, since when, and how far it is. `result` is what became of it, once it `has_ended`.

    `began` and `works_since` are seconds of the monotonic clock; the second is when its model last showed that it works
    on an answer of which nothing has come, 0.0 for never. `silent` is how it stands in the history after its soft
    timeout, and `overdue` is that outcome where nothing could be started beside it, so that it is waited for.
    """

    __slots__ = ("began", "head", "note", "overdue", "priority", "silent", "soft_timeout", "target", "works_since")

    def __init__(self, priority: int, target: Target, head: TargetHead, note: trace.Attempt, began: float) -> None:
        self.priority = priority
        self.target = target
        self.head = head
        self.note = note
        self.began = began
        self.soft_timeout = WITHOUT_END
        self.works_since = 0.0
        self.silent: Tried | None = None
        self.overdue: TimedOut | None = None

    @property
    def left(self) -> float:
        """How many seconds of the soft timeout are left: they count from its last sign of life."""
        return max(self.began, self.works_since) + self.soft_timeout.seconds - time.monotonic()
