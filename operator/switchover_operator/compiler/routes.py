"""One attached HTTPRoute → its rules with backends, policies and filters, and what its status says of references.

A rule is compiled once, and once more for each FailoverPolicy of a Gateway that the route is attached to: the nearest
policy wins, and a Gateway's is nearest only where neither route nor Upstream has one.
"""

from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import dataclass, field

import msgspec

from switchover_dataplane import table
from switchover_operator.compiler import conditions, worst_case
from switchover_operator.compiler.access import rule_access
from switchover_operator.compiler.access_controls import written_in_filters
from switchover_operator.compiler.api_keys import AuthIndex
from switchover_operator.compiler.attachment import AttachedRoute
from switchover_operator.compiler.conditions import Condition
from switchover_operator.compiler.filters import BuiltFilters, body_edit, rule_filters, written_filters
from switchover_operator.compiler.fleet import Fleet
from switchover_operator.compiler.policies import FailoverIndex, NamedPolicy, policy_of
from switchover_operator.compiler.resolve import Catalogue, Object
from switchover_operator.compiler.route_options import OptionsIndex, RuleOptions
from switchover_operator.compiler.targets import (
    Destination,
    destination_of_service,
    destination_of_upstream,
    with_own_host,
)
from switchover_operator.identity import Identity
from switchover_operator.resources.core import Service
from switchover_operator.resources.failover_policy import FailoverPolicy
from switchover_operator.resources.gateway_api import HttpBackendRef, HttpRouteRule
from switchover_operator.resources.upstream import Upstream


class Destinations:
    """What backendRefs lead to, each worked out once."""

    def __init__(self, catalogue: Catalogue, fleet: Fleet) -> None:
        self._catalogue = catalogue
        self._fleet = fleet
        self._known: dict[tuple[Identity, int | None], tuple[Destination, set[Identity]]] = {}

    def keep(self, before: "Destinations", stale: Set[Identity]) -> None:
        """Take over what was worked out before of nothing that is `stale`."""
        self._known |= {key: known for key, known in before._known.items() if known[1].isdisjoint(stale)}

    def of_upstream(self, found: Object[Upstream]) -> Destination:
        """Return what requests to an Upstream are sent to."""
        return self._of((found.identity, None), lambda: destination_of_upstream(self._catalogue, found, self._fleet))

    def of_service(self, service: Identity, port: int | None) -> Destination:
        """Return what requests to a port of a Service are sent to."""
        return self._of(
            (service, port),
            lambda: destination_of_service(self._catalogue, service.namespace, service.name, port, self._fleet),
        )

    def _of(self, key: tuple[Identity, int | None], make: Callable[[], Destination]) -> Destination:
        known = self._known.get(key)
        if known is None:
            with self._catalogue.reading() as reads:
                known = make(), reads
            reads.add(key[0])
            self._known[key] = known
        self._catalogue.note(known[1])
        return known[0]


@dataclass(frozen=True, slots=True)
class World:
    """All that a route can refer to."""

    catalogue: Catalogue
    options: OptionsIndex
    failover: FailoverIndex
    destinations: Destinations
    auth: AuthIndex


