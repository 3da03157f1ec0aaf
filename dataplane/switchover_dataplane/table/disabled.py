"""Which targets of an upstream somebody took out of rotation → the upstream without them.

A disabled target is not tried at all: not first, not as the last one left, and not to find out how it is.
"""

from collections.abc import Mapping

from msgspec.structs import replace

from switchover_dataplane.table.policies import Policy
from switchover_dataplane.table.upstreams import Upstream


def disabled(upstream: Upstream, policy: Policy) -> dict[str, str]:
    """Return why targets get no requests under a policy, by their ids; the Upstream's own reason comes first."""
    if not upstream.disabled and not policy.disabled:
        return {}
    reasons = {each.target: each.reason for each in policy.disabled}
    targets = (target.id for pool in upstream.priorities for target in pool)
    return {name: upstream.disabled or reasons[name] for name in targets if upstream.disabled or name in reasons}


def without(upstream: Upstream, out: Mapping[str, str]) -> Upstream:
    """Return an upstream without the targets that are `out`; the priorities of the others stay."""
    if not out:
        return upstream
    pools = tuple(tuple(target for target in pool if target.id not in out) for pool in upstream.priorities)
    return replace(upstream, priorities=pools)


def in_use(upstream: Upstream, policy: Policy) -> Upstream:
    """Return an upstream with the targets that get requests under a policy."""
    return without(upstream, disabled(upstream, policy))
