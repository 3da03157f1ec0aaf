"""A credential that ends → one that is always valid, renewed before its end and fetched once at a time.

Fetching takes a network and libraries that block, so that it happens in a thread. Requests wait for it only while there
is no valid credential. Why it failed is kept for a short time, so that a fault does not cost each request a fetch.
"""

import asyncio
import contextlib
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

Value = TypeVar("Value")

RENEW_BEFORE: Final = 300.0
"""Seconds before its end at which a credential is renewed; half of its life if that is shorter."""

LOOK_AGAIN: Final = 900.0
"""Seconds after which a credential without an end is looked up again, as its file may hold another one by then."""

WAIT_AFTER_FAILURE: Final = 10.0
"""Seconds before a fetch that failed is tried again, and for which its error is the answer."""

FRESH: Final = 10.0
"""Seconds for which a credential is not forgotten: that a fresh one is refused has another reason."""

FETCH_TIMEOUT: Final = 30.0
"""Seconds that a request waits for a fetch, which goes on in its thread."""


class NoCredentials(Exception):
    """There is no valid credential; the text says why and holds no part of a secret."""


@dataclass(frozen=True, slots=True)
class _Held(Generic[Value]):
    value: Value
    came_at: float
    renew_at: float
    ends: float


class Renewed(Generic[Value]):
    """Keeps one credential valid.

    `fetch` runs in a thread and returns the credential and its end in seconds of `clock`, infinity for none. It raises
    `NoCredentials`; of any other exception only the name of its type is told, after `what`.
    """

    def __init__(self, what: str, fetch: Callable[[], tuple[Value, float]], clock: Callable[[], float]) -> None:
        self._what = what
        self._fetch = fetch
        self._clock = clock
        self._held: _Held[Value] | None = None
        self._failure = ""
        self._not_before = -math.inf
        self._renewal: asyncio.Task[None] | None = None

    async def get(self) -> Value:
        """Return a valid credential.

        Raises:
            NoCredentials: there is none.
        """
        now = self._clock()
        held = self._held
        if held is not None and now < held.ends:
            if now >= held.renew_at and now >= self._not_before:
                self._renew()
            return held.value
        if self._renewal is None and now < self._not_before:
            raise NoCredentials(self._failure)
        try:
            async with asyncio.timeout(FETCH_TIMEOUT):
                # The fetch is everybody's: a request that is cancelled must not end it.
                await asyncio.shield(self._renew())
        except TimeoutError:
            raise NoCredentials(f"{self._what}: no answer within {FETCH_TIMEOUT:g} seconds") from None
        fresh = self._held
        if fresh is None or self._clock() >= fresh.ends:
            raise NoCredentials(self._failure)
        return fresh.value

    def forget(self) -> None:
        """Fetch anew at the next request, as the server refused the credential; a fresh one stays."""
        held = self._held
        if held is not None and self._clock() - held.came_at >= FRESH:
            self._held = None
            self._not_before = -math.inf

    async def close(self) -> None:
        """End the wait for a fetch that is under way."""
        renewal, self._renewal = self._renewal, None
        if renewal is not None:
            renewal.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await renewal

    def _renew(self) -> "asyncio.Task[None]":
        if self._renewal is None:
            self._renewal = asyncio.create_task(self._fetched())
        return self._renewal

    async def _fetched(self) -> None:
        try:
            value, ends = await asyncio.to_thread(self._fetch)
        except NoCredentials as failure:
            self._fail(str(failure))
        except Exception as error:  # noqa: BLE001 - libraries raise what they like, and their texts may quote a secret
            self._fail(f"{self._what}: {type(error).__name__}")
        else:
            self._hold(value, ends)
        finally:
            self._renewal = None

    def _hold(self, value: Value, ends: float) -> None:
        now = self._clock()
        if ends <= now:
            self._fail(f"{self._what}: it had ended when it came")
            return
        renew_at = now + LOOK_AGAIN if math.isinf(ends) else ends - min(RENEW_BEFORE, (ends - now) / 2)
        self._held = _Held(value, now, renew_at, ends)
        self._failure, self._not_before = "", -math.inf

    def _fail(self, why: str) -> None:
        self._failure, self._not_before = why, self._clock() + WAIT_AFTER_FAILURE
