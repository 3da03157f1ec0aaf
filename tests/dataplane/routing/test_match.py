import collections
import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qs

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from multidict import CIMultiDict

from switchover_dataplane.routing import backends, match
from switchover_dataplane.routing.match import Head
from switchover_dataplane.table.ports import Host, Listener, Match, PathMatch, Port, ValueMatch
from switchover_dataplane.table.rules import Backend, Filters, Rewrite, Rule
from switchover_dataplane.table.table import Table
from switchover_dataplane.table.wire import InvalidTable, sealed

PORT = 8080


def table_of(*listeners: Listener) -> Table:
    names = {one.rule for listener in listeners for host in listener.hosts for one in host.matches}
    return sealed((Port(PORT, listeners=listeners),), {name: Rule("ns/route", name) for name in names}, {}, {}, {})


def served(*matches: Match, hostname: str = "") -> Table:
    return table_of(Listener("web", hosts=(Host(hostname, matches),)))


def head(
    path: str = "/",
    *,
    host: str = "example.com",
    method: str = "GET",
    query: str = "",
    headers: Sequence[tuple[str, str]] = (),
) -> Head:
    return Head(host, method, path, query, CIMultiDict(headers))


def found(table: Table, request: Head, port: int = PORT) -> str | None:
    result = match.find(match.index(table), port, request)
    return None if result is None else result.rule.name


def exact(rule: str, value: str) -> Match:
    return Match(rule, PathMatch(value, "Exact"))


def prefix(rule: str, value: str) -> Match:
    return Match(rule, PathMatch(value, "PathPrefix"))


def pattern(rule: str, value: str) -> Match:
    return Match(rule, PathMatch(value, "RegularExpression"))


# ── Paths ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("path", ["/foo", "/foo/", "/foo/bar", "/foo/bar/baz"])
def test_a_prefix_matches_itself_and_everything_below_it(path: str) -> None:
    assert found(served(prefix("foo", "/foo")), head(path)) == "foo"


@pytest.mark.parametrize("path", ["/foobar", "/fo", "/", "/bar/foo", "/foo%2Fbar"])
def test_a_prefix_matches_whole_elements_only(path: str) -> None:
    assert found(served(prefix("foo", "/foo")), head(path)) is None


def test_the_longest_prefix_wins_however_deep_the_path_is() -> None:
    table = served(prefix("long", "/a/b/c"), prefix("short", "/a"), prefix("root", "/"))
    assert found(table, head("/a/b/c/d/e/f")) == "long"
    assert found(table, head("/a/b/d")) == "short"
    assert found(table, head("/b")) == "root"


def test_an_exact_path_matches_nothing_but_itself() -> None:
    table = served(exact("one", "/one"))
    assert found(table, head("/one")) == "one"
    assert found(table, head("/one/")) is None
    assert found(table, head("/one/two")) is None


def test_a_regular_expression_matches_the_whole_path_in_its_place_of_the_order() -> None:
    table = served(exact("exact", "/v1/x"), pattern("pattern", "/v[0-9]+/.*"), prefix("prefix", "/v1"))
    assert found(table, head("/v1/x")) == "exact"
    assert found(table, head("/v1/y")) == "pattern"
    assert found(table, head("/v1")) == "prefix"
    assert found(table, head("/a/v1/y")) is None


def test_a_path_that_the_route_spells_differently_is_the_same_path() -> None:
    table = served(exact("exact", "/caf%c3%a9"), prefix("prefix", "/%61/b"))
    assert found(table, head("/caf%C3%A9")) == "exact"
    assert found(table, head("/a/b/c")) == "prefix"


def test_a_path_of_a_route_that_no_request_can_have_harms_nothing() -> None:
    assert found(served(exact("never", "/a%zz"), prefix("rest", "/")), head("/a")) == "rest"


def test_the_asterisk_of_options_is_no_path() -> None:
    assert found(served(prefix("root", "/"), pattern("any", ".*")), head("*", method="OPTIONS")) is None


def test_the_part_that_a_prefix_matched_is_returned_for_rewriting() -> None:
    router = match.index(served(exact("exact", "/x"), prefix("foo", "/f%6fo"), prefix("root", "/")))
    told = {path: match.find(router, PORT, head(path)) for path in ("/x", "/foo/bar", "/bar")}
    assert {path: one.prefix for path, one in told.items() if one} == {"/x": "/x", "/foo/bar": "/foo", "/bar": ""}


