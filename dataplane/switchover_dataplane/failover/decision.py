"""What was tried so far → what comes next: `Try` a target, `Wait` and then try, or `Answer`.

The whole of failover is decided by `next_step`, a plain function of data: the clock, the state of health and a random
number are handed in, so that every sequence can be written down as a test. Choosing one of the candidates is
`balance.py`, attempting is `attempt.py`, and sleeping is the caller's.

`Policy.order` names one of three orders. `EveryPriority` and `Counted`, in here, give every priority its turn;
`EnvoyOrder`, in `envoy_order.py`, counts attempts exactly as Envoy does, wrap-around and all.
"""

from collections.abc import Sequence, Set
from typing import Final

from switchover_dataplane.failover import envoy_order
from switchover_dataplane.failover.answer_status import status_for
from switchover_dataplane.failover.most_telling import is_of_the_first
from switchover_dataplane.failover.outcome import Broken, ClientGone, Committed, ErrorClass, NotSent, Refused
from switchover_dataplane.failover.retry_state import Pool, RetryState, brief_limit, retry_state, untried_priorities
from switchover_dataplane.failover.steps import Answer, Step, Tried, Try, Wait, Why
from switchover_dataplane.failover.triggers import (
    error_class,
    is_final_success,
    is_soft,
    is_trigger,
    moves_on_from_fallback,
)
from switchover_dataplane.table.error_classes import BRIEF
from switchover_dataplane.table.policies import Counted, EnvoyOrder, EveryPriority, Policy
from switchover_dataplane.table.upstreams import Target, Upstream

_GATEWAY_TIMEOUT: Final = 504

# A constant of the module is found faster than a member of an enumeration.
_FIRST: Final = Why.FIRST
_NEXT_PRIORITY: Final = Why.NEXT_PRIORITY

__all__ = ["Answer", "Step", "Tried", "Try", "Wait", "Why", "first_step", "next_step"]


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
        return first_step(upstream, cooling)
    outcome = history[-1].outcome
    if isinstance(outcome, Committed) and is_final_success(policy, outcome):
        return Answer(Why.SUCCESS, outcome.status)
    if isinstance(outcome, ClientGone):
        return Answer(Why.CLIENT_GONE, status_for(outcome))
    if policy.timeout and elapsed >= policy.timeout:
        return Answer(Why.DEADLINE, 504)
    wanted = is_trigger(policy, outcome)
    if not wanted and not _is_worth_another_target(policy, history):
        return Answer(Why.NOT_RETRIABLE if policy.hands_on_unchanged else Why.FINAL, status_for(outcome))
    request = retry_state(
        policy,
        upstream.priorities,
        history,
        wanted=wanted,
        cooling=_as_if_none(upstream.priorities, cooling) if cooling else cooling,
        elapsed=elapsed,
        wall=wall,
        chance=chance,
        repeats_allowed=repeats_allowed,
    )
    step = _continued(request)
    if step is None:
        why = _why_over(request)
        if why is Why.DEADLINE:
            return Answer(why, 504, policy.timeout - elapsed if policy.deadline_is_final else 0.0)
        return Answer(why, status_for(outcome))
    return step


def first_step(upstream: Upstream, cooling: Set[str]) -> Step:
    """Take the first pool with a target that is not cooling down; where all are, the first pool."""
    fallback: Try | None = None
    for priority, pool in enumerate(upstream.priorities):
        if not cooling and pool:
            return Try(priority, pool, _FIRST)
        healthy = tuple(target for target in pool if target.id not in cooling)
        if healthy:
            return Try(priority, healthy, _FIRST)
        if pool and fallback is None:
            fallback = Try(priority, pool, _FIRST)
    return fallback or Answer(Why.NO_TARGET, 503)


def _as_if_none(priorities: tuple[Pool, ...], cooling: Set[str]) -> Set[str]:
    """Return `cooling`, or nothing where it holds every target: they are then tried in order as if none were."""
    return cooling if any(target.id not in cooling for pool in priorities for target in pool) else frozenset()


def _is_worth_another_target(policy: Policy, history: Sequence[Tried]) -> bool:
    """Tell whether a target not yet tried is worth an attempt, whatever the triggers are.

    It is where nothing was sent, nothing is lost yet, or half an answer is with the caller already; and after a refusal
    of the request by a fallback, as the model that was asked first did not refuse it.
    """
    if isinstance(policy.order, EnvoyOrder):
        return False
    last = history[-1]
    outcome = last.outcome
    if isinstance(outcome, NotSent) or is_soft(outcome):
        return True
    if isinstance(outcome, Broken) and outcome.error_class is ErrorClass.INTERRUPTED:
        return True
    return moves_on_from_fallback(policy, outcome) and not is_of_the_first(last, history)


def _continued(request: RetryState) -> Try | Wait | None:
    """Return the next try, or None when the request is over."""
    waited = _after_brief_limit(request)
    if waited or request.remaining <= 0:
        return waited
    match request.policy.order:
        case EveryPriority():
            return _sibling(request) or _same_again(request) or _next_priority(request) or _left_over(request)
        case Counted() as order:
            return _as_counted(request, order)
        case EnvoyOrder() as order:
            return envoy_order.next_try(request, order)


