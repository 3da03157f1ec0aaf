"""Which regular expressions may be served: the compiler refuses the rest by route, the data plane by table.

Patterns are Python's `re`, which backtracks: one that repeats a repeat, as `(a+)+` does, can take exponential time on
a request that somebody chose for that purpose.
"""

import re
from collections.abc import Iterator
from typing import Any, Final

try:
    from re import _constants as _sre  # type: ignore[attr-defined]
    from re import _parser as _sre_parser  # type: ignore[attr-defined]
except ImportError:  # pragma: no cover - another implementation than CPython
    _sre = _sre_parser = None

LONGEST: Final = 1024


def pattern_problem(pattern: str) -> str | None:
    """Say why a pattern cannot be used, as words that follow its name; None if it can be."""
    if len(pattern) > LONGEST:
        return f"is longer than {LONGEST} characters"
    try:
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        return f"is no regular expression: {error}"
    if _sre_parser is not None and _repeats_a_repeat(_sre_parser.parse(pattern), inside=False):
        return "repeats a repeat, as (a+)+ does, which can take for ever; write it with one repeat"
    return None


def _repeats_a_repeat(parsed: Any, *, inside: bool) -> bool:
    """Walk CPython's parse of a pattern: an unbounded repeat inside another is where backtracking explodes."""
    for operation, argument in parsed:
        unbounded = operation in (_sre.MAX_REPEAT, _sre.MIN_REPEAT) and argument[1] is _sre.MAXREPEAT
        if unbounded and inside:
            return True
        if any(_repeats_a_repeat(part, inside=inside or unbounded) for part in _parts(argument)):
            return True
    return False


def _parts(argument: Any) -> Iterator[Any]:
    if isinstance(argument, _sre_parser.SubPattern):
        yield argument
    elif isinstance(argument, tuple | list):
        for part in argument:
            yield from _parts(part)
