"""The attempts of one request that are open at once: which ends first, who serves, and what is noted of each.

Mostly there is one, awaited where it was started. A task of its own is made only where something may start beside it.
"""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from switchover_dataplane.attempts.answer import Answer
from switchover_dataplane.attempts.attempt import Limits, Result, attempt
from switchover_dataplane.attempts.declined import is_declined
from switchover_dataplane.attempts.soft_timeout import Patience, patience
from switchover_dataplane.attempts.stream_start import HeldBack, Pulse
from switchover_dataplane.failover.balance import choose
from switchover_dataplane.failover.outcome import ClientGone, Committed, ErrorClass, Outcome, TimedOut
from switchover_dataplane.failover.retry_budget import Budget
from switchover_dataplane.failover.steps import Tried, Try
from switchover_dataplane.failover.triggers import wants_refusals_known
from switchover_dataplane.health.health import Health
from switchover_dataplane.request.asker import Asker
from switchover_dataplane.request.call import Call
from switchover_dataplane.request.continuation import Continuation
from switchover_dataplane.streams import held_calls
from switchover_dataplane.table import Policy, Target, Upstream
from switchover_dataplane.telemetry import trace
from switchover_dataplane.upstream.targets import Route
from switchover_dataplane.upstream.transport import Transport


@dataclass(slots=True)
class Fleet:
    """What all requests share: connections, the targets' health, and how many requests each has in flight."""

    transport: Transport
    health: Health
    budget: Budget
    in_flight: Counter[str] = field(default_factory=Counter)
    closing: "set[asyncio.Task[None]]" = field(default_factory=set["asyncio.Task[None]"])

    def put_away(self, answer: Answer) -> None:
        """Give an answer up; nobody waits until it is known whether its connection can be kept."""
        if answer.rest is not None:
            task = asyncio.create_task(answer.put_away())
            self.closing.add(task)
            task.add_done_callback(self.closing.discard)


@dataclass(slots=True, eq=False)
class Running:
    """An attempt that is under way, or whose answer is handed on. `silent` is how it stands in the history, if it was.

    `overdue` is its silence where nothing could be started beside it, so that it was waited for all the same.
    `patience` is how long it may be silent before another starts beside it; `task` is there where that may happen.
    """

    priority: int
    target: Target
    route: Route
    note: trace.Attempt
    began: float
    patience: Patience
    pulse: Pulse = field(default_factory=Pulse)
    task: "asyncio.Task[Result] | None" = None
    silent: Tried | None = None
    overdue: TimedOut | None = None

    @property
    def left(self) -> float:
        """How many seconds of the patience are left: they count from its last sign of life."""
        return max(self.began, self.pulse.at) + self.patience.seconds - time.monotonic()

    @property
    def result(self) -> Result:
        """What became of it, after its task has ended."""
        assert self.task is not None  # noqa: S101 - it has ended
        return self.task.result()

    @property
    def has_ended(self) -> bool:
        """Whether its result is there."""
        return self.task is not None and self.task.done()


