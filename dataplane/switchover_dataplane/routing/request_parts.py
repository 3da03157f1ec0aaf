"""The parts of one request that matches read: each part is read once, and only if a match needs it.

Many matches may read the same parameter or field. The result for the request does not depend on the match, so the cost
of finding a rule is not the product of matches and parts.
"""

from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import parse_qsl

from multidict import CIMultiDict, CIMultiDictProxy

from switchover_dataplane.pattern import Pattern, PatternSet
from switchover_dataplane.table.ports import ValueMatch


class Head(NamedTuple):
    """The head of a request. `host` is the Host field as sent, `path` and `query` are the result of `normalise`."""

    host: str
    method: str
    path: str
    query: str
    headers: "CIMultiDictProxy[str] | CIMultiDict[str]"


Sets = Mapping[tuple[str, str], PatternSet]
"""Sets of many expressions, by part of the request ("path", "header" or "query") and its name ("" for the path)."""


class RequestView:
    """One request during the search for its rule."""

    __slots__ = ("_fields", "_fitting", "_parameters", "_patterns", "head")

    def __init__(self, head: Head, patterns: Mapping[str, Pattern]) -> None:
        self.head = head
        self._patterns = patterns
        self._fields: dict[str, str | None] | None = None
        self._fitting: dict[PatternSet, frozenset[str] | None] | None = None
        self._parameters: dict[str, str] | None = None

    def has_path(self, pattern: str, sets: Sets) -> bool:
        """Whether the whole path matches an expression."""
        return self._fits(pattern, self.head.path, sets.get(("path", "")))

    def has_header(self, wanted: ValueMatch, sets: Sets) -> bool:
        """Whether a header field matches."""
        value = self._field(wanted.name)
        return value is not None and self._has(wanted, value, sets, "header")

    def has_parameter(self, wanted: ValueMatch, sets: Sets) -> bool:
        """Whether a query parameter matches."""
        value = self._parameter(wanted.name)
        return value is not None and self._has(wanted, value, sets, "query")

    def _field(self, name: str) -> str | None:
        """Return a field; the values of a repeated field are joined by commas (RFC 9110, section 5.3)."""
        if self._fields is None:
            self._fields = {}
        if name not in self._fields:
            values = self.head.headers.getall(name, None)
            self._fields[name] = None if values is None else ",".join(values)
        return self._fields[name]

    def _parameter(self, name: str) -> str | None:
        """Return the first value of a parameter (Gateway API, HTTPQueryParamMatch); "+" is a space.

        The length of the request line limits the number of parameters.
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
        """Whether a value matches an expression; all expressions of a set are tried together, once."""
        if together is None:
            return self._patterns[pattern].fits(value)
        if self._fitting is None:
            self._fitting = {}
        if together not in self._fitting:
            self._fitting[together] = together.fitting(value)
        fitting = self._fitting[together]
        return self._patterns[pattern].fits(value) if fitting is None else pattern in fitting