# ── Methods, headers, parameters ────────────────────────────────────────────────────────────────────────────────────


def test_entries_of_one_path_are_tried_in_the_compilers_order() -> None:
    table = served(
        Match("post", PathMatch("/a"), method="POST"),
        Match("blue", PathMatch("/a"), headers=(ValueMatch("color", "blue"),)),
        Match("query", PathMatch("/a"), query=(ValueMatch("q", "1"),)),
        Match("rest", PathMatch("/a")),
    )
    assert found(table, head("/a", method="POST", headers=[("Color", "blue")])) == "post"
    assert found(table, head("/a", headers=[("COLOR", "blue")], query="q=1")) == "blue"
    assert found(table, head("/a", query="q=1")) == "query"
    assert found(table, head("/a", query="q=2")) == "rest"


def test_a_method_is_compared_with_its_case() -> None:
    assert found(served(Match("get", method="GET")), head(method="get")) is None


def test_every_wanted_header_has_to_fit() -> None:
    table = served(Match("both", headers=(ValueMatch("a", "1"), ValueMatch("b", "2.*", "RegularExpression"))))
    assert found(table, head(headers=[("a", "1"), ("b", "234")])) == "both"
    assert found(table, head(headers=[("a", "1"), ("b", "1234")])) is None
    assert found(table, head(headers=[("a", "1")])) is None


def test_a_header_that_was_sent_twice_counts_as_its_values_joined_by_a_comma() -> None:
    table = served(Match("list", headers=(ValueMatch("a", "1,2"),)))
    assert found(table, head(headers=[("a", "1"), ("A", "2")])) == "list"
    assert found(table, head(headers=[("a", "1")])) is None


@pytest.mark.parametrize(
    ("query", "rule"),
    [
        ("q=a%20b", "q"),
        ("q=a+b", "q"),
        ("%71=a%20b", "q"),
        ("x=1&q=a%20b&y", "q"),
        ("q=a%20b&q=c", "q"),
        ("q=c&q=a%20b", None),
        ("Q=a%20b", None),
        ("q=", None),
        ("", None),
    ],
)
def test_the_first_value_of_a_parameter_counts_decoded(query: str, rule: str | None) -> None:
    assert found(served(Match("q", query=(ValueMatch("q", "a b"),))), head(query=query)) == rule


def test_a_parameter_can_be_wanted_empty_or_by_a_regular_expression() -> None:
    table = served(
        Match("empty", query=(ValueMatch("e", ""),)),
        Match("number", query=(ValueMatch("n", "[0-9]+", "RegularExpression"),)),
    )
    assert found(table, head(query="e")) == "empty"
    assert found(table, head(query="n=12")) == "number"
    assert found(table, head(query="n=x")) is None


# ── Hosts ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def hosts_table() -> Table:
    return table_of(
        Listener(
            "web",
            hosts=(
                Host("a.example.com", (prefix("exact", "/exact"),)),
                Host("*.b.example.com", (prefix("deep", "/"),)),
                Host("*.example.com", (prefix("wild", "/wild"),)),
                Host("", (prefix("every", "/"),)),
            ),
        )
    )


@pytest.mark.parametrize(
    ("host", "path", "rule"),
    [
        ("a.example.com", "/exact", "exact"),
        ("A.Example.COM.:8080", "/exact", "exact"),
        ("a.example.com", "/wild", "wild"),
        ("a.example.com", "/other", "every"),
        ("x.y.b.example.com", "/wild", "deep"),
        ("b.example.com", "/wild", "wild"),
        ("example.com", "/wild", "every"),
        (".example.com", "/wild", "every"),
        ("notexample.com", "/wild", "every"),
        ("[::1]:80", "/wild", "every"),
        ("", "/wild", "every"),
    ],
)
def test_a_less_specific_host_serves_what_a_more_specific_one_has_no_rule_for(
    host: str, path: str, rule: str | None
) -> None:
    assert found(hosts_table(), head(path, host=host)) == rule


