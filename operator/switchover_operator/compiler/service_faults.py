"""The faults of a Service or an EndpointSlice by itself, each of one port or one endpoint."""

import re
from collections.abc import Iterator
from ipaddress import IPv6Address

from switchover_operator.compiler.faults import Fault
from switchover_operator.resources import lone_entries
from switchover_operator.resources.core import EndpointSlice, Service
from switchover_operator.resources.left_out import LeftOut

_OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_IPV4 = re.compile(rf"{_OCTET}(?:\.{_OCTET}){{3}}")
"""Slices have many addresses, and a pattern costs a fraction of parsing them."""


def service_faults(found: Service | EndpointSlice) -> Iterator[Fault]:
    """Yield every fault of the ports and endpoints."""
    for _, entry in lone_entries(found):
        if isinstance(entry, LeftOut):
            yield from map(Fault, entry.problems)
    if isinstance(found, EndpointSlice) and found.address_type in ("IPv4", "IPv6"):
        yield from _address_faults(found)


def _address_faults(found: EndpointSlice) -> Iterator[Fault]:
    kind = found.address_type
    is_address = _IPV4.fullmatch if kind == "IPv4" else _ipv6
    for index, endpoint in enumerate(found.endpoints):
        if isinstance(endpoint, LeftOut):
            continue
        for number, address in enumerate(endpoint.addresses):
            if not is_address(address):
                right = f"must be an {kind} address, as addressType says"
                yield Fault(f"endpoints[{index}].addresses[{number}]: {right}; got {address!r}")


def _ipv6(address: str) -> object:
    try:
        return IPv6Address(address)
    except ValueError:
        return None
