"""Writes to the API server that go on in the background: again after a while where it did not take one."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final, NoReturn

from switchover_operator.cluster.api import ApiRefused, ApiUnreachable

log = logging.getLogger(__name__)

RETRY: Final = 2.0
"""Seconds before the API server is asked again after it did not take a write."""


async def retried(
    work: Callable[[], Awaitable[None]], wake: asyncio.Event, problem: str, every: float | None = None
) -> NoReturn:
    """Do `work` now, whenever `wake` is set, and every so many seconds if that is given; for ever.

    When the API server refuses or is unreachable, log `problem` and work again after `RETRY` seconds.
    """
    while True:
        wake.clear()
        wait = every
        try:
            await work()
        except (ApiRefused, ApiUnreachable) as error:
            # The API server's message is left out: it may quote a Secret that was sent.
            reason = f"{error.status} {error.reason}" if isinstance(error, ApiRefused) else str(error)
            log.warning("%s: %s", problem, reason)
            wait = RETRY
        with suppress(TimeoutError):
            await asyncio.wait_for(wake.wait(), wait)
