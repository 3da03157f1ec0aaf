"""An IP address → why no target may be there, or "" where one may.

What is looked at is the address that a connection is about to be made to, after names were resolved: a name that
means another address today than yesterday changes nothing.
"""

import socket
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

LOOPBACK: Final[tuple[Network, ...]] = (IPv4Network("127.0.0.0/8"), IPv6Network("::1/128"))

_METADATA: Final = frozenset(
    map(
        ip_address,
        (
            "169.254.169.254",  # AWS, Azure, Google Cloud, Oracle and others
            "169.254.170.2",  # AWS: credentials of an ECS task
            "169.254.170.23",  # AWS: credentials of an EKS pod
            "fd00:ec2::254",  # AWS
            "fd00:ec2::23",  # AWS: credentials of an EKS pod
            "fd20:ce::254",  # Google Cloud
            "100.100.100.200",  # Alibaba Cloud
            "168.63.129.16",  # Azure: the host's own agent
            "192.0.0.192",  # Oracle Cloud
        ),
    )
)
"""Where clouds answer machines about themselves, with their credentials."""

_KINDS: Final[tuple[tuple[Network, str], ...]] = (
    *((network, "a loopback address") for network in LOOPBACK),
    (IPv4Network("0.0.0.0/8"), "an unspecified address"),  # RFC 1122, section 3.2.1.3; Linux connects to itself
    (IPv6Network("::/128"), "an unspecified address"),
    (IPv4Network("169.254.0.0/16"), "a link-local address"),  # RFC 3927
    (IPv6Network("fe80::/10"), "a link-local address"),  # RFC 4291, section 2.5.6
    (IPv4Network("224.0.0.0/4"), "a multicast address"),  # RFC 5771
    (IPv6Network("ff00::/8"), "a multicast address"),
    (IPv4Network("240.0.0.0/4"), "a reserved or broadcast address"),  # RFC 1112, section 4, and RFC 919
)

_IPV4_AT: Final[tuple[tuple[IPv6Network, int], ...]] = (
    (IPv6Network("::ffff:0:0/96"), 0),  # IPv4-mapped: RFC 4291, section 2.5.5.2
    (IPv6Network("::ffff:0:0:0/96"), 0),  # IPv4-translated: RFC 2765, section 2.1
    (IPv6Network("64:ff9b::/96"), 0),  # NAT64: RFC 6052, section 2.1
    (IPv6Network("64:ff9b:1::/48"), 0),  # NAT64 within a network: RFC 8215, with the address as its last 32 bits
    (IPv6Network("2002::/16"), 80),  # 6to4: RFC 3056, section 2
    (IPv6Network("::/96"), 0),  # IPv4-compatible: RFC 4291, section 2.5.5.1
)
"""IPv6 addresses that lead to an IPv4 address, and how many bits come after that in them."""


def network(text: str) -> Network:
    """Read a CIDR, or an address alone.

    Raises:
        ValueError: it is none; the text says what would be right.
    """
    try:
        return ip_network(text, strict=False)
    except ValueError:
        raise ValueError(f"{text!r} is no CIDR, such as 127.0.0.0/8 or fd00::/8") from None


def forbidden(host: str, allowed: Iterable[Network] = ()) -> str:
    """Say what kind of address a host is where no target may be: "a link-local address".

    "" is any other address, one that is `allowed`, and a name.
    """
    kind, spellings = _looked_up(host)
    return "" if not kind or any(one in each for each in allowed for one in spellings) else kind


@lru_cache(maxsize=4096)
def _looked_up(host: str) -> tuple[str, tuple[Address, ...]]:
    """What an address is, and its spellings; ("", ()) of a name."""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return "", ()
    spellings = _spellings(address)
    if any(one in _METADATA for one in spellings):
        return "an address of a cloud's metadata", spellings
    return next((kind for one in spellings for each, kind in _KINDS if one in each), ""), spellings


def _spellings(address: Address) -> tuple[Address, ...]:
    """The address, and the IPv4 addresses that it leads to."""
    if isinstance(address, IPv4Address) or address in LOOPBACK[1] or int(address) == 0:
        return (address,)
    number = int(address)
    found = [IPv4Address(number >> after & 0xFFFFFFFF) for within, after in _IPV4_AT if address in within]
    if address.teredo is not None:
        found += address.teredo
    return (address, *found)


@dataclass(frozen=True, slots=True)
class TargetAddresses:
    """Which addresses targets may have.

    `allowed` are networks that are open though they are of a forbidden kind, `own_ports` are ports of this machine that
    stay closed all the same, and `api_server` is the address of the cluster's API server, "" where there is none.
    """

    allowed: tuple[Network, ...] = ()
    own_ports: frozenset[int] = frozenset()
    api_server: str = ""

    def refusal(self, host: str, port: int) -> str:
        """Say why nothing may be sent to an address, as `127.0.0.1 is a loopback address`; "" where it may."""
        if port in self.own_ports and _is_local(host):
            return f"{host}:{port} is a port of this gateway itself"
        kind = forbidden(host, self.allowed) or self._api_server_at(host)
        return f"{host} is {kind}" if kind else ""

    def _api_server_at(self, host: str) -> str:
        if not self.api_server:
            return ""
        _, own = _looked_up(self.api_server)
        _, spellings = _looked_up(host)
        if not set(own) & set(spellings) or any(one in each for each in self.allowed for one in spellings):
            return ""
        return "the address of the cluster's API server"


STRICT: Final = TargetAddresses()
"""No address of a forbidden kind."""


def _is_local(host: str) -> bool:
    """Tell whether an address is one of this machine: only to its own addresses a socket can be bound."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((host, 0))
        except OSError:
            return False
    return True
