"""How the process's memory is kept: large bodies leave nothing behind."""

import ctypes
from typing import Final

_M_MMAP_THRESHOLD: Final = -3
_LARGE: Final = 128 << 10


def return_large_blocks() -> None:
    """Give each block of 128 KiB and more back to the system when it is freed.

    glibc does so at first, but takes blocks of up to 32 MiB from the heap once one was freed, and what is between the
    remains of a few large bodies stays with the process (mallopt(3), M_MMAP_THRESHOLD). Other libraries are left alone.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return
    mallopt(_M_MMAP_THRESHOLD, _LARGE)
