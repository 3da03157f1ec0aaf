"""The faults of an Upstream by itself: those of the whole, and those of one target, which take that one out."""

import re
from collections.abc import Iterator, Mapping, Set
from functools import cache

from switchover_operator.compiler.faults import Fault, host_faults, value_shown
from switchover_operator.compiler.provider_faults import provider_faults
from switchover_operator.compiler.providers import azure_host
from switchover_operator.key_shapes import begins_as_a_key, described
from switchover_operator.resources import lone_entries, without_entries
from switchover_operator.resources.ai import PROVIDERS, Ai, Backend, CustomHost, Provider
from switchover_operator.resources.left_out import LeftOut
from switchover_operator.resources.model import field_names
from switchover_operator.resources.upstream import UNSERVED_TYPES, Static, StaticHost, Upstream, UpstreamSpec

HTTPS = 443
"""The port of a target that has TLS."""

_HTTPS_AS_TEXT = re.compile(r"\b443\b|https", re.IGNORECASE)


def backends(ai: Ai) -> Iterator[tuple[str, int, int, Backend]]:
    """Yield each backend of `spec.ai` that is not left out, with its path, priority and index in its pool.

    Priorities and indexes are those that are written; a single backend has priority 0.
    """
    if ai.multi is None:
        yield "spec.ai", 0, 0, ai
        return
    for priority, pool in enumerate(ai.multi.priorities):
        for index, backend in enumerate(pool.pool):
            if not isinstance(backend, LeftOut):
                yield f"spec.ai.multi.priorities[{priority}].pool[{index}]", priority, index, backend


def hosts(static: Static) -> Iterator[tuple[str, int, StaticHost]]:
    """Yield each host of `spec.static` that is not left out, with its path and its index."""
    for index, host in enumerate(static.hosts):
        if not isinstance(host, LeftOut):
            yield f"spec.static.hosts[{index}]", index, host


def provider_of(backend: Backend) -> tuple[str, Provider]:
    """Return the field that holds the provider, and the provider."""
    values = backend.__dict__
    name, field = next(each for each in _provider_fields() if values[each[1]] is not None)
    return name, values[field]


@cache
def _provider_fields() -> tuple[tuple[str, str], ...]:
    """Providers' fields, each with its name in Python."""
    fields = field_names(Backend)
    return tuple((name, fields[name]) for name in PROVIDERS)


def upstream_faults(upstream: Upstream) -> Iterator[Fault]:
    """Yield every fault of an Upstream, of all of its targets and of the whole."""
    spec = upstream.spec
    if spec.ai is not None and spec.ai.multi is None:
        yield from _backend_faults("spec.ai", spec.ai)
    elif spec.ai is not None or spec.static is not None:
        for path, entry in lone_entries(upstream):
            yield from _target_faults(path, entry)
    elif spec.kube is None:
        fields = field_names(UpstreamSpec)
        name = next(name for name in UNSERVED_TYPES if getattr(spec, fields[name]) is not None)
        text = f"spec.{name}: this type of Upstream is not served; the served ones are ai, static and kube"
        yield Fault(text, "UnsupportedValue")


def _target_faults(path: str, entry: Backend | StaticHost | LeftOut) -> Iterator[Fault]:
    match entry:
        case LeftOut():
            yield from map(Fault, entry.problems)
        case StaticHost():
            yield from host_faults(f"{path}.addr", entry.addr)
        case Backend():
            yield from _backend_faults(path, entry)


def without_targets(upstream: Upstream, out: Set[str]) -> Upstream | None:
    """Leave out the targets at these paths; None if no target is left.

    The other targets are as they are beside those: a default that follows from all of them stays what it is.
    """
    if all(path in out for path, _ in lone_entries(upstream)):
        return None
    served, static = without_entries(upstream, out), upstream.spec.static
    if static is None or served.spec.static is None or static.use_tls is not None:
        return served
    # Without the host that asks for TLS, the others must not be served in clear.
    use_tls = any(map(_asks_for_tls, static.hosts))
    resolved = served.spec.static.model_copy(update={"use_tls": use_tls})
    return served.model_copy(update={"spec": served.spec.model_copy(update={"static": resolved})})


def _asks_for_tls(host: StaticHost | LeftOut) -> bool:
    """Tell whether a host has the port of HTTPS, also where that is not written as a port."""
    if isinstance(host, StaticHost):
        return host.port == HTTPS
    port = host.given.get("port") if isinstance(host.given, Mapping) else host.given
    return _HTTPS_AS_TEXT.search(str(port)) is not None


def _backend_faults(path: str, backend: Backend) -> Iterator[Fault]:
    name, provider = provider_of(backend)
    model = getattr(provider, "model", "")
    if begins_as_a_key(model):
        yield _misplaced_key(f"{path}.{name}.model", model)
    if provider.custom_host is not None:
        yield from _custom_host_faults(f"{path}.{name}.customHost", provider.custom_host)
    token = provider.auth_token
    if token is not None and token.inline is not None and not token.inline.get_secret_value().strip():
        yield Fault(f"{path}.{name}.authToken.inline: must hold a token; it is empty")
    if backend.azure_openai is not None:
        yield from host_faults(f"{path}.{name}.endpoint", azure_host(backend.azure_openai.endpoint))
    yield from provider_faults(f"{path}.{name}", provider)


def _custom_host_faults(path: str, custom: CustomHost) -> Iterator[Fault]:
    for field, name in (("host", custom.host), ("hostname", custom.hostname)):
        if name and begins_as_a_key(name):
            yield _misplaced_key(f"{path}.{field}", name)
        elif name:
            yield from host_faults(f"{path}.{field}", name)
    override = custom.path_override
    if override is not None:
        for field, value in (("fullPath", override.full_path), ("basePath", override.base_path)):
            if value is not None and not value.startswith("/"):
                yield Fault(f"{path}.pathOverride.{field}: must begin with /; got {value_shown(field, value)}")


def _misplaced_key(path: str, value: str) -> Fault:
    """Refuse a key in place of a name, which appears in DNS queries, logs and metrics."""
    right = "looks like an API key; put the key into a Secret and name it in authToken.secretRef"
    return Fault(f"{path}: {right}; got {described(value)}")
