"""What a parent delegates, and a child's matches → the matches by which the child's rules are served there.

A child's match must lie within one of the parent's: below its path prefix by whole path elements, with all of its
headers and query parameters, and with its method. A child that inherits its parent's matches says only what comes
below them. Sources: kgateway, "Route delegation overview"; Gloo, `projects/gateway2/translator/httproute`.
"""

from collections.abc import Iterable, Iterator
from typing import Final, TypeVar

from switchover_dataplane.pattern import pattern_problem
from switchover_operator.resources.gateway_api import (
    HttpHeaderMatch,
    HttpPathMatch,
    HttpQueryParamMatch,
    HTTPRoute,
    HttpRouteMatch,
)

V = TypeVar("V", bound=HttpHeaderMatch | HttpQueryParamMatch)

INHERITING: Final = (
    "delegation.gateway.solo.io/inherit-parent-matcher",
    "delegation.kgateway.dev/inherit-parent-matcher",
)
"""Annotations of a child, Gloo's and kgateway's: its matches are relative to those of its parent."""

_YES: Final = frozenset({"true", "yes", "enabled"})
_NOT_LITERAL: Final = frozenset(r"\.+*?()|[]{}^$")
_REPEATED: Final = ("?", "*", "{")


def inherits(route: HTTPRoute) -> bool:
    """Tell whether the matches of a route are relative to those of its parent."""
    given = route.metadata.annotations
    return any(given.get(name, "").lower() in _YES for name in INHERITING)


def matches_within(
    given: Iterable[HttpRouteMatch], wanted: Iterable[HttpRouteMatch], *, relative: bool
) -> tuple[HttpRouteMatch, ...]:
    """Return what of a child's matches (`wanted`) lies within a parent's (`given`, all PathPrefix), each once."""
    wanted = tuple(wanted)
    found: list[HttpRouteMatch] = []
    for outer in given:
        for inner in wanted:
            match = _below(outer, inner) if relative else _inside(outer, inner)
            if match is not None and match not in found:
                found.append(match)
    return tuple(found)


def _inside(outer: HttpRouteMatch, inner: HttpRouteMatch) -> HttpRouteMatch | None:
    """Return a match that lies within another, None if it does not."""
    path = _path_inside(outer.path.value, inner.path)
    if path is None or outer.method not in (None, inner.method):
        return None
    if not (_has_all(outer.headers, inner.headers) and _has_all(outer.query_params, inner.query_params)):
        return None
    return _both(outer, inner, path)


def _below(outer: HttpRouteMatch, inner: HttpRouteMatch) -> HttpRouteMatch | None:
    """Return a match that is relative to another; None for a regular expression that could match beside that."""
    prefix = outer.path.value.rstrip("/")
    if inner.path.type == "RegularExpression":
        rest = inner.path.value if inner.path.value.startswith("/") else f"/{inner.path.value}"
        pattern = _pattern(_quoted(prefix), rest, grouped=True)
        path = None if pattern is None else HttpPathMatch(type="RegularExpression", value=pattern)
    else:
        rest = "" if inner.path.value == "/" else inner.path.value
        path = HttpPathMatch(type=inner.path.type, value=f"{prefix}{rest}" or "/")
    return None if path is None else _both(outer, inner, path)


def _both(outer: HttpRouteMatch, inner: HttpRouteMatch, path: HttpPathMatch) -> HttpRouteMatch:
    """Join two matches. What the parent wants comes first: of one name, the first alone counts."""
    return inner.model_copy(
        update={
            "path": path,
            "headers": _joined(outer.headers, inner.headers),
            "query_params": _joined(outer.query_params, inner.query_params),
            "method": outer.method or inner.method,
        }
    )


def _key(value: HttpHeaderMatch | HttpQueryParamMatch) -> str:
    return value.name.lower() if isinstance(value, HttpHeaderMatch) else value.name


def _joined(outer: tuple[V, ...], inner: tuple[V, ...]) -> tuple[V, ...]:
    taken = {_key(each) for each in outer}
    return (*outer, *(each for each in inner if _key(each) not in taken))


def _has_all(outer: tuple[V, ...], inner: tuple[V, ...]) -> bool:
    there = {(_key(each), each.type, each.value) for each in inner}
    return all((_key(each), each.type, each.value) in there for each in outer)


# ── Paths ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _path_inside(prefix: str, path: HttpPathMatch) -> HttpPathMatch | None:
    prefix = prefix.rstrip("/")
    if path.type != "RegularExpression":
        return path if f"{path.value}/".startswith(f"{prefix}/") else None
    if not prefix:
        return path
    # An expression has to match the whole path, so that a ^ at its beginning says nothing.
    value = path.value.removeprefix("^")
    length = _literal(prefix, value)
    if length is None:
        return None
    pattern = _pattern(_quoted(prefix), value[length:], grouped=False)
    return None if pattern is None else path.model_copy(update={"value": pattern})


def _literal(prefix: str, pattern: str) -> int | None:
    """Return the length of a pattern's beginning that stands for `prefix`; None if it does not begin so.

    A . that nobody escaped stands for the . of the prefix.
    """
    place = 0
    for character in prefix:
        if pattern[place : place + 1] == "\\" and not character.isalnum():
            place += 1
        elif character in _NOT_LITERAL and character != ".":
            return None
        if pattern[place : place + 1] != character:
            return None
        place += 1
    return place


def _quoted(text: str) -> str:
    return "".join(f"\\{character}" if character in _NOT_LITERAL else character for character in text)


def _pattern(prefix: str, rest: str, *, grouped: bool) -> str | None:
    """Join the pattern of a prefix and the rest; None if the whole could match something that is not below the prefix.

    A `|` in the rest cannot reach over the prefix once the rest stands in a group, and only what is an expression by
    itself can be put into one.
    """
    if rest and (not rest.startswith("/") or rest[1:2] in _REPEATED or pattern_problem(rest)):
        return None
    outermost = "|" in _outside_groups(rest)
    if outermost and not grouped:
        return None
    whole = f"{prefix}(?:{rest})" if "|" in rest else f"{prefix}{rest}"
    return None if pattern_problem(whole) else whole


def _outside_groups(pattern: str) -> str:
    """Return the characters of an expression that stand in no group and in no class and are not escaped."""
    return "".join(_bare(pattern))


def _bare(pattern: str) -> Iterator[str]:
    depth, in_class, place = 0, False, 0
    while place < len(pattern):
        character = pattern[place]
        if character == "\\":
            place += 2
            continue
        if in_class:
            in_class = character != "]"
        elif character == "[":
            in_class = True
        elif character == "(":
            depth += 1
        elif character == ")":
            depth -= 1
        elif not depth:
            yield character
        place += 1
