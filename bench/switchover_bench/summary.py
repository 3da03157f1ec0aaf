"""Repetitions of cells → medians with their spread, and ratios between proxies."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from switchover_bench.cells import Sample

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Key:
    """Which cell: proxy and scenario by name, and how many connections."""

    proxy: str
    scenario: str
    connections: int


@dataclass(frozen=True, slots=True)
class Spread:
    """The median of repetitions, the least and the most."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """The spread of at least one value."""
        return cls(statistics.median(values), min(values), max(values))


@dataclass(frozen=True, slots=True)
class Cell:
    """The figures of a cell, or why there are none: a `reason`, and then all figures are zero.

    Throughput is requests (or whole streams) per second, CPU microseconds per request, memory megabytes.
    """

    per_second: Spread
    cpu_us: Spread
    user_us: float
    system_us: float
    p50_ms: Spread
    p99_ms: Spread
    longest_gap_ms: float
    resident_mb: float
    upstream_requests: float
    repetitions: int
    reason: str = ""

    @classmethod
    def of(cls, samples: Sequence[Sample]) -> "Cell":
        """The medians of at least one sample."""
        return cls(
            per_second=Spread.of([each.load.requests / each.load.seconds for each in samples]),
            cpu_us=Spread.of([sum(each.cpu_us) for each in samples]),
            user_us=statistics.median(each.cpu_us[0] for each in samples),
            system_us=statistics.median(each.cpu_us[1] for each in samples),
            p50_ms=Spread.of([each.load.p50_ms for each in samples]),
            p99_ms=Spread.of([each.load.p99_ms for each in samples]),
            longest_gap_ms=max(each.load.longest_gap_ms for each in samples),
            resident_mb=max(each.resident_mb for each in samples),
            upstream_requests=statistics.median(each.upstream_requests for each in samples),
            repetitions=len(samples),
        )

    @classmethod
    def without_figures(cls, reason: str) -> "Cell":
        """A cell that has a reason in the place of figures."""
        none = Spread(0, 0, 0)
        return cls(none, none, 0, 0, none, none, 0, 0, 0, 0, reason)


def ratio(figure: float, reference: float) -> float | None:
    """How many times the reference a figure is; None where there is no reference."""
    return figure / reference if reference else None


def rotated(items: Sequence[T], by: int) -> list[T]:
    """The same items, begun `by` places later: no proxy is always the first one."""
    start = by % len(items)
    return [*items[start:], *items[:start]]
