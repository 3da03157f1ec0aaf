"""One object's own content → `Admitted`, or why it is refused, whatever else exists.

What the models cannot see stands here: values that contradict one another, that would break a request, or that the API
has and Switchover does not serve. References are not followed here: they come and go without the object's doing.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from switchover_dataplane.table import pattern_problem
from switchover_operator import triggers
from switchover_operator.identity import Body
from switchover_operator.resources import Invalid, Resource, parse, suggestions, unknown_fields, unsupported_fields
from switchover_operator.resources.ai import Ai, Backend, CustomHost, Provider
from switchover_operator.resources.failover_policy import FailoverPolicy
from switchover_operator.resources.gateway_api import (
    Gateway,
    HeaderModifier,
    HttpPathModifier,
    HTTPRoute,
    HttpRouteFilter,
    HttpRouteRule,
)
from switchover_operator.resources.model import field_names
from switchover_operator.resources.route_option import RouteOption
from switchover_operator.resources.upstream import UNSERVED_TYPES, Upstream, UpstreamSpec

SERVED_PROVIDERS = ("openai", "azureOpenai", "mistral")
"""Fields of `spec.ai` whose APIs are spoken."""

_PROVIDERS = MappingProxyType(
    {
        "openai": "openai",
        "mistral": "mistral",
        "azureOpenai": "azure_openai",
        "anthropic": "anthropic",
        "gemini": "gemini",
        "vertexAi": "vertex_ai",
        "bedrock": "bedrock",
    }
)


@dataclass(frozen=True, slots=True)
class Admitted:
    """A body that is good, as a model. `without_effect` names fields it sets for nothing, with what was meant."""

    body: Body
    model: Resource
    without_effect: tuple[str, ...] = ()

    @property
    def generation(self) -> int:
        """The generation of the content; 0 where nobody counts them."""
        return self.model.metadata.generation


@dataclass(frozen=True, slots=True)
class Fault:
    """One reason to refuse an object: a sentence with the field's path, its value and what would be right."""

    text: str
    reason: Literal["Invalid", "UnsupportedValue", "UnsupportedProvider"] = "Invalid"


@dataclass(frozen=True, slots=True)
class Refused:
    """A body that is not served, and all the reasons."""

    faults: tuple[Fault, ...]


def admit(body: Body) -> Admitted | Refused:
    """Judge one body by itself."""
    model = parse(body)
    if isinstance(model, Invalid):
        return Refused(tuple(Fault(str(problem)) for problem in model.problems))
    faults = tuple(dict.fromkeys(_faults(model)))
    if faults:
        return Refused(faults)
    return Admitted(body, model, _without_effect(model))


def _faults(model: Resource) -> Iterator[Fault]:
    match model:
        case HTTPRoute():
            yield from _route_faults(model)
        case Gateway():
            yield from _gateway_faults(model)
        case Upstream():
            yield from _upstream_faults(model)
        case RouteOption():
            yield from _route_option_faults(model)
        case FailoverPolicy():
            yield from _failover_faults(model)
        case _:
            return


def _without_effect(model: Resource) -> tuple[str, ...]:
    """Name the fields that change nothing: the unknown ones with the name that was meant, then the unserved ones."""
    if isinstance(model, HTTPRoute):
        rules = enumerate(model.spec.rules)
        return tuple(f"spec.rules[{index}].sessionPersistence" for index, rule in rules if rule.session_persistence)
    if not isinstance(model, Upstream | RouteOption | FailoverPolicy):
        return ()
    meant = suggestions(model)
    unknown = (
        f"{path} (unknown; did you mean {meant[path]}?)" if path in meant else f"{path} (unknown)"
        for path in unknown_fields(model)
    )
    pointless = _pointless(model) if isinstance(model, RouteOption) else ()
    return (*unknown, *unsupported_fields(model), *pointless)


def _pointless(option: RouteOption) -> Iterator[str]:
    """Name what of `retries` has no effect for want of something else (Envoy, x-envoy-retry-on)."""
    retries = option.spec.options.retries
    named = triggers.tokens(retries.retry_on) if retries else ()
    if retries and retries.retriable_status_codes and "retriable-status-codes" not in named:
        yield "spec.options.retries.retriableStatusCodes (without the token retriable-status-codes in retryOn)"
    if retries and not retries.retriable_status_codes and "retriable-status-codes" in named:
        yield "spec.options.retries.retryOn: retriable-status-codes (without a list retriableStatusCodes)"
    if "retriable-headers" in named:
        yield "spec.options.retries.retryOn: retriable-headers (there is no field that lists them)"


