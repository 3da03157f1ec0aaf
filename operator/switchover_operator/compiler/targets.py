"""Upstreams and Services → the targets of the table, in pools by priority.

A target whose credential is missing is left out, and its Upstream reports it; the others are served. An Upstream that
cannot be served at all has a `problem`, with which its share of the requests is answered.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import msgspec

from switchover_dataplane.table import upstreams
from switchover_dataplane.table.upstreams import Target, Tls
from switchover_dataplane.target_addresses import forbidden
from switchover_operator.compiler import conditions
from switchover_operator.compiler.aws_credentials import aws_credential
from switchover_operator.compiler.certificates import authorities, client_certificate
from switchover_operator.compiler.conditions import Condition
from switchover_operator.compiler.credentials import Credential, credential, secret_identity
from switchover_operator.compiler.disabled import ANNOTATION, reason_of
from switchover_operator.compiler.fleet import Fleet
from switchover_operator.compiler.providers import default_host, described, in_table, is_of_openai_kind, reached_by
from switchover_operator.compiler.resolve import Catalogue, Object
from switchover_operator.compiler.services import endpoints, service_port
from switchover_operator.compiler.upstream_faults import HTTPS, backends, hosts, provider_of
from switchover_operator.identity import Identity
from switchover_operator.resources.ai import Ai, AzureOpenAI, Bedrock, Provider, VertexAi
from switchover_operator.resources.core import Service
from switchover_operator.resources.upstream import Kube, Static, Upstream, UpstreamSpec
from switchover_operator.resources.upstream_settings import OutlierDetection, SslConfig


@dataclass(frozen=True, slots=True)
class Destination:
    """The destination of a backendRef: an upstream of the table and the secrets it needs, or the `problem` with it.

    `conditions` are those of the Upstream except Accepted, `failure` is the condition of a route that refers to it.
    `outliers` is its `outlierDetection`, if it has one.
    """

    key: str
    upstream: upstreams.Upstream | None = None
    secrets: Mapping[str, str] = field(default_factory=dict)
    conditions: tuple[Condition, ...] = ()
    failure: Condition | None = None
    notes: tuple[str, ...] = ()
    outliers: OutlierDetection | None = None

    @property
    def problem(self) -> str:
        """The reason why its share of the requests cannot be served; "" if it can."""
        return "" if self.upstream is not None else self.failure.message if self.failure else "not served"

    @property
    def pools(self) -> tuple[int, ...]:
        """The number of targets of each priority."""
        return tuple(len(pool) for pool in self.upstream.priorities) if self.upstream else ()

    @property
    def is_ai(self) -> bool:
        """Whether its requests are LLM requests."""
        return self.upstream is not None and self.upstream.ai

    @property
    def is_azure(self) -> bool:
        """Whether a target is Azure OpenAI, which sends text in blocks."""
        pools = self.upstream.priorities if self.upstream else ()
        return any(isinstance(target.provider, upstreams.AzureOpenAI) for pool in pools for target in pool)


def with_own_host(destination: Destination) -> Destination:
    """Return the destination with the name of each target as its Host header (Gloo `autoHostRewrite`)."""
    upstream = destination.upstream
    if upstream is None:
        return destination
    priorities = tuple(
        tuple(
            msgspec.structs.replace(target, host_header=target.host_header or _authority(target.host))
            for target in pool
        )
        for pool in upstream.priorities
    )
    changed = msgspec.structs.replace(upstream, priorities=priorities)
    return replace(destination, key=f"{destination.key} with own host", upstream=changed)


# ── Upstreams ───────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class _Pools:
    """Targets by priority, with their secrets, conditions and notes."""

    priorities: tuple[tuple[Target, ...], ...]
    ai: bool = False
    secrets: Mapping[str, str] = field(default_factory=dict)
    conditions: tuple[Condition, ...] = ()
    notes: tuple[str, ...] = ()


def destination_of_upstream(catalogue: Catalogue, found: Object[Upstream], fleet: Fleet) -> Destination:
    """Make the destination of requests to an Upstream."""
    key = f"{found.identity.namespace}/{found.identity.name}"
    if found.model is None:
        text = f"{found.identity} is not accepted: {found.accepted.message}"
        return Destination(key, failure=conditions.invalid_backend(text))
    spec = found.model.spec
    tls = _tls(catalogue, found.identity, spec.ssl_config)
    if isinstance(tls, Condition):
        text = f"{found.identity} has no usable TLS: {tls.message}"
        return Destination(key, conditions=(tls,), failure=conditions.invalid_backend(text))
    pools = _pools(catalogue, found.identity, spec, tls, fleet)
    if isinstance(pools, Condition):
        return Destination(
            key, conditions=(pools,), failure=replace(pools, message=f"{found.identity}: {pools.message}")
        )
    reason = reason_of(found)
    upstream = upstreams.Upstream(key, pools.ai, pools.priorities, _connect_timeout(spec), reason)
    failure: Condition | None = None
    if not any(pools.priorities):
        unresolved = (each.message for each in pools.conditions if each.type == "ResolvedRefs")
        reasons = conditions.sentences((*(fault.text for fault in found.left_out), *unresolved))
        failure = conditions.invalid_backend(
            f"{found.identity} has no target left: {reasons or 'no endpoint is ready'}"
        )
    resolved = conditions.merged([*pools.conditions, conditions.refs_resolved()])
    if reason:
        text = f"metadata.annotations: {ANNOTATION} takes all its targets out of rotation: {reason}"
        resolved = (*resolved, conditions.disabled(text))
    secrets = {**tls.secrets, **pools.secrets}
    return Destination(key, upstream, secrets, resolved, failure, pools.notes, spec.outlier_detection)


def _pools(
    catalogue: Catalogue, identity: Identity, spec: UpstreamSpec, tls: "_Tls", fleet: Fleet
) -> _Pools | Condition:
    if spec.ai is not None:
        return _ai_pools(catalogue, identity, spec.ai, tls, fleet)
    if spec.static is not None:
        return _static_pools(identity, spec.static, tls, fleet)
    if spec.kube is not None:
        return _kube_pools(catalogue, identity, spec.kube, tls, fleet)
    raise AssertionError(f"{identity} was admitted without a type that is served")


def _not_allowed(path: str, host: str, fleet: Fleet) -> Condition | None:
    """Refuse an address that is not allowed for targets. The addresses of a name are checked when a connection is
    made."""
    problem = forbidden(_address(host), fleet.allowed_targets)
    if not problem:
        return None
    right = "use another address, or allow this one with --allow-targets (in the chart: allowTargets)"
    return conditions.target_not_allowed(f"{path}: {host} is {problem}, which is not allowed for a target; {right}")


def _connect_timeout(spec: UpstreamSpec) -> float:
    config = spec.connection_config
    return config.connect_timeout if config and config.connect_timeout else upstreams.Upstream("").connect_timeout


# ── AI ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _ai_pools(catalogue: Catalogue, identity: Identity, ai: Ai, tls: "_Tls", fleet: Fleet) -> _Pools:
    # A pool whose targets are all left out is empty: the priorities of the others stay.
    pools: list[list[Target]] = [[] for _ in ai.multi.priorities] if ai.multi else [[]]
    secrets: dict[str, str] = {}
    problems: list[Condition] = []
    notes: list[str] = []
    formats: list[tuple[str, bool]] = []
    for path, priority, index, backend in backends(ai):
        name, provider = provider_of(backend)
        place = f"{identity.namespace}/{identity.name}/{priority}/{index}"
        held = _credential(catalogue, identity, f"{path}.{name}", provider, place)
        if held.problem is not None:
            problems.append(held.problem)
            continue
        target = _ai_target(place, provider, held, tls)
        closed = _not_allowed(_host_path(f"{path}.{name}", provider), target.host, fleet)
        if closed is not None:
            problems.append(closed)
            continue
        pools[priority].append(target)
        secrets |= held.secrets
        reached = reached_by(target.provider)
        notes.append(f"priority {priority}: {described(target)} with {held.origin}; {reached}")
        formats.append((f"{path}.{name}: {reached}", is_of_openai_kind(target.provider)))
    stated = (*problems, *_formats(formats))
    return _Pools(tuple(map(tuple, pools)), True, secrets, stated, tuple(notes))


def _formats(targets: Sequence[tuple[str, bool]]) -> tuple[Condition, ...]:
    """Say which APIs reach which target, where a target has another API than the usual one."""
    if all(is_usual for _, is_usual in targets):
        return ()
    return (conditions.formats(text for text, _ in targets),)


def _credential(catalogue: Catalogue, upstream: Identity, path: str, provider: Provider, place: str) -> Credential:
    """Follow whatever a provider has to be asked with. `path` is the provider's."""
    if isinstance(provider, Bedrock) and provider.auth_token is None:
        written = provider.credential_provider
        return aws_credential(catalogue, upstream, f"{path}.credentialProvider", written, place)
    accounts = isinstance(provider, VertexAi)
    return credential(catalogue, upstream, f"{path}.authToken", provider.auth_token, place, takes_accounts=accounts)


