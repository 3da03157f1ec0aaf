"""Attached routes of each listener → ports, listeners and hosts of the table, sorted so that the first match wins.

Precedence is the Gateway API's (HTTPRoute `rules[].matches`): hostname, path, method, number of headers, of query
parameters, the route's age, its name, the order of rules and of matches. A route that others delegate to has its own
age; where it would have the same match twice, the one by its own Gateway comes first, then that of the oldest parent.
"""

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any, NamedTuple

from switchover_dataplane.table.ports import Host, Listener, Match, PathMatch, Port, ValueMatch
from switchover_operator.compiler.attached import Place
from switchover_operator.compiler.attachment import specificity
from switchover_operator.compiler.fleet import Fleet
from switchover_operator.compiler.listeners import GatewayListener
from switchover_operator.compiler.resolve import age
from switchover_operator.compiler.routes import CompiledRoute, CompiledWay
from switchover_operator.identity import Identity
from switchover_operator.resources.gateway_api import HttpRouteMatch

_PATH_RANK = {"Exact": 0, "RegularExpression": 1, "PathPrefix": 2}


class _Entry(NamedTuple):
    """A match of a route, and the key by which it is sorted among all of one hostname."""

    key: Any
    route: Identity
    match: Match


@dataclass(slots=True)
class Attached:
    """The matches of all routes at one listener by hostname, sorted, and the hosts that they make."""

    entries: dict[str, list[_Entry]] = field(default_factory=dict)
    hosts: dict[str, Host] = field(default_factory=dict)

    def without(self, routes: Set[Identity]) -> "Attached":
        """Return the same without some routes."""
        kept = Attached(dict(self.entries), dict(self.hosts))
        for hostname, entries in self.entries.items():
            if any(entry.route in routes for entry in entries):
                kept.entries[hostname] = [entry for entry in entries if entry.route not in routes]
                kept.hosts.pop(hostname, None)
        return kept

    def add(self, entries: Mapping[str, list[_Entry]]) -> None:
        """Add the matches of routes that have none here."""
        for hostname, more in entries.items():
            self.entries[hostname] = sorted([*self.entries.get(hostname, ()), *more], key=_key)
            self.hosts.pop(hostname, None)

    def ordered(self) -> tuple[Host, ...]:
        """Return the hosts, the most specific first. Of routes that share one, the more specific own name is first."""
        names = sorted((name for name, entries in self.entries.items() if entries), key=specificity)
        for name in names:
            if name not in self.hosts:
                self.hosts[name] = Host(name, tuple(entry.match for entry in self.entries[name]))
        return tuple(map(self.hosts.__getitem__, names))


_key = attrgetter("key")


def attached_matches(
    routes: Iterable[CompiledRoute], before: Mapping[str, Attached], stale: Set[Identity]
) -> dict[str, Attached]:
    """Gather the matches of `routes` by listener; `before` has those of all other routes, and may have `stale` ones."""
    at = {listener: attached.without(stale) for listener, attached in before.items()}
    more: dict[str, dict[str, list[_Entry]]] = {}
    for route in routes:
        identity = route.attached.found.identity
        for way in route.ways:
            for place in way.way.places:
                keyed = _matches(route, way, place)
                hosts = more.setdefault(place.listener.name, {})
                for hostname in place.hostnames:
                    own = specificity(hostname.own)
                    hosts.setdefault(hostname.common, []).extend(
                        _Entry((own, key), identity, match) for key, match in keyed
                    )
    for listener, entries in more.items():
        at.setdefault(listener, Attached()).add(entries)
    return at


def ports(listeners: Iterable[GatewayListener], attached: Mapping[str, Attached], fleet: Fleet) -> tuple[Port, ...]:
    """Make every port of the table, without the listeners that are not served."""
    sockets: dict[int, list[GatewayListener]] = {}
    for listener in listeners:
        if listener.serves:
            sockets.setdefault(listener.socket, []).append(listener)
    return tuple(_port(number, sharing, attached, fleet) for number, sharing in sorted(sockets.items()))


def _port(number: int, sharing: list[GatewayListener], attached: Mapping[str, Attached], fleet: Fleet) -> Port:
    ordered = sorted(sharing, key=lambda listener: specificity(listener.hostname))
    return Port(
        number,
        "HTTPS" if sharing[0].spec.protocol == "HTTPS" else "HTTP",
        tuple(
            Listener(
                listener.name,
                listener.hostname,
                listener.certificates,
                attached[listener.name].ordered() if listener.name in attached else (),
                fleet.client_port(listener.spec.port),
                listener.closed,
            )
            for listener in ordered
        ),
    )


def _matches(route: CompiledRoute, way: CompiledWay, place: Place) -> list[tuple[Any, Match]]:
    """Make all matches of a route at one listener by one way, each with its sort key."""
    older = age(route.attached.found)
    above = tuple((age(step.route), step.index) for step in way.way.steps)
    keys = way.keys[place.listener.gateway]
    return [
        ((*_specific(match), older, number, order, above), _match(keys[number], match))
        for number, matches in way.way.matches.items()
        for order, match in enumerate(matches)
    ]


def _specific(match: HttpRouteMatch) -> tuple[int, int, bool, int, int]:
    path = match.path
    length = len(path.value.rstrip("/")) if path.type == "PathPrefix" else len(path.value)
    return _PATH_RANK[path.type], -length, match.method is None, -len(match.headers), -len(match.query_params)


def _match(key: str, match: HttpRouteMatch) -> Match:
    value = match.path.value
    if match.path.type == "PathPrefix":
        value = value.rstrip("/") or "/"
    return Match(
        key,
        PathMatch(value, match.path.type),
        match.method or "",
        _values((header.name.lower(), header.value, header.type) for header in match.headers),
        _values((each.name, each.value, each.type) for each in match.query_params),
    )


def _values(wanted: Iterable[tuple[str, str, Any]]) -> tuple[ValueMatch, ...]:
    """Keep the first of several matches for one name (Gateway API, HTTPHeaderMatch)."""
    first: dict[str, ValueMatch] = {}
    for name, value, kind in wanted:
        first.setdefault(name, ValueMatch(name, value, kind))
    return tuple(first.values())
