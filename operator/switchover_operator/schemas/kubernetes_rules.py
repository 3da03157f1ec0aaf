"""What the API server checks of Services, EndpointSlices and Secrets beyond their schemas, as far as it matters here.

It is code there, not data; `tests/controlplane/test_probes.py` holds the two against each other.
"""

import re
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any, Final

from switchover_operator.resources.problem import Problem, shown

from .names import label_problem, qualified_name_problem, subdomain_problem
from .places import Place, of_lists, of_objects

_PORT_NAME: Final = re.compile(r"(?=.*[a-z])(?!.*--)[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_PORT_NAME_LENGTH: Final = 15
_KEY: Final = re.compile(r"[-._a-zA-Z0-9]+")
_LARGEST_PORT: Final = 65535
_LARGEST_SECRET: Final = 1024 * 1024
_NEEDED_KEYS: Final = {
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
    "kubernetes.io/dockercfg": (".dockercfg",),
    "kubernetes.io/ssh-auth": ("ssh-privatekey",),
}


def add_service_rules(place: Place) -> None:
    """Add the rules of Service."""
    place.add("spec", of_objects(_service))
    place.add("spec.ports", of_lists(_ports))
    place.add("spec.ports[]", of_objects(_port))
    place.add("spec.selector", of_objects(_selector))


def add_slice_rules(place: Place) -> None:
    """Add the rules of EndpointSlice."""
    place.add("", of_objects(_slice))
    place.add("ports[]", of_objects(_slice_port))
    place.add("ports", of_lists(_slice_ports))


def add_secret_rules(place: Place) -> None:
    """Add the rules of Secret. No value of it is shown."""
    place.add("", of_objects(_secret))


# ── Service ─────────────────────────────────────────────────────────────────────────────────────────────────────────


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
    if isinstance(cluster_ip, str) and cluster_ip not in {"", "None"} and not _address(cluster_ip):
        yield Problem(f"{path}.clusterIP", shown(cluster_ip), "must be an IP address, None or unset")
    if cluster_ip == "None" and spec.get("type") in {"NodePort", "LoadBalancer"}:
        yield Problem(f"{path}.clusterIP", shown(cluster_ip), f"must not be None for type {spec['type']}")


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
    elif target != "":
        yield from _number(target, path)


def _number(port: object, path: str) -> Iterator[Problem]:
    if isinstance(port, int) and not isinstance(port, bool) and not 1 <= port <= _LARGEST_PORT:
        yield Problem(path, shown(port), f"must be a port from 1 to {_LARGEST_PORT}")


def _port_name(name: str, path: str) -> Iterator[Problem]:
    if len(name) > _PORT_NAME_LENGTH or not _PORT_NAME.fullmatch(name):
        right = "must be a number without quotes, or a name of lower-case letters, digits and -, with a letter"
        yield Problem(path, shown(name), f"{right} and at most {_PORT_NAME_LENGTH} characters")


def _selector(selector: dict[str, Any], path: str) -> Iterator[Problem]:
    for key in selector:
        if problem := qualified_name_problem(key):
            yield Problem(f"{path}[{key[:80]}]", "", problem)


# ── EndpointSlice ───────────────────────────────────────────────────────────────────────────────────────────────────


def _slice(body: dict[str, Any], _: str) -> Iterator[Problem]:
    kind, endpoints = body.get("addressType"), body.get("endpoints")
    for index, endpoint in enumerate(endpoints if isinstance(endpoints, list) else ()):
        addresses = endpoint.get("addresses") if isinstance(endpoint, dict) else None
        if isinstance(addresses, list) and not addresses:
            yield Problem(f"endpoints[{index}].addresses", "", "must have at least one address")
        for place, address in enumerate(addresses if isinstance(addresses, list) else ()):
            if isinstance(address, str) and (problem := _endpoint_problem(kind, address)):
                yield Problem(f"endpoints[{index}].addresses[{place}]", shown(address), problem)


def _endpoint_problem(kind: object, text: str) -> str:
    if kind == "FQDN":
        return subdomain_problem(text)
    address = _address(text)
    if address is None or (kind, address.version) not in {("IPv4", 4), ("IPv6", 6)}:
        return f"must be an address of addressType {kind}"
    # Kubernetes validates these for endpoints, so that no Service leads to the node that asks.
    if address.is_loopback or address.is_link_local or address.is_unspecified or address.is_multicast:
        return "must not be a loopback, link-local, multicast or unspecified address"
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


# ── Secret ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _secret(body: dict[str, Any], _: str) -> Iterator[Problem]:
    keys: dict[str, str] = {}
    size = 0
    for field in ("data", "stringData"):
        for key, value in body[field].items() if isinstance(body.get(field), dict) else ():
            keys[key] = field
            size += len(value) if isinstance(value, str) else 0
            if not _KEY.fullmatch(key) or len(key) > 253:
                yield Problem(
                    f"{field}[{key[:40]}]", "", "is not a valid key: it must hold only letters, digits, -, _ and ."
                )
    if size > _LARGEST_SECRET * 4 // 3:
        yield Problem("data", f"{size} characters", f"must have at most {_LARGEST_SECRET} bytes in all")
    kind = body.get("type")
    for needed in _NEEDED_KEYS.get(kind, ()) if isinstance(kind, str) else ():
        if needed not in keys:
            yield Problem(f"data[{needed}]", "", f"is required by type {kind}")


def _address(text: str) -> "IPv4Address | IPv6Address | None":
    try:
        return ip_address(text)
    except ValueError:
        return None
