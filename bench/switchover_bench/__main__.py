"""`make bench`: what a request costs in Switchover, in other proxies, and without any of them."""

import argparse
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import TypeVar

from switchover_bench import cache, cells, chart, machine, processes, report
from switchover_bench.load import Failed
from switchover_bench.proxies import ALWAYS, ON_REQUEST
from switchover_bench.proxies.proxy import Proxy
from switchover_bench.scenarios import SCENARIOS, Ports, Scenario
from switchover_bench.summary import Cell, Key, rotated

T = TypeVar("T", Proxy, Scenario)


def main() -> None:
    """Measure, print the page, and write it into a folder where one is named."""
    asked = _arguments()
    versions = dict(_versions(_chosen((*ALWAYS, *_on_request(asked)), asked.proxies)))
    scenarios = _chosen(SCENARIOS, asked.only)
    seconds = asked.seconds or (3 if asked.quick else 5)
    setting = cells.Setting(Ports.at(asked.ports), 1 if asked.quick else 2, seconds)
    repetitions = asked.repetitions or (1 if asked.quick else 3)
    found: dict[Key, Cell] = {}
    with processes.first_in_turn() if asked.first else nullcontext():
        for scenario in scenarios:
            for connections in [scenario.quick] if asked.quick else scenario.connections:
                for key, cell in _measured(list(versions), scenario, connections, repetitions, setting):
                    found[key] = cell
                    _say(f"{key.scenario:18} {key.connections:4} {key.proxy:11} {_brief(cell)}")
    facts = {
        **machine.describe(),
        **{proxy.title: version for proxy, version in versions.items() if version},
        "measured": f"{repetitions} x {seconds:g} s, after {setting.warm_up:g} s of warm-up",
    }
    command = " ".join(["make bench", *asked.variables.split()])
    text = report.page(found, scenarios, list(versions), facts, command)
    _say("\n" + text)
    if asked.write:
        asked.write.mkdir(parents=True, exist_ok=True)
        (asked.write / "bench.md").write_text(text)
        (asked.write / "bench.json").write_text(report.as_json(found, facts, command))
        (asked.write / "bench.svg").write_text(chart.draw(found, scenarios, list(versions)))


def _measured(
    proxies: list[Proxy], scenario: Scenario, connections: int, repetitions: int, setting: cells.Setting
) -> Iterator[tuple[Key, Cell]]:
    """Every proxy's cell; a proxy that failed is not asked again."""
    asked = [proxy for proxy in proxies if _can_serve(proxy, scenario)]
    samples: dict[str, list[cells.Sample]] = {proxy.name: [] for proxy in asked}
    reasons: dict[str, str] = {}
    for repetition in range(repetitions):
        for proxy in rotated(asked, repetition):
            if proxy.name in reasons:
                continue
            try:
                samples[proxy.name].append(cells.measure(proxy, scenario, connections, setting))
            except Failed as failed:
                reasons[proxy.name] = str(failed)
    for name, of_proxy in samples.items():
        cell = Cell.without_figures(reasons[name]) if name in reasons else Cell.of(of_proxy)
        yield Key(name, scenario.name, connections), cell


def _can_serve(proxy: Proxy, scenario: Scenario) -> bool:
    return proxy.translates if scenario.translated else proxy.launch is not None or not scenario.fails


def _on_request(asked: argparse.Namespace) -> list[Proxy]:
    return [proxy for proxy in ON_REQUEST if getattr(asked, proxy.name)]


def _versions(proxies: list[Proxy]) -> Iterator[tuple[Proxy, str]]:
    """The proxies that can be run here and their versions; says which cannot."""
    for proxy in proxies:
        try:
            yield proxy, proxy.version()
        except cache.Missing as missing:
            _say(f"{proxy.title} is left out: {missing}")


def _brief(cell: Cell) -> str:
    if cell.reason:
        return cell.reason
    return f"{cell.per_second.median:9.1f}/s {cell.cpu_us.median:7.1f} µs CPU  p99 {cell.p99_ms.median:.2f} ms"


def _chosen(offered: tuple[T, ...], names: str) -> list[T]:
    wanted = names.split(",") if names else [each.name for each in offered]
    unknown = set(wanted) - {each.name for each in offered}
    if unknown:
        sys.exit(f"unknown: {', '.join(sorted(unknown))}; there is {', '.join(each.name for each in offered)}")
    return [each for each in offered if each.name in wanted]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one number of connections, once, briefly")
    parser.add_argument("--only", default="", help="scenarios, comma-separated")
    parser.add_argument("--proxies", default="", help="proxies, comma-separated")
    parser.add_argument("--litellm", action="store_true", help="with LiteLLM's newest release")
    parser.add_argument("--first", action="store_true", help="everything measured runs before other processes (root)")
    parser.add_argument("--seconds", type=float, help="of measuring in each cell")
    parser.add_argument("--repetitions", type=int)
    parser.add_argument("--ports", type=int, default=20000, help="the first of a range of 100 ports on loopback")
    parser.add_argument("--variables", default="", help="of the make command, for the page")
    parser.add_argument("--write", type=Path, help="the folder for bench.md, bench.json and bench.svg")
    return parser.parse_args()


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    try:
        main()
    except cache.Missing as missing:
        sys.exit(str(missing))