def test_only_the_most_specific_listener_is_asked() -> None:
    table = table_of(
        Listener("exact", "a.example.com", hosts=(Host("a.example.com", (prefix("exact", "/exact"),)),)),
        Listener("wild", "*.example.com", hosts=(Host("*.example.com", (prefix("wild", "/"),)),)),
        Listener("every", hosts=(Host("", (prefix("every", "/"),)),)),
    )
    assert found(table, head("/exact", host="a.example.com")) == "exact"
    assert found(table, head("/other", host="a.example.com")) is None
    assert found(table, head("/other", host="b.example.com")) == "wild"
    assert found(table, head("/other", host="example.com")) == "every"


def test_listeners_of_two_gateways_with_one_hostname_are_asked_in_order() -> None:
    table = table_of(
        Listener("first", hosts=(Host("", (prefix("one", "/one"),)),)),
        Listener("second", hosts=(Host("", (prefix("all", "/"),)),)),
    )
    router = match.index(table)
    names = [one.listener.name for path in ("/one", "/two") if (one := match.find(router, PORT, head(path)))]
    assert names == ["first", "second"]


def test_a_port_or_a_host_that_nobody_listens_on_finds_nothing() -> None:
    assert found(served(prefix("root", "/")), head(), port=9) is None
    assert found(table_of(Listener("one", "one.example", hosts=(Host("", (prefix("r", "/"),)),))), head()) is None


# ── As a walk ───────────────────────────────────────────────────────────────────────────────────────────────────────

PATHS = ["/", "/a", "/a/", "/b", "/ab", "/a/b", "/a/b/", "/a/bb", "/a/b/a", "/b/a/b"]
PATH_MATCHES = [
    *(PathMatch(path, "Exact") for path in PATHS),
    *(PathMatch(path, "PathPrefix") for path in PATHS if path == "/" or not path.endswith("/")),
    *(PathMatch(text, "RegularExpression") for text in ("/a.*", "/[ab]/.*", ".*b")),
]
VALUES = [
    ValueMatch("x", "1"),
    ValueMatch("x", "[12]", "RegularExpression"),
    ValueMatch("y", "1"),
    ValueMatch("x", "1,2"),
]
HOSTNAMES = ["a.b.c", "*.b.c", "*.c", ""]  # from most to least specific
NAMES = ["a.b.c", "x.b.c", "b.c", "c", "a.b.c:80", "z.a.b.c", "d"]

matches = st.builds(
    Match,
    st.integers(0, 99).map(str),
    st.sampled_from(PATH_MATCHES),
    st.sampled_from(["", "", "GET", "POST"]),
    st.lists(st.sampled_from(VALUES), max_size=2).map(tuple),
    st.lists(st.sampled_from(VALUES[:3]), max_size=1).map(tuple),
)
plain = st.builds(Match, st.integers(0, 99).map(str), st.sampled_from(PATH_MATCHES))
heads = st.builds(
    Head,
    st.just("a.b.c"),
    st.sampled_from(["GET", "POST"]),
    st.sampled_from(PATHS),
    st.sampled_from(["", "x=1", "x=2&x=1", "y=%31&x=2", "y"]),
    st.sampled_from(
        [CIMultiDict(pairs) for pairs in ((), [("X", "1")], [("x", "1"), ("X", "2")], [("x", "2"), ("y", "1")])]
    ),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(matches, max_size=8), st.lists(heads, min_size=1, max_size=6))
def test_within_a_host_the_index_finds_what_a_walk_in_order_would_find(
    order: list[Match], requests: list[Head]
) -> None:
    table = served(*order)
    router = match.index(table)
    assert [named(router, request) for request in requests] == [walk(table, request) for request in requests]


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(HOSTNAMES), st.lists(st.tuples(st.sampled_from(HOSTNAMES), plain), max_size=4)))
)
def test_over_listeners_and_hosts_the_index_finds_what_a_walk_in_order_would_find(
    given_listeners: list[tuple[str, list[tuple[str, Match]]]],
) -> None:
    by_name = dict(given_listeners)
    table = table_of(
        *(
            Listener(name, name, hosts=tuple(Host(own, (one,)) for own, one in sorted(by_name[name], key=specific)))
            for name in HOSTNAMES
            if name in by_name
        )
    )
    router = match.index(table)
    requests = [head(path, host=host) for host in NAMES for path in PATHS[:4]]
    assert [named(router, request) for request in requests] == [walk(table, request) for request in requests]


def specific(pair: tuple[str, Match]) -> int:
    return HOSTNAMES.index(pair[0])


def named(router: match.Router, request: Head) -> str | None:
    result = match.find(router, PORT, request)
    return result.rule.name if result is not None else None


