"""A request's head → the rule that serves it. The compiler sorted by precedence; here the first match wins.

An index is made once per table, so that finding does not grow with the number of routes: hosts and exact paths are
looked up, prefixes are tried from the longest to the shortest element of the path, and only the entries of one path
are walked. The answer is always that of a plain walk over `Host.matches` in order.

Patterns are Python's `re`, matched against whole values. A nested repeat, which can take exponential time, is refused
when a table comes in.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Generic, NamedTuple, TypeVar
from urllib.parse import parse_qsl

from switchover_dataplane.pattern import pattern_problem
from switchover_dataplane.table import Backend, Host, Listener, Match, Port, Rule, Table, ValueMatch

_ENCODED_DOT: Final = re.compile("%2e", re.IGNORECASE)

Kept = TypeVar("Kept")


class BadTarget(ValueError):
    """A request target that cannot be served; the text says why."""


class Head(NamedTuple):
    """What matching looks at. `host` is the Host field as sent, `path` normalised, `headers` case-insensitive."""

    host: str
    method: str
    path: str
    query: str
    headers: Mapping[str, str]


class Found(NamedTuple):
    """The rule that serves a request, the match that chose it, and the port it came in at."""

    rule: Rule
    match: Match
    port: int


@dataclass(slots=True)
class _Paths:
    """The matches of one host by path, each with its place in the compiler's order."""

    exact: dict[str, list[tuple[int, Match]]] = field(default_factory=dict)
    prefix: dict[str, list[tuple[int, Match]]] = field(default_factory=dict)
    pattern: list[tuple[int, Match]] = field(default_factory=list)


@dataclass(slots=True)
class _Hosts(Generic[Kept]):
    """Something kept by hostname: exact names, wildcards by their suffix, and for every host."""

    exact: dict[str, Kept] = field(default_factory=dict)
    wildcard: dict[str, Kept] = field(default_factory=dict)
    every: Kept | None = None

    def put(self, hostname: str, kept: Kept) -> None:
        """Keep the first for each hostname: the compiler put the one with precedence first."""
        if not hostname:
            self.every = kept if self.every is None else self.every
        elif hostname.startswith("*."):
            self.wildcard.setdefault(hostname[2:], kept)
        else:
            self.exact.setdefault(hostname, kept)

    def of(self, host: str) -> Iterator[Kept]:
        """Yield what is kept for a host, the most specific first; "*.x" stands for one or more labels before x."""
        if host in self.exact:
            yield self.exact[host]
        if self.wildcard:
            suffix = host
            while "." in suffix:
                suffix = suffix.partition(".")[2]
                if suffix in self.wildcard:
                    yield self.wildcard[suffix]
        if self.every is not None:
            yield self.every


@dataclass(frozen=True, slots=True)
class Router:
    """The index of one table."""

    rules: Mapping[str, Rule]
    ports: Mapping[int, "_Hosts[_Hosts[_Paths]]"]
    patterns: Mapping[str, re.Pattern[str]]


# ── Once per table ──────────────────────────────────────────────────────────────────────────────────────────────────


def check(table: Table) -> list[str]:
    """Name every pattern that cannot be used: one that does not compile, is too long, or repeats a repeat."""
    used = [(match.rule, pattern) for match, pattern in _patterns(table)]
    used += [
        (name, part.rewrite.regex[0])
        for name, rule in table.rules.items()
        for part in (rule.filters, *(backend.filters for backend in rule.backends))
        if part.rewrite is not None and part.rewrite.regex is not None
    ]
    return [
        f"rule {rule}: the pattern {pattern!r} {reason}"
        for rule, pattern in used
        if (reason := pattern_problem(pattern)) is not None
    ]


def index(table: Table) -> Router:
    """Index a table that `check` has nothing against."""
    return Router(
        rules=table.rules,
        ports={port.number: _listeners(port) for port in table.ports},
        patterns={pattern: re.compile(pattern) for _, pattern in _patterns(table)},
    )


def _listeners(port: Port) -> "_Hosts[_Hosts[_Paths]]":
    listeners: _Hosts[_Hosts[_Paths]] = _Hosts()
    for listener in port.listeners:
        listeners.put(listener.hostname, _hosts(listener))
    return listeners


def _hosts(listener: Listener) -> "_Hosts[_Paths]":
    hosts: _Hosts[_Paths] = _Hosts()
    for host in listener.hosts:
        hosts.put(host.hostname, _paths(host))
    return hosts


def _paths(host: Host) -> _Paths:
    paths = _Paths()
    for place, match in enumerate(host.matches):
        if match.path.kind == "Exact":
            paths.exact.setdefault(match.path.value, []).append((place, match))
        elif match.path.kind == "PathPrefix":
            paths.prefix.setdefault(match.path.value.rstrip("/"), []).append((place, match))
        else:
            paths.pattern.append((place, match))
    return paths


def _patterns(table: Table) -> Iterator[tuple[Match, str]]:
    for port in table.ports:
        for listener in port.listeners:
            for host in listener.hosts:
                for match in host.matches:
                    if match.path.kind == "RegularExpression":
                        yield match, match.path.value
                    for wanted in (*match.headers, *match.query):
                        if wanted.kind == "RegularExpression":
                            yield match, wanted.value


