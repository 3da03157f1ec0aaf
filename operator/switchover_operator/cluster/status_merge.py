"""Reports, and what the data planes acknowledged → the `.status` of each object, merged with the one that is there.

The rules are those of the Gateway API: conditions and `parents[]` of other controllers stay as they are, ours carry the
object's generation, and `lastTransitionTime` changes only with the status of a condition.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from switchover_operator.acknowledgements import Acknowledgements
from switchover_operator.compiler import conditions
from switchover_operator.compiler.addresses import is_address
from switchover_operator.compiler.conditions import OWNED_TYPES, Condition
from switchover_operator.compiler.fleet import CONTROLLER_NAME
from switchover_operator.compiler.report import ListenerReport, Report
from switchover_operator.identity import Body, Identity
from switchover_operator.snapshot import Snapshot

SUPPORTED_FEATURES = (
    "Gateway",
    "GatewayPort8080",
    "HTTPRoute",
    "HTTPRouteBackendRequestHeaderModification",
    "HTTPRouteBackendTimeout",
    "HTTPRouteDestinationPortMatching",
    "HTTPRouteHostRewrite",
    "HTTPRouteMethodMatching",
    "HTTPRouteNamedRouteRule",
    "HTTPRouteParentRefPort",
    "HTTPRoutePathRedirect",
    "HTTPRoutePathRewrite",
    "HTTPRoutePortRedirect",
    "HTTPRouteQueryParamMatching",
    "HTTPRouteRequestTimeout",
    "HTTPRouteResponseHeaderModification",
    "HTTPRouteSchemeRedirect",
    "ReferenceGrant",
)
"""Features of the Gateway API that the GatewayClass promises, sorted as the API demands."""


class _Entries(NamedTuple):
    """A list in a status that several controllers share, and the field of an entry that names its object."""

    field: str
    ref: str


_PARENTS = _Entries("parents", "parentRef")
_ANCESTORS = _Entries("ancestors", "ancestorRef")


@dataclass(frozen=True, slots=True)
class StatusContext:
    """What statuses hold beside the reports: what data planes acknowledged, addresses, and the priority that answers.

    `addresses` are those of each Gateway's Service, `address_problems` say why a Gateway has none, and
    `active_priorities` is the priority that answers, by Upstream.
    """

    acknowledgements: Acknowledgements = field(default_factory=Acknowledgements)
    addresses: Mapping[Identity, Sequence[str]] = field(default_factory=dict)
    address_problems: Mapping[Identity, str] = field(default_factory=dict)
    active_priorities: Mapping[Identity, int] = field(default_factory=dict)


def changed_statuses(
    reports: Iterable[Report], snapshot: Snapshot, context: StatusContext, now: str
) -> Iterator[tuple[Identity, Body]]:
    """Yield the whole `.status` of every object whose status has to be written. `now` is an RFC 3339 time.

    Entries that we wrote are removed from an HTTPRoute or a policy that is no longer ours.
    """
    reported: set[Identity] = set()
    for report in reports:
        reported.add(report.identity)
        body = snapshot.objects.get(report.identity)
        shape = _SHAPES.get(report.identity.kind)
        if body is None or shape is None:
            continue
        existing = _mapping(body.get("status"))
        desired = shape(report, existing, context, now)
        if desired != existing:
            yield report.identity, desired
    for identity, body in snapshot.objects.items():
        kind = _ENTRIES.get(identity.kind)
        if kind and identity not in reported:
            existing = _mapping(body.get("status"))
            if _ours(existing, kind):
                yield identity, existing | {kind.field: _of_others(existing, kind)}


# ── One shape of status each ────────────────────────────────────────────────────────────────────────────────────────


def _class_status(report: Report, existing: Body, _context: StatusContext, now: str) -> Body:
    features = [{"name": name} for name in SUPPORTED_FEATURES]
    merged = _merged(existing.get("conditions"), report.conditions, report.generation, now)
    return existing | {"conditions": merged, "supportedFeatures": features}


def _gateway_status(report: Report, existing: Body, context: StatusContext, now: str) -> Body:
    known = {entry.get("name"): entry for entry in _mappings(existing.get("listeners"))}
    listeners = [
        _listener_status(listener, known.get(listener.name, {}), report.generation, context, now)
        for listener in report.listeners
    ]
    addresses = [
        {"type": "IPAddress" if is_address(address) else "Hostname", "value": address}
        for address in context.addresses.get(report.identity, ())
    ]
    programmed = _programmed(report.serves, existing.get("conditions"), report.generation, context)
    if programmed.status == "True":
        programmed = _addressed(report, context) or programmed
    merged = _merged(existing.get("conditions"), (*report.conditions, programmed), report.generation, now)
    desired = existing | {"conditions": merged, "listeners": listeners, "addresses": addresses}
    if not addresses:
        del desired["addresses"]
    return desired


def _addressed(report: Report, context: StatusContext) -> Condition | None:
    """Return the condition for a problem with a Gateway's addresses; None if there is none."""
    addresses = context.addresses.get(report.identity, ())
    if report.address_problem:
        return conditions.address_not_usable(report.address_problem)
    lacking = [address for address in report.addresses_wanted if address not in addresses]
    if lacking:
        return conditions.address_not_usable(f"spec.addresses: the Gateway's Service did not get {', '.join(lacking)}")
    if addresses:
        return None
    return conditions.address_not_assigned(
        context.address_problems.get(report.identity, "its Service has no address yet")
    )


