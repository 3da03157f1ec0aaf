"""The results of compilation → one `Report` for each object of ours, in the order of the snapshot."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from switchover_dataplane.table.access import ApiKeys
from switchover_operator.compiler import conditions, triggers
from switchover_operator.compiler.access import option_conditions
from switchover_operator.compiler.access_controls import written
from switchover_operator.compiler.attached import AttachedRoute, Parent
from switchover_operator.compiler.closures import options_reports
from switchover_operator.compiler.conditions import Condition
from switchover_operator.compiler.disabled import unmatched
from switchover_operator.compiler.fleet import CONTROLLER_NAME, Fleet
from switchover_operator.compiler.listeners import ServedGateway
from switchover_operator.compiler.open_access import open_access
from switchover_operator.compiler.others import reports_of_others
from switchover_operator.compiler.report import ListenerReport, ParentReport, Ref, Report, Standing
from switchover_operator.compiler.report_on import report_on
from switchover_operator.compiler.resolve import Catalogue, Object
from switchover_operator.compiler.routes import CompiledRoute, CompileInputs
from switchover_operator.compiler.targeting import (
    path_of,
    refused_at,
    route_targeted,
    served_refs,
    status_refs,
    targets,
)
from switchover_operator.compiler.unserved import reports_of_unserved
from switchover_operator.identity import Identity
from switchover_operator.resources import Resource
from switchover_operator.resources.auth_config import AuthConfig
from switchover_operator.resources.core import EndpointSlice, Namespace, Secret, Service
from switchover_operator.resources.failover_policy import FailoverPolicy
from switchover_operator.resources.gateway_api import Gateway, GatewayClass, HTTPRoute, ReferenceGrant
from switchover_operator.resources.route_option import RouteOption
from switchover_operator.resources.upstream import Upstream
from switchover_operator.snapshot import Snapshot

R = TypeVar("R", bound=Resource)

_SILENT_KINDS: Final[tuple[type[Resource], ...]] = (Service, EndpointSlice, Secret, Namespace, ReferenceGrant)
"""Kinds that have no status of ours: they are reported only where there is something to say."""


@dataclass(frozen=True, slots=True)
class Reported:
    """A report, and the objects that it was made of."""

    report: Report
    reads: Set[Identity]


def all_reports(  # noqa: PLR0917 - all that compilation found out, and what stays of the time before
    snapshot: Snapshot,
    inputs: CompileInputs,
    gateways: Mapping[Identity, ServedGateway],
    routes: Mapping[Identity, CompiledRoute],
    fleet: Fleet,
    reads: Mapping[Identity, Set[Identity]],
    kept: Mapping[Identity, Reported],
) -> Mapping[Identity, Reported]:
    """Report on every object that is ours, and on every object that cannot be read, in the order of the snapshot.

    `reads` are the objects that each route is made of. `kept` are reports on routes, Upstreams and policies of which
    nothing has changed that they were made of.
    """
    every = tuple(routes.values())
    used = frozenset(identity for route in every if route.rules for identity in route.used)
    reports = {
        each.report.identity: each
        for each in (
            *_made_of_all(reports_of_unserved(snapshot, inputs.catalogue, gateways.keys())),
            *_made_of_all(_of_core_kinds(inputs.catalogue, fleet, reads)),
            *_made_of_all(_faulty(inputs.catalogue)),
            *_made_of_all(_class_reports(inputs.catalogue)),
            *_made_of_all(reports_of_others(inputs.catalogue, gateways.keys(), routes.keys(), fleet)),
            *_made_of_all(_gateway_reports(gateways, every)),
            *_made_of_all(options_reports(inputs.catalogue, gateways, fleet)),
            *(_of_route(route) for identity, route in routes.items() if identity not in kept),
            *_reported(inputs, kept, Upstream, _UpstreamReports(inputs, used, _worst_cases(every)).of),
            *_made_of_all(_auth_config_reports(inputs, used)),
            *_reported(inputs, kept, RouteOption, _RouteOptionReports(inputs, routes, fleet).of),
            *_reported(
                inputs, kept, FailoverPolicy, _FailoverReports(inputs, gateways, routes, _disabled(every), fleet).of
            ),
        )
    }
    reports.update(kept)
    placed: dict[Identity, Reported] = {}
    sources = snapshot.sources
    for identity in snapshot.objects:
        each = reports.get(identity)
        if each is None:
            continue
        source = sources.get(identity, "")
        moved = each.report.source != source
        placed[identity] = Reported(replace(each.report, source=source), each.reads) if moved else each
    return placed


def _made_of_all(reports: Iterable[Report]) -> Iterator[Reported]:
    """Reports that are made anew each time."""
    return (Reported(report, frozenset()) for report in reports)


def _of_route(route: CompiledRoute) -> Reported:
    return Reported(_route_report(route), frozenset((route.attached.found.identity,)))


def _reported(
    inputs: CompileInputs, kept: Mapping[Identity, Reported], kind: type[R], report: "Callable[[Object[R]], Report]"
) -> Iterator[Reported]:
    """Report on each object of a kind that is not `kept`, and note what it is made of."""
    for found in inputs.catalogue.every(kind):
        if found.identity not in kept:
            with inputs.catalogue.reading() as reads:
                made = report(found)
            yield Reported(made, reads | {found.identity})


def _faulty(catalogue: Catalogue) -> Iterator[Report]:
    """Report the objects that are refused, or of which a part is; a report of their kind replaces this one."""
    for found in catalogue.faulty:
        yield report_on(found, found.accepted, *found.partial, *found.effect)


def _of_core_kinds(catalogue: Catalogue, fleet: Fleet, reads: Mapping[Identity, Set[Identity]]) -> Iterator[Report]:
    """Report the objects of core kinds, and ReferenceGrants, that set fields without effect.

    In a cluster, a Service that no route leads to is for others, and what it sets has its effect there.
    """
    found = [each for kind in _SILENT_KINDS for each in catalogue.every(kind) if each.without_effect]
    if found and fleet.others_may_serve:
        used = frozenset[Identity]().union(*reads.values())
        found = [each for each in found if each.identity in used or each.identity.kind == ReferenceGrant.KIND]
    for each in found:
        yield report_on(each, *each.effect)


# ── Gateways and routes ─────────────────────────────────────────────────────────────────────────────────────────────


def _class_reports(catalogue: Catalogue) -> Iterator[Report]:
    """Report on every GatewayClass that names our controller."""
    for found in catalogue.every(GatewayClass):
        if found.model is None or found.model.spec.controller_name != CONTROLLER_NAME:
            continue
        accepted = found.accepted
        if found.model.spec.parameters_ref is not None:
            accepted = conditions.invalid_parameters("spec.parametersRef: parameters are not supported; remove it")
        yield report_on(found, accepted, conditions.supported_version(), *found.effect)


def _gateway_reports(gateways: Mapping[Identity, ServedGateway], routes: tuple[CompiledRoute, ...]) -> Iterator[Report]:
    opened = open_access(gateways, ((route.attached.found.identity, route.opened_at) for route in routes))
    attached: dict[str, int] = {}
    for route in routes:
        for place in route.attached.places:
            attached[place.listener.name] = attached.get(place.listener.name, 0) + 1
    for gateway in gateways.values():
        listeners = tuple(
            ListenerReport(
                listener.spec.name,
                listener.kinds,
                attached.get(listener.name, 0),
                listener.conditions,
                listener.serves,
            )
            for listener in gateway.listeners
        )
        serves = any(listener.serves for listener in listeners)
        yield report_on(
            gateway.found,
            gateway.accepted,
            *gateway.found.effect,
            *filter(None, [opened.get(gateway.found.identity)]),
            listeners=listeners,
            serves=serves,
            addresses_wanted=gateway.addresses,
            address_problem=gateway.address_problem,
        )


def _route_report(route: CompiledRoute) -> Report:
    found = route.attached.found
    parents = tuple(
        ParentReport(parent.ref, (parent.accepted, *_conditions_at(route, parent))) for parent in route.attached.parents
    )
    notes = (*found.notes, *route.notes)
    refers_to = tuple(sorted(route.used))
    return report_on(found, parents=parents, refers_to=refers_to, notes=notes, serves=route.serves)


def _conditions_at(route: CompiledRoute, parent: Parent) -> tuple[Condition, ...]:
    found = route.attached.found
    if found.model is None:
        return (*found.partial, *found.effect)
    closed = (
        conditions.access_control_not_served(
            f"{place.listener.gateway}: every request at listener {place.listener.spec.name} is answered 403; its"
            " status says why"
        )
        for way in route.attached.ways
        if not way.steps or way.steps[0].route.identity == parent.target
        for place in way.places
        if place.listener.closed and parent.target in (place.listener.gateway, *(s.route.identity for s in way.steps))
    )
    own = (*found.partial, *parent.conditions, *route.conditions_at(parent.target))
    return conditions.merged((*own, *closed, conditions.refs_resolved(), *found.effect))


# ── Upstreams ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _worst_cases(routes: Iterable[CompiledRoute]) -> Mapping[Identity, list[Condition]]:
    """Upstream → the worst cases of the routes to it."""
    cases: dict[Identity, list[Condition]] = {}
    for route in routes:
        for upstream, worst in route.worst.items():
            cases.setdefault(upstream, []).extend(worst)
    return cases


@dataclass(frozen=True, slots=True)
class _UpstreamReports:
    inputs: CompileInputs
    used: frozenset[Identity]
    worst: Mapping[Identity, list[Condition]]

    def of(self, found: Object[Upstream]) -> Report:
        if found.model is None:
            return report_on(found, found.accepted, *found.effect)
        destination = self.inputs.destinations.of_upstream(found)
        own = (*found.partial, *destination.conditions, *found.effect, *self.worst.get(found.identity, ()))
        notes, serves = (*found.notes, *destination.notes), found.identity in self.used
        return report_on(found, found.accepted, *own, pools=destination.pools, notes=notes, serves=serves)


# ── Policies ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _auth_config_reports(inputs: CompileInputs, used: frozenset[Identity]) -> Iterator[Report]:
    for found in inputs.catalogue.every(AuthConfig):
        if found.model is None:
            yield report_on(found, found.accepted, *found.effect)
            continue
        callers = inputs.auth.of(found)
        own = (found.accepted, *callers.conditions, conditions.refs_resolved(), *found.effect)
        serves = found.identity in used and isinstance(callers.access, ApiKeys)
        yield report_on(found, *own, notes=(*found.notes, *callers.notes), serves=serves)


class _RouteOptionReports:
    def __init__(self, inputs: CompileInputs, routes: Mapping[Identity, CompiledRoute], fleet: Fleet) -> None:
        self._inputs = inputs
        self._ours = routes
        self._fleet = fleet
        self._named = named_by_filters(route.attached for route in routes.values())

    def of(self, found: Object[RouteOption]) -> Report:
        access = tuple(option_conditions(self._inputs.auth, found))
        own = (_accepted(found), *_trigger_conditions(found), *access, *found.effect)
        served = served_refs(found)
        ancestors: list[ParentReport] = []
        for ref in status_refs(found):
            here = own if ref in served else (_accepted(found, attached=False), *access, *found.effect)
            ancestors += self._at(found, ref, here)
        for route in self._named.get(found.identity, ()):
            ref = {"group": route.group, "kind": route.kind, "name": route.name}
            if ref not in (ancestor.ref for ancestor in ancestors):
                ancestors.append(ParentReport(ref, _with_overridden(found, own, self._ours.get(route))))
        if served and not ancestors:
            note = "it is for routes of another controller's"
            return report_on(found, *own, notes=(*found.notes, note), standing=Standing.OTHERS)
        return _policy_report(found, ancestors, own)

    def _at(self, found: Object[RouteOption], ref: Ref, own: tuple[Condition, ...]) -> Iterator[ParentReport]:
        """Report on it at what a targetRef means; nothing where that is a route of somebody else's."""
        target = route_targeted(found, ref)
        if isinstance(target, Condition):
            yield ParentReport(ref, (found.refusal or target, *found.effect))
        elif self._inputs.catalogue.find(HTTPRoute, target.namespace, target.name) is None:
            missing = conditions.target_not_found(f"{path_of(found, ref)}: {target} does not exist")
            yield ParentReport(ref, (found.refusal or missing, *found.effect))
        elif target in self._ours:
            yield ParentReport(ref, _with_overridden(found, own, self._ours.get(target)))


