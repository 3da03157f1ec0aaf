"""HTTPRoutes that delegate → the ways by which requests reach each route, and the condition at each parent.

A rule whose backendRefs name HTTPRoutes hands its requests on to the rules of those routes, which may hand them on
again. A child has the listeners and the hostnames of its parent, and never more requests than the parent hands on.
Sources: kgateway, "Route delegation"; Gloo, `projects/gateway2/translator/httproute`.
"""

from collections.abc import Container, Iterable, Iterator, Mapping, Set
from dataclasses import replace
from typing import Final

from switchover_operator.compiler import conditions
from switchover_operator.compiler.attached import AttachedRoute, Parent, Way
from switchover_operator.compiler.attachment import GatewayAttachment, status_ref
from switchover_operator.compiler.conditions import Condition
from switchover_operator.compiler.delegates import ROUTE, DelegateIndex, DelegatingRule, Rules
from switchover_operator.compiler.fleet import Fleet
from switchover_operator.compiler.listeners import ServedGateway
from switchover_operator.compiler.reaching import (
    MOST_STEPS,
    MOST_WAYS,
    Reach,
    Reaches,
    Search,
    every_match,
    may_delegate_to,
    prefixes,
)
from switchover_operator.compiler.report import Ref
from switchover_operator.compiler.resolve import Catalogue, Object
from switchover_operator.identity import Identity
from switchover_operator.resources.gateway_api import HTTPRoute, HttpRouteMatch
from switchover_operator.resources.model import listed

_MOST_NAMED: Final = 3
_UNSERVED_ANNOTATIONS: Final = (
    "delegation.kgateway.dev/inherited-policy-priority",
    "kgateway.dev/inherited-policy-priority",
    "kgateway.dev/route-weight",
)


def attached_routes(
    catalogue: Catalogue,
    index: DelegateIndex,
    gateways: Mapping[Identity, ServedGateway],
    fleet: Fleet,
    known: Container[Identity] = (),
) -> Iterator[AttachedRoute]:
    """Attach every HTTPRoute that is not `known` to its Gateways and to the routes that delegate to it.

    A route with neither is left out; in a cluster it may be another controller's.
    """
    families = _Families(index, GatewayAttachment(catalogue, gateways, fleet))
    for found in catalogue.every(HTTPRoute):
        if found.identity not in known:
            route = families.attached(found)
            if route.parents:
                yield route


def _left_out(message: str) -> Condition:
    """A rule of a route, or a part of one, is not served; the others are."""
    return conditions.partially_invalid("UnsupportedValue", (message,))


def _route_refs(found: Object[HTTPRoute]) -> dict[Identity, Ref]:
    """Return the parentRefs of a route to other routes."""
    refs = found.model.spec.parent_refs if found.model else ()
    return {
        Identity(ref.group, ref.kind, ref.namespace or found.identity.namespace, ref.name): status_ref(ref)
        for ref in refs
        if (ref.group, ref.kind) == ROUTE
    }


