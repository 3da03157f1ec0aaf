"""Gateway, GatewayClass, HTTPRoute and ReferenceGrant (`gateway.networking.k8s.io`): the parts that are read.

Defaults are those of the standard CRDs, which fill them in on a cluster; in files nobody else does. Values that an
implementation may decline (a filter's type, a protocol, a TLS mode) are plain strings: the compiler declines them in
the status, as the specification asks.
"""

from typing import Annotated, Literal

from pydantic import Field

from .duration import GatewayDuration
from .model import Expected, FreeForm, Items, KeepingPart, NoEffect, Part, Port
from .reference import LocalRef, Name
from .resource import Resource

GATEWAY_GROUP = "gateway.networking.k8s.io"

RegexOrExact = Literal["Exact", "RegularExpression"]
Weight = Annotated[int, Field(ge=0, le=1_000_000), Expected("an integer from 0 to 1000000, as 1")]


# ── GatewayClass ────────────────────────────────────────────────────────────────────────────────────────────────────


class ParametersRef(Part):
    """GatewayClass `spec.parametersRef`, Gateway `spec.infrastructure.parametersRef`."""

    group: str
    kind: str
    name: Name
    namespace: str | None = None


class GatewayClassSpec(Part):
    """Which controller serves the class."""

    controller_name: Name
    description: str | None = None
    parameters_ref: ParametersRef | None = None


class GatewayClass(Resource):
    """A class of Gateways."""

    GROUP = GATEWAY_GROUP
    VERSIONS = ("v1", "v1beta1")
    KIND = "GatewayClass"
    PLURAL = "gatewayclasses"
    NAMESPACED = False

    spec: GatewayClassSpec


# ── Gateway ─────────────────────────────────────────────────────────────────────────────────────────────────────────


class LabelSelectorRequirement(Part):
    """One requirement on a label."""

    key: Name
    operator: Literal["In", "NotIn", "Exists", "DoesNotExist"]
    values: Items[str] = ()


class LabelSelector(Part):
    """Kubernetes `LabelSelector`: all of its requirements must hold; an empty one selects everything."""

    match_labels: dict[str, str] = Field(default_factory=dict[str, str])
    match_expressions: Items[LabelSelectorRequirement] = ()


class RouteNamespaces(Part):
    """Namespaces whose routes may attach."""

    from_: Annotated[Literal["All", "Selector", "Same", "None"], Field(alias="from")] = "Same"
    selector: LabelSelector | None = None


class RouteGroupKind(Part):
    """A kind of routes."""

    group: str = GATEWAY_GROUP
    kind: Name


class AllowedRoutes(Part):
    """Which routes may attach to a listener. No `kinds`: all that the protocol allows."""

    namespaces: RouteNamespaces = RouteNamespaces()
    kinds: Items[RouteGroupKind] = ()


class SecretRef(Part):
    """Gateway API `SecretObjectReference`."""

    group: str = ""
    kind: str = "Secret"
    name: Name
    namespace: str | None = None


class ListenerTls(Part):
    """How a listener ends TLS."""

    mode: str = "Terminate"
    certificate_refs: Items[SecretRef] = ()
    options: dict[str, str] = Field(default_factory=dict[str, str])
    frontend_validation: FreeForm = None


class Listener(Part):
    """A port, a protocol and a hostname at which a Gateway accepts requests."""

    name: Name
    hostname: str | None = None
    port: Port
    protocol: Name
    tls: ListenerTls | None = None
    allowed_routes: AllowedRoutes = AllowedRoutes()


SERVICE_TYPE = "switchover.dev/service-type"
"""Annotation below `spec.infrastructure`: the type of the Gateway's Service, where it is not the usual one."""

SERVICE_TYPES = ("ClusterIP", "NodePort", "LoadBalancer")


class Infrastructure(Part):
    """What the objects made for a Gateway carry."""

    labels: dict[str, str] = Field(default_factory=dict[str, str])
    annotations: dict[str, str] = Field(default_factory=dict[str, str])
    parameters_ref: LocalRef | None = None


class GatewayAddress(Part):
    """An address that is asked for."""

    type: str = "IPAddress"
    value: str = ""


class GatewayTls(Part):
    """GEP-91 and GEP-3155. HTTPS listeners are closed where `frontend` is set, as nobody asks for a certificate."""

    frontend: Annotated[FreeForm, NoEffect("no client is asked for a certificate: HTTPS listeners are closed")] = None
    backend: Annotated[FreeForm, NoEffect("no certificate is shown to backends")] = None


class GatewaySpec(Part):
    """The class and the listeners of a Gateway."""

    gateway_class_name: Name
    listeners: Annotated[Items[Listener], Field(min_length=1), Expected("a list of at least one listener")]
    addresses: Items[GatewayAddress] = ()
    infrastructure: Infrastructure = Infrastructure()
    tls: GatewayTls | None = None
    backend_tls: FreeForm = Field(default=None, alias="backendTLS")


class Gateway(Resource):
    """Where requests come in."""

    GROUP = GATEWAY_GROUP
    VERSIONS = ("v1", "v1beta1")
    KIND = "Gateway"
    PLURAL = "gateways"

    spec: GatewaySpec


# ── HTTPRoute ───────────────────────────────────────────────────────────────────────────────────────────────────────


