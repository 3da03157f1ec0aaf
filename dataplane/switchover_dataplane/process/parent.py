"""Ends this process when its parent process ends for any reason.

There are three ways, as each one has gaps. Linux sends a signal. A pipe from the parent to our standard input closes,
even if the parent ended before we requested the signal. On other systems the process id of our parent changes.
"""

import asyncio
import ctypes
import os
import signal
import stat
import sys
from collections.abc import Callable
from typing import Final

_PR_SET_PDEATHSIG: Final = 1
_STANDARD_INPUT: Final = 0
_LOOK_EVERY: Final = 1.0


def watch(gone: Callable[[], None]) -> None:
    """Call `gone` once when the parent has ended; must be called inside the event loop."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    loop = asyncio.get_running_loop()
    if _parent_holds_our_input():
        loop.add_reader(_STANDARD_INPUT, _read, loop, gone)
    else:
        loop.call_later(_LOOK_EVERY, _look, loop, os.getppid(), gone)


def _parent_holds_our_input() -> bool:
    try:
        mode = os.fstat(_STANDARD_INPUT).st_mode
    except OSError:
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)


def _read(loop: asyncio.AbstractEventLoop, gone: Callable[[], None]) -> None:
    try:
        ended = not os.read(_STANDARD_INPUT, 4096)
    except BlockingIOError:
        return
    except OSError:
        ended = True
    if ended:
        loop.remove_reader(_STANDARD_INPUT)
        gone()


def _look(loop: asyncio.AbstractEventLoop, parent: int, gone: Callable[[], None]) -> None:
    if os.getppid() == parent:
        loop.call_later(_LOOK_EVERY, _look, loop, parent, gone)
    else:
        gone()