def walk(table: Table, request: Head) -> str | None:
    name = request.host.partition(":")[0]
    listener = next((one for one in table.ports[0].listeners if covers(one.hostname, name)), Listener("none"))
    order = (one for host in listener.hosts if covers(host.hostname, name) for one in host.matches)
    return next((one.rule for one in order if fits(one, request)), None)


def covers(hostname: str, name: str) -> bool:
    return hostname in ("", name) or (hostname.startswith("*.") and name.endswith(hostname[1:]))


def fits(one: Match, request: Head) -> bool:
    parameters = {name: values[0] for name, values in parse_qs(request.query, keep_blank_values=True).items()}
    fields = {name.lower(): ",".join(request.headers.getall(name)) for name in request.headers}
    return (
        path_fits(one.path, request.path)
        and one.method in ("", request.method)
        and all(wanted.name in fields and value_fits(wanted, fields[wanted.name]) for wanted in one.headers)
        and all(wanted.name in parameters and value_fits(wanted, parameters[wanted.name]) for wanted in one.query)
    )


def path_fits(wanted: PathMatch, path: str) -> bool:
    if wanted.kind == "PathPrefix":
        return (path.rstrip("/") + "/").startswith(wanted.value.rstrip("/") + "/")
    return path == wanted.value if wanted.kind == "Exact" else re.fullmatch(wanted.value, path) is not None


def value_fits(wanted: ValueMatch, value: str) -> bool:
    return value == wanted.value if wanted.kind == "Exact" else re.fullmatch(wanted.value, value) is not None


MANY = [f"[a-z]*{number}" for number in range(20)]
"""So many expressions for one part of a request that they are looked for together."""


@settings(max_examples=50, deadline=None)
@given(
    st.permutations(
        [
            *(Match(f"path-{text}", PathMatch(f"/{text}", "RegularExpression")) for text in MANY),
            *(Match(f"x-{text}", headers=(ValueMatch("x", text, "RegularExpression"),)) for text in MANY),
            *(Match(f"q-{text}", query=(ValueMatch("q", text, "RegularExpression"),)) for text in MANY),
            Match("any-x", headers=(ValueMatch("x", "(?s).*", "RegularExpression"),)),
            Match("a-prefix", PathMatch("/a1")),
        ]
    ),
    st.sampled_from(["/a1", "/b12", "/1", "/none", "/a1/b"]),
    st.sampled_from(["", "q=a1", "q=x19&q=a1", "q=none", "other=a1"]),
    st.sampled_from([None, "a1", "b7", "a1,b7", "", "none", "é1"]),
)
def test_many_expressions_find_what_a_walk_in_order_would_find(
    order: list[Match], path: str, query: str, value: str | None
) -> None:
    table = served(*order)
    request = head(path, host="a.example", query=query, headers=[] if value is None else [("x", value)])
    assert named(match.index(table), request) == walk(table, request)


class Query(str):
    """A query that counts how often it is parsed."""

    __slots__ = ("parsed",)

    def split(self, *given: Any) -> list[str]:
        self.parsed = getattr(self, "parsed", 0) + 1
        return super().split(*given)


@pytest.mark.parametrize("kind", ["Exact", "RegularExpression"])
def test_a_request_is_read_once_however_many_matches_look_at_the_same_part_of_it(kind: Any) -> None:
    query = Query("&".join(["a=b"] * 1_900))
    looking = (
        Match(f"r{number}", PathMatch("/many", "Exact"), query=(ValueMatch("q", f"v{number}", kind),))
        for number in range(1_000)
    )
    assert found(served(*looking), head("/many", query=query)) is None
    assert query.parsed == 1

    headers = Watched(x="none")
    looking = (
        Match(f"r{number}", PathMatch("/many", "Exact"), headers=(ValueMatch("x", f"v{number}", kind),))
        for number in range(1_000)
    )
    assert found(served(*looking), Head("", "GET", "/many", "", headers)) is None
    assert headers.asked == 1


class Watched(CIMultiDict[str]):
    """Headers that count how often they are asked for."""

    asked = 0

    def getall(self, *given: Any) -> Any:
        self.asked += 1
        return super().getall(*given)


