"""`make guard`: how much Python one request and one event of a stream execute, beside the committed numbers.

Exit code 1 where it is more than the tolerance allows. `--write` commits what was counted; `--top N` lists the N files
and functions that execute most.
"""

import argparse
import contextlib
import gc
import os
import sys
from collections import defaultdict
from collections.abc import Mapping

import uvloop

from guard import limits
from guard.counting import file_of
from guard.traffic import REQUESTS, SCENARIOS, Measured, measure
from switchover_dataplane.telemetry import logs


def main() -> int:
    """Count, print, and compare or write."""
    parser = argparse.ArgumentParser(prog="guard", description=__doc__)
    parser.add_argument("--write", action="store_true", help="commit what was counted")
    parser.add_argument(
        "--top", type=int, default=0, metavar="N", help="list the N files and functions with most of it"
    )
    asked = parser.parse_args()
    measured = _measure()
    counted = {name: counts for each in measured for name, counts in each.works.items()}
    if asked.write:
        limits.write(counted)
    committed = limits.read()
    lines = limits.table(counted, committed)
    for each in measured if asked.top else ():
        lines += ["", *_top(each, asked.top)]
    exceeded = limits.exceeded(counted, committed) if committed else []
    if committed is None:
        lines += ["", f"No numbers are committed for Python {limits.PYTHON}: `make guard-write` does it."]
    elif exceeded:
        lines += ["", f"More is executed than before, by more than {limits.TOLERANCE:.0%}:", *exceeded, limits.HINT]
    sys.stdout.write("\n".join(lines) + "\n")
    return 1 if exceeded else 0


def _measure() -> list[Measured]:
    # A collection would call finalizers at moments that depend on everything that was made before.
    gc.disable()
    with open(os.devnull, "w", encoding="utf-8") as nowhere:  # noqa: PTH123 - a device
        # The log lines of a failover are part of its cost.
        with contextlib.redirect_stdout(nowhere):
            logs.start("json")
        return [uvloop.run(measure(scenario)) for scenario in SCENARIOS]


def _top(measured: Measured, count: int) -> list[str]:
    by_file: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    by_function: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    for code, counts in measured.counter.by_code.items():
        file = file_of(code)
        for rows, name in ((by_file, file), (by_function, f"{file}:{code.co_qualname}")):
            rows[name] = [one + other for one, other in zip(rows[name], counts, strict=True)]
    return [
        *_rows(f"{measured.name}: files", by_file, count),
        "",
        *_rows(f"{measured.name}: functions", by_function, count),
    ]


def _rows(title: str, rows: Mapping[str, list[int]], count: int) -> list[str]:
    ordered = sorted(rows.items(), key=lambda row: -row[1][2])[:count]
    return [
        f"{'instructions':>12} {'calls':>8} {'C calls':>8}  {title}, each per request",
        *(
            f"{instructions / REQUESTS:12.1f} {calls / REQUESTS:8.1f} {c_calls / REQUESTS:8.1f}  {name}"
            for name, (calls, c_calls, instructions) in ordered
        ),
    ]


if __name__ == "__main__":
    raise SystemExit(main())
