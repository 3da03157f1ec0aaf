"""The annotation of an Upstream and `disabledModels` of a FailoverPolicy → which targets are out of rotation, and why.

An Upstream of Gloo's own CRD can have no field for it, but every object can have an annotation.
"""

from collections.abc import Mapping, Set
from typing import Any, Final

from switchover_dataplane.table.policies import Disabled
from switchover_dataplane.table.upstreams import Target
from switchover_dataplane.table.upstreams import Upstream as TableUpstream
from switchover_operator.compiler.providers import kind_of, model_of
from switchover_operator.compiler.resolve import Object
from switchover_operator.key_shapes import without_keys
from switchover_operator.resources.failover_policy import FailoverPolicySpec
from switchover_operator.resources.upstream import Upstream

ANNOTATION: Final = "switchover.dev/disabled"
"""Annotation of an Upstream; its value is the reason. "false" disables nothing."""

NO_REASON: Final = "no reason given"
_LONGEST: Final = 256


def reason_of(found: Object[Upstream]) -> str:
    """Return why an Upstream is disabled, "" if it is not.

    The present annotation counts, also where the rest of the present content is refused: a drain is urgent.
    """
    metadata: Any = found.body.get("metadata")
    annotations = metadata.get("annotations") if isinstance(metadata, Mapping) else None
    value = annotations.get(ANNOTATION) if isinstance(annotations, Mapping) else None
    if not isinstance(value, str) or value.strip().lower() == "false":
        return ""
    return _shown(value) or NO_REASON


def disabled_by(spec: FailoverPolicySpec, upstream: TableUpstream) -> tuple[Disabled, ...]:
    """Return the targets of an upstream that a policy disables; of a name that stands twice, the first reason."""
    reasons: dict[str, str] = {}
    for each in reversed(spec.disabled_models):
        reasons[each.model.strip()] = _shown(each.reason) or NO_REASON
    if not reasons:
        return ()
    targets = (target for pool in upstream.priorities for target in pool)
    named = ((target.id, [name for name in names(target) if name in reasons]) for target in targets)
    return tuple(Disabled(target, reasons[found[0]]) for target, found in named if found)


def names(target: Target) -> tuple[str, ...]:
    """Return the names that a target has in `disabledModels`, the one of the log first."""
    model = model_of(target.provider)
    return (f"{kind_of(target.provider)}/{model}", model, target.id) if model else (target.id,)


def matched(spec: FailoverPolicySpec, upstream: TableUpstream) -> frozenset[str]:
    """Return those of the names in `disabledModels` that a target of an upstream has."""
    if not spec.disabled_models:
        return frozenset()
    known = {name for pool in upstream.priorities for target in pool for name in names(target)}
    return frozenset(each.model for each in spec.disabled_models if each.model.strip() in known)


def unmatched(spec: FailoverPolicySpec, found: Set[str]) -> tuple[str, ...]:
    """Return the fields of `disabledModels` that name no target; `found` are the names that do."""
    return tuple(
        f"spec.disabledModels[{index}].model: {each.model[:80]!r} (no target of its routes has this name)"
        for index, each in enumerate(spec.disabled_models)
        if each.model not in found
    )


def _shown(reason: str) -> str:
    printable = "".join(letter if letter.isprintable() else " " for letter in reason)
    return without_keys(" ".join(printable.split()))[:_LONGEST]
