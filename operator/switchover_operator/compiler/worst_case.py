"""A policy and the pools it is for → how often a request is tried at most, and when the last attempt starts at latest.

It stands apart from `policies.py` because it says what follows from a policy and decides nothing. Its rules are those
of the data plane's decision (DESIGN section 3), taken at their worst: every attempt is silent for as long as it may be,
and any target may be cooling down, so that what would be a move to another is a repeat with a wait before it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from switchover_dataplane import table
from switchover_operator.compiler import conditions
from switchover_operator.compiler.conditions import Condition

DEFAULT_ATTEMPTS = 3
"""Tries of a request for models whose policy says no number; more where there are more priorities."""

_ONCE_MORE = frozenset({"overloaded", "server-error", "reset"})
"""The error classes after which the same target is tried again, where a wait or a written policy is not the reason."""

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

    def __str__(self) -> str:
        if self.attempts == 1:
            return "at most 1 attempt"
        return f"at most {self.attempts} attempts; {self._latest}"

    @property
    def _latest(self) -> str:
        bounded = [
            f"{_told(seconds)}{f' for {kind}' if kind else ''}"
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


@lru_cache(maxsize=256)
def worst_case(policy: table.Policy, upstream: table.Upstream) -> WorstCase:
    """Work out what a request to this upstream meets when all that can fail does."""
    pools = [pool for pool in upstream.priorities if pool]
    attempts = _attempts(policy, pools, ai=upstream.ai)
    if attempts == 1:
        return WorstCase(1, {"": 0.0})
    waits = _waits(policy, pools, attempts, ai=upstream.ai)
    soft = upstream.ai and policy.semantics == "Failover" and sum(map(len, pools)) > 1
    each = _soft_limits(policy) if soft else {"": _longest_silence(policy, upstream)}
    return WorstCase(
        attempts,
        {kind: round((attempts - 1) * seconds + waits, 3) if seconds else None for kind, seconds in each.items()},
        until_headers=upstream.ai and not soft,
        last_left=soft and attempts > sum(map(len, pools)),
    )


def told(policy: table.Policy, upstream: table.Upstream, where: str) -> Condition:
    """Say the worst case of one backend, and warn where the deadline may come first; `where` names the backend."""
    worst = worst_case(policy, upstream)
    if worst.exceeds(policy.timeout):
        return conditions.deadline_too_short(
            f"{where}: the timeout of {_told(policy.timeout)} may end a request before its last attempt: {worst}"
        )
    return conditions.worst_case(f"{where}: {worst}")


# ── How often ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _attempts(policy: table.Policy, pools: Sequence[Sequence[table.Target]], *, ai: bool) -> int:
    if policy.semantics == "Envoy":
        return policy.attempts if policy.attempts and policy.explicit and policy.retry_on else 1
    if _passes_over_dead_ones(policy, ai=ai):
        return max(1, sum(map(len, pools)))
    limit = policy.attempts or (max(DEFAULT_ATTEMPTS, len(pools)) + _granted(policy) if ai else 1)
    return min(limit, sum(_most(policy, pools, limit)))


def _most(policy: table.Policy, pools: Sequence[Sequence[table.Target]], limit: int) -> list[int]:
    """Return how many tries each priority may get, the most first; of `limit` in all."""
    if policy.semantics == "Envoy" or (len(pools) < 2 and (policy.update_frequency or policy.written)):
        return [limit]
    if policy.update_frequency:
        return [policy.update_frequency] * len(pools)
    if len(pools) < 2 and _repeats_at_all(policy):
        return [limit]
    # Once more each at most, after a failure that is brief by nature.
    each = 2 if _repeats_at_all(policy) else 1
    most = sorted((each * len(pool) for pool in pools), reverse=True) or [1]
    return [most[0] + _granted(policy), *most[1:]]


def _granted(policy: table.Policy) -> int:
    """Return how many tries follow a brief rate limit that is waited out: it costs no other target its turn."""
    return 1 if policy.max_retry_after_wait and not policy.written else 0


def _passes_over_dead_ones(policy: table.Policy, *, ai: bool) -> bool:
    """Tell whether this is a plain backend with one try, before which any number of targets may refuse to connect."""
    return not ai and not policy.attempts and not policy.written and policy.semantics == "Failover"


def _repeats_at_all(policy: table.Policy) -> bool:
    """Tell whether a trigger is among those after which the same target is tried again without having asked for it."""
    return not policy.explicit or any(
        token in _ONCE_MORE or token not in table.ERROR_CLASSES for token in policy.retry_on
    )


# ── How late ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _waits(policy: table.Policy, pools: Sequence[Sequence[table.Target]], attempts: int, *, ai: bool) -> float:
    """Return the longest time that passes between attempts: all of a priority have a wait before them but its first."""
    if _passes_over_dead_ones(policy, ai=ai):
        return 0.0
    waits, left = 0.0, attempts
    for most in _most(policy, pools, attempts):
        tries = min(left, most)
        waits += _back_offs(policy, max(0, tries - 1))
        left -= tries
    # A brief rate limit is waited out once, in place of a back-off.
    brief = policy.max_retry_after_wait if _granted(policy) and policy.semantics == "Failover" else 0.0
    return waits + max(0.0, brief - _back_offs(policy, 1))


def _back_offs(policy: table.Policy, repeats: int) -> float:
    """Return the sum of the longest waits before so many repeats: each is twice the one before, up to a maximum."""
    limited = policy.rate_limited_back_off
    # Up to half of it is added as jitter (Envoy, "RateLimitedRetryBackOff").
    least = limited.max * 1.5 if limited else 0.0
    grown = min(repeats, _DOUBLINGS)
    waits = [max(least, min(policy.back_off.base * 2.0**k, policy.back_off.max)) for k in range(grown + 1)]
    return sum(waits[:grown]) + (repeats - grown) * waits[grown]


def _soft_limits(policy: table.Policy) -> dict[str, float]:
    """Return how long one attempt may be silent before the next one starts, by kind of request; 0 for ever."""
    return {
        "a stream": policy.first_token_timeout,
        "a stream after reasoning": policy.first_token_timeout_reasoning,
        "a whole answer": policy.answer_timeout,
    }


def _longest_silence(policy: table.Policy, upstream: table.Upstream) -> float:
    """Return how long one attempt takes where nothing starts beside it, as there is no other or no wish for it."""
    if not _passes_over_dead_ones(policy, ai=upstream.ai):
        return policy.per_try_timeout
    return min(filter(None, (policy.per_try_timeout, upstream.connect_timeout)), default=0.0)


def _told(seconds: float) -> str:
    return f"{round(seconds, 1):g}s"
