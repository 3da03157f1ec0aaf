"""The data planes that a table is compiled for, and what the compiler asks about them.

On one machine Gateways share the machine's ports as they are written. In a cluster every port of every Gateway gets an
internal port of its own on the fleet, so that Gateways never collide, and the Gateway's Service maps one to the other.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple, Protocol

from switchover_dataplane.target_addresses import LOOPBACK, Network

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


class Fleet(Protocol):
    """What the compiler asks about the data planes; another kind of deployment is another class with these answers."""

    class_is_implied: ClassVar[bool]
    """Whether Gateways of the class `CLASS_NAME` are served where there is no GatewayClass of that name."""

    others_may_serve: ClassVar[bool]
    """Whether another controller may serve the Gateways and routes that are not ours."""

    gateways_share_ports: ClassVar[bool]
    """Whether two Gateways can want the same port of the data planes."""

    @property
    def allowed_targets(self) -> tuple[Network, ...]:
        """Networks that targets may be in, though requests to their kind of address are refused otherwise."""

    def socket(self, port: GatewayPort) -> int:
        """Return the port on which the data planes listen for a port of a Gateway; 0 while there is none."""

    def client_port(self, port: int) -> int:
        """Return a Gateway's port if it differs from the socket's; 0 if the two are the same."""

    def endpoints_without_slices(self, namespace: str, service: str, port: int) -> Sequence[tuple[str, int]]:
        """Return hosts and ports of a Service that has no EndpointSlice."""


@dataclass(frozen=True, slots=True)
class Standalone:
    """Data planes on this machine: port N of any Gateway is port N here."""

    class_is_implied: ClassVar[bool] = True
    others_may_serve: ClassVar[bool] = False
    gateways_share_ports: ClassVar[bool] = True

    allowed_targets: tuple[Network, ...] = LOOPBACK

    def socket(self, port: GatewayPort) -> int:
        """The port as it is written."""
        return port.port

    def client_port(self, _port: int) -> int:
        """Clients use the socket's port."""
        return 0

    def endpoints_without_slices(self, namespace: str, service: str, port: int) -> Sequence[tuple[str, int]]:
        """The Service's name: nothing makes EndpointSlices here, and DNS or --connect-to knows the name."""
        return [(f"{service}.{namespace}.svc.cluster.local", port)]


@dataclass(frozen=True, slots=True)
class Cluster:
    """Data planes in a cluster: `ports` maps each Gateway's port to the internal one."""

    class_is_implied: ClassVar[bool] = False
    others_may_serve: ClassVar[bool] = True
    gateways_share_ports: ClassVar[bool] = False

    ports: Mapping[GatewayPort, int]
    allowed_targets: tuple[Network, ...] = ()

    def socket(self, port: GatewayPort) -> int:
        """The internal port; 0 while the port has none."""
        return self.ports.get(port, 0)

    def client_port(self, port: int) -> int:
        """Clients use the port of the Gateway's Service."""
        return port

    def endpoints_without_slices(self, _namespace: str, _service: str, _port: int) -> Sequence[tuple[str, int]]:
        """None: no endpoint is ready yet."""
        return []


def internal_ports(wanted: Iterable[GatewayPort], known: Mapping[GatewayPort, int]) -> dict[GatewayPort, int]:
    """Assign every wanted port an internal one: the one it has already (`known`), else the lowest that is free.

    Ports that are no longer wanted are released. Where all are taken, the remaining ports get none.
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
