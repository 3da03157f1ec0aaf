"""A table in parts is the table, byte for byte, and a change alters few of them."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from switchover_dataplane.table import parts as table_parts
from switchover_dataplane.table import wire
from switchover_dataplane.table.ports import Host, Listener, Match, PathMatch, Port
from switchover_dataplane.table.rules import Rule
from switchover_dataplane.table.table import VERSION, Table
from switchover_dataplane.table.upstreams import Upstream
from switchover_dataplane.table.wire import InvalidTable, decode, encode

_NAMES = st.text(alphabet='ab/{}[],"\\\0\xe9:', max_size=4)
_MATCHES = st.builds(Match, st.just("r"), st.builds(PathMatch, _NAMES))
_HOSTS = st.lists(
    st.builds(Host, _NAMES, st.lists(_MATCHES, max_size=3).map(tuple) | st.just(tuple(map(Match, ["r"] * 150)))),
    max_size=5,
    unique_by=lambda host: host.hostname,
).map(tuple)
_LISTENERS = st.lists(st.builds(Listener, _NAMES, hosts=_HOSTS), max_size=3).map(tuple)
_PORTS = st.lists(st.builds(Port, st.integers(1, 9), listeners=_LISTENERS), max_size=3).map(tuple)
_SECRETS = st.dictionaries(_NAMES, _NAMES, max_size=5)
_UPSTREAMS = st.integers(0, 200).map(lambda many: {f"u{number}": Upstream(f"u{number}") for number in range(many)})


def content(ports: Any, secrets: Any, upstreams: Any) -> Table:
    return Table(VERSION, "", ports, {"r": Rule("ns/r", "0")}, {}, upstreams, secrets, {})


_TABLES = st.builds(content, _PORTS, _SECRETS, _UPSTREAMS)


def pushed(revision: str, parts: Any, known: Any = ()) -> Table:
    had = {part.digest: part for part in known}
    again, all_parts = table_parts.received(table_parts.push(revision, parts, set(had)), had)
    return table_parts.joined(again, all_parts)


@given(_TABLES)
def test_the_parts_of_a_table_are_its_text_and_make_the_same_table_as_it_pushed_whole(of: Table) -> None:
    sealed, parts = table_parts.sealed(of)
    assert sealed == wire.sealed(of.ports, of.rules, of.policies, of.upstreams, of.secrets, of.access)
    assert table_parts.text_of(parts) == encode(sealed)
    assert pushed(sealed.revision, parts) == decode(encode(sealed)) == sealed


@given(_TABLES, _TABLES)
def test_parts_of_another_table_make_no_difference(before: Table, after: Table) -> None:
    _, known = table_parts.sealed(before)
    sealed, parts = table_parts.sealed(after, known)
    assert [part.text for part in parts] == [part.text for part in table_parts.sealed(after)[1]]
    assert pushed(sealed.revision, parts, known) == sealed


def routes(number: int, changed: int = -1, *, one_host: bool) -> Table:
    rules = {f"ns/{n}": Rule(f"ns/{n}", "changed" if n == changed else "0") for n in range(number)}
    matches = [Match(key, PathMatch(f"/{key}")) for key in rules]
    hosts = [Host("h", tuple(matches))] if one_host else [Host(each.rule, (each,)) for each in matches]
    return Table(VERSION, "", (Port(1, "HTTP", (Listener("l", hosts=tuple(hosts)),)),), rules)


@pytest.mark.parametrize("one_host", [True, False])
def test_one_changed_rule_among_many_is_pushed_in_one_part_and_the_frame(one_host: bool) -> None:
    _, known = table_parts.sealed(routes(2000, one_host=one_host))
    sealed, parts = table_parts.sealed(routes(2000, 777, one_host=one_host), known)
    carried = msgspec.msgpack.decode(table_parts.push(sealed.revision, parts, {part.digest for part in known}))["texts"]
    kinds = {part.digest: part.kind for part in parts}
    assert sorted(kinds[digest] for digest in carried) == ["frame", "rules"]


@pytest.mark.parametrize("one_host", [True, False])
def test_a_route_that_comes_alters_the_parts_that_it_is_in_and_no_others(one_host: bool) -> None:
    _, known = table_parts.sealed(routes(1000, one_host=one_host))
    _, parts = table_parts.sealed(routes(1001, one_host=one_host))
    assert len({part.digest for part in parts} - {part.digest for part in known}) <= 5


def test_a_part_that_is_neither_carried_nor_known_is_missed() -> None:
    sealed, parts = table_parts.sealed(routes(3, one_host=False))
    with pytest.raises(table_parts.MissingParts):
        table_parts.received(table_parts.push(sealed.revision, parts, {parts[-1].digest}), {})


def altered(**changes: Any) -> bytes:
    sealed, parts = table_parts.sealed(routes(3, one_host=False))
    push = msgspec.msgpack.decode(table_parts.push(sealed.revision, parts, set()), type=table_parts.Pushed)
    return msgspec.msgpack.encode(msgspec.structs.replace(push, **{k: v(push) for k, v in changes.items()}))


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"{", "not a table in parts"),
        (altered(revision=lambda _: "x"), "not the digest"),
        (altered(parts=lambda push: push.parts[::-1]), "not the digest"),
        (altered(parts=lambda push: push.parts[1:]), "not the digest"),
        (altered(texts=lambda push: dict.fromkeys(push.texts, b"x")), "not what its digest says"),
        (altered(parts=lambda push: [("rules", digest) for _, digest in push.parts]), "not a table"),
    ],
)
def test_parts_that_make_no_table_are_refused(body: bytes, reason: str) -> None:
    with pytest.raises(InvalidTable, match=reason):
        table_parts.joined(*table_parts.received(body, {}))
