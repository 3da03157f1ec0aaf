"""What compilation found out → one `Report` for each object that is ours, in the order of the snapshot."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, replace
from typing import TypeVar

from switchover_dataplane.table import ApiKeys
from switchover_operator.compiler import conditions, triggers
from switchover_operator.compiler.access import option_told
from switchover_operator.compiler.access_controls import written
from switchover_operator.compiler.attachment import AttachedRoute
from switchover_operator.compiler.closures import options_reports
from switchover_operator.compiler.conditions import Condition
from switchover_operator.compiler.fleet import CLASS_NAME, Fleet, Standalone
from switchover_operator.compiler.listeners import ServedGateway, class_reports
from switchover_operator.compiler.open_access import open_access
from switchover_operator.compiler.policies import FailoverIndex
from switchover_operator.compiler.report import ListenerReport, ParentReport, Ref, Report
from switchover_operator.compiler.resolve import Catalogue, Object
from switchover_operator.compiler.routes import CompiledRoute, World
from switchover_operator.compiler.targeting import refused_at, route_targeted, served_refs, targets, told_refs
from switchover_operator.identity import Identity
from switchover_operator.resources import KINDS, Resource
from switchover_operator.resources.auth_config import AuthConfig
from switchover_operator.resources.failover_policy import FailoverPolicy
from switchover_operator.resources.gateway_api import GATEWAY_GROUP, Gateway, HTTPRoute
from switchover_operator.resources.route_option import RouteOption
from switchover_operator.resources.upstream import Upstream
from switchover_operator.snapshot import Snapshot

R = TypeVar("R", bound=Resource)

_OUR_GROUPS = frozenset({GATEWAY_GROUP, Upstream.GROUP, RouteOption.GROUP, AuthConfig.GROUP, FailoverPolicy.GROUP})


@dataclass(frozen=True, slots=True)
class Reported:
    """A report, and the objects that it was made of."""

    report: Report
    reads: Set[Identity]


def all_reports(  # noqa: PLR0917 - all that compilation found out, and what stays of the time before
    snapshot: Snapshot,
    world: World,
    gateways: Mapping[Identity, ServedGateway],
    routes: Mapping[Identity, CompiledRoute],
    fleet: Fleet,
    kept: Mapping[Identity, Reported],
) -> Mapping[Identity, Reported]:
    """Report on every object that is ours, and on every object that cannot be read, in the order of the snapshot.

    `kept` are reports on routes, Upstreams and policies of which nothing has changed that they were made of.
    """
    every = tuple(routes.values())
    used = frozenset(identity for route in every if route.rules for identity in route.used)
    reports = {
        each.report.identity: each
        for each in (
            *_made_of_all(_unserved_kinds(snapshot)),
            *_made_of_all(_unreadable(world.catalogue)),
            *_made_of_all(class_reports(world.catalogue)),
            *_made_of_all(_gateways_of_others(world.catalogue, gateways, fleet)),
            *_made_of_all(_gateway_reports(gateways, every)),
            *_made_of_all(options_reports(world.catalogue, gateways, fleet)),
            *(_of_route(route) for identity, route in routes.items() if identity not in kept),
            *_reported(world, kept, Upstream, _UpstreamReports(world, used, _worst_cases(every)).of),
            *_made_of_all(_auth_config_reports(world, used)),
            *_reported(world, kept, RouteOption, _RouteOptionReports(world, routes, fleet).of),
            *_reported(world, kept, FailoverPolicy, _FailoverReports(world, gateways, routes, fleet).of),
        )
    }
    reports.update(kept)
    placed: dict[Identity, Reported] = {}
    for identity in snapshot.objects:
        each = reports.get(identity)
        if each is not None:
            source = snapshot.source(identity)
            moved = each.report.source != source
            placed[identity] = Reported(replace(each.report, source=source), each.reads) if moved else each
    return placed


def _made_of_all(reports: Iterable[Report]) -> Iterator[Reported]:
    """Reports that are made anew each time."""
    return (Reported(report, frozenset()) for report in reports)


def _of_route(route: CompiledRoute) -> Reported:
    return Reported(_route_report(route), frozenset((route.attached.found.identity,)))


def _reported(
    world: World, kept: Mapping[Identity, Reported], kind: type[R], report: "Callable[[Object[R]], Report]"
) -> Iterator[Reported]:
    """Report on each object of a kind that is not `kept`, and note what it is made of."""
    for found in world.catalogue.every(kind):
        if found.identity not in kept:
            with world.catalogue.reading() as reads:
                made = report(found)
            yield Reported(made, reads | {found.identity})


def _unserved_kinds(snapshot: Snapshot) -> Iterator[Report]:
    """Kinds of APIs that are served in part: whoever writes one should not have to find out by waiting."""
    for identity in snapshot.objects:
        if identity.group in _OUR_GROUPS and (identity.group, identity.kind) not in KINDS:
            note = f"a {identity.kind} is not served; this object has no effect"
            yield Report(identity, snapshot.source(identity), notes=(note,))


def _unreadable(catalogue: Catalogue) -> Iterator[Report]:
    """Objects that cannot be read; kinds with a report of their own have it instead."""
    for found in catalogue.objects.values():
        if found.refusal is not None:
            yield _plain(found, found.refusal)


def _plain(found: Object[Resource], *told: Condition) -> Report:
    return Report(found.identity, found.source, found.generation, conditions.merged(told), notes=found.notes)


# ── Gateways and routes ─────────────────────────────────────────────────────────────────────────────────────────────


def _gateways_of_others(
    catalogue: Catalogue, gateways: Mapping[Identity, ServedGateway], fleet: Fleet
) -> Iterator[Report]:
    """Where nobody else serves Gateways, one of another class is worth a word."""
    for found in catalogue.every(Gateway) if isinstance(fleet, Standalone) else ():
        if found.identity not in gateways:
            note = f"its class is not served here; a Gateway of class {CLASS_NAME} is"
            yield replace(_plain(found), notes=(*found.notes, note))


def _gateway_reports(gateways: Mapping[Identity, ServedGateway], routes: tuple[CompiledRoute, ...]) -> Iterator[Report]:
    opened = open_access(gateways, routes)
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
        yield replace(
            _plain(gateway.found, gateway.accepted, *filter(None, [opened.get(gateway.found.identity)])),
            listeners=listeners,
            serves=serves,
            addresses_wanted=gateway.addresses,
            address_problem=gateway.address_problem,
        )


def _route_report(route: CompiledRoute) -> Report:
    found = route.attached.found
    parents = tuple(
        ParentReport(parent.ref, (parent.accepted, *_told_at(route, parent.gateway), *found.effect))
        for parent in route.attached.parents
    )
    notes = (*found.notes, *route.notes)
    refers_to = tuple(sorted(route.used))
    return replace(_plain(found), parents=parents, refers_to=refers_to, notes=notes, serves=bool(route.rules))


def _told_at(route: CompiledRoute, gateway: Identity) -> tuple[Condition, ...]:
    if route.attached.found.model is None:
        return ()
    closed = (
        conditions.access_control_not_served(f"listener {place.listener.name}: every request is answered 403")
        for place in route.attached.places
        if place.listener.gateway == gateway and place.listener.closed
    )
    return conditions.merged((*route.told_at(gateway), *closed, conditions.refs_resolved()))


# ── Upstreams ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _worst_cases(routes: Iterable[CompiledRoute]) -> Mapping[Identity, list[Condition]]:
    """Upstream → what follows from the policies of the routes to it."""
    told: dict[Identity, list[Condition]] = {}
    for route in routes:
        for upstream, worst in route.worst.items():
            told.setdefault(upstream, []).extend(worst)
    return told


@dataclass(frozen=True, slots=True)
class _UpstreamReports:
    world: World
    used: frozenset[Identity]
    worst: Mapping[Identity, list[Condition]]

    def of(self, found: Object[Upstream]) -> Report:
        if found.model is None:
            return _plain(found, found.accepted)
        destination = self.world.destinations.of_upstream(found)
        told = (*destination.conditions, *found.effect, *self.worst.get(found.identity, ()))
        report = _plain(found, found.accepted, *told)
        notes = (*found.notes, *destination.notes)
        return replace(report, pools=destination.pools, notes=notes, serves=found.identity in self.used)


# ── Policies ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _auth_config_reports(world: World, used: frozenset[Identity]) -> Iterator[Report]:
    for found in world.catalogue.every(AuthConfig):
        if found.model is None:
            yield _plain(found, found.accepted)
            continue
        callers = world.auth.of(found)
        told = (found.accepted, *callers.told, conditions.refs_resolved(), *found.effect)
        report = _plain(found, *told)
        serves = found.identity in used and isinstance(callers.access, ApiKeys)
        yield replace(report, notes=(*report.notes, *callers.notes), serves=serves)


class _RouteOptionReports:
    def __init__(self, world: World, routes: Mapping[Identity, CompiledRoute], fleet: Fleet) -> None:
        self._world = world
        self._ours = routes
        self._fleet = fleet
        self._named = named_by_filters(route.attached for route in routes.values())

    def of(self, found: Object[RouteOption]) -> Report:
        access = tuple(option_told(self._world.auth, found))
        told = (_accepted(found), *_triggers_told(found), *access, *found.effect)
        served = served_refs(found)
        ancestors: list[ParentReport] = []
        for ref in told_refs(found):
            here = told if ref in served else (_accepted(found, attached=False), *access, *found.effect)
            ancestors += self._at(found, ref, here)
        for route in self._named.get(found.identity, ()):
            ref = {"group": route.group, "kind": route.kind, "name": route.name}
            if ref not in (ancestor.ref for ancestor in ancestors):
                ancestors.append(ParentReport(ref, _with_lost(found, told, self._ours.get(route))))
        return _policy_report(found, ancestors, told)

    def _at(self, found: Object[RouteOption], ref: Ref, told: tuple[Condition, ...]) -> Iterator[ParentReport]:
        """Report on it at what a targetRef means; nothing where that is a route of somebody else's."""
        target = route_targeted(found.identity, ref)
        if isinstance(target, Condition):
            yield ParentReport(ref, (found.refusal or target, *found.effect))
        elif self._world.catalogue.find(HTTPRoute, target.namespace, target.name) is None:
            missing = conditions.target_not_found(f"{target} does not exist")
            yield ParentReport(ref, (found.refusal or missing, *found.effect))
        elif target in self._ours or isinstance(self._fleet, Standalone):
            yield ParentReport(ref, _with_lost(found, told, self._ours.get(target)))