def _ai_target(place: str, provider: Provider, held: Credential, tls: "_Tls") -> Target:
    custom = provider.custom_host
    host = (custom.host if custom else "") or default_host(provider)
    port = (custom.port if custom else 0) or HTTPS
    hostname = (custom.hostname if custom else "") or host
    override = custom.path_override if custom else None
    return Target(
        id=place,
        host=_address(host),
        port=port,
        provider=in_table(provider, hostname.lower()),
        tls=tls.to(_address(hostname)) if port == HTTPS or tls.written else None,
        host_header=_authority(hostname),
        full_path=(override.full_path if override else "") or "",
        base_path=(override.base_path if override else "") or "",
        auth=held.auth,
    )


def _host_path(path: str, provider: Provider) -> str:
    """Return the path of the field that holds the host of a target."""
    if provider.custom_host is not None and provider.custom_host.host:
        return f"{path}.customHost.host"
    return f"{path}.endpoint" if isinstance(provider, AzureOpenAI) else path


# ── Static hosts ────────────────────────────────────────────────────────────────────────────────────────────────────


def _static_pools(identity: Identity, static: Static, tls: "_Tls", fleet: Fleet) -> _Pools:
    served = list(hosts(static))
    use_tls = any(host.port == HTTPS for _, _, host in served) if static.use_tls is None else static.use_tls
    base = f"{identity.namespace}/{identity.name}/0"
    closed = {index: _not_allowed(f"{path}.addr", host.addr, fleet) for path, index, host in served}
    pool = tuple(
        Target(
            id=f"{base}/{index}",
            host=_address(host.addr),
            port=host.port,
            tls=tls.to(host.sni_addr or _address(host.addr)) if use_tls or tls.written else None,
            weight=host.load_balancing_weight or 1,
        )
        for _, index, host in served
        if closed[index] is None
    )
    problems = tuple(each for each in closed.values() if each is not None)
    notes = tuple(f"priority 0: {described(target)}" for target in pool)
    return _Pools((pool,), conditions=problems, notes=notes)


