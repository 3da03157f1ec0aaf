"""What was tried so far → what comes next: `Try` a target, `Wait` and then try, or `Answer`.

The whole of failover is decided by `next_step`, a plain function of data: the clock, the state of health and a random
number are handed in, so that every sequence can be written down as a test. Choosing one of the candidates is
`balance.py`, attempting is `attempt.py`, and sleeping is the caller's.

There are two semantics. `Failover` gives every priority its turn and spends what is left on repeats; `Envoy` counts
attempts exactly as Envoy does, wrap-around and all (Envoy, "retry_priority: previous_priorities").
"""

from collections.abc import Sequence, Set
from dataclasses import dataclass, replace
from enum import StrEnum

from switchover_dataplane.backoff import before_repeat
from switchover_dataplane.outcome import Broken, ClientGone, Committed, ErrorClass, NotSent, Outcome, Refused, TimedOut
from switchover_dataplane.table import Policy, Target, Upstream
from switchover_dataplane.triggers import ONCE_MORE, error_class, is_soft, triggers

DEFAULT_ATTEMPTS = 3
"""Tries of a request to an AI upstream whose policy says no number; more where there are more priorities."""


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


@dataclass(frozen=True, slots=True)
class Tried:
    """One attempt of this request and what it became; `priority` is an index of `Upstream.priorities`."""

    priority: int
    target: Target
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Try:
    """Attempt one of `candidates` (never empty, all of one pool) now."""

    priority: int
    candidates: tuple[Target, ...]
    why: Why


@dataclass(frozen=True, slots=True)
class Wait:
    """Sleep `seconds` (more than 0), then do `then` without asking again."""

    seconds: float
    then: Try

    @property
    def why(self) -> Why:
        """The reason of the try that follows the wait."""
        return self.then.why


@dataclass(frozen=True, slots=True)
class Answer:
    """Hand on what the last attempt became; `status` is what the client sees, ours where no target gave one."""

    why: Why
    status: int


Step = Try | Wait | Answer


def next_step(
    policy: Policy,
    upstream: Upstream,
    history: Sequence[Tried],
    *,
    cooling: Set[str],
    elapsed: float,
    wall: float,
    chance: float,
    repeats_allowed: bool,
) -> Step:
    """Decide what comes after the attempts in `history`, in the order in which they ended.

    An attempt that is silent beyond a soft limit may stand last in `history` as `TimedOut` though it is still open: an
    `Answer` then means that nothing is left to start beside it.

    Args:
        policy: how hard it is tried.
        upstream: the pools; empty ones are passed over.
        history: every attempt so far; empty for the first decision.
        cooling: ids of this upstream's targets that are cooling down right now, also through this request.
        elapsed: seconds since the request started, against `policy.timeout`.
        wall: Unix time in seconds, for reset headers that are stamps.
        chance: a random number in 0..1, for the jitter of a wait.
        repeats_allowed: whether the retry budget has room; it never limits a move to an untried priority.
    """
    if not history:
        if policy.timeout and elapsed >= policy.timeout:
            return Answer(Why.DEADLINE, 504)
        return _first(upstream.priorities, cooling)
    outcome = history[-1].outcome
    wanted = triggers(policy, outcome)
    if not wanted and isinstance(outcome, Committed):
        return Answer(Why.SUCCESS, outcome.status)
    if isinstance(outcome, ClientGone):
        return Answer(Why.CLIENT_GONE, status_for(outcome))
    if policy.timeout and elapsed >= policy.timeout:
        return Answer(Why.DEADLINE, 504)
    request = _Request(
        policy=policy,
        ai=upstream.ai,
        pools={index: pool for index, pool in enumerate(upstream.priorities) if pool},
        history=history,
        wanted=wanted,
        cooling=_as_if_none(upstream.priorities, cooling) if cooling else cooling,
        elapsed=elapsed,
        wall=wall,
        chance=chance,
        repeats_allowed=repeats_allowed,
    )
    if not wanted and not request.worth_another_target:
        why = Why.NOT_RETRIABLE if policy.explicit or policy.semantics == "Envoy" else Why.FINAL
        return Answer(why, status_for(outcome))
    return _continued(request) or Answer(_why_over(request), _status_over(request))


