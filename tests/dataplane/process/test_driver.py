"""A coroutine that is driven by calls, futures and time limits, and by no task."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from switchover_dataplane.process.driver import Driver, called_back


class Ended:
    """Counts how often an end was told."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> None:
        self.times += 1


def started(coroutine: Coroutine[Any, Any, Any]) -> tuple[Driver[Any], Ended]:
    driver: Driver[Any] = Driver()
    ended = Ended()
    driver.start(coroutine, ended)
    return driver, ended


async def test_it_runs_at_once_and_then_with_each_call() -> None:
    async def twice() -> str:
        await called_back
        await called_back
        return "done"

    driver, ended = started(twice())
    driver.go_on()
    assert (driver.has_ended, ended.times) == (False, 0)
    driver.go_on()
    assert (driver.has_ended, ended.times, driver.result) == (True, 1, "done")
    driver.go_on()
    assert ended.times == 1


async def test_it_goes_on_when_the_future_is_done_that_it_waits_for() -> None:
    future: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def waits() -> int:
        return await future

    driver, ended = started(waits())
    future.set_result(7)
    while not ended.times:
        await asyncio.sleep(0)
    assert driver.result == 7


async def test_what_it_raises_is_raised_where_the_result_is_asked_for() -> None:
    async def fails() -> None:
        await called_back
        raise ValueError("of the coroutine")

    driver, ended = started(fails())
    driver.go_on()
    assert ended.times == 1
    with pytest.raises(ValueError, match="of the coroutine"):
        _ = driver.result


async def test_a_limit_that_is_over_is_a_timeout_error_behind_its_block_alone() -> None:
    steps: list[str] = []

    async def limited(driver: Driver[Any]) -> None:
        try:
            with driver.within(0.01):
                try:
                    with driver.within(60.0):
                        await called_back
                except TimeoutError:
                    steps.append("the longer one")
        except TimeoutError:
            steps.append("the shorter one")

    driver: Driver[Any] = Driver()
    ended = Ended()
    driver.start(limited(driver), ended)
    while not ended.times:
        await asyncio.sleep(0.001)
    assert steps == ["the shorter one"]


async def test_a_future_that_is_done_after_its_limit_is_over_wakes_nobody() -> None:
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def gives_up(driver: Driver[Any]) -> str:
        try:
            with driver.within(0.0):
                await future
        except TimeoutError:
            await called_back
        return "called"

    driver: Driver[Any] = Driver()
    ended = Ended()
    driver.start(gives_up(driver), ended)
    await asyncio.sleep(0.01)
    future.set_result(None)
    await asyncio.sleep(0)
    assert not driver.has_ended
    driver.go_on()
    assert driver.result == "called"


async def test_cancelling_closes_it_where_it_waits_and_tells_nobody() -> None:
    closed: list[bool] = []

    async def waits() -> None:
        try:
            await called_back
        finally:
            closed.append(True)

    driver, ended = started(waits())
    driver.cancel()
    assert (closed, driver.has_ended, ended.times) == ([True], True, 0)
