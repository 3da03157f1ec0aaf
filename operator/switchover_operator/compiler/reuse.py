"""The last compilation → the parts of it that are still valid, so that the work is in proportion to the change.

A route, a destination and a report record which objects they were made of (`Catalogue.reading`). They are made again
when one of these objects, or a policy for one of them, was added, changed or removed. A change of a kind that concerns
everything, such as a Gateway or a ReferenceGrant, makes everything again. A property test checks that reuse gives the
same result.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from switchover_dataplane.table.parts import Part
from switchover_operator.compiler.api_keys import SECRET_TYPE
from switchover_operator.compiler.build_reports import Reported, named_by_filters
from switchover_operator.compiler.fleet import Fleet
from switchover_operator.compiler.listeners import ServedGateway
from switchover_operator.compiler.precedence import Attached
from switchover_operator.compiler.resolve import Catalogue, Object
from switchover_operator.compiler.routes import CompiledRoute, CompileInputs
from switchover_operator.identity import Identity
from switchover_operator.resources import Resource
from switchover_operator.resources.core import EndpointSlice, Secret, Service
from switchover_operator.resources.failover_policy import FailoverPolicy
from switchover_operator.resources.gateway_api import HTTPRoute
from switchover_operator.resources.route_option import RouteOption
from switchover_operator.resources.upstream import Upstream

_CONCERN_SOME = frozenset(
    (kind.GROUP, kind.KIND)
    for kind in (HTTPRoute, Upstream, RouteOption, FailoverPolicy, Service, EndpointSlice, Secret)
)
"""The kinds whose objects concern those alone that refer to them; any other concerns everything."""


@dataclass(frozen=True, slots=True)
class Work:
    """What was compiled, piece by piece. A route's `reads` are the objects that it was made of.

    `parts` are those of the table's text.
    """

    inputs: CompileInputs
    fleet: Fleet
    gateways: Mapping[Identity, ServedGateway]
    routes: Mapping[Identity, CompiledRoute]
    reads: Mapping[Identity, frozenset[Identity]]
    matches: Mapping[str, Attached]
    reports: Mapping[Identity, Reported]
    parts: tuple[Part, ...]


def moved(before: Work, now: Catalogue) -> frozenset[Identity] | None:
    """Name the objects that changed, came or went, and those whose policies did; None where all is to be made anew."""
    changed = now.changed
    if changed is None or any((each.group, each.kind) not in _CONCERN_SOME for each in changed):
        return None
    old = before.inputs.catalogue.objects
    touched = set(changed)
    for identity in changed:
        for found in filter(None, (old.get(identity), now.objects.get(identity))):
            if _holds_keys(found):
                return None
            touched |= _service_of(found)
    return frozenset(touched)


def with_targets(changed: frozenset[Identity], *each_inputs: CompileInputs) -> frozenset[Identity]:
    """Add what the policies among those that changed are for, or were."""
    indexes = [
        index for inputs in each_inputs for index in (inputs.options.index.targets, inputs.failover.index.targets)
    ]
    targets = (target for index in indexes for each in changed for target in index.get(each, ()))
    return changed.union(targets)


def above(changed: frozenset[Identity], *each_inputs: CompileInputs) -> frozenset[Identity]:
    """Name the routes that delegate to those that changed, now or before.

    These are made again. What was made of them, such as their other children, is as it was.
    """
    return frozenset().union(*(inputs.delegates.above(changed) for inputs in each_inputs))


def below(changed: frozenset[Identity], *each_inputs: CompileInputs) -> frozenset[Identity]:
    """Name the routes to which those that changed delegate, now or before: what reaches these may have changed."""
    return frozenset().union(*(inputs.delegates.below(changed) for inputs in each_inputs))


def concerned(routes: Mapping[Identity, CompiledRoute], stale: frozenset[Identity]) -> frozenset[Identity]:
    """Name what routes that are made anew say something of in its own status, with the routes themselves."""
    ours = [route for identity in stale if (route := routes.get(identity)) is not None]
    reported = {each for route in ours for each in (*route.used, *route.worst, *route.overridden, *route.disables)}
    return stale.union(reported, named_by_filters(route.attached for route in ours))


def _holds_keys(found: Object[Resource]) -> bool:
    """Tell whether a Secret may be a caller's key: AuthConfigs find these by their labels."""
    return isinstance(found.model, Secret) and found.model.type == SECRET_TYPE


def _service_of(found: Object[Resource]) -> set[Identity]:
    """Name the Service that an EndpointSlice is of."""
    if not isinstance(found.model, EndpointSlice):
        return set()
    name = found.model.metadata.labels.get("kubernetes.io/service-name", "")
    return {Identity(Service.GROUP, Service.KIND, found.identity.namespace, name)}
