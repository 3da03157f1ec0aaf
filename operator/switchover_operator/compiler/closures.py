"""Access controls for whole listeners, none of which is served → listeners at which nobody is let in.

They stand in a Gateway itself (client certificates: Gateway API, GEP-91) and in Gloo's options for Gateways and
listeners. Options count in their Gateway's namespace alone, as with Gloo: nobody closes another's listeners.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from switchover_operator.compiler import conditions
from switchover_operator.compiler.access_controls import written
from switchover_operator.compiler.conditions import Condition
from switchover_operator.compiler.fleet import Fleet
from switchover_operator.compiler.listeners import GatewayListener, ServedGateway
from switchover_operator.compiler.report import ParentReport, Ref, Report
from switchover_operator.compiler.resolve import Catalogue, Object
from switchover_operator.identity import Body, Identity
from switchover_operator.resources.gateway_api import GATEWAY_GROUP, Gateway
from switchover_operator.resources.gateway_options import (
    GatewayOptions,
    HttpListenerOption,
    ListenerOption,
    VirtualHostOption,
)

_KINDS: Final = (VirtualHostOption, ListenerOption, HttpListenerOption)
_ANY_LISTENER: Final = ""
_LETS_EVERYBODY_IN: Final = "AllowInsecureFallback"
_SUBJECT_OPTION: Final = "verify-subject-alt-name"


@dataclass(frozen=True, slots=True)
class Demand:
    """Why nobody is let in at a Gateway, and where: at one listener ("": all), on one port (0: all).

    With `tls_only` HTTP listeners are left out, and so are the ports of `excepted`.
    """

    reason: str
    listener: str = _ANY_LISTENER
    port: int = 0
    tls_only: bool = False
    excepted: frozenset[int] = frozenset()

    def is_for(self, listener: GatewayListener) -> bool:
        """Tell whether a listener is meant."""
        return (
            self.listener in (_ANY_LISTENER, listener.spec.name)
            and self.port in (0, listener.spec.port)
            and listener.spec.port not in self.excepted
            and (not self.tls_only or listener.spec.protocol == "HTTPS")
        )


@dataclass(frozen=True, slots=True)
class Attached:
    """A reference from options to a Gateway, and the access controls that come by it."""

    found: Object[GatewayOptions]
    ref: Ref
    gateway: Identity
    section: str
    controls: tuple[str, ...] = field(default_factory=tuple)


def with_closures(catalogue: Catalogue, gateways: Mapping[Identity, ServedGateway]) -> Mapping[Identity, ServedGateway]:
    """Mark the listeners at which nobody is let in."""
    demands: dict[Identity, list[Demand]] = {}
    for attached in _attached(catalogue):
        for path in attached.controls:
            reason = f"{attached.found.identity} {path} is not served here"
            demands.setdefault(attached.gateway, []).append(Demand(reason, attached.section))
    return {
        identity: _marked(gateway, [*_of_gateway(catalogue, gateway.found), *demands.get(identity, ())])
        for identity, gateway in gateways.items()
    }


def _marked(gateway: ServedGateway, demands: list[Demand]) -> ServedGateway:
    if not demands:
        return gateway
    return replace(gateway, listeners=tuple(_closed(listener, demands) for listener in gateway.listeners))


def _closed(listener: GatewayListener, demands: list[Demand]) -> GatewayListener:
    reasons = [demand.reason for demand in demands if demand.is_for(listener)]
    if not reasons:
        return listener
    reason = "; ".join(dict.fromkeys(reasons))
    condition = conditions.access_control_not_served(f"every request is answered 403: {reason}")
    return replace(listener, closed=reason, troubles=(*listener.troubles, condition))


# ── Client certificates ─────────────────────────────────────────────────────────────────────────────────────────────


def _of_gateway(catalogue: Catalogue, found: Object[Gateway]) -> Iterator[Demand]:
    """Find the client certificates that a Gateway demands: as it is, and as it serves where that is refused."""
    good = catalogue.admitted.get(found.identity)
    yield from _of_body(found.body)
    if good is not None and good.body is not found.body:
        yield from _of_body(good.body)


def _of_body(body: Body) -> Iterator[Demand]:
    spec = _mapping(body.get("spec"))
    tls = _mapping(spec.get("tls"))
    yield from _frontend(_mapping(tls.get("frontend")))
    for name in _alike(tls, "frontend"):
        yield Demand(_certificates(f"spec.tls.{name}"), tls_only=True)
    for index, listener in enumerate(_mappings(spec.get("listeners"))):
        yield from _of_listener(f"spec.listeners[{index}].tls", listener)


def _frontend(frontend: Body) -> Iterator[Demand]:
    """`spec.tls.frontend`: an entry of `perPort` stands in the place of the default for its port."""
    own: set[int] = set()
    for index, entry in enumerate(_mappings(frontend.get("perPort"))):
        port = entry.get("port")
        if isinstance(port, int) and not isinstance(port, bool):
            own.add(port)
            if _demands(_mapping(entry.get("tls")).get("validation")):
                path = f"spec.tls.frontend.perPort[{index}].tls.validation"
                yield Demand(_certificates(path), port=port, tls_only=True)
    if _demands(_mapping(frontend.get("default")).get("validation")):
        path = "spec.tls.frontend.default.validation"
        yield Demand(_certificates(path), tls_only=True, excepted=frozenset(own))
    for name in sorted(frontend.keys() - {"default", "perPort"}):
        if frontend[name] is not None:
            yield Demand(_certificates(f"spec.tls.frontend.{name}"), tls_only=True)


def _of_listener(path: str, listener: Body) -> Iterator[Demand]:
    name = listener.get("name")
    tls = _mapping(listener.get("tls"))
    paths = [f"{path}.{field}" for field in _alike(tls, "")]
    options = _mapping(tls.get("options"))
    paths += [f"{path}.options" for key in options if str(key).endswith(_SUBJECT_OPTION) and options[key]]
    if isinstance(name, str):
        for where in paths:
            yield Demand(_certificates(where), name)


def _alike(tls: Body, known: str) -> list[str]:
    """Name the fields that demand client certificates by their names, but for the `known` one."""
    return sorted(
        str(key)
        for key, value in tls.items()
        if value is not None and key != known and str(key).lower().replace("_", "").startswith(("frontend", "client"))
    )


def _demands(validation: object) -> bool:
    """Whether a client without a good certificate would be kept out."""
    return validation is not None and _mapping(validation).get("mode") != _LETS_EVERYBODY_IN


def _certificates(path: str) -> str:
    return f"{path}: client certificates are not verified here"


# ── Gloo's options for Gateways and listeners ───────────────────────────────────────────────────────────────────────


def _attached(catalogue: Catalogue) -> Iterator[Attached]:
    for kind in _KINDS:
        for found in catalogue.every(kind):
            spec = _mapping(found.body.get("spec"))
            controls = written(spec)
            for ref in _mappings(spec.get("targetRefs")):
                if _is_gateway(ref) and ref.get("namespace") in (None, "", found.identity.namespace):
                    gateway = Identity(GATEWAY_GROUP, Gateway.KIND, found.identity.namespace, str(ref.get("name")))
                    yield Attached(found, ref, gateway, str(ref.get("sectionName") or _ANY_LISTENER), controls)


def _is_gateway(ref: Body) -> bool:
    return (ref.get("group"), ref.get("kind")) == (GATEWAY_GROUP, Gateway.KIND)


def options_reports(catalogue: Catalogue, gateways: Mapping[Identity, ServedGateway], fleet: Fleet) -> Iterator[Report]:
    """Report on every object of these kinds that is for a Gateway of ours, or for nobody else's on one machine."""
    at: dict[Identity, list[ParentReport]] = {}
    for attached in _attached(catalogue):
        gateway = gateways.get(attached.gateway)
        if gateway is not None or not fleet.others_may_serve:
            here = _conditions_at(attached, gateway)
            at.setdefault(attached.found.identity, []).extend([ParentReport(attached.ref, here)] if here else [])
    for kind in _KINDS:
        for found in catalogue.every(kind):
            identity = found.identity
            if identity in at or not fleet.others_may_serve:
                parents = tuple(at.get(identity, ()))
                yield Report(identity, found.source, found.generation, (), parents, notes=_notes(found, parents))