# ── Words that several kinds share ──────────────────────────────────────────────────────────────────────────────────

_LABEL = r"[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?"
_HOSTNAME = re.compile(rf"(?=.{{1,253}}\Z)(\*\.)?{_LABEL}(\.{_LABEL})*\Z", re.IGNORECASE)
_HOST_WITH_PORT = re.compile(r"[^:\]]*:[0-9]+\Z")
_IPV4 = re.compile(r"[0-9]+(\.[0-9]+){3}\Z")
_HOST = re.compile(r"[A-Za-z0-9._-]{1,253}\Z|\[?[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*\]?\Z")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")
_UNSENDABLE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


def _hostname_faults(path: str, hostname: str) -> Iterator[Fault]:
    if not _HOSTNAME.match(hostname) or _IPV4.match(hostname):
        right = "must be a DNS name, without port and scheme; only its first label may be *"
        yield Fault(f"{path}: {right}; got {hostname!r}")


def _host_faults(path: str, host: str) -> Iterator[Fault]:
    if not _HOST.match(host) or _HOST_WITH_PORT.match(host):
        yield Fault(f"{path}: must be a host name or an IP address, without scheme, port and path; got {host!r}")


def _header_faults(path: str, name: str, value: str) -> Iterator[Fault]:
    if not _TOKEN.match(name):
        yield Fault(f"{path}: must be a header name (RFC 9110, section 5.1); got {name!r}")
    if _UNSENDABLE.search(value):
        yield Fault(f"{path}: the value of {name} holds a control character, which no header may have")


def _pattern_faults(path: str, pattern: str, substitution: str = "") -> Iterator[Fault]:
    problem = pattern_problem(pattern, substitution)
    if problem:
        yield Fault(f"{path}: no usable regular expression (RE2): {problem}; got {pattern[:80]!r}")


def _trigger_faults(path: str, given: Iterable[str]) -> Iterator[Fault]:
    for token, right in triggers.unknown(given).items():
        yield Fault(f"{path}: {token!r} is no trigger; {right}")


# ── HTTPRoute ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _route_faults(route: HTTPRoute) -> Iterator[Fault]:
    for index, hostname in enumerate(route.spec.hostnames):
        yield from _hostname_faults(f"spec.hostnames[{index}]", hostname)
    for index, rule in enumerate(route.spec.rules):
        path = f"spec.rules[{index}]"
        yield from _match_faults(path, rule)
        yield from _filters_faults(f"{path}.filters", rule.filters, rule)
        for place, backend in enumerate(rule.backend_refs):
            yield from _filters_faults(f"{path}.backendRefs[{place}].filters", backend.filters, rule, of_backend=True)
        yield from _timeout_faults(path, rule)
    names = [rule.name for rule in route.spec.rules if rule.name]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield Fault(f"spec.rules: the name {name!r} stands at {names.count(name)} rules; each needs its own")


def _match_faults(path: str, rule: HttpRouteRule) -> Iterator[Fault]:
    for index, match in enumerate(rule.matches):
        where = f"{path}.matches[{index}]"
        if match.path.type == "RegularExpression":
            yield from _pattern_faults(f"{where}.path.value", match.path.value)
        elif not match.path.value.startswith("/"):
            yield Fault(f"{where}.path.value: must begin with /; got {match.path.value!r}")
        for place, header in enumerate(match.headers):
            if header.type == "RegularExpression":
                yield from _pattern_faults(f"{where}.headers[{place}].value", header.value)
        for place, parameter in enumerate(match.query_params):
            if parameter.type == "RegularExpression":
                yield from _pattern_faults(f"{where}.queryParams[{place}].value", parameter.value)


def _timeout_faults(path: str, rule: HttpRouteRule) -> Iterator[Fault]:
    timeouts = rule.timeouts
    if timeouts and timeouts.request and timeouts.backend_request and timeouts.backend_request > timeouts.request:
        yield Fault(f"{path}.timeouts.backendRequest: must not be longer than timeouts.request")


_FILTER_FIELDS = MappingProxyType(
    {
        "RequestHeaderModifier": ("requestHeaderModifier", "request_header_modifier"),
        "ResponseHeaderModifier": ("responseHeaderModifier", "response_header_modifier"),
        "RequestRedirect": ("requestRedirect", "request_redirect"),
        "URLRewrite": ("urlRewrite", "url_rewrite"),
        "ExtensionRef": ("extensionRef", "extension_ref"),
    }
)


