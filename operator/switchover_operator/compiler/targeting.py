"""The `targetRefs` of policies: those of the version that is served, and those of the body as written.

The two differ if a policy is refused and its last good version is served. That version is attached to its own targets,
and the refusal is reported at the targets of both.
"""

from dataclasses import replace

from switchover_operator.compiler import conditions
from switchover_operator.compiler.conditions import Condition
from switchover_operator.compiler.report import Ref
from switchover_operator.compiler.resolve import Object
from switchover_operator.identity import Identity
from switchover_operator.resources.failover_policy import FailoverPolicy
from switchover_operator.resources.gateway_api import GATEWAY_GROUP, HTTPRoute
from switchover_operator.resources.route_option import RouteOption

Policy = RouteOption | FailoverPolicy

_KEYS = ("group", "kind", "namespace", "name")


def served_refs(found: Object[Policy]) -> tuple[Ref, ...]:
    """Return the references by which a policy is attached; none if no version of it is valid."""
    return tuple(
        {key: getattr(ref, key) for key in _KEYS if getattr(ref, key, None) is not None and key in ref.model_fields_set}
        for ref in (found.model.spec.target_refs if found.model else ())
    )


def status_refs(found: Object[Policy]) -> tuple[Ref, ...]:
    """Return the references at which a policy has a status: those of the served version, then those of a refused
    body."""
    refs = list(served_refs(found))
    refs += [ref for ref in _written_refs(found) if found.refusal is not None and ref not in refs]
    return tuple(refs)


def _written_refs(found: Object[Policy]) -> tuple[Ref, ...]:
    """Read the references of a body, which may be invalid: those that have a name."""
    spec = found.body.get("spec")
    refs = spec.get("targetRefs") if isinstance(spec, dict) else None
    return tuple(
        {key: ref[key] for key in _KEYS if isinstance(ref.get(key), str)}
        for ref in (refs if isinstance(refs, list) else ())
        if isinstance(ref, dict) and isinstance(ref.get("name"), str)
    )


def targets(found: Object[FailoverPolicy]) -> dict[Identity, bool]:
    """Return the objects at which a FailoverPolicy has a status, and whether it is attached to each."""
    served = {_target(found, ref): True for ref in served_refs(found)}
    return {**{_target(found, ref): False for ref in status_refs(found)}, **served}


def _target(found: Object[FailoverPolicy], ref: Ref) -> Identity:
    return Identity(ref.get("group", ""), ref.get("kind", ""), found.identity.namespace, ref["name"])


def refused_at(found: Object[Policy], *, attached: bool) -> Condition:
    """Return the refusal of a policy for its status at a target, to which its last good version may not be attached."""
    assert found.refusal is not None  # noqa: S101 - called for refused policies only
    if attached or found.model is None:
        return found.refusal
    return replace(found.refusal, message=f"{found.refusal.message}; that version does not apply to this target")


def route_targeted(option: Identity, ref: Ref) -> Identity | Condition:
    """Return the route that a targetRef of a RouteOption names, or the reason why it has no effect."""
    if (ref.get("group"), ref.get("kind")) != (GATEWAY_GROUP, HTTPRoute.KIND):
        given = f"{ref.get('kind') or 'no kind'} of {ref.get('group') or 'no group'}"
        text = f"a RouteOption can target only an HTTPRoute of {GATEWAY_GROUP}; got {given}"
        return conditions.target_not_found(text)
    if ref.get("namespace", "") not in ("", option.namespace):
        text = f"the route is in namespace {ref['namespace']}, but a RouteOption applies only in its own namespace"
        return conditions.target_not_found(text)
    return Identity(GATEWAY_GROUP, HTTPRoute.KIND, option.namespace, ref["name"])
