"""One request to one upstream: `next_step` and attempts alternate until an answer is good or known to be the last.

This is where the decision meets sockets, the clock and chance; it decides nothing itself. An attempt that is silent
beyond its soft timeout stays open while another starts beside it: the first good answer wins, and the rest are closed.
"""

import asyncio
import random
import time
from collections.abc import Mapping, Sequence
from typing import Final

from msgspec.structs import replace

from switchover_dataplane.attempts.answer import Answer
from switchover_dataplane.attempts.attempt import attempt
from switchover_dataplane.attempts.attempt_group import AttemptGroup
from switchover_dataplane.attempts.attempt_log import AttemptLog
from switchover_dataplane.attempts.declined import is_declined
from switchover_dataplane.attempts.held import Failure, Held
from switchover_dataplane.attempts.in_flight import InFlight, Result
from switchover_dataplane.attempts.runtime import UpstreamRuntime
from switchover_dataplane.attempts.soft_timeout import SoftTimeout, soft_timeout
from switchover_dataplane.failover.answer_status import status_for
from switchover_dataplane.failover.balance import choose
from switchover_dataplane.failover.decision import Answer as Finish
from switchover_dataplane.failover.decision import Step, Tried, Try, Wait, Why, first_step, next_step
from switchover_dataplane.failover.outcome import Broken, Committed, ErrorClass, Outcome, TimedOut
from switchover_dataplane.failover.triggers import is_final_success, wants_refusals_known
from switchover_dataplane.request.call import Call, RequestBody
from switchover_dataplane.request.capable import capable
from switchover_dataplane.request.continuation import Continuation
from switchover_dataplane.request.identity import RequestIdentity
from switchover_dataplane.request.limits import Limits
from switchover_dataplane.table.policies import Policy
from switchover_dataplane.table.upstreams import Upstream
from switchover_dataplane.telemetry import trace
from switchover_dataplane.upstream.targets import Route

# A constant of the module is found faster than a member of an enumeration.
_SUCCESS: Final = Why.SUCCESS

__all__ = ["Ended", "Exchange", "UpstreamRuntime"]


class Ended:
    """How the exchange ended: the most telling outcome, its answer, why, and our status.

    The outcome is None where nothing could be tried. `model` is the one that the request asked for.
    """

    __slots__ = ("answer", "model", "outcome", "status", "why")

    def __init__(self, outcome: Outcome | None, answer: Answer | None, why: Why, status: int, model: str) -> None:
        self.outcome = outcome
        self.answer = answer
        self.why = why
        self.status = status
        self.model = model

    @property
    def success(self) -> bool:
        """Whether the answer is one that a model gave and not a failure."""
        return isinstance(self.outcome, Committed)


