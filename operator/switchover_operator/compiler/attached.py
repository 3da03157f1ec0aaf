"""What attaching an HTTPRoute gives: its parents, the listeners and hostnames, and the ways by which requests come."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from switchover_operator.compiler.conditions import Condition
from switchover_operator.compiler.listeners import GatewayListener
from switchover_operator.compiler.report import Ref
from switchover_operator.compiler.resolve import Object
from switchover_operator.identity import Identity
from switchover_operator.resources.gateway_api import HTTPRoute, HttpRouteMatch, HttpRouteRule


@dataclass(frozen=True, slots=True)
class Hostname:
    """A hostname that a listener and a route have in common, and the route's own, which decides precedence."""

    common: str
    own: str


@dataclass(frozen=True, slots=True)
class Place:
    """A listener that a route is attached to, and the hostnames there."""

    listener: GatewayListener
    hostnames: tuple[Hostname, ...]


@dataclass(frozen=True, slots=True)
class Parent:
    """A Gateway of ours or a route that delegates, as the parent of a route, and whether it accepts the route.

    `conditions` are further ones of the route there.
    """

    ref: Ref
    target: Identity
    accepted: Condition
    conditions: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """A rule of a route that delegates: its requests go to the rules of other routes."""

    route: Object[HTTPRoute]
    index: int

    @property
    def rule(self) -> HttpRouteRule:
        """The rule itself."""
        assert self.route.model is not None  # noqa: S101 - a route without a valid version delegates nothing
        return self.route.model.spec.rules[self.index]

    @property
    def path(self) -> str:
        """The path of the rule in its route."""
        return f"spec.rules[{self.index}]"

    @property
    def key(self) -> str:
        """A short name: NAMESPACE/NAME/INDEX."""
        return f"{self.route.identity.namespace}/{self.route.identity.name}/{self.index}"

    def __str__(self) -> str:
        return f"{self.route.identity} {self.path}"


@dataclass(frozen=True, slots=True)
class Way:
    """One way by which requests reach a route: from its own Gateways, or through `steps`, the nearest parent first.

    `matches` are those of each rule that takes requests, by the rule's index. `failures` says for a rule why all of
    these are answered 500. `handed_on` names the rules of which other routes take the requests. `conditions` and
    `notes` are for the route's status.
    """

    places: tuple[Place, ...]
    matches: Mapping[int, tuple[HttpRouteMatch, ...]]
    steps: tuple[Step, ...] = ()
    failures: Mapping[int, Condition] = field(default_factory=dict)
    handed_on: tuple[int, ...] = ()
    conditions: tuple[Condition, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def gateways(self) -> list[Identity]:
        """The Gateways that the requests come from, sorted."""
        return sorted({place.listener.gateway for place in self.places})

    @property
    def suffix(self) -> str:
        """Text that tells the rules of this way apart from those of the others; "" for the route's own Gateways."""
        return "".join(f"<{step.key}" for step in self.steps)


@dataclass(frozen=True, slots=True)
class AttachedRoute:
    """A route of ours: its parents of ours, the listeners that it is attached to itself, and the ways to it.

    `names` are the objects that ExtensionRefs of its rules name.
    """

    found: Object[HTTPRoute]
    parents: tuple[Parent, ...]
    places: tuple[Place, ...] = ()
    names: tuple[Identity, ...] = ()
    ways: tuple[Way, ...] = ()

    @property
    def above(self) -> frozenset[Identity]:
        """The Gateways and routes that requests come through."""
        routes = (step.route.identity for way in self.ways for step in way.steps)
        return frozenset((*routes, *(gateway for way in self.ways for gateway in way.gateways)))
