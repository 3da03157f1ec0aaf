"""backendRefs to HTTPRoutes → which route delegates to which, as Gloo Gateway and kgateway write it.

A backendRef names one route of a namespace, all of them (`*`), or those with a label. Which of a rule's requests a
child may have is decided in `delegation.py`.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Final

from switchover_operator.compiler.resolve import Catalogue, Object, age
from switchover_operator.identity import Identity
from switchover_operator.resources.gateway_api import HttpBackendRef, HTTPRoute

ROUTE: Final = (HTTPRoute.GROUP, HTTPRoute.KIND)
ALL: Final = "*"
"""The name that stands for every route of a namespace."""

EVERYWHERE: Final = "all"
"""The namespace that stands for every namespace, beside a label (Gloo, `DELEGATION_WILDCARD_NAMESPACE`)."""

_LABELS: Final = MappingProxyType(
    {
        ("delegation.gateway.solo.io", "label"): "delegation.gateway.solo.io/label",
        ("delegation.kgateway.dev", "label"): "delegation.kgateway.dev/label",
    }
)
"""Group and kind of a backendRef that names a label's value → the label (Gloo, kgateway: "Delegation via labels")."""


@dataclass(frozen=True, slots=True)
class Delegate:
    """A backendRef to routes: one by its name, all of a namespace, or, with `label`, those with that value of it.

    `without_effect` names the fields that delegation does not use.
    """

    place: int
    namespace: str
    name: str
    label: str = ""
    without_effect: tuple[str, ...] = ()

    @property
    def is_one(self) -> bool:
        """Whether it names one route."""
        return not self.label and self.name != ALL

    def selects(self, found: Object[HTTPRoute]) -> bool:
        """Tell whether it is for a route."""
        anywhere = bool(self.label) and self.namespace == EVERYWHERE
        if not anywhere and self.namespace != found.identity.namespace:
            return False
        if self.label:
            return found.model is not None and found.model.metadata.labels.get(self.label) == self.name
        return self.name in (ALL, found.identity.name)

    def __str__(self) -> str:
        where = "any namespace" if self.label and self.namespace == EVERYWHERE else f"namespace {self.namespace}"
        if self.label:
            return f"HTTPRoute with label {self.label}={self.name} in {where}"
        return f"HTTPRoute in {where} for it" if self.name == ALL else f"HTTPRoute {self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class DelegatingRule:
    """The delegates of one rule. `others` are the places of its backendRefs to anything else."""

    delegates: tuple[Delegate, ...]
    others: tuple[int, ...] = ()

    def selects(self, found: Object[HTTPRoute]) -> bool:
        """Tell whether the rule delegates to a route; one with other backends beside does not delegate at all."""
        return not self.others and any(each.selects(found) for each in self.delegates)


Rules = Mapping[int, DelegatingRule]
_NONE: Final[Rules] = MappingProxyType({})


