"""What changed between two rounds → Kubernetes Events: each piece of news once, however often a round is run.

Pure: what was told before goes in, what is told now comes out with it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from switchover_operator.findings import Finding, Weight, findings
from switchover_operator.identity import Identity
from switchover_operator.reports import Report

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
    """The faults that were told of and still stand, and the priority that answered, by Upstream."""

    faults: frozenset[Happening] = frozenset()
    active: Mapping[Identity, int] = field(default_factory=dict)


def happenings(
    told: Told, reports: Iterable[Report], active: Mapping[Identity, int]
) -> tuple[Told, tuple[Happening, ...]]:
    """What was told and what is → what has been told then, and what is new."""
    standing = {
        _of_finding(finding): None
        for report in reports
        for finding in findings(report, lambda *_: "")
        if finding.weight is not Weight.NOTE
    }
    new = [happening for happening in standing if happening not in told.faults]
    moved = [
        _moved(upstream, told.active[upstream], priority)
        for upstream, priority in active.items()
        if told.active.get(upstream, priority) != priority
    ]
    return Told(frozenset(standing), dict(active)), (*new, *moved)


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
