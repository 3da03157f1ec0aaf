"""Values → the objects that they are, lists of objects, and keys that stand twice."""

import json

import pytest

from switchover_operator.standalone.documents import documents
from switchover_operator.standalone.objects import Document
from switchover_operator.standalone.yaml_values import Unreadable

ITEM = "apiVersion: v1\n  kind: ConfigMap\n  metadata:\n    name: {}\n  data:\n    p: x\n    q: y\n"


def read(text: str) -> list[str]:
    """What was read: `Kind namespace/name:line`, or what is wrong."""
    found = documents(text.encode())
    return [f"{each.identity}:{each.line}" if isinstance(each, Document) else each.what for each in found]


@pytest.mark.parametrize(
    "head", ["apiVersion: v1\nkind: List\n", "# c\napiVersion: v1\nkind: &k List\n", "kind: ConfigMapList\n"]
)
def test_each_item_of_a_list_and_each_field_of_it_has_its_own_line(head: str) -> None:
    text = f"{head}items:\n- {ITEM.format('a')}- {ITEM.format('b')}"
    start = head.count("\n") + 2
    a, b = documents(text.encode())
    assert isinstance(a, Document)
    assert isinstance(b, Document)
    assert (a.line, b.line) == (start, start + 7)
    assert [b.line_of(path) - b.line for path in ("kind", "metadata.name", "metadata.namespace", "data.q")] == [
        1,
        3,
        2,
        6,
    ]


def test_lists_in_lists_are_read() -> None:
    inner = {
        "apiVersion": "v1",
        "kind": "SecretList",
        "items": [{"metadata": {"name": "a"}}, {"metadata": {"name": "b"}}],
    }
    outer = {"apiVersion": "v1", "kind": "List", "items": [inner, {**inner, "items": []}]}
    assert read(json.dumps(outer)) == ["Secret default/a:1", "Secret default/b:1"]
    assert read(json.dumps(outer, indent=1)) == ["Secret default/a:9", "Secret default/b:14"]


def test_items_of_a_list_of_one_kind_are_of_its_kind_and_version() -> None:
    text = (
        "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRouteList\nmetadata: {}\nitems:\n"
        "- metadata:\n    name: a\n  spec:\n    rules: []\n- {apiVersion: v1, kind: Secret, metadata: {name: b}}\n"
    )
    route, secret = documents(text.encode())
    assert isinstance(route, Document)
    assert isinstance(secret, Document)
    assert (route.body["apiVersion"], str(route.identity)) == ("gateway.networking.k8s.io/v1", "HTTPRoute default/a")
    assert [route.line_of(path) for path in ("", "kind", "metadata.name", "spec.rules")] == [5, 5, 6, 8]
    assert str(secret.identity) == "Secret default/b"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("kind: List\nitems: []", []),
        ("kind: List\nitems:", []),
        ("kind: List\napiVersion: v1", ["List: it has no items: a list of objects has them below `items:`"]),
        ("kind: SecretList\napiVersion: v1", ["SecretList: it has no items"]),
        ("kind: List\nitems: {a: b}", ["List: its items are no list"]),
        ("kind: List\nitems: [~, text]", ["List: an item is empty", "not a Kubernetes object"]),
        ("kind: SecretList\nitems: [{metadata: {name: a}}]", ["not a Kubernetes object: apiVersion has to be a text"]),
        ("apiVersion: x/v1\nkind: AllowList\nmetadata: {name: a}\nspec: {}", ["AllowList default/a:1"]),
    ],
)
def test_what_is_no_list_of_objects_is_named(text: str, expected: list[str]) -> None:
    found = read(text)
    assert len(found) == len(expected)
    assert all(one.startswith(start) for one, start in zip(found, expected, strict=True))


ROUTE = """\
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata:
  name: chat
spec:
  rules: [{name: a, name: b}]
  hostnames: []
  hostnames: [a]
"""


def test_a_key_that_stands_twice_is_refused_with_its_object_and_both_lines() -> None:
    found = list(documents(f"{ROUTE}---\n{ROUTE.replace('chat', 'other')}".encode()))
    assert all(isinstance(each, Unreadable) for each in found)
    wrong = [each for each in found if isinstance(each, Unreadable)]
    assert [(each.line, each.column) for each in wrong] == [(6, 21), (8, 3), (15, 21), (17, 3)]
    assert [each.what.partition(";")[0] for each in wrong] == [
        'HTTPRoute default/chat: the key "name" stands twice in one mapping, first in line 6',
        'HTTPRoute default/chat: the key "hostnames" stands twice in one mapping, first in line 7',
        'HTTPRoute default/other: the key "name" stands twice in one mapping, first in line 15',
        'HTTPRoute default/other: the key "hostnames" stands twice in one mapping, first in line 16',
    ]
    assert "two templates" in wrong[0].what


def test_a_key_that_stands_twice_in_an_item_leaves_the_other_items() -> None:
    twice = "- {apiVersion: v1, kind: Secret, metadata: {name: t}, data: {a: {b: [1]}, a: {c: 1}, 1: x, '1': x}}\n"
    text = f"apiVersion: v1\nkind: List\nitems:\n- {ITEM.format('a')}{twice}- {ITEM.format('b')}"
    found = list(documents(text.encode()))
    assert [(each.line, each.line_of("data.q")) for each in found if isinstance(each, Document)] == [(4, 10), (12, 18)]
    assert [each.what[:40] for each in found if isinstance(each, Unreadable)] == [
        'Secret default/t: the key "a" stands twi',
        'Secret default/t: the key "1" stands twi',
    ]


def test_a_key_of_the_list_itself_that_stands_twice_is_refused() -> None:
    text = "kind: List\nitems: [{apiVersion: v1, kind: Secret, metadata: {name: t}}]\nitems: []\n"
    assert [each[:34] for each in read(text)] == ["Secret default/t:2", 'List: the key "items" stands twice']


def test_a_key_twice_where_mappings_are_merged_is_refused() -> None:
    text = f"base: &base {{p: 1}}\n{ROUTE.partition('  rules')[0]}  a:\n    <<: *base\n    q: 1\n    q: 2\n"
    [what] = read(text)
    assert what.startswith('HTTPRoute default/chat: the key "q" stands twice in one mapping, first in line 9; ')


def test_many_keys_that_stand_twice_are_named_up_to_a_hundred() -> None:
    text = "apiVersion: v1\nkind: Secret\nmetadata: {name: t}\ndata:\n" + "  a: b\n" * 5000
    assert len(read(text)) == 100


def test_a_long_key_is_shortened_and_one_that_is_a_secret_is_masked() -> None:
    [what] = read(f"{'b' * 100}: 1\n{'b' * 100}: 2\n")
    assert f'"{"b" * 60}..."' in what
    [what] = read("sk-proj-abcdefgh12345678: 1\nsk-proj-abcdefgh12345678: 2\n")
    assert "abcdefgh" not in what
