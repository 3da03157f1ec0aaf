"""Gateways of our classes → their listeners: whether each is served, at which socket, with which certificates.

On one machine all Gateways share its ports, so that the listeners of two Gateways can conflict. In a cluster each
Gateway's port has a socket of its own (`fleet.py`).
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from switchover_dataplane.table.ports import Certificate
from switchover_operator.compiler import conditions
from switchover_operator.compiler.addresses import normal
from switchover_operator.compiler.certificates import certificate
from switchover_operator.compiler.conditions import Condition
from switchover_operator.compiler.fleet import CLASS_NAME, CONTROLLER_NAME, Fleet, GatewayPort
from switchover_operator.compiler.resolve import Catalogue, Object, age
from switchover_operator.identity import Identity
from switchover_operator.resources.gateway_api import (
    GATEWAY_GROUP,
    Gateway,
    GatewayClass,
    Listener,
)

ROUTE_KIND = "HTTPRoute"
_ADDRESS_TYPES = ("IPAddress", "Hostname")


@dataclass(frozen=True, slots=True)
class GatewayListener:
    """One listener as it is served. `socket` is its port on the data planes; 0 if it has none yet.

    `path` is where it stands in its Gateway.
    `kinds` are those of its routes, `problems` its conditions other than the good ones. `closed` is the reason why
    every request is refused; "" if the listener is open.
    """

    gateway: Identity
    path: str
    spec: Listener
    socket: int
    kinds: tuple[str, ...]
    certificates: tuple[Certificate, ...] = ()
    secrets: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[Condition, ...] = ()
    closed: str = ""

    @property
    def name(self) -> str:
        """The unique name of the listener."""
        return f"{self.gateway.namespace}/{self.gateway.name}/{self.spec.name}"

    @property
    def hostname(self) -> str:
        """Its hostname in lower case; "" for every hostname."""
        return (self.spec.hostname or "").lower()

    @property
    def is_accepted(self) -> bool:
        """Whether its protocol is served and no other listener conflicts with it."""
        return not any(problem.type == "Accepted" for problem in self.problems)

    @property
    def serves(self) -> bool:
        """Whether data planes listen for it; HTTPS needs a certificate."""
        return self.is_accepted and bool(self.socket) and (self.spec.protocol == "HTTP" or bool(self.certificates))

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """All conditions of its status but Programmed."""
        good = (conditions.accepted(), conditions.not_conflicted(), conditions.refs_resolved())
        return conditions.merged((*self.problems, *(c for c in good if c.type not in {t.type for t in self.problems})))


@dataclass(frozen=True, slots=True)
class ServedGateway:
    """A Gateway of one of our classes. A `refused` Gateway has no listeners.

    `addresses` are the requested ones that it may have; `address_problem` says why it may not have one.
    """

    found: Object[Gateway]
    listeners: tuple[GatewayListener, ...] = ()
    refused: Condition | None = None
    addresses: tuple[str, ...] = ()
    address_problem: str = ""

    @property
    def accepted(self) -> Condition:
        """Its Accepted condition."""
        if self.refused or self.found.refusal:
            return self.refused or self.found.accepted
        left_out = [f"{each.path} ({each.spec.name})" for each in self.listeners if not each.is_accepted]
        if left_out:
            return conditions.listeners_not_valid(left_out, some_serve=len(left_out) < len(self.listeners))
        return conditions.accepted()


# ── Classes ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def our_classes(catalogue: Catalogue, fleet: Fleet) -> frozenset[str]:
    """Return the names of the classes whose Gateways are served."""
    known = {found.identity.name: found.model for found in catalogue.every(GatewayClass) if found.model}
    ours = {
        name
        for name, model in known.items()
        if model.spec.controller_name == CONTROLLER_NAME and model.spec.parameters_ref is None
    }
    if fleet.class_is_implied and CLASS_NAME not in known:
        ours.add(CLASS_NAME)
    return frozenset(ours)


# ── Gateways ────────────────────────────────────────────────────────────────────────────────────────────────────────


def served_gateways(catalogue: Catalogue, fleet: Fleet) -> Mapping[Identity, ServedGateway]:
    """Return all Gateways of our classes, the oldest first."""
    classes = our_classes(catalogue, fleet)
    ours = [found for found in catalogue.every(Gateway) if class_name(found) in classes]
    ours.sort(key=age)
    served = [_served(catalogue, found, fleet) for found in ours]
    served = list(_without_collisions(served) if fleet.gateways_share_ports else _with_addresses(served))
    return {gateway.found.identity: gateway for gateway in served}


def class_name(found: Object[Gateway]) -> str:
    """Return the name of a Gateway's class, as it is written where no version of it is valid."""
    if found.model is not None:
        return found.model.spec.gateway_class_name
    spec = found.body.get("spec")
    name = spec.get("gatewayClassName") if isinstance(spec, dict) else None
    return name if isinstance(name, str) else ""