def _with_lost(
    found: Object[RouteOption], told: Iterable[Condition], route: CompiledRoute | None
) -> tuple[Condition, ...]:
    """Add what other RouteOptions of a route set before this one."""
    return conditions.merged((*told, *(route.lost.get(found.identity, ()) if route else ())))


def _policy_report(found: Object[Resource], ancestors: list[ParentReport], told: tuple[Condition, ...]) -> Report:
    """A policy's report: per ancestor, or of itself where it is attached to nothing."""
    if ancestors:
        accepted = any(each.type == "Accepted" and each.status == "True" for a in ancestors for each in a.conditions)
        return replace(_plain(found), parents=tuple(ancestors), serves=accepted)
    report = _plain(found, *told)
    return replace(report, notes=(*found.notes, "it is attached to nothing and has no effect"))


def _accepted(found: Object[RouteOption], *, attached: bool = True) -> Condition:
    """Its Accepted condition at a route that it is for, which is served without it where nothing of it is good."""
    if found.model is not None:
        return found.accepted if found.refusal is None else refused_at(found, attached=attached)
    if written(found.body.get("spec")):
        return found.accepted
    return replace(found.accepted, message=f"{found.accepted.message}; its routes are served without it")


def _triggers_told(found: Object[RouteOption]) -> tuple[Condition, ...]:
    retries = found.model.spec.options.retries if found.model else None
    if retries is None or retries.num_retries == 0 or triggers.tokens(retries.retry_on):
        return ()
    text = "spec.options.retries.retryOn is not written: a FailoverPolicy's triggers apply, or else the default ones"
    return (conditions.default_triggers(text),)