# ── Once per request ────────────────────────────────────────────────────────────────────────────────────────────────


def find(router: Router, port: int, head: Head) -> Found | None:
    """Find the rule for a request that came in at `port`.

    The most specific listener alone counts (Gateway API, listener isolation); within it a less specific host is asked
    when a more specific one has nothing for the request.
    """
    listeners = router.ports.get(port)
    if listeners is None:
        return None
    host = hostname(head.host)
    for hosts in listeners.of(host):
        for paths in hosts.of(host):
            match = _first(router, paths, head)
            if match is not None:
                return Found(router.rules[match.rule], match, port)
        return None
    return None


def _first(router: Router, paths: _Paths, head: Head) -> Match | None:
    """Return the match that comes first in the compiler's order."""
    best: tuple[int, Match] | None = None
    for entries in _by_path(router, paths, head.path):
        for entry in entries:
            if best is not None and entry[0] > best[0]:
                break
            if _fits(router, entry[1], head):
                best = entry
                break
    return best[1] if best is not None else None


def _by_path(router: Router, paths: _Paths, path: str) -> Iterator[list[tuple[int, Match]]]:
    """Yield the entries whose path fits, a list for each distinct path; each list is in order."""
    if path in paths.exact:
        yield paths.exact[path]
    if paths.pattern:
        yield [entry for entry in paths.pattern if router.patterns[entry[1].path.value].fullmatch(path)]
    prefix = path.rstrip("/")
    while True:
        if prefix in paths.prefix:
            yield paths.prefix[prefix]
        if not prefix:
            return
        prefix = prefix.rpartition("/")[0]


def _fits(router: Router, match: Match, head: Head) -> bool:
    if match.method and match.method != head.method:
        return False
    if match.headers and not all(_header_fits(router, wanted, head.headers) for wanted in match.headers):
        return False
    return not match.query or _query_fits(router, match.query, head.query)


def _header_fits(router: Router, wanted: ValueMatch, headers: Mapping[str, str]) -> bool:
    """A field that was sent several times counts as its values joined by commas (RFC 9110, section 5.3)."""
    values = headers.getall(wanted.name, None) if hasattr(headers, "getall") else headers.get(wanted.name)
    if values is None:
        return False
    return _value_fits(router, wanted, values if isinstance(values, str) else ",".join(values))


def _query_fits(router: Router, wanted: tuple[ValueMatch, ...], query: str) -> bool:
    """The first value of a repeated parameter counts (Gateway API, HTTPQueryParamMatch)."""
    given: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        given.setdefault(name, value)
    return all(w.name in given and _value_fits(router, w, given[w.name]) for w in wanted)


def _value_fits(router: Router, wanted: ValueMatch, value: str) -> bool:
    if wanted.kind == "Exact":
        return value == wanted.value
    return router.patterns[wanted.value].fullmatch(value) is not None


def choose_backend(found: Found, chance: float) -> Backend | None:
    """Choose a backend by weight; `chance` is a random number in 0..1. None where there is nothing to choose."""
    backends = found.rule.backends
    if len(backends) == 1:
        return backends[0] if backends[0].weight else None
    left = chance * sum(backend.weight for backend in backends)
    for backend in backends:
        left -= backend.weight
        if left < 0:
            return backend
    return next((backend for backend in reversed(backends) if backend.weight), None)


def hostname(host: str) -> str:
    """Return the name in a Host field: without port and trailing dot, lower case."""
    host = host.strip().lower()
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.partition(":")[0].rstrip(".")


def normalise(target: str) -> tuple[str, str]:
    """Request target → path and query as they are matched and forwarded.

    Dot segments are resolved, also where their dots are encoded (RFC 3986, section 6.2.2), so that no path slips by a
    prefix; an encoded slash is no separator and stays as it is; the query is not touched.

    Raises:
        BadTarget: a form that no origin serves (RFC 9112, section 3.2), or a path with a backslash.
    """
    if not target.startswith("/"):
        target = _origin_form(target)
    target = target.partition("#")[0]
    path, _, query = target.partition("?")
    if "\\" in path or "%5c" in path.lower():
        raise BadTarget("it holds a backslash")
    if "/." in path or "%2e" in path.lower():
        path = _without_dots(_ENCODED_DOT.sub(".", path))
    return path or "/", query


def _origin_form(target: str) -> str:
    scheme, found, rest = target.partition("://")
    if not found or scheme.lower() not in ("http", "https"):
        raise BadTarget("it must be a path that begins with /, or an absolute http URI")
    _, slash, path = rest.partition("/")
    if slash:
        return "/" + path
    _, mark, query = rest.partition("?")
    return f"/?{query}" if mark else "/"


def _without_dots(path: str) -> str:
    kept: list[str] = []
    segments = path.split("/")[1:]
    for segment in segments:
        if segment == "..":
            if kept:
                kept.pop()
        elif segment != ".":
            kept.append(segment)
    if segments[-1] in (".", ".."):
        kept.append("")
    return "/" + "/".join(kept)


__all__ = ["BadTarget", "Found", "Head", "Router", "check", "choose_backend", "find", "hostname", "index", "normalise"]
