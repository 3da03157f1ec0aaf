"""Every kind that is read: what to watch, and which model a body becomes."""

from types import MappingProxyType
from typing import Final

from .auth_config import AuthConfig
from .core import EndpointSlice, Namespace, Secret, Service
from .failover_policy import FailoverPolicy
from .gateway_api import Gateway, GatewayClass, HTTPRoute, ReferenceGrant
from .gateway_options import HttpListenerOption, ListenerOption, VirtualHostOption
from .resource import Resource
from .route_option import RouteOption
from .upstream import Upstream

_MODELS: Final[tuple[type[Resource], ...]] = (
    Upstream,
    RouteOption,
    FailoverPolicy,
    AuthConfig,
    VirtualHostOption,
    ListenerOption,
    HttpListenerOption,
    Gateway,
    GatewayClass,
    HTTPRoute,
    ReferenceGrant,
    Service,
    EndpointSlice,
    Secret,
    Namespace,
)

KINDS: Final = MappingProxyType({(model.GROUP, model.KIND): model for model in _MODELS})
"""(group, kind) → model; the core group is ""."""


def versions(group: str, kind: str) -> tuple[str, ...]:
    """The API versions in which a kind is read, the preferred one first.

    Raises:
        KeyError: the kind is not read.
    """
    return KINDS[group, kind].VERSIONS


def group_version(group: str, kind: str) -> str:
    """`apiVersion` of a kind in its preferred version: `gateway.networking.k8s.io/v1`, or `v1` in the core group.

    Raises:
        KeyError: the kind is not read.
    """
    version = versions(group, kind)[0]
    return f"{group}/{version}" if group else version
