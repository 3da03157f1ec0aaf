"""Print the path of the interpreter to measure with: one that is built as those of images are, where there is one.

An interpreter that was built without profile and link-time optimisation, as `pyenv install` does, takes up to twice the
time for the same work. The other proxies come as optimised programs. Called with the usual interpreter, which is taken
unless another one needs less than four fifths of its time. Needs nothing but Python's standard library.
"""

import shutil
import subprocess
import sys

_NAMES = ("python3", "python3.11", "python3.12", "python3.13", "python3.14", "/usr/bin/python3")
_WORTH_IT = 0.8

_PROBE = """
import ensurepip, os, sys, sysconfig, time, venv
if sys.version_info < (3, 11) or not os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h")):
    sys.exit(1)

class Kept:
    __slots__ = ("known", "number")

    def __init__(self, number):
        self.number = number
        self.known = {}

    def add(self, key):
        self.known[key] = self.number + key
        return len(self.known)

def work():
    kept = Kept(1)
    for number in range(60_000):
        kept.add(number & 63)
        text = "%d: %s" % (Kept(number).number, "x")
        [text.encode(), text]

def seconds():
    began = time.process_time()
    work()
    return time.process_time() - began

print(min(seconds() for _ in range(5)))
"""


def main(usual: str) -> str:
    """Return the path of the interpreter to take."""
    paths = dict.fromkeys(path for name in (usual, *_NAMES) if (path := shutil.which(name)) is not None)
    times = {path: taken for path in paths if (taken := _time(path)) is not None}
    if not times:
        return usual
    own = times.get(shutil.which(usual) or usual)
    best = min(times, key=lambda path: times[path])
    return usual if own is not None and times[best] > _WORTH_IT * own else best


def _time(path: str) -> float | None:
    """Measure an interpreter, None where it is too old or cannot compile what is measured."""
    done = subprocess.run([path, "-c", _PROBE], capture_output=True, text=True, check=False)
    return float(done.stdout) if done.returncode == 0 else None


if __name__ == "__main__":
    sys.stdout.write(main(sys.argv[1]) + "\n")
