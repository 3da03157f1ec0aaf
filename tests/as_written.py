"""What a test writes about attempts → the policy that the compiler makes of it for an upstream."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from switchover_dataplane.table.policies import Policy
from switchover_dataplane.table.upstreams import Upstream
from switchover_operator.compiler.attempt_rules import NOTHING, Written, resolved


@dataclass(frozen=True)
class AsWritten:
    """What is written, before anybody knows which upstream it is for. `others` are fields of the policy as they are."""

    written: Written = NOTHING
    others: Mapping[str, Any] = field(default_factory=dict)

    def resolved_for(self, upstream: Upstream) -> Policy:
        """The policy under which requests to this upstream are tried."""
        return self.resolved_for_pools([len(pool) for pool in upstream.priorities], ai=upstream.ai)

    def resolved_for_pools(self, pools: Sequence[int], *, ai: bool = True) -> Policy:
        """The same for one with so many targets in each priority."""
        return resolved(self.written, Policy(**self.others), ai=ai, pools=pools)


_OF_WRITTEN = {each.name for each in fields(Written)}


def as_written(**given: Any) -> AsWritten:
    """Take fields of `Written` and of `Policy` by their names."""
    others = {name: value for name, value in given.items() if name not in _OF_WRITTEN}
    return AsWritten(Written(**{name: given[name] for name in given if name in _OF_WRITTEN}), others)


def retries(**given: Any) -> AsWritten:
    """The same of a RouteOption's `retries`."""
    return as_written(retry_block=True, **given)


def changed(given: AsWritten, **others: Any) -> AsWritten:
    """The same with other fields of the policy."""
    return AsWritten(given.written, {**given.others, **others})


def resolved_policy(given: Policy | AsWritten | None, upstream: Upstream) -> Policy:
    """A policy as it is, what is written as the compiler reads it, and the default where nothing is."""
    return given if isinstance(given, Policy) else (given or AsWritten()).resolved_for(upstream)
