"""A policy and the pools it is for → how often a request is tried at most, and when the last attempt starts at latest.

It stands apart from `policies.py` because it says what follows from a policy and decides nothing. Its rules are those
of the data plane's decision (DESIGN section 3), taken at their worst: every attempt is silent for as long as it may be,
and any target may be cooling down, so that what would be a move to another is a repeat with a wait before it.
"""

from collections.abc import Set
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from switchover_dataplane.table.error_classes import BRIEF, CONNECTION_TRIGGERS, ErrorClass
from switchover_dataplane.table.policies import Classes, Counted, EnvoyOrder, EveryPriority, Policy, Triggers
from switchover_dataplane.table.upstreams import Upstream
from switchover_operator.compiler import conditions
from switchover_operator.compiler.conditions import Condition

Pools = tuple[int, ...]
"""The number of targets of each priority that has any."""

_RATE_LIMITED: Final = frozenset({ErrorClass.RATE_LIMITED})
_OF_CERTAIN_FAILURES: Final = frozenset((*ErrorClass, *CONNECTION_TRIGGERS))

_DOUBLINGS = 64
"""After so many a wait grows no further; the number of tries that a policy allows has no such bound."""


@dataclass(frozen=True, slots=True)
class WorstCase:
    """`attempts` at most; `starts` tells by kind of request how many seconds pass before the last, None: no limit.

    `until_headers`: that counts only while no headers of an answer come, as its body may take as long as it likes.
    `last_left`: the last target left is waited for without end, and may be tried once more after that.
    """

    attempts: int
    starts: dict[str, float | None]
    until_headers: bool = False
    last_left: bool = False

    def exceeds(self, deadline: float) -> bool:
        """Tell whether a deadline (0: there is none) may come before the last attempt starts."""
        return deadline > 0 and any(seconds is None or seconds >= deadline for seconds in self.starts.values())

    @property
    def most(self) -> str:
        """The number of attempts as `at most 3 attempts`."""
        if self.attempts == 0:
            return "no attempt, as there is no target"
        return f"at most {self.attempts} attempt{'' if self.attempts == 1 else 's'}"

    def __str__(self) -> str:
        return self.most if self.attempts <= 1 else f"{self.most}; {self._latest}"

    @property
    def _latest(self) -> str:
        bounded = [
            f"{_seconds(seconds)}{f' for {kind}' if kind else ''}"
            for kind, seconds in self.starts.items()
            if seconds is not None
        ]
        unbounded = [kind for kind, seconds in self.starts.items() if seconds is None]
        texts: list[str] = []
        if bounded and self.until_headers:
            texts.append(f"the last one starts after {', '.join(bounded)} if no headers come before")
            texts.append("nothing limits how long an answer takes once its headers are there")
        elif bounded:
            texts.append(f"the last one starts at latest after {', '.join(bounded)}")
        if unbounded:
            whose = f" for {' and '.join(unbounded)}" if all(unbounded) else ""
            texts.append(f"nothing limits how long an attempt before it takes{whose}")
        if bounded and self.last_left:
            texts.append("later only as a repeat on the last target left, which is waited for without end")
        return "; ".join(texts)


def worst_case(policy: Policy, upstream: Upstream) -> WorstCase:
    """Work out what a request to this upstream meets when all that can fail does."""
    return told(policy, upstream).worst


@dataclass(frozen=True, slots=True)
class Told:
    """A worst case, and what is said of it; `too_late`: the deadline may come before the last attempt."""

    worst: WorstCase
    text: str
    too_late: bool

    def at(self, where: str) -> Condition:
        """Say it of one backend, which `where` names, and warn where the deadline may come first."""
        return (conditions.deadline_too_short if self.too_late else conditions.worst_case)(f"{where}: {self.text}")


def told(policy: Policy, upstream: Upstream) -> Told:
    """Say what a request to this upstream meets when all that can fail does."""
    pools = tuple(len(pool) for pool in upstream.priorities if pool)
    return _told(policy, pools, upstream.ai, upstream.connect_timeout)


@lru_cache(maxsize=256)
def _told(policy: Policy, pools: Pools, ai: bool, connect_timeout: float) -> Told:
    """Work it out and say it, once for all targets of which no more than this counts."""
    worst = _worst_case(policy, pools, ai=ai, connect_timeout=connect_timeout)
    if worst.exceeds(policy.timeout):
        deadline = f"the timeout of {_seconds(policy.timeout)} may end a request before its last attempt"
        return Told(worst, f"{deadline}: {worst}", too_late=True)
    return Told(worst, str(worst), too_late=False)


