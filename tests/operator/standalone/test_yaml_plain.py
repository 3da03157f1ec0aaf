"""What is read line by line is what libyaml reads, and what is not plain is left to libyaml."""

import random
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from switchover_operator.standalone.yaml_plain import plain_document
from switchover_operator.standalone.yaml_values import composed_value

MANIFESTS = Path(__file__).parents[3] / "manifests"

_WORDS = st.sampled_from(
    [
        *(
            "a",
            "name",
            "kind",
            "List",
            "RouteList",
            "items",
            "metadata",
            "yes",
            "no",
            "null",
            "~",
            "<<",
            "1",
            "-1",
            "0x1f",
        ),
        *("010", "0x1f", "1e3", ".inf", "1:30", "2020-01-01", "a: b", "a:b", "a:", "a #b", "a#b", "# a", "--a", "- a"),
        *("[a, b]", "[]", "{}", "{a: 1}", "'a'", '"a"', '"a\\n"', "'it''s'", "*a", "&a b", "!!str 1", "|", ">", "%a"),
        *(
            "?",
            "? a",
            "@a",
            "`a`",
            "---",
            "...",
            "--- a",
            "\t",
            "é",
            "",
            " ",
            "a  b",
            "http://a:80/b?c=d",
            "5s",
            "true",
            "=",
        ),
    ]
)
_LINES = st.tuples(
    st.sampled_from(["", "", " ", "  ", "    ", "      "]),
    st.sampled_from(["", "", "", "- ", "-   ", "- - "]),
    st.sampled_from(["", "a: ", "b: ", "c: ", "d:", "a:  ", '"e": ', "true: ", "1: ", "f : ", "x.y/z: ", "items: "]),
    st.one_of(st.just(""), _WORDS),
    st.sampled_from(["", "", "", " ", " # c", "#c", "\t", "\r"]),
).map("".join)

_VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.sampled_from([1.5, 1e30]), st.text(max_size=8), _WORDS),
    lambda below: st.one_of(
        st.lists(below, max_size=3), st.dictionaries(st.one_of(_WORDS, st.text("abc", min_size=1)), below, max_size=3)
    ),
    max_leaves=12,
)


def same(text: str) -> bool:
    """Hold what is read line by line against libyaml; tell whether it was."""
    plain = plain_document(text)
    if plain is None:
        return False
    read = composed_value(text)
    assert read is not None
    assert repr(plain) == repr((read.value, read.line, read.field_lines)), text
    return True


@settings(max_examples=400)
@given(st.lists(_LINES, min_size=1, max_size=7).map("\n".join))
def test_lines_of_any_kind_are_read_as_libyaml_reads_them(text: str) -> None:
    same(text)


@settings(max_examples=200)
@given(st.dictionaries(_WORDS, _VALUES, min_size=1, max_size=4), st.booleans(), st.randoms(use_true_random=False))
def test_what_is_written_by_a_library_and_then_damaged_is_read_as_libyaml_reads_it(
    value: dict[str, object], indented: bool, chance: random.Random
) -> None:
    text = yaml.dump(value, Dumper=_Indented if indented else yaml.SafeDumper, sort_keys=False)
    same(text)
    lines = text.split("\n")
    place = chance.randrange(len(lines))
    lines[place] = chance.choice(["", "# c", "  " + lines[place], lines[place][1:], lines[place].replace(": ", ":", 1)])
    same("\n".join(lines))


class _Indented(yaml.SafeDumper):
    """Lists stand further in than their key."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002 - PyYAML's own name
        super().increase_indent(flow, False)


@pytest.mark.parametrize("file", sorted(MANIFESTS.rglob("*.yaml")), ids=lambda file: file.name)
def test_manifests_that_come_with_the_project_are_read_as_libyaml_reads_them(file: Path) -> None:
    for part in file.read_text().split("\n---"):
        same(part.removeprefix("\n"))


@pytest.mark.parametrize(
    "text",
    [
        "a: 1",
        "---\na:\n- b: c\n  d: []\n-  e: {}\nf: 'x'\n",
        "# c\n\na:\n  - 1\n  - yes # c\n  - a b\nb:\n",
        "a: [b, -1, 2.5]\nb: -1\nc: --flag\nd: http://a:80/#b\n",
    ],
)
def test_plain_documents_take_no_libyaml(text: str) -> None:
    assert same(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# c",
        "a: 1\na: 2",
        "a: |\n  b",
        "a: &b c",
        "a: b\n  c",
        "a:\n\t- b",
        "- a: b",
        "a:\n" + " " * 120 + "b: c",
    ],
)
def test_all_else_is_left_to_libyaml(text: str) -> None:
    assert plain_document(text) is None
