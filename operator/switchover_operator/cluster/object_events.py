"""What changed between two rounds → Kubernetes Events: each change once, however often a round is run.

Pure: what was reported before goes in; the new state and the new Events come out.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from switchover_operator.compiler.report import Report
from switchover_operator.findings import Finding, Weight, findings
from switchover_operator.identity import Identity

SETTLED: Final = 1.0
"""Seconds for which a fault must stand before it is reported: objects that are applied together arrive one by one."""
LONGEST_NOTE: Final = 1000
"""Bytes of UTF-8; Kubernetes takes 1024 (Event v1, `note`)."""


@dataclass(frozen=True, slots=True)
class ObjectEvent:
    """One Event about one object."""

    about: Identity
    type: Literal["Normal", "Warning"]
    reason: str
    note: str
    action: str = "Serve"


@dataclass(frozen=True, slots=True)
class EventState:
    """The faults that stand and since when, those that were reported, and the priority that answered, by Upstream."""

    since: Mapping[ObjectEvent, float] = field(default_factory=dict)
    faults: frozenset[ObjectEvent] = frozenset()
    active: Mapping[Identity, int] = field(default_factory=dict)

    @property
    def is_waiting(self) -> bool:
        """Whether a fault stands that is not reported yet."""
        return len(self.since) > len(self.faults)


def object_events(
    reported: EventState, reports: Iterable[Report], active: Mapping[Identity, int], now: float
) -> tuple[EventState, tuple[ObjectEvent, ...]]:
    """What was reported and what is true now → the new state, and the Events to write.

    `now`: seconds of any monotonic clock.
    """
    reports = tuple(reports)
    since = {fault: reported.since.get(fault, now) for report in reports for fault in _faults(report)}
    new = [fault for fault, first in since.items() if fault not in reported.faults and now - first >= SETTLED]
    faults = (reported.faults & since.keys()) | frozenset(new)
    moved = [
        _failover_event(upstream, reported.active[upstream], priority)
        for upstream, priority in active.items()
        if reported.active.get(upstream, priority) != priority
    ]
    # A data plane that restarted reports no priority yet: the known one stays.
    known = {
        report.identity: reported.active[report.identity] for report in reports if report.identity in reported.active
    }
    return EventState(since, faults, {**known, **active}), (*new, *moved)


def _faults(report: Report) -> Iterable[ObjectEvent]:
    return [_of_finding(finding) for finding in findings(report, lambda *_: "", Weight.NO_EFFECT, joined=True)]


def _of_finding(finding: Finding) -> ObjectEvent:
    about = f"{finding.about}: " if finding.about else ""
    is_fault = finding.weight is Weight.FAULT
    return ObjectEvent(
        finding.identity,
        "Warning" if is_fault else "Normal",
        "NotServed" if is_fault else "NoEffect",
        f"{about}{finding.message}".encode()[:LONGEST_NOTE].decode(errors="ignore"),
    )


def _failover_event(upstream: Identity, before: int, now: int) -> ObjectEvent:
    if now > before:
        note = f"priority {now} answers, as priority {before} fails"
        return ObjectEvent(upstream, "Warning", "FailedOver", note, "FailOver")
    return ObjectEvent(upstream, "Normal", "Recovered", f"priority {now} answers again", "FailBack")
