"""The head of a request → the rule that serves it. The compiler sorts by precedence, and the first match wins.

An index is built once per table, so that the cost per request does not grow with the number of routes. Hosts and exact
paths are looked up, prefixes are tried from the longest to the shortest, and many regular expressions for one part of a
request are tried together. The result always equals a linear search of `Host.matches`, whatever their order.
"""

import heapq
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeVar

import msgspec

from switchover_dataplane.pattern import BadPattern, Pattern, PatternSet, compiled, pattern_problem, pattern_set
from switchover_dataplane.routing.headers import MODEL_NAME
from switchover_dataplane.routing.request_parts import Head, RequestView, Sets
from switchover_dataplane.routing.request_target import BadTarget, canonical, hostname, normalise
from switchover_dataplane.table.ports import Host, Listener, Match, Port
from switchover_dataplane.table.rules import Rule
from switchover_dataplane.table.table import Table
from switchover_dataplane.table.wire import InvalidTable

Kept = TypeVar("Kept")


class MatchedRule(NamedTuple):
    """The rule that serves a request, its match, its listener, and the number of the port of the request.

    `prefix` is the part of the path that a `PathPrefix` matched ("" for "/"), and the whole path for other kinds.
    """

    rule: Rule
    match: Match
    port: int
    listener: Listener
    prefix: str


class _Entry(msgspec.Struct, frozen=True, gc=False):
    """A match and its position in the compiler's order. `any_model` is the match for whatever name of a model."""

    place: int
    match: Match
    any_model: Match


class _Paths(msgspec.Struct, gc=False):
    """The matches of one host by path, and its sets of expressions. A prefix has no trailing slash.

    `lengths` are the lengths of the prefixes, `longest` is the greatest of them.
    """

    exact: dict[str, list[_Entry]] = {}
    prefix: dict[str, list[_Entry]] = {}
    pattern: list[_Entry] = []
    lengths: set[int] = set()
    longest: int = 0
    sets: dict[tuple[str, str], PatternSet] = {}


@dataclass(slots=True)
class _ByHost(Generic[Kept]):
    """Values by hostname, in order for equal names: exact names, wildcards by suffix, and values for all hosts."""

    exact: dict[str, list[Kept]] = field(default_factory=dict)
    wildcard: dict[str, list[Kept]] = field(default_factory=dict)
    every: list[Kept] = field(default_factory=list)

    def put(self, hostname: str, kept: Kept) -> None:
        if not hostname:
            self.every.append(kept)
        elif hostname.startswith("*."):
            self.wildcard.setdefault(hostname[2:], []).append(kept)
        else:
            self.exact.setdefault(hostname, []).append(kept)

    def of(self, host: str) -> Iterator[list[Kept]]:
        """Yield the values for a host, the most specific first; "*.x" matches one or more labels before x."""
        if host in self.exact:
            yield self.exact[host]
        if self.wildcard:
            dot = host.find(".", 1)
            while dot != -1:
                suffix = host[dot + 1 :]
                if suffix in self.wildcard:
                    yield self.wildcard[suffix]
                dot = host.find(".", dot + 1)
        if self.every:
            yield self.every


_Indexed = dict[tuple[int, str, str], tuple[Host, _Paths]]


@dataclass(frozen=True, slots=True)
class Router:
    """The index of one table. `indexed` are parts that the next index can reuse, by port, listener and host.

    `asks_for_length`: a match asks for the Content-Length, which the edge keeps apart from the head. `asks_for_model`:
    one asks for the name of the model (`MODEL_NAME`), which the body or the path has.
    """

    rules: Mapping[str, Rule]
    ports: "Mapping[int, _ByHost[tuple[Listener, _ByHost[_Paths]]]]"
    patterns: Mapping[str, Pattern]
    indexed: _Indexed
    asks_for_length: bool
    asks_for_model: bool


# ── Once per table ──────────────────────────────────────────────────────────────────────────────────────────────────


def check(table: Table) -> list[str]:
    """Return one sentence for each regular expression or substitution that cannot be used."""
    used = [(f"rule {match.rule}", text, "") for match, text in _texts(table)]
    used += [
        (f"rule {name}", *part.rewrite.regex)
        for name, rule in table.rules.items()
        for part in (rule.filters, *(backend.filters for backend in rule.backends))
        if part.rewrite is not None and part.rewrite.regex is not None
    ]
    return [
        f"{where}: the regular expression {text!r} cannot be used: {problem}"
        for where, text, substitution in used
        if (problem := pattern_problem(text, substitution))
    ]


