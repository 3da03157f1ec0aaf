"""What Switchover is to reach in the same run beside Envoy, and beside itself, and whether it does."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from switchover_bench.scenarios import (
    FAILOVER,
    STREAMS,
    SUCCESS,
    TRANSLATED,
    TRANSLATED_STREAMS,
    Scenario,
)
from switchover_bench.summary import Cell, Key, Spread


@dataclass(frozen=True, slots=True)
class Aim:
    """A figure of Switchover's cell beside that of another proxy or another scenario, and its bound.

    `beside_scenario` None is the same one. `figure` gets Switchover's and the other cell; `most` says whether the bound
    is the most or the least that passes.
    """

    what: str
    scenario: Scenario
    connections: int
    figure: Callable[[Cell, Cell], float]
    bound: float
    unit: str = "x Envoy"
    most: bool = False
    beside: str = "envoy"
    beside_scenario: Scenario | None = None

    def row(self, cells: Mapping[Key, Cell]) -> tuple[str, str, str, str]:
        """What, the figure, the bound and the verdict; no figure is no pass."""
        bound = f"{'at most' if self.most else 'at least'} {self.bound:g} {self.unit}"
        own = cells.get(Key("switchover", self.scenario.name, self.connections))
        other = cells.get(Key(self.beside, (self.beside_scenario or self.scenario).name, self.connections))
        if own is None or other is None or own.reason or other.reason:
            return self.what, "no figure", bound, "FAIL"
        figure = self.figure(own, other)
        passes = figure <= self.bound if self.most else figure >= self.bound
        return self.what, f"{figure:.2f} {self.unit}", bound, "PASS" if passes else "FAIL"

    def is_measured(self, cells: Mapping[Key, Cell]) -> bool:
        """Whether Switchover's cell was asked for."""
        return Key("switchover", self.scenario.name, self.connections) in cells


def _times(figure: Callable[[Cell], Spread]) -> Callable[[Cell, Cell], float]:
    return lambda own, other: figure(own).median / figure(other).median


_SPEED = _times(lambda cell: cell.per_second)
_CPU = _times(lambda cell: cell.cpu_us)


def _beside_native(what: str, scenario: Scenario, native: Scenario, connections: int) -> Aim:
    """What a translated request may cost beside one whose client and target speak the same API."""
    return Aim(what, scenario, connections, _CPU, 1.5, "x native", True, "switchover", native)


AIMS: Final[Sequence[Aim]] = (
    Aim("requests per second where the first target answers, 16 connections", SUCCESS, 16, _SPEED, 1.0),
    Aim("requests per second where each fails over, 16 connections", FAILOVER, 16, _SPEED, 3.0),
    Aim("CPU of a stream, 64 connections", STREAMS, 64, _CPU, 1.2, most=True),
    Aim("p99 of whole streams, 256 connections", STREAMS, 256, _times(lambda cell: cell.p99_ms), 1.2, most=True),
    Aim(
        "median added to a request without a proxy, 1 connection",
        SUCCESS,
        1,
        lambda own, direct: own.p50_ms.median - direct.p50_ms.median,
        0.15,
        unit="ms",
        most=True,
        beside="direct",
    ),
    _beside_native("CPU of a translated request, 16 connections", TRANSLATED, SUCCESS, 16),
    _beside_native("CPU of a translated stream, 64 connections", TRANSLATED_STREAMS, STREAMS, 64),
)


def rows(cells: Mapping[Key, Cell]) -> list[tuple[str, str, str, str]]:
    """The rows of the aims whose cells were asked for."""
    return [aim.row(cells) for aim in AIMS if aim.is_measured(cells)]
