"""Access controls for whole listeners, none of which is served → listeners that are closed.

They are in a Gateway itself (client certificates: Gateway API, GEP-91) and in Gloo's options for Gateways and
listeners. Options apply only in their Gateway's namespace, as in Gloo, so that no tenant closes the listeners of
another.
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
from switchover_operator.resources.model import listed

_KINDS: Final = (VirtualHostOption, ListenerOption, HttpListenerOption)
_ANY_LISTENER: Final = ""
_INSECURE_FALLBACK: Final = "AllowInsecureFallback"
_SUBJECT_OPTION: Final = "verify-subject-alt-name"


@dataclass(frozen=True, slots=True)
class Closure:
    """The reason why a Gateway is closed, and where: one listener ("": all), one port (0: all).

    `tls_only` excludes HTTP listeners, `excepted` excludes ports.
    """

    reason: str
    listener: str = _ANY_LISTENER
    port: int = 0
    tls_only: bool = False
    excepted: frozenset[int] = frozenset()

    def is_for(self, listener: GatewayListener) -> bool:
        """Tell whether a listener is closed by this."""
        return (
            self.listener in (_ANY_LISTENER, listener.spec.name)
            and self.port in (0, listener.spec.port)
            and listener.spec.port not in self.excepted
            and (not self.tls_only or listener.spec.protocol == "HTTPS")
        )


@dataclass(frozen=True, slots=True)
class Attached:
    """A reference from options to a Gateway, and the access controls in the options."""

    found: Object[GatewayOptions]
    path: str
    ref: Ref
    gateway: Identity
    section: str
    controls: tuple[str, ...] = field(default_factory=tuple)


def with_closures(catalogue: Catalogue, gateways: Mapping[Identity, ServedGateway]) -> Mapping[Identity, ServedGateway]:
    """Mark the listeners that are closed."""
    closures: dict[Identity, list[Closure]] = {}
    for attached in _attached(catalogue):
        for path in attached.controls:
            reason = f"{attached.found.identity} {path} is not served here"
            closures.setdefault(attached.gateway, []).append(Closure(reason, attached.section))
    return {
        identity: _marked(gateway, [*_of_gateway(catalogue, gateway.found), *closures.get(identity, ())])
        for identity, gateway in gateways.items()
    }


def _marked(gateway: ServedGateway, closures: list[Closure]) -> ServedGateway:
    if not closures:
        return gateway
    return replace(gateway, listeners=tuple(_closed(listener, closures) for listener in gateway.listeners))


def _closed(listener: GatewayListener, closures: list[Closure]) -> GatewayListener:
    reasons = [closure.reason for closure in closures if closure.is_for(listener)]
    if not reasons:
        return listener
    reason = "; ".join(dict.fromkeys(reasons))
    condition = conditions.access_control_not_served(f"{reason}; every request is answered 403")
    return replace(listener, closed=reason, problems=(*listener.problems, condition))


# ── Client certificates ─────────────────────────────────────────────────────────────────────────────────────────────


def _of_gateway(catalogue: Catalogue, found: Object[Gateway]) -> Iterator[Closure]:
    """Yield the client certificates that a Gateway requires, in its present body and in its last good one."""
    good = catalogue.admitted.get(found.identity)
    yield from _of_body(found.body)
    if good is not None and good.body is not found.body:
        yield from _of_body(good.body)


def _of_body(body: Body) -> Iterator[Closure]:
    spec = _mapping(body.get("spec"))
    tls = _mapping(spec.get("tls"))
    yield from _frontend(_mapping(tls.get("frontend")))
    for name in _alike(tls, "frontend"):
        yield Closure(_certificates(f"spec.tls.{name}"), tls_only=True)
    for index, listener in enumerate(_mappings(spec.get("listeners"))):
        yield from _of_listener(f"spec.listeners[{index}].tls", listener)


def _frontend(frontend: Body) -> Iterator[Closure]:
    """`spec.tls.frontend`: an entry of `perPort` replaces the default for its port."""
    own: set[int] = set()
    for index, entry in enumerate(_mappings(frontend.get("perPort"))):
        port = entry.get("port")
        if isinstance(port, int) and not isinstance(port, bool):
            own.add(port)
            if _requires_certificate(_mapping(entry.get("tls")).get("validation")):
                path = f"spec.tls.frontend.perPort[{index}].tls.validation"
                yield Closure(_certificates(path), port=port, tls_only=True)
    if _requires_certificate(_mapping(frontend.get("default")).get("validation")):
        path = "spec.tls.frontend.default.validation"
        yield Closure(_certificates(path), tls_only=True, excepted=frozenset(own))
    for name in sorted(frontend.keys() - {"default", "perPort"}):
        if frontend[name] is not None:
            yield Closure(_certificates(f"spec.tls.frontend.{name}"), tls_only=True)


def _of_listener(path: str, listener: Body) -> Iterator[Closure]:
    name = listener.get("name")
    tls = _mapping(listener.get("tls"))
    paths = [f"{path}.{field}" for field in _alike(tls, "")]
    options = _mapping(tls.get("options"))
    paths += [f"{path}.options" for key in options if str(key).endswith(_SUBJECT_OPTION) and options[key]]
    if isinstance(name, str):
        for where in paths:
            yield Closure(_certificates(where), name)


def _alike(tls: Body, known: str) -> list[str]:
    """Return the fields whose names resemble those for client certificates, except the `known` one."""
    return sorted(
        str(key)
        for key, value in tls.items()
        if value is not None and key != known and str(key).lower().replace("_", "").startswith(("frontend", "client"))
    )


def _requires_certificate(validation: object) -> bool:
    """Whether a client needs a valid certificate."""
    return validation is not None and _mapping(validation).get("mode") != _INSECURE_FALLBACK


def _certificates(path: str) -> str:
    return f"{path}: client certificates are not verified here"


# ── Gloo's options for Gateways and listeners ───────────────────────────────────────────────────────────────────────


def _attached(catalogue: Catalogue) -> Iterator[Attached]:
    for kind in _KINDS:
        for found in catalogue.every(kind):
            spec = _mapping(found.body.get("spec"))
            controls = written(spec)
            for index, ref in enumerate(_mappings(spec.get("targetRefs"))):
                if _is_gateway(ref) and ref.get("namespace") in (None, "", found.identity.namespace):
                    gateway = Identity(GATEWAY_GROUP, Gateway.KIND, found.identity.namespace, str(ref.get("name")))
                    section = str(ref.get("sectionName") or _ANY_LISTENER)
                    yield Attached(found, f"spec.targetRefs[{index}]", ref, gateway, section, controls)


def _is_gateway(ref: Body) -> bool:
    return (ref.get("group"), ref.get("kind")) == (GATEWAY_GROUP, Gateway.KIND)


def options_reports(catalogue: Catalogue, gateways: Mapping[Identity, ServedGateway], fleet: Fleet) -> Iterator[Report]:
    """Report on every object of these kinds that targets a Gateway of ours; on one machine, on all of them."""
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
        return (conditions.target_not_found(f"{attached.path}: {attached.gateway} is not served here"),)
    names = [listener.spec.name for listener in gateway.listeners]
    if attached.section != _ANY_LISTENER and attached.section not in names:
        text = f"{attached.gateway} has no listener {attached.section!r}; it has {listed(names)}"
        return (conditions.target_not_found(f"{attached.path}.sectionName: {text}"),)
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
