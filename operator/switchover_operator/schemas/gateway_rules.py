"""The rules of Gateway that its CRD writes in CEL (`x-kubernetes-validations`), one function for each place."""

from collections.abc import Iterator
from typing import Any, Final

from switchover_operator.resources.problem import Problem, shown

from .names import HOSTNAME, SUBDOMAIN_LENGTH, ip, qualified_name_problem
from .places import Place, of_lists, of_objects

_NO_TLS: Final = ("HTTP", "TCP", "UDP")
_NO_HOSTNAME: Final = ("TCP", "UDP")


def add_gateway_rules(place: Place) -> None:
    """Add all rules of Gateway. That names and ports stand once is said by the keys of these lists."""
    place.add("spec.addresses", of_lists(_addresses))
    place.add("spec.addresses[]", of_objects(_address))
    place.add("spec.listeners", of_lists(_listeners))
    place.add("spec.listeners[]", of_objects(_listener))
    place.add("spec.listeners[].tls", of_objects(_tls))
    for field in ("annotations", "labels"):
        place.add(f"spec.infrastructure.{field}", of_objects(_keys))


def _addresses(addresses: list[Any], path: str) -> Iterator[Problem]:
    first: dict[tuple[Any, Any], int] = {}
    for index, address in enumerate(addresses):
        kind, value = address.get("type", "IPAddress"), address.get("value")
        if kind in {"IPAddress", "Hostname"} and value and first.setdefault((kind, value), index) != index:
            yield Problem(f"{path}[{index}].value", shown(value), f"stands at {path}[{first[kind, value]}] already")


def _address(address: dict[str, Any], path: str) -> Iterator[Problem]:
    kind, value = address.get("type", "IPAddress"), address.get("value")
    if not isinstance(value, str):
        return
    if kind == "Hostname" and not HOSTNAME.fullmatch(value):
        yield Problem(f"{path}.value", shown(value), "must be a DNS name in lower case for type Hostname")
    if kind == "IPAddress" and ip(value) is None:
        yield Problem(f"{path}.value", shown(value), "must be an IPv4 or IPv6 address for type IPAddress")


def _listeners(listeners: list[Any], path: str) -> Iterator[Problem]:
    first: dict[tuple[Any, ...], int] = {}
    for index, listener in enumerate(listeners):
        place = (listener.get("port"), listener.get("protocol"), listener.get("hostname"))
        if first.setdefault(place, index) != index:
            same = f"the same port, protocol and hostname as {path}[{first[place]}]"
            yield Problem(f"{path}[{index}]", "", f"has {same}; one of them must differ")


def _listener(listener: dict[str, Any], path: str) -> Iterator[Problem]:
    protocol = listener.get("protocol")
    tls = listener.get("tls")
    if protocol in _NO_TLS and "tls" in listener:
        right = f"must not be set for protocol {protocol}; HTTPS is the protocol with TLS"
        yield Problem(f"{path}.tls", "", right)
    elif protocol == "HTTPS" and isinstance(tls, dict) and tls.get("mode", "Terminate") not in {"", "Terminate"}:
        yield Problem(f"{path}.tls.mode", shown(tls["mode"]), "must be Terminate for protocol HTTPS")
    elif protocol == "TLS" and not (isinstance(tls, dict) and tls.get("mode", "Terminate")):
        yield Problem(f"{path}.tls.mode", "", "is required for protocol TLS")
    if protocol in _NO_HOSTNAME and listener.get("hostname"):
        yield Problem(f"{path}.hostname", shown(listener["hostname"]), f"must not be set for protocol {protocol}")


def _tls(tls: dict[str, Any], path: str) -> Iterator[Problem]:
    if tls.get("mode", "Terminate") == "Terminate" and not tls.get("certificateRefs") and not tls.get("options"):
        yield Problem(f"{path}.certificateRefs", "", "is required for mode Terminate")


def _keys(given: dict[str, Any], path: str) -> Iterator[Problem]:
    for key in given:
        problem = qualified_name_problem(key)
        if not problem and len(key.partition("/")[0]) >= SUBDOMAIN_LENGTH:
            problem = f"is not a valid key: what stands before / must have fewer than {SUBDOMAIN_LENGTH} characters"
        if problem:
            yield Problem(f"{path}[{key[:80]}]", "", problem)