def _address(host: str) -> str:
    """Strip the brackets of an IPv6 address, which only URLs need."""
    return host.strip("[]")


def _authority(host: str) -> str:
    """Put an IPv6 address in brackets for a Host header (RFC 9110, section 7.2)."""
    return f"[{_address(host)}]" if ":" in host else host


# ── Services ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _kube_pools(catalogue: Catalogue, identity: Identity, kube: Kube, tls: "_Tls", fleet: Fleet) -> _Pools | Condition:
    namespace = kube.service_namespace or identity.namespace
    base = f"{identity.namespace}/{identity.name}"
    service = Identity(Service.GROUP, Service.KIND, namespace, kube.service_name)
    if not catalogue.permits(identity, service):
        return conditions.ref_not_permitted(
            f"spec.kube: {service} is in another namespace than {identity} and no ReferenceGrant in {namespace}"
            " allows it"
        )
    port = service_port(catalogue, namespace, kube.service_name, kube.service_port, "spec.kube")
    if isinstance(port, Condition):
        return port
    pool = tuple(
        Target(
            id=f"{base}/{address}:{number}",
            host=address,
            port=number,
            tls=tls.to(f"{kube.service_name}.{namespace}.svc") if tls.written else None,
        )
        for address, number in endpoints(catalogue, namespace, kube.service_name, port, fleet)
    )
    return _Pools((pool,))


def destination_of_service(
    catalogue: Catalogue, namespace: str, name: str, port: int | None, fleet: Fleet
) -> Destination:
    """Make the destination of requests to a port of a Service: its ready endpoints, never its cluster IP."""
    key = f"{namespace}/{name}:{port or ''}"
    found = service_port(catalogue, namespace, name, port, "")
    if isinstance(found, Condition):
        return Destination(key, failure=found)
    pool = tuple(
        Target(id=f"{namespace}/{name}/{address}:{number}", host=address, port=number)
        for address, number in endpoints(catalogue, namespace, name, found, fleet)
    )
    return Destination(key, upstreams.Upstream(key, priorities=(pool,)))


# ── TLS ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class _Tls:
    """The settings of TLS to an Upstream; `written`: it has an `sslConfig`."""

    written: bool = False
    server_name: str = ""
    ca: str = ""
    chain: str = ""
    key: str = ""
    secrets: Mapping[str, str] = field(default_factory=dict)

    def to(self, host: str) -> Tls:
        return Tls(self.server_name or host, self.ca, self.chain, self.key)


def _tls(catalogue: Catalogue, upstream: Identity, config: SslConfig | None) -> _Tls | Condition:
    if config is None:
        return _Tls()
    if config.secret_ref is None:
        return _Tls(written=True, server_name=config.sni)
    path = "spec.sslConfig.secretRef"
    secret = secret_identity(config.secret_ref.namespace or upstream.namespace, config.secret_ref.name)
    trusted = authorities(catalogue, upstream, path, secret)
    if trusted.problem is not None:
        return trusted.problem
    if config.one_way_tls and trusted.chain:
        return _Tls(True, config.sni, ca=trusted.chain, secrets=trusted.secrets)
    own = client_certificate(catalogue, upstream, path, secret)
    if own.problem is not None:
        return own.problem
    secrets = {**trusted.secrets, **own.secrets}
    return _Tls(True, config.sni, trusted.chain, own.chain, own.key, secrets)
