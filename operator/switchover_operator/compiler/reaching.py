"""A route → what reaches its rules through the routes that delegate to it, found upwards from each route alone.

So one route is worked out without all others, and in bounded time however they delegate to each other.
"""

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from switchover_operator.compiler.attached import Place, Step
from switchover_operator.compiler.attachment import GatewayAttachment
from switchover_operator.compiler.delegated_matches import inherits, matches_within
from switchover_operator.compiler.delegates import ROUTE, DelegateIndex
from switchover_operator.compiler.resolve import Object
from switchover_operator.identity import Identity
from switchover_operator.resources.gateway_api import HTTPRoute, HttpRouteMatch

MOST_STEPS: Final = 10
"""Parents above one another, as in Gloo (`GLOO_MAX_DELEGATION_DEPTH`)."""

MOST_WAYS: Final = 32
"""Ways to one route, as many as a status can have parents: routes that delegate to each other crosswise would have more
of them than fit into a table. The oldest parents come first, so that no new route takes the place of a served one."""

Matches = tuple[HttpRouteMatch, ...]
ByRule = Mapping[int, Matches]


@dataclass(frozen=True, slots=True)
class Reach:
    """The matches that reach each rule of a route by one way, of rules that delegate, too.

    `given` are those that the nearest parent hands on, `inside` the numbers of the rules and matches within them.
    """

    places: tuple[Place, ...]
    matches: ByRule
    steps: tuple[Step, ...] = ()
    given: Matches = ()
    inside: frozenset[tuple[int, int]] = frozenset()


@dataclass(slots=True)
class Search:
    """How much longer the ways to one route are looked for, and whether the search ended before all were found."""

    left: int = MOST_WAYS * MOST_STEPS
    is_cut: bool = False

    def goes_on(self) -> bool:
        """Count one more step; False if it was one too many."""
        self.left -= 1
        self.is_cut |= self.left < 0
        return self.left >= 0


class Reaches:
    """Finds what reaches a route."""

    def __init__(self, index: DelegateIndex, own: GatewayAttachment) -> None:
        self._index = index
        self._own = own

    def _of(self, found: Object[HTTPRoute], below: frozenset[Identity], search: Search) -> Iterator[Reach]:
        """Yield every way to a route, but those that go through the routes `below` it."""
        own = self._own.of(found)
        if own.places:
            yield Reach(own.places, every_match(found))
        yield from self.through_parents(found, below, search)

    def through_parents(self, found: Object[HTTPRoute], below: frozenset[Identity], search: Search) -> Iterator[Reach]:
        """Yield every way to a route through one that delegates to it, but those that go through the routes `below`."""
        if found.model is None or found.model.spec.hostnames:
            return
        below |= {found.identity}
        for parent in self._index.parents_of(found):
            if parent.identity in below or not may_delegate_to(parent.identity, found):
                continue
            if len(below) > MOST_STEPS or not search.goes_on():
                search.is_cut = True
                return
            for reach in self._of(parent, below, search):
                for index, rule in self._index.rules(parent.identity).items():
                    given = prefixes(reach.matches.get(index, ()))
                    if not given or not rule.selects(found):
                        continue
                    if not search.goes_on():
                        return
                    yield _within(found.model, given, reach.places, (Step(parent, index), *reach.steps))

    @cached_property
    def _ours(self) -> Set[Identity]:
        """The routes with a Gateway of ours, by themselves or through those that delegate to them."""
        waiting = [route for route in self._index.delegating() if self._own.of(route).parents]
        ours = {each.identity for each in waiting}
        while waiting:
            route = waiting.pop()
            for delegate in (each for rule in self._index.rules(route.identity).values() for each in rule.delegates):
                for child in self._index.children_of(delegate):
                    if child.identity not in ours and may_delegate_to(route.identity, child):
                        ours.add(child.identity)
                        waiting.append(child)
        return ours

    def is_ours(self, route: Object[HTTPRoute]) -> bool:
        """Tell whether a route has a Gateway of ours, by itself or through those that delegate to it."""
        return route.identity in self._ours or bool(self._own.of(route).parents)


def may_delegate_to(parent: Identity, child: Object[HTTPRoute]) -> bool:
    """Tell whether a child lets a parent delegate to it: without parentRefs it lets every route, else those named."""
    refs = child.model.spec.parent_refs if child.model else ()
    here = child.identity.namespace
    return not refs or any(
        (ref.name, ref.namespace or here, (ref.group, ref.kind)) == (parent.name, parent.namespace, ROUTE)
        for ref in refs
    )


def _within(route: HTTPRoute, given: Matches, places: tuple[Place, ...], steps: tuple[Step, ...]) -> Reach:
    """Return what of a route's rules lies within the matches that a parent hands on."""
    relative = inherits(route)
    matches: dict[int, Matches] = {}
    inside: set[tuple[int, int]] = set()
    for index, rule in enumerate(route.spec.rules):
        for number, match in enumerate(rule.matches):
            found = matches_within(given, (match,), relative=relative)
            if found:
                inside.add((index, number))
                known = matches.get(index, ())
                matches[index] = (*known, *(each for each in found if each not in known))
    return Reach(places, matches, steps, given, frozenset(inside))


def every_match(found: Object[HTTPRoute]) -> ByRule:
    """Return all matches of a route."""
    rules = found.model.spec.rules if found.model else ()
    return {index: rule.matches for index, rule in enumerate(rules)}


def prefixes(matches: Matches) -> Matches:
    """Return the matches that can be delegated."""
    return tuple(each for each in matches if each.path.type == "PathPrefix")
