"""Cells → a Markdown page and JSON."""

import dataclasses
import json
from collections.abc import Mapping, Sequence

from switchover_bench import aims
from switchover_bench.proxies.proxy import Proxy
from switchover_bench.scenarios import Scenario
from switchover_bench.summary import Cell, Key, Spread, ratio

REFERENCE = "envoy"
_COLUMNS = (
    "proxy",
    "connections",
    "per second (least-most)",
    "x Envoy",
    "CPU µs (user + system)",
    "x Envoy's CPU",
    "p50 ms",
    "p99 ms",
    "at targets",
    "MB",
)

_COLUMNS_EXPLAINED = (
    "Medians of the repetitions; throughput with its least and most. `x Envoy` compares with Envoy in the same row of "
    "scenario and connections: more is better for throughput, less for CPU. CPU is user and system time of all of the "
    "proxy's processes for each request. `at targets` is how many requests a client's request caused. `MB` is what the "
    "largest of the proxy's processes had in memory after the load."
)

Cells = Mapping[Key, Cell]


def page(
    cells: Cells, scenarios: Sequence[Scenario], proxies: Sequence[Proxy], facts: Mapping[str, str], command: str
) -> str:
    """The page of all figures: a table for each scenario."""
    parts = ["# Figures of `make bench`", "", f"Written by `{command}`; do not edit.", "", *facts_lines(facts), ""]
    parts += ["![Processor time of a request in each proxy](bench.svg)", "", _COLUMNS_EXPLAINED, ""]
    if reached := aims.rows(cells):
        parts += ["## Aims", "", *table_head(("", "figure", "bound", "")), *map(_line, reached), ""]
    for scenario in scenarios:
        parts += [f"## {scenario.name}", "", f"{scenario.title}.", "", *rows(cells, scenario, proxies), ""]
    return "\n".join(parts)


def facts_lines(facts: Mapping[str, str]) -> list[str]:
    """The machine and the versions as a list."""
    return [f"- {name}: {value}" for name, value in facts.items()]


def rows(cells: Cells, scenario: Scenario, proxies: Sequence[Proxy]) -> list[str]:
    """One scenario's table, with a row for each proxy and number of connections that was run."""
    lines = table_head(_COLUMNS)
    for connections in scenario.connections:
        reference = cells.get(Key(REFERENCE, scenario.name, connections))
        for proxy in proxies:
            cell = cells.get(Key(proxy.name, scenario.name, connections))
            if cell is not None:
                lines.append(_row(proxy, connections, cell, reference))
    return lines


def table_head(columns: Sequence[str]) -> list[str]:
    """The first two lines of a Markdown table."""
    return [_line(columns), "|" + "---|" * len(columns)]


def _line(texts: Sequence[str]) -> str:
    return "| " + " | ".join(texts) + " |"


def _row(proxy: Proxy, connections: int, cell: Cell, reference: Cell | None) -> str:
    if cell.reason:
        return _line([proxy.title, str(connections), f"no figure: {cell.reason}", *[""] * (len(_COLUMNS) - 3)])
    speed = cell.per_second
    return _line(
        [
            f"**{proxy.title}**" if proxy.name == "switchover" else proxy.title,
            str(connections),
            f"{_number(speed.median)} ({_number(speed.least)}-{_number(speed.most)})",
            times(speed, reference.per_second if reference else None),
            f"{cell.cpu_us.median:.0f} ({cell.user_us:.0f} + {cell.system_us:.0f})" if cell.cpu_us.median else "",
            times(cell.cpu_us, reference.cpu_us if reference else None),
            f"{cell.p50_ms.median:.2f}",
            f"{cell.p99_ms.median:.2f}",
            f"{cell.upstream_requests:.2f}",
            f"{cell.resident_mb:.0f}" if cell.resident_mb else "",
        ]
    )


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def times(figure: Spread, reference: Spread | None) -> str:
    """A ratio of medians, empty where there is none."""
    found = ratio(figure.median, reference.median) if reference else None
    return f"{found:.2f}" if found else ""


def as_json(cells: Cells, facts: Mapping[str, str], command: str) -> str:
    """Everything that was measured."""
    listed = [{**dataclasses.asdict(key), **dataclasses.asdict(cell)} for key, cell in cells.items()]
    return json.dumps({"command": command, "machine": dict(facts), "cells": listed}, indent=1) + "\n"
