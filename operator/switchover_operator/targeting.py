"""`targetRefs` of policies, read from the body as written: a refused policy has targets too, and they are told."""

from switchover_operator import conditions
from switchover_operator.conditions import Condition
from switchover_operator.identity import Identity
from switchover_operator.reports import Ref
from switchover_operator.resolve import Object
from switchover_operator.resources import Resource
from switchover_operator.resources.gateway_api import GATEWAY_GROUP, HTTPRoute

_KEYS = ("group", "kind", "namespace", "name")


def target_refs(found: Object[Resource]) -> tuple[Ref, ...]:
    """Return the references of a policy that have a name at least, as a status repeats them."""
    spec = found.body.get("spec")
    refs = spec.get("targetRefs") if isinstance(spec, dict) else None
    return tuple(
        {key: ref[key] for key in _KEYS if isinstance(ref.get(key), str)}
        for ref in (refs if isinstance(refs, list) else ())
        if isinstance(ref, dict) and isinstance(ref.get("name"), str)
    )


def targets(found: Object[Resource]) -> tuple[Identity, ...]:
    """Name what a policy is attached to: objects of its own namespace."""
    namespace = found.identity.namespace
    named = (Identity(ref.get("group", ""), ref.get("kind", ""), namespace, ref["name"]) for ref in target_refs(found))
    return tuple(dict.fromkeys(named))


def route_targeted(option: Identity, ref: Ref) -> Identity | Condition:
    """Name the route that a targetRef of a RouteOption means, or say why it has no effect."""
    if (ref.get("group"), ref.get("kind")) != (GATEWAY_GROUP, HTTPRoute.KIND):
        given = f"{ref.get('kind') or 'no kind'} of {ref.get('group') or 'no group'}"
        return conditions.target_not_found(f"only an HTTPRoute of {GATEWAY_GROUP} can be targeted; got {given}")
    if ref.get("namespace", "") not in ("", option.namespace):
        text = f"the route is in namespace {ref['namespace']}, and a RouteOption counts only in its own"
        return conditions.target_not_found(text)
    return Identity(GATEWAY_GROUP, HTTPRoute.KIND, option.namespace, ref["name"])