def _filters_faults(
    path: str, filters: Iterable[HttpRouteFilter], rule: HttpRouteRule, *, of_backend: bool = False
) -> Iterator[Fault]:
    seen: set[str] = set()
    for index, each in enumerate(filters):
        where = f"{path}[{index}]"
        field, attribute = _FILTER_FIELDS.get(each.type, ("", ""))
        if not field or (of_backend and each.type in ("RequestRedirect", "ExtensionRef")):
            place = "at a backendRef" if field else "here"
            yield Fault(f"{where}.type: a filter {each.type} is not served {place}", "UnsupportedValue")
        elif getattr(each, attribute) is None:
            yield Fault(f"{where}.{field}: is required by type {each.type}")
        else:
            yield from _filter_faults(where, each, rule)
        if each.type in seen and each.type != "ExtensionRef":
            yield Fault(f"{where}.type: a second {each.type} beside the first; make them one")
        seen.add(each.type)
    if {"RequestRedirect", "URLRewrite"} <= seen:
        yield Fault(f"{path}: RequestRedirect and URLRewrite exclude one another")
    if "RequestRedirect" in seen and rule.backend_refs:
        yield Fault(f"{path}: a rule with RequestRedirect answers itself; it takes no backendRefs")


def _filter_faults(path: str, given: HttpRouteFilter, rule: HttpRouteRule) -> Iterator[Fault]:
    for field in ("request_header_modifier", "response_header_modifier"):
        modifier: HeaderModifier | None = getattr(given, field)
        if modifier is not None:
            for header in (*modifier.set, *modifier.add):
                yield from _header_faults(f"{path}.{_FILTER_FIELDS[given.type][0]}", header.name, header.value)
    if given.url_rewrite is not None:
        yield from _rewrite_faults(f"{path}.urlRewrite", given.url_rewrite.hostname, given.url_rewrite.path, rule)
    if given.request_redirect is not None:
        redirect = given.request_redirect
        yield from _rewrite_faults(f"{path}.requestRedirect", redirect.hostname, redirect.path, rule)


def _rewrite_faults(
    path: str, hostname: str | None, modifier: HttpPathModifier | None, rule: HttpRouteRule
) -> Iterator[Fault]:
    if hostname is not None:
        yield from _hostname_faults(f"{path}.hostname", hostname)
    if modifier is None:
        return
    full = modifier.type == "ReplaceFullPath"
    value = modifier.replace_full_path if full else modifier.replace_prefix_match
    field = "replaceFullPath" if full else "replacePrefixMatch"
    if value is None:
        yield Fault(f"{path}.path.{field}: is required by type {modifier.type}")
    elif full and not value.startswith("/"):
        yield Fault(f"{path}.path.{field}: must begin with /; got {value!r}")
    if not full and any(match.path.type != "PathPrefix" for match in rule.matches):
        yield Fault(f"{path}.path.type: ReplacePrefixMatch needs matches of type PathPrefix alone")


# ── Gateway ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _gateway_faults(gateway: Gateway) -> Iterator[Fault]:
    names = [listener.name for listener in gateway.spec.listeners]
    for index, listener in enumerate(gateway.spec.listeners):
        if names.index(listener.name) != index:
            yield Fault(f"spec.listeners[{index}].name: {listener.name!r} is the name of another listener already")
        if listener.hostname:
            yield from _hostname_faults(f"spec.listeners[{index}].hostname", listener.hostname)
        namespaces = listener.allowed_routes.namespaces
        if namespaces.from_ == "Selector" and namespaces.selector is None:
            yield Fault(f"spec.listeners[{index}].allowedRoutes.namespaces.selector: is required by from: Selector")


# ── Upstream ────────────────────────────────────────────────────────────────────────────────────────────────────────


def backends(ai: Ai) -> Iterator[tuple[str, int, int, Backend]]:
    """Yield each backend of `spec.ai` with its path, priority and place in its pool; a single one is priority 0."""
    if ai.multi is None:
        yield "spec.ai", 0, 0, ai
        return
    for priority, pool in enumerate(ai.multi.priorities):
        for index, backend in enumerate(pool.pool):
            yield f"spec.ai.multi.priorities[{priority}].pool[{index}]", priority, index, backend


def provider_of(backend: Backend) -> tuple[str, Provider | None]:
    """Return the field that holds the provider, and the provider if it is one that can be served."""
    name = next(name for name, attribute in _PROVIDERS.items() if getattr(backend, attribute) is not None)
    provider = getattr(backend, _PROVIDERS[name])
    return name, provider if name in SERVED_PROVIDERS else None


