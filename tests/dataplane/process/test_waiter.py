"""What one task waits for: it runs on at once, and hears that it is cancelled."""

import asyncio

import pytest

from switchover_dataplane.process.waiter import Waiter


async def begun(waiter: Waiter, came: list[str]) -> "asyncio.Task[None]":
    """A task that waits."""

    async def wait() -> None:
        await waiter
        came.append("the task ran on")

    task = asyncio.get_running_loop().create_task(wait())
    await asyncio.sleep(0)
    return task


async def test_the_task_runs_on_before_wake_returns() -> None:
    came: list[str] = []
    loop = asyncio.get_running_loop()
    waiter = Waiter(loop)
    task = await begun(waiter, came)

    def wake() -> None:
        waiter.wake()
        came.append("wake returned")
        waiter.wake()

    loop.call_soon(wake)
    await task
    await asyncio.sleep(0)
    assert came == ["the task ran on", "wake returned"]


async def test_a_task_that_wakes_another_is_not_interrupted() -> None:
    came: list[str] = []
    waiter = Waiter(asyncio.get_running_loop())
    task = await begun(waiter, came)
    waiter.wake()
    assert came == []
    await task
    assert came == ["the task ran on"]


async def test_a_wait_that_is_over_before_it_began_does_not_wait() -> None:
    waiter = Waiter(asyncio.get_running_loop())
    waiter.wake()
    await waiter


async def test_a_cancelled_task_hears_of_it_once() -> None:
    came: list[str] = []
    waiter = Waiter(asyncio.get_running_loop())
    task = await begun(waiter, came)
    task.cancel()
    waiter.wake()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert came == []


async def test_a_time_limit_ends_the_wait() -> None:
    waiter = Waiter(asyncio.get_running_loop())
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await waiter
