"""Settings of every type of Upstream: connections, TLS, load balancing, health.

Most of them have no effect. They have types all the same, so that a mistake is reported at once.
"""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from .duration import GlooDuration
from .model import (
    Confidential,
    Expected,
    FreeForm,
    Items,
    NoEffect,
    OneOf,
    OpenPart,
    Percent,
    Uint32,
    Uint64,
    gloo_enum,
)
from .reference import ResourceRef

PositiveDuration = Annotated[GlooDuration, Field(gt=0), Expected('a duration of more than 0s, as "10s"')]


class CircuitBreakers(OpenPart):
    """Limits of one Upstream, as in Envoy's circuit breakers."""

    max_connections: Uint32 | None = None
    max_pending_requests: Uint32 | None = None
    max_requests: Uint32 | None = None
    max_retries: Uint32 | None = None
    track_remaining: bool = False


class OutlierDetection(OpenPart):
    """Failing targets get no requests for a while, as in Envoy's outlier detection. Overrides `coolDown` of a
    FailoverPolicy."""

    consecutive_5xx: Annotated[Uint32 | None, Field(alias="consecutive5xx")] = None
    """Number of consecutive failures after which a target is ejected. 0: never. Default: 5."""
    interval: PositiveDuration | None = None
    """How often ejected targets are re-checked: a target returns at the end of an interval. Default: 10s."""
    base_ejection_time: PositiveDuration | None = None
    """How long a target stays ejected: this value times the number of consecutive ejections, at most 30s, or this value
    if it is larger. Default: 30s."""
    max_ejection_percent: Percent | None = None
    """Largest share of an Upstream's targets, in percent, that may be ejected at the same time; at least one target.
    Default: 10."""
    enforcing_consecutive_5xx: Annotated[Percent | None, Field(alias="enforcingConsecutive5xx"), NoEffect()] = None
    enforcing_success_rate: Annotated[Percent | None, NoEffect()] = None
    success_rate_minimum_hosts: Annotated[Uint32 | None, NoEffect()] = None
    success_rate_request_volume: Annotated[Uint32 | None, NoEffect()] = None
    success_rate_stdev_factor: Annotated[Uint32 | None, NoEffect()] = None
    consecutive_gateway_failure: Annotated[Uint32 | None, NoEffect()] = None
    enforcing_consecutive_gateway_failure: Annotated[Percent | None, NoEffect()] = None
    split_external_local_origin_errors: Annotated[bool, NoEffect()] = False
    consecutive_local_origin_failure: Annotated[Uint32 | None, NoEffect()] = None
    enforcing_consecutive_local_origin_failure: Annotated[Percent | None, NoEffect()] = None
    enforcing_local_origin_success_rate: Annotated[Percent | None, NoEffect()] = None


class HeadersWithUnderscores(StrEnum):
    """The action for a header with an underscore in its name."""

    ALLOW = "ALLOW"
    REJECT_REQUEST = "REJECT_REQUEST"
    DROP_HEADER = "DROP_HEADER"


class CommonHttpProtocolOptions(OpenPart):
    """HTTP limits of connections to an Upstream."""

    idle_timeout: GlooDuration | None = None
    max_headers_count: Uint32 = 0
    max_stream_duration: GlooDuration | None = None
    headers_with_underscores_action: Annotated[HeadersWithUnderscores, gloo_enum(HeadersWithUnderscores)] = (
        HeadersWithUnderscores.ALLOW
    )


class ConnectionConfig(OpenPart):
    """Connections to an Upstream."""

    connect_timeout: GlooDuration | None = None
    """Time limit for making a connection. Default: 5s."""
    max_requests_per_connection: Annotated[Uint32, NoEffect()] = 0
    per_connection_buffer_limit_bytes: Annotated[Uint32 | None, NoEffect()] = None
    common_http_protocol_options: Annotated[CommonHttpProtocolOptions | None, NoEffect()] = None
    tcp_keepalive: Annotated[FreeForm, NoEffect()] = None
    http1_protocol_options: Annotated[FreeForm, NoEffect()] = None