def index(table: Table, before: Router | None = None) -> Router:
    """Index a table; unchanged hosts are taken from the index `before`.

    Raises:
        InvalidTable: a regular expression cannot be used, with the sentences of `check`.
    """
    try:
        patterns = {text: compiled(text) for _, text in _texts(table)}
    except BadPattern:
        raise InvalidTable(*check(table)) from None
    known = before.indexed if before is not None else {}
    indexed: _Indexed = {}
    ports = {port.number: _listeners(port, known, indexed) for port in table.ports}
    asks_for_length, asks_for_model = _asks_for("content-length", table), _asks_for(MODEL_NAME, table)
    return Router(table.rules, ports, patterns, indexed, asks_for_length, asks_for_model)


def _asks_for(field: str, table: Table) -> bool:
    return any(
        wanted.name == field
        for port in table.ports
        for listener in port.listeners
        for host in listener.hosts
        for match in host.matches
        if match.headers
        for wanted in match.headers
    )


def _listeners(port: Port, known: _Indexed, indexed: _Indexed) -> "_ByHost[tuple[Listener, _ByHost[_Paths]]]":
    listeners: _ByHost[tuple[Listener, _ByHost[_Paths]]] = _ByHost()
    for listener in port.listeners:
        hosts: _ByHost[_Paths] = _ByHost()
        for host in listener.hosts:
            place = (port.number, listener.name, host.hostname)
            same = known.get(place)
            indexed[place] = same if same is not None and same[0] == host else (host, _paths(host))
            hosts.put(host.hostname, indexed[place][1])
        listeners.put(listener.hostname, (listener, hosts))
    return listeners


def _paths(host: Host) -> _Paths:
    paths = _Paths()
    for entry in map(_Entry, range(len(host.matches)), host.matches, map(_for_any_model, host.matches)):
        path = entry.match.path
        if path.kind == "Exact":
            paths.exact.setdefault(_canonical(path.value), []).append(entry)
        elif path.kind == "PathPrefix":
            paths.prefix.setdefault(_canonical(path.value).rstrip("/"), []).append(entry)
        else:
            paths.pattern.append(entry)
    paths.lengths = set(map(len, paths.prefix))
    paths.longest = max(paths.lengths, default=0)
    paths.sets = _sets(host)
    return paths


def _sets(host: Host) -> dict[tuple[str, str], PatternSet]:
    """Build a set for each part of a request that has many expressions."""
    texts: dict[tuple[str, str], list[str]] = {}
    for match in host.matches:
        for part, name, text in _expressions(match):
            texts.setdefault((part, name), []).append(text)
    made = {key: pattern_set(each) for key, each in texts.items()}
    return {key: one for key, one in made.items() if one is not None}


def _expressions(match: Match) -> Iterator[tuple[str, str, str]]:
    """Yield the part of a request, its name and the expression, for each regular expression of a match."""
    if match.path.kind == "RegularExpression":
        yield "path", "", match.path.value
    for part, values in (("header", match.headers), ("query", match.query)):
        for wanted in values:
            if wanted.kind == "RegularExpression":
                yield part, wanted.name, wanted.value


def _canonical(value: str) -> str:
    """Return a route's path in the spelling of requests; a path that no request can have stays as it is."""
    try:
        return canonical(value)
    except BadTarget:
        return value


def _texts(table: Table) -> Iterator[tuple[Match, str]]:
    """Yield every regular expression that matching uses."""
    for port in table.ports:
        for listener in port.listeners:
            for host in listener.hosts:
                for match in host.matches:
                    if match.headers or match.query or match.path.kind == "RegularExpression":
                        for _, _, text in _expressions(match):
                            yield match, text


# ── Once per request ────────────────────────────────────────────────────────────────────────────────────────────────


def find(router: Router, port: int, head: Head) -> MatchedRule | None:
    """Return the rule for a request at `port`, None if there is none.

    Only the most specific listener counts (Gateway API, listener isolation). Within it a less specific host is used if
    a more specific one has no match.
    """
    listeners = router.ports.get(port)
    if listeners is None or not head.path.startswith("/"):
        return None
    host = hostname(head.host)
    request = RequestView(head, router.patterns)
    for listener, hosts in next(listeners.of(host), ()):
        for same_name in hosts.of(host):
            for paths in same_name:
                match, prefix = _first(paths, request)
                if match is not None:
                    return MatchedRule(router.rules[match.rule], match, port, listener, prefix)
    return None


