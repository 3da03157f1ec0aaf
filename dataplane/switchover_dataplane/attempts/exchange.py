"""One request to one upstream: `next_step` and `attempt` alternate until an answer is good or known to be the last.

This is where the decision meets sockets, the clock and chance; it decides nothing itself. An attempt that is silent
beyond its soft limit stays open while another starts beside it: the first good answer wins, and the rest are closed.
"""

import asyncio
import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from switchover_dataplane.attempts.answer import Answer
from switchover_dataplane.attempts.attempt import Result
from switchover_dataplane.attempts.attempt_group import Fleet, Race, Running
from switchover_dataplane.attempts.held import Failure, Held
from switchover_dataplane.failover.decision import Answer as Last
from switchover_dataplane.failover.decision import Step, Tried, Try, Wait, Why, next_step, status_for
from switchover_dataplane.failover.outcome import Broken, Committed, ErrorClass, Outcome, TimedOut
from switchover_dataplane.request.asker import Asker
from switchover_dataplane.request.call import Call
from switchover_dataplane.request.continuation import Continuation
from switchover_dataplane.table import Policy, Upstream
from switchover_dataplane.telemetry import trace
from switchover_dataplane.upstream.targets import Route

__all__ = ["Ended", "Exchange", "Fleet"]


@dataclass(slots=True)
class Ended:
    """How the exchange ended: the most telling outcome, its answer, why, and our status.

    The outcome is None where nothing could be tried.

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
    """The attempts of one request, and those that continue its answer if that breaks off."""

    __slots__ = ("_fleet", "_held", "_history", "_policy", "_race", "_record", "_repeats", "_upstream")

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
        self._upstream = upstream
        self._policy = policy
        self._fleet = fleet
        self._record = record
        self._race = Race(
            call, asker=asker, upstream=upstream, policy=policy, routes=routes, fleet=fleet, record=record
        )
        self._history: list[Tried] = []
        self._held = Held(fleet.put_away)
        self._repeats = 0

    @property
    def body(self) -> object:
        """The body of the request, as targets were asked last."""
        return self._race.call.body

    @property
    def path(self) -> str:
        """The path that targets are asked for, before each provider's own way."""
        return self._race.call.path

    async def run(self) -> Ended:
        """Try until it is known what the client gets; cancellation closes what is open."""
        race = self._race
        try:
            step = self._next()
            while not isinstance(step, Last) and race.serving is None:
                step = await self._take(step)
            while race.open and race.serving is None:
                await self._late(await race.first_to_end())
            if isinstance(step, Last) and step.after > 0:
                await asyncio.sleep(step.after)
        except BaseException:
            self._held.abort()
            raise
        finally:
            self._abandon_all()
            self._end_repeats()
        return self._ended(step)

    async def go_on(self, body: Continuation) -> Ended:
        """Ask further targets to continue the answer that broke off."""
        self._race.call = replace(self._race.call, body=body)
        return await self.run()

    def broke(self, outcome: Broken) -> None:
        """Take note that the answer that was handed on broke off.

        An error in the midst of it may be about the request; a cut is the target's doing.
        """
        serving = self._race.serving
        assert serving is not None  # noqa: S101 - else nothing could have broken off
        if outcome.how == "error-event":
            outcome = replace(outcome, concerns="unknown")
        trace.note(serving.note, outcome)
        self._race.learn(serving, outcome)
        self._race.served()
        self._history[-1] = replace(self._history[-1], outcome=outcome)

    def earliest_return(self) -> float | None:
        """Return in how many seconds the first target is back that cools down, None if none does."""
        race = self._race
        return self._fleet.health.earliest_return(self._upstream, race.model, time.monotonic(), asker=race.asker)

    def ended_whole(self) -> None:
        """Take note that the answer that was handed on reached its end."""
        self._race.served_whole()

    def may_go_on(self) -> bool:
        """Tell whether another target would be asked if the answer that is handed on broke off now."""
        broken = replace(self._history[-1], outcome=Broken("stalled", "", ErrorClass.INTERRUPTED))
        return not isinstance(self._after([*self._history[:-1], broken]), Last)

    def close(self) -> None:
        """Take note that no answer is handed on any more."""
        self._race.served()

    # ── One step after the other ────────────────────────────────────────────────────────────────────────────────────

    def _next(self) -> Step:
        step = self._after(self._history)
        if self._record.attempts:
            self._record.attempts[-1].decision = step.why
        return step

    def _after(self, history: Sequence[Tried]) -> Step:
        now = time.monotonic()
        policy = self._policy
        return next_step(
            policy,
            self._upstream,
            history,
            cooling=self._fleet.health.cooling(
                self._upstream, policy.cool_down, self._race.model, now, asker=self._race.asker
            ),
            elapsed=now - self._record.started,
            wall=time.time(),
            chance=random.random(),  # noqa: S311 - jitter, not a secret
            repeats_allowed=not history or self._may_repeat,
        )

    async def _take(self, step: Try | Wait) -> Step:
        """Carry a step out; return the one that follows it. Once an answer is handed on, none does."""
        self._held.try_on()
        if self._is_repeat(step):
            self._count_repeat()
        wait = 0.0
        if isinstance(step, Wait):
            wait = step.seconds
            await self._sleep(wait)
            if self._race.serving is not None:
                return step
            step = step.then
        newest, result = await self._race.start(step, wait)
        return await self._decided(newest, result) if result is not None else await self._beside(newest)

    async def _sleep(self, seconds: float) -> None:
        """Wait, unless a silent attempt brings its answer meanwhile."""
        until = time.monotonic() + seconds
        while self._race.open and (left := until - time.monotonic()) > 0:
            await self._late(await self._race.first_to_end(left))
            if self._race.serving is not None:
                return
        await asyncio.sleep(until - time.monotonic())

    async def _beside(self, newest: Running) -> Step:
        """Wait for the newest attempt, and for silent ones beside it; return what comes next, also if it is silent."""
        is_last = not newest.patience.seconds
        while True:
            ended = await self._race.first_to_end(None if is_last else newest.left)
            if ended is newest:
                return await self._decided(newest, newest.result)
            if ended is not None:
                await self._late(ended)
                if self._race.serving is not None:
                    return Last(Why.SUCCESS, 200)
            elif newest.left <= 0:
                step = self._silence(newest)
                if not isinstance(step, Last) or newest not in self._race.open:
                    return step
                is_last = True

    def _silence(self, newest: Running) -> Step:
        """Return what is started beside an attempt that is silent; the last candidate is not given up for it."""
        outcome = TimedOut(newest.patience.limit, newest.patience.seconds)
        silent = Tried(newest.priority, newest.target, outcome)
        self._history.append(silent)
        step = self._next()
        if isinstance(step, Last):
            self._history.pop()
            newest.overdue = outcome
            if not isinstance(self._race.call.body, Continuation):
                return step
        newest.silent = silent
        trace.note(newest.note, outcome)
        self._race.learn(newest, outcome)
        if isinstance(step, Last):
            # Who has read half an answer is not left waiting for the other half without end.
            self._abandon_all()
        elif self._may_repeat:
            self._count_repeat()
        else:
            self._race.abandon(newest)
        return step

    def _abandon_all(self) -> None:
        for each in tuple(self._race.open):
            self._race.abandon(each)

    async def _decided(self, newest: Running, result: Result) -> Step:
        """Take note of how the newest attempt ended; return what comes next."""
        self._race.ended(newest, result)
        if not self._race.open:
            self._end_repeats()
        # What was silent for too long stays so to this request: it is not asked again, whatever it said in the end.
        outcome = newest.overdue if newest.overdue and not isinstance(result[0], Committed) else result[0]
        self._history.append(Tried(newest.priority, newest.target, outcome, time.monotonic() - newest.began))
        step = self._next()
        self._keep(newest, result, decides=isinstance(step, Last) and self._decides(step, result))
        if isinstance(result[0], Committed) and isinstance(step, Last):
            self._race.serve(newest)
        else:
            self._race.lost(newest)
        return step

    async def _late(self, ended: Running | None) -> None:
        """Take note of how an attempt ended that had been silent: a good answer is one all the same."""
        if ended is None:
            return
        result = ended.result
        self._race.ended(ended, result)
        self._keep(ended, result, decides=isinstance(result[0], Committed))
        if not isinstance(result[0], Committed):
            self._race.lost(ended)
            return
        self._history = [tried for tried in self._history if tried is not ended.silent]
        self._history.append(Tried(ended.priority, ended.target, result[0]))
        ended.note.decision = Why.SUCCESS
        self._race.serve(ended)

    # ── What it comes to ────────────────────────────────────────────────────────────────────────────────────────────

    def _ended(self, step: Step) -> Ended:
        why, status = (step.why, step.status) if isinstance(step, Last) else (Why.SUCCESS, 200)
        if why is Why.DEADLINE and self._policy.deadline_is_final and self._history:
            self._held.forget()
            return Ended(TimedOut("timeout", self._policy.timeout), None, why, status, self._race.model)
        held = self._held.take()
        if held is None:
            return Ended(self._history[-1].outcome if self._history else None, None, why, status, self._race.model)
        outcome = held.tried.outcome
        if held.note is not self._record.attempts[-1] and not isinstance(self._race.call.body, Continuation):
            self._record.handed_on = held.note
        if why is not Why.DEADLINE or held.answer is not None:
            status = status_for(outcome)
        return Ended(outcome, held.answer, why, status, self._race.model)

    def _decides(self, step: Last, result: Result) -> bool:
        """Tell whether the answer that came last is the one to hand on, whatever was said before.

        It is where it is a success, or one that a written `retryOn` does not name.
        """
        if self._policy.last_answer_is_final or isinstance(result[0], Committed):
            return True
        return self._policy.hands_on_unchanged and step.why is Why.NOT_RETRIABLE and result[1] is not None

    def _keep(self, running: Running, result: Result, *, decides: bool) -> None:
        outcome, answer = result
        if answer is not None and self._policy.demands_form and _is_wordless(outcome):
            self._fleet.put_away(answer)
            answer = None
        found = Failure(Tried(running.priority, running.target, outcome), answer, running.note)
        self._held.offer(found, self._history, decides=decides)

    def _is_repeat(self, step: Try | Wait) -> bool:
        """Tell whether a step asks a target again; its candidates had equally many tries."""
        then = step.then if isinstance(step, Wait) else step
        return any(
            tried.priority == then.priority and tried.target.id == then.candidates[0].id for tried in self._history
        )

    @property
    def _may_repeat(self) -> bool:
        return self._fleet.budget.allows(self._upstream.name, self._policy.retry_budget)

    def _count_repeat(self) -> None:
        self._repeats += 1
        self._fleet.budget.repeat(self._upstream.name)

    def _end_repeats(self) -> None:
        self._fleet.budget.repeated(self._upstream.name, self._repeats)
        self._repeats = 0


def _is_wordless(outcome: Outcome) -> bool:
    """Tell whether nothing of an answer is ever shown, so that it need not be held while others are tried."""
    return isinstance(outcome, Broken) and outcome.how != "error-event"
