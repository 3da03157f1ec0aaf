"""The rules of HTTPRoute that its CRD writes in CEL (`x-kubernetes-validations`), one function for each place."""

import re
from collections.abc import Iterator
from typing import Any, Final

from pydantic_core import PydanticCustomError

from switchover_operator.resources.duration import gateway_seconds
from switchover_operator.resources.gateway_api import GATEWAY_GROUP
from switchover_operator.resources.problem import Problem, shown

from .places import Place, of_lists, of_objects

_MOST_MATCHES: Final = 128
_PATH: Final = re.compile(r"(?:[-A-Za-z0-9/._~!$&'()*+,;=:@]|%[0-9a-fA-F]{2})+")
_NEVER_IN_A_PATH: Final = ("//", "/./", "/../", "%2f", "%2F", "#")
_NEVER_AT_ITS_END: Final = ("/..", "/.")
FILTER_FIELDS: Final = {
    "RequestHeaderModifier": "requestHeaderModifier",
    "ResponseHeaderModifier": "responseHeaderModifier",
    "RequestMirror": "requestMirror",
    "RequestRedirect": "requestRedirect",
    "URLRewrite": "urlRewrite",
    "ExtensionRef": "extensionRef",
    "CORS": "cors",
}
"""A filter's type → its field."""
_ONCE: Final = frozenset(FILTER_FIELDS) - {"RequestMirror", "ExtensionRef"}


def add_route_rules(place: Place) -> None:
    """Add all rules of HTTPRoute."""
    place.add("spec.parentRefs", of_lists(_parents))
    place.add("spec.rules", of_lists(_rules))
    place.add("spec.rules[]", of_objects(_rule))
    place.add("spec.rules[].matches[].path", of_objects(_path))
    place.add("spec.rules[].timeouts", of_objects(_timeouts))
    place.add("spec.rules[].backendRefs[]", of_objects(_backend))
    for filters in ("spec.rules[].filters", "spec.rules[].backendRefs[].filters"):
        place.add(filters, of_lists(_filters))
        place.add(f"{filters}[]", of_objects(_filter))
        place.add(f"{filters}[].requestRedirect.path", of_objects(_path_modifier))
        place.add(f"{filters}[].urlRewrite.path", of_objects(_path_modifier))
        place.add(f"{filters}[].requestMirror", of_objects(_mirror))
        place.add(f"{filters}[].requestMirror.backendRef", of_objects(_backend))
        for field in ("allowHeaders", "allowMethods", "allowOrigins"):
            place.add(f"{filters}[].cors.{field}", _star_alone)


def _parents(refs: list[Any], path: str) -> Iterator[Problem]:
    first: dict[tuple[Any, ...], int] = {}
    sections: dict[tuple[Any, ...], int] = {}
    for index, ref in enumerate(refs if len(refs) > 1 else ()):
        parent = (
            ref.get("group", GATEWAY_GROUP), ref.get("kind", "Gateway"), ref.get("namespace") or "", ref.get("name"),
        )  # fmt: skip
        section = ref.get("sectionName") or ""
        before = first.setdefault(parent, index)
        if before == index:
            sections[*parent, section] = index
            continue
        if bool(section) != bool(refs[before].get("sectionName")):
            yield Problem(
                f"{path}[{before if section else index}].sectionName", "",
                f"is required, as {path}[{before}] and {path}[{index}] are the same parent",
            )  # fmt: skip
        elif sections.setdefault((*parent, section), index) != index:
            yield Problem(f"{path}[{index}]", "", f"is the same parent as {path}[{before}], with the same sectionName")


def _rules(rules: list[Any], path: str) -> Iterator[Problem]:
    named: dict[str, int] = {}
    for index, rule in enumerate(rules):
        name = rule.get("name")
        if isinstance(name, str) and named.setdefault(name, index) != index:
            yield Problem(f"{path}[{index}].name", shown(name), f"is already the name of {path}[{named[name]}]")
    # A rule without matches has one, that of every path.
    matches = sum(len(each) if isinstance(each := rule.get("matches", [{}]), list) else 1 for rule in rules)
    if matches > _MOST_MATCHES:
        yield Problem(path, f"{matches}", f"must have at most {_MOST_MATCHES} matches in all rules together")


def _rule(rule: dict[str, Any], path: str) -> Iterator[Problem]:
    filters, backends = _objects(rule.get("filters")), _objects(rule.get("backendRefs"))
    if backends:
        for index, each in enumerate(filters):
            if "requestRedirect" in each:
                where = f"{path}.filters[{index}].requestRedirect"
                yield Problem(where, "", "must not stand in a rule with backendRefs, as nothing is sent to these")
    if _is_one_prefix(rule.get("matches", [{"path": {"type": "PathPrefix"}}])):
        return
    places = [(f"{path}.filters", filters)]
    places += [
        (f"{path}.backendRefs[{index}].filters", _objects(each.get("filters"))) for index, each in enumerate(backends)
    ]
    for where, several in places:
        for index, each in enumerate(several):
            for field in ("requestRedirect", "urlRewrite"):
                modifier = each.get(field, {}).get("path") if isinstance(each.get(field), dict) else None
                if (
                    isinstance(modifier, dict)
                    and modifier.get("type") == "ReplacePrefixMatch"
                    and "replacePrefixMatch" in modifier
                ):
                    right = "needs a rule with exactly one match, whose path is of type PathPrefix"
                    yield Problem(f"{where}[{index}].{field}.path.replacePrefixMatch", "", right)


