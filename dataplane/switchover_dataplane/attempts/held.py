"""What the attempts of a request became → the one answer that is held for the client, the others put away.

Two answers are never held: each is an open connection, or megabytes of memory.
"""

from collections.abc import Callable, Sequence

from switchover_dataplane.attempts.answer import Answer
from switchover_dataplane.failover.most_telling import telling
from switchover_dataplane.failover.outcome import Committed
from switchover_dataplane.failover.steps import Tried
from switchover_dataplane.telemetry import trace


class Failure:
    """One attempt that ended, mostly badly, the answer that it brought, and how the trace tells of it."""

    __slots__ = ("answer", "note", "tried")

    def __init__(self, tried: Tried, answer: Answer | None, note: trace.Attempt) -> None:
        self.tried = tried
        self.answer = answer
        self.note = note


class Held:
    """What the client gets if nothing better comes. `put_away` is called with each answer that it lost to."""

    __slots__ = ("_failure", "_put_away")

    def __init__(self, put_away: Callable[[Answer], None]) -> None:
        self._put_away = put_away
        self._failure: Failure | None = None

    def offer(self, found: Failure, history: Sequence[Tried], *, decides: bool) -> None:
        """Hold a failure in the place of the one before if it `decides` or tells the caller as much."""
        before = self._failure
        lost: Failure | None = found
        if before is None or decides or telling(found.tried, history) >= telling(before.tried, history):
            self._failure, lost = found, before
        if lost is not None and lost.answer is not None:
            self._put_away(lost.answer)

    def try_on(self) -> None:
        """Note that another attempt is made: a success that was not good enough is worth nothing any more."""
        if self._failure is not None and isinstance(self._failure.tried.outcome, Committed):
            self.forget()

    def take(self) -> Failure | None:
        """Return what is held and hold it no longer."""
        failure, self._failure = self._failure, None
        return failure

    def forget(self) -> None:
        """Give what is held up."""
        failure = self.take()
        if failure is not None and failure.answer is not None:
            self._put_away(failure.answer)

    def abort(self) -> None:
        """Give what is held up at once, with its connection."""
        failure = self.take()
        if failure is not None and failure.answer is not None:
            failure.answer.abort()
