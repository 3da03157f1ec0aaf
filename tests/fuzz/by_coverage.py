"""One target, steered by Atheris: what is new in the coverage of the code decides which inputs are changed further.

Atheris is no dependency: it is used where it is installed, by `python -m fuzz --atheris`.
"""

import logging
import random
import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["switchover_dataplane", "switchover_operator"]):
    from fuzz.run import Fuzzing, shown_in
    from fuzz.targets import TARGETS


class Bits(random.Random):
    """Chance that is read from the bytes that Atheris gives, so that it can steer every choice."""

    def __new__(cls, _data: bytes) -> "Bits":
        return super().__new__(cls)

    def __init__(self, data: bytes) -> None:
        super().__init__(0)
        self._data = data
        self._at = 0

    def getrandbits(self, k: int, /) -> int:
        size = (k + 7) // 8
        taken = self._data[self._at : self._at + size]
        self._at += size
        return int.from_bytes(taken.ljust(size, b"\0"), "big") >> (size * 8 - k)

    def random(self) -> float:
        return self.getrandbits(16) / (1 << 16)


def main() -> None:
    """Fuzz the target that the arguments name: NAME SECONDS SEED FILE. Atheris ends the process."""
    name, seconds, seed, path = sys.argv[1:]
    logging.disable(logging.CRITICAL)
    [target] = [each for each in TARGETS if each.name == name]
    with shown_in(Path(path)) as keep:
        fuzzing = Fuzzing(target, keep)
        limits = [f"-max_total_time={float(seconds):.0f}", f"-seed={seed}", "-rss_limit_mb=0", "-max_len=512"]
        atheris.Setup([sys.argv[0], *limits], lambda data: fuzzing.one(Bits(data)))
        atheris.Fuzz()


if __name__ == "__main__":
    main()
