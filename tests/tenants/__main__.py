"""`make tenants`: what twenty attacks of tenant A do to tenant B on the same data plane. Exit code 1 beyond a bound.

Figures are of this machine and of whatever else it does: compare within one run.
"""

import argparse
import asyncio
import sys
from collections.abc import Iterator

from tenants.attacks import ATTACKS, Attack
from tenants.stage import Seen, Stage, stage

P99_RATIO = 5.0
LONGEST_HOLD = 0.25
MEMORY_RATIO, MEMORY_BESIDE = 2.5, 100.0
MIB = 1 << 20


def main() -> int:
    """Measure, print a table, and say by the exit code whether every bound holds."""
    parser = argparse.ArgumentParser(prog="tenants", description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0, help="for each attack; 5 unless told")
    parser.add_argument("--only", default="", help="attacks with this in their names")
    asked = parser.parse_args()
    chosen = [each for each in ATTACKS if asked.only in each.name]
    return asyncio.run(_run(chosen, asked.seconds))


async def _run(chosen: list[Attack], seconds: float) -> int:
    broken = 0
    async with stage() as on:
        calm = await _calm(on, seconds)
        _say(f"B alone at 50 requests a second: p99 {1000 * calm:.1f} ms\n")
        _say(f"{'what A does':<50}{'p99':>10}{'ratio':>7}{'hold':>10}{'memory':>9}{'bound':>8}  wrong")
    for attack in chosen:
        async with stage() as on:
            calm = await _calm(on, min(seconds, 2.0))
            seen = await on.under(attack, seconds)
        wrong = list(_broken(seen, calm))
        broken += bool(wrong)
        speed = f"{1000 * seen.p99:>7.1f} ms{seen.p99 / calm:>7.1f}{1000 * seen.measured.longest_hold:>7.0f} ms"
        memory = f"{seen.peak:>5.0f} MiB{_memory_bound(seen):>8.0f}"
        _say(f"{attack.name:<50}{speed}{memory}  {'; '.join(wrong) or '-'}")
    _say(f"\n{len(chosen) - broken} of {len(chosen)} within every bound")
    return 1 if broken else 0


async def _calm(on: Stage, seconds: float) -> float:
    """B's 99th percentile without A, once everything was used for the first time."""
    await on.measure(0.5)
    return (await on.measure(seconds))[1]


def _memory_bound(seen: Seen) -> float:
    return MEMORY_RATIO * seen.accounted / MIB + MEMORY_BESIDE


def _broken(seen: Seen, calm: float) -> Iterator[str]:
    """Name every bound that does not hold."""
    if seen.p99 > P99_RATIO * calm:
        yield "p99"
    if seen.measured.longest_hold > LONGEST_HOLD:
        yield "hold"
    if seen.peak > _memory_bound(seen):
        yield "memory"
    if seen.measured.wrong:
        yield f"{len(seen.measured.wrong)} answers ({seen.measured.wrong[0][:60]})"
    if seen.leaks or seen.measured.foreign:
        yield f"leaks: {[*seen.leaks, *seen.measured.foreign][0][:120]}"
    if not seen.alive:
        yield "the worker ended"


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
