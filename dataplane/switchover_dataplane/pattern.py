"""Regular expressions of routes, as RE2 reads them.

RE2 and not Python's `re`, for two reasons. Gloo and Gateway API users write patterns for Envoy, whose engine this is:
the same YAML has to match the same requests. And its time is linear in the text, whatever the pattern: one route's
`(a+)+` or `.*x.*y.*z` must not stall the event loop that serves all others. No static check of a backtracking engine's
patterns promises that without refusing patterns that people use.
"""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, Final

import re2

_GROUP: Final = re.compile(r"\\(.?)", re.DOTALL)


_WORTH_A_SET: Final = 16
_SET_SIZE: Final = 256
_SET_MEMORY: Final = 32 << 20
_EVERYTHING: Final = rb"(?s)\C*"


def _quiet(memory: int) -> Any:
    """RE2's defaults (UTF-8, leftmost-first) without its log lines on stderr."""
    options = re2.Options()
    options.log_errors = False
    options.max_mem = memory
    return options


_OPTIONS: Final = _quiet(8 << 20)
_SET_OPTIONS: Final = _quiet(_SET_MEMORY)


class BadPattern(ValueError):
    """A regular expression or a substitution that cannot be used; the text says why."""


class Pattern:
    """One compiled expression."""

    __slots__ = ("_compiled", "text")

    def __init__(self, text: str) -> None:
        """Compile `text` (RE2 syntax).

        Raises:
            BadPattern: it is no RE2 expression, or too large for the memory that one may take.
        """
        self.text = text
        try:
            self._compiled = re2.compile(text, _OPTIONS)
        except re2.error as error:
            raise BadPattern(_reason(error)) from None

    def fits(self, value: str) -> bool:
        """Tell whether the whole value matches."""
        return self._compiled.fullmatch(_octets(value)) is not None

    def replaced(self, value: str, substitution: str) -> str:
        r"""Replace every match in `value`; `\0` to `\9` stand for the match and its groups, `\\` for a backslash.

        Raises:
            BadPattern: as `check_substitution`.
        """
        pieces = _pieces(substitution)

        def text_for(match: Any) -> bytes:
            return b"".join(piece if isinstance(piece, bytes) else match[piece] or b"" for piece in pieces)

        self.check_substitution(substitution)
        changed: bytes = self._compiled.sub(text_for, _octets(value))
        return changed.decode("utf-8", "surrogateescape")

    def check_substitution(self, substitution: str) -> None:
        """Check that a substitution uses only groups that the expression has.

        Raises:
            BadPattern: it names another group, or has a backslash before anything but a digit or a backslash.
        """
        for piece in _pieces(substitution):
            if isinstance(piece, int) and piece > self._compiled.groups:
                raise BadPattern(f"the substitution uses group {piece} of {self._compiled.groups}")


class PatternSet:
    """Many expressions that are looked for in a value in one pass over it, and not in one for each.

    RE2 keeps at most `_SET_MEMORY` bytes for each `_SET_SIZE` of them.
    """

    __slots__ = ("_sets",)

    def __init__(self, texts: Sequence[str]) -> None:
        """Compile the expressions, each of which `Pattern` takes.

        Raises:
            BadPattern: together they are too large for the memory that they may take.
        """
        parts = [texts[start : start + _SET_SIZE] for start in range(0, len(texts), _SET_SIZE)]
        self._sets = [(part, _set_of(part)) for part in parts]

    def fitting(self, value: str) -> frozenset[str] | None:
        """Return the expressions that match the whole value; None where that took more memory than there is."""
        fitting: list[str] = []
        octets = _octets(value)
        for texts, one in self._sets:
            found = one.Match(octets)
            # RE2 tells of too little memory by finding nothing, and the first expression matches everything.
            if not found or 0 not in found:
                return None
            fitting += (texts[number - 1] for number in found if number)
        return frozenset(fitting)


def pattern_set(texts: Iterable[str]) -> PatternSet | None:
    """Make a set of those expressions that are worth one; None where they are few, or too large to be one."""
    every = tuple(dict.fromkeys(texts))
    if len(every) < _WORTH_A_SET:
        return None
    try:
        return PatternSet(every)
    except BadPattern:
        return None


def _set_of(texts: Iterable[str]) -> Any:
    made = re2.Set.FullMatchSet(_SET_OPTIONS)
    try:
        made.Add(_EVERYTHING)
        for text in texts:
            made.Add(_octets(text))
        made.Compile()
    except re2.error as error:
        raise BadPattern(_reason(error)) from None
    return made


@lru_cache(maxsize=1024)
def compiled(text: str) -> Pattern:
    """Return the pattern for `text`, compiled once while it is in use.

    Raises:
        BadPattern: as `Pattern`.
    """
    return Pattern(text)


def pattern_problem(pattern: str, substitution: str = "") -> str | None:
    """Say why a pattern or a substitution of its matches would be refused; None if it would not be."""
    try:
        compiled(pattern).check_substitution(substitution)
    except BadPattern as problem:
        return str(problem)
    return None


@lru_cache(maxsize=1024)
def _pieces(substitution: str) -> tuple[bytes | int, ...]:
    r"""Split a substitution into what is literal and the numbers of the groups between."""
    pieces: list[bytes | int] = []
    end = 0
    for found in _GROUP.finditer(substitution):
        pieces.append(_octets(substitution[end : found.start()]))
        sign = found.group(1)
        if sign == "\\":
            pieces.append(b"\\")
        elif sign.isascii() and sign.isdigit():
            pieces.append(int(sign))
        else:
            raise BadPattern(rf"the substitution has \{sign}, where only \0 to \9 and \\ mean something")
        end = found.end()
    pieces.append(_octets(substitution[end:]))
    return tuple(pieces)


def _octets(text: str) -> bytes:
    """Return the bytes that came over the wire: the server keeps octets that are no UTF-8 as lone surrogates."""
    return text.encode("utf-8", "surrogateescape")


def _reason(error: Exception) -> str:
    reason = error.args[0] if error.args else ""
    return reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
