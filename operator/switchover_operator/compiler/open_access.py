"""Routes without access control to targets with a provider's key → one condition at each Gateway.

It is not a fault: behind a closed network it may be intended. An annotation says that it is.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from switchover_dataplane.table.rules import Rule
from switchover_dataplane.table.upstreams import Upstream
from switchover_operator.compiler import conditions
from switchover_operator.compiler.attached import Way
from switchover_operator.compiler.conditions import Condition
from switchover_operator.compiler.listeners import ServedGateway
from switchover_operator.compiler.resolve import Object
from switchover_operator.identity import Identity
from switchover_operator.resources import Resource
from switchover_operator.resources.model import listed

ANNOTATION: Final = "switchover.dev/open"
"""Annotation of a Gateway or an HTTPRoute; "true" says that access without a key is intended."""

_MOST: Final = 3
"""Number of routes that are named; of further ones only the number is given."""


def open_access(
    gateways: Mapping[Identity, ServedGateway], opened: Iterable[tuple[Identity, Iterable[Identity]]]
) -> Mapping[Identity, Condition]:
    """Gateway → the condition that names its routes through which anybody can use a provider's key.

    `opened` names each route with the Gateways of which `opened_at` says so.
    """
    found: dict[Identity, list[Identity]] = {}
    for route, at in opened:
        for gateway in at:
            found.setdefault(gateway, []).append(route)
    return {
        gateway: conditions.open_access(_text(names))
        for gateway, names in found.items()
        if not _is_intended(gateways[gateway].found)
    }


def opened_at(
    found: Object[Resource],
    ways: Iterable[tuple[Way, Mapping[Identity, Mapping[int, str]]]],
    rules: Mapping[str, Rule],
    upstreams: Mapping[str, Upstream],
) -> tuple[Identity, ...]:
    """Return the Gateways at which anybody can use a provider's key through a route, unless that is intended there.

    `ways` has the keys of the rules at each Gateway.
    """
    opened: dict[Identity, None] = {}
    for way, keys in () if _is_intended(found) else ways:
        if any(_is_intended(step.route) for step in way.steps):
            continue
        served = (place.listener for place in way.places)
        for gateway in dict.fromkeys(each.gateway for each in served if each.serves and not each.closed):
            if any(not rules[key].access and _has_keys(rules[key], upstreams) for key in keys[gateway].values()):
                opened[gateway] = None
    return tuple(opened)


def _is_intended(found: Object[Resource]) -> bool:
    return found.model is not None and found.model.metadata.annotations.get(ANNOTATION) == "true"


_NOT_OURS: Final = ("none", "passthrough")
"""Kinds of credentials that are not the gateway's own."""


def _has_keys(rule: Rule, upstreams: Mapping[str, Upstream]) -> bool:
    used = (upstreams[backend.upstream] for backend in rule.backends if backend.upstream)
    return any(
        target.auth.kind not in _NOT_OURS for upstream in used for pool in upstream.priorities for target in pool
    )


def _text(names: list[Identity]) -> str:
    others = len(names) - _MOST
    shown = [*map(str, names[:_MOST]), *([f"{others} other{'' if others == 1 else 's'}"] if others > 0 else [])]
    have = "has" if len(names) == 1 else "have"
    return (
        f"{listed(shown)} {have} no access control, so anybody who reaches this Gateway can use the provider's key;"
        f' refer to an AuthConfig in a RouteOption, or, if this is intended, set the annotation {ANNOTATION}: "true" on'
        " the HTTPRoute or the Gateway"
    )
