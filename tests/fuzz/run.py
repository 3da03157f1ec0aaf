"""One target, for a time: inputs are drawn by chance.

The input at work is kept in a file, so that it is known also where the process hangs or is gone.
"""

import contextlib
import logging
import mmap
import pickle
import random
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from fuzz.shrink import shrunk
from fuzz.targets import TARGETS, Target

AT_WORK = 1 << 20
"""Bytes of the file; a larger input is cut there."""

MOST_SECONDS = 1.0
MOST_SECONDS_A_BYTE = 50e-6
MOST_SEEDS = 2_000
SHRINKING = 30.0


class TooSlow(AssertionError):
    """An input took more processor time than its length allows."""


class Found(Exception):
    """An input fails: the smallest that was found, and what the property raised for it."""

    def __init__(self, value: Any, error: BaseException) -> None:
        super().__init__(f"{type(error).__name__}: {error}")
        self.value = value
        self.error = error


class Fuzzing:
    """Asks a target's property for one input after the other; `held` counts those for which it held."""

    def __init__(self, target: Target, keep: Callable[[int, bytes], None]) -> None:
        self.target = target
        self.held = 0
        self._keep = keep
        self._seeds = list(target.seeds())
        self._shapes: set[Any] = set()

    def one(self, chance: random.Random) -> None:
        """Draw an input and ask for it.

        Raises:
            Found: the property does not hold.
        """
        value = self.target.draw(chance, self._seeds)
        pickled = pickle.dumps(value)
        self._keep(self.held, pickled)
        try:
            shape = self._asked(value, len(pickled))
        except Exception as error:
            raise self._smallest(value, error) from error
        self.held += 1
        if shape not in self._shapes and len(self._seeds) < MOST_SEEDS:
            self._shapes.add(shape)
            self._seeds.append(self.target.seed(value))

    def _asked(self, value: Any, size: int) -> Any:
        """Ask the property, and bound the processor time that it takes by the size of its input."""
        began = time.process_time()
        shape = self.target.holds(value)
        took, allowed = time.process_time() - began, MOST_SECONDS + MOST_SECONDS_A_BYTE * size
        if took > allowed:
            raise TooSlow(f"{took:.2f} s of processor time for {size} bytes; {allowed:.2f} s are allowed")
        return shape

    def _smallest(self, value: Any, error: Exception) -> Found:
        def fails(candidate: Any) -> bool:
            self._keep(self.held, pickle.dumps(candidate))
            try:
                self._asked(candidate, len(pickle.dumps(candidate)))
            except Exception as other:  # noqa: BLE001 - whatever is raised is what is looked for
                return type(other) is type(error)
            return False

        value = shrunk(value, fails, SHRINKING)
        self._keep(self.held, pickle.dumps(value))
        return Found(value, error)


def fuzz(fuzzing: Fuzzing, seconds: float, seed: int) -> None:
    """Draw inputs by chance until the time is over."""
    chance = random.Random(seed)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for _ in range(10):
            fuzzing.one(chance)


@contextlib.contextmanager
def shown_in(path: Path) -> Iterator[Callable[[int, bytes], None]]:
    """Give a function that writes a count and an input where another process sees it."""
    path.write_bytes(bytes(AT_WORK))
    with path.open("r+b") as file, mmap.mmap(file.fileno(), AT_WORK) as shown:

        def keep(count: int, pickled: bytes) -> None:
            told = (count.to_bytes(8, "big") + len(pickled).to_bytes(8, "big") + pickled)[:AT_WORK]
            shown[: len(told)] = told

        yield keep


def held(path: Path) -> int:
    """Read how many inputs held so far, also while the process works; -1 before the first."""
    return int.from_bytes(path.read_bytes()[:8], "big") if path.exists() else -1


def at_work(path: Path) -> Any:
    """Read the input that was at work when the process ended, None if it was too large to be kept."""
    shown = path.read_bytes()
    length = int.from_bytes(shown[8:16], "big")
    return pickle.loads(shown[16 : 16 + length]) if 0 < length <= AT_WORK - 16 else None


def main() -> int:
    """Fuzz the target that the arguments name: NAME SECONDS SEED FILE."""
    name, seconds, seed, path = sys.argv[1:]
    logging.disable(logging.CRITICAL)
    [target] = [each for each in TARGETS if each.name == name]
    with shown_in(Path(path)) as keep:
        fuzzing = Fuzzing(target, keep)
        fuzz(fuzzing, float(seconds), int(seed))
    sys.stdout.write(f"{fuzzing.held}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
