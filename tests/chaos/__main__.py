"""`make chaos`: streams that go wrong, and a table of what their clients got. Exit code 1 unless it is all honest."""

import argparse
import asyncio
import random
import sys

from chaos.streams import Result, run
from chaos.verdict import Outcome


def main() -> int:
    """Run, tell, and say by the exit code whether it is good."""
    parser = argparse.ArgumentParser(prog="chaos", description=__doc__)
    parser.add_argument("--streams", type=int, default=1000, help="how many; 1000 unless told")
    parser.add_argument("--at-once", type=int, default=50, help="how many at a time; 50 unless told")
    parser.add_argument("--seed", type=int, help="makes the same streams again; a new one unless told")
    asked = parser.parse_args()
    seed = random.randrange(1_000_000) if asked.seed is None else asked.seed
    sys.stdout.write(f"{asked.streams} streams, {asked.at_once} at a time, seed {seed}\n\n")
    sys.stdout.flush()
    result = asyncio.run(run(seed, asked.streams, asked.at_once))
    sys.stdout.write("\n".join(told(result)) + "\n")
    return 1 if result.wrong else 0


def told(result: Result) -> list[str]:
    """Write the table, and what must not be."""
    head = f"{'what goes wrong':<20}" + "".join(f"{outcome.value:>22}" for outcome in Outcome)
    rows = [
        f"{kind:<20}" + "".join(f"{counted[outcome]:>22}" for outcome in Outcome)
        for kind, counted in result.table.items()
    ]
    sums = [sum(counted[outcome] for counted in result.table.values()) for outcome in Outcome]
    continuable = [verdict.outcome for plan, verdict in result.verdicts if plan.continuable]
    asked = ", ".join(f"{way} {count}" for way, count in sorted(result.asked.items()))
    return [
        head,
        *rows,
        f"{'all':<20}" + "".join(f"{each:>22}" for each in sums),
        "",
        f"whole where the next models go on as asked: {continuable.count(Outcome.WHOLE)} of {len(continuable)}",
        f"models that were shown the beginning of an answer: {asked or 'none'}",
        f"{result.seconds:.1f} s",
        *([""] if result.wrong else []),
        *result.wrong[:20],
        *([f"and {len(result.wrong) - 20} more"] if len(result.wrong) > 20 else []),
    ]


if __name__ == "__main__":
    sys.exit(main())