def by_model(router: Router, port: int, head: Head) -> Iterator[tuple[MatchedRule, tuple[str, ...]]]:
    """Yield the rules that a model can be asked by at `port` if it has the right name, each with the names that it has
    exactly; a name by an expression is not among them.

    Models are asked by POST, whatever the method of the head is. What follows a rule for any name is never reached; one
    for an exact path may be for that path alone.
    """
    for found in _with_any_model(router, port, head._replace(method="POST")):
        names = [field for field in found.match.headers if field.name == MODEL_NAME]
        if names:
            yield found, tuple(field.value for field in names if field.kind == "Exact")
        elif found.match.path.kind != "Exact":
            return


def depends_on_model(router: Router, port: int, head: Head) -> bool:
    """Tell whether the rule for a request at `port` depends on the name of its model; `head` need not name it."""
    first = next(_with_any_model(router, port, head), None)
    return first is not None and is_for_one_model(first.match)


def candidates(router: Router, port: int, head: Head) -> Iterator[MatchedRule]:
    """Yield the rules of which one serves a request at `port`: those for a model, and the first for any other."""
    for found in _with_any_model(router, port, head):
        yield found
        if not is_for_one_model(found.match):
            return


def _with_any_model(router: Router, port: int, head: Head) -> Iterator[MatchedRule]:
    """Yield, in order, what matches a request if its model had the right name."""
    listeners = router.ports.get(port)
    if listeners is None or not head.path.startswith("/"):
        return
    host = hostname(head.host)
    request = RequestView(head, router.patterns)
    for listener, hosts in next(listeners.of(host), ()):
        for paths in (paths for same_name in hosts.of(host) for paths in same_name):
            by_path = [zip(itertools.repeat(prefix), entries) for prefix, entries in _by_path(paths, head.path)]
            for prefix, entry in heapq.merge(*by_path, key=lambda each: each[1].place):
                if _fits(entry.any_model, request, paths.sets):
                    yield MatchedRule(router.rules[entry.match.rule], entry.match, port, listener, prefix)


def _for_any_model(match: Match) -> Match:
    if not is_for_one_model(match):
        return match
    return msgspec.structs.replace(match, headers=tuple(each for each in match.headers if each.name != MODEL_NAME))


def is_for_one_model(match: Match) -> bool:
    """Tell whether a match asks for the name of the model."""
    return any(field.name == MODEL_NAME for field in match.headers)


def _first(paths: _Paths, request: RequestView) -> tuple[Match | None, str]:
    """Return the first match in the compiler's order, and the part of the path that it matched."""
    best: _Entry | None = None
    matched = ""
    for part, entries in _by_path(paths, request.head.path):
        for entry in entries:
            if best is not None and entry.place > best.place:
                break
            if _fits(entry.match, request, paths.sets):
                best, matched = entry, part
                break
    return (best.match if best is not None else None), matched


def _by_path(paths: _Paths, path: str) -> Iterator[tuple[str, list[_Entry]]]:
    """Yield the candidates for a path: the part that they match, and their entries in order."""
    if path in paths.exact:
        yield path, paths.exact[path]
    if paths.prefix:
        end = len(path) if len(path) <= paths.longest else path.rfind("/", 0, paths.longest + 1)
        while end >= 0:
            if end in paths.lengths and (prefix := path[:end]) in paths.prefix:
                yield prefix, paths.prefix[prefix]
            end = path.rfind("/", 0, end)
    if paths.pattern:
        yield path, paths.pattern


def _fits(match: Match, request: RequestView, sets: Sets) -> bool:
    """Check method, headers and query of a match; its path already matched, unless it is an expression."""
    if match.method and match.method != request.head.method:
        return False
    if match.path.kind == "RegularExpression" and not request.has_path(match.path.value, sets):
        return False
    if match.headers and not all(request.has_header(wanted, sets) for wanted in match.headers):
        return False
    return not match.query or all(request.has_parameter(wanted, sets) for wanted in match.query)


__all__ = [
    "BadTarget",
    "Head",
    "MatchedRule",
    "Router",
    "by_model",
    "candidates",
    "check",
    "depends_on_model",
    "find",
    "hostname",
    "index",
    "is_for_one_model",
    "normalise",
]
