"""A report → what has become of its object, in one of eight words; and whether all that concerns us is served.

`check` and its JSON say these words, and its exit status follows from them.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum

from switchover_dataplane.table.access import Closed
from switchover_dataplane.table.disabled import in_use
from switchover_dataplane.table.rules import Backend
from switchover_dataplane.table.table import Table
from switchover_operator.compiler.report import ListenerReport, ParentReport, Report, Standing
from switchover_operator.identity import Identity
from switchover_operator.resources import KINDS
from switchover_operator.resources.core import EndpointSlice, Namespace, Secret, Service
from switchover_operator.resources.gateway_api import ReferenceGrant
from switchover_operator.snapshot import Snapshot


class State(StrEnum):
    """What has become of an object."""

    SERVED = "served"
    DISABLED = "disabled"
    PARTLY_SERVED = "partly served"
    REFUSED = "refused"
    UNATTACHED = "attached to nothing"
    UNSERVED = "not served here"
    UNUSED = "not used"
    OTHERS = "not ours"


_FAILING = frozenset({State.REFUSED, State.UNATTACHED, State.UNSERVED})
_BY_STANDING: Mapping[Standing, State] = {
    Standing.OTHERS: State.OTHERS,
    Standing.UNSERVED: State.UNSERVED,
    Standing.UNATTACHED: State.UNATTACHED,
}
_REFUSING = frozenset({"Accepted", "AccessControl"})
_PASSIVE = frozenset((kind.GROUP, kind.KIND) for kind in (Service, EndpointSlice, Secret, Namespace, ReferenceGrant))
"""Kinds that are reported only where there is something to say about them."""


def state_of(report: Report) -> State:
    """Say what has become of a reported object."""
    if report.standing in _BY_STANDING and not _is_refused(report):
        return _BY_STANDING[report.standing]
    if not report.is_accepted and not _serves_all_but_parts(report):
        parts: tuple[ParentReport | ListenerReport, ...] = (*report.parents, *report.listeners)
        good = [part for part in parts if all(each.status != "False" for each in part.conditions)]
        return State.PARTLY_SERVED if good and len(good) < len(parts) and report.serves else State.REFUSED
    if any(each.type == "Disabled" for each in report.conditions):
        return State.DISABLED
    if any(_is_left_out(each.type, each.status) for each in report.every_condition):
        return State.PARTLY_SERVED
    is_passive = (report.identity.group, report.identity.kind) in _PASSIVE
    return State.SERVED if report.serves or is_passive or report.identity.kind == "GatewayClass" else State.UNUSED


def states(snapshot: Snapshot, reports: Iterable[Report], used: frozenset[Identity]) -> dict[Identity, State]:
    """Say what has become of every object. `used` are objects that what is served refers to."""
    known = {report.identity: state_of(report) for report in reports}
    for identity in snapshot.objects:
        if identity in known:
            continue
        if (identity.group, identity.kind) not in KINDS:
            known[identity] = State.OTHERS
        elif (identity.group, identity.kind) in {(Service.GROUP, Service.KIND), (Secret.GROUP, Secret.KIND)}:
            known[identity] = State.SERVED if identity in used else State.UNUSED
        elif (identity.group, identity.kind) in _PASSIVE:
            known[identity] = State.SERVED
        else:
            known[identity] = State.OTHERS
    return {identity: known[identity] for identity in snapshot.objects}


def is_failing(state: State) -> bool:
    """Tell whether an object in this state makes `check` fail."""
    return state in _FAILING


def own_errors(table: Table) -> list[str]:
    """Return the routes of which some requests are answered an error of the gateway's own."""
    return sorted(
        {
            rule.route
            for rule in table.rules.values()
            if isinstance(table.access.get(rule.access), Closed)
            or any(backend.problem for backend in rule.backends)
            or not (rule.backends or rule.filters.redirect)
            or any(_is_without_target(table, each) for each in rule.backends if each.upstream)
        }
    )


def _is_without_target(table: Table, backend: Backend) -> bool:
    """Tell whether no target is left for requests of a backend; a disabled one without a share of them gets none."""
    upstream = table.upstreams[backend.upstream]
    if not any(upstream.priorities):
        return True
    return bool(backend.weight) and not any(in_use(upstream, table.policies[backend.policy]).priorities)


def _is_refused(report: Report) -> bool:
    return report.standing is not Standing.UNATTACHED and not report.is_accepted


def _serves_all_but_parts(report: Report) -> bool:
    """Tell whether only parts of an object are refused, and the others are taken."""
    refused = (each for each in report.every_condition if each.status == "False" and each.type in _REFUSING)
    return not any(refused)


def _is_left_out(kind: str, status: str) -> bool:
    """Tell whether a condition says that something of an accepted object is not served as written."""
    match kind, status:
        case ("ResolvedRefs" | "RetryPolicy", "False") | ("PartiallyInvalid" | "UnsupportedField", "True"):
            return True
        case _:
            return False
