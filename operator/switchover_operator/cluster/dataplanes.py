"""EndpointSlices of the data planes' headless Service → where tables are pushed, and which of them take requests."""

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
    """`endpoints` get tables. Those named in `ready` take requests: a table counts as served when these have it."""

    endpoints: tuple[Endpoint, ...]
    ready: frozenset[str]


def data_planes(
    snapshot: Snapshot, namespace: str, service: str, outside: Iterable[tuple[str, int]], tls: SSLContext
) -> DataPlanes:
    """Find the data planes. One that is not ready gets tables as well: it becomes ready by having one.

    A terminating data plane gets none, as it takes no new requests. Those `outside` of the cluster (host and port)
    count as ready.
    """
    server_name = f"{service}.{namespace}.svc"
    found: dict[str, Endpoint] = {}
    for host, port in outside:
        address = _authority(host, port)
        found[address] = Endpoint(address, address, tls, server_name)
    ready = set(found)
    for endpoint, port in _endpoints(snapshot, namespace, service):
        conditions: Mapping[str, object] = endpoint.get("conditions") or {}
        if conditions.get("terminating"):
            continue
        address = endpoint["addresses"][0]
        name = (endpoint.get("targetRef") or {}).get("name") or address
        found[name] = Endpoint(name, _authority(address, port), tls, server_name)
        if conditions.get("ready") is not False:
            ready.add(name)
    return DataPlanes(tuple(found[name] for name in sorted(found)), frozenset(ready))


def _authority(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


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
