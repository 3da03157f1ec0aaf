"""A plugin of pytest: a test that nothing can interrupt ends the run, and is named.

pytest-timeout raises in the main thread. That comes to nothing while C code has that thread, as when an event loop
closes, and where a task takes the error for its own. Then another thread says which test it is, with the stack of each
thread, and ends the process; pytest-xdist goes on with another one.
"""

import faulthandler
import os
import threading
import time
from collections.abc import Generator

import pytest

_LONGER = 1.5
"""How many times a test's limit has to pass."""


class _Watch:
    """One thread that waits for the end of what is being waited for: a thread for each test would cost a millisecond.

    It is woken only for an end that is nearer than the one it waits for.
    """

    def __init__(self, stderr: int) -> None:
        self.stderr = stderr
        self._changed = threading.Condition()
        self._name = ""
        self._end = self._wakes_at = float("inf")
        self._thread = threading.Thread(target=self._look, daemon=True)

    def begin(self, name: str, seconds: float) -> None:
        with self._changed:
            self._name, self._end = name, time.monotonic() + seconds
            if self._end < self._wakes_at:
                self._changed.notify()
        if not self._thread.ident:
            self._thread.start()

    def end(self) -> None:
        with self._changed:
            self._end = float("inf")

    def _look(self) -> None:
        with self._changed:
            while (left := self._end - time.monotonic()) > 0:
                self._wakes_at = self._end
                self._changed.wait(None if left == float("inf") else left)
        os.write(self.stderr, f"\n{self._name} hangs and cannot be interrupted\n".encode())
        faulthandler.dump_traceback(self.stderr)
        os._exit(1)


_WATCH = pytest.StashKey[_Watch]()


def pytest_configure(config: pytest.Config) -> None:
    # Here it is the process's own; during a test it is captured.
    config.stash[_WATCH] = _Watch(os.dup(2))


def pytest_unconfigure(config: pytest.Config) -> None:
    os.close(config.stash[_WATCH].stderr)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    watch = item.config.stash[_WATCH]
    limit = _limit(item)
    if limit > 0:
        watch.begin(item.nodeid, limit * _LONGER)
    try:
        return (yield)
    finally:
        watch.end()


def pytest_enter_pdb(config: pytest.Config) -> None:
    # Whoever looks at a test takes as long as it takes.
    config.stash[_WATCH].end()


def _limit(item: pytest.Item) -> float:
    """Seconds that pytest-timeout gives a test; 0 for no limit."""
    marker = item.get_closest_marker("timeout")
    if marker is not None:
        return float(marker.args[0] if marker.args else marker.kwargs["timeout"])
    asked = item.config.getoption("timeout")
    return float(item.config.getini("timeout") if asked is None else asked)
