"""A policy and the pools it is for → how often a request is tried at most, and when the last attempt starts at latest.

It stands apart from `policies.py` because it says what follows from a policy and decides nothing. Its rules are those
of the data plane's decision (DESIGN section 3), taken at their worst: every attempt is silent for as long as it may be.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from switchover_dataplane import table
from switchover_operator import conditions
from switchover_operator.conditions import Condition

DEFAULT_ATTEMPTS = 3
"""Tries of a request for models whose policy says no number; more where there are more priorities."""

_DOUBLINGS = 64
"""After so many a wait grows no further; the number of tries that a policy allows has no such bound."""


@dataclass(frozen=True, slots=True)
class WorstCase:
    """`attempts` at most; `starts` tells by kind of request how many seconds pass before the last, None: no limit."""

    attempts: int
    starts: dict[str, float | None]

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
        texts = [f"if all are silent, the last one starts after {', '.join(bounded)}"] if bounded else []
        if unbounded:
            whose = f" for {' and '.join(unbounded)}" if all(unbounded) else ""
            texts.append(f"nothing limits how long an attempt before it takes{whose}")
        return "; ".join(texts)


def worst_case(policy: table.Policy, upstream: table.Upstream) -> WorstCase:
    """Work out what a request to this upstream meets when all that can fail does."""
    pools = [pool for pool in upstream.priorities if pool]
    attempts = _attempts(policy, pools, ai=upstream.ai)
    waits = _waits(policy, pools, attempts, ai=upstream.ai)
    if attempts == 1:
        return WorstCase(1, {"": 0.0})
    each = _longest_silence(policy, pools, ai=upstream.ai)
    return WorstCase(
        attempts,
        {kind: round((attempts - 1) * seconds + waits, 3) if seconds else None for kind, seconds in each.items()},
    )


def told(policy: table.Policy, upstream: table.Upstream, where: str) -> Condition:
    """Say the worst case of one backend, and warn where the deadline may come first; `where` names the backend."""
    worst = worst_case(policy, upstream)
    if worst.exceeds(policy.timeout):
        return conditions.deadline_too_short(
            f"{where}: the timeout of {_told(policy.timeout)} may end a request before its last attempt: {worst}"
        )
    return conditions.worst_case(f"{where}: {worst}")


def _attempts(policy: table.Policy, pools: Sequence[Sequence[table.Target]], *, ai: bool) -> int:
    if policy.semantics == "Envoy" or not ai:
        limit = policy.attempts or 1
    else:
        # A brief rate limit that is waited out, once, costs no other target its turn.
        granted = 1 if policy.max_retry_after_wait and not policy.written else 0
        limit = policy.attempts or max(DEFAULT_ATTEMPTS, len(pools)) + granted
    if policy.semantics == "Envoy" or len(pools) < 2:
        return limit
    if policy.update_frequency:
        return min(limit, len(pools) * policy.update_frequency)
    # Once more each at most, after a failure that is brief by nature.
    return min(limit, 2 * sum(map(len, pools)))


def _waits(policy: table.Policy, pools: Sequence[Sequence[table.Target]], attempts: int, *, ai: bool) -> float:
    """Return the longest time that passes between attempts."""
    repeats = _repeats(policy, pools, attempts)
    brief = ai and repeats > 0 and not policy.written and policy.semantics == "Failover"
    return _back_offs(policy, repeats) + (policy.max_retry_after_wait if brief else 0.0)


def _back_offs(policy: table.Policy, repeats: int) -> float:
    """Return the sum of the longest waits before so many repeats: each is twice the one before, up to a maximum."""
    limited = policy.rate_limited_back_off
    # Up to half of it is added as jitter (Envoy, "RateLimitedRetryBackOff").
    least = limited.max * 1.5 if limited else 0.0
    grown = min(repeats, _DOUBLINGS)
    waits = [max(least, min(policy.back_off.base * 2.0**k, policy.back_off.max)) for k in range(grown + 1)]
    return sum(waits[:grown]) + (repeats - grown) * waits[grown]


def _repeats(policy: table.Policy, pools: Sequence[Sequence[table.Target]], attempts: int) -> int:
    """Return how many attempts may have a wait before them."""
    if policy.semantics == "Envoy" or len(pools) < 2:
        return attempts - 1
    if policy.update_frequency:
        return attempts - math.ceil(attempts / policy.update_frequency)
    return max(0, attempts - len(pools))


def _longest_silence(policy: table.Policy, pools: Sequence[Sequence[table.Target]], *, ai: bool) -> dict[str, float]:
    """Return how long one attempt may be silent before the next one starts, by kind of request; 0 for ever.

    Where there is one target alone, nothing is gained by starting anew beside it.
    """
    if policy.semantics == "Envoy" or not ai or sum(map(len, pools)) < 2:
        return {"": policy.per_try_timeout}
    return {
        "a stream": policy.first_token_timeout,
        "a stream after reasoning": policy.first_token_timeout_reasoning,
        "a whole answer": policy.answer_timeout,
    }


def _told(seconds: float) -> str:
    return f"{round(seconds, 1):g}s"
