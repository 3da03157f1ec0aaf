"""The RouteOptions that apply to a rule → one set of options, merged field by field as in Gloo.

A rule's own ExtensionRefs have precedence, in the order of its filters; then come the RouteOptions whose targetRefs
name the route, the oldest first. Each top-level field of `options` is taken as a whole from the first one that sets it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic.alias_generators import to_camel

from switchover_operator.compiler import conditions
from switchover_operator.compiler.access_controls import guards, unserved, written
from switchover_operator.compiler.conditions import Condition
from switchover_operator.compiler.resolve import Catalogue, Object
from switchover_operator.compiler.targeting import (
    Applicable,
    TargetIndex,
    refused_at,
    route_targeted,
    served_refs,
    status_refs,
)
from switchover_operator.identity import Identity
from switchover_operator.resources.gateway_api import HttpRouteRule
from switchover_operator.resources.model import listed
from switchover_operator.resources.route_option import RouteOption, RouteOptions


@dataclass(frozen=True, slots=True)
class RuleOptions:
    """The options that hold for one rule, each field from the RouteOption that `sources` names for it.

    `conditions` are for the route's status. `overridden` says, by RouteOption, which of its fields another sets first.
    `failure` means that no request of the rule may be served. `closed` names the access controls that are written and
    not served, so that every request is refused.
    """

    options: RouteOptions = field(default_factory=RouteOptions)
    sources: Mapping[str, Identity] = field(default_factory=dict)
    conditions: tuple[Condition, ...] = ()
    overridden: Mapping[Identity, str] = field(default_factory=dict)
    failure: Condition | None = None
    closed: tuple[str, ...] = ()


class OptionsIndex:
    """Finds the RouteOptions of a route and of its rules (Gloo, "RouteOption": only in the route's namespace)."""

    def __init__(self, catalogue: Catalogue, before: "OptionsIndex | None" = None) -> None:
        self._catalogue = catalogue
        self.index: TargetIndex[RouteOption] = TargetIndex(
            catalogue, RouteOption, _routes_targeted, before.index if before else None
        )

    def of_rule(self, route: Identity, path: str, rule: HttpRouteRule) -> RuleOptions:
        """Merge the RouteOptions of the rule and of the route: the first to set a field wins."""
        named, failure = self._named_by_filters(route, path, rule)
        attached = self.index.of(route)
        if not named and not attached:
            return _NO_OPTIONS if failure is None else RuleOptions(failure=failure)
        if not named and len(attached) == 1 and attached[0].attached and failure is None:
            alone = _alone(attached[0].found)
            if alone is not None:
                return alone
        merged = _merged([*(Applicable(found, attached=True) for found in named), *attached])
        losses = (conditions.policy_overridden(f"{path}: {text}") for text in merged.overridden.values())
        return replace(merged, conditions=(*merged.conditions, *losses), failure=failure)

    def _named_by_filters(
        self, route: Identity, path: str, rule: HttpRouteRule
    ) -> tuple[list[Object[RouteOption]], Condition | None]:
        named: list[Object[RouteOption]] = []
        for index, each in enumerate(rule.filters):
            ref = each.extension_ref
            if ref is None:
                continue
            where = f"{path}.filters[{index}].extensionRef"
            if (ref.group, ref.kind) != (RouteOption.GROUP, RouteOption.KIND):
                text = f"{where}: must be a RouteOption of {RouteOption.GROUP}; got {ref.kind} of {ref.group}"
                return named, conditions.invalid_kind(text)
            found = self._catalogue.find(RouteOption, route.namespace, ref.name)
            if found is None:
                text = f"{where}: RouteOption {route.namespace}/{ref.name} does not exist"
                return named, conditions.backend_not_found(text)
            named.append(found)
        return named, None


_NO_OPTIONS = RuleOptions()


def _routes_targeted(found: Object[RouteOption]) -> dict[Identity, bool]:
    """Return the routes at which a RouteOption has a status, and whether it is attached to each."""
    served = {route_targeted(found, ref) for ref in served_refs(found)}
    if found.refusal is None:
        return {target: True for target in served if isinstance(target, Identity)}
    targets = (route_targeted(found, ref) for ref in status_refs(found))
    return {target: target in served for target in targets if isinstance(target, Identity)}


def _alone(option: Object[RouteOption]) -> RuleOptions | None:
    """Return what `_merged` makes of one accepted RouteOption, which is what most routes have; None of another one."""
    if option.refusal is not None or option.model is None:
        return None
    options = option.model.spec.options
    sources = {name: option.identity for name, value in options.__dict__.items() if value is not None}
    closed = tuple(f"{option.identity} {path} is not served here" for path in unserved(option.model))
    return RuleOptions(options, sources, closed=closed)


def _merged(applicable: Iterable[Applicable[RouteOption]]) -> RuleOptions:
    values: dict[str, Any] = {}
    sources: dict[str, Identity] = {}
    refusals: list[Condition] = []
    overridden: dict[Identity, str] = {}
    seen: set[Identity] = set()
    closed: list[str] = []
    for option, attached in ((each.found, each.attached) for each in applicable):
        if option.identity in seen:
            continue
        seen.add(option.identity)
        if option.refusal is not None:
            served = "" if option.model else "; it is left out, and the default policy applies if there is no other"
            text = f"{option.identity} is not accepted: {refused_at(option, attached=attached).message}{served}"
            refusals.append(conditions.policy_not_accepted(text))
            closed += _refused_controls(option, values, attached=attached)
        if option.model is None or not attached:
            continue
        own = option.model.spec.options
        # Null is unset, as everywhere in Kubernetes.
        given = {name: value for name, value in own.__dict__.items() if value is not None}
        taken = [name for name in given if name in values]
        if taken:
            overridden[option.identity] = _overridden_text(option.identity, taken, sources)
        fresh = given.keys() - values.keys()
        closed += [
            f"{option.identity} {path} is not served here"
            for path in unserved(option.model)
            if path not in _paths(values)
        ]
        values |= {name: given[name] for name in fresh}
        sources |= dict.fromkeys(fresh, option.identity)
    options = _NO_OPTIONS.options.model_copy(update=values)
    return RuleOptions(options, sources, tuple(refusals), overridden, closed=tuple(closed))


def _refused_controls(option: Object[RouteOption], taken: Mapping[str, Any], *, attached: bool) -> list[str]:
    """Return the access controls of a refused RouteOption, unless its last good version restricts access.

    Those that another RouteOption sets first (`taken`) have no effect and are left out.
    """
    if attached and option.model is not None and guards(option.model):
        return []
    return [
        f"{option.identity} is not accepted, and {path} is not served"
        for path in written(option.body.get("spec"))
        if path not in _paths(taken)
    ]


def _paths(names: Iterable[str]) -> set[str]:
    return {f"spec.options.{to_camel(name)}" for name in names}


def _overridden_text(option: Identity, taken: Iterable[str], sources: Mapping[str, Identity]) -> str:
    """Describe the fields of a RouteOption that have no effect, and the RouteOptions that set them first."""
    by_winner: dict[Identity, list[str]] = {}
    for name in sorted(taken):
        by_winner.setdefault(sources[name], []).append(to_camel(name))
    texts = (f"{winner} has precedence over {option} for {listed(names)}" for winner, names in by_winner.items())
    return " and ".join(texts)
