"""Reports → findings for a person to read: one sentence each, with the place it is about.

`check` prints findings and `run` logs them, so that both say the same. A finding is plain text: two that are equal are
the same news.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from switchover_operator.compiler.conditions import Condition
from switchover_operator.compiler.report import Report, Standing
from switchover_operator.identity import Identity
from switchover_operator.key_shapes import without_keys

_PATH: Final = re.compile(r"\b(?:spec|metadata|data)\b[\w.\[\]-]*|^(?:endpoints|ports)\[[\w.\[\]-]*")

_WITHOUT_EFFECT: Final = frozenset({Standing.UNSERVED, Standing.UNATTACHED})

Locate = Callable[[Identity, str], str]
"""An object and a field's path → "file:line", or "" where that is not known."""


class Weight(IntEnum):
    """How much a finding matters: a fault keeps something from being served as written, a risk is served as written."""

    FAULT = 0
    NO_EFFECT = 1
    RISK = 2
    NOTE = 3


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to tell. `about` says which part of the object: a listener, a parent, or "" for the whole.

    A note has no `place`, as there is nothing to mend.
    """

    weight: Weight
    identity: Identity
    about: str
    message: str
    place: str = ""

    def __str__(self) -> str:
        where = f"{self.place}: " if self.place else ""
        about = f" ({self.about})" if self.about else ""
        return f"{where}{self.identity}{about}: {self.message}"


class Found:
    """The findings of all reports but notes; a report that is the one of last time is not looked at again."""

    def __init__(self) -> None:
        self._known: dict[Identity, tuple[Report, object, list[Finding]]] = {}

    def of(self, reports: Iterable[Report], locate: Locate, document: Callable[[Identity], object]) -> list[Finding]:
        """Return the findings in the order of the reports.

        `document` is what an object's places are looked up in: the same one has them where they were.
        """
        before, self._known = self._known, (now := {})
        for report in reports:
            known, where = before.get(report.identity), document(report.identity)
            if known is None or known[0] is not report or known[1] is not where:
                known = report, where, findings(report, locate, Weight.RISK)
            now[report.identity] = known
        return [each for _, _, found in now.values() for each in found]


def findings(report: Report, locate: Locate, down_to: Weight = Weight.NOTE, *, joined: bool = False) -> list[Finding]:
    """Everything worth telling about one object, the weightiest first; nothing about what is as it should be.

    What is less than `down_to` is left out. Each fault is a finding with its own place; with `joined`, each condition.
    """
    found = [
        Finding(
            weight,
            report.identity,
            about,
            message,
            "" if weight is Weight.NOTE else _place(report, message, locate),
        )
        for about, conditions in _parts(report)
        for condition in conditions
        if (weight := _weight(condition)) is not None and weight <= down_to
        for message in ((condition.message,) if joined else condition.messages)
    ]
    if report.address_problem:
        found.append(
            Finding(
                Weight.FAULT,
                report.identity,
                "",
                report.address_problem,
                _place(report, report.address_problem, locate),
            )
        )
    if report.standing in _WITHOUT_EFFECT:
        notes = map(without_keys, report.notes)
        found += [Finding(Weight.FAULT, report.identity, "", note, report.source) for note in notes]
    elif down_to is Weight.NOTE:
        found += [Finding(Weight.NOTE, report.identity, "", note, "") for note in report.notes]
    if len(found) < 2:
        return found
    return sorted(dict.fromkeys(found), key=lambda finding: finding.weight)


def _parts(report: Report) -> Iterable[tuple[str, tuple[Condition, ...]]]:
    yield "", report.conditions
    for listener in report.listeners:
        yield f"listener {listener.name}", listener.conditions
    for parent in report.parents:
        # Where there is one parent only, everybody knows which one is meant.
        name = "/".join(str(parent.ref[key]) for key in ("namespace", "name", "sectionName") if parent.ref.get(key))
        yield f"at {name}" if len(report.parents) > 1 else "", parent.conditions


def _weight(condition: Condition) -> Weight | None:
    match condition.type, condition.status:
        case ("Accepted" | "ResolvedRefs" | "RetryPolicy" | "AccessControl", "False") | ("PartiallyInvalid", "True"):
            return Weight.FAULT
        case ("UnsupportedField", "True") | ("WorstCase", "False"):
            return Weight.NO_EFFECT
        case "OpenAccess" | "Disabled", "True":
            return Weight.RISK
        case "RetryPolicy" | "WorstCase" | "AccessControl", "True":
            return Weight.NOTE
        case _:
            return None


def _place(report: Report, message: str, locate: Locate) -> str:
    path = _PATH.search(message)
    return locate(report.identity, path[0].rstrip(".") if path else "") or report.source
