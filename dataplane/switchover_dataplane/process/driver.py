"""A coroutine that goes on when it is called back, without a task of its own.

An attempt waits for its connection, which calls it back as soon as bytes have come. A task for each attempt would wake
up one turn of the event loop later, and costs as much as a small attempt itself.
"""

import asyncio
from collections.abc import Callable, Coroutine, Generator
from typing import Any, Final, Generic, TypeVar

Result = TypeVar("Result")


class _CalledBack:
    __slots__ = ()

    def __await__(self) -> Generator[None, None, None]:
        yield


called_back: Final = _CalledBack()
"""What a driven coroutine awaits until `Driver.go_on` is called."""


class _Expired(BaseException):
    """A time limit is over; not an `Exception`, so that nothing but its own `within` takes note of it."""

    def __init__(self, limit: "_Within") -> None:
        super().__init__()
        self.limit = limit


class _Within:
    """A block of a driven coroutine that has a time limit."""

    __slots__ = ("_driver", "_seconds", "_timer")

    def __init__(self, driver: "Driver[Any]", seconds: float) -> None:
        self._driver = driver
        self._seconds = seconds
        self._timer: asyncio.TimerHandle | None = None

    def __enter__(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(max(0.0, self._seconds), self._driver.expire, _Expired(self))

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if isinstance(error, _Expired) and error.limit is self:
            raise TimeoutError from None


class _WithoutLimit:
    __slots__ = ()

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(self, *_: object) -> None:
        """End."""


_WITHOUT_LIMIT: Final = _WithoutLimit()


class Driver(Generic[Result]):
    """Runs one coroutine: until it waits, then on each call of `go_on` and when a future is done that it waits for.

    `has_ended` tells that it has returned, failed or was cancelled.
    """

    __slots__ = ("_coroutine", "_ended", "_error", "_result", "_waits_for", "has_ended")

    def start(self, coroutine: Coroutine[Any, Any, Result], ended: Callable[[], None]) -> None:
        """Run the coroutine until it waits; `ended` is called when it has returned or failed."""
        self.has_ended = False
        self._coroutine = coroutine
        self._ended = ended
        self._error: BaseException | None = None
        self._result: Result
        self._waits_for: asyncio.Future[Any] | None = None
        self.go_on()

    @property
    def result(self) -> Result:
        """What the coroutine returned, after it has ended.

        Raises:
            Exception: whatever it raised.
        """
        if self._error is not None:
            raise self._error
        return self._result

    def go_on(self) -> None:
        """Run the coroutine until it waits again."""
        if self.has_ended:
            return
        try:
            future = self._coroutine.send(None)
        except StopIteration as end:
            self._result = end.value
            self._end()
        except BaseException as error:  # noqa: BLE001 - raised where the result is asked for
            self._fail(error)
        else:
            self._wait_for(future)

    def expire(self, limit: _Expired) -> None:
        """Raise a time limit in the coroutine where it waits."""
        if self.has_ended:
            return
        self._waits_for = None
        try:
            future = self._coroutine.throw(limit)
        except StopIteration as end:
            self._result = end.value
            self._end()
        except BaseException as error:  # noqa: BLE001 - raised where the result is asked for
            self._fail(error)
        else:
            self._wait_for(future)

    def within(self, seconds: float | None) -> _Within | _WithoutLimit:
        """Limit a block of the coroutine to so many seconds, None for no limit; `TimeoutError` says that it is over."""
        return _WITHOUT_LIMIT if seconds is None else _Within(self, seconds)

    def cancel(self) -> None:
        """Close the coroutine where it waits; `ended` is not called."""
        self.has_ended = True
        self._waits_for = None
        self._coroutine.close()

    def _wait_for(self, future: "asyncio.Future[Any] | None") -> None:
        if future is not None:
            self._waits_for = future
            future.add_done_callback(self._future_is_done)

    def _future_is_done(self, future: "asyncio.Future[Any]") -> None:
        if future is self._waits_for:
            self._waits_for = None
            self.go_on()

    def _fail(self, error: BaseException) -> None:
        self._error = error
        self._end()

    def _end(self) -> None:
        self.has_ended = True
        self._ended()
