"""Objects of other controllers, and objects without a parent → their reports.

On one machine all objects are known and nobody else serves them, so that each can be told what would make it ours. In a
cluster they are another controller's business, and nothing is said of them.
"""

from collections.abc import Iterator, Set
from difflib import get_close_matches
from typing import Final

from switchover_operator.compiler import conditions
from switchover_operator.compiler.conditions import Condition
from switchover_operator.compiler.fleet import CLASS_NAME, CONTROLLER_NAME, Fleet
from switchover_operator.compiler.listeners import class_name, our_classes
from switchover_operator.compiler.report import Report, Standing
from switchover_operator.compiler.report_on import report_on
from switchover_operator.compiler.resolve import Catalogue, Object
from switchover_operator.identity import Identity
from switchover_operator.key_shapes import without_keys
from switchover_operator.resources import Resource
from switchover_operator.resources.gateway_api import Gateway, GatewayClass, HTTPRoute

_CLOSE: Final = 0.8
"""Similarity from which a name counts as a misspelt one of ours."""


def reports_of_others(
    catalogue: Catalogue, gateways: Set[Identity], routes: Set[Identity], fleet: Fleet
) -> Iterator[Report]:
    """Report on what is not among our `gateways` and `routes`; nothing where another controller may serve it."""
    if fleet.others_may_serve:
        return
    ours = our_classes(catalogue, fleet)
    for cls in catalogue.every(GatewayClass):
        yield from _class(cls)
    for gateway in catalogue.every(Gateway):
        if gateway.identity not in gateways:
            yield _gateway(gateway, ours, catalogue)
    for route in catalogue.every(HTTPRoute):
        if route.identity not in routes:
            yield _route(route)


def _class(found: Object[GatewayClass]) -> Iterator[Report]:
    if found.model is None or found.model.spec.controller_name == CONTROLLER_NAME:
        return
    name = found.model.spec.controller_name
    if get_close_matches(name, [CONTROLLER_NAME], cutoff=_CLOSE):
        text = f"spec.controllerName: {name} is no controller that is known; did you mean {CONTROLLER_NAME}?"
        yield report_on(found, conditions.invalid((text,)), *found.effect)


def _gateway(found: Object[Gateway], ours: Set[str], catalogue: Catalogue) -> Report:
    name = class_name(found)
    meant = get_close_matches(name, sorted(ours), n=1, cutoff=_CLOSE)
    if meant and catalogue.find(GatewayClass, "", name) is None:
        text = f"spec.gatewayClassName: there is no class {name}; did you mean {meant[0]}?"
        return report_on(found, conditions.invalid((text,)), *found.effect)
    return report_on(
        found, *_of_any_controller(found), notes=(*found.notes, _of_another_class(name)), standing=Standing.OTHERS
    )


def _of_another_class(name: str) -> str:
    """Say how a Gateway of another class becomes one that is served: as it is written, or by a class of that name."""
    if not name:
        return f"its class is not served here; only class {CLASS_NAME} is"
    name = without_keys(repr(name))
    return (
        f"spec.gatewayClassName: {name} is not served here; write {CLASS_NAME}, or add a GatewayClass with the name"
        f" {name} and controllerName {CONTROLLER_NAME}"
    )


def _route(found: Object[HTTPRoute]) -> Report:
    if _has_parents(found):
        notes = (*found.notes, "none of its parents is a Gateway that is served here")
        return report_on(found, *_of_any_controller(found), notes=notes, standing=Standing.OTHERS)
    if found.refusal is not None:
        return report_on(found, found.refusal, *found.effect)
    unattached = conditions.no_matching_parent(
        "spec.parentRefs: is not set, and no served route delegates to this one; it is attached to no Gateway"
    )
    return report_on(found, unattached, *found.effect, standing=Standing.UNATTACHED)


def _has_parents(found: Object[HTTPRoute]) -> bool:
    spec = found.body.get("spec")
    return isinstance(spec, dict) and bool(spec.get("parentRefs"))


def _of_any_controller(found: Object[Resource]) -> Iterator[Condition]:
    """Yield what is wrong with an object whoever serves it: an invalid value, an unknown field."""
    if found.refusal is not None and found.refusal.reason == conditions.INVALID:
        yield found.refusal
    unknown = [text for text in found.without_effect if "(unknown" in text]
    if unknown:
        yield conditions.fields_without_effect(unknown)