class SlowStartConfig(OpenPart):
    """A new host gets its full share of the requests only after a while."""

    slow_start_window: GlooDuration | None = None
    aggression: float | None = None
    min_weight_percent: Annotated[float, Field(ge=0, le=100), Expected("a number from 0 to 100")] | None = None


class RoundRobin(OpenPart):
    """Each host in turn."""

    slow_start_config: SlowStartConfig | None = None


class LeastRequest(OpenPart):
    """The least busy of several hosts that are drawn at random."""

    choice_count: Uint32 = 0
    slow_start_config: SlowStartConfig | None = None


class RingHashConfig(OpenPart):
    """Sizes of the hash ring."""

    minimum_ring_size: Uint64 = 0
    maximum_ring_size: Uint64 = 0


class RingHash(OpenPart):
    """Consistent hashing on a ring."""

    ring_hash_config: RingHashConfig | None = None


class LoadBalancerConfig(OpenPart):
    """The choice of a host within a pool."""

    ONE_OF = (OneOf(("roundRobin", "leastRequest", "random", "ringHash", "maglev")),)

    round_robin: RoundRobin | None = None
    least_request: LeastRequest | None = None
    random: OpenPart | None = None
    ring_hash: RingHash | None = None
    maglev: OpenPart | None = None
    healthy_panic_threshold: (
        Annotated[float, Field(ge=0, le=100), Expected("a percentage, a number from 0 to 100")] | None
    ) = None
    update_merge_window: GlooDuration | None = None
    locality_weighted_lb_config: FreeForm = None
    use_hostname_for_hashing: bool = False
    close_connections_on_host_set_change: bool = False


class TlsVersion(StrEnum):
    """A version of TLS."""

    TLS_AUTO = "TLS_AUTO"
    TLSv1_0 = "TLSv1_0"
    TLSv1_1 = "TLSv1_1"
    TLSv1_2 = "TLSv1_2"
    TLSv1_3 = "TLSv1_3"


class SslParameters(OpenPart):
    """Versions and ciphers of TLS."""

    minimum_protocol_version: Annotated[TlsVersion, gloo_enum(TlsVersion)] = TlsVersion.TLS_AUTO
    maximum_protocol_version: Annotated[TlsVersion, gloo_enum(TlsVersion)] = TlsVersion.TLS_AUTO
    cipher_suites: Items[str] = ()
    ecdh_curves: Items[str] = ()


class SslFiles(OpenPart):
    """Certificates in files of the proxy; a field may also hold the PEM text itself."""

    tls_cert: Annotated[str, Field(repr=False), Confidential()] = ""
    tls_key: Annotated[str, Field(repr=False), Confidential()] = ""
    root_ca: Annotated[str, Field(repr=False), Confidential()] = ""
    ocsp_staple: Annotated[str, Field(repr=False), Confidential()] = ""


class SslConfig(OpenPart):
    """TLS to an Upstream."""

    ONE_OF = (OneOf(("secretRef", "sslFiles", "sds")),)

    secret_ref: ResourceRef | None = None
    """A Secret of type kubernetes.io/tls with the client certificate; its key `ca.crt` holds the CAs to trust."""
    sni: str = ""
    """Server name for SNI. It is verified if a CA is given."""
    one_way_tls: bool | None = None
    """Present no client certificate, even if the Secret has one."""
    ssl_files: Annotated[SslFiles | None, NoEffect(), Confidential()] = None
    sds: Annotated[FreeForm, NoEffect()] = None
    verify_subject_alt_name: Annotated[Items[str], NoEffect()] = ()
    parameters: Annotated[SslParameters | None, NoEffect()] = None
    alpn_protocols: Annotated[Items[str], NoEffect()] = ()
    allow_renegotiation: Annotated[bool | None, NoEffect()] = None
