"""The text of manifests → objects with their lines, and what could not be read."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switchover_operator.identity import Identity
from switchover_operator.standalone.documents import Reader, documents
from switchover_operator.standalone.objects import Document
from switchover_operator.standalone.yaml_values import Unreadable


def objects(text: str) -> list[Document]:
    return [found for found in documents(text.encode()) if isinstance(found, Document)]


def refusals(text: str) -> list[tuple[int, str]]:
    return [(found.line, found.what) for found in documents(text.encode()) if isinstance(found, Unreadable)]


def manifest(name: str, rest: str = "") -> str:
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\n{rest}"


def test_each_document_has_the_line_it_begins_on() -> None:
    text = f"# a comment\n---\n{manifest('a')}\n---\n\n# nothing here\n---\n{manifest('b')}"
    assert [(found.identity.name, found.line) for found in objects(text)] == [("a", 3), ("b", 11)]


def test_an_object_without_a_namespace_is_in_default_unless_it_is_cluster_scoped() -> None:
    text = (
        manifest("a")
        + "---\napiVersion: gateway.networking.k8s.io/v1\nkind: GatewayClass\nmetadata: {name: switchover}\n"
    )
    assert [found.identity for found in objects(text)] == [
        Identity("", "ConfigMap", "default", "a"),
        Identity("gateway.networking.k8s.io", "GatewayClass", "", "switchover"),
    ]


def test_a_broken_document_does_not_harm_its_neighbours() -> None:
    text = f"{manifest('a')}---\nkind: [unclosed\n---\n{manifest('c')}"
    assert [found.identity.name for found in objects(text)] == ["a", "c"]
    assert [line for line, _ in refusals(text)] == [6]


def test_lists_are_flattened_and_their_items_keep_their_lines() -> None:
    text = (
        "apiVersion: v1\nkind: List\nitems:\n"
        "- {apiVersion: v1, kind: Secret, metadata: {name: a}}\n"
        "- {apiVersion: v1, kind: Secret, metadata: {name: b}}\n"
    )
    assert [(found.identity.name, found.line) for found in objects(text)] == [("a", 4), ("b", 5)]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("just text", "not a Kubernetes object"),
        ("kind: Upstream\nmetadata: {name: a}", "apiVersion has to be a text"),
        ("apiVersion: v1\nkind: Secret", "Secret: metadata has to be a mapping"),
        ("apiVersion: v1\nkind: Secret\nmetadata: {}", "Secret: metadata.name has to be a text"),
        ("apiVersion: v1\nkind: Secret\nmetadata: {name: 7}", "this is the number 7: quote it"),
        ("apiVersion: v1\nkind: Secret\nmetadata: {name: a, namespace: 7}", "metadata.namespace has to be text"),
        ("a: 1\na: 2", 'the key "a" stands twice in one mapping, first in line 1'),
        ("apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization", "has to be called kustomization.yaml"),
        ("{{ user }}: [", "not YAML: "),
        ("~: b", "a key that is null: quote it"),
        ("- a: b", "below `items:` of an object of `kind: List`"),
        ("kind: HttpRoute\napiversion: v1", "did you mean apiVersion?"),
        ("services: {web: {image: x}}", "a file that is no manifest"),
        ("apiVersion: v1\nkind: Secret\nmetadata: {generateName: a-}", "give it a metadata.name"),
        ("apiVersion: v1\nkind: Secret\nmetadata: {name: yes}", "the truth value true: quote it"),
        ("apiVersion: v1\nkind: Secret\nmetadata: {name: {{ .Values.name }}}", "it looks like a Helm template"),
        ("{{- if .Values.on }}\nkind: Secret\n{{- end }}", "it looks like a Helm template"),
        ("a: !!python/object:os.system x", "a tag that Kubernetes does not know"),
        ("a: &x [*x]", "aliases that contain themselves"),
        ("? [a]\n: b", "a key that is no plain text"),
        ("a: .nan", "a number that JSON cannot say"),
        ("a: b\x07", "a character that is not allowed"),
    ],
)
def test_what_is_no_object_is_named_with_what_would_be_right(text: str, says: str) -> None:
    [(_, what)] = refusals(text)
    assert says in what


@pytest.mark.parametrize("text", ["[" * 100_000, "{a: " * 100_000, "- " * 100_000, "? " * 100_000])
def test_nesting_without_end_is_refused_and_not_followed(text: str) -> None:
    assert len(refusals(text)) == 1


def test_aliases_that_multiply_are_refused() -> None:
    bomb = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"{after}: &{after} [{', '.join([f'*{before}'] * 10)}]\n"
        for before, after in zip("abcdefgh", "bcdefghi", strict=True)
    )
    assert [what for _, what in refusals(bomb)] == ["aliases that contain themselves or multiply beyond measure"]


def test_plain_values_have_the_types_that_kubernetes_gives_them() -> None:
    text = manifest(
        "a",
        "data: {yes: no, octal: 0644, hex: 0x1F, time: 12:30:45, date: 2024-07-01, equals: =, none: ~, float: 1e3, "
        "text: '7', big: 123456789012345678901, 8080: port}\n",
    )
    assert objects(text)[0].body["data"] == {
        "true": False,
        "octal": 420,
        "hex": 31,
        "time": "12:30:45",
        "date": "2024-07-01",
        "equals": "=",
        "none": None,
        "float": 1000.0,
        "text": "7",
        "big": 123456789012345678901.0,
        "8080": "port",
    }


def test_of_a_mapping_s_own_key_and_a_merged_one_the_later_counts_as_for_kubectl() -> None:
    text = manifest("a", "base: &base {p: 1, q: 1}\nafter: {<<: *base, q: 2}\nbefore: {q: 2, <<: *base}\n")
    [a] = objects(text)
    assert (a.body["after"], a.body["before"]) == ({"p": 1, "q": 2}, {"q": 1, "p": 1})


@pytest.mark.parametrize(
    "line",
    [
        "Authorization: 'sk-secret",
        "Authorization: *sk-secret",
        "Authorization: !sk-secret x",
        "a: [sk-secret",
        "a: sk-secret: b",
    ],
)
def test_a_refusal_never_quotes_the_file(line: str) -> None:
    [(_, what)] = refusals(f"apiVersion: v1\nkind: Secret\nstringData:\n  {line}\n")
    assert "sk-secret" not in what


def test_a_field_is_found_by_its_path() -> None:
    spec = "spec:\n  rules:\n  - one: 1\n  - two:\n      three: x\n"
    _, b = objects(f"{manifest('a')}---\n{manifest('b', spec)}")
    assert b.line_of("spec.rules[1].two.three") == 12
    assert b.line_of("spec.rules[1].absent.more") == 11
    assert b.line_of("") == b.line == 5


def test_a_field_of_a_list_s_item_is_found_though_a_namespace_was_added_before_it() -> None:
    text = (
        "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: ConfigMap\n  metadata:\n    name: a\n"
        "- apiVersion: v1\n  kind: ConfigMap\n  metadata:\n    name: b\n  data:\n    one: x\n    two: y\n"
    )
    _, b = objects(text)
    assert b.body["metadata"]["namespace"] == "default"
    assert [b.line_of(path) for path in ("metadata.namespace", "data", "data.two")] == [10, 12, 14]


def test_a_merged_field_has_the_line_of_the_mapping_that_takes_it() -> None:
    text = manifest("a", "base: &base\n  p: {z: 1}\n  q: 1\ndata:\n  own: 1\n  <<: *base\n  q: 2\nlast: 1\n")
    [a] = objects(text)
    assert [a.line_of(path) for path in ("data.own", "data.p.z", "data.q", "last")] == [8, 7, 10, 11]


_NODES = st.recursive(
    st.sampled_from(["x", "1", "{}", "[]", "null"]),
    lambda below: st.lists(below, min_size=1, max_size=3) | st.dictionaries(st.sampled_from("pqr"), below, min_size=1),
    max_leaves=12,
)


def written(node: Any, indent: int, path: str, lines: list[str], places: dict[str, int]) -> None:
    """Write a node in block style, a line for each key and item, and note where each stands."""
    entries = node.items() if isinstance(node, dict) else enumerate(node)
    for key, below in entries:
        here = f"{path}.{key}" if isinstance(node, dict) else f"{path}[{key}]"
        # What an item holds begins in the line after its dash.
        places[here] = len(lines) + (2 if isinstance(node, list) and not isinstance(below, str) else 1)
        scalar = f" {below}" if isinstance(below, str) else ""
        lines.append(" " * indent + (f"{key}:" if isinstance(node, dict) else "-") + scalar)
        if not isinstance(below, str):
            written(below, indent + 2, here, lines, places)


@given(st.dictionaries(st.sampled_from("uvw"), _NODES, min_size=1))
def test_every_field_of_every_object_is_found_in_its_line(spec: dict[str, Any]) -> None:
    lines = ["kind: ConfigMap", "metadata: {name: a}", "apiVersion: v1", "spec:"]
    places: dict[str, int] = {}
    written(spec, 2, "spec", lines, places)
    [found] = objects("\n".join(lines))
    assert {path: found.line_of(path) for path in places} == places


def test_a_document_that_is_as_it_was_is_not_read_again_and_moves_with_its_lines() -> None:
    reader = Reader()
    before = list(reader.read(f"{manifest('a')}---\n{manifest('b', 'data: {x: 1}')}".encode()))
    after = list(reader.read(f"{manifest('new')}\n\n---\n{manifest('b', 'data: {x: 1}')}".encode()))
    assert isinstance(before[1], Document)
    assert isinstance(after[1], Document)
    assert after[1].body is before[1].body
    assert (before[1].line_of("data.x"), after[1].line_of("data.x")) == (8, 10)
