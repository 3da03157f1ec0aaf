"""What matches look at in one request: each part is read once, and only when a match needs it.

Many matches may look at the same parameter or the same field. What is found out about the request does not depend on
the match, so the cost of finding a rule is not the product of both.
"""

from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import parse_qsl

from multidict import CIMultiDict, CIMultiDictProxy

from switchover_dataplane.pattern import Pattern, PatternSet
from switchover_dataplane.table import ValueMatch


class Head(NamedTuple):
    """What matching looks at. `host` is the Host field as sent, `path` and `query` are as `normalise` gives them."""

    host: str
    method: str
    path: str
    query: str
    headers: "CIMultiDictProxy[str] | CIMultiDict[str]"


Sets = Mapping[tuple[str, str], PatternSet]
"""Expressions that are many, by the part of a request ("path", "header" or "query") and its name ("" for the path)."""


class RequestView:
    """One request while its rule is looked for."""

    __slots__ = ("_fields", "_fitting", "_parameters", "_patterns", "head")

    def __init__(self, head: Head, patterns: Mapping[str, Pattern]) -> None:
        self.head = head
        self._patterns = patterns
        self._fields: dict[str, str | None] | None = None
        self._fitting: dict[PatternSet, frozenset[str] | None] | None = None
        self._parameters: dict[str, str] | None = None

    def has_path(self, pattern: str, sets: Sets) -> bool:
        """Tell whether the whole path matches an expression."""
        return self._fits(pattern, self.head.path, sets.get(("path", "")))

    def has_header(self, wanted: ValueMatch, sets: Sets) -> bool:
        """Tell whether a header field is as wanted."""
        value = self._field(wanted.name)
        return value is not None and self._has(wanted, value, sets, "header")

    def has_parameter(self, wanted: ValueMatch, sets: Sets) -> bool:
        """Tell whether a parameter of the query is as wanted."""
        value = self._parameter(wanted.name)
        return value is not None and self._has(wanted, value, sets, "query")

    def _field(self, name: str) -> str | None:
        """A field that was sent several times counts as its values joined by commas (RFC 9110, section 5.3)."""
        if self._fields is None:
            self._fields = {}
        if name not in self._fields:
            values = self.head.headers.getall(name, None)
            self._fields[name] = None if values is None else ",".join(values)
        return self._fields[name]

    def _parameter(self, name: str) -> str | None:
        """The first value of a repeated parameter counts (Gateway API, HTTPQueryParamMatch); "+" is a space.

        There are no more parameters than a request line has room for.
        """
        if self._parameters is None:
            self._parameters = {}
            for each, value in parse_qsl(self.head.query, keep_blank_values=True):
                self._parameters.setdefault(each, value)
        return self._parameters.get(name)

    def _has(self, wanted: ValueMatch, value: str, sets: Sets, part: str) -> bool:
        if wanted.kind == "Exact":
            return value == wanted.value
        return self._fits(wanted.value, value, sets.get((part, wanted.name)) if sets else None)

    def _fits(self, pattern: str, value: str, together: PatternSet | None) -> bool:
        """Tell whether a value matches an expression; those of a set are looked for together, once."""
        if together is None:
            return self._patterns[pattern].fits(value)
        if self._fitting is None:
            self._fitting = {}
        if together not in self._fitting:
            self._fitting[together] = together.fitting(value)
        fitting = self._fitting[together]
        return self._patterns[pattern].fits(value) if fitting is None else pattern in fitting
