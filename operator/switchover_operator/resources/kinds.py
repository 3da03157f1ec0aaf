"""Every kind that is read, and its model."""

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