def _with_overridden(
    found: Object[RouteOption], own: Iterable[Condition], route: CompiledRoute | None
) -> tuple[Condition, ...]:
    """Add the fields of this RouteOption that others of the route override."""
    return conditions.merged((*own, *(route.overridden.get(found.identity, ()) if route else ())))


def _policy_report(found: Object[Resource], ancestors: list[ParentReport], own: tuple[Condition, ...]) -> Report:
    """Make a policy's report: per ancestor, or of the policy alone if it is attached to nothing."""
    if ancestors:
        accepted = any(each.type == "Accepted" and each.status == "True" for a in ancestors for each in a.conditions)
        return report_on(found, parents=tuple(ancestors), serves=accepted)
    notes = (*found.notes, "spec.targetRefs: leads to nothing that is served here; this object has no effect")
    return report_on(found, *own, notes=notes, standing=Standing.UNATTACHED)


def _accepted(found: Object[RouteOption], *, attached: bool = True) -> Condition:
    """Return its Accepted condition at a route, which is served without it if no version of it is valid."""
    if found.model is not None:
        return found.accepted if found.refusal is None else refused_at(found, attached=attached)
    if written(found.body.get("spec")):
        return found.accepted
    return found.accepted.followed_by("its routes are served without it")


def _trigger_conditions(found: Object[RouteOption]) -> tuple[Condition, ...]:
    retries = found.model.spec.options.retries if found.model else None
    if retries is None or retries.num_retries == 0 or triggers.tokens(retries.retry_on):
        return ()
    text = "spec.options.retries.retryOn is not set: the triggers of a FailoverPolicy apply, or the default ones"
    return (conditions.default_triggers(text),)


