"""JSON objects, one after the other, with the lines of their fields."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switchover_operator.standalone.documents import documents
from switchover_operator.standalone.files import Manifests
from switchover_operator.standalone.objects import Document
from switchover_operator.standalone.yaml_values import Unreadable


def config(name: str, **fields: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, **fields}


def read(text: str) -> list[tuple[str, int]]:
    """The names of objects and what is wrong, each with its line."""
    found = documents(text.encode())
    return [(each.identity.name if isinstance(each, Document) else each.what, each.line) for each in found]


def one(text: str) -> Document:
    [found] = documents(text.encode())
    assert isinstance(found, Document)
    return found


A, B, C = (json.dumps(config(name)) for name in "abc")
PRETTY = json.dumps(config("p", data={"list": [1, {"deep": "x"}], "text": "a: b\n{"}), indent=2)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"{A}{B}\n{C}", [("a", 1), ("b", 1), ("c", 2)]),
        (f"\n\n{PRETTY}\n{A}\n", [("p", 3), ("a", 19)]),
        (
            f"{A}\n---\n{B}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: z}}\n",
            [("a", 1), ("b", 3), ("z", 5)],
        ),
        (
            f"# yaml\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: z}}\n---\n{A}\n{B}",
            [("z", 2), ("a", 6), ("b", 7)],
        ),
        (f"--- {A}\n{B}", [("a", 1), ("b", 2)]),
        ("", []),
        ("{apiVersion: v1, kind: ConfigMap, metadata: {name: flow}}", [("flow", 1)]),
        ('{"apiVersion": "v1", "kind": "ConfigMap", # c\n"metadata": {"name": "flow"},}', [("flow", 1)]),
    ],
)
def test_what_stands_in_a_file_decides_how_it_is_read(
    tmp_path: Path, text: str, expected: list[tuple[str, int]]
) -> None:
    for name in ("a.yaml", "a.json"):
        file = tmp_path / name
        file.write_text(text)
        view = Manifests([file]).read()
        assert view.problems == ()
        assert [(identity.name, origin.line) for identity, origin in view.origins.items()] == expected


def test_what_is_no_json_is_named_with_line_and_column_and_its_neighbours_are_read() -> None:
    text = f'{A}\n{{\n "kind": "ConfigMap"\n "x": 1}}\n{B}\n{{"kind": '
    found = list(documents(text.encode()))
    assert [each.identity.name for each in found if isinstance(each, Document)] == ["a", "b"]
    wrong = [each for each in found if isinstance(each, Unreadable)]
    assert [(each.line, each.column) for each in wrong] == [(4, 2), (6, 0)]
    assert wrong[0].what.startswith("not JSON: this character cannot stand here")
    assert wrong[1].what == "not JSON: it ends too early"


def test_what_is_neither_json_nor_yaml_is_told_in_the_words_of_what_it_resembles() -> None:
    assert read('{"kind": "Secret",\n "a" "b"}')[0][0].startswith("not JSON: ")
    assert read("{kind: Secret,\n a: [}")[0][0].startswith("not YAML: ")


def test_every_field_has_its_line() -> None:
    [_, found] = documents(f"{A}\n{PRETTY}".encode())
    assert isinstance(found, Document)
    places = [
        found.line_of(path) for path in ("metadata.name", "data.list", "data.list[1].deep", "data.text", "absent")
    ]
    assert places == [6, 9, 12, 15, 2]


_VALUES = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(-(2**62), 2**62), st.text(max_size=5), st.sampled_from([":", "a:", '"'])
    ),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.text('ab":{,é', max_size=2), below, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from("uvw"), _VALUES), st.sampled_from([None, 0, 2, "\t"]), st.booleans())
def test_any_object_is_read_as_it_was_written_and_its_fields_found(
    data: dict[str, Any], indent: int | str | None, ascii: bool
) -> None:
    body = config("a", data=data, last=1)
    body["metadata"]["namespace"] = "n"
    text = json.dumps(body, indent=indent, ensure_ascii=ascii)
    found = one(text)
    assert found.body == body
    lines = text.split("\n")
    last = next((number for number, line in enumerate(lines, 1) if line.lstrip().startswith('"last":')), 1)
    assert found.line_of("last") == last
    assert len(found.field_lines) in (0, _entries(body))


def _entries(value: Any) -> int:
    below = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return len(below) + sum(map(_entries, below))


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("80.0", 80), ("1e2", 100), ("-0.0", 0), ("1.5", 1.5), ("100e-2", 1), ("1e20", 1e20),
        ("9223372036854775807", 9223372036854775807), ("9223372036854775808", 9223372036854775808.0),
        ("12345678901234567890123", 12345678901234567890123.0),
        (r'"\ud800x\ud83d\ude00\\ud800"', "\ufffdx\U0001f600\\ud800"),
    ],
)  # fmt: skip
def test_values_are_those_that_kubectl_sends(written: str, expected: object) -> None:
    text = json.dumps(config("a", v="V")).replace('"V"', written)
    assert repr(one(text).body["v"]) == repr(expected)


def test_a_number_that_no_float_holds_is_refused() -> None:
    assert read(json.dumps(config("a", v="V")).replace('"V"', "1e400")) == [("a number that is too large", 1)]


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000, '{"a":[' * 150 + "]}" * 150])
def test_nesting_without_end_is_refused(text: str) -> None:
    [(what, _)] = read(text)
    assert "nested more than 200 levels deep" in what


def test_a_key_that_stands_twice_is_refused_with_its_object_and_both_lines() -> None:
    head = '{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "t"},'
    twice = f'{head}\n "data": {{"a": {{"x": 1}},\n  "\\u0061": 2}}}}'
    found = list(documents(f"{A}\n{twice}\n{B}".encode()))
    assert [each.identity.name for each in found if isinstance(each, Document)] == ["a", "b"]
    [wrong] = [each for each in found if isinstance(each, Unreadable)]
    assert (wrong.line, wrong.column) == (4, 3)
    assert wrong.what.startswith('ConfigMap default/t: the key "a" stands twice in one mapping, first in line 3; ')


def test_a_key_that_stands_twice_in_an_item_of_a_list_leaves_the_other_items() -> None:
    twice = '{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "t", "name": "u"}}'
    text = f'{{"apiVersion": "v1", "kind": "List", "items": [\n{A},\n{twice},\n{B}]}}'
    found = list(documents(text.encode()))
    assert [(each.identity.name, each.line) for each in found if isinstance(each, Document)] == [("a", 2), ("b", 4)]
    [wrong] = [each for each in found if isinstance(each, Unreadable)]
    assert wrong.what.startswith('ConfigMap default/t: the key "name" stands twice')
    assert wrong.line == 3