def _served(catalogue: Catalogue, found: Object[Gateway], fleet: Fleet) -> ServedGateway:
    gateway = found.model
    if gateway is None:
        return ServedGateway(found, refused=found.accepted)
    if gateway.spec.infrastructure.parameters_ref is not None:
        text = "spec.infrastructure.parametersRef: parameters are not supported; remove it"
        return ServedGateway(found, refused=conditions.invalid_parameters(text))
    for index, address in enumerate(gateway.spec.addresses):
        if address.type not in _ADDRESS_TYPES:
            text = f"spec.addresses[{index}].type: must be IPAddress or Hostname; got {address.type!r}"
            return ServedGateway(found, refused=conditions.unsupported_address(text))
    listeners = tuple(
        _listener(catalogue, found.identity, f"spec.listeners[{index}]", listener, fleet)
        for index, listener in enumerate(gateway.spec.listeners)
    )
    return ServedGateway(found, tuple(_distinct(listeners)))


# ── One listener ────────────────────────────────────────────────────────────────────────────────────────────────────


def _listener(catalogue: Catalogue, gateway: Identity, path: str, spec: Listener, fleet: Fleet) -> GatewayListener:
    unserved = _unsupported_protocol(path, spec) or _missing_selector(path, spec)
    if unserved is not None:
        return GatewayListener(gateway, path, spec, 0, (), problems=(unserved,))
    kinds, wrong_kinds = _kinds(path, spec)
    socket = fleet.socket(GatewayPort(gateway.namespace, gateway.name, spec.port))
    listener = GatewayListener(gateway, path, spec, socket, kinds, problems=wrong_kinds)
    return _with_certificates(catalogue, listener) if spec.protocol == "HTTPS" else listener


def _unsupported_protocol(path: str, spec: Listener) -> Condition | None:
    if spec.protocol not in ("HTTP", "HTTPS"):
        return conditions.unsupported_protocol(f"{path}.protocol: must be HTTP or HTTPS; got {spec.protocol!r}")
    if spec.protocol == "HTTPS" and spec.tls is not None and spec.tls.mode != "Terminate":
        return conditions.unsupported_protocol(f"{path}.tls.mode: must be Terminate; got {spec.tls.mode!r}")
    return None


def _missing_selector(path: str, spec: Listener) -> Condition | None:
    namespaces = spec.allowed_routes.namespaces
    if namespaces.from_ == "Selector" and namespaces.selector is None:
        return conditions.invalid_listener(f"{path}.allowedRoutes.namespaces.selector: is required by from: Selector")
    return None


def _kinds(path: str, spec: Listener) -> tuple[tuple[str, ...], tuple[Condition, ...]]:
    """Return the kinds of a listener that are served, and the conditions about the others."""
    wanted = spec.allowed_routes.kinds
    wrong = [kind for kind in wanted if (kind.group, kind.kind) != (GATEWAY_GROUP, ROUTE_KIND)]
    kinds = (ROUTE_KIND,) if not wanted or len(wrong) < len(wanted) else ()
    if not wrong:
        return kinds, ()
    names = ", ".join(f"{kind.kind} of {kind.group or 'the core group'}" for kind in wrong)
    text = f"{path}.allowedRoutes.kinds: only HTTPRoute is served; got {names}"
    return kinds, (conditions.invalid_route_kinds(text),)


