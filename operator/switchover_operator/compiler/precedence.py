"""Attached routes of each listener → ports, listeners and hosts of the table, sorted so that the first match wins.

Precedence is the Gateway API's (HTTPRoute `rules[].matches`): hostname, path, method, number of headers, of query
parameters, the route's age, its name, the order of rules and of matches.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from switchover_dataplane import table
from switchover_operator.compiler.attachment import Place, specificity
from switchover_operator.compiler.fleet import Fleet
from switchover_operator.compiler.listeners import GatewayListener
from switchover_operator.compiler.resolve import age
from switchover_operator.compiler.routes import CompiledRoute
from switchover_operator.resources.gateway_api import HttpRouteMatch

_PATH_RANK = {"Exact": 0, "RegularExpression": 1, "PathPrefix": 2}


def ports(
    listeners: Iterable[GatewayListener], routes: Iterable[CompiledRoute], fleet: Fleet
) -> tuple[table.Port, ...]:
    """Make every port of the table, without the listeners that are not served."""
    places: dict[str, list[tuple[CompiledRoute, Place]]] = {}
    for route in routes:
        for place in route.attached.places:
            places.setdefault(place.listener.name, []).append((route, place))
    sockets: dict[int, list[GatewayListener]] = {}
    for listener in listeners:
        if listener.serves:
            sockets.setdefault(listener.socket, []).append(listener)
    return tuple(_port(number, sharing, places, fleet) for number, sharing in sorted(sockets.items()))


def _port(
    number: int,
    sharing: list[GatewayListener],
    places: Mapping[str, list[tuple[CompiledRoute, Place]]],
    fleet: Fleet,
) -> table.Port:
    ordered = sorted(sharing, key=lambda listener: specificity(listener.hostname))
    return table.Port(
        number,
        "HTTPS" if sharing[0].spec.protocol == "HTTPS" else "HTTP",
        tuple(
            table.Listener(
                listener.name,
                listener.hostname,
                listener.certificates,
                _hosts(places.get(listener.name, ())),
                fleet.client_port(listener.spec.port),
                listener.closed,
            )
            for listener in ordered
        ),
    )


def _hosts(attached: Iterable[tuple[CompiledRoute, Place]]) -> tuple[table.Host, ...]:
    """Group a listener's matches by hostname. Of routes with the same one, the more specific own hostname is first."""
    hosts: dict[str, list[tuple[Any, table.Match]]] = {}
    for route, place in attached:
        keyed = _matches(route, place)
        for hostname in place.hostnames:
            own = specificity(hostname.own)
            hosts.setdefault(hostname.common, []).extend(((own, key), match) for key, match in keyed)
    return tuple(
        table.Host(name, tuple(match for _, match in sorted(hosts[name], key=lambda entry: entry[0])))
        for name in sorted(hosts, key=specificity)
    )


def _matches(route: CompiledRoute, place: Place) -> list[tuple[Any, table.Match]]:
    """Make all matches of a route at one listener, each with its sort key."""
    model = route.attached.found.model
    if model is None:
        return []
    older = age(route.attached.found)
    keys = route.keys[place.listener.gateway]
    return [
        ((*_specific(match), older, number, order), _match(key, match))
        for number, (key, rule) in enumerate(zip(keys, model.spec.rules, strict=True))
        for order, match in enumerate(rule.matches)
    ]


def _specific(match: HttpRouteMatch) -> tuple[int, int, bool, int, int]:
    path = match.path
    length = len(path.value.rstrip("/")) if path.type == "PathPrefix" else len(path.value)
    return _PATH_RANK[path.type], -length, match.method is None, -len(match.headers), -len(match.query_params)


def _match(key: str, match: HttpRouteMatch) -> table.Match:
    value = match.path.value
    if match.path.type == "PathPrefix":
        value = value.rstrip("/") or "/"
    return table.Match(
        key,
        table.PathMatch(value, match.path.type),
        match.method or "",
        _values((header.name.lower(), header.value, header.type) for header in match.headers),
        _values((each.name, each.value, each.type) for each in match.query_params),
    )


def _values(wanted: Iterable[tuple[str, str, Any]]) -> tuple[table.ValueMatch, ...]:
    """Keep the first of several matches for one name (Gateway API, HTTPHeaderMatch)."""
    first: dict[str, table.ValueMatch] = {}
    for name, value, kind in wanted:
        first.setdefault(name, table.ValueMatch(name, value, kind))
    return tuple(first.values())
