"""The faults of an HTTPRoute by itself: matches, filters and timeouts that cannot be served as written.

What the API allows and Switchover does not serve takes out its rule, or its backendRef, alone: their requests are
answered 500, as no filter may be skipped. A rule with a match that cannot be evaluated matches nothing (Gateway API,
PartiallyInvalid: "Dropped Rule"). What the API's own schema forbids is a fault of the whole route.
"""

from collections.abc import Iterable, Iterator, Set
from dataclasses import replace
from types import MappingProxyType

from switchover_operator.compiler.faults import (
    Fault,
    header_name_faults,
    header_value_faults,
    hostname_faults,
    pattern_faults,
)
from switchover_operator.resources.duration import gateway_text
from switchover_operator.resources.gateway_api import (
    HeaderModifier,
    HttpPathModifier,
    HTTPRoute,
    HttpRouteFilter,
    HttpRouteMatch,
    HttpRouteRule,
)
from switchover_operator.resources.model import listed


def route_faults(route: HTTPRoute) -> Iterator[Fault]:
    """Yield every fault of an HTTPRoute."""
    for index, hostname in enumerate(route.spec.hostnames):
        yield from hostname_faults(f"spec.hostnames[{index}]", hostname)
    for index, rule in enumerate(route.spec.rules):
        path = f"spec.rules[{index}]"
        yield from _match_faults(path, rule)
        yield from _filters_faults(path, rule.filters, rule)
        for place, backend in enumerate(rule.backend_refs):
            yield from _filters_faults(f"{path}.backendRefs[{place}]", backend.filters, rule, of_backend=True)
        yield from _timeout_faults(path, rule)
    names = [rule.name for rule in route.spec.rules if rule.name]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield Fault(f"spec.rules: {names.count(name)} rules have the name {name!r}; names must be unique")


def without_rules(route: HTTPRoute, out: Set[str]) -> HTTPRoute | None:
    """Let the rules with faulty matches match nothing; None if nothing is left of any rule.

    `out` holds the paths of rules, of backendRefs and of rules' matches.
    """
    if all(_serves_nothing(f"spec.rules[{index}]", rule, out) for index, rule in enumerate(route.spec.rules)):
        return None
    rules = tuple(
        rule.model_copy(update={"matches": ()}) if f"spec.rules[{index}].matches" in out else rule
        for index, rule in enumerate(route.spec.rules)
    )
    return route.model_copy(update={"spec": route.spec.model_copy(update={"rules": rules})})


def _serves_nothing(path: str, rule: HttpRouteRule, out: Set[str]) -> bool:
    if path in out or f"{path}.matches" in out:
        return True
    backends = {f"{path}.backendRefs[{place}]" for place in range(len(rule.backend_refs))}
    return bool(backends) and backends <= out


_NEVER_GUARDS = frozenset({"RequestHeaderModifier", "ResponseHeaderModifier", "RequestRedirect", "URLRewrite"})
"""Filters that let every request pass."""


def _match_faults(path: str, rule: HttpRouteRule) -> Iterator[Fault]:
    # The requests of a dropped rule go to its neighbours, which may not ask for the key that it asks for.
    dropped = f"{path}.matches" if _NEVER_GUARDS.issuperset(each.type for each in rule.filters) else ""
    for index, match in enumerate(rule.matches):
        where = f"{path}.matches[{index}]"
        yield from (replace(fault, takes_out=dropped) for fault in _pattern_faults(where, match))
        if match.path.type != "RegularExpression" and not match.path.value.startswith("/"):
            yield Fault(f"{where}.path.value: must begin with /; got {match.path.value!r}")


def _pattern_faults(path: str, match: HttpRouteMatch) -> Iterator[Fault]:
    if match.path.type == "RegularExpression":
        yield from pattern_faults(f"{path}.path.value", match.path.value)
    for place, header in enumerate(match.headers):
        if header.type == "RegularExpression":
            yield from pattern_faults(f"{path}.headers[{place}].value", header.value, secret=True)
    for place, parameter in enumerate(match.query_params):
        if parameter.type == "RegularExpression":
            yield from pattern_faults(f"{path}.queryParams[{place}].value", parameter.value, secret=True)


