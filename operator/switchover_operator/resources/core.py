"""Service, EndpointSlice, Secret and Namespace: the parts that are read.

The API server has validated these before, and they belong to others: what is not needed is not read.
"""

import base64
import binascii
from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, SecretBytes, SecretStr
from pydantic_core import PydanticCustomError

from .left_out import Alone
from .model import Confidential, Expected, Items, Part, Port
from .resource import Resource

Protocol = Annotated[Literal["TCP", "UDP", "SCTP"], Expected("TCP, UDP or SCTP")]

# ── Service ─────────────────────────────────────────────────────────────────────────────────────────────────────────


class ServicePort(Part):
    """A port of a Service; `targetPort` is a port of its pods, by number or name. An empty `protocol` is TCP."""

    name: str = ""
    port: Port
    protocol: Annotated[Literal["TCP", "UDP", "SCTP", ""], Expected("TCP, UDP or SCTP")] = "TCP"
    target_port: int | str | None = None
    app_protocol: str = ""


class ServiceSpec(Part):
    """Ports and pods of a Service. `clusterIP: None` is a headless one."""

    type: str = "ClusterIP"
    cluster_ip: Annotated[str, Field(alias="clusterIP")] = ""
    external_name: str = ""
    ports: Items[Alone[ServicePort]] = ()
    selector: dict[str, str] = Field(default_factory=dict[str, str])


class Service(Resource):
    """A Service: a stable name for some pods."""

    GROUP = ""
    VERSIONS = ("v1",)
    KIND = "Service"
    PLURAL = "services"

    spec: ServiceSpec = ServiceSpec()


# ── EndpointSlice ───────────────────────────────────────────────────────────────────────────────────────────────────


class EndpointConditions(Part):
    """Whether an endpoint can be used. Defaults: `ready` and `serving` true, `terminating` false."""

    ready: bool = True
    serving: bool = True
    terminating: bool = False


class Endpoint(Part):
    """A pod; its addresses are interchangeable."""

    addresses: Items[str]
    conditions: EndpointConditions = EndpointConditions()
    hostname: str = ""


class EndpointPort(Part):
    """A port of the pods, with the name that it has in the Service."""

    name: str = ""
    port: Port | None = None
    protocol: Protocol = "TCP"
    app_protocol: str = ""


class EndpointSlice(Resource):
    """Some endpoints of the Service that the label `kubernetes.io/service-name` names."""

    GROUP = "discovery.k8s.io"
    VERSIONS = ("v1",)
    KIND = "EndpointSlice"
    PLURAL = "endpointslices"

    address_type: str = "IPv4"
    endpoints: Items[Alone[Endpoint]] = ()
    ports: Items[Alone[EndpointPort]] = ()


# ── Secret ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _decoded(given: object) -> object:
    """Base64 text → bytes."""
    if not isinstance(given, str):
        return given
    try:
        return base64.b64decode("".join(given.split()), validate=True)
    except (binascii.Error, ValueError):
        raise PydanticCustomError("base64", "must be base64 text (stringData takes a value as it is)") from None


class Secret(Resource):
    """A Secret, whose values are never shown. `stringData` wins over `data`, as the API server merges them."""

    GROUP = ""
    VERSIONS = ("v1",)
    KIND = "Secret"
    PLURAL = "secrets"

    type: str = "Opaque"
    data: Annotated[dict[str, Annotated[SecretBytes, BeforeValidator(_decoded)]], Confidential()] = Field(
        default_factory=dict[str, SecretBytes]
    )
    string_data: Annotated[dict[str, SecretStr], Confidential()] = Field(default_factory=dict[str, SecretStr])

    def value(self, key: str) -> bytes | None:
        """Return the value of a key; None if there is no such key."""
        if key in self.string_data:
            return self.string_data[key].get_secret_value().encode()
        return self.data[key].get_secret_value() if key in self.data else None

    def keys(self) -> Iterator[str]:
        """Return the keys, sorted."""
        return iter(sorted({*self.data, *self.string_data}))


# ── Namespace ───────────────────────────────────────────────────────────────────────────────────────────────────────


class Namespace(Resource):
    """A namespace: only its labels count."""

    GROUP = ""
    VERSIONS = ("v1",)
    KIND = "Namespace"
    PLURAL = "namespaces"
    NAMESPACED = False