def named_by_filters(routes: Iterable[AttachedRoute]) -> Mapping[Identity, list[Identity]]:
    """RouteOption → the routes whose rules refer to it."""
    named: dict[Identity, list[Identity]] = {}
    for route in routes:
        for option in route.names:
            named.setdefault(option, []).append(route.found.identity)
    return named


def _disabled(routes: Sequence[CompiledRoute]) -> dict[Identity, frozenset[str]]:
    """Return what each policy takes out of rotation on all of its routes."""
    found: dict[Identity, frozenset[str]] = {}
    for route in routes:
        for policy, disabled in route.disables.items():
            found[policy] = found.get(policy, frozenset()) | disabled
    return found


@dataclass(frozen=True, slots=True)
class _FailoverReports:
    inputs: CompileInputs
    gateways: Mapping[Identity, ServedGateway]
    routes: Mapping[Identity, CompiledRoute]
    disabled: Mapping[Identity, frozenset[str]]
    fleet: Fleet

    def of(self, found: Object[FailoverPolicy]) -> Report:
        ancestors: list[ParentReport] = []
        idle: list[Identity] = []
        effect = self._effect(found)
        objects = self.inputs.catalogue.objects
        for target, attached in targets(found).items():
            self.inputs.catalogue.note((target,))
            ref = {"group": target.group, "kind": target.kind, "name": target.name}
            route = self.routes.get(target)
            theirs = target in objects and target not in self.gateways and route is None
            if theirs and target.kind in (Gateway.KIND, HTTPRoute.KIND):
                if self.fleet.others_may_serve:
                    continue
                text = f"{path_of(found, ref)}: {target} is not served here"
                accepted = found.refusal or conditions.target_not_found(text)
            else:
                accepted = self._accepted(found, target, path_of(found, ref), attached=attached)
            idle += [target] if route is not None and not route.serves else []
            ancestors.append(ParentReport(ref, (accepted, *effect)))
        report = _policy_report(found, ancestors, (found.accepted, *found.effect))
        if not idle:
            return report
        notes = tuple(f"{target} is attached to no Gateway, and the policy has no effect there" for target in idle)
        return replace(report, notes=(*report.notes, *notes), serves=report.serves and len(idle) < len(ancestors))

    def _accepted(self, found: Object[FailoverPolicy], target: Identity, path: str, *, attached: bool) -> Condition:
        """Return its Accepted condition at one target, which `path` names."""
        if found.refusal is not None:
            return refused_at(found, attached=attached)
        if target not in self.inputs.catalogue.objects:
            return conditions.target_not_found(f"{path}: {target} does not exist")
        winner = self.inputs.failover.of(target)
        if winner is not None and winner.identity != found.identity:
            return conditions.superseded(path, winner.identity)
        return conditions.accepted()

    def _effect(self, found: Object[FailoverPolicy]) -> tuple[Condition, ...]:
        """Return the condition about fields without effect; a model that is misspelt in `disabledModels` goes on."""
        disabled = self.disabled.get(found.identity)
        if found.model is None or disabled is None:
            return found.effect
        fields = (*found.without_effect, *unmatched(found.model.spec, disabled))
        return (conditions.fields_without_effect(fields),) if fields else ()
