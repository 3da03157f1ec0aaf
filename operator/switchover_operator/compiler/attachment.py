"""One HTTPRoute and the listeners → the listeners and hostnames of the route, and the condition of each parentRef.

What reaches a route through the rules of other routes is found in `delegation.py`.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from switchover_operator.compiler import conditions
from switchover_operator.compiler.attached import AttachedRoute, Hostname, Parent, Place
from switchover_operator.compiler.conditions import Condition
from switchover_operator.compiler.fleet import Fleet
from switchover_operator.compiler.listeners import ROUTE_KIND, GatewayListener, ServedGateway
from switchover_operator.compiler.report import Ref
from switchover_operator.compiler.resolve import Catalogue, Object
from switchover_operator.identity import Identity
from switchover_operator.resources.core import Namespace
from switchover_operator.resources.gateway_api import (
    GATEWAY_GROUP,
    Gateway,
    HTTPRoute,
    LabelSelector,
    LabelSelectorRequirement,
    Listener,
    ParentRef,
)

_NAME_LABEL = "kubernetes.io/metadata.name"


class GatewayAttachment:
    """Attaches HTTPRoutes to the Gateways that their parentRefs name, each once."""

    def __init__(self, catalogue: Catalogue, gateways: Mapping[Identity, ServedGateway], fleet: Fleet) -> None:
        self._gateways = gateways
        self._labels = _namespace_labels(catalogue)
        self._catalogue = catalogue
        self._fleet = fleet
        self._known: dict[Identity, AttachedRoute] = {}

    @property
    def others_may_serve(self) -> bool:
        """Whether a parent that is not ours may be another controller's."""
        return self._fleet.others_may_serve

    def of(self, found: Object[HTTPRoute]) -> AttachedRoute:
        """Attach a route.

        In a cluster, a parentRef to a Gateway that is not ours belongs to another controller and is left out. On one
        machine it is reported.
        """
        known = self._known.get(found.identity)
        if known is None:
            known = self._known[found.identity] = _attached(
                found, self._gateways, self._labels, self._catalogue, self._fleet
            )
        return known


def _namespace_labels(catalogue: Catalogue) -> Mapping[str, Mapping[str, str]]:
    return {
        found.identity.name: found.model.metadata.labels
        for found in catalogue.every(Namespace)
        if found.model is not None
    }


def _attached(
    found: Object[HTTPRoute],
    gateways: Mapping[Identity, ServedGateway],
    labels: Mapping[str, Mapping[str, str]],
    catalogue: Catalogue,
    fleet: Fleet,
) -> AttachedRoute:
    if found.model is None:
        return AttachedRoute(found, tuple(_parents_of_unreadable(found, gateways, catalogue, fleet)))
    namespace = found.identity.namespace
    parents: list[Parent] = []
    places: dict[str, Place] = {}
    for index, ref in enumerate(found.model.spec.parent_refs):
        path = f"spec.parentRefs[{index}]"
        identity = _gateway_of(ref.group, ref.kind, ref.namespace or namespace, ref.name)
        if (identity.group, identity.kind) == (HTTPRoute.GROUP, HTTPRoute.KIND):
            continue
        gateway = gateways.get(identity)
        if gateway is None:
            parents += _foreign_parent(found, path, ref, identity, catalogue, fleet)
            continue
        here = {_NAME_LABEL: namespace, **labels.get(namespace, {})}
        taken = _taken_by(gateway, found.model, path, ref, namespace, here)
        accepted = taken if isinstance(taken, Condition) else found.accepted
        parents.append(Parent(status_ref(ref), identity, accepted if found.refusal is None else found.refusal))
        for place in () if isinstance(taken, Condition) else taken:
            places.setdefault(place.listener.name, place)
    names = dict.fromkeys(
        Identity(each.extension_ref.group, each.extension_ref.kind, namespace, each.extension_ref.name)
        for rule in found.model.spec.rules
        for each in rule.filters
        if each.extension_ref
    )
    return AttachedRoute(found, tuple(parents), tuple(places.values()), tuple(names))


def _gateway_of(group: object, kind: object, namespace: object, name: object) -> Identity:
    return Identity(str(group), str(kind), str(namespace), str(name))


def _foreign_parent(  # noqa: PLR0917 - a reference, its place, and all that it may lead to
    found: Object[HTTPRoute], path: str, ref: ParentRef, identity: Identity, catalogue: Catalogue, fleet: Fleet
) -> Iterator[Parent]:
    """Yield a parent that is not ours and nobody's where all objects are known: it is a mistake."""
    if not fleet.others_may_serve and not _is_of_others(identity, catalogue):
        text = f"{path}: {identity} does not exist"
        if (identity.group, identity.kind) != (GATEWAY_GROUP, Gateway.KIND):
            text = (
                f"{path}.kind: {identity.kind} of {identity.group} is no parent that is served here; Gateway and"
                " HTTPRoute are"
            )
        yield Parent(status_ref(ref), identity, found.refusal or conditions.no_matching_parent(text))


def _is_of_others(parent: Identity, catalogue: Catalogue) -> bool:
    """Tell whether another controller serves a parent: a Gateway of another class, or a kind of other API groups."""
    return parent in catalogue.objects or parent.group != GATEWAY_GROUP


