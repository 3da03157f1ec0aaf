"""One request to one upstream: `next_step` and `attempt` alternate until an answer is good or known to be the last.

This is where the decision meets sockets, the clock and chance; it decides nothing itself.
"""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from switchover_dataplane import trace
from switchover_dataplane.attempt import Answer, Call, Limits, attempt
from switchover_dataplane.balance import choose
from switchover_dataplane.budget import Budget
from switchover_dataplane.failover import Answer as Final
from switchover_dataplane.failover import Tried, Try, Wait, Why, next_step
from switchover_dataplane.health import Health
from switchover_dataplane.outcome import Committed, Outcome
from switchover_dataplane.table import Policy, Upstream
from switchover_dataplane.targets import Route
from switchover_dataplane.transport import Transport


@dataclass(slots=True)
class Fleet:
    """What all requests share: connections, the targets' health, and how many requests each has in flight."""

    transport: Transport
    health: Health
    budget: Budget
    in_flight: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class Ended:
    """How the exchange ended: the last outcome (None: nothing could be tried), its answer, why, and our status.

    `model` is the one that the request asked for.
    """

    outcome: Outcome | None
    answer: Answer | None
    why: Why
    status: int
    model: str

    @property
    def success(self) -> bool:
        """Whether the answer is one that a model gave and not a failure."""
        return isinstance(self.outcome, Committed)


class Exchange:
    """The attempts of one request."""

    __slots__ = ("_call", "_fleet", "_history", "_policy", "_record", "_routes", "_upstream")

    def __init__(
        self,
        call: Call,
        *,
        upstream: Upstream,
        policy: Policy,
        routes: Mapping[str, Route],
        fleet: Fleet,
        record: trace.Record,
    ) -> None:
        self._call = call
        self._upstream = upstream
        self._policy = policy
        self._routes = routes
        self._fleet = fleet
        self._record = record
        self._history: list[Tried] = []

    async def run(self) -> Ended:
        """Try until it is known what the client gets; cancellation closes what is open."""
        answer: Answer | None = None
        repeats = 0
        try:
            while True:
                step = self._next()
                if self._record.attempts:
                    self._record.attempts[-1].decision = step.why
                if isinstance(step, Final):
                    return Ended(
                        self._history[-1].outcome if self._history else None, answer, step.why, step.status, self._model
                    )
                if answer is not None:
                    await answer.put_away()
                    answer = None
                wait = 0.0
                if any(tried.priority == _priority(step) for tried in self._history):
                    repeats += 1
                    self._fleet.budget.repeat(self._upstream.name)
                if isinstance(step, Wait):
                    wait = step.seconds
                    await asyncio.sleep(wait)
                    step = step.then
                answer = await self._attempt(step, wait)
        except BaseException:
            if answer is not None:
                answer.abort()
            raise
        finally:
            self._fleet.budget.repeated(self._upstream.name, repeats)

    def _next(self) -> Try | Wait | Final:
        now = time.monotonic()
        policy = self._policy
        return next_step(
            policy,
            self._upstream,
            self._history,
            cooling=self._fleet.health.cooling(self._upstream, policy.cool_down, self._model, now),
            elapsed=now - self._record.started,
            wall=time.time(),
            chance=random.random(),  # noqa: S311 - jitter, not a secret
            repeats_allowed=not self._history or self._fleet.budget.allows(self._upstream.name, policy.retry_budget),
        )

    @property
    def _model(self) -> str:
        return getattr(self._call.body, "model", "")

    async def _attempt(self, step: Try, wait: float) -> Answer | None:
        in_flight = self._fleet.in_flight
        target = choose(step.candidates, in_flight, random)
        route = self._routes[target.id]
        began = time.monotonic()
        note = trace.Attempt(step.priority, target.id, route.wire.name, route.label or self._model, wait * 1000)
        self._record.attempts.append(note)
        in_flight[target.id] += 1
        self._fleet.health.started(target, self._model, began)
        try:
            outcome, answer = await attempt(self._fleet.transport, route, self._call, self._limits(began))
        except asyncio.CancelledError:
            note.detail, note.duration_ms = "the client left", (time.monotonic() - began) * 1000
            raise
        finally:
            in_flight[target.id] -= 1
        ended = time.monotonic()
        note.duration_ms = (ended - began) * 1000
        trace.note(note, outcome)
        if isinstance(outcome, Committed):
            note.first_token_ms = note.duration_ms
            self._fleet.health.last_good[self._upstream.name] = (step.priority, self._model)
        if answer is not None:
            note.bytes = answer.size
        self._fleet.health.record(target, self._model, outcome, self._policy.cool_down, ended)
        self._history.append(Tried(step.priority, target, outcome))
        return answer

    def _limits(self, now: float) -> Limits:
        policy = self._policy
        if not policy.timeout and not policy.per_try_timeout:
            return _NO_LIMITS
        remaining = max(0.001, policy.timeout - (now - self._record.started)) if policy.timeout else None
        return Limits(policy.per_try_timeout or None, remaining)


_NO_LIMITS = Limits()


def _priority(step: Try | Wait) -> int:
    return step.then.priority if isinstance(step, Wait) else step.priority