class _Families:
    """Works out the parents of each route and the ways to it."""

    def __init__(self, index: DelegateIndex, own: GatewayAttachment) -> None:
        self._index = index
        self._own = own
        self._reaches = Reaches(index, own)

    def attached(self, found: Object[HTTPRoute]) -> AttachedRoute:
        """Return a route with all of its parents and all ways to it."""
        own = self._own.of(found)
        refs = _route_refs(found)
        selecting = {each.identity for each in self._index.parents_of(found)}
        if found.model is None or not (refs or selecting or self._index.rules(found.identity)):
            return replace(own, ways=(Way(own.places, every_match(found)),))
        search = Search()
        reaches = list(self._reaches.through_parents(found, frozenset(), search))
        taken = [reach for reach in reaches if reach.matches]
        search.is_cut |= len(taken) > MOST_WAYS
        taken = taken[:MOST_WAYS]
        reaches = [*taken, *(reach for reach in reaches if not reach.matches)]
        if own.places or not taken:
            taken.insert(0, Reach(own.places, every_match(found)))
        ways = [self._way(found, reach) for reach in taken]
        if search.is_cut:
            text = f"it has more than {MOST_WAYS} ways of delegation or {MOST_STEPS} steps; the others are not served"
            ways[0] = replace(ways[0], conditions=(*ways[0].conditions, _left_out(text)))
        parents = (*own.parents, *self._parents(found, refs, selecting, reaches))
        return replace(own, parents=parents, ways=tuple(ways))

    # ── At the child ────────────────────────────────────────────────────────────────────────────────────────────────

    def _parents(
        self, found: Object[HTTPRoute], refs: Mapping[Identity, Ref], selecting: Set[Identity], reaches: list[Reach]
    ) -> Iterator[Parent]:
        """Yield the parents that delegate to a route, and those that it names and that do not."""
        everywhere = {each for reach in reaches for each in reach.inside}
        if self._own.of(found).places:
            everywhere |= set(_numbers(found))
        for identity in sorted(selecting | refs.keys()):
            if not may_delegate_to(identity, found):
                continue
            named = identity in refs or self._names(identity, found)
            here = [reach for reach in reaches if reach.steps[0].route.identity == identity]
            # A parent that means all routes of a namespace need not mean each of them.
            if not named and everywhere and not any(reach.matches for reach in here):
                continue
            accepted = self._accepted(found, identity, here, selects=identity in selecting)
            if accepted is not None:
                # What another parent serves is no fault here; the notes say which rules each of them serves.
                stated = _outside(found, here, everywhere) if accepted.status == "True" else ()
                yield Parent(refs.get(identity) or _ref(identity), identity, accepted, tuple(stated))

    def _names(self, parent: Identity, found: Object[HTTPRoute]) -> bool:
        delegates = (each for rule in self._index.rules(parent).values() for each in rule.delegates)
        return any(each.is_one and each.selects(found) for each in delegates)

    def _accepted(
        self, found: Object[HTTPRoute], identity: Identity, reaches: list[Reach], *, selects: bool
    ) -> Condition | None:
        """Return the condition of a route at a parent, None where the parent may be somebody else's."""
        parent = self._index.found(identity)
        if parent is None:
            missing = found.refusal or conditions.no_matching_parent(
                f"{_place(found, identity)}: {identity} does not exist"
            )
            return None if self._own.others_may_serve else missing
        if not self._reaches.is_ours(parent):
            return None
        if found.refusal is not None:
            return found.refusal
        if not selects:
            return conditions.no_matching_parent(
                f"{_place(found, identity)}: no rule of {identity} delegates to this route"
            )
        if found.model is not None and found.model.spec.hostnames:
            text = f"spec.hostnames: must be unset on a route that {identity} delegates to; it has those of its parent"
            return conditions.unsupported_value((text,))
        if any(reach.matches for reach in reaches):
            return found.accepted
        if reaches:
            text = f"spec.rules: no rule of this route lies within what {identity} delegates to it: {_given(reaches)}"
            return conditions.no_matching_parent(text)
        text = f"no requests come from {identity}; its status or this one says why"
        return conditions.no_matching_parent(f"{_place(found, identity)}: {text}")

    # ── At the parent ───────────────────────────────────────────────────────────────────────────────────────────────

    def _way(self, found: Object[HTTPRoute], reach: Reach) -> Way:
        """Say of each rule of a route whether it serves what reaches it, hands it on, or cannot."""
        served = dict(reach.matches)
        failures: dict[int, Condition] = {}
        handed_on: list[int] = []
        stated = [*_without_effect(found, self._index.rules(found.identity))]
        notes = [_came_by(found, reach)] if reach.steps else []
        for index, rule in self._index.rules(found.identity).items():
            path = f"spec.rules[{index}]"
            if index not in served:
                continue
            if rule.others:
                others = _few([f"backendRefs[{place}]" for place in rule.others])
                text = f"{path}: a rule that delegates can have no other backends; {others} must be in another rule"
                failures[index] = _left_out(text)
                continue
            children, problems = self._taking(path, rule, [found, *(step.route for step in reach.steps)])
            if not children:
                failures[index] = problems[0]
                stated += problems[1:]
                continue
            stated += problems
            given = prefixes(served[index])
            if given:
                handed_on.append(index)
                notes.append(f"{path} delegates {_few(map(_text, given))} to {_few(map(str, children))}")
            rest = tuple(each for each in served.pop(index) if each not in given)
            if rest:
                text = f"only a path of type PathPrefix can be delegated; {_few(map(_text, rest))} is answered 500"
                served[index], failures[index] = rest, _left_out(f"{path}.matches: {text}")
        return Way(
            reach.places, served, reach.steps, failures, tuple(handed_on), tuple(dict.fromkeys(stated)), tuple(notes)
        )

    def _taking(
        self, path: str, rule: DelegatingRule, line: list[Object[HTTPRoute]]
    ) -> tuple[list[Identity], list[Condition]]:
        """Return the routes that take the requests of a rule, and what is wrong with others.

        `line` is the route of the rule with those above it.
        """
        above = [each.identity for each in line]
        children: dict[Identity, None] = {}
        problems: list[Condition] = []
        for delegate in rule.delegates:
            where = f"{path}.backendRefs[{delegate.place}]"
            there = False
            for child in self._index.children_of(delegate):
                # `*` does not mean the route itself, nor those that have other parents.
                if not delegate.is_one and (child.identity == above[0] or not may_delegate_to(above[0], child)):
                    continue
                there = True
                problem = _hindrance(above, child)
                if problem is None:
                    children[child.identity] = None
                elif delegate.is_one or child.identity in above:
                    problems.append(replace(problem, message=f"{where}: {problem.message}"))
            if not there:
                problems.append(conditions.backend_not_found(f"{where}: there is no {delegate}"))
        if not children and not problems:
            text = "none of the routes that it delegates to can be served; their statuses say why"
            problems.append(conditions.invalid_backend(f"{path}: {text}"))
        return list(children), problems


