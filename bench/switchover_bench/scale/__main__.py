"""`make bench-scale`: how Switchover's cost grows, each figure beside the bound that it is held to."""

import argparse
import dataclasses
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from switchover_bench import cache, machine
from switchover_bench.proxies.switchover import SWITCHOVER
from switchover_bench.scale import edits, files, memory, routes, streams
from switchover_bench.scale.line import Line, as_json, page
from switchover_bench.scale.setting import Setting
from switchover_bench.scenarios import Ports

SECTIONS: dict[str, Callable[[Setting], Iterator[Line]]] = {
    "routes": routes.lines,
    "files": files.lines,
    "edits": edits.lines,
    "streams": streams.lines,
    "memory": memory.lines,
}


def main() -> None:
    """Measure, print each line at once, and write the page into a folder where one is named."""
    asked = _arguments()
    setting = _setting(asked)
    names = asked.only.split(",") if asked.only else list(SECTIONS)
    if unknown := set(names) - set(SECTIONS):
        sys.exit(f"unknown: {', '.join(sorted(unknown))}; there is {', '.join(SECTIONS)}")
    found: dict[str, list[Line]] = {}
    for name in names:
        found[name] = []
        for line in SECTIONS[name](setting):
            found[name].append(line)
            bound = f" ({line.shown_bound})" if line.bound is not None else ""
            print(f"{line.verdict or '-':5}{line.what}: {line.shown}{bound}", flush=True)
    if asked.write:
        facts = {**machine.describe(), SWITCHOVER.title: SWITCHOVER.version(), "sizes": _sizes(setting)}
        _write(asked.write, found, facts, " ".join(["make bench-scale", *asked.variables.split()]))


def _setting(asked: argparse.Namespace) -> Setting:
    quick: bool = asked.quick
    most: int = asked.routes or (1_000 if quick else 10_000)
    return Setting(
        ports=Ports.at(asked.ports),
        seconds=asked.seconds or (2 if quick else 5),
        repetitions=1 if quick else 3,
        route_counts=(*(count for count in (10, 100, 1_000, 10_000) if count < most), most),
        edited_routes=min(1_000, most),
        edits=asked.edits or (20 if quick else 200),
        streams=asked.streams or (1_000 if quick else 8_000),
        stream_events=15 if quick else 30,
        event_ms=1000.0,
        requests=asked.requests or (20_000 if quick else 1_000_000),
    )


def _sizes(setting: Setting) -> str:
    values = {name: value for name, value in dataclasses.asdict(setting).items() if name != "ports"}
    return ", ".join(f"{name} {value}" for name, value in values.items())


def _write(folder: Path, found: dict[str, list[Line]], facts: dict[str, str], command: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "scale.md").write_text(page(found, facts, command))
    (folder / "scale.json").write_text(as_json(found, facts, command))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="smaller numbers of everything, once")
    parser.add_argument("--only", default="", help="sections, comma-separated")
    parser.add_argument("--seconds", type=float, help="of measuring where load is measured")
    parser.add_argument("--routes", type=int, help="the largest number of routes")
    parser.add_argument("--edits", type=int)
    parser.add_argument("--streams", type=int, help="beside each other")
    parser.add_argument("--requests", type=int, help="over which memory may not grow")
    parser.add_argument("--ports", type=int, default=20000, help="the first of a range of 100 ports on loopback")
    parser.add_argument("--variables", default="", help="of the make command, for the page")
    parser.add_argument("--write", type=Path, help="the folder for scale.md and scale.json")
    return parser.parse_args()


if __name__ == "__main__":
    try:
        main()
    except cache.Missing as missing:
        sys.exit(str(missing))
