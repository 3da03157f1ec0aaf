"""The words of the decision: what was tried, and what may come next.

They stand apart from `decision.py` because those who carry out a step need its type and none of the rules behind it.
"""

from enum import StrEnum

import msgspec

from switchover_dataplane.failover.outcome import Outcome
from switchover_dataplane.table.upstreams import Target


class Why(StrEnum):
    """The reason of a step: the `decision` that a trace shows beside the attempt it followed."""

    FIRST = "first try"
    NEXT_PRIORITY = "next priority"
    OTHER_TARGET = "another target of the same priority"
    AGAIN = "same priority again"
    RETRY_AFTER = "same target again after its Retry-After"
    EARLIER_PRIORITY = "earlier priority again"
    COOLING_TARGET = "a target that is cooling down, as no other is left"

    SUCCESS = "answer: success"
    NOT_RETRIABLE = "answer: not retriable under retryOn"
    FINAL = "answer: about the request itself"
    ATTEMPTS_USED_UP = "answer: attempts used up"
    TURNS_TAKEN = "answer: all priorities had their turn"
    BUDGET_SPENT = "answer: retry budget spent"
    DEADLINE = "answer: deadline"
    NO_TARGET = "answer: no target"
    CLIENT_GONE = "answer: client gone"


class Tried(msgspec.Struct, frozen=True, gc=False):
    """One attempt of this request and what it became; `priority` is an index of `Upstream.priorities`.

    `took` is how many seconds passed until it failed.
    """

    priority: int
    target: Target
    outcome: Outcome
    took: float = 0.0


class Try(msgspec.Struct, frozen=True, gc=False):
    """Attempt one of `candidates` (never empty, all of one pool) now."""

    priority: int
    candidates: tuple[Target, ...]
    why: Why


class Wait(msgspec.Struct, frozen=True, gc=False):
    """Sleep `seconds` (more than 0), then do `then` without asking again."""

    seconds: float
    then: Try

    @property
    def why(self) -> Why:
        """The reason of the try that follows the wait."""
        return self.then.why


class Answer(msgspec.Struct, frozen=True, gc=False):
    """Hand on what the most telling attempt became; `status` is that of the last, ours where no target gave one.

    `after` is how many seconds are let pass before: Envoy ends a wait that is longer than the deadline at the deadline.
    """

    why: Why
    status: int
    after: float = 0.0


Step = Try | Wait | Answer