@dataclass(frozen=True, slots=True)
class CompiledRoute:
    """A route's rules by their key in the table, with all that they refer to.

    `keys` gives, for each Gateway, the keys of the rules in their order, `told` what the route's status says there.
    `used` names the Upstreams and AuthConfigs it refers to, `worst` what the statuses of Upstreams have to say of
    requests from here, `lost` what those of RouteOptions have.
    """

    attached: AttachedRoute
    rules: Mapping[str, table.Rule] = field(default_factory=dict)
    keys: Mapping[Identity, tuple[str, ...]] = field(default_factory=dict)
    policies: Mapping[str, table.Policy] = field(default_factory=dict)
    upstreams: Mapping[str, table.Upstream] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    access: Mapping[str, table.Access] = field(default_factory=dict)
    told: Mapping[Identity, tuple[Condition, ...]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    used: frozenset[Identity] = frozenset()
    worst: Mapping[Identity, tuple[Condition, ...]] = field(default_factory=dict)
    lost: Mapping[Identity, tuple[Condition, ...]] = field(default_factory=dict)

    def told_at(self, gateway: Identity) -> tuple[Condition, ...]:
        """Return what there is to say at one parent; where the route is not attached, of its references alone."""
        if gateway in self.told:
            return self.told[gateway]
        everything = dict.fromkeys(condition for told in self.told.values() for condition in told)
        return tuple(each for each in everything if not self.keys or each.type == "ResolvedRefs")


@dataclass(slots=True)
class _Parts:
    """What gathers while the rules of one route are compiled; what there is to say of each stands at its key."""

    rules: dict[str, table.Rule] = field(default_factory=dict)
    policies: dict[str, table.Policy] = field(default_factory=dict)
    upstreams: dict[str, table.Upstream] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    access: dict[str, table.Access] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    used: set[Identity] = field(default_factory=set)
    lost: dict[Identity, list[Condition]] = field(default_factory=dict)
    said: dict[str, "_Said"] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Met:
    """What a request meets at one backendRef, for the status of the Upstream that this leads to."""

    upstream: Identity
    path: str
    policy: table.Policy
    served: table.Upstream


@dataclass(slots=True)
class _Said:
    """What there is to say of one rule under one choice of policies."""

    told: list[Condition] = field(default_factory=list)
    met: list[_Met] = field(default_factory=list)


def compiled_route(world: World, attached: AttachedRoute) -> CompiledRoute:
    """Compile every rule of a route, for each Gateway that takes it."""
    route = attached.found.model
    identity = attached.found.identity
    if route is None:
        return CompiledRoute(attached)
    parts = _Parts()
    own = world.failover.of(identity)
    gateways = sorted({place.listener.gateway for place in attached.places})
    # Without a place the rules are compiled all the same: their references are worth a word in the status.
    variants = {gateway: None if own else world.failover.of(gateway) for gateway in gateways} or {identity: None}
    asked_elsewhere = [
        f"{identity} {path} is not served here" for path in written_in_filters(attached.found.body.get("spec"))
    ]
    keys: dict[Identity, tuple[str, ...]] = {}
    for gateway, inherited in variants.items():
        suffix = f"@{inherited.identity.namespace}/{inherited.identity.name}" if inherited else ""
        keys[gateway] = tuple(
            f"{identity.namespace}/{identity.name}/{index}{suffix}" for index in range(len(route.spec.rules))
        )
        for index, (key, rule) in enumerate(zip(keys[gateway], route.spec.rules, strict=True)):
            if key not in parts.rules:
                said = parts.said[key] = _Said()
                compiled = _Rule(world, parts, said, identity, index, rule, own, inherited)
                parts.rules[key] = compiled.compiled(asked_elsewhere)
    told = {gateway: _told(world, gateway, [parts.said[key] for key in keys[gateway]]) for gateway in variants}
    if not attached.places:
        return CompiledRoute(attached, told=told, notes=tuple(parts.notes), used=frozenset(parts.used))
    return CompiledRoute(
        attached,
        parts.rules,
        keys,
        parts.policies,
        parts.upstreams,
        parts.secrets,
        parts.access,
        told,
        tuple(dict.fromkeys(parts.notes)),
        frozenset(parts.used),
        _worst(identity, {gateway: [parts.said[key] for key in keys[gateway]] for gateway in gateways}),
        {option: tuple(dict.fromkeys(lost)) for option, lost in parts.lost.items()},
    )


def _told(world: World, gateway: Identity, rules: Iterable[_Said]) -> tuple[Condition, ...]:
    """Return what the route's status has to say at one Gateway: of its rules there, and of that Gateway's policies."""
    of_rules = (condition for said in rules for condition in said.told)
    return tuple(dict.fromkeys((*of_rules, *world.failover.refused(gateway))))


def _worst(route: Identity, rules: Mapping[Identity, list[_Said]]) -> Mapping[Identity, tuple[Condition, ...]]:
    """Upstream → what its status says of requests from here; where Gateways make a difference, each is named."""
    met: dict[tuple[Identity, str], dict[Identity, _Met]] = {}
    for gateway, said in rules.items():
        for each in (each for rule in said for each in rule.met):
            met.setdefault((each.upstream, each.path), {})[gateway] = each
    worst: dict[Identity, dict[Condition, None]] = {}
    for (upstream, path), places in met.items():
        cases = {worst_case.told(each.policy, each.served, "") for each in places.values()}
        differ = len(cases) > 1 or len(places) < len(rules)
        for gateway, each in places.items():
            where = f"{route} {path} at {gateway}" if differ else f"{route} {path}"
            worst.setdefault(upstream, {})[worst_case.told(each.policy, each.served, where)] = None
    return {upstream: tuple(said) for upstream, said in worst.items()}


@dataclass(frozen=True, slots=True)
class _Rule:
    """One rule under one choice of policies; what it needs goes to `parts`, what there is to say to `said`."""

    world: World
    parts: _Parts
    said: _Said
    route: Identity
    index: int
    rule: HttpRouteRule
    own_policy: Object[FailoverPolicy] | None
    gateway_policy: Object[FailoverPolicy] | None

    @property
    def path(self) -> str:
        return f"spec.rules[{self.index}]"

    def compiled(self, asked_elsewhere: list[str]) -> table.Rule:
        """Compile it; `asked_elsewhere` names access controls of the route itself, none of which is served."""
        options = self.world.options.of_rule(self.route, self.path, self.rule)
        owner = f"{self.route}/{self.index}"
        filters = rule_filters(self.world.catalogue, owner, self.rule.filters, options)
        self.said.told += options.told
        for option, lost in options.lost.items():
            said = conditions.policy_overridden(f"{self.route} {self.path}: {lost}")
            self.parts.lost.setdefault(option, []).append(said)
        self.parts.notes += [f"{self.path}: {note}" for note in filters.notes]
        access = rule_access(self.world.auth, owner, self.path, options, asked_elsewhere)
        self.said.told += access.told
        self.parts.access |= access.access
        self.parts.secrets |= access.secrets
        if access.config is not None:
            self.parts.used.add(access.config)
        name = self.rule.name or str(self.index)
        route = f"{self.route.namespace}/{self.route.name}"
        failure = options.failure or filters.failure
        if failure is not None:
            self.said.told.append(failure)
            return table.Rule(route, name, backends=(table.Backend(problem=failure.message),), access=access.name)
        self.parts.secrets |= filters.secrets
        backends = tuple(self._backend(place, ref, options) for place, ref in enumerate(self.rule.backend_refs))
        if not backends and filters.filters.redirect is None:
            backends = (table.Backend(problem="the rule has no backendRefs"),)
        return table.Rule(route, name, filters.filters, backends, access.name)

    def _backend(self, place: int, ref: HttpBackendRef, options: RuleOptions) -> table.Backend:
        path = f"{self.path}.backendRefs[{place}]"
        found = self._destination(path, ref)
        if isinstance(found, Condition):
            self.said.told.append(found)
            return table.Backend(ref.weight, problem=found.message)
        destination, upstream = found
        if options.options.auto_host_rewrite:
            destination = with_own_host(destination)
        if destination.failure is not None:
            message = f"{path}: {destination.failure.message}"
            self.said.told.append(Condition("ResolvedRefs", "False", destination.failure.reason, message))
        if destination.upstream is None:
            return table.Backend(ref.weight, problem=destination.problem)
        policy = self._policy(destination, upstream, options)
        filters = written_filters(f"{self.route}/{self.index}/{place}", ref.filters)
        self._use(destination, policy, filters)
        if upstream is not None:
            self.parts.used.add(upstream)
        if policy.written:
            self._tell_worst_case(path, destination.upstream, policy.policy, upstream)
        body = body_edit(options.options.ai) if destination.is_ai else None
        edited = msgspec.structs.replace(filters.filters, body=body) if body else filters.filters
        return table.Backend(ref.weight, destination.key, policy.name, edited)

    def _tell_worst_case(
        self, path: str, served: table.Upstream, policy: table.Policy, upstream: Identity | None
    ) -> None:
        """Say the same in the status of the route and of the Upstream, each naming the other."""
        self.said.told.append(worst_case.told(policy, served, f"{path} ({served.name})"))
        if upstream is not None:
            self.said.met.append(_Met(upstream, path, policy, served))

    def _destination(self, path: str, ref: HttpBackendRef) -> tuple[Destination, Identity | None] | Condition:
        """Follow a backendRef to what it names, and to the Upstream's identity if it is one."""
        if (ref.group, ref.kind) not in ((Upstream.GROUP, Upstream.KIND), (Service.GROUP, Service.KIND)):
            text = f"{path}: must be an Upstream of gloo.solo.io or a Service; got {ref.kind} of {ref.group or 'core'}"
            return conditions.invalid_kind(text)
        identity = Identity(ref.group, ref.kind, ref.namespace or self.route.namespace, ref.name)
        if not self.world.catalogue.permits(self.route, identity):
            text = f"{path}: {identity} is in another namespace and no ReferenceGrant in {identity.namespace} allows it"
            return conditions.ref_not_permitted(text)
        if ref.kind == Service.KIND:
            return self.world.destinations.of_service(identity, ref.port), None
        found = self.world.catalogue.find(Upstream, identity.namespace, identity.name)
        if found is None:
            return conditions.backend_not_found(f"{path}: {identity} does not exist")
        return self.world.destinations.of_upstream(found), identity

    def _policy(self, destination: Destination, upstream: Identity | None, options: RuleOptions) -> NamedPolicy:
        for target in filter(None, (self.route, upstream)):
            self.said.told += self.world.failover.refused(target)
        nearest = self.own_policy or (self.world.failover.of(upstream) if upstream else None) or self.gateway_policy
        return policy_of(self.path, self.rule, options, nearest, destination)

    def _use(self, destination: Destination, policy: NamedPolicy, filters: BuiltFilters) -> None:
        assert destination.upstream is not None  # noqa: S101 - only what can be served is used
        self.said.told += policy.told
        self.parts.policies[policy.name] = policy.policy
        self.parts.upstreams[destination.key] = destination.upstream
        self.parts.secrets |= {**destination.secrets, **filters.secrets}
