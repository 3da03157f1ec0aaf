"""How long manifests of many routes take: to be compiled, checked, and served."""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from switchover_bench import cells
from switchover_bench.load import Failed
from switchover_bench.proxies import switchover
from switchover_bench.scale import manifests
from switchover_bench.scale.line import Line
from switchover_bench.scale.setting import Setting

COMPILE_S, FILES_S = 2.0, 5.0
_GIVEN_UP_S = 60.0


def lines(setting: Setting) -> Iterator[Line]:
    """Compile, `check` and `run`, for one file and for a file for each route."""
    routes = setting.most_routes
    for made, how in ((manifests.one_file, "in one file"), (manifests.many_files, "in a file each")):
        with tempfile.TemporaryDirectory(prefix="switchover-bench-") as name:
            folder = Path(name)
            path = made(folder, routes, setting.ports)
            if made is manifests.one_file:
                yield from _compiled(path, routes)
            checked, served = partial(_check, path), partial(_run, path, folder, setting)
            yield _timed(f"`switchover check` on {routes:,} routes {how}", checked)
            yield _timed(f"`switchover run` on {routes:,} routes {how}, until ready", served)


def _timed(what: str, work: Callable[[], float]) -> Line:
    try:
        return Line(what, work(), "s", FILES_S)
    except Failed as failed:
        return Line(what, 0, "s", FILES_S, str(failed))


def _compiled(path: Path, routes: int) -> Iterator[Line]:
    """Reading and compiling in one process, without the command line around it."""
    what = f"compiling {routes:,} routes, in process: CPU"
    try:
        figures = json.loads(_output([sys.executable, "-m", "switchover_bench.scale.compile_once", str(path)]))
    except Failed as failed:
        yield Line(what, 0, "s", COMPILE_S, str(failed))
        return
    yield Line(f"reading their YAML, {path.stat().st_size / 1e6:.0f} MB: CPU", figures["read_s"], "s")
    yield Line(what, figures["compile_s"], "s", COMPILE_S)


def _check(path: Path) -> float:
    began = time.perf_counter()
    _output([sys.executable, "-m", "switchover_operator", "check", "-f", str(path)])
    return time.perf_counter() - began


def _run(path: Path, folder: Path, setting: Setting) -> float:
    """Seconds until it is ready, without its end."""
    cells.check_free(setting.ports)
    began = time.perf_counter()
    with cells.serving(switchover.run(path, setting.ports), folder, _GIVEN_UP_S):
        return time.perf_counter() - began


def _output(command: list[str]) -> str:
    """What a program prints.

    Raises:
        Failed: it did not end well, or not in time.
    """
    try:
        outcome = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_GIVEN_UP_S)
    except subprocess.TimeoutExpired:
        raise Failed(f"not done after {_GIVEN_UP_S:g} s") from None
    if outcome.returncode:
        last = (outcome.stderr or outcome.stdout).strip().splitlines()[-1:] or ["it wrote nothing"]
        raise Failed(f"it ended with {outcome.returncode}: {last[0][:200]}")
    return outcome.stdout
