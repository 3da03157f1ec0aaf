"""Returns the memory of large bodies to the system when they are freed."""

import ctypes
from typing import Final

_M_MMAP_THRESHOLD: Final = -3
_LARGE: Final = 128 << 10


def return_large_blocks() -> None:
    """Return each block of 128 KiB or more to the system when it is freed.

    glibc does so at first. After the first such free it takes blocks of up to 32 MiB from the heap, and the memory
    between them stays with the process (mallopt(3), M_MMAP_THRESHOLD). Other C libraries are not changed.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return
    mallopt(_M_MMAP_THRESHOLD, _LARGE)
