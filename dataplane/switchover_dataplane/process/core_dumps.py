"""No memory of this process is written to disk when it crashes, as API keys are in it (core(5))."""

import contextlib
import ctypes
import resource
import sys
from typing import Final

_PR_SET_DUMPABLE: Final = 4


def switch_off() -> None:
    """Set the limit of core dumps to 0, for the processes that this one starts as well.

    On Linux the process is no longer dumpable either: a program that core dumps are piped to gets none, and other
    processes of the same user cannot read its memory (prctl(2), PR_SET_DUMPABLE).
    """
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0)