def _hindrance(above: list[Identity], child: Object[HTTPRoute]) -> Condition | None:
    """Return the reason why a route cannot take the requests of another, which is the first of those `above` it."""
    name = child.identity
    if name in above:
        cycle = " → ".join(map(str, (*reversed(above[: above.index(name) + 1]), name)))
        return conditions.ref_not_permitted(f"routes that delegate in a circle are not served: {cycle}")
    if not may_delegate_to(above[0], child):
        return conditions.ref_not_permitted(f"{name} has parentRefs, and {above[0]} is not among them")
    if child.model is None:
        return conditions.invalid_backend(f"{name} is not accepted")
    if child.model.spec.hostnames:
        return conditions.invalid_backend(f"{name} has hostnames of its own, so nothing can be delegated to it")
    return None


def _numbers(found: Object[HTTPRoute]) -> Iterator[tuple[int, int]]:
    """Yield the numbers of each rule and match of a route."""
    for index, matches in every_match(found).items():
        yield from ((index, number) for number in range(len(matches)))


# ── What is said ────────────────────────────────────────────────────────────────────────────────────────────────────


def _place(found: Object[HTTPRoute], parent: Identity) -> str:
    """Return the path of the parentRef that names a parent."""
    refs = found.model.spec.parent_refs if found.model else ()
    named = (index for index, ref in enumerate(refs) if (ref.kind, ref.name) == (parent.kind, parent.name))
    index = next(named, None)
    return "spec.parentRefs" if index is None else f"spec.parentRefs[{index}]"


def _ref(parent: Identity) -> Ref:
    """Return the parentRef of a status where the route itself has none."""
    return {"group": parent.group, "kind": parent.kind, "namespace": parent.namespace, "name": parent.name}


def _outside(found: Object[HTTPRoute], reaches: Iterable[Reach], inside: Set[tuple[int, int]]) -> Iterator[Condition]:
    """Say which matches of a route do not lie within what a parent delegates, and so are not served there."""
    left = [each for each in _numbers(found) if each not in inside]
    if left:
        whole = {index for index, _ in left} - {index for index, _ in inside}
        paths = (f"spec.rules[{index}]" + ("" if index in whole else f".matches[{number}]") for index, number in left)
        text = f"not within what is delegated to this route ({_given(reaches)}), and so not served there"
        yield _left_out(f"{listed(list(dict.fromkeys(paths)))}: {text}")


def _given(reaches: Iterable[Reach]) -> str:
    return _few(dict.fromkeys(_text(each) for reach in reaches for each in reach.given))


def _came_by(found: Object[HTTPRoute], reach: Reach) -> str:
    """Say through which routes requests reach a route, and which of its rules."""
    every = len(reach.matches) == len(every_match(found))
    rules = "it" if every else listed([f"spec.rules[{index}]" for index in reach.matches])
    above = "".join(f", which has them of {step}" for step in reach.steps[1:])
    return f"{reach.steps[0]} delegates {_few(map(_text, reach.given))} to {rules}{above}"


def _text(match: HttpRouteMatch) -> str:
    # Values are left out: a header or a parameter that routes may be a credential.
    wanted = [f"header {each.name}" for each in match.headers] + [f"query {each.name}" for each in match.query_params]
    with_them = f"with {listed(wanted)}" if wanted else ""
    return " ".join(part for part in (match.method, match.path.value, with_them) if part)


def _few(names: Iterable[str]) -> str:
    """List the first names, and tell how many more there are."""
    every = list(names)
    others = len(every) - _MOST_NAMED
    return listed([*every[:_MOST_NAMED], *([f"{others} more"] if others > 0 else [])])


def _without_effect(found: Object[HTTPRoute], rules: Rules) -> Iterator[Condition]:
    """Name what a route sets that has no effect on delegation."""
    given = found.model.metadata.annotations if found.model else {}
    fields = [f"metadata.annotations[{name}]" for name in _UNSERVED_ANNOTATIONS if name in given]
    for index, rule in rules.items():
        for each in rule.delegates:
            fields += [f"spec.rules[{index}].backendRefs[{each.place}].{name}" for name in each.without_effect]
    if fields:
        yield conditions.fields_without_effect(fields)