class Race:
    """The attempts of one request: `open` are those that have not ended, `serving` is whose answer is handed on."""

    __slots__ = ("_fleet", "_policy", "_record", "_routes", "_upstream", "_waiter", "asker", "call", "open", "serving")

    def __init__(
        self,
        call: Call,
        *,
        asker: Asker,
        upstream: Upstream,
        policy: Policy,
        routes: Mapping[str, Route],
        fleet: Fleet,
        record: trace.Record,
    ) -> None:
        self.asker = asker
        self.call = call
        self.open: list[Running] = []
        self.serving: Running | None = None
        self._upstream = upstream
        self._policy = policy
        self._routes = routes
        self._fleet = fleet
        self._record = record
        self._waiter: asyncio.Future[None] | None = None

    @property
    def model(self) -> str:
        """The model that the request asks for."""
        return getattr(self.call.body, "model", "")

    async def start(self, step: Try, wait: float) -> tuple[Running, Result | None]:
        """Attempt one of a step's candidates, `wait` seconds after it was decided.

        The result is there where nothing can start beside it, so that it was waited for.
        """
        target = choose(step.candidates, self._fleet.in_flight, random)
        route = self._routes[target.id]
        began = time.monotonic()
        name = route.name_of_model(self.call.path, self.model)
        note = trace.Attempt(step.priority, target.id, route.wire.name, name, wait * 1000)
        note.continues = isinstance(self.call.body, Continuation)
        note.beside = bool(self.open)
        self._record.attempts.append(note)
        self._fleet.in_flight[target.id] += 1
        self._fleet.health.started(target, self.model, began, asker=self.asker)
        allowed = patience(self._policy, self.call.body, note.model)
        if note.continues and not allowed.seconds:
            allowed = Patience("firstTokenTimeout", self._policy.stream_idle_timeout)
        running = Running(step.priority, target, route, note, began, allowed)
        self.open.append(running)
        if not allowed.seconds and len(self.open) == 1:
            return running, await self._attempt(running)
        running.task = asyncio.create_task(self._attempt(running))
        running.task.add_done_callback(self._wake)
        return running, None

    async def first_to_end(self, seconds: float | None = None) -> Running | None:
        """Wait until an open attempt ends; None if none does in so many seconds."""
        loop = asyncio.get_running_loop()
        if not any(each.has_ended for each in self.open):
            self._waiter = loop.create_future()
            timer = None if seconds is None else loop.call_later(max(0.0, seconds), self._wake)
            try:
                await self._waiter
            finally:
                self._waiter = None
                if timer is not None:
                    timer.cancel()
        return next((each for each in self.open if each.has_ended), None)

    def ended(self, running: Running, result: Result) -> None:
        """Note what became of an attempt."""
        outcome, answer = result
        self.open.remove(running)
        note = running.note
        note.duration_ms = (time.monotonic() - running.began) * 1000
        if isinstance(outcome, Committed):
            note.error_class, note.detail = None, ""
        trace.note(note, outcome)
        if answer is not None:
            note.bytes = answer.size
        self.learn(
            running, outcome, goes_on=answer is not None and (answer.opened is not None or answer.rest is not None)
        )

    def lost(self, running: Running) -> None:
        """Note that the answer of an attempt that ended is not handed on."""
        self._fleet.in_flight[running.target.id] -= 1

    def serve(self, winner: Running) -> None:
        """Note that the answer of an attempt that ended is handed on."""
        winner.note.first_token_ms = winner.note.duration_ms
        self._fleet.health.last_good[self._upstream.name] = (winner.priority, self.model)
        self.serving = winner
        # Whoever serves stands last in the trace, whoever else was started meanwhile.
        self._record.attempts.sort(key=lambda note: note is winner.note)

    def served(self) -> None:
        """Note that no answer is handed on any more."""
        if self.serving is not None:
            self._close(self.serving)
            self.serving = None

    def abandon(self, running: Running) -> None:
        """Close an attempt whose outcome is not waited for any more."""
        self.open.remove(running)
        self._close(running)
        if running.task is not None:
            running.task.cancel()
            running.task.add_done_callback(_drop)
        if running.silent is None:
            running.note.detail = "the client left" if self.serving is None else "another answered first"
            self.learn(running, ClientGone())

    def learn(self, running: Running, outcome: Outcome, *, goes_on: bool = False) -> None:
        """Let the target's health know of an outcome; `goes_on`: it is a good beginning of what may break off."""
        health, cool_down, now = self._fleet.health, self._policy.cool_down, time.monotonic()
        health.record(running.target, self.model, outcome, cool_down, now, asker=self.asker, goes_on=goes_on)

    def served_whole(self) -> None:
        """Let the health of the target that serves know that its answer ended well."""
        if self.serving is not None:
            self._fleet.health.ended_well(self.serving.target, self.model, time.monotonic(), asker=self.asker)

    async def _attempt(self, running: Running) -> Result:
        call, transport = self.call, self._fleet.transport
        route, pulse = running.route, running.pulse
        outcome, answer = await attempt(transport, route, call, self._limits(running.began), pulse)
        if isinstance(call.body, Continuation) and answer is not None and call.body.falls_back(route, outcome):
            self._fleet.put_away(answer)
            return await attempt(transport, route, call, self._limits(time.monotonic()), pulse)
        if wants_refusals_known(self._policy) and isinstance(outcome, Committed) and answer is not None:
            declined = is_declined(route.api(call.path), answer)
            return replace(outcome, error_class=ErrorClass.CONTENT_FILTER) if declined else outcome, answer
        return outcome, answer

    def _limits(self, now: float) -> Limits:
        policy = self._policy
        held = HeldBack(
            policy.holdback if policy.stream_recovery == "Holdback" else None,
            policy.lone_stream_idle_timeout if held_calls.are_held(policy) else None,
        )
        remaining = max(0.001, policy.timeout - (now - self._record.started)) if policy.timeout else None
        return Limits(policy.per_try_timeout or None, remaining, held, policy.demands_form)

    def _close(self, running: Running) -> None:
        self._fleet.in_flight[running.target.id] -= 1
        running.note.duration_ms = (time.monotonic() - running.began) * 1000

    def _wake(self, *_: object) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


def _drop(task: "asyncio.Task[Result]") -> None:
    """Close the answer of an attempt that ended in the very moment in which it was given up."""
    if not task.cancelled() and task.exception() is None and (answer := task.result()[1]) is not None:
        answer.abort()
