"""What changed between two rounds → Kubernetes Events: each piece of news once, however often a round is run.

Pure: what was told before goes in, what is told now comes out with it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from switchover_operator.compiler.report import Report
from switchover_operator.findings import Finding, Weight, findings
from switchover_operator.identity import Identity

SETTLED: Final = 1.0
"""Seconds for which a fault has to stand: objects that are applied together come one after the other."""
LONGEST_NOTE: Final = 1000
"""Bytes of UTF-8; Kubernetes takes 1024 (Event v1, `note`)."""


@dataclass(frozen=True, slots=True)
class Happening:
    """One Event: what about which object."""

    about: Identity
    type: Literal["Normal", "Warning"]
    reason: str
    note: str
    action: str = "Serve"


@dataclass(frozen=True, slots=True)
class Told:
    """The faults that stand, since when, and which of them were told; and the priority that answered, by Upstream."""

    since: Mapping[Happening, float] = field(default_factory=dict)
    faults: frozenset[Happening] = frozenset()
    active: Mapping[Identity, int] = field(default_factory=dict)

    @property
    def is_waiting(self) -> bool:
        """Whether a fault stands that will be told if it goes on standing."""
        return len(self.since) > len(self.faults)


def happenings(
    told: Told, reports: Iterable[Report], active: Mapping[Identity, int], now: float
) -> tuple[Told, tuple[Happening, ...]]:
    """What was told and what is → what has been told then, and what is new; `now` is seconds of any monotonic clock."""
    reports = tuple(reports)
    since = {fault: told.since.get(fault, now) for report in reports for fault in _faults(report)}
    new = [fault for fault, first in since.items() if fault not in told.faults and now - first >= SETTLED]
    faults = (told.faults & since.keys()) | frozenset(new)
    moved = [
        _moved(upstream, told.active[upstream], priority)
        for upstream, priority in active.items()
        if told.active.get(upstream, priority) != priority
    ]
    # A data plane that was started anew has not heard of any priority yet: what is known stays.
    known = {report.identity: told.active[report.identity] for report in reports if report.identity in told.active}
    return Told(since, faults, {**known, **active}), (*new, *moved)


def _faults(report: Report) -> Iterable[Happening]:
    return [_of_finding(finding) for finding in findings(report, lambda *_: "") if finding.weight < Weight.RISK]


def _of_finding(finding: Finding) -> Happening:
    about = f"{finding.about}: " if finding.about else ""
    is_fault = finding.weight is Weight.FAULT
    return Happening(
        finding.identity,
        "Warning" if is_fault else "Normal",
        "NotServed" if is_fault else "NoEffect",
        f"{about}{finding.message}".encode()[:LONGEST_NOTE].decode(errors="ignore"),
    )


def _moved(upstream: Identity, before: int, now: int) -> Happening:
    if now > before:
        note = f"priority {now} answers, as priority {before} fails"
        return Happening(upstream, "Warning", "FailedOver", note, "FailOver")
    return Happening(upstream, "Normal", "Recovered", f"priority {now} answers again", "FailBack")