def _timeout_faults(path: str, rule: HttpRouteRule) -> Iterator[Fault]:
    timeouts = rule.timeouts
    if timeouts and timeouts.request and timeouts.backend_request and timeouts.backend_request > timeouts.request:
        longest, given = gateway_text(timeouts.request), gateway_text(timeouts.backend_request)
        yield Fault(f"{path}.timeouts.backendRequest: must be at most timeouts.request, {longest}; got {given}")


_FILTER_FIELDS = MappingProxyType(
    {
        "RequestHeaderModifier": ("requestHeaderModifier", "request_header_modifier"),
        "ResponseHeaderModifier": ("responseHeaderModifier", "response_header_modifier"),
        "RequestRedirect": ("requestRedirect", "request_redirect"),
        "URLRewrite": ("urlRewrite", "url_rewrite"),
        "ExtensionRef": ("extensionRef", "extension_ref"),
    }
)

_OF_BACKENDS = ("RequestHeaderModifier", "ResponseHeaderModifier", "URLRewrite")


def _filters_faults(
    owner: str, filters: Iterable[HttpRouteFilter], rule: HttpRouteRule, *, of_backend: bool = False
) -> Iterator[Fault]:
    """Yield the faults of the filters of a rule or a backendRef, whose path is `owner`."""
    path = f"{owner}.filters"
    served = _OF_BACKENDS if of_backend else tuple(_FILTER_FIELDS)
    seen: set[str] = set()
    for index, each in enumerate(filters):
        where = f"{path}[{index}]"
        field, attribute = _FILTER_FIELDS.get(each.type, ("", ""))
        if each.type not in served:
            place = "at a backendRef" if field else "here"
            right = f"a filter {each.type} is not served {place} (served are {listed(served)})"
            yield Fault(f"{where}.type: {right}", "UnsupportedValue", owner)
            continue
        if getattr(each, attribute) is None:
            yield Fault(f"{where}.{field}: is required by type {each.type}")
        else:
            yield from _filter_faults(owner, where, each, rule)
        if each.type in seen and each.type != "ExtensionRef":
            yield Fault(f"{where}.type: {each.type} is set twice; one filter of a type is allowed")
        seen.add(each.type)
    if {"RequestRedirect", "URLRewrite"} <= seen:
        yield Fault(f"{path}: RequestRedirect and URLRewrite cannot be combined")
    if "RequestRedirect" in seen and rule.backend_refs:
        yield Fault(f"{path}: a rule with RequestRedirect must not have backendRefs")


def _filter_faults(owner: str, path: str, given: HttpRouteFilter, rule: HttpRouteRule) -> Iterator[Fault]:
    for field in ("request_header_modifier", "response_header_modifier"):
        modifier: HeaderModifier | None = getattr(given, field)
        if modifier is not None:
            for header in (*modifier.set, *modifier.add):
                where = f"{path}.{_FILTER_FIELDS[given.type][0]}"
                yield from header_name_faults(where, header.name)
                unsendable = header_value_faults(where, header.name, header.value)
                yield from (replace(fault, takes_out=owner) for fault in unsendable)
    if given.url_rewrite is not None:
        rewrite = given.url_rewrite
        yield from _rewrite_faults(owner, f"{path}.urlRewrite", rewrite.hostname, rewrite.path, rule)
    if given.request_redirect is not None:
        redirect = given.request_redirect
        yield from _rewrite_faults(owner, f"{path}.requestRedirect", redirect.hostname, redirect.path, rule)


def _rewrite_faults(
    owner: str, path: str, hostname: str | None, modifier: HttpPathModifier | None, rule: HttpRouteRule
) -> Iterator[Fault]:
    if hostname is not None:
        yield from hostname_faults(f"{path}.hostname", hostname)
    if modifier is None:
        return
    full = modifier.type == "ReplaceFullPath"
    value = modifier.replace_full_path if full else modifier.replace_prefix_match
    field = "replaceFullPath" if full else "replacePrefixMatch"
    if value is None:
        yield Fault(f"{path}.path.{field}: is required by type {modifier.type}")
    elif full and not value.startswith("/"):
        yield Fault(f"{path}.path.{field}: must begin with /; got {value!r}", takes_out=owner)
    if not full and any(match.path.type != "PathPrefix" for match in rule.matches):
        yield Fault(f"{path}.path.type: ReplacePrefixMatch is allowed only if all matches are of type PathPrefix")
