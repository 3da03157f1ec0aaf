"""What `make bench-scale` asks of Switchover, and how it says what it found."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from switchover_bench.scale import manifests
from switchover_bench.scale.line import Line, as_json, page
from switchover_bench.scenarios import Ports

PORTS = Ports.at(20000)
ROUTES = 3


@pytest.mark.parametrize(
    ("line", "verdict"),
    [
        (Line("a stall", 20.0, "ms", 20.0), "PASS"),
        (Line("a stall", 20.1, "ms", 20.0), "FAIL"),
        (Line("a stall", 20.1, "ms"), ""),
        (Line("a stall", 0.0, "ms", 20.0, "not ready after 60 s"), "FAIL"),
        (Line("a stall", 0.0, "ms", failed="not ready after 60 s"), "FAIL"),
    ],
)
def test_a_line_passes_within_its_bound_and_never_without_a_figure(line: Line, verdict: str) -> None:
    assert line.verdict == verdict


def test_a_page_has_a_row_for_each_line_with_its_bound_and_its_reason() -> None:
    found = {"edits": [Line("served", 180.4, "ms", 250.0), Line("sent", 0.0, "%", 5.0, "not ready after 60 s")]}
    text = page(found, {"cores": "2"}, "make bench-scale")
    assert "| served | 180 ms | at most 250 ms | PASS |" in text
    assert "| sent | no figure: not ready after 60 s | at most 5.00 % | FAIL |" in text
    verdicts = [each["verdict"] for each in json.loads(as_json(found, {}, "make bench-scale"))["lines"]["edits"]]
    assert verdicts == ["PASS", "FAIL"]


@pytest.mark.parametrize("made", [manifests.one_file, manifests.many_files])
def test_the_manifests_of_many_routes_are_accepted_with_a_policy_each(made: object, tmp_path: Path) -> None:
    assert callable(made)
    checked = check(made(tmp_path, ROUTES, PORTS))
    assert checked.returncode == 0, checked.stdout
    for number in range(ROUTES):
        for kind in ("HTTPRoute", "Upstream", "RouteOption", "FailoverPolicy"):
            assert f"{kind} bench/r-{number}" in checked.stdout


def check(path: Path) -> "subprocess.CompletedProcess[str]":
    """`switchover check` on a file or a folder."""
    command = [sys.executable, "-m", "switchover_operator", "check", "-f", str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "COLUMNS": "200"})