class ParentRef(KeepingPart):
    """The Gateway (and listener) that a route attaches to."""

    group: str = GATEWAY_GROUP
    kind: str = "Gateway"
    namespace: str | None = None
    name: Name
    section_name: str | None = None
    port: Port | None = None


class HttpPathMatch(KeepingPart):
    """`matches[].path`."""

    type: Literal["Exact", "PathPrefix", "RegularExpression"] = "PathPrefix"
    value: str = "/"


class HttpHeaderMatch(KeepingPart):
    """`matches[].headers[]`."""

    type: RegexOrExact = "Exact"
    name: Name
    value: str


class HttpQueryParamMatch(KeepingPart):
    """`matches[].queryParams[]`."""

    type: RegexOrExact = "Exact"
    name: Name
    value: str


Method = Literal["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"]


class HttpRouteMatch(KeepingPart):
    """What a request must look like: all of it must hold."""

    path: HttpPathMatch = HttpPathMatch()
    headers: Items[HttpHeaderMatch] = ()
    query_params: Items[HttpQueryParamMatch] = ()
    method: Method | None = None


class HttpHeader(KeepingPart):
    """A header to write."""

    name: Name
    value: str


class HeaderModifier(KeepingPart):
    """`requestHeaderModifier`, `responseHeaderModifier`."""

    set: Items[HttpHeader] = ()
    add: Items[HttpHeader] = ()
    remove: Items[str] = ()


class HttpPathModifier(KeepingPart):
    """`path` of a rewrite or redirect."""

    type: Literal["ReplaceFullPath", "ReplacePrefixMatch"]
    replace_full_path: str | None = None
    replace_prefix_match: str | None = None


class RequestRedirect(KeepingPart):
    """`requestRedirect`; what is unset stays as in the request."""

    scheme: Literal["http", "https"] | None = None
    hostname: str | None = None
    path: HttpPathModifier | None = None
    port: Port | None = None
    status_code: Literal[301, 302, 303, 307, 308] = 302


class UrlRewrite(KeepingPart):
    """`urlRewrite`; what is unset stays as in the request."""

    hostname: str | None = None
    path: HttpPathModifier | None = None


class HttpRouteFilter(KeepingPart):
    """A filter: `type` says which of the other fields counts."""

    type: Name
    request_header_modifier: HeaderModifier | None = None
    response_header_modifier: HeaderModifier | None = None
    request_redirect: RequestRedirect | None = None
    url_rewrite: UrlRewrite | None = None
    extension_ref: LocalRef | None = None
    request_mirror: FreeForm = None
    cors: FreeForm = None
    external_auth: FreeForm = None


class HttpBackendRef(KeepingPart):
    """A backend and its share of the requests."""

    group: str = ""
    kind: str = "Service"
    name: Name
    namespace: str | None = None
    port: Port | None = None
    weight: Weight = 1
    filters: Items[HttpRouteFilter] = ()


class HttpRouteTimeouts(KeepingPart):
    """GEP-1742; 0 is no limit."""

    request: GatewayDuration | None = None
    backend_request: GatewayDuration | None = None


class HttpRouteRetry(KeepingPart):
    """GEP-1731."""

    codes: Items[Annotated[int, Field(ge=400, le=599), Expected("a status from 400 to 599, as 503")]] = ()
    attempts: Annotated[int, Field(ge=0), Expected("an integer of at least 0")] | None = None
    backoff: GatewayDuration | None = None


class HttpRouteRule(KeepingPart):
    """One rule. No `matches`: every request. No `backendRefs`: a filter answers, or nothing does."""

    name: str | None = None
    matches: Items[HttpRouteMatch] = (HttpRouteMatch(),)
    filters: Items[HttpRouteFilter] = ()
    backend_refs: Items[HttpBackendRef] = ()
    timeouts: HttpRouteTimeouts | None = None
    retry: HttpRouteRetry | None = None
    session_persistence: Annotated[FreeForm, NoEffect()] = None


class HttpRouteSpec(KeepingPart):
    """Where a route attaches and what it does."""

    parent_refs: Items[ParentRef] = ()
    use_default_gateways: Annotated[FreeForm, NoEffect()] = None
    hostnames: Items[str] = ()
    rules: Items[HttpRouteRule] = (HttpRouteRule(),)


class HTTPRoute(Resource, KeepingPart):
    """Which requests go where."""

    GROUP = GATEWAY_GROUP
    VERSIONS = ("v1", "v1beta1")
    KIND = "HTTPRoute"
    PLURAL = "httproutes"

    spec: HttpRouteSpec


# ── ReferenceGrant ──────────────────────────────────────────────────────────────────────────────────────────────────


class GrantFrom(Part):
    """Who may refer."""

    group: str
    kind: Name
    namespace: Name


class GrantTo(Part):
    """To what; no `name` is every object of that kind."""

    group: str
    kind: Name
    name: str | None = None


class ReferenceGrantSpec(Part):
    """Who may refer to what."""

    from_: Annotated[Items[GrantFrom], Field(alias="from", min_length=1), Expected("a list of at least one entry")]
    to: Annotated[Items[GrantTo], Field(min_length=1), Expected("a list of at least one entry")]


class ReferenceGrant(Resource):
    """Permission to refer to objects of this namespace from others."""

    GROUP = GATEWAY_GROUP
    VERSIONS = ("v1beta1", "v1")
    KIND = "ReferenceGrant"
    PLURAL = "referencegrants"

    spec: ReferenceGrantSpec
