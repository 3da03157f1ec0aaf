import pytest

from switchover_dataplane.pattern import BadPattern, Pattern, compiled


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
