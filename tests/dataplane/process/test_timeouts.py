"""Time-outs that share a timer: each comes once, in its time, and not at all where it was cancelled."""

import asyncio
from collections.abc import Callable

from switchover_dataplane.process.timeouts import Timeouts


async def until(there: Callable[[], bool]) -> None:
    async with asyncio.timeout(40):
        while not there():
            await asyncio.sleep(0.001)


async def test_each_calls_back_once_and_in_the_order_in_which_they_are_due() -> None:
    came: list[str] = []
    now, timeouts = asyncio.get_running_loop().time(), Timeouts()
    for name, after in (("first", 0.01), ("second", 0.02), ("third", 0.03)):
        timeouts.at(now + after, 0.01, lambda name=name: came.append(name))  # type: ignore[misc]
    await until(lambda: len(came) == 3)
    await asyncio.sleep(0)
    assert came == ["first", "second", "third"]


async def test_what_was_cancelled_does_not_call_back_and_keeps_nobody_else_from_it() -> None:
    came: list[str] = []
    now, timeouts = asyncio.get_running_loop().time(), Timeouts()
    first = timeouts.at(now + 0.005, 0.01, lambda: came.append("first"))
    timeouts.at(now + 0.01, 0.01, lambda: came.append("second"))
    first.cancel()
    first.cancel()
    await until(lambda: bool(came))
    assert came == ["second"]


async def test_one_that_is_due_before_others_of_its_length_comes_before_them() -> None:
    came: list[str] = []
    now, timeouts = asyncio.get_running_loop().time(), Timeouts()
    later = timeouts.at(now + 60, 60, lambda: came.append("later"))
    timeouts.at(now + 0.005, 60, lambda: came.append("sooner"))
    await until(lambda: bool(came))
    later.cancel()
    assert came == ["sooner"]


async def test_one_that_is_added_in_a_call_back_comes_too() -> None:
    came: list[str] = []
    loop, timeouts = asyncio.get_running_loop(), Timeouts()

    def again() -> None:
        came.append("first")
        timeouts.at(loop.time() + 0.005, 0.005, lambda: came.append("second"))

    timeouts.at(loop.time() + 0.005, 0.005, again)
    await until(lambda: len(came) == 2)
    assert came == ["first", "second"]


def test_another_event_loop_has_its_own() -> None:
    came: list[str] = []
    timeouts = Timeouts()

    async def one(name: str) -> None:
        timeouts.at(asyncio.get_running_loop().time() + 0.005, 0.005, lambda: came.append(name))
        await until(lambda: name in came)

    asyncio.run(one("first"))
    asyncio.run(one("second"))
    assert came == ["first", "second"]