def _is_one_prefix(matches: Any) -> bool:
    if not isinstance(matches, list) or len(matches) != 1 or not isinstance(matches[0], dict):
        return False
    path = matches[0].get("path", {"type": "PathPrefix"})
    return isinstance(path, dict) and path.get("type", "PathPrefix") == "PathPrefix"


def _path(match: dict[str, Any], path: str) -> Iterator[Problem]:
    kind, value = match.get("type", "PathPrefix"), match.get("value", "/")
    if kind not in {"Exact", "PathPrefix"} or not isinstance(value, str):
        return
    where, given = f"{path}.value", shown(value)
    if not value.startswith("/"):
        yield Problem(where, given, f"must begin with / for type {kind}")
    never = [f"hold {part}" for part in _NEVER_IN_A_PATH if part in value]
    never += [f"end with {part}" for part in _NEVER_AT_ITS_END if value.endswith(part)]
    if never:
        yield Problem(where, given, f"must not {' or '.join(never)} for type {kind}, as no request has such a path")
    elif value.startswith("/") and not _PATH.fullmatch(value):
        right = "must hold only letters, digits, - . _ ~ ! $ & ' ( ) * + , ; = : @ / and %XX, without a query"
        yield Problem(where, given, f"{right}, for type {kind}")


def _timeouts(timeouts: dict[str, Any], path: str) -> Iterator[Problem]:
    try:
        longest, given = (gateway_seconds(timeouts.get(name, "0s")) for name in ("request", "backendRequest"))
    except PydanticCustomError:
        return
    if 0 < longest < given:
        right = f"must be at most timeouts.request, {timeouts['request']}"
        yield Problem(f"{path}.backendRequest", shown(timeouts["backendRequest"]), right)


def _backend(ref: dict[str, Any], path: str) -> Iterator[Problem]:
    if ref.get("group", "") == "" and ref.get("kind", "Service") == "Service" and "port" not in ref:
        yield Problem(f"{path}.port", "", "is required for a Service")


# ── Filters ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _filters(filters: list[Any], path: str) -> Iterator[Problem]:
    first: dict[Any, int] = {}
    for index, each in enumerate(filters if len(filters) > 1 else ()):
        kind = each.get("type")
        if kind in _ONCE and first.setdefault(kind, index) != index:
            yield Problem(
                f"{path}[{index}].type", "", f"{kind} stands at {path}[{first[kind]}] already; it may stand once"
            )
    if {"RequestRedirect", "URLRewrite"} <= first.keys():
        yield Problem(path, "", "may have a filter RequestRedirect or a filter URLRewrite, but not both")


def _filter(given: dict[str, Any], path: str) -> Iterator[Problem]:
    kind = given.get("type")
    for type_, field in FILTER_FIELDS.items():
        if field in given and kind != type_:
            yield Problem(
                f"{path}.{field}", "", f"belongs to a filter of type {type_}, and the type is {kind}; remove one"
            )
        elif field not in given and kind == type_:
            yield Problem(f"{path}.{field}", "", f"is required by type {type_}")


def _path_modifier(modifier: dict[str, Any], path: str) -> Iterator[Problem]:
    kind = modifier.get("type")
    for type_, field in (("ReplaceFullPath", "replaceFullPath"), ("ReplacePrefixMatch", "replacePrefixMatch")):
        if field in modifier and kind != type_:
            yield Problem(f"{path}.{field}", "", f"belongs to type {type_}, and the type is {kind}")
        elif field not in modifier and kind == type_:
            yield Problem(f"{path}.{field}", "", f"is required by type {type_}")


def _mirror(mirror: dict[str, Any], path: str) -> Iterator[Problem]:
    fraction = mirror.get("fraction")
    if "percent" in mirror and "fraction" in mirror:
        yield Problem(path, "", "may have only one of percent and fraction")
    if isinstance(fraction, dict):
        part, whole = fraction.get("numerator"), fraction.get("denominator", 100)
        if isinstance(part, int) and isinstance(whole, int) and part > whole:
            yield Problem(f"{path}.fraction.numerator", f"{part}", f"must be at most the denominator, {whole}")


def _star_alone(values: Any, path: str) -> Iterator[Problem]:
    if isinstance(values, list) and "*" in values and len(values) > 1:
        yield Problem(path, "", "must not have other entries beside *")


def _objects(value: Any) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
