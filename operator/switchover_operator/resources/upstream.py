"""Upstream (`gloo.solo.io/v1`): the targets of requests. Three types are served: `ai`, `static` and `kube`."""

from typing import Annotated

from pydantic import Field

from .ai import Ai
from .left_out import Alone
from .model import Confidential, Expected, FreeForm, Items, NoEffect, OneOf, OpenPart, Port
from .reference import Name
from .resource import Resource
from .upstream_settings import CircuitBreakers, ConnectionConfig, LoadBalancerConfig, OutlierDetection, SslConfig

WithoutEffect = Annotated[FreeForm, NoEffect()]
"""A field of which only the name is known; it has no effect."""

Unserved = Annotated[OpenPart | None, NoEffect(), Confidential()]
"""A type of Upstream of which only the name is known; it is not served."""


class StaticHost(OpenPart):
    """A host of a static Upstream."""

    addr: Name
    """IP address or DNS name of the host."""
    port: Port
    """Port of the host."""
    sni_addr: str = ""
    """Server name for TLS. Overrides `autoSniRewrite`."""
    load_balancing_weight: (
        Annotated[int, Field(ge=1, le=2**32 - 1), Expected("an integer of at least 1, as 10")] | None
    ) = None
    """Share of the requests, relative to the other hosts. Default: equal shares."""
    health_check_config: WithoutEffect = None
    metadata: WithoutEffect = None


class Static(OpenPart):
    """Hosts by address."""

    hosts: Annotated[Items[Alone[StaticHost]], Field(min_length=1), Expected("a list of at least one host")]
    """The hosts."""
    use_tls: bool | None = None
    """Use TLS to all hosts. Default: true if any port is 443."""
    auto_sni_rewrite: bool | None = None
    """Use `addr` as the server name. Default: true."""
    service_spec: WithoutEffect = None


class Kube(OpenPart):
    """A Kubernetes Service."""

    service_name: Name
    """Name of the Service."""
    service_namespace: str = ""
    """Namespace of the Service. Default: that of the Upstream."""
    service_port: Port
    """Port of the Service (not of its pods)."""
    selector: Annotated[dict[str, str], NoEffect()] = Field(default_factory=dict[str, str])
    service_spec: WithoutEffect = None
    subset_spec: WithoutEffect = None


UNSERVED_TYPES = ("aws", "azure", "consul", "awsEc2", "gcp", "pipe")
"""Types of Upstream that Gloo has and Switchover does not serve."""


class UpstreamSpec(OpenPart):
    """The targets of the Upstream, and the settings of connections to them."""

    ONE_OF = (OneOf(("ai", "static", "kube"), required=True, unserved=UNSERVED_TYPES),)

    ai: Ai | None = None
    """An LLM provider, or several in order of priority."""
    static: Static | None = None
    """Hosts by address."""
    kube: Kube | None = None
    """A Kubernetes Service."""
    connection_config: ConnectionConfig | None = None
    """Settings of connections to the Upstream."""
    ssl_config: SslConfig | None = None
    """Settings of TLS to the Upstream."""
    outlier_detection: OutlierDetection | None = None
    """Failing targets get no requests for a while."""

    circuit_breakers: Annotated[CircuitBreakers | None, NoEffect()] = None
    load_balancer_config: Annotated[LoadBalancerConfig | None, NoEffect()] = None

    aws: Unserved = None
    azure: Unserved = None
    consul: Unserved = None
    aws_ec2: Unserved = None
    gcp: Unserved = None
    pipe: Unserved = None
    health_checks: WithoutEffect = None
    failover: WithoutEffect = None
    use_http2: WithoutEffect = None
    protocol_selection: WithoutEffect = None
    proxy_protocol_version: WithoutEffect = None
    http_proxy_hostname: WithoutEffect = None
    http_connect_headers: WithoutEffect = None
    http_connect_ssl_config: WithoutEffect = None
    dns_refresh_rate: WithoutEffect = None
    respect_dns_ttl: WithoutEffect = None
    ignore_health_on_host_removal: WithoutEffect = None
    preconnect_policy: WithoutEffect = None
    initial_stream_window_size: WithoutEffect = None
    initial_connection_window_size: WithoutEffect = None
    max_concurrent_streams: WithoutEffect = None
    disable_istio_auto_mtls: WithoutEffect = None
    discovery_metadata: WithoutEffect = None


class Upstream(Resource, OpenPart):
    """The targets of requests: LLM providers in order of priority, hosts by address, or a Kubernetes Service."""

    GROUP = "gloo.solo.io"
    VERSIONS = ("v1",)
    KIND = "Upstream"
    PLURAL = "upstreams"

    spec: UpstreamSpec
