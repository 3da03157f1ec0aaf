"""A request between two attempts → the facts that the rules of `failover.py` and `envoy_order.py` are written in.

Everything here is a question; no rule is decided here. Tries are told apart by priority and target id, as one target
may stand in two pools.
"""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass

from switchover_dataplane.failover.backoff import before_repeat
from switchover_dataplane.failover.most_telling import is_of_the_first
from switchover_dataplane.failover.outcome import Broken, ErrorClass, NotSent, Outcome, Refused
from switchover_dataplane.failover.steps import Tried, Try, Wait
from switchover_dataplane.failover.triggers import error_class, is_soft
from switchover_dataplane.table import Policy, Target

DEFAULT_ATTEMPTS = 3
"""Tries of a request to an AI upstream whose policy says no number; more where there are more priorities."""

LONG = 5.0
"""A failure that took more seconds, or more than `firstTokenTimeout`, costs the caller too much to be met twice."""

Pool = tuple[Target, ...]


@dataclass(frozen=True, slots=True)
class Progress:
    """The facts of one decision after a failure.

    `pools` holds the pools that are not empty, by priority; `turns` and `outcomes` are the `tally` of `history`, made
    once as every rule asks for it. `wanted` tells whether the policy asks for another try.
    `cooling` is empty where every target cools down: they are then tried in order as if none did.
    """

    policy: Policy
    ai: bool
    pools: dict[int, Pool]
    history: Sequence[Tried]
    turns: Mapping[int, int]
    outcomes: Mapping[tuple[int, str], list[Outcome]]
    wanted: bool
    cooling: Set[str]
    elapsed: float
    wall: float
    chance: float
    repeats_allowed: bool

    @property
    def last(self) -> Tried:
        """The attempt that failed just now."""
        return self.history[-1]

    @property
    def worth_another_target(self) -> bool:
        """Nothing was sent, nothing is lost yet, or half an answer is with the caller already.

        Whatever `retryOn` says, a target not yet tried is worth it then. It is also worth it after a refusal of the
        request by a fallback, as the model that was asked first never said so.
        """
        outcome = self.last.outcome
        half_sent = isinstance(outcome, Broken) and outcome.error_class is ErrorClass.INTERRUPTED
        return self.policy.semantics == "Failover" and (
            half_sent or isinstance(outcome, NotSent) or is_soft(outcome) or self._is_a_fallbacks_own_refusal
        )

    @property
    def _is_a_fallbacks_own_refusal(self) -> bool:
        return (
            self.ai
            and not self.policy.explicit
            and error_class(self.last.outcome) is ErrorClass.CALLER_FAULT
            and not is_of_the_first(self.last, self.history)
        )

    @property
    def has_one_priority(self) -> bool:
        """Whether there is nowhere to move on to."""
        return len(self.pools) == 1

    @property
    def counts_unsent(self) -> bool:
        """A plain backend without a number has one try, but a dead endpoint is none: nothing was sent to it."""
        return self.ai or self.policy.written or self.policy.attempts > 0 or self.policy.semantics == "Envoy"

    @property
    def remaining(self) -> int:
        """How many tries are left. One more is granted where a brief rate limit was waited out and no number given."""
        used = len(self.history) - (0 if self.counts_unsent else self._unsent)
        if self.policy.attempts:
            return self.policy.attempts - used
        if self.policy.semantics == "Envoy" or not self.ai:
            return 1 - used
        return max(DEFAULT_ATTEMPTS, len(self.pools)) + self.has_waited - used

    @property
    def can_stay(self) -> bool:
        """Whether a further try here leaves one for each priority that still waits for its turn."""
        if isinstance(self.last.outcome, NotSent) and not self.counts_unsent:
            return True
        return self.remaining > len(self.untried_priorities())

    @property
    def has_waited(self) -> bool:
        """Whether a brief rate limit was waited out already: such a target is tried again in no other way."""
        return len(self.history) > len(self.outcomes) and any(
            self.brief_limit(outcome) is not None for outcomes in self.outcomes.values() for outcome in outcomes[:-1]
        )

    @property
    def _unsent(self) -> int:
        return sum(isinstance(tried.outcome, NotSent) for tried in self.history)

    def brief_limit(self, outcome: Outcome) -> float | None:
        """Return the wait of a rate limit that is worth waiting for; under a written policy none is."""
        if not isinstance(outcome, Refused) or outcome.error_class is not ErrorClass.RATE_LIMITED:
            return None
        if self.policy.written or self.policy.semantics == "Envoy":
            return None
        wait = outcome.retry_after or 0.0
        return wait if 0 < wait <= self.policy.max_retry_after_wait else None

    def is_told_to_stay_away(self, outcome: Outcome) -> bool:
        """Tell whether a target said that it will not answer for longer than is waited for."""
        wait = outcome.retry_after if isinstance(outcome, Refused | Broken) else None
        return (wait or 0.0) > self.policy.max_retry_after_wait

    def was_slow(self, tried: Tried) -> bool:
        """Tell whether an attempt failed so late that the same again would double the caller's wait."""
        return tried.took > min(self.policy.first_token_timeout or LONG, LONG)

    def outcomes_of(self, priority: int, target: Target) -> Sequence[Outcome]:
        """Return what became of the tries of one target."""
        return self.outcomes.get((priority, target.id), ())

    def tries_on(self, priority: int) -> int:
        """Count the tries on a priority."""
        return self.turns.get(priority, 0)

    def untried(self, priority: int, *, also_cooling: bool = False) -> Pool:
        """Return the targets of a pool that had no try."""
        pool = self.pools[priority]
        if priority not in self.turns and (also_cooling or not self.cooling):
            return pool
        return tuple(
            target
            for target in pool
            if (also_cooling or target.id not in self.cooling) and (priority, target.id) not in self.outcomes
        )

    def untried_priorities(self, *, also_cooling: bool = False) -> list[int]:
        """Return the priorities that had no try."""
        return [
            priority
            for priority in self.pools
            if priority not in self.turns and self.untried(priority, also_cooling=also_cooling)
        ]

    def countable(self, priority: int) -> Pool:
        """Return the targets that a counted try may go to: one that this very request made cool down still counts."""
        return tuple(
            target
            for target in self.pools[priority]
            if target.id not in self.cooling or self.outcomes_of(priority, target)
        )

    def least_tried(self, priority: int, targets: Pool) -> Pool:
        """Return those of the targets that had the fewest tries."""
        tries = [len(self.outcomes_of(priority, target)) for target in targets]
        return tuple(target for target, count in zip(targets, tries, strict=True) if count == min(tries))

    def fits(self, seconds: float) -> bool:
        """Tell whether the deadline leaves time for a wait."""
        return not self.policy.timeout or self.elapsed + seconds < self.policy.timeout

    def after_back_off(self, then: Try, repeat: int) -> Try | Wait | None:
        """Put the wait of the `repeat`-th repeat before a try; None if the deadline comes first."""
        seconds = before_repeat(self.policy, self.last.outcome, repeat, wall=self.wall, chance=self.chance)
        if not self.fits(seconds):
            return None
        return Wait(seconds, then) if seconds > 0 else then


def tally(history: Sequence[Tried]) -> tuple[dict[int, int], dict[tuple[int, str], list[Outcome]]]:
    """Count the tries on each priority, and collect the outcomes of each target that was tried."""
    turns: dict[int, int] = {}
    outcomes: dict[tuple[int, str], list[Outcome]] = {}
    for tried in history:
        turns[tried.priority] = turns.get(tried.priority, 0) + 1
        outcomes.setdefault((tried.priority, tried.target.id), []).append(tried.outcome)
    return turns, outcomes