class DelegateIndex:
    """Finds the parents and the children of a route."""

    def __init__(self, catalogue: Catalogue, before: "DelegateIndex | None" = None) -> None:
        """Index every route that delegates; with the index `before`, those that changed since."""
        self._catalogue = catalogue
        self._rules: Mapping[Identity, Rules]
        if before is None or catalogue.changed is None:
            every = ((found.identity, delegating_rules(found)) for found in catalogue.every(HTTPRoute))
            self._rules = {identity: rules for identity, rules in every if rules}
            return
        changed = [each for each in catalogue.changed if (each.group, each.kind) == ROUTE]
        now = {each: self._of(each) for each in changed}
        if all(before.rules(each) == rules for each, rules in now.items()):
            self._rules = before._rules
            self.__dict__["_parents"] = before._parents
            return
        left = {each: rules for each, rules in before._rules.items() if each not in now}
        self._rules = dict(sorted((left | {each: rules for each, rules in now.items() if rules}).items()))

    def _of(self, identity: Identity) -> Rules:
        found = self.found(identity)
        return delegating_rules(found) if found is not None else _NONE

    def found(self, route: Identity) -> Object[HTTPRoute] | None:
        """Return a route; None if it does not exist."""
        return self._catalogue.find(HTTPRoute, route.namespace, route.name)

    def rules(self, route: Identity) -> Rules:
        """Return the rules of a route that delegate, by their index."""
        return self._rules.get(route, _NONE)

    def parents_of(self, found: Object[HTTPRoute]) -> list[Object[HTTPRoute]]:
        """Return the routes that delegate to a route, the oldest first."""
        if not self._rules:
            return []
        namespace = found.identity.namespace
        keys = [("", namespace, found.identity.name), ("", namespace, ALL)]
        labels = found.model.metadata.labels if found.model else {}
        keys += [
            (label, where, labels[label])
            for label in _LABELS.values()
            if label in labels
            for where in (namespace, EVERYWHERE)
        ]
        named = {parent for key in keys for parent in self._parents.get(key, ())}
        return sorted((each for each in map(self.found, named) if each is not None), key=age)

    def delegating(self) -> list[Object[HTTPRoute]]:
        """Return all routes that delegate."""
        return [each for each in map(self.found, self._rules) if each is not None]

    def children_of(self, delegate: Delegate) -> Iterable[Object[HTTPRoute]]:
        """Return the routes that a backendRef is for, sorted."""
        if delegate.is_one:
            found = self._catalogue.find(HTTPRoute, delegate.namespace, delegate.name)
            return [] if found is None else [found]
        everywhere = delegate.label and delegate.namespace == EVERYWHERE
        there = self._catalogue.every(HTTPRoute) if everywhere else self._by_namespace.get(delegate.namespace, ())
        return [found for found in there if delegate.selects(found)]

    def above(self, changed: Iterable[Identity]) -> Iterator[Identity]:
        """Yield the routes that delegate to one of those that changed."""
        if self._rules:
            yield from (parent.identity for found in self._there(changed) for parent in self.parents_of(found))

    def below(self, changed: Iterable[Identity]) -> Iterator[Identity]:
        """Yield the routes that one of those that changed delegates to, directly or through others."""
        waiting = list(self._there(changed)) if self._rules else []
        seen = {found.identity for found in waiting}
        while waiting:
            for rule in self.rules(waiting.pop().identity).values():
                for child in (child for each in rule.delegates for child in self.children_of(each)):
                    if child.identity not in seen:
                        seen.add(child.identity)
                        waiting.append(child)
                        yield child.identity

    def _there(self, routes: Iterable[Identity]) -> Iterator[Object[HTTPRoute]]:
        there = (self.found(each) for each in routes if (each.group, each.kind) == ROUTE)
        return (each for each in there if each is not None)

    @cached_property
    def _parents(self) -> Mapping[tuple[str, str, str], list[Identity]]:
        """Label, namespace and name of a delegate → the routes that have it."""
        parents: dict[tuple[str, str, str], list[Identity]] = {}
        for parent, rules in self._rules.items():
            for each in (each for rule in rules.values() for each in rule.delegates):
                parents.setdefault((each.label, each.namespace, each.name), []).append(parent)
        return parents

    @cached_property
    def _by_namespace(self) -> Mapping[str, list[Object[HTTPRoute]]]:
        routes: dict[str, list[Object[HTTPRoute]]] = {}
        for found in self._catalogue.every(HTTPRoute):
            routes.setdefault(found.identity.namespace, []).append(found)
        return routes


def delegating_rules(found: Object[HTTPRoute]) -> Rules:
    """Return the rules of a route that delegate, by their index."""
    if found.model is None:
        return _NONE
    rules: dict[int, DelegatingRule] = {}
    out = [f"{fault.takes_out}." for fault in found.left_out]
    for index, rule in enumerate(found.model.spec.rules):
        # A rule that has a fault answers its requests itself, and hands none on.
        if any(each.startswith(f"spec.rules[{index}].") for each in out):
            continue
        delegates = tuple(_delegates(found.identity, rule.backend_refs))
        if delegates:
            known = {each.place for each in delegates}
            others = tuple(place for place in range(len(rule.backend_refs)) if place not in known)
            rules[index] = DelegatingRule(delegates, others)
    return rules or _NONE


def _delegates(route: Identity, refs: Iterable[HttpBackendRef]) -> Iterator[Delegate]:
    for place, ref in enumerate(refs):
        label = _LABELS.get((ref.group, ref.kind), "")
        if label or (ref.group, ref.kind) == ROUTE:
            unused = [name for name in ("port", "filters") if getattr(ref, name)]
            unused += ["weight"] if ref.weight != 1 else []
            yield Delegate(place, ref.namespace or route.namespace, ref.name, label, tuple(unused))
