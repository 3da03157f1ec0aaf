"""One attached HTTPRoute → its rules with backends, policies and filters, and the conditions of its references.

A rule is compiled once for each way to the route, and once more for each FailoverPolicy of a Gateway that this way
comes from. A policy of the route, of the routes above it or of the Upstream wins over that of the Gateway.
"""

from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import dataclass, field

import msgspec

from switchover_dataplane.table.access import Access
from switchover_dataplane.table.disabled import in_use
from switchover_dataplane.table.policies import Policy
from switchover_dataplane.table.rules import Backend, Rule
from switchover_dataplane.table.upstreams import Upstream as TableUpstream
from switchover_operator.compiler import conditions
from switchover_operator.compiler.access import RuleAccess, rule_access
from switchover_operator.compiler.access_controls import written_in_filters
from switchover_operator.compiler.api_keys import AuthIndex
from switchover_operator.compiler.attached import AttachedRoute, Step, Way
from switchover_operator.compiler.conditions import Condition
from switchover_operator.compiler.delegates import DelegateIndex
from switchover_operator.compiler.disabled import matched
from switchover_operator.compiler.filters import BuiltFilters, body_edit, rule_filters, written_filters
from switchover_operator.compiler.fleet import Fleet
from switchover_operator.compiler.inheritance import inherited_options, inherited_rule, joint_access
from switchover_operator.compiler.open_access import opened_at
from switchover_operator.compiler.policies import FailoverIndex, NamedPolicy, policy_of
from switchover_operator.compiler.resolve import Catalogue, Object
from switchover_operator.compiler.route_options import OptionsIndex, RuleOptions
from switchover_operator.compiler.targets import (
    Destination,
    destination_of_service,
    destination_of_upstream,
    with_own_host,
)
from switchover_operator.compiler.worst_case import Told, told
from switchover_operator.identity import Identity
from switchover_operator.resources.core import Service
from switchover_operator.resources.failover_policy import FailoverPolicy
from switchover_operator.resources.gateway_api import HttpBackendRef, HTTPRoute, HttpRouteRule
from switchover_operator.resources.upstream import Upstream


class Destinations:
    """The destinations of backendRefs, each worked out once."""

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
class CompileInputs:
    """Everything that a route can refer to."""

    catalogue: Catalogue
    options: OptionsIndex
    failover: FailoverIndex
    destinations: Destinations
    auth: AuthIndex
    delegates: DelegateIndex


@dataclass(frozen=True, slots=True)
class CompiledWay:
    """A way to a route, and for each Gateway that it comes from the keys of the rules, by their index."""

    way: Way
    keys: Mapping[Identity, Mapping[int, str]]


