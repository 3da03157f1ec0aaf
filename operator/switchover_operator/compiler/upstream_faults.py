"""The faults of an Upstream by itself, and the backends of it that can be served."""

import re
from collections.abc import Iterator
from functools import cache

from switchover_operator.compiler.faults import Fault, host_faults
from switchover_operator.key_shapes import begins_as_a_key, described
from switchover_operator.resources.ai import PROVIDERS, Ai, Backend, CustomHost, Provider
from switchover_operator.resources.model import field_names
from switchover_operator.resources.upstream import UNSERVED_TYPES, Upstream, UpstreamSpec

SERVED_PROVIDERS = ("openai", "azureOpenai", "mistral")
"""Fields of `spec.ai` for the providers that are served."""


def backends(ai: Ai) -> Iterator[tuple[str, int, int, Backend]]:
    """Yield each backend of `spec.ai` with its path, priority and index in its pool; a single one has priority 0."""
    if ai.multi is None:
        yield "spec.ai", 0, 0, ai
        return
    for priority, pool in enumerate(ai.multi.priorities):
        for index, backend in enumerate(pool.pool):
            yield f"spec.ai.multi.priorities[{priority}].pool[{index}]", priority, index, backend


def provider_of(backend: Backend) -> tuple[str, Provider | None]:
    """Return the field that holds the provider, and the provider; None if it is not served."""
    values = backend.__dict__
    name, field = next(each for each in _provider_fields() if values[each[1]] is not None)
    provider = values[field]
    return name, provider if isinstance(provider, Provider) else None


@cache
def _provider_fields() -> tuple[tuple[str, str], ...]:
    """Providers' fields, each with its name in Python."""
    fields = field_names(Backend)
    return tuple((name, fields[name]) for name in PROVIDERS)


def unserved_provider(path: str, name: str) -> str:
    """Say of one backend that its provider is not served."""
    return f"{path}.{name}: this provider is not served; the served ones are {', '.join(SERVED_PROVIDERS)}"


def upstream_faults(upstream: Upstream) -> Iterator[Fault]:
    """Yield every fault of an Upstream. It is no fault if only some of several providers are not served."""
    spec = upstream.spec
    if spec.ai is not None:
        yield from _ai_faults(spec.ai)
    elif spec.static is not None:
        for index, host in enumerate(spec.static.hosts):
            yield from host_faults(f"spec.static.hosts[{index}].addr", host.addr)
    elif spec.kube is None:
        fields = field_names(UpstreamSpec)
        name = next(name for name in UNSERVED_TYPES if getattr(spec, fields[name]) is not None)
        text = f"spec.{name}: this type of Upstream is not served; the served ones are ai, static and kube"
        yield Fault(text, "UnsupportedValue")


def _ai_faults(ai: Ai) -> Iterator[Fault]:
    found = [(path, backend, *provider_of(backend)) for path, _, _, backend in backends(ai)]
    if all(provider is None for _, _, _, provider in found):
        for path, _, name, _ in found:
            yield Fault(unserved_provider(path, name), "UnsupportedProvider")
    for path, backend, name, provider in found:
        if provider is None:
            continue
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


def _custom_host_faults(path: str, custom: CustomHost) -> Iterator[Fault]:
    for field, name in (("host", custom.host), ("hostname", custom.hostname)):
        if name and begins_as_a_key(name):
            yield _misplaced_key(f"{path}.{field}", name)
    if custom.host:
        yield from host_faults(f"{path}.host", custom.host)
    if custom.hostname:
        yield from host_faults(f"{path}.hostname", custom.hostname)
    override = custom.path_override
    if override is not None:
        for field, value in (("fullPath", override.full_path), ("basePath", override.base_path)):
            if value is not None and not value.startswith("/"):
                yield Fault(f"{path}.pathOverride.{field}: must begin with /; got {described(value)}")


def _misplaced_key(path: str, value: str) -> Fault:
    """Refuse a key in place of a name, which appears in DNS queries, logs and metrics."""
    right = "looks like an API key; put the key into a Secret and name it in authToken.secretRef"
    return Fault(f"{path}: {right}; got {described(value)}")


def azure_host(endpoint: str) -> str:
    """Strip the scheme and the trailing slash of Azure's `endpoint`."""
    return re.sub(r"^https?://", "", endpoint, flags=re.IGNORECASE).rstrip("/")