def unserved_providers(ai: Ai) -> tuple[str, ...]:
    """Say which backends speak an API that is not served, one sentence each."""
    served = ", ".join(SERVED_PROVIDERS)
    return tuple(
        f"{path}.{name}: this provider is not served; served are {served}"
        for path, _, _, backend in backends(ai)
        for name, provider in (provider_of(backend),)
        if provider is None
    )


def _upstream_faults(upstream: Upstream) -> Iterator[Fault]:
    spec = upstream.spec
    if spec.ai is not None:
        yield from _ai_faults(spec.ai)
    elif spec.static is not None:
        for index, host in enumerate(spec.static.hosts):
            yield from _host_faults(f"spec.static.hosts[{index}].addr", host.addr)
    elif spec.kube is None:
        fields = field_names(UpstreamSpec)
        name = next(name for name in UNSERVED_TYPES if getattr(spec, fields[name]) is not None)
        text = f"spec.{name}: this type of Upstream is not served; served are ai, static and kube"
        yield Fault(text, "UnsupportedValue")


def _ai_faults(ai: Ai) -> Iterator[Fault]:
    unserved = unserved_providers(ai)
    if len(unserved) == sum(1 for _ in backends(ai)):
        for text in unserved:
            yield Fault(text, "UnsupportedProvider")
    for path, _, _, backend in backends(ai):
        name, provider = provider_of(backend)
        if provider is None:
            continue
        if provider.custom_host is not None:
            yield from _custom_host_faults(f"{path}.{name}.customHost", provider.custom_host)
        token = provider.auth_token
        if token is not None and token.inline is not None and not token.inline.get_secret_value().strip():
            yield Fault(f"{path}.{name}.authToken.inline: must hold a token; it is empty")
        if backend.azure_openai is not None:
            yield from _host_faults(f"{path}.{name}.endpoint", azure_host(backend.azure_openai.endpoint))


def _custom_host_faults(path: str, custom: CustomHost) -> Iterator[Fault]:
    if custom.host:
        yield from _host_faults(f"{path}.host", custom.host)
    if custom.hostname:
        yield from _host_faults(f"{path}.hostname", custom.hostname)
    override = custom.path_override
    if override is not None:
        for field, value in (("fullPath", override.full_path), ("basePath", override.base_path)):
            if value is not None and not value.startswith("/"):
                yield Fault(f"{path}.pathOverride.{field}: must begin with /; got {value!r}")


def azure_host(endpoint: str) -> str:
    """Azure's `endpoint` without scheme and trailing slash."""
    return re.sub(r"^https?://", "", endpoint, flags=re.IGNORECASE).rstrip("/")


# ── RouteOption ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _route_option_faults(option: RouteOption) -> Iterator[Fault]:
    options = option.spec.options
    if options.retries is not None:
        yield from _trigger_faults("spec.options.retries.retryOn", triggers.tokens(options.retries.retry_on))
        limited = options.retries.rate_limited_retry_back_off
        for index, header in enumerate(limited.reset_headers if limited else ()):
            path = f"spec.options.retries.rateLimitedRetryBackOff.resetHeaders[{index}].name"
            yield from _header_faults(path, header.name, "")
    if options.header_manipulation is not None:
        yield from _manipulation_faults(option)
    if options.host_rewrite:
        yield from _host_faults("spec.options.hostRewrite", options.host_rewrite)
    if options.regex_rewrite is not None:
        rewrite = options.regex_rewrite
        yield from _pattern_faults("spec.options.regexRewrite", rewrite.pattern.regex, rewrite.substitution)


def _manipulation_faults(option: RouteOption) -> Iterator[Fault]:
    manipulation = option.spec.options.header_manipulation
    if manipulation is None:
        return
    path = "spec.options.headerManipulation"
    for index, entry in enumerate(manipulation.request_headers_to_add):
        if entry.header is not None:
            yield from _header_faults(f"{path}.requestHeadersToAdd[{index}]", entry.header.key, entry.header.value)
    for index, answer in enumerate(manipulation.response_headers_to_add):
        yield from _header_faults(f"{path}.responseHeadersToAdd[{index}]", answer.header.key, answer.header.value)


# ── FailoverPolicy ──────────────────────────────────────────────────────────────────────────────────────────────────


def _failover_faults(policy: FailoverPolicy) -> Iterator[Fault]:
    given = policy.spec.retry_on or ()
    yield from _trigger_faults("spec.retryOn", given)
    for token in ("retriable-status-codes", "retriable-headers"):
        if token in given:
            yield Fault(
                f"spec.retryOn: {token!r} needs a list, and a FailoverPolicy has none; name error classes instead"
            )
