"""Switches off core dumps: the memory of this process holds API keys and must not be written to disk (core(5))."""

import contextlib
import ctypes
import resource
import sys
from typing import Final

_PR_SET_DUMPABLE: Final = 4


def switch_off() -> None:
    """Set the limit of core dumps to 0, for this process and the processes that it starts.

    On Linux the process also becomes "not dumpable": a program that receives core dumps by a pipe gets none, and other
    processes of the same user cannot read its memory (prctl(2), PR_SET_DUMPABLE).
    """
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0)