def _listener_status(
    listener: ListenerReport, existing: Body, generation: int, context: StatusContext, now: str
) -> Body:
    programmed = _programmed(listener.serves, existing.get("conditions"), generation, context)
    kinds = [{"group": "gateway.networking.k8s.io", "kind": kind} for kind in listener.supported_kinds]
    return existing | {
        "name": listener.name,
        "supportedKinds": kinds,
        "attachedRoutes": listener.attached_routes,
        "conditions": _merged(existing.get("conditions"), (*listener.conditions, programmed), generation, now),
    }


def _route_status(report: Report, existing: Body, context: StatusContext, now: str) -> Body:
    # The API allows 32 parents, and any number of routes can delegate to one.
    return existing | {"parents": _entries(report, existing, _PARENTS, context, now)[:32]}


def _policy_status(report: Report, existing: Body, context: StatusContext, now: str) -> Body:
    # The API allows 16 ancestors; the list of others' entries and ours must not be longer.
    return existing | {"ancestors": _entries(report, existing, _ANCESTORS, context, now)[:16]}


def _upstream_status(report: Report, existing: Body, context: StatusContext, now: str) -> Body:
    written = report.conditions
    if report.serves:
        written = (*written, _programmed(True, existing.get("conditions"), report.generation, context))
    desired = existing | {"conditions": _merged(existing.get("conditions"), written, report.generation, now)}
    if report.pools is not None:
        desired |= {"priorities": len(report.pools), "targets": sum(report.pools)}
    if report.identity in context.active_priorities:
        desired["activePriority"] = context.active_priorities[report.identity]
    return desired


_SHAPES = {
    "GatewayClass": _class_status,
    "Gateway": _gateway_status,
    "HTTPRoute": _route_status,
    "RouteOption": _policy_status,
    "FailoverPolicy": _policy_status,
    "Upstream": _upstream_status,
    "AuthConfig": _upstream_status,
}
_ENTRIES = {"HTTPRoute": _PARENTS, "RouteOption": _ANCESTORS, "FailoverPolicy": _ANCESTORS}


# ── Merging ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _entries(report: Report, existing: Body, kind: _Entries, context: StatusContext, now: str) -> list[Body]:
    """The entries of other controllers as they are, then one of ours per parent, merged with its earlier one."""
    ours = _ours(existing, kind)
    written = _of_others(existing, kind)
    for parent in report.parents:
        ref = dict(parent.ref)
        known: Body = next((entry for entry in ours if entry.get(kind.ref) == ref), {})
        wanted = parent.conditions
        if report.serves:
            accepted = all(each.status == "True" for each in wanted if each.type == "Accepted")
            wanted = (*wanted, _programmed(accepted, known.get("conditions"), report.generation, context))
        merged = _merged(known.get("conditions"), wanted, report.generation, now)
        written.append(known | {kind.ref: ref, "controllerName": CONTROLLER_NAME, "conditions": merged})
    return written


def _merged(existing: object, wanted: Iterable[Condition], generation: int, now: str) -> list[Body]:
    """Bring a list of conditions up to date: types of other controllers stay in place, ours that no longer hold go."""
    desired = {condition.type: condition for condition in wanted}
    merged: list[Body] = []
    for known in _mappings(existing):
        condition = desired.pop(known.get("type", ""), None)
        if condition is not None:
            merged.append(_written(condition, known, generation, now))
        elif known.get("type") not in OWNED_TYPES:
            merged.append(known)
    return [*merged, *(_written(condition, {}, generation, now) for condition in desired.values())]


def _written(condition: Condition, known: Body, generation: int, now: str) -> Body:
    unmoved = known.get("status") == condition.status and known.get("lastTransitionTime")
    return {
        "type": condition.type,
        "status": condition.status,
        "reason": condition.reason,
        "message": condition.message,
        "observedGeneration": generation,
        "lastTransitionTime": unmoved or now,
    }


def _programmed(serves: bool, existing: object, generation: int, context: StatusContext) -> Condition:
    """Tell whether the data planes serve an object.

    An object that was programmed at this generation stays so while a newer revision, which changes others, is pushed.
    """
    if not serves:
        return conditions.not_programmed("not served; the other conditions give the reasons")
    acknowledged = context.acknowledgements
    if acknowledged.complete or _was_programmed(existing, generation):
        return conditions.programmed()
    if acknowledged.refusals:
        name, reasons = min(acknowledged.refusals.items())
        return conditions.refused(f"data plane {name} refused revision {acknowledged.revision}: {'; '.join(reasons)}")
    if not acknowledged.answers:
        return conditions.pending("there is no data plane yet")
    return conditions.pending("the data planes have not acknowledged it yet")


def _was_programmed(existing: object, generation: int) -> bool:
    return any(
        (known.get("type"), known.get("status"), known.get("observedGeneration")) == ("Programmed", "True", generation)
        for known in _mappings(existing)
    )


def _ours(status: Body, kind: _Entries) -> list[Body]:
    return [entry for entry in _mappings(status.get(kind.field)) if entry.get("controllerName") == CONTROLLER_NAME]


def _of_others(status: Body, kind: _Entries) -> list[Body]:
    return [entry for entry in _mappings(status.get(kind.field)) if entry.get("controllerName") != CONTROLLER_NAME]


def _mapping(given: object) -> Body:
    return given if isinstance(given, dict) else {}


def _mappings(given: object) -> list[Body]:
    return [entry for entry in given if isinstance(entry, dict)] if isinstance(given, list) else []
