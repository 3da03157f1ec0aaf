"""When all that is alive is looked at for garbage: in quiet moments."""

import asyncio
import gc
import weakref
from collections.abc import Iterator

import pytest

from switchover_dataplane.process.garbage import QuietMoments, start


class Ring:
    """An object in a cycle."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    """Leave the collector of the tests' process as it was."""
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)
    gc.unfreeze()


async def test_what_is_old_is_looked_at_when_nobody_waits() -> None:
    looks, in_flight, looked = 0, 1, asyncio.Event()

    def is_quiet() -> bool:
        nonlocal looks
        looks += 1
        looked.set()
        return not in_flight

    start()
    ring = Ring()
    gc.collect(1)  # it is old now
    gone = weakref.ref(ring)
    del ring
    moments = QuietMoments(is_quiet, 0.001)
    try:
        while looks < 3:
            looked.clear()
            await looked.wait()
        assert gone() is not None

        in_flight = 0
        gc.collect(0)  # something else got older
        while gone() is not None:
            looked.clear()
            await looked.wait()
            await asyncio.sleep(0)
    finally:
        moments.end()


def test_what_was_there_at_the_start_is_never_looked_at_again() -> None:
    start()
    assert gc.get_freeze_count() > 0
    assert not gc.get_objects()[1000:]
