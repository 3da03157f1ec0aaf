"""What is written down of the attempts of one request: load, health, retry budget and trace."""

import time

from switchover_dataplane.attempts.in_flight import InFlight, Result
from switchover_dataplane.attempts.runtime import UpstreamRuntime
from switchover_dataplane.failover.outcome import Broken, ClientGone, Committed, Outcome
from switchover_dataplane.request.identity import RequestIdentity
from switchover_dataplane.table.policies import Policy
from switchover_dataplane.table.upstreams import Upstream
from switchover_dataplane.telemetry import trace


class AttemptLog:
    """Takes note of each attempt as it begins and ends. `model` is the one that the request asks for."""

    __slots__ = ("_policy", "_repeats", "_runtime", "_upstream", "identity", "model", "record")

    def __init__(  # noqa: PLR0917 - a request, and where it goes
        self,
        record: trace.Record,
        runtime: UpstreamRuntime,
        upstream: Upstream,
        policy: Policy,
        identity: RequestIdentity,
        model: str,
    ) -> None:
        self.identity = identity
        self.model = model
        self.record = record
        self._runtime = runtime
        self._upstream = upstream
        self._policy = policy
        self._repeats = 0

    # ── One attempt ─────────────────────────────────────────────────────────────────────────────────────────────────

    def started(self, attempt: InFlight) -> None:
        """An attempt begins."""
        self.record.attempts.append(attempt.note)
        self._runtime.in_flight[attempt.target.id] += 1
        self._runtime.health.record_start(attempt.target, self.model, attempt.began, identity=self.identity)

    def ended(self, attempt: InFlight, result: Result) -> None:
        """An attempt ended; whether its answer is handed on is not decided yet."""
        outcome, answer = result
        note = attempt.note
        note.duration_ms = (time.monotonic() - attempt.began) * 1000
        if attempt.silent is not None and isinstance(outcome, Committed):
            note.error_class, note.detail = None, ""
        trace.note(note, outcome)
        is_streaming = False
        if answer is not None:
            note.bytes = answer.size
            is_streaming = answer.opened is not None or answer.rest is not None
        self._learn(attempt, outcome, is_streaming=is_streaming)

    def is_silent(self, attempt: InFlight, outcome: Outcome) -> None:
        """An attempt is open beyond its soft timeout."""
        trace.note(attempt.note, outcome)
        self._learn(attempt, outcome)

    def cancelled(self, attempt: InFlight, why: str) -> None:
        """Nobody waits for the outcome of an attempt any more."""
        self._close(attempt)
        if attempt.silent is None:
            attempt.note.detail = why
            self._learn(attempt, ClientGone())

    # ── Its answer ──────────────────────────────────────────────────────────────────────────────────────────────────

    def not_served(self, attempt: InFlight) -> None:
        """The answer of an attempt that ended is not handed on."""
        self._runtime.in_flight[attempt.target.id] -= 1

    def serves(self, attempt: InFlight) -> None:
        """The answer of an attempt that ended is handed on from now."""
        attempt.note.first_token_ms = attempt.note.duration_ms
        self._runtime.health.last_good[self._upstream.name] = (attempt.priority, self.model)
        attempts = self.record.attempts
        if attempts[-1] is not attempt.note:
            # The attempt that serves stands last in the trace, whatever else was started meanwhile.
            attempts.sort(key=lambda note: note is attempt.note)

    def broke(self, attempt: InFlight, outcome: Broken) -> None:
        """The answer that was handed on broke off."""
        trace.note(attempt.note, outcome)
        self._learn(attempt, outcome)

    def is_whole(self, attempt: InFlight) -> None:
        """The answer that was handed on reached its end."""
        self._runtime.health.record_completion(attempt.target, self.model, time.monotonic(), identity=self.identity)

    def served(self, attempt: InFlight) -> None:
        """No more of the answer is handed on."""
        self._close(attempt)

    # ── Repeats ─────────────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def may_repeat(self) -> bool:
        """Whether the retry budget has room for a repeat."""
        return self._runtime.budget.allows(self._upstream.name, self._policy.retry_budget)

    def repeats(self) -> None:
        """A target is asked again, or another beside one that is silent."""
        self._repeats += 1
        self._runtime.budget.repeat(self._upstream.name)

    def repeats_end(self) -> None:
        """No attempt is open, so that no repeat is in flight."""
        if self._repeats:
            self._runtime.budget.repeated(self._upstream.name, self._repeats)
            self._repeats = 0

    def _learn(self, attempt: InFlight, outcome: Outcome, *, is_streaming: bool = False) -> None:
        health, cool_down, now = self._runtime.health, self._policy.cool_down, time.monotonic()
        health.record(
            attempt.target, self.model, outcome, cool_down, now, identity=self.identity, is_streaming=is_streaming
        )

    def _close(self, attempt: InFlight) -> None:
        self._runtime.in_flight[attempt.target.id] -= 1
        attempt.note.duration_ms = (time.monotonic() - attempt.began) * 1000
