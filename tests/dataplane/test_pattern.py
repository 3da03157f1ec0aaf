import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from switchover_dataplane.pattern import BadPattern, Pattern, PatternSet, compiled, pattern_set


def test_the_whole_value_has_to_match() -> None:
    pattern = Pattern("/v[0-9]+")
    assert pattern.fits("/v12")
    assert not pattern.fits("/v12/chat")
    assert not pattern.fits("x/v12")


def test_octets_that_are_no_utf_8_are_matched_and_kept_as_they_came() -> None:
    assert Pattern("a.*").fits("a\udcff") is False
    assert Pattern("b").replaced("b\udcff", "c") == "c\udcff"
    assert Pattern("é+").fits("éé")


@pytest.mark.parametrize("text", ["(a", r"(a)\1", "(?=a)", "a{1001}", "[z-a]"])
def test_what_re2_does_not_read_is_refused_with_its_reason(text: str) -> None:
    with pytest.raises(BadPattern, match=r"\w+"):
        Pattern(text)


@pytest.mark.parametrize("text", ["(a+)+b", "(a|a)*b", "(.*)(.*)(.*)(.*)(.*)b", "(a?){500}b"])
def test_a_pattern_that_backtracking_would_never_finish_is_answered(text: str) -> None:
    assert Pattern(text).fits("a" * 8000) is False


@pytest.mark.parametrize(
    ("text", "substitution", "value", "result"),
    [
        ("^/v1/(.*)$", r"/api/\1", "/v1/chat", "/api/chat"),
        ("^/(a)/(b)$", r"/\2/\1", "/a/b", "/b/a"),
        ("o", "0", "/foo/o", "/f00/0"),
        ("(x)?y", r"[\1]", "y", "[]"),
        ("a+", r"<\0>", "/aab", "/<aa>b"),
        ("a", r"\\1", "a", r"\1"),
        ("q", "z", "/nothing", "/nothing"),
    ],
)
def test_a_substitution_puts_groups_where_their_numbers_stand(
    text: str, substitution: str, value: str, result: str
) -> None:
    assert Pattern(text).replaced(value, substitution) == result


@pytest.mark.parametrize("substitution", [r"\2", r"\n", "\\"])
def test_a_substitution_that_refers_to_nothing_is_refused(substitution: str) -> None:
    with pytest.raises(BadPattern, match="substitution"):
        Pattern("(a)").check_substitution(substitution)
    with pytest.raises(BadPattern, match="substitution"):
        Pattern("(a)").replaced("a", substitution)


def test_a_pattern_is_compiled_once() -> None:
    assert compiled("/once") is compiled("/once")


# ── Many at once ────────────────────────────────────────────────────────────────────────────────────────────────────

EXPRESSIONS = (
    "a",
    "a*",
    "(?i)A+b",
    "(a|ab)(c|bcd)?",
    "a+?",
    "^ab$",
    r"\bab\b",
    ".",
    "(?s).*",
    "[^a]*",
    "é+",
    "",
    "(?m)^b$",
)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.sampled_from(EXPRESSIONS), min_size=1, unique=True),
    st.text(st.sampled_from("abcdB\né\udcff"), max_size=6),
)
def test_a_set_finds_the_expressions_that_match_one_by_one(texts: list[str], value: str) -> None:
    assert PatternSet(texts).fitting(value) == frozenset(text for text in texts if Pattern(text).fits(value))


def test_a_set_of_very_many_expressions_finds_those_that_match() -> None:
    texts = [f"/team-{number}/.*" for number in range(1_000)]
    assert PatternSet(texts).fitting("/team-777/chat" * 500) == frozenset(["/team-777/.*"])


def test_few_expressions_are_no_set_and_neither_are_those_that_are_too_large_together() -> None:
    assert pattern_set(["a", "b"]) is None
    assert pattern_set(["a"] * 100) is None
    assert pattern_set([f"a{number}" for number in range(100)]) is not None
    assert pattern_set([f"(?:(?:{number}[a-f]{{1,50}}){{1,20}}z){{1,5}}" for number in range(256)]) is None
