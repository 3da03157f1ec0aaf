"""When Python looks for garbage in cycles: not while much is made that stays.

What is read and compiled is no garbage and in no cycle. Collections that looked at all of it again and again would take
longer than making it.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

MOST_LOOKED_AT: Final = 300_000
"""Objects beyond which what was made is not looked at: a second for two millions, for the little that failed inside."""


@contextmanager
def no_collection() -> Iterator[None]:
    """Make no collection meanwhile, and look at nothing again that is there at the end of it."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            # What was garbage before is found now; what is left stays.
            if gc.get_count()[0] <= MOST_LOOKED_AT:
                gc.collect(1)
            gc.freeze()
            gc.enable()