def _with_certificates(catalogue: Catalogue, listener: GatewayListener) -> GatewayListener:
    certificates: list[Certificate] = []
    secrets: dict[str, str] = {}
    problems = list(listener.problems)
    refs = listener.spec.tls.certificate_refs if listener.spec.tls else ()
    if not refs:
        text = (
            f"{listener.path}.tls.certificateRefs: HTTPS needs a certificate: name a Secret of type kubernetes.io/tls"
        )
        problems.append(conditions.invalid_certificate_ref(text))
    for index, ref in enumerate(refs):
        where = f"{listener.path}.tls.certificateRefs[{index}]"
        if (ref.group, ref.kind) != ("", "Secret"):
            text = f"{where}: must be a Secret of the core group; got {ref.kind} of {ref.group or 'the core group'}"
            problems.append(conditions.invalid_certificate_ref(text))
            continue
        pair = certificate(catalogue, listener.gateway, where, ref.namespace or listener.gateway.namespace, ref.name)
        if pair.problem is not None:
            problems.append(pair.problem)
            continue
        certificates.append(Certificate(pair.chain, pair.key))
        secrets |= pair.secrets
    return replace(listener, certificates=tuple(certificates), secrets=secrets, problems=tuple(problems))


# ── Conflicting listeners ───────────────────────────────────────────────────────────────────────────────────


def _distinct(listeners: tuple[GatewayListener, ...]) -> Iterator[GatewayListener]:
    """Mark the listeners of one Gateway that conflict: none of them is served (Gateway API, Conflicted)."""
    for listener in listeners:
        others = [
            other
            for other in listeners
            if other is not listener and other.spec.port == listener.spec.port and other.is_accepted
        ]
        yield _marked(listener, _collision(listener, others)) if listener.is_accepted else listener


def _without_collisions(gateways: Iterable[ServedGateway]) -> Iterator[ServedGateway]:
    """Mark the listeners that conflict with one of an older Gateway; `gateways` are sorted by age."""
    taken: list[GatewayListener] = []
    for gateway in gateways:
        listeners = tuple(
            _marked(listener, _collision(listener, [other for other in taken if other.spec.port == listener.spec.port]))
            if listener.is_accepted
            else listener
            for listener in gateway.listeners
        )
        taken += [listener for listener in listeners if listener.is_accepted]
        yield replace(gateway, listeners=listeners)


def _collision(listener: GatewayListener, others: Iterable[GatewayListener]) -> tuple[Condition, ...]:
    for other in others:
        where = f"port {listener.spec.port}"
        if other.spec.protocol != listener.spec.protocol:
            text = f"listener {other.name} already uses {other.spec.protocol} on {where}; use another port"
            return conditions.protocol_conflict(f"{listener.path}.protocol: {text}")
        if other.hostname == listener.hostname:
            name = other.hostname or "every hostname"
            text = f"listener {other.name} already serves {name} on {where}; use another hostname or port"
            return conditions.hostname_conflict(f"{listener.path}.hostname: {text}")
    return ()


def _marked(listener: GatewayListener, collision: tuple[Condition, ...]) -> GatewayListener:
    return replace(listener, problems=(*listener.problems, *collision)) if collision else listener


def _with_addresses(gateways: Iterable[ServedGateway]) -> Iterator[ServedGateway]:
    """Assign each requested address to the oldest Gateway that requests it; `gateways` are sorted by age."""
    taken: dict[str, Identity] = {}
    for gateway in gateways:
        asked = gateway.found.model.spec.addresses if gateway.found.model and not gateway.refused else ()
        wanted = tuple(normal(address.value) for address in asked if address.value)
        others = [address for address in wanted if address in taken]
        if others:
            problem = f"spec.addresses: {others[0]} is already used by {taken[others[0]]}"
            yield replace(gateway, address_problem=problem)
            continue
        taken |= dict.fromkeys(wanted, gateway.found.identity)
        yield replace(gateway, addresses=wanted)
