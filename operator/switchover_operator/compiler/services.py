"""A port of a Service → the addresses of its ready endpoints."""

from collections.abc import Iterable, Iterator

from switchover_operator.compiler import conditions
from switchover_operator.compiler.conditions import Condition
from switchover_operator.compiler.fleet import Fleet
from switchover_operator.compiler.resolve import Catalogue
from switchover_operator.resources.core import EndpointSlice, Service, ServicePort
from switchover_operator.resources.left_out import LeftOut
from switchover_operator.resources.model import listed

API_SERVER = ("default", "kubernetes")
"""The Service of the API server in every cluster, whose EndpointSlices name addresses of nodes."""


def service_port(
    catalogue: Catalogue, namespace: str, name: str, number: int | None, path: str
) -> ServicePort | Condition:
    """Return a port of a Service, or the reason why it cannot be used."""
    where = f"{path}: " if path else ""
    if (namespace, name) == API_SERVER:
        return conditions.target_not_allowed(
            f"{where}Service {namespace}/{name} is the cluster's API server, which is not allowed as a target"
        )
    found = catalogue.find(Service, namespace, name)
    if found is None:
        return conditions.backend_not_found(f"{where}Service {namespace}/{name} does not exist")
    service = found.model
    if service is None:
        return conditions.invalid_backend(f"{where}{found.identity} is not valid: {found.accepted.message}")
    if number is None:
        return conditions.backend_not_found(f"{where}a reference to Service {namespace}/{name} needs a port")
    if service.spec.type == "ExternalName":
        text = f"{where}Service {namespace}/{name} is of type ExternalName, which is not served; use a static Upstream"
        return conditions.unsupported_backend_protocol(text)
    ports = [port for port in service.spec.ports if not isinstance(port, LeftOut)]
    port = next((port for port in ports if port.port == number and port.protocol in ("", "TCP")), None)
    if port is None:
        faulty = conditions.sentences(fault.text for fault in found.left_out)
        but = f"; not served: {faulty}" if faulty else ""
        others = [str(port.port) for port in ports if port.protocol in ("", "TCP")]
        has = f"; it has {listed(others)}" if others else ""
        return conditions.backend_not_found(f"{where}Service {namespace}/{name} has no TCP port {number}{has}{but}")
    if port.app_protocol in ("kubernetes.io/h2c", "kubernetes.io/wss"):
        text = f"{where}port {number} of Service {namespace}/{name} uses {port.app_protocol}, which is not served"
        return conditions.unsupported_backend_protocol(text)
    return port


def endpoints(
    catalogue: Catalogue, namespace: str, name: str, port: ServicePort, fleet: Fleet
) -> Iterable[tuple[str, int]]:
    """Return the ready addresses of a Service's port, sorted."""
    slices = catalogue.slices(namespace, name)
    if not slices:
        return fleet.endpoints_without_slices(namespace, name, port.port)
    return sorted(set(_ready(slices, port.name)))


def _ready(slices: Iterable[EndpointSlice], port_name: str) -> Iterator[tuple[str, int]]:
    for each in slices:
        if each.address_type not in ("IPv4", "IPv6"):
            continue
        ports = [port for port in each.ports if not isinstance(port, LeftOut) and port.name == port_name]
        numbers = [port.port for port in ports if port.protocol == "TCP" and port.port]
        for endpoint in each.endpoints:
            if not isinstance(endpoint, LeftOut) and endpoint.conditions.ready and endpoint.addresses:
                # The addresses of one endpoint are interchangeable; the first is as good as any.
                yield from ((endpoint.addresses[0], number) for number in numbers)