def named_by_filters(routes: Iterable[AttachedRoute]) -> Mapping[Identity, list[Identity]]:
    """RouteOption → the routes whose rules refer to it."""
    named: dict[Identity, list[Identity]] = {}
    for route in routes:
        identity = route.found.identity
        for rule in route.found.model.spec.rules if route.found.model else ():
            for ref in (each.extension_ref for each in rule.filters if each.extension_ref):
                option = Identity(ref.group, ref.kind, identity.namespace, ref.name)
                if identity not in named.setdefault(option, []):
                    named[option].append(identity)
    return named


@dataclass(frozen=True, slots=True)
class _FailoverReports:
    world: World
    gateways: Mapping[Identity, ServedGateway]
    routes: Mapping[Identity, CompiledRoute]
    fleet: Fleet

    def of(self, found: Object[FailoverPolicy]) -> Report:
        ancestors: list[ParentReport] = []
        idle: list[Identity] = []
        objects = self.world.catalogue.objects
        for target, attached in targets(found).items():
            self.world.catalogue.note((target,))
            route = self.routes.get(target)
            theirs = target in objects and target not in self.gateways and route is None
            if theirs and target.kind in (Gateway.KIND, HTTPRoute.KIND):
                # Somebody else may serve it, but for one machine's files.
                if not isinstance(self.fleet, Standalone):
                    continue
                accepted = found.refusal or conditions.target_not_found(f"{target} is not served here")
            else:
                accepted = _at(self.world.catalogue, self.world.failover, found, target, attached=attached)
            idle += [target] if route is not None and not route.rules else []
            ref = {"group": target.group, "kind": target.kind, "name": target.name}
            ancestors.append(ParentReport(ref, (accepted, *found.effect)))
        report = _policy_report(found, ancestors, (found.accepted, *found.effect))
        notes = tuple(f"{target} is attached to no Gateway, and the policy has no effect there" for target in idle)
        return replace(report, notes=(*report.notes, *notes), serves=report.serves and len(idle) < len(ancestors))


def _at(
    catalogue: Catalogue, index: FailoverIndex, found: Object[FailoverPolicy], target: Identity, *, attached: bool
) -> Condition:
    """Its Accepted condition at one target."""
    if found.refusal is not None:
        return refused_at(found, attached=attached)
    if target not in catalogue.objects:
        return conditions.target_not_found(f"{target} does not exist")
    winner = index.of(target)
    if winner is not None and winner.identity != found.identity:
        return conditions.superseded(winner.identity)
    return conditions.accepted()
