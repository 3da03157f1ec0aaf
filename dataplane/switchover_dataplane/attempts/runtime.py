"""What all requests share: connections, the targets' health, and how many requests each has in flight."""

import asyncio
from collections import defaultdict
from dataclasses import dataclass, field

from switchover_dataplane.attempts.answer import Answer
from switchover_dataplane.failover.retry_budget import Budget
from switchover_dataplane.health.health import Health
from switchover_dataplane.process.timeouts import Timeouts
from switchover_dataplane.upstream.transport import Transport


@dataclass(slots=True)
class UpstreamRuntime:
    """The state of all targets; `in_flight` counts attempts by target id."""

    transport: Transport
    health: Health
    budget: Budget
    in_flight: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    timeouts: Timeouts = field(default_factory=Timeouts)
    closing: "set[asyncio.Task[None]]" = field(default_factory=set["asyncio.Task[None]"])

    def put_away(self, answer: Answer) -> None:
        """Give an answer up; nobody waits until it is known whether its connection can be kept."""
        if answer.rest is not None:
            task = asyncio.create_task(answer.put_away())
            self.closing.add(task)
            task.add_done_callback(self.closing.discard)
