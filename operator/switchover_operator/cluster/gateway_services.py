"""Gateways → the Services that give each Gateway an address of its own, and Services → ports and addresses.

All Gateways are served by the same data planes. Each Gateway's Service maps its listeners' ports to internal ports
(`fleet.py`). The internal ports are stored only in that Service, so that they survive a restart of the operator.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from switchover_dataplane.target_addresses import Network
from switchover_operator.compiler.addresses import is_address, normal
from switchover_operator.compiler.compile import Compiled
from switchover_operator.compiler.fleet import Cluster, GatewayPort, internal_ports
from switchover_operator.compiler.report import ListenerReport, Report
from switchover_operator.identity import Body, Identity
from switchover_operator.resources.gateway_api import GATEWAY_GROUP, SERVICE_TYPE, Gateway, Listener
from switchover_operator.snapshot import Snapshot

NAME_LABEL: Final = "gateway.networking.k8s.io/gateway-name"
NAMESPACE_LABEL: Final = "switchover.dev/gateway-namespace"
GATEWAY: Final = "switchover.dev/gateway"
"""Annotation: NAMESPACE/NAME of the Gateway; a label may be too short for it."""
APPLIED: Final = "switchover.dev/applied"
"""Annotation: a digest of what was applied; if it is unchanged, nothing is written."""

_LONGEST_NAME: Final = 63


@dataclass(frozen=True, slots=True)
class ServiceSettings:
    """What all Services of Gateways have in common; `owners` are their ownerReferences.

    `type` is used where the Gateway names no type.
    """

    namespace: str
    type: str = "ClusterIP"
    selector: Mapping[str, str] = field(default_factory=dict)
    owners: tuple[Body, ...] = ()


# ── Before compiling: the fleet's ports ─────────────────────────────────────────────────────────────────────────────


def fleet(snapshot: Snapshot, namespace: str, allowed_targets: tuple[Network, ...] = ()) -> Cluster:
    """Assign every port of every Gateway an internal one: the one in its Service, else a free one."""
    known = {
        port: number
        for gateway, service in _by_gateway(snapshot, namespace).items()
        for port, number in _mapped(gateway, service)
    }
    gateways = {(identity.namespace, identity.name) for identity in snapshot.objects if identity.kind == Gateway.KIND}
    # A Gateway that cannot be parsed now keeps its ports.
    known_ports = (port for port in known if (port.namespace, port.gateway) in gateways)
    return Cluster(internal_ports((*_wanted(snapshot), *known_ports), known), allowed_targets)


def _wanted(snapshot: Snapshot) -> Iterator[GatewayPort]:
    """Yield the ports in the listeners of all Gateways, of other classes too, as far as they can be parsed."""
    for identity, body in snapshot.objects.items():
        if (identity.group, identity.kind) != (GATEWAY_GROUP, Gateway.KIND):
            continue
        spec: Any = body.get("spec")
        listeners = spec.get("listeners") if isinstance(spec, dict) else None
        for listener in listeners if isinstance(listeners, list) else ():
            port = listener.get("port") if isinstance(listener, dict) else None
            if isinstance(port, int):
                yield GatewayPort(identity.namespace, identity.name, port)


def _mapped(gateway: Identity, service: Body) -> Iterator[tuple[GatewayPort, int]]:
    for port in service["spec"].get("ports") or ():
        if isinstance(port.get("targetPort"), int):
            yield GatewayPort(gateway.namespace, gateway.name, port["port"]), port["targetPort"]


def _by_gateway(snapshot: Snapshot, namespace: str) -> dict[Identity, Body]:
    """Gateway → its Service, by the annotation that names the Gateway."""
    return {
        Identity(GATEWAY_GROUP, Gateway.KIND, *whose.split("/", 1)): body
        for identity, body in snapshot.objects.items()
        if (identity.group, identity.kind, identity.namespace) == ("", "Service", namespace)
        if "/" in (whose := (body["metadata"].get("annotations") or {}).get(GATEWAY, ""))
    }


# ── After compiling: what there should be ───────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class ServiceChanges:
    """The Services to apply, and the names of the Services to delete."""

    apply: tuple[Body, ...]
    delete: tuple[str, ...]


def service_changes(
    compiled: Compiled, snapshot: Snapshot, fleet: Cluster, settings: ServiceSettings
) -> ServiceChanges:
    """Compare the desired Services with the existing ones.

    A Gateway with no servable listener gets no Service. While its content is refused, its existing Service is kept.
    If the data planes' own Service is missing, there is no selector, and nothing changes.
    """
    if not settings.selector:
        return ServiceChanges((), ())
    existing = _by_gateway(snapshot, settings.namespace)
    refused = {report.identity for report in compiled.reports if report.identity not in compiled.accepted}
    wanted = {
        report.identity: service
        for report in compiled.reports
        if report.identity.kind == Gateway.KIND
        for service in _service(report, compiled, fleet, settings)
    }
    apply = tuple(service for gateway, service in wanted.items() if _differs(service, existing.get(gateway)))
    names = {service["metadata"]["name"] for service in wanted.values()}
    unwanted = {body["metadata"]["name"] for gateway, body in existing.items() if gateway not in refused} - names
    return ServiceChanges(apply, tuple(sorted(unwanted)))


def _service(report: Report, compiled: Compiled, fleet: Cluster, settings: ServiceSettings) -> Iterator[Body]:
    admitted = compiled.accepted.get(report.identity)
    gateway = admitted.model if admitted is not None else None
    if not isinstance(gateway, Gateway):
        return
    ports = _ports(report.identity, zip(gateway.spec.listeners, report.listeners, strict=False), fleet)
    if not ports:
        return
    infrastructure = gateway.spec.infrastructure
    kind = infrastructure.annotations.get(SERVICE_TYPE, settings.type)
    spec: dict[str, Any] = {"type": kind, "selector": dict(settings.selector), "ports": ports}
    asked = [address for address in report.addresses_wanted if is_address(address)]
    if kind == "LoadBalancer" and asked:
        spec["loadBalancerIP"] = asked[0]
    body: Body = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": service_name(report.identity),
            "namespace": settings.namespace,
            "labels": {
                **infrastructure.labels,
                "app.kubernetes.io/managed-by": "switchover-operator",
                NAME_LABEL: label_value(report.identity.name),
                NAMESPACE_LABEL: label_value(report.identity.namespace),
            },
            "annotations": {
                **infrastructure.annotations,
                GATEWAY: f"{report.identity.namespace}/{report.identity.name}",
            },
            "ownerReferences": list(settings.owners),
        },
        "spec": spec,
    }
    digest = hashlib.sha256(msgspec.json.encode(body, order="sorted")).hexdigest()
    body["metadata"]["annotations"][APPLIED] = digest[:16]
    yield body


def _ports(
    gateway: Identity, listeners: Iterable[tuple[Listener, ListenerReport]], fleet: Cluster
) -> list[dict[str, Any]]:
    """Make an entry for each port on which a listener can be served, sorted."""
    numbers = {listener.port: listener.protocol for listener, report in listeners if report.is_accepted}
    return [
        {
            "name": f"{protocol.lower()}-{number}",
            "port": number,
            "protocol": "TCP",
            "targetPort": internal,
            "appProtocol": protocol.lower(),
        }
        for number, protocol in sorted(numbers.items())
        if (internal := fleet.ports.get(GatewayPort(gateway.namespace, gateway.name, number)))
    ]


def _differs(wanted: Body, existing: Body | None) -> bool:
    """Tell whether a Service must be written: it is not what was applied last, or somebody changed it since."""
    if existing is None:
        return True
    annotations = existing["metadata"].get("annotations") or {}
    if annotations.get(APPLIED) != wanted["metadata"]["annotations"][APPLIED]:
        return True
    spec, served = wanted["spec"], existing.get("spec") or {}
    ports = [{key: port.get(key) for key in ("name", "port", "targetPort")} for port in served.get("ports") or ()]
    expected = [{key: port[key] for key in ("name", "port", "targetPort")} for port in spec["ports"]]
    return (served.get("type"), served.get("selector"), ports) != (spec["type"], spec["selector"], expected)


def service_name(gateway: Identity) -> str:
    """Name a Gateway's Service. The digest makes the name unique: `a-b/c` and `a/b-c` are two Gateways."""
    digest = hashlib.sha256(f"{gateway.namespace}/{gateway.name}".encode()).hexdigest()[:6]
    readable = re.sub(r"[^a-z0-9-]", "-", f"{gateway.name}-{gateway.namespace}".lower())
    # A Service's name begins with a letter (RFC 1035); a Gateway's may begin with a digit.
    readable = readable if readable[0].isalpha() else f"gw-{readable}"
    return f"{readable[: _LONGEST_NAME - 7].rstrip('-')}-{digest}"


def label_value(name: str) -> str:
    """Shorten a name to the 63 characters of a label's value: its beginning and a digest."""
    if len(name) <= _LONGEST_NAME:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    return f"{name[: _LONGEST_NAME - 9].rstrip('-.')}-{digest}"


# ── For statuses: the addresses ─────────────────────────────────────────────────────────────────────────────────────


def addresses(snapshot: Snapshot, namespace: str) -> Mapping[Identity, Sequence[str]]:
    """Gateway → its addresses: those of the load balancer, else those inside the cluster."""
    return {gateway: _addresses(service) for gateway, service in _by_gateway(snapshot, namespace).items()}


def _addresses(service: Body) -> list[str]:
    status = service.get("status") or {}
    ingress = (status.get("loadBalancer") or {}).get("ingress") or ()
    given = [normal(address) for each in ingress if (address := each.get("ip") or each.get("hostname"))]
    if given:
        return given
    spec = service["spec"]
    inside = spec.get("clusterIPs") or [spec.get("clusterIP")]
    return [address for address in inside if address and address != "None"]
