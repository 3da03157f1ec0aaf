"""What a child may have of its parent's requests: never one that the parent does not hand on."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switchover_dataplane.pattern import Pattern
from switchover_operator.compiler.delegated_matches import matches_within
from switchover_operator.resources.gateway_api import HttpPathMatch, HttpRouteMatch


def within(prefix: str, kind: str, value: str, *, relative: bool = False) -> str | None:
    """The path of what lies within `prefix`, None if nothing does."""
    outer = HttpRouteMatch(path=HttpPathMatch(value=prefix))
    inner = HttpRouteMatch(path=HttpPathMatch.model_validate({"type": kind, "value": value}))
    found = matches_within((outer,), (inner,), relative=relative)
    return found[0].path.value if found else None


@pytest.mark.parametrize(
    ("prefix", "kind", "value", "path"),
    [
        ("/", "PathPrefix", "/a", "/a"),
        ("/a", "PathPrefix", "/a", "/a"),
        ("/a/", "PathPrefix", "/a/b", "/a/b"),
        ("/a", "PathPrefix", "/ab", None),
        ("/a/b", "PathPrefix", "/a", None),
        ("/a", "Exact", "/a/b", "/a/b"),
        ("/a", "Exact", "/b", None),
        ("/", "RegularExpression", ".*x|/y", ".*x|/y"),
        ("/a", "RegularExpression", "/a/.*", "/a/.*"),
        ("/a", "RegularExpression", "^/a/.*$", "/a/.*$"),
        ("/a", "RegularExpression", "/a", "/a"),
        ("/a", "RegularExpression", "/a/(b|c)", "/a(?:/(b|c))"),
        ("/v1.0", "RegularExpression", "/v1.0/.*", r"/v1\.0/.*"),
        ("/v1.0", "RegularExpression", r"/v1\.0/.*", r"/v1\.0/.*"),
        ("/v1.0", "RegularExpression", "/v1x0/.*", None),
        ("/a", "RegularExpression", "/a/b|/c", None),
        ("/a", "RegularExpression", "/a/b)|(/c", None),
        ("/a", "RegularExpression", "/a*", None),
        ("/a", "RegularExpression", "/a/?b", None),
        ("/a", "RegularExpression", "/a/*b", None),
        ("/a", "RegularExpression", "/a/{0}b", None),
        ("/a", "RegularExpression", "(?i)/a/b", None),
        ("/a", "RegularExpression", "/(a|b)/c", None),
    ],
)
def test_a_childs_path_lies_within_the_prefix_or_is_not_served(
    prefix: str, kind: str, value: str, path: str | None
) -> None:
    assert within(prefix, kind, value) == path


@pytest.mark.parametrize(
    ("prefix", "kind", "value", "path"),
    [
        ("/a", "PathPrefix", "/", "/a"),
        ("/", "PathPrefix", "/b", "/b"),
        ("/", "PathPrefix", "/", "/"),
        ("/a/", "Exact", "/b/", "/a/b/"),
        ("/a", "Exact", "/../b", "/a/../b"),
        ("/a.b", "RegularExpression", "/c|/d", r"/a\.b(?:/c|/d)"),
        ("/a", "RegularExpression", ".*", "/a/.*"),
        ("/a", "RegularExpression", "/?b", None),
        ("/a", "RegularExpression", "/b)|(/c", None),
        ("/a", "RegularExpression", r"/b|\Qc", None),
    ],
)
def test_a_relative_path_stands_below_the_prefix(prefix: str, kind: str, value: str, path: str | None) -> None:
    assert within(prefix, kind, value, relative=True) == path


_PIECES = st.sampled_from(
    [
        "/a",
        "/a/",
        "/",
        "a",
        "b",
        "/b",
        ".",
        "*",
        "+",
        "?",
        "|",
        "(",
        ")",
        "[",
        "]",
        "^",
        "$",
        "{0}",
        "\\",
        "(?i)",
        "\\Q",
    ]
)
_PATHS = st.lists(st.sampled_from(["/a", "/b", "/", "a", "b", "A", "x"]), max_size=5).map("".join)


@given(st.lists(_PIECES, max_size=8).map("".join), _PATHS, st.booleans())
def test_no_regular_expression_reaches_beside_the_prefix(expression: str, path: str, relative: bool) -> None:
    pattern = within("/a", "RegularExpression", expression, relative=relative)
    if pattern is not None and Pattern(pattern).fits(path):
        assert f"{path}/".startswith("/a/")
        if not relative:
            assert Pattern(expression).fits(path)
