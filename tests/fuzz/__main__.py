"""`make fuzz`: seven targets for TIME seconds in all.

The exit code is 1 if an input fails or hangs; it is printed as a ready test and written to a file.
"""

import argparse
import hashlib
import importlib.util
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from fuzz.run import at_work, held
from fuzz.targets import TARGETS, Target

AT_ONCE = 2
HANGS_AFTER = 90.0
"""Seconds for which one input may be at work, its shrinking included: far more than its processor time may be."""

FAILURES = Path(".fuzz-failures")


@dataclass
class Running:
    """A target that is fuzzed in a process of its own."""

    target: Target
    process: subprocess.Popen[str]
    shown: Path
    output: Path
    count: int = -1
    since: float = 0.0

    @property
    def hangs(self) -> bool:
        """Whether the same input is at work for longer than any may be."""
        count = held(self.shown)
        if count != self.count:
            self.count, self.since = count, time.monotonic()
        return time.monotonic() - self.since > HANGS_AFTER


def main() -> int:
    """Fuzz, two targets at a time, and tell what was found."""
    parser = argparse.ArgumentParser(prog="fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60, help="for all targets together; 60 unless told")
    parser.add_argument("--seed", type=int, help="makes the same inputs again; a new one unless told")
    parser.add_argument("--target", action="append", choices=[each.name for each in TARGETS], help="only this one")
    parser.add_argument("--atheris", action="store_true", help="be steered by coverage: needs the package atheris")
    asked = parser.parse_args()
    if asked.atheris and importlib.util.find_spec("atheris") is None:
        parser.error("--atheris needs the package atheris, which this environment does not have")
    chosen = [each for each in TARGETS if not asked.target or each.name in asked.target]
    seed = random.randrange(1_000_000) if asked.seed is None else asked.seed
    each_seconds = asked.seconds * min(AT_ONCE, len(chosen)) / len(chosen)
    _say(f"{len(chosen)} targets, {each_seconds:.0f} s each, {AT_ONCE} at a time, seed {seed}")
    with tempfile.TemporaryDirectory() as folder:
        failed = sum(_fuzz(chosen, each_seconds, seed, Path(folder), atheris=asked.atheris))
    _say("every property held" if not failed else f"{failed} of {len(chosen)} targets failed")
    return 1 if failed else 0


def _fuzz(chosen: list[Target], seconds: float, seed: int, folder: Path, *, atheris: bool) -> Iterator[bool]:
    """Fuzz the targets; yield for each whether it failed."""
    waiting = list(chosen)
    running: list[Running] = []
    while waiting or running:
        while waiting and len(running) < AT_ONCE:
            running.append(_start(waiting.pop(0), seconds, seed, folder, atheris=atheris))
        time.sleep(0.1)
        for each in list(running):
            hangs = each.process.poll() is None and each.hangs
            if hangs:
                each.process.kill()
            if hangs or each.process.poll() is not None:
                each.process.wait()
                running.remove(each)
                yield _told(each, seed, hangs=hangs)


def _start(target: Target, seconds: float, seed: int, folder: Path, *, atheris: bool) -> Running:
    shown, output = folder / target.name, folder / f"{target.name}.out"
    module = "fuzz.by_coverage" if atheris else "fuzz.run"
    command = [sys.executable, "-m", module, target.name, str(seconds), str(seed), str(shown)]
    with output.open("w") as written:
        process = subprocess.Popen(command, stdout=written, stderr=subprocess.STDOUT, text=True)
    return Running(target, process, shown, output, since=time.monotonic())


def _told(ended: Running, seed: int, *, hangs: bool) -> bool:
    """Say what became of a target; return whether it failed."""
    output = ended.output.read_text(errors="replace")
    if ended.process.returncode == 0 and not hangs:
        _say(f"  {ended.target.name:<16} {held(ended.shown):>8} inputs held")
        return False
    text = ended.target.test(at_work(ended.shown))
    FAILURES.mkdir(exist_ok=True)
    file = FAILURES / f"test_{ended.target.name.replace('-', '_')}_{hashlib.sha256(text.encode()).hexdigest()[:8]}.py"
    file.write_text(text)
    why = f"an input is at work for more than {HANGS_AFTER:.0f} s" if hangs else "\n".join(output.splitlines()[-12:])
    _say(f"  {ended.target.name:<16} FAILED (seed {seed}): {why}\n\n{text}\n  written to {file}\n")
    return True


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
