"""One request to one upstream: `next_step` and `attempt` alternate until an answer is good or known to be the last.

This is where the decision meets sockets, the clock and chance; it decides nothing itself. An attempt that is silent
beyond its soft limit stays open while another starts beside it: the first good answer wins, and the rest are closed.
"""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from switchover_dataplane import trace
from switchover_dataplane.answer import Answer, Call
from switchover_dataplane.attempt import Limits, Result, attempt
from switchover_dataplane.balance import choose
from switchover_dataplane.budget import Budget
from switchover_dataplane.continuation import Continuation
from switchover_dataplane.failover import Answer as Last
from switchover_dataplane.failover import Step, Tried, Try, Wait, Why, next_step, status_for
from switchover_dataplane.health import Health
from switchover_dataplane.opening import Pulse
from switchover_dataplane.outcome import Broken, ClientGone, Committed, Outcome, TimedOut
from switchover_dataplane.patience import Patience, patience
from switchover_dataplane.table import Policy, Target, Upstream
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


@dataclass(slots=True, eq=False)
class _Open:
    """An attempt that is under way, or whose answer is handed on. `silent` is how it stands in the history, if it was.

    Without a `task` it is awaited where it was started: there is nothing to do beside it.
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

    def left(self) -> float:
        """Return how many seconds of the patience are left: they count from its last sign of life."""
        return max(self.began, self.pulse.at) + self.patience.seconds - time.monotonic()


class Exchange:
    """The attempts of one request, and those that continue its answer if that breaks off."""

    __slots__ = (
        "_call",
        "_fleet",
        "_history",
        "_latest",
        "_open",
        "_policy",
        "_record",
        "_repeats",
        "_routes",
        "_serving",
        "_upstream",
    )

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
        self._latest: Result | None = None
        self._open: list[_Open] = []
        self._repeats = 0
        self._serving: _Open | None = None

    @property
    def body(self) -> object:
        """The body of the request, as it was asked last."""
        return self._call.body

    # ── What the handler calls ──────────────────────────────────────────────────────────────────────────────────────

    async def run(self) -> Ended:
        """Try until it is known what the client gets; cancellation closes what is open."""
        try:
            step = self._next()
            while not isinstance(step, Last) and self._serving is None:
                step = await self._take(step)
            while self._open and self._serving is None:
                await self._late(await self._first_to_end(None))
        except BaseException:
            if self._latest is not None and self._latest[1] is not None:
                self._latest[1].abort()
            raise
        finally:
            for each in self._open:
                self._abandon(each)
            self._open.clear()
            self._fleet.budget.repeated(self._upstream.name, self._repeats)
            self._repeats = 0
        return self._ended(step)

    async def go_on(self, body: Continuation) -> Ended:
        """Ask further targets to continue the answer that broke off."""
        self._call = replace(self._call, body=body)
        return await self.run()

    def broke(self, outcome: Broken) -> None:
        """Take note that the answer that was handed on broke off."""
        if self._serving is not None:
            trace.note(self._serving.note, outcome)
            self._learn(self._serving, outcome)
            self._history[-1] = replace(self._history[-1], outcome=outcome)
            self.close()

    def close(self) -> None:
        """Take note that no answer is handed on any more."""
        if self._serving is not None:
            self._end(self._serving)
            self._serving = None

    # ── One step after the other ────────────────────────────────────────────────────────────────────────────────────

    def _next(self) -> Step:
        now = time.monotonic()
        policy = self._policy
        step = next_step(
            policy,
            self._upstream,
            self._history,
            cooling=self._fleet.health.cooling(self._upstream, policy.cool_down, self._model, now),
            elapsed=now - self._record.started,
            wall=time.time(),
            chance=random.random(),  # noqa: S311 - jitter, not a secret
            repeats_allowed=not self._history or self._may_repeat,
        )
        if self._record.attempts:
            self._record.attempts[-1].decision = step.why
        return step

    async def _take(self, step: Try | Wait) -> Step:
        """Carry a step out; return the one that follows it."""
        await self._forget_latest()
        if any(tried.priority == _priority(step) for tried in self._history):
            self._count_repeat()
        wait = 0.0
        if isinstance(step, Wait):
            wait = step.seconds
            await self._sleep(wait)
            step = step.then
        if self._serving is not None:
            return step
        newest = self._start(step, wait)
        if not newest.patience.seconds and len(self._open) == 1:
            return await self._decided(newest, await self._attempted(newest))
        newest.task = asyncio.create_task(self._attempted(newest))
        return await self._beside_others(newest)

    async def _sleep(self, seconds: float) -> None:
        """Wait, unless a silent attempt brings its answer meanwhile."""
        until = time.monotonic() + seconds
        while self._open and self._serving is None and (left := until - time.monotonic()) > 0:
            await self._late(await self._first_to_end(left))
        if self._serving is None:
            await asyncio.sleep(until - time.monotonic())

    def _start(self, step: Try, wait: float) -> _Open:
        target = choose(step.candidates, self._fleet.in_flight, random)
        route = self._routes[target.id]
        began = time.monotonic()
        note = trace.Attempt(step.priority, target.id, route.wire.name, route.label or self._model, wait * 1000)
        note.continues = isinstance(self._call.body, Continuation)
        self._record.attempts.append(note)
        self._fleet.in_flight[target.id] += 1
        self._fleet.health.started(target, self._model, began)
        allowed = patience(self._policy, self._upstream, self._call.body, note.model)
        newest = _Open(step.priority, target, route, note, began, allowed)
        self._open.append(newest)
        return newest

    async def _attempted(self, this: _Open) -> Result:
        call, limits = self._call, self._limits(this.began)
        result = await attempt(self._fleet.transport, this.route, call, limits, this.pulse)
        if isinstance(call.body, Continuation) and call.body.falls_back(this.route, result[0]):
            this.note.detail = "its prefix was refused"
            if result[1] is not None:
                await result[1].put_away()
            result = await attempt(self._fleet.transport, this.route, call, self._limits(time.monotonic()), this.pulse)
        return result

    async def _beside_others(self, newest: _Open) -> Step:
        """Wait for the newest attempt and for silent ones beside it; return the next step, also where it is silent."""
        is_patient = bool(newest.patience.seconds)
        while self._serving is None:
            ended = await self._first_to_end(newest.left() if is_patient else None)
            if ended is newest:
                return await self._decided(newest, _result(newest))
            if ended is not None:
                await self._late(ended)
            elif newest.left() <= 0:
                step = self._silence(newest)
                if not isinstance(step, Last):
                    return step
                is_patient = False
        return Last(Why.SUCCESS, 200)

    def _silence(self, newest: _Open) -> Step:
        """Return what is started beside an attempt that is silent; the last candidate is not given up for it."""
        outcome = TimedOut(newest.patience.limit, newest.patience.seconds)
        newest.silent = Tried(newest.priority, newest.target, outcome)
        self._history.append(newest.silent)
        step = self._next()
        if isinstance(step, Last):
            self._history.pop()
            newest.silent = None
            return step
        trace.note(newest.note, outcome)
        self._learn(newest, outcome)
        if self._may_repeat:
            self._count_repeat()
        else:
            self._open.remove(newest)
            self._abandon(newest)
        return step

    async def _decided(self, newest: _Open, result: Result) -> Step:
        """Take note of how the newest attempt ended; return the next step."""
        await self._noted(newest, result)
        self._history.append(Tried(newest.priority, newest.target, result[0]))
        step = self._next()
        if isinstance(result[0], Committed) and isinstance(step, Last):
            self._serve(newest)
        else:
            self._fleet.in_flight[newest.target.id] -= 1
        return step

    async def _late(self, ended: _Open | None) -> None:
        """Take note of how an attempt ended that had been silent: a good answer is one all the same."""
        if ended is None:
            return
        result = _result(ended)
        await self._noted(ended, result)
        if not isinstance(result[0], Committed):
            self._fleet.in_flight[ended.target.id] -= 1
            return
        if ended.silent is not None:
            self._history.remove(ended.silent)
        self._history.append(Tried(ended.priority, ended.target, result[0]))
        ended.note.decision = Why.SUCCESS
        self._serve(ended)

    async def _noted(self, ended: _Open, result: Result) -> None:
        outcome, answer = result
        self._open.remove(ended)
        now = time.monotonic()
        note = ended.note
        note.duration_ms = (now - ended.began) * 1000
        if isinstance(outcome, Committed):
            note.error_class, note.detail = None, ""
        trace.note(note, outcome)
        if answer is not None:
            note.bytes = answer.size
        self._learn(ended, outcome)
        await self._forget_latest()
        self._latest = result

    def _serve(self, winner: _Open) -> None:
        winner.note.first_token_ms = winner.note.duration_ms
        self._fleet.health.last_good[self._upstream.name] = (winner.priority, self._model)
        self._serving = winner
        # Whoever serves stands last in the trace, whoever else was started meanwhile.
        self._record.attempts.sort(key=lambda note: note is winner.note)

    def _ended(self, step: Step) -> Ended:
        outcome, answer = self._latest or (self._history[-1].outcome if self._history else None, None)
        self._latest = None
        if self._serving is not None and outcome is not None:
            return Ended(outcome, answer, Why.SUCCESS, status_for(outcome), self._model)
        assert isinstance(step, Last)  # noqa: S101 - the loop ended
        status = step.status if outcome is None or step.why is Why.DEADLINE else status_for(outcome)
        return Ended(outcome, answer, step.why, status, self._model)

    # ── What is open ────────────────────────────────────────────────────────────────────────────────────────────────

    async def _first_to_end(self, seconds: float | None) -> _Open | None:
        """Wait until an open attempt ends; None if none does in so many seconds."""
        tasks = {each.task: each for each in self._open if each.task is not None}
        ended, _ = await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        return next((each for task, each in tasks.items() if task in ended), None)

    def _abandon(self, each: _Open) -> None:
        """Close an attempt whose outcome is not waited for any more."""
        if each.task is not None:
            each.task.cancel()
            each.task.add_done_callback(_drop)
        self._end(each)
        if each.silent is None:
            each.note.detail = "the client left" if self._serving is None else "another answered first"
            self._learn(each, ClientGone())

    def _end(self, each: _Open) -> None:
        self._fleet.in_flight[each.target.id] -= 1
        each.note.duration_ms = (time.monotonic() - each.began) * 1000

    async def _forget_latest(self) -> None:
        if self._latest is not None:
            answer, self._latest = self._latest[1], None
            if answer is not None:
                await answer.put_away()

    def _learn(self, of: _Open, outcome: Outcome) -> None:
        self._fleet.health.record(of.target, self._model, outcome, self._policy.cool_down, time.monotonic())

    @property
    def _may_repeat(self) -> bool:
        return self._fleet.budget.allows(self._upstream.name, self._policy.retry_budget)

    def _count_repeat(self) -> None:
        self._repeats += 1
        self._fleet.budget.repeat(self._upstream.name)

    @property
    def _model(self) -> str:
        return getattr(self._call.body, "model", "")

    def _limits(self, now: float) -> Limits:
        policy = self._policy
        holdback = policy.holdback if policy.stream_recovery == "Holdback" else None
        if not policy.timeout and not policy.per_try_timeout and holdback is None:
            return _NO_LIMITS
        remaining = max(0.001, policy.timeout - (now - self._record.started)) if policy.timeout else None
        return Limits(policy.per_try_timeout or None, remaining, holdback)


_NO_LIMITS = Limits()


def _priority(step: Try | Wait) -> int:
    return step.then.priority if isinstance(step, Wait) else step.priority


def _result(ended: _Open) -> Result:
    assert ended.task is not None  # noqa: S101 - it was waited for
    return ended.task.result()


def _drop(task: "asyncio.Task[Result]") -> None:
    """Close the answer of an attempt that ended in the very moment in which it was given up."""
    if not task.cancelled() and task.exception() is None and (answer := task.result()[1]) is not None:
        answer.abort()