def _worst_case(policy: Policy, pools: Pools, *, ai: bool, connect_timeout: float) -> WorstCase:
    attempts = _attempts(policy, pools)
    if attempts <= 1:
        return WorstCase(attempts, {"": 0.0})
    waits = _waits(policy, pools, attempts)
    each = _soft_limits(policy) if policy.hedges else {"": _longest_silence(policy, connect_timeout)}
    return WorstCase(
        attempts,
        {kind: round((attempts - 1) * seconds + waits, 3) if seconds else None for kind, seconds in each.items()},
        until_headers=ai and not policy.hedges,
        last_left=policy.hedges and attempts > sum(pools),
    )


# ── How often ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _attempts(policy: Policy, pools: Pools) -> int:
    if not pools:
        return 0
    if not policy.counts_unsent:
        # Any number of targets may refuse to connect before one is sent the request.
        return sum(pools) + policy.attempts - 1
    limit = policy.attempts + (1 if policy.brief_wait_is_extra and _brief_wait(policy) else 0)
    return min(limit, sum(_most(policy, pools, limit)))


def _most(policy: Policy, pools: Pools, limit: int) -> list[int]:
    """Return how many attempts each priority may get, the most first; of `limit` in all."""
    match policy.order:
        case EnvoyOrder() | EveryPriority(repeats_any=True):
            return [limit]
        case Counted(per_priority=number):
            return [number] * len(pools)
        case EveryPriority():
            repeats = _may_name(policy.triggers, BRIEF)
            if repeats and len(pools) < 2:
                return [limit]
            most = sorted(((2 if repeats else 1) * size for size in pools), reverse=True)
            # A brief rate limit that is waited out costs no other target its turn.
            return [most[0] + (1 if _brief_wait(policy) else 0), *most[1:]]


def _brief_wait(policy: Policy) -> float:
    """Return how many seconds a brief rate limit is waited for; 0 where no trigger may name one."""
    return policy.brief_wait if _may_name(policy.triggers, _RATE_LIMITED) else 0.0


def _may_name(triggers: Triggers, reasons: Set[ErrorClass]) -> bool:
    """Tell whether a trigger may stand for a failure of one of these classes, as most of Envoy's for any may."""
    named = triggers.classes if isinstance(triggers, Classes) else triggers.tokens
    return any(name in reasons or name not in _OF_CERTAIN_FAILURES for name in named)


# ── How late ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _waits(policy: Policy, pools: Pools, attempts: int) -> float:
    """Return the longest time that passes between attempts: all of a priority have a wait before them but its first."""
    if not policy.counts_unsent:
        return 0.0
    waits, left = 0.0, attempts
    for most in _most(policy, pools, attempts):
        repeats = min(left, most)
        waits += _back_offs(policy, max(0, repeats - 1))
        left -= repeats
    # A brief rate limit is waited out once, in place of a back-off.
    return waits + max(0.0, _brief_wait(policy) - _back_offs(policy, 1))


def _back_offs(policy: Policy, repeats: int) -> float:
    """Return the sum of the longest waits before so many repeats: each is twice the one before, up to a maximum."""
    limited = policy.rate_limited_back_off
    # Up to half of it is added as jitter (Envoy, "RateLimitedRetryBackOff").
    least = limited.max * 1.5 if limited else 0.0
    grown = min(repeats, _DOUBLINGS)
    waits = [max(least, min(policy.back_off.base * 2.0**k, policy.back_off.max)) for k in range(grown + 1)]
    return sum(waits[:grown]) + (repeats - grown) * waits[grown]


def _soft_limits(policy: Policy) -> dict[str, float]:
    """Return how long one attempt may be silent before the next one starts, by kind of request; 0 for ever."""
    return {
        "a stream": policy.first_token_timeout,
        "a stream after reasoning": policy.first_token_timeout_reasoning,
        "a whole answer": policy.answer_timeout,
    }


def _longest_silence(policy: Policy, connect_timeout: float) -> float:
    """Return how long an attempt takes at most where no other is started beside it; 0 for ever."""
    if policy.counts_unsent:
        return policy.per_try_timeout
    return min(filter(None, (policy.per_try_timeout, connect_timeout)), default=0.0)


def _seconds(seconds: float) -> str:
    return f"{round(seconds, 1):g}s"
