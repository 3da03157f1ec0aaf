"""How long a target or credential cools down after a failure, and how many targets may at once."""

from collections.abc import Mapping, Set

from switchover_dataplane.failover.outcome import ErrorClass, Outcome
from switchover_dataplane.health.attribution import requested_wait
from switchover_dataplane.health.ejection import Ejection
from switchover_dataplane.table.policies import CoolDown
from switchover_dataplane.table.upstreams import Upstream

REFUSED_KEY_COOL_DOWN = 300.0
"""Seconds after which a refused key is tried again: the provider may accept it although the Secret did not change."""


def cool(ejection: Ejection, outcome: Outcome, cool_down: CoolDown, now: float, *, of_key: bool) -> None:
    """Start, extend or leave a cool-down, by the error class (docs/failover.md, "Cool-down")."""
    requested = requested_wait(outcome)
    match ejection.error_class:
        case ErrorClass.CREDENTIALS if of_key:
            ejection.cool(now, now + max(REFUSED_KEY_COOL_DOWN, cool_down.max))
        case ErrorClass.CREDENTIALS | ErrorClass.MODEL_UNAVAILABLE:
            ejection.cool(now, now + cool_down.max)
        case ErrorClass.QUOTA_EXHAUSTED:
            ejection.cool(now, now + max(cool_down.max, requested), explicit=requested > 0)
        case ErrorClass.RATE_LIMITED | ErrorClass.OVERLOADED if requested:
            ejection.cool(now, now + requested, explicit=True)
        case _ if ejection.should_eject(cool_down, now):
            ejection.cool_computed(cool_down, now, requested)


def kept_in_use(out: Mapping[str, list[Ejection]], upstream: Upstream, cool_down: CoolDown) -> Set[str]:
    """Return the ejected targets that stay in use, as more than `max_ejection_percent` have a computed cool-down.

    Source: Envoy, "Outlier detection", `max_ejection_percent`; the targets that failed first stay out.
    """
    count = len({target.id for pool in upstream.priorities for target in pool})
    allowed = min(max(1, int(count * cool_down.max_ejection_percent / 100)), count - 1)
    computed = sorted(
        (ejections[0].since, name) for name, ejections in out.items() if not any(e.explicit for e in ejections)
    )
    return {name for _, name in computed[allowed:]}
