"""`make chaos`: streams and requests that go wrong, and tables of what their clients got.

Exit code 1 unless all of it is honest, and whole wherever it can be.
"""

import argparse
import asyncio
import random
import sys
from collections import Counter
from collections.abc import Mapping
from typing import Any

from chaos import requests, streams
from chaos.verdict import Outcome


def main() -> int:
    """Run, tell, and say by the exit code whether it is good."""
    parser = argparse.ArgumentParser(prog="chaos", description=__doc__)
    parser.add_argument("--streams", type=int, default=1000, help="how many; 1000 unless told")
    parser.add_argument("--requests", type=int, default=1000, help="how many; 1000 unless told")
    parser.add_argument("--at-once", type=int, default=50, help="how many at a time; 50 unless told")
    parser.add_argument("--seed", type=int, help="makes the same ones again; a new one unless told")
    asked = parser.parse_args()
    seed = random.randrange(1_000_000) if asked.seed is None else asked.seed
    return max(_streams(seed, asked.streams, asked.at_once), _requests(seed, asked.requests, asked.at_once))


def _streams(seed: int, count: int, at_once: int) -> int:
    if not count:
        return 0
    _say(f"{count} streams, {at_once} at a time, seed {seed}", "")
    result = asyncio.run(streams.run(seed, count, at_once))
    _say(*told_of_streams(result), "")
    return 1 if result.wrong else 0


def _requests(seed: int, count: int, at_once: int) -> int:
    if not count:
        return 0
    _say(f"{count} requests to two targets that both misbehave, {at_once} at a time, seed {seed}", "")
    result = asyncio.run(requests.run(seed, count, at_once))
    _say(*told_of_requests(result))
    return 1 if result.wrong else 0


def _say(*lines: str) -> None:
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


def told_of_streams(result: streams.Result) -> list[str]:
    """Write the table, and what must not be."""
    continuable = [verdict.outcome for plan, verdict in result.verdicts if plan.continuable]
    asked = ", ".join(f"{way} {count}" for way, count in sorted(result.asked.items()))
    return [
        *_table("what goes wrong", result.table),
        "",
        f"whole where the next models go on as asked: {continuable.count(Outcome.WHOLE)} of {len(continuable)}",
        f"models that were shown the beginning of an answer: {asked or 'none'}",
        f"{result.seconds:.1f} s",
        *_wrong(result.wrong),
    ]


def told_of_requests(result: requests.Result) -> list[str]:
    """Write the table, what was saved and lost, and what must not be."""
    savable = [verdict.outcome for each, verdict in result.verdicts if each.can_be_saved]
    return [
        *_table("first target", result.table),
        "",
        f"whole where the second target is well: {savable.count(Outcome.WHOLE)} of {len(savable)}",
        f"saved (the first target failed, and the answer is whole): {result.saved}",
        f"lost (failed honestly, though the second target was well): {result.lost}",
        f"{result.seconds:.1f} s",
        *_wrong(result.wrong),
    ]


def _table(head: str, table: Mapping[Any, Counter[Outcome]]) -> list[str]:
    sums = [sum(counted[outcome] for counted in table.values()) for outcome in Outcome]
    return [
        f"{head:<20}" + "".join(f"{outcome.value:>21}" for outcome in Outcome),
        *(f"{kind:<20}" + "".join(f"{counted[outcome]:>21}" for outcome in Outcome) for kind, counted in table.items()),
        f"{'all':<20}" + "".join(f"{each:>21}" for each in sums),
    ]


def _wrong(wrong: list[str]) -> list[str]:
    more = [f"and {len(wrong) - 20} more"] if len(wrong) > 20 else []
    return [*([""] if wrong else []), *wrong[:20], *more]


if __name__ == "__main__":
    sys.exit(main())
