"""Upstream (`gloo.solo.io/v1`): where requests go. Three types are served: `ai`, `static` and `kube`."""

from typing import Annotated

from pydantic import Field

from .ai import Ai
from .model import Confidential, Expected, FreeForm, Items, NoEffect, OneOf, OpenPart, Port
from .reference import Name
from .resource import Resource
from .upstream_settings import CircuitBreakers, ConnectionConfig, LoadBalancerConfig, OutlierDetection, SslConfig

Later = Annotated[FreeForm, NoEffect()]
"""A field that is known by its name only."""

Unserved = Annotated[OpenPart | None, NoEffect(), Confidential()]
"""A type of Upstream that is known by its name only."""


class StaticHost(OpenPart):
    """A host of a static Upstream."""

    addr: Name
    """IP address or DNS name."""
    port: Port
    """Port."""
    sni_addr: str = ""
    """Server name for TLS; beats `autoSniRewrite`."""
    load_balancing_weight: (
        Annotated[int, Field(ge=1, le=2**32 - 1), Expected("an integer of at least 1, as 10")] | None
    ) = None
    """Share of the requests, relative to the other hosts; unset: an equal one."""
    health_check_config: Later = None
    metadata: Later = None


class Static(OpenPart):
    """Hosts by address."""

    hosts: Annotated[Items[StaticHost], Field(min_length=1), Expected("a list of at least one host")]
    """The hosts."""
    use_tls: bool | None = None
    """TLS to all hosts; unset: when any port is 443."""
    auto_sni_rewrite: bool | None = None
    """Ask for `addr` as server name; unset: true."""
    service_spec: Later = None


class Kube(OpenPart):
    """A Kubernetes Service."""

    service_name: Name
    """Name of the Service."""
    service_namespace: str = ""
    """Namespace of the Service; unset: the Upstream's."""
    service_port: Port
    """Port of the Service, not of its pods."""
    selector: Annotated[dict[str, str], NoEffect()] = Field(default_factory=dict[str, str])
    service_spec: Later = None
    subset_spec: Later = None


UNSERVED_TYPES = ("aws", "azure", "consul", "awsEc2", "gcp", "pipe")
"""Types of Upstreams that Gloo has and Switchover does not serve."""


class UpstreamSpec(OpenPart):
    """What the Upstream is, and how it is spoken to."""

    ONE_OF = (OneOf(("ai", "static", "kube"), required=True, unserved=UNSERVED_TYPES),)

    ai: Ai | None = None
    """An LLM provider, or several in order of priority."""
    static: Static | None = None
    """Hosts by address."""
    kube: Kube | None = None
    """A Kubernetes Service."""
    connection_config: ConnectionConfig | None = None
    """Connections to the Upstream."""
    ssl_config: SslConfig | None = None
    """TLS to the Upstream."""
    outlier_detection: OutlierDetection | None = None
    """Targets that fail are left alone for a while."""

    circuit_breakers: Annotated[CircuitBreakers | None, NoEffect()] = None
    load_balancer_config: Annotated[LoadBalancerConfig | None, NoEffect()] = None

    aws: Unserved = None
    azure: Unserved = None
    consul: Unserved = None
    aws_ec2: Unserved = None
    gcp: Unserved = None
    pipe: Unserved = None
    health_checks: Later = None
    failover: Later = None
    use_http2: Later = None
    protocol_selection: Later = None
    proxy_protocol_version: Later = None
    http_proxy_hostname: Later = None
    http_connect_headers: Later = None
    http_connect_ssl_config: Later = None
    dns_refresh_rate: Later = None
    respect_dns_ttl: Later = None
    ignore_health_on_host_removal: Later = None
    preconnect_policy: Later = None
    initial_stream_window_size: Later = None
    initial_connection_window_size: Later = None
    max_concurrent_streams: Later = None
    disable_istio_auto_mtls: Later = None
    discovery_metadata: Later = None


class Upstream(Resource, OpenPart):
    """Where requests go: LLM providers in order of priority, hosts by address, or a Kubernetes Service."""

    GROUP = "gloo.solo.io"
    VERSIONS = ("v1",)
    KIND = "Upstream"
    PLURAL = "upstreams"

    spec: UpstreamSpec