def _conditions_at(attached: Attached, gateway: ServedGateway | None) -> tuple[Condition, ...]:
    """The conditions of one Gateway reference; none where the options hold no access control."""
    if not attached.controls:
        return ()
    if gateway is None:
        return (conditions.target_not_found(f"{attached.gateway} is not served here"),)
    names = [listener.spec.name for listener in gateway.listeners]
    if attached.section != _ANY_LISTENER and attached.section not in names:
        return (conditions.target_not_found(f"{attached.gateway} has no listener {attached.section!r}"),)
    listeners = f"listener {attached.section}" if attached.section else "every listener"
    fields = ", ".join(attached.controls)
    text = f"{fields}: not served here; at {listeners} of {attached.gateway} requests are answered 403"
    return (conditions.access_control_not_served(text),)


def _notes(found: Object[GatewayOptions], parents: tuple[ParentReport, ...]) -> tuple[str, ...]:
    if parents:
        return found.notes
    kind = found.identity.kind
    if written(found.body.get("spec")):
        return (*found.notes, "it is attached to no Gateway of its namespace and has no effect")
    return (*found.notes, f"a {kind} is not served; this object has no effect")


def _mapping(given: object) -> dict[str, Any]:
    return given if isinstance(given, dict) else {}


def _mappings(given: object) -> list[dict[str, Any]]:
    return [entry for entry in given if isinstance(entry, dict)] if isinstance(given, list) else []
