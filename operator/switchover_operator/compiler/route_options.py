"""Which RouteOptions count for a rule, merged field by field as Gloo does.

A rule's own ExtensionRefs come first, in the order of its filters, then those whose targetRefs name the route, the
oldest first. All take part, and for each top-level field of `options` the first one that sets it counts as a whole.
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
    Brought,
    TargetIndex,
    refused_at,
    route_targeted,
    served_refs,
    told_refs,
)
from switchover_operator.identity import Identity
from switchover_operator.resources.gateway_api import HttpRouteRule
from switchover_operator.resources.model import listed
from switchover_operator.resources.route_option import RouteOption, RouteOptions


@dataclass(frozen=True, slots=True)
class RuleOptions:
    """The options that hold for one rule, each field from the RouteOption that `sources` names for it.

    `told` is what the route's status has to say, `lost` what those of RouteOptions have, whose fields others set first;
    `failure` means that no request of the rule may be served. `closed` names the access controls that are written and
    not served, so that nobody may ask.
    """

    options: RouteOptions = field(default_factory=RouteOptions)
    sources: Mapping[str, Identity] = field(default_factory=dict)
    told: tuple[Condition, ...] = ()
    lost: Mapping[Identity, str] = field(default_factory=dict)
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
        """Merge what the rule's ExtensionRefs and the route's targetRefs bring: the first to set a field wins."""
        named, failure = self._named_by_filters(route, path, rule)
        attached = self.index.of(route)
        if not named and not attached:
            return _NO_OPTIONS if failure is None else RuleOptions(failure=failure)
        merged = _merged([*(Brought(found, attached=True) for found in named), *attached])
        overridden = (conditions.policy_overridden(f"{path}: {lost}") for lost in merged.lost.values())
        return replace(merged, told=(*merged.told, *overridden), failure=failure)

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
    """Name the routes that a RouteOption is told at, and whether it is attached there."""
    served = {route_targeted(found.identity, ref) for ref in served_refs(found)}
    told = (route_targeted(found.identity, ref) for ref in told_refs(found))
    return {target: target in served for target in told if isinstance(target, Identity)}


def _merged(brought: Iterable[Brought[RouteOption]]) -> RuleOptions:
    values: dict[str, Any] = {}
    sources: dict[str, Identity] = {}
    told: list[Condition] = []
    lost: dict[Identity, str] = {}
    seen: set[Identity] = set()
    closed: list[str] = []
    for option, attached in ((each.found, each.attached) for each in brought):
        if option.identity in seen:
            continue
        seen.add(option.identity)
        if option.refusal is not None:
            served = "" if option.model else "; it is left out, and the default policy serves where no other is written"
            text = f"{option.identity} is not accepted: {refused_at(option, attached=attached).message}{served}"
            told.append(conditions.policy_not_accepted(text))
            closed += _refused_controls(option, values, attached=attached)
        if option.model is None or not attached:
            continue
        options = option.model.spec.options
        # Null is unset, as everywhere in Kubernetes.
        given = {name: value for name, value in options.__dict__.items() if value is not None}
        taken = [name for name in given if name in values]
        if taken:
            lost[option.identity] = _overridden(option.identity, taken, sources)
        fresh = given.keys() - values.keys()
        closed += [
            f"{option.identity} {path} is not served here"
            for path in unserved(option.model)
            if path not in _paths(values)
        ]
        values |= {name: given[name] for name in fresh}
        sources |= dict.fromkeys(fresh, option.identity)
    return RuleOptions(_NO_OPTIONS.options.model_copy(update=values), sources, tuple(told), lost, closed=tuple(closed))


def _refused_controls(option: Object[RouteOption], taken: Mapping[str, Any], *, attached: bool) -> list[str]:
    """Name the access controls of a refused RouteOption that no last good version of it stands in for.

    Those that another RouteOption has `taken` already would have no effect in any case.
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


def _overridden(option: Identity, taken: Iterable[str], sources: Mapping[str, Identity]) -> str:
    """Say which fields of a RouteOption have no effect, and which others set them first."""
    by_winner: dict[Identity, list[str]] = {}
    for name in sorted(taken):
        by_winner.setdefault(sources[name], []).append(to_camel(name))
    texts = (f"{winner} comes before {option} in {listed(names)}" for winner, names in by_winner.items())
    return " and ".join(texts)
