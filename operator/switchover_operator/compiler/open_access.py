"""Routes that ask nobody who he is, and targets with a provider's key → what that means, said once at each Gateway.

It is no fault: a fleet behind a closed network may be meant so. Who means it writes the annotation.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from switchover_dataplane.table import Rule
from switchover_operator.compiler import conditions
from switchover_operator.compiler.conditions import Condition
from switchover_operator.compiler.listeners import ServedGateway
from switchover_operator.compiler.resolve import Object
from switchover_operator.compiler.routes import CompiledRoute
from switchover_operator.identity import Identity
from switchover_operator.resources import Resource
from switchover_operator.resources.model import listed

ANNOTATION: Final = "switchover.dev/open"
"""On a Gateway or an HTTPRoute: with "true", everybody is meant to be let in."""

_MOST: Final = 3
"""Routes that are named; of more, how many others there are."""


def open_access(
    gateways: Mapping[Identity, ServedGateway], routes: Iterable[CompiledRoute]
) -> Mapping[Identity, Condition]:
    """Say of each Gateway which routes let anybody spend a provider's key."""
    found: dict[Identity, list[Identity]] = {}
    for route in routes:
        if _is_meant(route.attached.found):
            continue
        served = (place.listener for place in route.attached.places)
        for gateway in dict.fromkeys(each.gateway for each in served if each.serves and not each.closed):
            if not _is_meant(gateways[gateway].found) and _spends_keys(route, gateway):
                found.setdefault(gateway, []).append(route.attached.found.identity)
    return {gateway: conditions.open_access(_text(names)) for gateway, names in found.items()}


def _is_meant(found: Object[Resource]) -> bool:
    return found.model is not None and found.model.metadata.annotations.get(ANNOTATION) == "true"


def _spends_keys(route: CompiledRoute, gateway: Identity) -> bool:
    rules = (route.rules[key] for key in route.keys[gateway])
    return any(not rule.access and _has_keys(route, rule) for rule in rules)


def _has_keys(route: CompiledRoute, rule: Rule) -> bool:
    upstreams = (route.upstreams[backend.upstream] for backend in rule.backends if backend.upstream)
    return any(target.auth.kind == "token" for upstream in upstreams for pool in upstream.priorities for target in pool)


def _text(names: list[Identity]) -> str:
    others = len(names) - _MOST
    shown = [*map(str, names[:_MOST]), *([f"{others} other{'' if others == 1 else 's'}"] if others > 0 else [])]
    asks = "asks" if len(names) == 1 else "ask"
    return (
        f"{listed(shown)} {asks} nobody for a key, so anybody who reaches this Gateway spends the provider's key; refer"
        f' to an AuthConfig in a RouteOption, or write the annotation {ANNOTATION}: "true" on the HTTPRoute or the'
        " Gateway"
    )