def _parents_of_unreadable(
    found: Object[HTTPRoute], gateways: Mapping[Identity, ServedGateway], catalogue: Catalogue, fleet: Fleet
) -> Iterator[Parent]:
    """Find the parents of a route whose body is not valid, as far as they can be parsed, to report it there."""
    spec = found.body.get("spec")
    refs = spec.get("parentRefs") if isinstance(spec, dict) else None
    for ref in refs if isinstance(refs, list) else ():
        if not isinstance(ref, dict) or not isinstance(ref.get("name"), str):
            continue
        identity = _gateway_of(
            ref.get("group", GATEWAY_GROUP),
            ref.get("kind", Gateway.KIND),
            ref.get("namespace") or found.identity.namespace,
            ref["name"],
        )
        if identity in gateways or not (fleet.others_may_serve or _is_of_others(identity, catalogue)):
            yield Parent(ref, identity, found.accepted)


def status_ref(ref: ParentRef) -> Ref:
    """Return a parentRef as a status repeats it: the fields of the spec with the defaults of the API."""
    written: dict[str, Any] = {"group": ref.group, "kind": ref.kind}
    if ref.namespace is not None:
        written["namespace"] = ref.namespace
    written["name"] = ref.name
    if ref.section_name is not None:
        written["sectionName"] = ref.section_name
    if ref.port is not None:
        written["port"] = ref.port
    return written


# ── One parent ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _taken_by(  # noqa: PLR0917 - a route, its reference with its place, and the Gateway
    gateway: ServedGateway, route: HTTPRoute, path: str, ref: ParentRef, namespace: str, labels: Mapping[str, str]
) -> tuple[Place, ...] | Condition:
    """Return the listeners of one Gateway that accept a route, or the reason why none does."""
    name = gateway.found.identity
    if gateway.refused is not None:
        return conditions.no_matching_parent(f"{path}: {name} is not accepted: {gateway.refused.message}")
    named = [
        listener
        for listener in gateway.listeners
        if ref.section_name in (None, "", listener.spec.name) and ref.port in (None, listener.spec.port)
    ]
    if not named:
        # Of listeners that are not for its namespace, a route is told nothing.
        open_to_it = [each.spec for each in gateway.listeners if _allows(each.spec, name.namespace, namespace, labels)]
        has = ", ".join(f"{each.name} on port {each.port}" for each in open_to_it)
        field = ".sectionName" if ref.section_name else ".port"
        text = f"{path}{field}: {name} has no {_wanted(ref)}"
        return conditions.no_matching_parent(f"{text}; it has {has}" if has else text)
    allowing = [
        listener
        for listener in named
        if ROUTE_KIND in listener.kinds and _allows(listener.spec, gateway.found.identity.namespace, namespace, labels)
    ]
    if not allowing:
        text = f"{path}: {name} accepts no HTTPRoute from namespace {namespace} there (allowedRoutes of its listeners)"
        return conditions.not_allowed_by_listeners(text)
    places = [Place(listener, tuple(_common(listener, route))) for listener in allowing]
    fitting = tuple(place for place in places if place.hostnames)
    if not fitting:
        theirs = ", ".join(listener.hostname for listener in allowing)
        text = f"spec.hostnames: no hostname of the route matches one of {name}: {theirs}"
        return conditions.no_matching_listener_hostname(text)
    return fitting


def _wanted(ref: ParentRef) -> str:
    section = f"listener {ref.section_name!r}" if ref.section_name else "listener"
    return f"{section} on port {ref.port}" if ref.port else section


def _allows(spec: Listener, gateway_namespace: str, namespace: str, labels: Mapping[str, str]) -> bool:
    allowed = spec.allowed_routes.namespaces
    match allowed.from_:
        case "All":
            return True
        case "Same":
            return namespace == gateway_namespace
        case "Selector":
            return allowed.selector is not None and _selects(allowed.selector, labels)
        case _:
            return False


def _selects(selector: LabelSelector, labels: Mapping[str, str]) -> bool:
    return all(labels.get(key) == value for key, value in selector.match_labels.items()) and all(
        _holds(requirement, labels) for requirement in selector.match_expressions
    )


def _holds(requirement: LabelSelectorRequirement, labels: Mapping[str, str]) -> bool:
    match requirement.operator:
        case "In":
            return labels.get(requirement.key) in requirement.values
        case "NotIn":
            return labels.get(requirement.key) not in requirement.values
        case "Exists":
            return requirement.key in labels
        case _:
            return requirement.key not in labels


# ── Hostnames ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _common(listener: GatewayListener, route: HTTPRoute) -> Iterator[Hostname]:
    """Yield each hostname that both have, with the most specific of the route's own that matches it."""
    found: dict[str, Hostname] = {}
    for own in sorted({hostname.lower() for hostname in route.spec.hostnames or ("",)}, key=specificity):
        common = intersection(listener.hostname, own)
        if common is not None:
            found.setdefault(common, Hostname(common, own))
    yield from found.values()


def intersection(one: str, other: str) -> str | None:
    """Return the hostname that two hostnames have in common, None if there is none; "" is every name.

    "*.example.com" matches names with one or more labels before example.com, but not example.com.
    """
    if _covers(one, other):
        return other
    return one if _covers(other, one) else None


def _covers(wide: str, narrow: str) -> bool:
    return not wide or wide == narrow or (wide.startswith("*.") and narrow.endswith(wide[1:]))


def specificity(hostname: str) -> tuple[bool, int, str]:
    """Sort key: exact names first, then wildcards from the longest, then every name."""
    return hostname.startswith("*.") or not hostname, -len(hostname), hostname
