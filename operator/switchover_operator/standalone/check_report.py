"""Files and what was compiled from them → the report that `switchover check` prints, for a person or as JSON.

Object by object: what has become of it, in which order models are tried for which requests, what has no effect and
what is wrong, with the place in the files. The plan is read from the table, which is what would be served.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import click

from switchover_operator.compiler.compile import Compiled
from switchover_operator.compiler.fleet import CLASS_NAME
from switchover_operator.compiler.report import Report
from switchover_operator.compiler.states import State, is_failing, own_errors, states
from switchover_operator.findings import Finding, Weight, findings
from switchover_operator.identity import Identity
from switchover_operator.key_shapes import without_keys
from switchover_operator.snapshot import Snapshot
from switchover_operator.standalone.check_plan import Plan, counted, planned
from switchover_operator.standalone.files import View, locate, name_of

_MOST_OTHERS: Final = 12
"""Objects without a section of their own that are named for one state; of more, how many others there are."""


@dataclass(frozen=True, slots=True)
class Marks:
    """The signs of a report. `none` stands before what is neither good nor bad."""

    good: str
    bad: str
    warning: str
    none: str
    arrow: str


def marks(encoding: str | None, *, plain: bool) -> Marks:
    """The signs that an output of this encoding can show; with `plain` ASCII only."""
    if plain or (encoding or "").lower().replace("-", "") != "utf8":
        return Marks("ok ", "BAD", "!  ", "-  ", "->")
    return Marks("✓", "✗", "!", "·", "→")


@dataclass(frozen=True)
class Checked:
    """The files, their objects, and what was compiled from them."""

    view: View
    snapshot: Snapshot
    compiled: Compiled

    @cached_property
    def states(self) -> Mapping[Identity, State]:
        """What has become of each object."""
        work = self.compiled.work
        used = frozenset().union(*work.reads.values()) if work is not None else frozenset[Identity]()
        return states(self.snapshot, self.compiled.reports, used)

    @cached_property
    def findings(self) -> Mapping[Identity, list[Finding]]:
        """Everything worth telling about each object that has a report."""
        return {each.identity: findings(each, self._place) for each in self.compiled.reports}

    @property
    def is_good(self) -> bool:
        """Whether all that concerns this gateway is served: nothing refused, unattached, or answered an own error."""
        return not (
            self.view.problems
            or any(map(is_failing, self.states.values()))
            or not all(each.is_accepted for each in self.compiled.reports)
            or own_errors(self.compiled.table)
            or self.why_nothing_is_served
        )

    @property
    def why_nothing_is_served(self) -> str:
        """Why no port is served though there is a Gateway or a route; "" where one is, or where there is neither."""
        kinds = {identity.kind for identity in self.states}
        if self.compiled.table.ports or not kinds & {"Gateway", "HTTPRoute"}:
            return ""
        return self.why_no_port

    @property
    def why_no_port(self) -> str:
        """Why no port is served, where none is."""
        gateways = {identity: state for identity, state in self.states.items() if identity.kind == "Gateway"}
        if not gateways:
            return f"there is no Gateway of class {CLASS_NAME}"
        refused = [str(identity) for identity, state in gateways.items() if state is State.REFUSED]
        if refused:
            return f"{', '.join(refused)} {'is' if len(refused) == 1 else 'are'} refused"
        return f"there is no Gateway of class {CLASS_NAME} with a listener"

    def summary(self) -> str:
        """`3 served, 1 refused, 2 not ours; port 8080 would be served`."""
        states = Counter(self.states.values())
        parts = [f"{states[state]} {state}" for state in State if states[state] or state is State.SERVED]
        parts += [f"{counted(len(self.view.problems), 'problem')} in the files"] if self.view.problems else []
        ports = [str(port.number) for port in self.compiled.table.ports]
        what = f"port{'s' if len(ports) > 1 else ''} {', '.join(ports)} would be served" if ports else ""
        return f"{', '.join(parts)}; {what or f'nothing would be served: {self.why_no_port}'}"

    def _place(self, identity: Identity, path: str) -> str:
        return str(locate(self.view, identity, path) or "")


# ── For a person ────────────────────────────────────────────────────────────────────────────────────────────────────


def report(checked: Checked, signs: Marks) -> str:
    """The whole report, in styled text that `click.echo` makes plain where it is not shown on a terminal."""
    plan = Plan.of(checked.compiled.table)
    problems = [_bad(signs, problem) for problem in checked.view.problems]
    sections = [
        *([problems] if problems else []),
        *(list(_object(checked, each, plan, signs)) for each in checked.compiled.reports),
        *_without_reports(checked, signs),
        *_variables(checked, signs),
        [_summary(checked, signs)],
    ]
    return "\n\n".join("\n".join(lines) for lines in sections)


def _object(checked: Checked, each: Report, plan: Plan, signs: Marks) -> Iterator[str]:
    state = checked.states[each.identity]
    yield f"{_sign(state, signs)} {click.style(str(each.identity), bold=True)} {state}{_grey(each.source)}"
    yield from (f"    {without_keys(line)}" for line in planned(each, plan, signs.arrow))
    yield from (f"    {_finding(finding, signs)}" for finding in checked.findings[each.identity])


def _sign(state: State, signs: Marks) -> str:
    match state:
        case State.SERVED:
            return click.style(signs.good, fg="green")
        case State.PARTLY_SERVED:
            return click.style(signs.warning, fg="yellow")
        case State.DISABLED | State.UNUSED | State.OTHERS:
            return signs.none
        case _:
            return click.style(signs.bad, fg="red")


def _finding(finding: Finding, signs: Marks) -> str:
    about = without_keys(f"{finding.about}: ") if finding.about else ""
    match finding.weight:
        case Weight.FAULT:
            return f"{click.style(signs.bad, fg='red')} {about}{finding.message}{_grey(finding.place)}"
        case Weight.NO_EFFECT | Weight.RISK:
            return f"{click.style(signs.warning, fg='yellow')} {about}{finding.message}{_grey(finding.place)}"
        case Weight.NOTE:
            return f"{signs.arrow} {about}{without_keys(finding.message)}"


def _grey(place: str) -> str:
    return click.style(f"  [{place}]", dim=True) if place else ""


def _bad(signs: Marks, text: object) -> str:
    return f"{click.style(signs.bad, fg='red')} {text}"


def _without_reports(checked: Checked, signs: Marks) -> Iterator[list[str]]:
    """One line for each state of the objects of which there is nothing else to tell."""
    told = {each.identity for each in checked.compiled.reports}
    by_state: dict[State, list[str]] = {}
    for identity, state in checked.states.items():
        if identity not in told:
            by_state.setdefault(state, []).append(str(identity))
    lines = []
    for state, names in sorted(by_state.items(), key=lambda item: list(State).index(item[0])):
        more = len(names) - _MOST_OTHERS
        named = ", ".join([*names[:_MOST_OTHERS], *([f"{more} others"] if more > 0 else [])])
        lines.append(f"{_sign(state, signs)} {state}: {named}")
    if lines:
        yield lines


def _variables(checked: Checked, signs: Marks) -> Iterator[list[str]]:
    """Name the variables that files read: a manifest from somebody else could send any of them anywhere."""
    lines = [
        f"{signs.none} {name_of(file)} reads {', '.join(map(without_keys, names))} from the environment"
        for file, names in checked.view.variables.items()
    ]
    if lines:
        yield lines


def _summary(checked: Checked, signs: Marks) -> str:
    sign = click.style(signs.good, fg="green") if checked.is_good else click.style(signs.bad, fg="red")
    return f"{sign} {checked.summary()}"


# ── As JSON ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def as_json(checked: Checked) -> str:
    """The same for programs; docs/operations.md describes the fields."""
    states = Counter(checked.states.values())
    content = {
        "good": checked.is_good,
        "ports": [port.number for port in checked.compiled.table.ports],
        "summary": {state.value: states[state] for state in State},
        "problems": [
            {"file": str(each.file), "line": each.line, "column": each.column, "message": each.what}
            for each in checked.view.problems
        ],
        "variables": [
            {"file": str(file), "names": [*map(without_keys, names)]} for file, names in checked.view.variables.items()
        ],
        "objects": [_json_object(checked, identity, state) for identity, state in checked.states.items()],
    }
    return json.dumps(content, indent=2, ensure_ascii=False)


def _json_object(checked: Checked, identity: Identity, state: State) -> dict[str, Any]:
    return {
        "group": without_keys(identity.group),
        "kind": without_keys(identity.kind),
        "namespace": without_keys(identity.namespace),
        "name": without_keys(identity.name),
        "state": state.value,
        "place": checked.snapshot.source(identity),
        "findings": [
            {
                "severity": _SEVERITIES[each.weight],
                "about": without_keys(each.about),
                "message": without_keys(each.message),
                "place": each.place,
            }
            for each in checked.findings.get(identity, ())
        ],
    }


_SEVERITIES: Final = {
    Weight.FAULT: "fault",
    Weight.NO_EFFECT: "no effect",
    Weight.RISK: "risk",
    Weight.NOTE: "note",
}
