"""What changed between two rounds → log lines: each piece of news once, however often a round is run.

Pure: what was told before goes in, what is told now comes out with it. Nothing here knows processes or files.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from switchover_dataplane.table import Table
from switchover_operator.compiler.compile import Compiled
from switchover_operator.findings import Finding, Weight
from switchover_operator.publish import Acknowledgements

_UNSPECIFIED: Final = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}


@dataclass(frozen=True, slots=True)
class Line:
    """One log line: a level of `logging`, its message, and fields for machines."""

    level: int
    msg: str
    fields: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Told:
    """What was said already: problems that still stand, the revision that was served, and the addresses named."""

    problems: frozenset[str] = frozenset()
    revision: str = ""
    ready: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Situation:
    """All there is to tell at one moment. `problems` are those of the files, in their own words.

    `bind` is where this machine's data planes listen; None where they are elsewhere, and nothing is said of it.
    """

    compiled: Compiled
    acknowledgements: Acknowledgements
    findings: tuple[Finding, ...]
    problems: tuple[str, ...] = ()
    bind: str | None = None
    admin: str = ""


def news(told: Told, now: Situation) -> tuple[Told, list[Line]]:
    """What was told and what is → what has been told then, and the lines to write."""
    problems = _problems(now)
    lines = [line for text, line in problems.items() if text not in told.problems]
    lines += [
        Line(logging.INFO, f"solved: {text}", {"problem": text}) for text in sorted(told.problems - problems.keys())
    ]
    standing = Told(frozenset(problems), told.revision, told.ready)
    if not now.acknowledgements.complete:
        return standing, lines
    revision = now.acknowledgements.revision
    ready = None if now.bind is None else tuple(urls(now.compiled.table, now.bind))
    if revision != told.revision:
        lines.append(_served(now))
    if ready is not None and ready != told.ready:
        lines.append(_ready(now, ready))
    return Told(frozenset(problems), revision, ready), lines


def urls(table: Table, bind: str) -> Iterable[str]:
    """The addresses at which a table's ports are served by data planes that listen at `bind`."""
    host = _UNSPECIFIED.get(bind, bind)
    for port in table.ports:
        yield f"{port.protocol.lower()}://{f'[{host}]' if ':' in host else host}:{port.number}"


def _problems(now: Situation) -> dict[str, Line]:
    """Every problem that stands, by its text."""
    lines = {text: Line(logging.WARNING, text) for text in now.problems}
    for finding in now.findings:
        if finding.weight is not Weight.NOTE:
            fields = {"object": str(finding.identity), "place": finding.place}
            lines[str(finding)] = Line(logging.WARNING, str(finding), fields)
    for reasons in now.acknowledgements.refusals.values():
        for reason in reasons:
            lines[reason] = Line(logging.ERROR, f"not served, the last good table stays: {reason}")
    return lines


def _served(now: Situation) -> Line:
    refused = [str(report.identity) for report in now.compiled.reports if not report.is_accepted]
    accepted = len(now.compiled.reports) - len(refused)
    msg = f"serving revision {now.acknowledgements.revision}: {accepted} object{'' if accepted == 1 else 's'} accepted"
    if refused:
        msg += f", {len(refused)} not accepted: {', '.join(refused)}"
    fields = {"revision": now.acknowledgements.revision, "accepted": accepted, "not_accepted": refused}
    return Line(logging.INFO, msg, fields)


def _ready(now: Situation, ready: tuple[str, ...]) -> Line:
    if ready:
        return Line(logging.INFO, f"ready: {' '.join(ready)} (admin http://{now.admin})", {"urls": list(ready)})
    kinds = [report.identity.kind for report in now.compiled.reports]
    why = "no listener of a Gateway can be served" if "Gateway" in kinds else "there is no Gateway of class switchover"
    return Line(
        logging.WARNING, f"ready, but nothing is served: {why}; the files are watched (admin http://{now.admin})"
    )