def status_for(outcome: Outcome) -> int:
    """Return the status that a client sees when a request ends with this outcome.

    An answer keeps its own; ours are Envoy's: 503 refused or reset, 502 no usable HTTP, 504 time-outs. 499 is for the
    log alone, as nobody is left to read it.
    """
    match outcome:
        case Refused() | Committed():
            return outcome.status
        case TimedOut():
            return 504
        case Broken():
            return 503 if outcome.how in ("reset", "eof") else 502
        case NotSent():
            return 503
        case ClientGone():
            return 499


def _first(priorities: tuple[tuple[Target, ...], ...], cooling: Set[str]) -> Step:
    """Take the first pool with a target that is not cooling down; where all are, the first pool."""
    fallback: Try | None = None
    for priority, pool in enumerate(priorities):
        if not cooling and pool:
            return Try(priority, pool, Why.FIRST)
        healthy = tuple(target for target in pool if target.id not in cooling)
        if healthy:
            return Try(priority, healthy, Why.FIRST)
        if pool and fallback is None:
            fallback = Try(priority, pool, Why.FIRST)
    return fallback or Answer(Why.NO_TARGET, 503)


def _as_if_none(priorities: tuple[tuple[Target, ...], ...], cooling: Set[str]) -> Set[str]:
    """Return `cooling`, or nothing where it holds every target: they are then tried in order as if none were."""
    return cooling if any(target.id not in cooling for pool in priorities for target in pool) else frozenset()


# ── A request under way ─────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class _Request:
    """The facts of one decision after a failure, and the questions that the rules below ask of them."""

    policy: Policy
    ai: bool
    pools: dict[int, tuple[Target, ...]]
    history: Sequence[Tried]
    wanted: bool
    cooling: Set[str]
    elapsed: float
    wall: float
    chance: float
    repeats_allowed: bool

    @property
    def last(self) -> Tried:
        return self.history[-1]

    @property
    def worth_another_target(self) -> bool:
        """Nothing was sent, or nothing is lost yet: whatever `retryOn` says, a target not yet tried is worth it."""
        outcome = self.last.outcome
        return self.policy.semantics == "Failover" and (isinstance(outcome, NotSent) or is_soft(outcome))

    @property
    def has_one_priority(self) -> bool:
        return len(self.pools) == 1

    @property
    def counts_unsent(self) -> bool:
        """A plain backend without a policy has one try, but a dead endpoint is none: nothing was sent to it."""
        return self.ai or self.policy.written

    def tries_of(self, priority: int, target: Target) -> int:
        return sum(tried.priority == priority and tried.target.id == target.id for tried in self.history)

    def tries_on(self, priority: int) -> int:
        return sum(tried.priority == priority for tried in self.history)

    def untried(self, priority: int, *, also_cooling: bool = False) -> tuple[Target, ...]:
        return tuple(
            target
            for target in self.pools[priority]
            if (also_cooling or target.id not in self.cooling) and not self.tries_of(priority, target)
        )

    def untried_priorities(self, *, also_cooling: bool = False) -> list[int]:
        return [
            priority
            for priority in self.pools
            if not self.tries_on(priority) and self.untried(priority, also_cooling=also_cooling)
        ]

    def remaining(self) -> int:
        """How many tries are left. One more is granted where a brief Retry-After was waited for without a number."""
        used = sum(self.counts_unsent or not isinstance(tried.outcome, NotSent) for tried in self.history)
        if self.policy.attempts:
            return self.policy.attempts - used
        if self.policy.semantics == "Envoy" or not self.ai:
            return 1 - used
        return max(DEFAULT_ATTEMPTS, len(self.pools)) + _waits_kept(self) - used

    def can_stay(self) -> bool:
        """Tell whether a further try here leaves one for each priority that still waits for its turn."""
        if isinstance(self.last.outcome, NotSent) and not self.counts_unsent:
            return True
        return self.remaining() > len(self.untried_priorities())


