"""Which sockets the data planes of one fleet listen on, for the listeners of all Gateways.

On one machine Gateways share the machine's ports as they are written. In a cluster every port of every Gateway gets an
internal port of its own on the fleet, so that Gateways never collide, and the Gateway's Service maps one to the other.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from switchover_dataplane.table import LOOPBACK, Network

CONTROLLER_NAME = "switchover.dev/gateway-controller"
"""`controllerName` of the GatewayClasses and of the status entries that are ours."""

CLASS_NAME = "switchover"
"""The class whose Gateways are served on one machine without a GatewayClass object."""

FIRST_INTERNAL_PORT = 10_000
LAST_INTERNAL_PORT = 29_999
"""Internal ports lie above the privileged ones and below those that Linux gives to outgoing connections."""


class GatewayPort(NamedTuple):
    """One port of one Gateway, as its listeners name it."""

    namespace: str
    gateway: str
    port: int


@dataclass(frozen=True, slots=True)
class Standalone:
    """Data planes on this machine: port N of any Gateway is port N here.

    `allowed_targets` are networks that targets may be in though nothing is sent to their kind otherwise.
    """

    allowed_targets: tuple[Network, ...] = LOOPBACK


@dataclass(frozen=True, slots=True)
class Cluster:
    """Data planes in a cluster: `ports` maps each Gateway's port to the internal one; a port without one waits.

    `allowed_targets` are networks that targets may be in though nothing is sent to their kind otherwise.
    """

    ports: Mapping[GatewayPort, int]
    allowed_targets: tuple[Network, ...] = ()


Fleet = Standalone | Cluster


def internal_ports(wanted: Iterable[GatewayPort], known: Mapping[GatewayPort, int]) -> dict[GatewayPort, int]:
    """Give every wanted port an internal one: the one it has already (`known`), else the lowest that is free.

    Ports that are wanted no more are given back. Should all be taken, what is left over gets none.
    """
    ordered = sorted(set(wanted))
    given: dict[GatewayPort, int] = {}
    taken: set[int] = set()
    for port in ordered:
        internal = known.get(port)
        if internal is not None and internal not in taken:
            given[port] = internal
            taken.add(internal)
    free = (number for number in range(FIRST_INTERNAL_PORT, LAST_INTERNAL_PORT + 1) if number not in taken)
    waiting = [port for port in ordered if port not in given]
    given.update(zip(waiting, free, strict=False))
    return given