def test_a_lookup_does_not_touch_the_routes_of_other_paths() -> None:
    wanted = (ValueMatch("x", "1"),)
    table = served(*(Match(f"r{at}", PathMatch(f"/team-{at}/chat"), headers=wanted) for at in range(2_000)))
    headers = Watched(x="1")
    assert found(table, Head("", "GET", "/team-1999/chat/completions", "", headers)) == "r1999"
    assert headers.asked == 1


@settings(max_examples=60, deadline=None)
@given(st.lists(plain, max_size=3), st.lists(plain, max_size=3), st.lists(plain, max_size=3))
def test_an_index_made_from_the_one_before_finds_the_same(
    kept: list[Match], before: list[Match], after: list[Match]
) -> None:
    def table(changed: list[Match]) -> Table:
        hosts = (Host("a.b.c", tuple(kept)), Host("*.c", tuple(changed)), Host("", (prefix("root", "/"),)))
        return table_of(Listener("web", hosts=hosts))

    router = match.index(table(after), match.index(table(before)))
    requests = [head(path, host=host) for host in NAMES for path in PATHS]
    assert [named(router, request) for request in requests] == [walk(table(after), request) for request in requests]


def test_hosts_that_did_not_change_are_not_indexed_again() -> None:
    hosts = (Host("a.example", (prefix("a", "/"),)), Host("b.example", (prefix("b", "/"),)))
    before = match.index(table_of(Listener("web", hosts=hosts)))
    changed = Host("b.example", (prefix("b", "/new"),))
    after = match.index(table_of(Listener("web", hosts=(*hosts[:1], changed))), before)
    same = {place[2]: after.indexed[place] is before.indexed[place] for place in before.indexed}
    assert same == {"a.example": True, "b.example": False}


# ── What cannot be served ───────────────────────────────────────────────────────────────────────────────────────────


def test_every_unusable_expression_is_named_with_its_rule() -> None:
    rules = {
        "paths": Rule("ns/route", "0"),
        "rewrite": Rule("ns/route", "1", filters=Filters(rewrite=Rewrite(regex=("(a)", r"\2")))),
        "backend": Rule("ns/route", "2", backends=(Backend(filters=Filters(rewrite=Rewrite(regex=("[", "")))),)),
        "fine": Rule("ns/route", "3", filters=Filters(rewrite=Rewrite(regex=("(a)", r"\1")))),
    }
    bad = Match(
        "paths",
        PathMatch("(", "RegularExpression"),
        headers=(ValueMatch("a", "(?=x)", "RegularExpression"),),
        query=(ValueMatch("q", "*", "RegularExpression"), ValueMatch("q", "*")),
    )
    table = sealed((Port(PORT, listeners=(Listener("web", hosts=(Host("", (bad,)),)),)),), rules, {}, {}, {})
    reasons = match.check(table)
    assert [reason.partition(":")[0] for reason in reasons] == ["rule paths"] * 3 + ["rule rewrite", "rule backend"]
    assert "'(?=x)'" in reasons[1]
    with pytest.raises(InvalidTable) as refused:
        match.index(table)
    assert list(refused.value.reasons) == reasons


def test_a_table_without_regular_expressions_has_nothing_to_refuse() -> None:
    assert match.check(served(prefix("(", "/("))) == []


# ── Backends ────────────────────────────────────────────────────────────────────────────────────────────────────────


def chosen(weights: list[int], chance: float) -> str | None:
    rule = Rule("ns/route", "0", backends=tuple(Backend(weight, upstream=str(at)) for at, weight in enumerate(weights)))
    listener = Listener("web")
    backend = backends.choose_backend(match.MatchedRule(rule, Match("0"), PORT, listener, ""), chance)
    return None if backend is None else backend.upstream


def test_backends_share_by_weight() -> None:
    shares = collections.Counter(chosen([70, 30, 0], step / 1000) for step in range(1000))
    assert shares == {"0": 700, "1": 300}


@pytest.mark.parametrize("weights", [[], [0], [0, 0]])
def test_without_any_weight_there_is_no_backend(weights: list[int]) -> None:
    assert chosen(weights, 0.5) is None


@given(st.lists(st.integers(0, 1_000_000), min_size=1, max_size=5).filter(any), st.floats(0, 1, exclude_max=True))
def test_some_backend_with_a_weight_is_chosen_by_any_chance(weights: list[int], chance: float) -> None:
    at = chosen(weights, chance)
    assert at is not None
    assert weights[int(at)] > 0
