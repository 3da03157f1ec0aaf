"""Background writes: when they are made again, and what is logged where the API server does not take one."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager

import pytest

from beside import beside
from switchover_operator.cluster.api import ApiRefused, ApiUnreachable
from switchover_operator.cluster.background import RETRY, retried

PROBLEM = "the Secret cannot be stored yet"


class Work:
    """Counts how often it is done; the first times end with these errors."""

    def __init__(self, *errors: Exception) -> None:
        self.times = 0
        self._errors = list(errors)
        self._done = asyncio.Event()

    async def __call__(self) -> None:
        self.times += 1
        self._done.set()
        if self._errors:
            raise self._errors.pop(0)

    async def until(self, times: int) -> None:
        while self.times < times:
            self._done.clear()
            await self._done.wait()


def running(work: Callable[[], Awaitable[None]], wake: asyncio.Event) -> AbstractAsyncContextManager[None]:
    return beside(retried(work, wake, PROBLEM))


async def test_work_is_done_at_once_and_then_whenever_it_is_woken() -> None:
    work, wake = Work(), asyncio.Event()
    async with running(work, wake):
        await work.until(1)
        wake.set()
        await work.until(2)
    assert work.times == 2


@pytest.mark.parametrize("error", [ApiUnreachable("no route"), ApiRefused(409, "Conflict", "old")], ids=["away", "no"])
async def test_what_the_api_server_did_not_take_is_tried_again(error: Exception) -> None:
    work = Work(error)
    async with running(work, asyncio.Event()), asyncio.timeout(RETRY * 5):
        await work.until(2)
    assert work.times == 2


async def test_a_refusal_is_logged_without_the_message_that_may_quote_a_secret(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING)
    work, wake = Work(ApiRefused(422, "Invalid", 'data: "sk-do-not-show"')), asyncio.Event()
    async with running(work, wake):
        await work.until(1)
        wake.set()
        await work.until(2)
    assert caplog.messages == [f"{PROBLEM}: 422 Invalid"]