def _continued(request: _Request) -> Try | Wait | None:
    """Return the next try, or None when the request is over."""
    if request.policy.semantics == "Envoy":
        return _as_envoy_counts(request) if request.remaining() > 0 else None
    waited = _after_short_wait(request)
    if waited or request.remaining() <= 0:
        return waited
    if request.policy.update_frequency:
        return _as_written(request)
    return _sibling(request) or _same_again(request) or _next_priority(request) or _left_over(request)


def _why_over(request: _Request) -> Why:
    """Name the limit without which another try would have followed; without such a limit all had their turn."""
    if not request.repeats_allowed and _continued(replace(request, repeats_allowed=True)):
        return Why.BUDGET_SPENT
    if request.policy.timeout and _continued(replace(request, elapsed=float("-inf"))):
        return Why.DEADLINE
    if request.remaining() <= 0:
        return Why.ATTEMPTS_USED_UP
    if request.has_one_priority and not request.wanted:
        return Why.NOT_RETRIABLE
    return Why.TURNS_TAKEN


def _status_over(request: _Request) -> int:
    return 504 if _why_over(request) is Why.DEADLINE else status_for(request.last.outcome)


# ── Failover semantics ──────────────────────────────────────────────────────────────────────────────────────────────


def _after_short_wait(request: _Request) -> Wait | None:
    """Wait out a brief rate limit on the same target, once a request: it is not worth a weaker model."""
    last = request.last
    seconds = _brief_limit(request.policy, last.outcome)
    granted = 1 if request.ai and not request.policy.attempts else 0
    if (
        seconds is None
        or not request.wanted
        or not request.repeats_allowed
        or _waits_kept(request)
        or request.remaining() + granted <= len(request.untried_priorities())
        or not _fits(request, seconds)
    ):
        return None
    return Wait(seconds, Try(last.priority, (last.target,), Why.RETRY_AFTER))


def _brief_limit(policy: Policy, outcome: Outcome) -> float | None:
    """Return the wait of a rate limit that is worth waiting for; a written policy waits for none."""
    if policy.written or not isinstance(outcome, Refused) or outcome.error_class is not ErrorClass.RATE_LIMITED:
        return None
    wait = outcome.retry_after
    return wait if wait is not None and 0 < wait <= policy.max_retry_after_wait else None


def _waits_kept(request: _Request) -> int:
    """Return 1 if this request has already waited out a rate limit: the only way such a target is tried again."""
    history = request.history
    return int(
        any(
            _brief_limit(request.policy, tried.outcome) is not None
            and any(
                later.priority == tried.priority and later.target.id == tried.target.id
                for later in history[position + 1 :]
            )
            for position, tried in enumerate(history)
        )
    )


def _sibling(request: _Request) -> Try | Wait | None:
    priority = request.last.priority
    candidates = request.untried(priority)
    return _here(request, priority, candidates, Why.OTHER_TARGET) if candidates and request.can_stay() else None


def _same_again(request: _Request) -> Try | Wait | None:
    """Repeat on this priority where the failure is brief by nature, or where a written policy knows no other."""
    priority = request.last.priority
    if not request.wanted or not request.can_stay():
        return None
    candidates = tuple(
        target
        for target in request.pools[priority]
        if target.id not in request.cooling and _may_repeat(request, priority, target)
    )
    return _here(request, priority, _least_tried(request, priority, candidates), Why.AGAIN) if candidates else None


def _may_repeat(request: _Request, priority: int, target: Target) -> bool:
    outcomes = [t.outcome for t in request.history if t.priority == priority and t.target.id == target.id]
    if not outcomes or any(map(is_soft, outcomes)):
        return False
    if request.has_one_priority and request.policy.written:
        return True
    return error_class(outcomes[-1]) in ONCE_MORE and (request.has_one_priority or len(outcomes) == 1)


def _next_priority(request: _Request) -> Try | None:
    for priority in request.untried_priorities():
        return Try(priority, request.untried(priority), Why.NEXT_PRIORITY)
    return None


