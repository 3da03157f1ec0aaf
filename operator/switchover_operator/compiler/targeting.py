"""The `targetRefs` of policies: those of the version that is served, and those of the body as written.

The two differ if a policy is refused and its last good version is served. That version is attached to its own targets,
and the refusal is reported at the targets of both.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from switchover_operator.compiler import conditions
from switchover_operator.compiler.conditions import Condition
from switchover_operator.compiler.report import Ref
from switchover_operator.compiler.resolve import Catalogue, Object, age
from switchover_operator.identity import Identity
from switchover_operator.resources.failover_policy import FailoverPolicy
from switchover_operator.resources.gateway_api import GATEWAY_GROUP, HTTPRoute
from switchover_operator.resources.route_option import RouteOption

Policy = RouteOption | FailoverPolicy
P = TypeVar("P", RouteOption, FailoverPolicy)

_KEYS = ("group", "kind", "namespace", "name")


@dataclass(frozen=True, slots=True)
class Applicable(Generic[P]):
    """A policy that is for a target, or only would be if its present content were good."""

    found: Object[P]
    attached: bool


class TargetIndex(Generic[P]):
    """Target → the policies of one kind that are for it, the oldest first."""

    def __init__(
        self,
        catalogue: Catalogue,
        kind: type[P],
        targets_of: "Callable[[Object[P]], Mapping[Identity, bool]]",
        before: "TargetIndex[P] | None" = None,
    ) -> None:
        """Index all policies; with the index `before`, those that changed since.

        `targets_of` names what a policy is for, and whether it is attached there.
        """
        self.targets: dict[Identity, tuple[Identity, ...]] = {}
        self._by_target: dict[Identity, list[Applicable[P]]] = {}
        if before is None or catalogue.changed is None:
            self._add(sorted(catalogue.every(kind), key=age), targets_of)
            return
        self.targets, self._by_target = dict(before.targets), dict(before._by_target)
        changed = {each for each in catalogue.changed if (each.group, each.kind) == (kind.GROUP, kind.KIND)}
        for target in {target for identity in changed for target in self.targets.pop(identity, ())}:
            self._by_target[target] = [each for each in self._by_target[target] if each.found.identity not in changed]
        there = (catalogue.find(kind, each.namespace, each.name) for each in changed)
        for target in self._add([each for each in there if each is not None], targets_of):
            self._by_target[target].sort(key=lambda each: age(each.found))

    def _add(
        self, policies: "Iterable[Object[P]]", targets_of: "Callable[[Object[P]], Mapping[Identity, bool]]"
    ) -> set[Identity]:
        """Add policies after those that are there; return the targets that they are for."""
        touched: set[Identity] = set()
        for found in policies:
            targets = targets_of(found)
            self.targets[found.identity] = tuple(targets)
            for target, attached in targets.items():
                if target not in touched:
                    # What an index before has is not to change.
                    self._by_target[target] = list(self._by_target.get(target, ()))
                    touched.add(target)
                self._by_target[target].append(Applicable(found, attached))
        return touched

    def of(self, target: Identity) -> "list[Applicable[P]]":
        """Return the policies that are for a target."""
        return self._by_target.get(target, [])


def served_refs(found: Object[Policy]) -> tuple[Ref, ...]:
    """Return the references by which a policy is attached; none if no version of it is valid."""
    return tuple(
        {key: value for key in _KEYS if key in ref.model_fields_set and (value := getattr(ref, key)) is not None}
        for ref in (found.model.spec.target_refs if found.model else ())
    )


def status_refs(found: Object[Policy]) -> tuple[Ref, ...]:
    """Return the references at which a policy has a status: those of the served version, then those of a refused
    body."""
    refs = served_refs(found)
    if found.refusal is None:
        return refs
    return (*refs, *(ref for ref in _written_refs(found) if ref not in refs))


def _written_refs(found: Object[Policy]) -> tuple[Ref, ...]:
    """Read the references of a body, which may be invalid: those that have a name."""
    spec = found.body.get("spec")
    refs = spec.get("targetRefs") if isinstance(spec, dict) else None
    return tuple(
        {key: ref[key] for key in _KEYS if isinstance(ref.get(key), str)}
        for ref in (refs if isinstance(refs, list) else ())
        if isinstance(ref, dict) and isinstance(ref.get("name"), str)
    )


def path_of(found: Object[Policy], target: Ref) -> str:
    """Return the path of the first reference to a target in the body as it is written."""
    spec = found.body.get("spec")
    refs = spec.get("targetRefs") if isinstance(spec, dict) else None
    for index, ref in enumerate(refs if isinstance(refs, list) else ()):
        if isinstance(ref, dict) and all((ref.get(key) or "") == value for key, value in target.items()):
            return f"spec.targetRefs[{index}]"
    return "spec.targetRefs"


def targets(found: Object[FailoverPolicy]) -> dict[Identity, bool]:
    """Return the objects at which a FailoverPolicy has a status, and whether it is attached to each."""
    served = {_target(found, ref): True for ref in served_refs(found)}
    if found.refusal is None:
        return served
    return {**{_target(found, ref): False for ref in status_refs(found)}, **served}


def _target(found: Object[FailoverPolicy], ref: Ref) -> Identity:
    return Identity(ref.get("group", ""), ref.get("kind", ""), found.identity.namespace, ref["name"])


def refused_at(found: Object[Policy], *, attached: bool) -> Condition:
    """Return the refusal of a policy for its status at a target, to which its last good version may not be attached."""
    assert found.refusal is not None  # noqa: S101 - called for refused policies only
    if attached or found.model is None:
        return found.refusal
    return found.refusal.followed_by("that version does not apply to this target")


def route_targeted(found: Object[RouteOption], ref: Ref) -> Identity | Condition:
    """Return the route that a targetRef of a RouteOption names, or the reason why it has no effect."""
    if (ref.get("group"), ref.get("kind")) != (GATEWAY_GROUP, HTTPRoute.KIND):
        given = f"{ref.get('kind') or 'no kind'} of {ref.get('group') or 'no group'}"
        text = f"{path_of(found, ref)}: a RouteOption can target only an HTTPRoute of {GATEWAY_GROUP}; got {given}"
        return conditions.target_not_found(text)
    if ref.get("namespace", "") not in ("", found.identity.namespace):
        path = f"{path_of(found, ref)}.namespace"
        text = (
            f"{path}: the route is in namespace {ref['namespace']}, but a RouteOption applies only in its own namespace"
        )
        return conditions.target_not_found(text)
    return Identity(GATEWAY_GROUP, HTTPRoute.KIND, found.identity.namespace, ref["name"])