@dataclass(frozen=True, slots=True)
class CompiledRoute:
    """A route's rules by their key in the table, with all that they refer to.

    `ways` has the keys of the rules where requests arrive, and `conditions` those of the route's status, by its parent.
    `used` names the Upstreams and AuthConfigs that it refers to. `worst` holds the worst cases for the statuses of
    Upstreams, `overridden` the conditions for those of RouteOptions. `opened_at` names the Gateways at which anybody
    can use a provider's key through it. `disables` has for each FailoverPolicy with `disabledModels` those of its names
    that are a target's.
    """

    attached: AttachedRoute
    rules: Mapping[str, Rule] = field(default_factory=dict)
    ways: tuple[CompiledWay, ...] = ()
    policies: Mapping[str, Policy] = field(default_factory=dict)
    upstreams: Mapping[str, TableUpstream] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    access: Mapping[str, Access] = field(default_factory=dict)
    conditions: Mapping[Identity, tuple[Condition, ...]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    used: frozenset[Identity] = frozenset()
    worst: Mapping[Identity, tuple[Condition, ...]] = field(default_factory=dict)
    overridden: Mapping[Identity, tuple[Condition, ...]] = field(default_factory=dict)
    opened_at: tuple[Identity, ...] = ()
    disables: Mapping[Identity, frozenset[str]] = field(default_factory=dict)

    @property
    def serves(self) -> bool:
        """Whether requests reach a rule of it, or rules of others through it."""
        return bool(self.rules) or any(each.way.handed_on for each in self.ways)

    def conditions_at(self, parent: Identity) -> tuple[Condition, ...]:
        """Return the conditions at one parent; at one that did not take the route, those of its references alone."""
        if parent in self.conditions:
            return self.conditions[parent]
        everything = dict.fromkeys(condition for each in self.conditions.values() for condition in each)
        return tuple(each for each in everything if not self.ways or each.type == "ResolvedRefs")


@dataclass(slots=True)
class _RouteBuilder:
    """The parts of one route, gathered while its rules are compiled; `of_rule` holds the conditions of each rule."""

    rules: dict[str, Rule] = field(default_factory=dict)
    policies: dict[str, Policy] = field(default_factory=dict)
    upstreams: dict[str, TableUpstream] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    access: dict[str, Access] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    used: set[Identity] = field(default_factory=set)
    overridden: dict[Identity, list[Condition]] = field(default_factory=dict)
    disables: dict[Identity, frozenset[str]] = field(default_factory=dict)
    of_rule: dict[str, "_RuleConditions"] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _BackendUse:
    """One backendRef that leads to an Upstream, and the worst case there, for the Upstream's status."""

    upstream: Identity
    path: str
    worst: Told


@dataclass(slots=True)
class _RuleConditions:
    """The conditions of one rule under one choice of policies, and the Upstreams that it uses."""

    conditions: list[Condition] = field(default_factory=list)
    uses: list[_BackendUse] = field(default_factory=list)


def compiled_route(inputs: CompileInputs, attached: AttachedRoute) -> CompiledRoute:
    """Compile every rule of a route, for each way to it and each Gateway there."""
    identity = attached.found.identity
    if attached.found.model is None:
        return CompiledRoute(attached)
    builder = _RouteBuilder()
    ways: list[CompiledWay] = []
    noted_at: dict[Identity, list[_RuleConditions]] = {}
    at: dict[Identity, list[Condition]] = {}
    by_place: dict[str, list[_RuleConditions]] = {}
    for way in attached.ways:
        compiled = _compiled_way(inputs, builder, attached, way, noted_at)
        ways.append(compiled)
        builder.notes += way.notes
        parent = way.steps[0].route.identity if way.steps else None
        for gateway, noted in noted_at.items():
            at.setdefault(parent or gateway, []).extend((*_conditions_at(inputs, gateway, noted), *way.conditions))
            through = "".join(f" by {step.route.identity}" for step in way.steps)
            by_place.setdefault(f"{gateway}{through}", []).extend(noted)
        noted_at.clear()
    conditions_at = {parent: tuple(dict.fromkeys(each)) for parent, each in at.items()}
    notes = tuple(dict.fromkeys(builder.notes))
    if not any(way.places for way in attached.ways):
        return CompiledRoute(attached, conditions=conditions_at, notes=notes, used=frozenset(builder.used))
    return CompiledRoute(
        attached,
        builder.rules,
        tuple(ways),
        builder.policies,
        builder.upstreams,
        builder.secrets,
        builder.access,
        conditions_at,
        notes,
        frozenset(builder.used),
        _worst(identity, by_place),
        {option: tuple(dict.fromkeys(each)) for option, each in builder.overridden.items()},
        opened_at(attached.found, [(each.way, each.keys) for each in ways], builder.rules, builder.upstreams),
        builder.disables,
    )


def _compiled_way(
    inputs: CompileInputs,
    builder: "_RouteBuilder",
    attached: AttachedRoute,
    way: Way,
    noted_at: dict[Identity, list["_RuleConditions"]],
) -> CompiledWay:
    """Compile the rules that one way leads to; `noted_at` gets their conditions at each Gateway."""
    identity = attached.found.identity
    line = (identity, *(step.route.identity for step in way.steps))
    own = next(filter(None, map(inputs.failover.of, line)), None)
    # A route without a listener is compiled all the same, so that its status reports its references.
    variants = {each: None if own else inputs.failover.of(each) for each in way.gateways} or {identity: None}
    out = {fault.takes_out: fault.text for fault in attached.found.left_out}
    keys: dict[Identity, dict[int, str]] = {}
    for gateway, inherited in variants.items():
        suffix = f"@{inherited.identity.namespace}/{inherited.identity.name}" if inherited else ""
        noted_at[gateway] = []
        keys[gateway] = {}
        for index in sorted({*way.matches, *way.handed_on}):
            key = f"{identity.namespace}/{identity.name}/{index}{way.suffix}{suffix}"
            if key not in builder.of_rule:
                noted = builder.of_rule[key] = _RuleConditions()
                rule = _Rule(inputs, builder, noted, attached.found, index, way, own, inherited, out)
                if index in way.matches:
                    builder.rules[key] = rule.compiled()
                else:
                    rule.report()
            noted_at[gateway].append(builder.of_rule[key])
            if index in way.matches:
                keys[gateway][index] = key
    return CompiledWay(way, keys)


@dataclass(frozen=True, slots=True)
class _Controls:
    """The access controls that a route's filters are, none of which is served: one sentence for each, by its path.

    Those of a body that is refused concern every rule of the version that is served.
    """

    written: Mapping[str, str]
    of_every_rule: bool

    def of(self, index: int) -> list[str]:
        """Return those of one rule."""
        path = f"spec.rules[{index}]."
        return [text for where, text in self.written.items() if self.of_every_rule or where.startswith(path)]


def _controls(found: Object[HTTPRoute]) -> _Controls:
    # What is accepted with all of its fields has no filter that looks like an access control.
    whole = found.refusal is None and not found.without_effect and not found.left_out
    paths = () if whole else written_in_filters(found.body.get("spec"))
    written = {path: f"{found.identity} {path} is not served here" for path in paths}
    return _Controls(written, found.refusal is not None)


def _conditions_at(inputs: CompileInputs, gateway: Identity, rules: Iterable[_RuleConditions]) -> tuple[Condition, ...]:
    """Return the conditions of the route's rules at one Gateway, and those of that Gateway's refused policies."""
    of_rules = (condition for rule in rules for condition in rule.conditions)
    return tuple(dict.fromkeys((*of_rules, *inputs.failover.refused(gateway))))


def _worst(route: Identity, rules: Mapping[str, list[_RuleConditions]]) -> Mapping[Identity, tuple[Condition, ...]]:
    """Upstream → the worst cases of requests from this route; where they differ, it is said where requests arrive."""
    uses: dict[tuple[Identity, str], dict[str, _BackendUse]] = {}
    for arrival, noted in rules.items():
        for each in (each for rule in noted for each in rule.uses):
            uses.setdefault((each.upstream, each.path), {})[arrival] = each
    worst: dict[Identity, dict[Condition, None]] = {}
    for (upstream, path), places in uses.items():
        differ = len(places) < len(rules) or len({each.worst.text for each in places.values()}) > 1
        for arrival, each in places.items():
            where = f"{route} {path} at {arrival}" if differ else f"{route} {path}"
            worst.setdefault(upstream, {})[each.worst.at(where)] = None
    return {upstream: tuple(cases) for upstream, cases in worst.items()}


@dataclass(frozen=True, slots=True)
class _Rule:
    """One rule by one way under one choice of policies: its parts go to `builder`, its conditions to `noted`.

    `out` says which parts of the route are not served, by their path.
    """

    inputs: CompileInputs
    builder: _RouteBuilder
    noted: _RuleConditions
    found: Object[HTTPRoute]
    index: int
    way: Way
    own_policy: Object[FailoverPolicy] | None
    gateway_policy: Object[FailoverPolicy] | None
    out: Mapping[str, str]

    @property
    def path(self) -> str:
        return self._step.path

    @property
    def route(self) -> Identity:
        return self.found.identity

    @property
    def _step(self) -> Step:
        return Step(self.found, self.index)

    def report(self) -> None:
        """Note the conditions of a rule that hands its requests on, as the rules below it get them with its options."""
        options = self._options(self._step)
        self.noted.conditions += options.conditions
        if options.failure is not None:
            self.noted.conditions.append(options.failure)
        access = self._access(self._step, options)
        self.noted.conditions += access.conditions
        self.builder.used.update(access.configs)

    def compiled(self) -> Rule:
        """Compile it."""
        own = self._options(self._step)
        above = [(step, self._options(step)) for step in self.way.steps]
        options = inherited_options(self.path, own, above)
        self.noted.conditions += options.conditions
        for option, text in options.overridden.items():
            overridden = conditions.policy_overridden(f"{self.route} {self.path}: {text}")
            self.builder.overridden.setdefault(option, []).append(overridden)
        access = joint_access(self._access(step, given) for step, given in (*reversed(above), (self._step, own)))
        self.noted.conditions += access.conditions
        self.builder.access |= access.access
        self.builder.secrets |= access.secrets
        self.builder.used.update(access.configs)
        # Filters of another rule come by another way, so that a secret of theirs needs a name of its own.
        owner = f"{self.route}/{self.index}{self.way.suffix}"
        rule, notes = inherited_rule(self._step.rule, self.way.steps, self.way.matches[self.index])
        filters = rule_filters(self.inputs.catalogue, owner, rule.filters, options)
        self.builder.notes += [f"{self.path}: {note}" for note in (*notes, *filters.notes)]
        name = rule.name or str(self.index)
        route = f"{self.route.namespace}/{self.route.name}"
        problem = self.out.get(self.path) or self.out.get(f"{self.path}.matches")
        if problem is not None:
            return Rule(route, name, backends=(Backend(problem=problem),), access=access.name)
        failure = options.failure or filters.failure or self.way.failures.get(self.index)
        if failure is not None:
            self.noted.conditions.append(failure)
            return Rule(route, name, backends=(Backend(problem=failure.message),), access=access.name)
        self.builder.secrets |= filters.secrets
        backends = tuple(self._backend(place, ref, rule, options) for place, ref in enumerate(rule.backend_refs))
        if not backends and filters.filters.redirect is None:
            backends = (Backend(problem="the rule has no backendRefs"),)
        backends = self._without_disabled(backends)
        return Rule(route, name, filters.filters, backends, access.name)

    def _without_disabled(self, backends: tuple[Backend, ...]) -> tuple[Backend, ...]:
        """Give the requests of backends that are out of rotation to the others, if any of these serves."""
        out = [each for each in backends if each.weight and self._is_disabled(each)]
        if not out or not any(each.weight and not each.problem and each not in out for each in backends):
            return backends
        return tuple(msgspec.structs.replace(each, weight=0) if each in out else each for each in backends)

    def _is_disabled(self, backend: Backend) -> bool:
        if backend.problem:
            return False
        upstream, policy = self.builder.upstreams[backend.upstream], self.builder.policies[backend.policy]
        return any(upstream.priorities) and not any(in_use(upstream, policy).priorities)

    def _options(self, step: Step) -> RuleOptions:
        above = step.route.identity != self.route
        path = f"{self.path} by {step}" if above else self.path
        return self.inputs.options.of_rule(step.route.identity, path, step.rule)

    def _access(self, step: Step, options: RuleOptions) -> RuleAccess:
        """Return the access that one rule asks for, this one or one above it."""
        above = step.route.identity != self.route
        path = f"{self.path} by {step.route.identity}" if above else self.path
        owner = f"{step.route.identity}/{step.index}"
        return rule_access(self.inputs.auth, owner, path, options, _controls(step.route).of(step.index))

    def _backend(self, place: int, ref: HttpBackendRef, rule: HttpRouteRule, options: RuleOptions) -> Backend:
        path = f"{self.path}.backendRefs[{place}]"
        if path in self.out:
            return Backend(ref.weight, problem=self.out[path])
        found = self._destination(path, ref)
        if isinstance(found, Condition):
            self.noted.conditions.append(found)
            return Backend(ref.weight, problem=found.message)
        destination, upstream = found
        if options.options.auto_host_rewrite:
            destination = with_own_host(destination)
        if destination.failure is not None:
            message = f"{path}: {destination.failure.message}"
            self.noted.conditions.append(Condition("ResolvedRefs", "False", destination.failure.reason, message))
        if destination.upstream is None:
            return Backend(ref.weight, problem=destination.problem)
        policy = self._policy(destination, upstream, rule, options)
        filters = written_filters(f"{self.route}/{self.index}/{place}", ref.filters)
        self._use(destination, policy, filters)
        if upstream is not None:
            self.builder.used.add(upstream)
        if policy.written:
            self._note_worst_case(path, destination.upstream, policy.policy, upstream)
        body = body_edit(options.options.ai) if destination.is_ai else None
        edited = msgspec.structs.replace(filters.filters, body=body) if body else filters.filters
        return Backend(ref.weight, destination.key, policy.name, edited)

    def _note_worst_case(self, path: str, served: TableUpstream, policy: Policy, upstream: Identity | None) -> None:
        """Note the worst case for the statuses of the route and of the Upstream; each names the other."""
        worst = told(policy, in_use(served, policy))
        self.noted.conditions.append(worst.at(f"{path} ({served.name})"))
        if upstream is not None:
            self.noted.uses.append(_BackendUse(upstream, path, worst))

    def _destination(self, path: str, ref: HttpBackendRef) -> tuple[Destination, Identity | None] | Condition:
        """Follow a backendRef to its destination, and to the Upstream's identity if it is an Upstream."""
        if (ref.group, ref.kind) not in ((Upstream.GROUP, Upstream.KIND), (Service.GROUP, Service.KIND)):
            right = "must be an Upstream of gloo.solo.io, a Service, or an HTTPRoute to delegate to"
            return conditions.invalid_kind(f"{path}: {right}; got {ref.kind} of {ref.group or 'the core group'}")
        identity = Identity(ref.group, ref.kind, ref.namespace or self.route.namespace, ref.name)
        if not self.inputs.catalogue.permits(self.route, identity):
            text = f"{path}: {identity} is in another namespace and no ReferenceGrant in {identity.namespace} allows it"
            return conditions.ref_not_permitted(text)
        if ref.kind == Service.KIND:
            return self.inputs.destinations.of_service(identity, ref.port), None
        found = self.inputs.catalogue.find(Upstream, identity.namespace, identity.name)
        if found is None:
            return conditions.backend_not_found(f"{path}: {identity} does not exist")
        return self.inputs.destinations.of_upstream(found), identity

    def _policy(
        self, destination: Destination, upstream: Identity | None, rule: HttpRouteRule, options: RuleOptions
    ) -> NamedPolicy:
        for target in filter(None, (self.route, *(step.route.identity for step in self.way.steps), upstream)):
            self.noted.conditions += self.inputs.failover.refused(target)
        nearest = self.own_policy or (self.inputs.failover.of(upstream) if upstream else None) or self.gateway_policy
        if nearest is not None and nearest.model is not None and destination.upstream is not None:
            found = matched(nearest.model.spec, destination.upstream)
            self.builder.disables[nearest.identity] = found | self.builder.disables.get(nearest.identity, frozenset())
        return policy_of(self.path, rule, options, nearest, destination)

    def _use(self, destination: Destination, policy: NamedPolicy, filters: BuiltFilters) -> None:
        assert destination.upstream is not None  # noqa: S101 - only what can be served is used
        self.noted.conditions += policy.conditions
        self.builder.policies[policy.name] = policy.policy
        self.builder.upstreams[destination.key] = destination.upstream
        self.builder.secrets |= {**destination.secrets, **filters.secrets}
