"""A request between two attempts → the facts that the rules of `decision.py` and `envoy_order.py` are written in.

Everything here is a question; no rule is decided here. Tries are told apart by priority and target id, as one target
may stand in two pools.
"""

from collections.abc import Mapping, Sequence, Set
from math import inf
from typing import Final

from switchover_dataplane.failover.backoff import before_repeat
from switchover_dataplane.failover.outcome import Broken, ErrorClass, NotSent, Outcome, Refused
from switchover_dataplane.failover.steps import Tried, Try, Wait
from switchover_dataplane.table.policies import Policy
from switchover_dataplane.table.upstreams import Target

LONG = 5.0
"""A failure that took more seconds, or more than `firstTokenTimeout`, costs the caller too much to be met twice."""

_RATE_LIMITED: Final = ErrorClass.RATE_LIMITED

Pool = tuple[Target, ...]


class RetryState:
    """The facts of one decision after a failure.

    `pools` holds the pools that are not empty, by priority. What several rules ask for is found out once: `turns` and
    `outcomes` are the `tally` of `history`; `untried_priorities` had no try and have a target that does not cool down;
    so many attempts are `remaining`; `has_waited` tells whether a brief rate limit was waited out already, as its
    target is tried again in no other way. `wanted` tells whether the policy asks for another attempt. `cooling` is
    empty where every target cools down: they are then tried in order as if none did.
    """

    __slots__ = (
        "chance",
        "cooling",
        "elapsed",
        "has_waited",
        "history",
        "outcomes",
        "policy",
        "pools",
        "remaining",
        "repeats_allowed",
        "turns",
        "untried_priorities",
        "wall",
        "wanted",
    )

    def __init__(  # noqa: PLR0917 - made in one place
        self,
        policy: Policy,
        pools: dict[int, Pool],
        history: Sequence[Tried],
        turns: Mapping[int, int],
        outcomes: Mapping[tuple[int, str], list[Outcome]],
        untried_priorities: Sequence[int],
        remaining: int,
        has_waited: bool,
        wanted: bool,
        cooling: Set[str],
        elapsed: float,
        wall: float,
        chance: float,
        repeats_allowed: bool,
    ) -> None:
        self.policy = policy
        self.pools = pools
        self.history = history
        self.turns = turns
        self.outcomes = outcomes
        self.untried_priorities = untried_priorities
        self.remaining = remaining
        self.has_waited = has_waited
        self.wanted = wanted
        self.cooling = cooling
        self.elapsed = elapsed
        self.wall = wall
        self.chance = chance
        self.repeats_allowed = repeats_allowed

    def if_repeats_were_allowed(self) -> "RetryState":
        """Return the same facts with room in the retry budget."""
        return self._but(elapsed=self.elapsed, repeats_allowed=True)

    def if_time_were_left(self) -> "RetryState":
        """Return the same facts long before the deadline."""
        return self._but(elapsed=-inf, repeats_allowed=self.repeats_allowed)

    def _but(self, *, elapsed: float, repeats_allowed: bool) -> "RetryState":
        return RetryState(
            self.policy,
            self.pools,
            self.history,
            self.turns,
            self.outcomes,
            self.untried_priorities,
            self.remaining,
            self.has_waited,
            self.wanted,
            self.cooling,
            elapsed,
            self.wall,
            self.chance,
            repeats_allowed,
        )

    @property
    def last(self) -> Tried:
        """The attempt that failed just now."""
        return self.history[-1]

    @property
    def has_one_priority(self) -> bool:
        """Whether there is nowhere to move on to."""
        return len(self.pools) == 1

    @property
    def can_stay(self) -> bool:
        """Whether a further attempt here leaves one for each priority that still waits for its turn."""
        if not self.policy.counts_unsent and isinstance(self.last.outcome, NotSent):
            return True
        return self.remaining > len(self.untried_priorities)

    def asks_to_stay_away(self, outcome: Outcome) -> bool:
        """Tell whether a target asks for a longer wait than the policy lets a repeat follow."""
        wait = outcome.retry_after if isinstance(outcome, (Refused, Broken)) else None
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
        if len(pool) == 1 and priority in self.turns:
            return ()
        if priority not in self.turns and (also_cooling or not self.cooling):
            return pool
        return tuple(
            target
            for target in pool
            if (also_cooling or target.id not in self.cooling) and (priority, target.id) not in self.outcomes
        )

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


def retry_state(
    policy: Policy,
    priorities: Sequence[Pool],
    history: Sequence[Tried],
    *,
    wanted: bool,
    cooling: Set[str],
    elapsed: float,
    wall: float,
    chance: float,
    repeats_allowed: bool,
) -> RetryState:
    """Find out what the rules ask for; `priorities` may hold empty pools."""
    pools = {index: pool for index, pool in enumerate(priorities) if pool}
    turns, outcomes = tally(history)
    has_waited = len(history) > len(outcomes) and _has_waited(policy, outcomes)
    return RetryState(
        policy,
        pools,
        history,
        turns,
        outcomes,
        untried_priorities(pools, turns, cooling),
        _remaining(policy, history, has_waited=has_waited),
        has_waited,
        wanted,
        cooling,
        elapsed,
        wall,
        chance,
        repeats_allowed,
    )


def untried_priorities(pools: Mapping[int, Pool], turns: Mapping[int, int], cooling: Set[str]) -> list[int]:
    """Return the priorities that had no try and have a target that does not cool down."""
    return [
        priority
        for priority, pool in pools.items()
        if priority not in turns and (not cooling or any(target.id not in cooling for target in pool))
    ]


def brief_limit(policy: Policy, outcome: Outcome) -> float | None:
    """Return the wait in seconds of a rate limit that is worth waiting for, else None."""
    if not isinstance(outcome, Refused) or outcome.error_class is not _RATE_LIMITED:
        return None
    wait = outcome.retry_after or 0.0
    return wait if 0 < wait <= policy.brief_wait else None


def _has_waited(policy: Policy, outcomes: Mapping[tuple[int, str], list[Outcome]]) -> bool:
    return any(brief_limit(policy, outcome) is not None for each in outcomes.values() for outcome in each[:-1])


def _remaining(policy: Policy, history: Sequence[Tried], *, has_waited: bool) -> int:
    used = len(history)
    if not policy.counts_unsent:
        used -= sum(isinstance(tried.outcome, NotSent) for tried in history)
    return policy.attempts + (policy.brief_wait_is_extra and has_waited) - used


def tally(history: Sequence[Tried]) -> tuple[dict[int, int], dict[tuple[int, str], list[Outcome]]]:
    """Count the tries on each priority, and collect the outcomes of each target that was tried."""
    turns: dict[int, int] = {}
    outcomes: dict[tuple[int, str], list[Outcome]] = {}
    for tried in history:
        turns[tried.priority] = turns.get(tried.priority, 0) + 1
        outcomes.setdefault((tried.priority, tried.target.id), []).append(tried.outcome)
    return turns, outcomes
