"""What was counted, beside what was committed: a file of numbers for a minor version of Python.

The versions compile the same source to different instructions, and their asyncio and logging differ. The oldest one
that is supported has numbers, which is enough: what makes a request longer on one makes it longer on all.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from guard.counting import Counts

TOLERANCE: Final = 0.03
"""So much more than committed is let pass, as patch releases of Python and of libraries differ a little."""

PYTHON: Final = f"{sys.version_info.major}.{sys.version_info.minor}"
FILE: Final = Path(__file__).parent / f"python-{PYTHON}.json"

Limits = Mapping[str, Counts]
"""What one of each kind of work executes."""

HINT: Final = (
    "Where it is needed, run `make guard-write` and commit the numbers with the change that they are for; "
    "`make guard TOP=20` lists where the instructions are."
)


def read() -> Limits | None:
    """Return the numbers that were committed for this version of Python; None where there are none."""
    if not FILE.exists():
        return None
    return {work: Counts(**counts) for work, counts in json.loads(FILE.read_text()).items()}


def write(counted: Limits) -> None:
    """Put numbers in the place of those that were committed."""
    FILE.write_text(json.dumps({work: counts._asdict() for work, counts in counted.items()}, indent=2) + "\n")


def exceeded(counted: Limits, committed: Limits) -> list[str]:
    """Return a sentence for each number that is beyond the committed one by more than the tolerance.

    Work that only one of the two knows is a sentence, too.
    """
    lines = [
        f"{work}: {kind} {now:g}, committed are {before:g} ({_change(now, before)})"
        for work, kind, now, before in _pairs(counted, committed)
        if now > before * (1 + TOLERANCE)
    ]
    return lines + [f"{work}: it is counted or committed, but not both" for work in counted.keys() ^ committed.keys()]


def table(counted: Limits, committed: Limits | None) -> list[str]:
    """Return a line for each number, with its change from the committed one where there is one."""
    lines = [f"{'':<16} {'what':<14} {'count':>9}  change from committed"]
    for work, kind, now, before in _pairs(counted, committed or counted):
        change = _change(now, before) if committed and now != before else ""
        lines.append(f"{work:<16} {kind:<14} {now:9g}  {change}".rstrip())
    return lines


def _pairs(counted: Limits, committed: Limits) -> Iterator[tuple[str, str, float, float]]:
    for work, counts in counted.items():
        if work in committed:
            for kind, now, before in zip(Counts._fields, counts, committed[work], strict=True):
                yield work, kind.replace("_", " "), now, before


def _change(now: float, before: float) -> str:
    return f"{now / before - 1:+.1%}" if before else f"+{now:g}"
