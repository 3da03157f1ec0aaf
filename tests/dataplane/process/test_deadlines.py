"""A deadline that is moved and cleared: when it is reached, and how many timers of the event loop that takes."""

import asyncio
import heapq
from collections.abc import Callable
from itertools import count
from typing import Any

import pytest

from switchover_dataplane.process.deadlines import Deadline


class HandSet(asyncio.SelectorEventLoop):
    """An event loop whose time goes on by hand; `armed` counts its timers in all."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.armed = 0
        self._timers: list[tuple[float, int, asyncio.TimerHandle]] = []
        self._order = count()

    def time(self) -> float:
        return self.now

    def call_at(  # type: ignore[override]  # asyncio's is generic in the arguments
        self, when: float, callback: Callable[..., object], *args: Any, **_: Any
    ) -> asyncio.TimerHandle:
        self.armed += 1
        timer = asyncio.TimerHandle(when, callback, args, self)
        heapq.heappush(self._timers, (when, next(self._order), timer))
        return timer

    def go_on_until(self, now: float) -> None:
        while self._timers and self._timers[0][0] <= now:
            self.now, _, timer = heapq.heappop(self._timers)
            if not timer.cancelled():
                timer._run()
        self.now = now


@pytest.fixture
def loop() -> HandSet:
    return HandSet()


@pytest.fixture
def reached() -> list[float]:
    return []


def test_it_is_reached_at_its_time_and_once(loop: HandSet, reached: list[float]) -> None:
    Deadline(loop).set(0.0, 5.0, lambda: reached.append(loop.now))

    loop.go_on_until(100.0)

    assert reached == [5.0]
    loop.close()


def test_moved_later_it_is_reached_later_by_two_timers_however_often_it_moves(
    loop: HandSet, reached: list[float]
) -> None:
    deadline = Deadline(loop)
    for second in range(50):
        loop.go_on_until(second / 10)
        deadline.set(loop.now, 5.0, lambda: reached.append(loop.now))

    loop.go_on_until(100.0)

    assert reached == [pytest.approx(9.9)]
    assert loop.armed == 2
    loop.close()


def test_moved_earlier_it_is_reached_earlier(loop: HandSet, reached: list[float]) -> None:
    deadline = Deadline(loop)
    deadline.set(0.0, 50.0, lambda: reached.append(-1.0))

    deadline.set(0.0, 5.0, lambda: reached.append(loop.now))
    loop.go_on_until(100.0)

    assert reached == [5.0]
    loop.close()


def test_cleared_it_is_never_reached_and_can_be_set_again(loop: HandSet, reached: list[float]) -> None:
    deadline = Deadline(loop)
    deadline.set(0.0, 5.0, lambda: reached.append(-1.0))
    deadline.clear()
    loop.go_on_until(20.0)
    assert reached == []

    deadline.set(20.0, 5.0, lambda: reached.append(loop.now))
    loop.go_on_until(100.0)

    assert reached == [25.0]
    loop.close()


def test_ended_it_holds_no_timer(loop: HandSet, reached: list[float]) -> None:
    deadline = Deadline(loop)
    deadline.set(0.0, 5.0, lambda: reached.append(loop.now))

    deadline.end()
    loop.go_on_until(100.0)

    assert reached == []
    loop.close()
