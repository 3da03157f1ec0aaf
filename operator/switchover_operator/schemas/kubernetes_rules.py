"""What the API server checks of Services, EndpointSlices and Namespaces beyond their schemas.

It is code there, not data; `tests/controlplane/test_probes.py` holds the two against each other.
"""

import re
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Any, Final

from switchover_operator.resources.problem import Problem, shown

from .names import finalizer_problem, ip, label_problem, label_value_problem, qualified_name_problem, subdomain_problem
from .places import Place, of_lists, of_objects

_PORT_NAME: Final = re.compile(r"(?=.*[a-z])(?!.*--)[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_PORT_NAME_LENGTH: Final = 15
_LARGEST_PORT: Final = 65535
_MOST_ADDRESSES: Final = 100
_MOST_ENDPOINTS: Final = 1000
_MOST_PORTS: Final = 20000
_MULTICAST: Final = (IPv4Network("224.0.0.0/24"), IPv6Network("ff02::/16"))
"""Multicast that no router passes on. Other multicast is taken."""


def add_service_rules(place: Place) -> None:
    """Add the rules of Service."""
    place.add("", of_objects(_has_spec))
    place.add("spec", of_objects(_service))
    place.add("spec.externalIPs", _external_addresses)
    place.add("spec.ports", of_lists(_ports))
    place.add("spec.ports[]", of_objects(_port))
    place.add("spec.selector", of_objects(_selector))


def add_slice_rules(place: Place) -> None:
    """Add the rules of EndpointSlice."""
    place.add("", of_objects(_slice))
    place.add("ports[]", of_objects(_slice_port))
    place.add("ports", of_lists(_slice_ports))


def add_namespace_rules(place: Place) -> None:
    """Add the rules of Namespace."""
    place.add("spec.finalizers", _finalizers)


# ── Service ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _has_spec(body: dict[str, Any], _: str) -> Iterator[Problem]:
    if "spec" not in body:
        yield Problem("spec.ports", "", "is required: a list of at least one port")


def _service(spec: dict[str, Any], path: str) -> Iterator[Problem]:
    if spec.get("type") == "ExternalName":
        name = spec.get("externalName")
        if not name:
            yield Problem(f"{path}.externalName", "", "is required for type ExternalName")
        elif isinstance(name, str) and (problem := subdomain_problem(name.removesuffix("."))):
            yield Problem(f"{path}.externalName", shown(name), problem)
        if spec.get("clusterIP"):
            yield Problem(f"{path}.clusterIP", shown(spec["clusterIP"]), "must not be set for type ExternalName")
        return
    cluster_ip = spec.get("clusterIP")
    if not spec.get("ports") and cluster_ip != "None":
        yield Problem(f"{path}.ports", "", "is required: a list of at least one port")
    if isinstance(cluster_ip, str) and cluster_ip not in {"", "None"} and ip(cluster_ip) is None:
        yield Problem(f"{path}.clusterIP", shown(cluster_ip), "must be an IP address, None or unset")
    if cluster_ip == "None" and spec.get("type") in {"NodePort", "LoadBalancer"}:
        yield Problem(f"{path}.clusterIP", shown(cluster_ip), f"must not be None for type {spec['type']}")
    ports = spec.get("ports") if spec.get("type") in {None, "", "ClusterIP"} else None
    for index, port in enumerate(ports if isinstance(ports, list) else ()):
        if isinstance(port, dict) and port.get("nodePort"):
            right = "must not be set for type ClusterIP; NodePort and LoadBalancer have ports of nodes"
            yield Problem(f"{path}.ports[{index}].nodePort", shown(port["nodePort"]), right)


def _external_addresses(addresses: Any, path: str) -> Iterator[Problem]:
    for index, text in enumerate(addresses if isinstance(addresses, list) else ()):
        if isinstance(text, str):
            address = ip(text)
            problem = _special(address) if address else "must be an IPv4 or IPv6 address"
            if problem:
                yield Problem(f"{path}[{index}]", shown(text), problem)


def _ports(ports: list[Any], path: str) -> Iterator[Problem]:
    names: dict[Any, int] = {}
    for index, port in enumerate(ports):
        name = port.get("name")
        if not name and len(ports) > 1:
            yield Problem(f"{path}[{index}].name", "", "is required where a Service has several ports")
        elif name and names.setdefault(name, index) != index:
            yield Problem(f"{path}[{index}].name", shown(name), f"is already the name of {path}[{names[name]}]")


def _port(port: dict[str, Any], path: str) -> Iterator[Problem]:
    yield from _number(port.get("port"), f"{path}.port")
    yield from _target_port(port.get("targetPort"), f"{path}.targetPort")
    name, protocol = port.get("name"), port.get("appProtocol")
    if isinstance(name, str) and name and (problem := label_problem(name)):
        yield Problem(f"{path}.name", shown(name), problem)
    if isinstance(protocol, str) and (problem := qualified_name_problem(protocol)):
        yield Problem(f"{path}.appProtocol", shown(protocol), problem)


def _target_port(target: object, path: str) -> Iterator[Problem]:
    if isinstance(target, str) and target:
        yield from _port_name(target, path)
    elif target not in ("", 0):
        yield from _number(target, path)


def _number(port: object, path: str) -> Iterator[Problem]:
    if isinstance(port, int) and not isinstance(port, bool) and not 1 <= port <= _LARGEST_PORT:
        yield Problem(path, shown(port), f"must be a port from 1 to {_LARGEST_PORT}")


def _port_name(name: str, path: str) -> Iterator[Problem]:
    if len(name) > _PORT_NAME_LENGTH or not _PORT_NAME.fullmatch(name):
        right = "must be a number without quotes, or a name of lower-case letters, digits and -, with a letter"
        yield Problem(path, shown(name), f"{right} and at most {_PORT_NAME_LENGTH} characters")


def _selector(selector: dict[str, Any], path: str) -> Iterator[Problem]:
    for key, value in selector.items():
        if problem := qualified_name_problem(key):
            yield Problem(f"{path}[{key[:80]}]", "", problem)
        if isinstance(value, str) and (problem := label_value_problem(value)):
            yield Problem(f"{path}[{key[:80]}]", shown(value), problem)


# ── EndpointSlice ───────────────────────────────────────────────────────────────────────────────────────────────────


def _slice(body: dict[str, Any], _: str) -> Iterator[Problem]:
    kind, endpoints = body.get("addressType"), body.get("endpoints")
    yield from _counted(endpoints, "endpoints", _MOST_ENDPOINTS)
    yield from _counted(body.get("ports"), "ports", _MOST_PORTS)
    for index, endpoint in enumerate(endpoints if isinstance(endpoints, list) else ()):
        if isinstance(endpoint, dict):
            yield from _endpoint(kind, endpoint, f"endpoints[{index}]")


def _counted(entries: object, path: str, most: int) -> Iterator[Problem]:
    if isinstance(entries, list) and len(entries) > most:
        yield Problem(path, shown(entries), f"must have at most {most} entries")


def _endpoint(kind: object, endpoint: dict[str, Any], path: str) -> Iterator[Problem]:
    addresses, hostname, node = (endpoint.get(name) for name in ("addresses", "hostname", "nodeName"))
    yield from _counted(addresses, f"{path}.addresses", _MOST_ADDRESSES)
    if isinstance(addresses, list) and not addresses:
        yield Problem(f"{path}.addresses", "", "must have at least one address")
    for place, address in enumerate(addresses if isinstance(addresses, list) else ()):
        if isinstance(address, str) and (problem := _endpoint_problem(kind, address)):
            yield Problem(f"{path}.addresses[{place}]", shown(address), problem)
    if isinstance(hostname, str) and (problem := label_problem(hostname)):
        yield Problem(f"{path}.hostname", shown(hostname), problem)
    if isinstance(node, str) and (problem := subdomain_problem(node)):
        yield Problem(f"{path}.nodeName", shown(node), problem)


def _endpoint_problem(kind: object, text: str) -> str:
    if kind == "FQDN":
        name = text.removesuffix(".")
        return subdomain_problem(name) or ("" if "." in name else "must have at least two parts, as app.example.com")
    address = ip(text)
    if address is None or (kind, address.version) not in {("IPv4", 4), ("IPv6", 6)}:
        return f"must be an address of addressType {kind}"
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        return "must not be an address of IPv4 in the notation of IPv6"
    return _special(address)


def _special(address: IPv4Address | IPv6Address) -> str:
    """Say why traffic must not be led to an address: it is another host's for everybody who asks."""
    local = address.is_loopback or address.is_link_local or address.is_unspecified
    if local or any(address in network for network in _MULTICAST):
        return "must not be a loopback, link-local or unspecified address"
    return ""


def _slice_ports(ports: list[Any], path: str) -> Iterator[Problem]:
    names: dict[str, int] = {}
    for index, port in enumerate(ports):
        name = port.get("name") or ""
        if isinstance(name, str) and names.setdefault(name, index) != index:
            yield Problem(f"{path}[{index}].name", shown(name), f"is already the name of {path}[{names[name]}]")


def _slice_port(port: dict[str, Any], path: str) -> Iterator[Problem]:
    name, protocol = port.get("name"), port.get("appProtocol")
    yield from _number(port.get("port"), f"{path}.port")
    if isinstance(name, str) and name and (problem := label_problem(name)):
        yield Problem(f"{path}.name", shown(name), problem)
    if isinstance(protocol, str) and (problem := qualified_name_problem(protocol)):
        yield Problem(f"{path}.appProtocol", shown(protocol), problem)


# ── Namespace ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _finalizers(names: Any, path: str) -> Iterator[Problem]:
    for index, name in enumerate(names if isinstance(names, list) else ()):
        if isinstance(name, str) and (problem := finalizer_problem(name)):
            yield Problem(f"{path}[{index}]", shown(name), problem)