def _left_over(request: _Request) -> Try | Wait | None:
    """Take what was passed over: with nothing better left, a target that cools down is better than no answer."""
    for priority in request.pools:
        candidates = request.untried(priority, also_cooling=True)
        if candidates and not request.tries_on(priority):
            return Try(priority, candidates, Why.COOLING_TARGET)
        step = _here(request, priority, candidates, Why.COOLING_TARGET) if candidates else None
        if step:
            return step
    return None


def _as_written(request: _Request) -> Try | Wait | None:
    """Count tries per priority as `updateFrequency` says, but end once each priority had its turn."""
    priority = request.last.priority
    if request.has_one_priority or request.tries_on(priority) < request.policy.update_frequency:
        step = _counted_again(request, priority)
        if step:
            return step
    return _next_priority(request) or _next_cooling_priority(request)


def _counted_again(request: _Request, priority: int) -> Try | Wait | None:
    candidates = _countable(request, priority) if request.wanted else request.untried(priority)
    candidates = tuple(target for target in candidates if not _was_silent(request, priority, target))
    if not candidates:
        return None
    candidates = _least_tried(request, priority, candidates)
    return _here(request, priority, candidates, Why.AGAIN)


def _was_silent(request: _Request, priority: int, target: Target) -> bool:
    return any(
        is_soft(tried.outcome)
        for tried in request.history
        if tried.priority == priority and tried.target.id == target.id
    )


def _next_cooling_priority(request: _Request) -> Try | None:
    for priority in request.untried_priorities(also_cooling=True):
        return Try(priority, request.pools[priority], Why.COOLING_TARGET)
    return None


def _here(request: _Request, priority: int, candidates: tuple[Target, ...], why: Why) -> Try | Wait | None:
    """Return a further try on a priority that had one, after its back-off; None if budget or deadline forbid it."""
    untouched = not request.tries_of(priority, candidates[0])
    if untouched and request.worth_another_target:
        return Try(priority, candidates, Why.OTHER_TARGET if why is Why.AGAIN else why)
    if not request.repeats_allowed:
        return None
    return _later(request, Try(priority, candidates, why), repeat=request.tries_on(priority))


def _later(request: _Request, then: Try, *, repeat: int) -> Try | Wait | None:
    seconds = before_repeat(request.policy, request.last.outcome, repeat, wall=request.wall, chance=request.chance)
    if not _fits(request, seconds):
        return None
    return Wait(seconds, then) if seconds > 0 else then


def _fits(request: _Request, seconds: float) -> bool:
    return not request.policy.timeout or request.elapsed + seconds < request.policy.timeout


# ── Envoy's semantics ───────────────────────────────────────────────────────────────────────────────────────────────


def _as_envoy_counts(request: _Request) -> Try | Wait | None:
    """Attempt i goes to the (i div updateFrequency) mod P-th priority, to the first where no frequency is written."""
    attempt = len(request.history)
    usable = [
        priority
        for priority, pool in request.pools.items()
        if request.tries_on(priority) or any(target.id not in request.cooling for target in pool)
    ]
    frequency = request.policy.update_frequency
    priority = usable[(attempt // frequency) % len(usable)] if frequency else usable[0]
    had_its_turn = bool(request.tries_on(priority))
    if had_its_turn and not request.repeats_allowed:
        return None
    candidates = _least_tried(request, priority, _countable(request, priority))
    return _later(request, Try(priority, candidates, _envoy_reason(request, priority)), repeat=attempt)


def _envoy_reason(request: _Request, priority: int) -> Why:
    if priority == request.last.priority:
        return Why.AGAIN
    return Why.EARLIER_PRIORITY if request.tries_on(priority) else Why.NEXT_PRIORITY


# ── Within a pool ───────────────────────────────────────────────────────────────────────────────────────────────────


def _countable(request: _Request, priority: int) -> tuple[Target, ...]:
    """Return the targets that a counted try may go to: one that this very request made cool down still counts."""
    return tuple(
        target
        for target in request.pools[priority]
        if target.id not in request.cooling or request.tries_of(priority, target)
    )


def _least_tried(request: _Request, priority: int, targets: tuple[Target, ...]) -> tuple[Target, ...]:
    fewest = min(request.tries_of(priority, target) for target in targets)
    return tuple(target for target in targets if request.tries_of(priority, target) == fewest)