class Exchange:
    """The attempts of one request, and those that continue its answer if that breaks off.

    `translates`: a target is not asked in the client's API, so that it may have no place for a part of the request.
    """

    __slots__ = (
        "_answer",
        "_call",
        "_group",
        "_held",
        "_history",
        "_is_narrowed",
        "_limits",
        "_log",
        "_policy",
        "_record",
        "_routes",
        "_runtime",
        "_serving",
        "_upstream",
    )

    def __init__(  # noqa: PLR0917 - a request, and where it goes
        self,
        call: Call,
        identity: RequestIdentity,
        upstream: Upstream,
        policy: Policy,
        limits: Limits,
        routes: Mapping[str, Route],
        runtime: UpstreamRuntime,
        record: trace.Record,
        translates: bool,
    ) -> None:
        self._call = call
        self._upstream = upstream
        self._is_narrowed = not translates
        self._policy = policy
        self._routes = routes
        self._runtime = runtime
        self._record = record
        self._log = AttemptLog(record, runtime, upstream, policy, identity, call.body.model)
        self._group = AttemptGroup(runtime.timeouts)
        self._held = Held(runtime.put_away)
        self._limits = limits
        self._answer: Ended | None = None
        self._history: list[Tried] = []
        self._serving: InFlight | None = None

    @property
    def body(self) -> RequestBody:
        """The body of the request, as targets were asked last."""
        return self._call.body

    @property
    def path(self) -> str:
        """The path that targets are asked for, before each provider's own way."""
        return self._call.head.path

    async def run(self) -> Ended:
        """Try until it is known what the client gets; cancellation closes what is open."""
        step: Step | None
        try:
            step = self._first()
            while step is not None and isinstance(step, (Try, Wait)):
                step = await self._take(step)
            while self._group.open and self._serving is None:
                self._on_late(await self._group.next_ended())
            if isinstance(step, Finish) and step.after > 0:
                await asyncio.sleep(step.after)
        except BaseException:
            self._held.abort()
            raise
        finally:
            if self._group.open:
                self._cancel_all()
            self._log.repeats_end()
        return self._ended(step) if self._answer is None else self._answer

    async def go_on(self, body: Continuation) -> Ended:
        """Ask further targets to continue the answer that broke off."""
        self._call = self._call.going_on(body)
        self._log.model = body.model
        self._answer = None
        return await self.run()

    def broke(self, outcome: Broken) -> None:
        """Take note that the answer that was handed on broke off.

        An error in the midst of it may be about the request; a cut is the target's doing.
        """
        serving = self._serving
        assert serving is not None  # noqa: S101 - else nothing could have broken off
        if outcome.how == "error-event":
            outcome = replace(outcome, scope="unknown")
        self._log.broke(serving, outcome)
        self.close()
        self._history[-1] = replace(self._history[-1], outcome=outcome)

    def earliest_return(self) -> float | None:
        """Return in how many seconds the first target is back that cools down, None if none does."""
        log, health = self._log, self._runtime.health
        return health.earliest_return(self._upstream, log.model, time.monotonic(), identity=log.identity)

    def ended_whole(self) -> None:
        """Take note that the answer that was handed on reached its end."""
        if self._serving is not None:
            self._log.is_whole(self._serving)

    def may_go_on(self) -> bool:
        """Tell whether another target would be asked if the answer that is handed on broke off now."""
        broken = replace(self._history[-1], outcome=Broken("stalled", "", ErrorClass.INTERRUPTED))
        return not isinstance(self._after([*self._history[:-1], broken]), Finish)

    def close(self) -> None:
        """Take note that no answer is handed on any more."""
        if self._serving is not None:
            self._log.served(self._serving)
            self._serving = None

    # ── What comes next ─────────────────────────────────────────────────────────────────────────────────────────────

    def _first(self) -> Step:
        """Return the first step of a request; nothing but health has a say in it where there is no deadline.

        Raises:
            Unserved: no target can be asked for it.
        """
        if not self._is_narrowed and not self._begins_as_it_came():
            self._narrow()
        if self._history or self._policy.timeout:
            return self._next()
        log = self._log
        health, cool_down = self._runtime.health, self._policy.cool_down
        cooling = health.cooling(self._upstream, cool_down, log.model, time.monotonic(), identity=log.identity)
        return first_step(self._upstream, cooling)

    def _next(self) -> Step:
        step = self._after(self._history)
        if self._record.attempts:
            self._record.attempts[-1].decision = step.why
        return step

    def _begins_as_it_came(self) -> bool:
        """Tell whether all targets of the first priority get the client's own bytes."""
        first = next(filter(None, self._upstream.priorities), ())
        return all(not self._call.to(self._routes[target.id]).is_foreign for target in first)

    def _narrow(self) -> None:
        """Leave out the targets that cannot carry the request.

        Raises:
            Unserved: there is no other one.
        """
        self._is_narrowed = True
        self._upstream, passed_by = capable(self._upstream, self._call, self._routes, self._policy)
        self._record.passed_by += passed_by

    def _after(self, history: Sequence[Tried]) -> Step:
        if not self._is_narrowed:
            self._narrow()
        now = time.monotonic()
        policy, log = self._policy, self._log
        return next_step(
            policy,
            self._upstream,
            history,
            cooling=self._runtime.health.cooling(
                self._upstream, policy.cool_down, log.model, now, identity=log.identity
            ),
            elapsed=now - self._record.started,
            wall=time.time(),
            chance=random.random(),  # noqa: S311 - jitter, not a secret
            repeats_allowed=not history or log.may_repeat,
        )

    async def _take(self, step: Try | Wait) -> Step | None:
        """Carry a step out; return the one that follows it, None if an answer is handed on."""
        self._held.try_on()
        if self._history and self._is_repeat(step):
            self._log.repeats()
        wait = 0.0
        if not isinstance(step, Try):
            wait = step.seconds
            await self._sleep(wait)
            if self._serving is not None:
                return None
            step = step.then
        newest = self._start(step, wait)
        is_last = not newest.soft_timeout.seconds
        while True:
            ended = self._group.take_ended()
            if ended is None:
                await self._group.waiter(None if is_last else newest.left, newest.soft_timeout.seconds)
                ended = self._group.take_ended()
            if ended is newest:
                return self._on_ended(newest)
            if ended is not None:
                self._on_late(ended)
                if self._serving is not None:
                    return None
            elif newest.left <= 0:
                following = self._on_soft_timeout(newest)
                if not isinstance(following, Finish) or newest not in self._group.open:
                    return following
                is_last = True

    async def _sleep(self, seconds: float) -> None:
        """Wait, unless a silent attempt brings its answer meanwhile."""
        until = time.monotonic() + seconds
        while self._group.open and (left := until - time.monotonic()) > 0:
            ended = await self._group.next_ended(left)
            if ended is not None:
                self._on_late(ended)
            if self._serving is not None:
                return
        await asyncio.sleep(until - time.monotonic())

    # ── One attempt ─────────────────────────────────────────────────────────────────────────────────────────────────

    def _start(self, step: Try, wait: float) -> InFlight:
        """Attempt one of a step's candidates, `wait` seconds after it was decided."""
        call = self._call
        candidates = step.candidates
        target = candidates[0] if len(candidates) == 1 else choose(candidates, self._runtime.in_flight, random)
        head = call.to(self._routes[target.id])
        name = head.name_of_model(self._log.model)
        note = trace.Attempt(step.priority, target.id, head.route.wire.name, name, wait * 1000)
        newest = InFlight(step.priority, target, head, note, time.monotonic())
        if head.translation is not None:
            note.not_carried = call.written(head, head.translation).names
        note.beside = bool(self._group.open)
        newest.soft_timeout = soft_timeout(self._policy, call.body, name)
        if call.body.continues:
            note.continues = True
            if not newest.soft_timeout.seconds:
                newest.soft_timeout = SoftTimeout("firstTokenTimeout", self._policy.stream_idle_timeout)
        self._log.started(newest)
        if self._is_looked_at:
            self._group.start(newest, self._looked_at(newest))
        else:
            self._group.start(newest, attempt(self._runtime.transport, call, self._limits_at(newest.began), newest))
        return newest

    @property
    def _is_looked_at(self) -> bool:
        """Whether it depends on more than the attempt itself what became of it."""
        return isinstance(self._call.body, Continuation) or wants_refusals_known(self._policy)

    async def _looked_at(self, newest: InFlight) -> Result:
        call, transport, route = self._call, self._runtime.transport, newest.head.route
        outcome, answer = await attempt(transport, call, self._limits_at(newest.began), newest)
        if isinstance(call.body, Continuation) and answer is not None and call.body.falls_back(route, outcome):
            self._runtime.put_away(answer)
            return await attempt(transport, call, self._limits_at(time.monotonic()), newest)
        if isinstance(outcome, Committed) and answer is not None and wants_refusals_known(self._policy):
            declined = is_declined(newest.head.api, answer)
            return replace(outcome, error_class=ErrorClass.CONTENT_FILTER) if declined else outcome, answer
        return outcome, answer

    def _limits_at(self, now: float) -> Limits:
        """Return the limits of an attempt that begins now."""
        timeout = self._policy.timeout
        if not timeout:
            return self._limits
        return self._limits.within(max(0.001, timeout - (now - self._record.started)))

    # ── What became of it ───────────────────────────────────────────────────────────────────────────────────────────

    def _on_ended(self, newest: InFlight) -> Step | None:
        """Take note of how the newest attempt ended; return what comes next, None if its answer is handed on."""
        result = newest.result
        outcome = result[0]
        is_good = isinstance(outcome, Committed)
        self._log.ended(newest, result)
        if is_final_success(self._policy, outcome):
            self._history.append(Tried(newest.priority, newest.target, outcome))
            self._win(newest, result)
            return None
        if not self._group.open:
            self._log.repeats_end()
        # What was silent for too long stays so to this request: it is not asked again, whatever came of it in the end.
        counted = newest.overdue if newest.overdue and not is_good else outcome
        self._history.append(Tried(newest.priority, newest.target, counted, time.monotonic() - newest.began))
        step = self._next()
        self._keep(newest, result, decides=isinstance(step, Finish) and self._decides(step, result))
        if is_good and isinstance(step, Finish):
            self._serve(newest)
        else:
            self._log.not_served(newest)
        return step

    def _on_late(self, ended: InFlight | None) -> None:
        """Take note of how an attempt ended that had been silent: a good answer is one all the same."""
        if ended is None:
            return
        result = ended.result
        self._log.ended(ended, result)
        if not isinstance(result[0], Committed):
            self._keep(ended, result, decides=False)
            self._log.not_served(ended)
            return
        self._history = [tried for tried in self._history if tried is not ended.silent]
        self._history.append(Tried(ended.priority, ended.target, result[0]))
        self._win(ended, result)

    def _on_soft_timeout(self, newest: InFlight) -> Step:
        """Return what is started beside an attempt that is silent; the last candidate is not given up for it."""
        outcome = TimedOut(newest.soft_timeout.limit, newest.soft_timeout.seconds)
        silent = Tried(newest.priority, newest.target, outcome)
        self._history.append(silent)
        step = self._next()
        if isinstance(step, Finish):
            self._history.pop()
            newest.overdue = outcome
            if not self._call.body.continues:
                return step
        newest.silent = silent
        self._log.is_silent(newest, outcome)
        if isinstance(step, Finish):
            # A client that has read half an answer is not left waiting for the other half without end.
            self._cancel_all()
        elif self._log.may_repeat:
            self._log.repeats()
        else:
            self._cancel(newest)
        return step

    def _win(self, winner: InFlight, result: Result) -> None:
        """Hand on a good answer, whatever came before."""
        outcome, answer = result
        self._held.forget()
        winner.note.decision = _SUCCESS
        self._serve(winner)
        self._answer = Ended(outcome, answer, _SUCCESS, status_for(outcome), self._log.model)

    def _serve(self, winner: InFlight) -> None:
        self._log.serves(winner)
        self._serving = winner

    def _cancel(self, open_attempt: InFlight) -> None:
        self._group.cancel(open_attempt)
        why = "the client left" if self._serving is None else "another answered first"
        self._log.cancelled(open_attempt, why)

    def _cancel_all(self) -> None:
        for each in tuple(self._group.open):
            self._cancel(each)

    # ── What it comes to ────────────────────────────────────────────────────────────────────────────────────────────

    def _ended(self, step: Step | None) -> Ended:
        why, status = (step.why, step.status) if isinstance(step, Finish) else (Why.SUCCESS, 200)
        model = self._log.model
        if why is Why.DEADLINE and self._policy.deadline_is_final and self._history:
            self._held.forget()
            return Ended(TimedOut("timeout", self._policy.timeout), None, why, status, model)
        held = self._held.take()
        if held is None:
            return Ended(self._history[-1].outcome if self._history else None, None, why, status, model)
        outcome = held.tried.outcome
        if held.note is not self._record.attempts[-1] and not self._call.body.continues:
            self._record.handed_on = held.note
        if why is not Why.DEADLINE or held.answer is not None:
            status = status_for(outcome)
        return Ended(outcome, held.answer, why, status, model)

    def _decides(self, step: Step, result: Result) -> bool:
        """Tell whether the answer that came last is the one to hand on, whatever came before.

        It is where it is a success, or one that a written `retryOn` does not name.
        """
        if self._policy.last_answer_is_final or isinstance(result[0], Committed):
            return True
        return self._policy.hands_on_unchanged and step.why is Why.NOT_RETRIABLE and result[1] is not None

    def _keep(self, ended: InFlight, result: Result, *, decides: bool) -> None:
        outcome, answer = result
        if answer is not None and self._policy.demands_form and _is_wordless(outcome):
            self._runtime.put_away(answer)
            answer = None
        found = Failure(Tried(ended.priority, ended.target, outcome), answer, ended.note)
        self._held.offer(found, self._history, decides=decides)

    def _is_repeat(self, step: Try | Wait) -> bool:
        """Tell whether a step asks a target again; its candidates had equally many tries."""
        then = step.then if isinstance(step, Wait) else step
        return any(
            tried.priority == then.priority and tried.target.id == then.candidates[0].id for tried in self._history
        )


def _is_wordless(outcome: Outcome) -> bool:
    """Tell whether nothing of an answer is ever shown, so that it need not be held while others are tried."""
    return isinstance(outcome, Broken) and outcome.how != "error-event"
