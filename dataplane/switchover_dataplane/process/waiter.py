"""What one task waits for: whoever ends the wait runs the task on at once.

A future would let the event loop run the task in its next turn, which costs as much as several steps of a request. An
object with `_asyncio_future_blocking` is awaited like a future (asyncio, "Extending": Future contract).
"""

import asyncio
from collections.abc import Callable, Generator
from contextvars import Context
from typing import Any, Final

from switchover_dataplane.process.timeouts import Timeout


class Waiter:
    """One wait of one task: `await` it once, `wake` ends the wait. The `timeout` is cancelled when it is over."""

    __slots__ = ("_asyncio_future_blocking", "_is_cancelled", "_is_over", "_loop", "_run_on", "timeout")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._asyncio_future_blocking = False
        self._loop: Final = loop
        self._run_on: Callable[[Any], object] | None = None
        self._is_over = False
        self.timeout: Timeout | asyncio.TimerHandle | None = None
        self._is_cancelled = False

    def __await__(self) -> Generator[Any, None, None]:
        if not self._is_over:
            self._asyncio_future_blocking = True
            yield self

    def wake(self) -> None:
        """End the wait: the task runs on before this returns, or in the next turn if another task calls this."""
        if self._is_over:
            return
        self._end()
        run_on, self._run_on = self._run_on, None
        if run_on is None:
            return
        try:
            run_on(self)
        except RuntimeError:  # asyncio's: one task may not run within another
            self._loop.call_soon(run_on, self)

    def _end(self) -> None:
        self._is_over = True
        timeout, self.timeout = self.timeout, None  # a cycle, as it calls back here
        if timeout is not None:
            timeout.cancel()

    # ── What a task calls ───────────────────────────────────────────────────────────────────────────────────────────

    def get_loop(self) -> asyncio.AbstractEventLoop:
        """Return the event loop of the task."""
        return self._loop

    def add_done_callback(self, callback: Callable[[Any], object], *, context: Context) -> None:  # noqa: ARG002 - a future's
        """Take what runs the task on, in the context of whoever ends the wait: nothing here has one of its own."""
        self._run_on = callback

    def result(self) -> None:
        """Tell the task how the wait ended.

        Raises:
            asyncio.CancelledError: the task was cancelled.
        """
        if self._is_cancelled:
            raise asyncio.CancelledError

    def cancel(self, msg: object = None) -> bool:  # noqa: ARG002 - as a future's
        """End the wait of a task that is cancelled; return whether it waited."""
        if self._is_over:
            return False
        self._end()
        self._is_cancelled = True
        run_on, self._run_on = self._run_on, None
        if run_on is not None:
            self._loop.call_soon(run_on, self)
        return True
