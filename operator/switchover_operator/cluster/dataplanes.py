"""EndpointSlices of the data planes' headless Service → where tables are pushed, and who takes requests."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from ssl import SSLContext

from switchover_operator.identity import Body
from switchover_operator.publish import Endpoint
from switchover_operator.snapshot import Snapshot

PUSH_PORT = "push"
"""The name of the Service's port that tables are pushed to."""


@dataclass(frozen=True, slots=True)
class DataPlanes:
    """`endpoints` get tables; those named in `ready` take requests, so that their word counts."""

    endpoints: tuple[Endpoint, ...]
    ready: frozenset[str]


def data_planes(
    snapshot: Snapshot, namespace: str, service: str, outside: Iterable[str], tls: SSLContext
) -> DataPlanes:
    """Find the data planes. One that is not ready is pushed to as well: it becomes ready by having a table.

    One that is ending is not: it takes no new requests. Those `outside` of the cluster (HOST:PORT) count as ready.
    """
    server_name = f"{service}.{namespace}.svc"
    found = {address: Endpoint(address, address, tls, server_name) for address in outside}
    ready = set(found)
    for endpoint, port in _endpoints(snapshot, namespace, service):
        conditions: Mapping[str, object] = endpoint.get("conditions") or {}
        if conditions.get("terminating"):
            continue
        address = endpoint["addresses"][0]
        name = (endpoint.get("targetRef") or {}).get("name") or address
        host = f"[{address}]" if ":" in address else address
        found[name] = Endpoint(name, f"{host}:{port}", tls, server_name)
        if conditions.get("ready") is not False:
            ready.add(name)
    return DataPlanes(tuple(found[name] for name in sorted(found)), frozenset(ready))


def _endpoints(snapshot: Snapshot, namespace: str, service: str) -> Iterator[tuple[Body, int]]:
    """Yield each endpoint that has an address, with the number of the push port."""
    for identity, body in snapshot.objects.items():
        if identity.kind != "EndpointSlice" or identity.namespace != namespace:
            continue
        if (body["metadata"].get("labels") or {}).get("kubernetes.io/service-name") != service:
            continue
        port = next((port["port"] for port in body.get("ports") or () if port.get("name") == PUSH_PORT), None)
        if port:
            yield from ((each, port) for each in body.get("endpoints") or () if each.get("addresses"))