def _why_over(request: RetryState) -> Why:
    """Name the limit without which another try would have followed; without such a limit all had their turn."""
    if not request.repeats_allowed and _continued(request.if_repeats_were_allowed()):
        return Why.BUDGET_SPENT
    if request.policy.timeout and _continued(request.if_time_were_left()):
        return Why.DEADLINE
    if request.remaining <= 0:
        return Why.ATTEMPTS_USED_UP
    if request.has_one_priority and not request.wanted:
        return Why.NOT_RETRIABLE
    return Why.TURNS_TAKEN


# ── Every priority in its turn ──────────────────────────────────────────────────────────────────────────────────────


def _after_brief_limit(request: RetryState) -> Wait | None:
    """Wait out a brief rate limit on the same target, once a request: it is not worth a weaker model."""
    last = request.last
    seconds = brief_limit(request.policy, last.outcome)
    if (
        seconds is None
        or not request.wanted
        or not request.repeats_allowed
        or request.has_waited
        or request.remaining + request.policy.brief_wait_is_extra <= len(request.untried_priorities)
        or not request.fits(seconds)
    ):
        return None
    return Wait(seconds, Try(last.priority, (last.target,), Why.RETRY_AFTER))


def _sibling(request: RetryState) -> Try | Wait | None:
    """Stay in the pool with a target not yet tried, as long as no priority loses its turn by it."""
    candidates = request.untried(request.last.priority)
    if not candidates or not request.can_stay:
        return None
    return _here(request, request.last.priority, candidates, Why.OTHER_TARGET)


def _same_again(request: RetryState) -> Try | Wait | None:
    """Repeat on this priority where the failure passes soon, or where the order repeats after any."""
    priority = request.last.priority
    if not request.wanted or not request.can_stay:
        return None
    candidates = tuple(
        target
        for target in request.pools[priority]
        if target.id not in request.cooling and _may_repeat(request, priority, target)
    )
    return _here(request, priority, request.least_tried(priority, candidates), Why.AGAIN) if candidates else None


def _repeats_any(request: RetryState) -> bool:
    order = request.policy.order
    return isinstance(order, EveryPriority) and order.repeats_any


def _may_repeat(request: RetryState, priority: int, target: Target) -> bool:
    outcomes = request.outcomes_of(priority, target)
    if not outcomes or any(map(is_soft, outcomes)):
        return False
    if _repeats_any(request):
        return True
    if error_class(outcomes[-1]) not in BRIEF or not (request.has_one_priority or len(outcomes) == 1):
        return False
    return not request.asks_to_stay_away(outcomes[-1]) and not _took_its_time(request, priority, target)


def _took_its_time(request: RetryState, priority: int, target: Target) -> bool:
    """Tell whether a target failed in a way that costs long: a time-out of its own, or late while another is left."""
    last = next(tried for tried in reversed(request.history) if (tried.priority, tried.target) == (priority, target))
    if isinstance(last.outcome, Refused) and last.outcome.status == _GATEWAY_TIMEOUT:
        return True
    return request.was_slow(last) and any(request.untried(each, also_cooling=True) for each in request.pools)


def _next_priority(request: RetryState) -> Try | None:
    for priority in request.untried_priorities:
        return Try(priority, request.untried(priority), _NEXT_PRIORITY)
    return None


def _left_over(request: RetryState) -> Try | Wait | None:
    """Take what was passed over: with nothing better left, a target that cools down is better than no answer."""
    for priority in request.pools:
        candidates = request.untried(priority, also_cooling=True)
        if candidates and not request.tries_on(priority):
            return Try(priority, candidates, Why.COOLING_TARGET)
        step = _here(request, priority, candidates, Why.COOLING_TARGET)
        if step:
            return step
    return None


# ── So many attempts for each priority ──────────────────────────────────────────────────────────────────────────────


def _as_counted(request: RetryState, order: Counted) -> Try | Wait | None:
    """Stay on a priority until it had its number of attempts, and end once each priority had its turn."""
    priority = request.last.priority
    stays = request.tries_on(priority) < order.per_priority
    return (_counted_again(request, priority) if stays else None) or _next_priority(request) or _next_cooling(request)


def _counted_again(request: RetryState, priority: int) -> Try | Wait | None:
    candidates = tuple(
        target
        for target in (request.countable(priority) if request.wanted else request.untried(priority))
        if not any(map(is_soft, request.outcomes_of(priority, target)))
    )
    return _here(request, priority, request.least_tried(priority, candidates), Why.AGAIN)


def _next_cooling(request: RetryState) -> Try | None:
    for priority in untried_priorities(request.pools, request.turns, frozenset()):
        return Try(priority, request.pools[priority], Why.COOLING_TARGET)
    return None


def _here(request: RetryState, priority: int, candidates: Pool, why: Why) -> Try | Wait | None:
    """Return a further try on a priority that had one, after its back-off; None if budget or deadline forbid it.

    A target not yet tried is no repeat and needs no budget, and after a failure that cost the pool nothing no back-off
    either.
    """
    if not candidates:
        return None
    untouched = not request.outcomes_of(priority, candidates[0])
    if untouched and why is Why.AGAIN:
        why = Why.OTHER_TARGET
    if untouched and _is_worth_another_target(request.policy, request.history):
        return Try(priority, candidates, why)
    if not untouched and not request.repeats_allowed:
        return None
    return request.after_back_off(Try(priority, candidates, why), repeat=request.tries_on(priority))
