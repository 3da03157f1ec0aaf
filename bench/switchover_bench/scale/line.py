"""One line of the result: a figure, and the bound that it is held to."""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass

from switchover_bench.report import facts_lines


@dataclass(frozen=True, slots=True)
class Line:
    """A figure with its unit; `bound` is the most that passes, None where the figure only informs.

    `failed` is the reason where there is no figure; such a line never passes.
    """

    what: str
    figure: float
    unit: str
    bound: float | None = None
    failed: str = ""

    @property
    def verdict(self) -> str:
        """PASS or FAIL; empty where there is no bound and a figure."""
        if self.failed:
            return "FAIL"
        if self.bound is None:
            return ""
        return "PASS" if self.figure <= self.bound else "FAIL"

    @property
    def shown(self) -> str:
        """The figure in words."""
        return f"no figure: {self.failed}" if self.failed else quantity(self.figure, self.unit)

    @property
    def shown_bound(self) -> str:
        """The bound in words; empty where there is none."""
        return "" if self.bound is None else f"at most {quantity(self.bound, self.unit)}"


def quantity(value: float, unit: str) -> str:
    """A number with as many digits as it deserves."""
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    return f"{value:,.{digits}f} {unit}"


def table(lines: list[Line]) -> list[str]:
    """The lines as a Markdown table."""
    head = ["| | figure | bound | |", "|---|---|---|---|"]
    return head + [f"| {each.what} | {each.shown} | {each.shown_bound} | {each.verdict} |" for each in lines]


def page(found: Mapping[str, list[Line]], facts: Mapping[str, str], command: str) -> str:
    """The page of all lines: a table for each section."""
    head = "# Figures of `make bench-scale`"
    parts = [head, "", f"Written by `{command}`; do not edit.", "", *facts_lines(facts), ""]
    for name, lines in found.items():
        parts += [f"## {name}", "", *table(lines), ""]
    return "\n".join(parts)


def as_json(found: Mapping[str, list[Line]], facts: Mapping[str, str], command: str) -> str:
    """Every line with its verdict."""
    listed = {name: [_as_object(line) for line in lines] for name, lines in found.items()}
    return json.dumps({"command": command, "machine": dict(facts), "lines": listed}, indent=1) + "\n"


def _as_object(line: Line) -> dict[str, object]:
    return dataclasses.asdict(line) | {"verdict": line.verdict}
