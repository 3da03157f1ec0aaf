"""What changed between two rounds → log lines: each change once, however often a round is run.

Pure: what was logged before goes in; the new state and the lines to write come out. It knows neither processes nor
files.
"""

import itertools
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from switchover_dataplane.table.table import Table
from switchover_operator.acknowledgements import Acknowledgements
from switchover_operator.compiler.compile import Compiled
from switchover_operator.findings import Finding, Weight

_WORDS_OF_A_SENTENCE: Final = 3
"""A kind and a name are two words."""
_LEAST_PARTS: Final = 2
_UNSPECIFIED: Final = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}


@dataclass(frozen=True, slots=True)
class Line:
    """One log line: a level of `logging`, its message, fields for machines, and more lines for people."""

    level: int
    msg: str
    fields: dict[str, Any] = field(default_factory=dict)
    more: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LogState:
    """What was logged: the problems that still stand, the revision that was served, and the addresses."""

    problems: frozenset[str] = frozenset()
    revision: str = ""
    ready: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Served:
    """What is served, in fields for machines and lines for people."""

    fields: dict[str, Any] = field(default_factory=dict)
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LoopStatus:
    """All that can be logged at one moment. `problems` are those of the files.

    `bind` is where this machine's data planes listen; None where they run elsewhere: then no address is logged.
    `base_path` is what a client puts behind an address. `served` says what is served there; it is asked for new
    addresses alone.
    """

    compiled: Compiled
    acknowledgements: Acknowledgements
    findings: tuple[Finding, ...]
    problems: tuple[str, ...] = ()
    bind: str | None = None
    admin: str = ""
    base_path: str = ""
    served: Callable[[], Served] = Served


def log_changes(logged: LogState, now: LoopStatus) -> tuple[LogState, list[Line]]:
    """What was logged and what is true now → the new log state, and the lines to write."""
    # Data planes elsewhere may have a table of a time before this process.
    problems = _problems(now, is_first=now.bind is not None and not logged.revision)
    lines = [line for text, line in problems.items() if text not in logged.problems]
    lines += [
        Line(logging.INFO, f"solved: {_beginning(text)}", {"problem": text})
        for text in sorted(logged.problems - problems.keys())
    ]
    standing = LogState(frozenset(problems), logged.revision, logged.ready)
    if not now.acknowledgements.complete:
        return standing, lines
    revision = now.acknowledgements.revision
    ready = None if now.bind is None else tuple(urls(now.compiled.table, now.bind))
    is_new = ready is not None and ready != logged.ready
    if ready is not None and is_new:
        lines.append(_ready(now, ready))
    if revision != logged.revision:
        lines.append(_revision(now))
    if is_new:
        lines.append(Line(logging.INFO, f"admin port: http://{now.admin} (/readyz, /metrics, /v1/health, /v1/table)"))
    return LogState(frozenset(problems), revision, ready), lines


def urls(table: Table, bind: str) -> Iterable[str]:
    """The addresses at which a table's ports are served by data planes that listen at `bind`."""
    host = _UNSPECIFIED.get(bind, bind)
    for port in table.ports:
        yield f"{port.protocol.lower()}://{f'[{host}]' if ':' in host else host}:{port.number}"


def _problems(now: LoopStatus, *, is_first: bool) -> dict[str, Line]:
    """Every problem that stands, by its text. With `is_first` no table was served yet that could stay."""
    lines = {text: Line(logging.WARNING, text) for text in now.problems}
    for finding in now.findings:
        if finding.weight is not Weight.NOTE:
            fields = {"object": str(finding.identity), "place": finding.place}
            lines[str(finding)] = Line(logging.WARNING, str(finding), fields)
    for reasons in now.acknowledgements.refusals.values():
        for reason in reasons:
            stays = "" if is_first else ", the last good table stays"
            lines[reason] = Line(logging.ERROR, f"not served{stays}: {reason}")
    return lines


def _beginning(text: str) -> str:
    """Return what a problem is about, in which place, object and field, without the sentence that says what is wrong.

    Of a problem with a place alone it is the first part of the sentence.
    """
    parts = text.split(": ")
    about = list(itertools.takewhile(lambda part: part.count(" ") < _WORDS_OF_A_SENTENCE - 1, parts))
    if len(about) < min(_LEAST_PARTS, len(parts)):
        about = [*about, parts[len(about)].partition("; ")[0]]
    return ": ".join(about)


def _revision(now: LoopStatus) -> Line:
    refused = [str(report.identity) for report in now.compiled.reports if not report.is_accepted]
    accepted = len(now.compiled.reports) - len(refused)
    msg = f"serving revision {now.acknowledgements.revision}: {accepted} object{'' if accepted == 1 else 's'} accepted"
    if refused:
        msg += f", {len(refused)} not accepted: {', '.join(refused)}"
    fields = {"revision": now.acknowledgements.revision, "accepted": accepted, "not_accepted": refused}
    return Line(logging.INFO, msg, fields)


def _ready(now: LoopStatus, ready: tuple[str, ...]) -> Line:
    if ready:
        served = now.served()
        bases = [f"{url}{now.base_path}" for url in ready]
        return Line(logging.INFO, f"ready: {' '.join(bases)}", {"urls": bases, **served.fields}, served.lines)
    kinds = [report.identity.kind for report in now.compiled.reports]
    why = "no listener of a Gateway can be served" if "Gateway" in kinds else "there is no Gateway of class switchover"
    return Line(logging.WARNING, f"nothing is served: {why}; the files are watched")
