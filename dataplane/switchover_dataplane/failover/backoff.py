"""A policy, the last outcome and a random number → the seconds to wait before the same priority is tried again.

It stands apart from `decision.py` because it answers "how long", never "where to".
"""

from collections.abc import Mapping

from switchover_dataplane.failover.outcome import Committed, Outcome, Refused
from switchover_dataplane.table.policies import Policy, RateLimitedBackOff, ResetHeader


def before_repeat(policy: Policy, outcome: Outcome, repeat: int, *, wall: float, chance: float) -> float:
    """Return the wait in seconds before the `repeat`-th repeat (from 1); `chance` in 0..1 is its jitter.

    A usable reset header of the last answer wins where `rateLimitedRetryBackOff` is written (Envoy,
    "RateLimitedRetryBackOff"); else the wait grows exponentially with full jitter (Gloo `retryBackOff`).
    """
    limited = policy.rate_limited_back_off
    if limited and isinstance(outcome, (Refused, Committed)):
        value = _reset(limited, outcome.headers, wall)
        if value is not None:
            return value * (1 + chance / 2)
    # The exponent is bounded as floats overflow; no back-off is still below its maximum after 64 doublings.
    return chance * min(policy.back_off.base * 2.0 ** min(repeat - 1, 64), policy.back_off.max)


def _reset(limited: RateLimitedBackOff, headers: Mapping[str, str], wall: float) -> float | None:
    """Return the first usable wait: whole seconds or a future stamp, more than 0 and at most the maximum."""
    for header in limited.headers:
        value = _seconds(header, headers.get(header.name, ""), wall)
        if 0 < value <= limited.max:
            return value
    return None


def _seconds(header: ResetHeader, text: str, wall: float) -> float:
    digits = text.strip()
    if not digits.isascii() or not digits.isdigit() or len(digits) > 15:
        return 0.0
    return float(digits) - wall if header.format == "UNIX_TIMESTAMP" else float(digits)
