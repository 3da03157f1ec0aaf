"""A plugin of pytest: a test that nothing can interrupt ends the run, and is named.

pytest-timeout raises in the main thread. That comes to nothing while C code has that thread, as when an event loop
closes, and where a task takes the error for its own. Then another thread says which test it is, with the stack of each
thread, and ends the process; pytest-xdist goes on with another one.
"""

import faulthandler
import os
import threading
from collections.abc import Generator

import pytest

_LONGER = 1.5
"""How many times a test's limit has to pass."""
_STDERR = pytest.StashKey[int]()
_WATCH = pytest.StashKey[threading.Timer]()


def pytest_configure(config: pytest.Config) -> None:
    # Here it is the process's own; during a test it is captured.
    config.stash[_STDERR] = os.dup(2)


def pytest_unconfigure(config: pytest.Config) -> None:
    os.close(config.stash[_STDERR])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    limit = _limit(item)
    watch = threading.Timer(limit * _LONGER, _end, (item.nodeid, item.config.stash[_STDERR]))
    watch.daemon = True
    item.config.stash[_WATCH] = watch
    if limit > 0:
        watch.start()
    try:
        return (yield)
    finally:
        watch.cancel()


def pytest_enter_pdb(config: pytest.Config) -> None:
    # Whoever looks at a test takes as long as it takes.
    config.stash[_WATCH].cancel()


def _limit(item: pytest.Item) -> float:
    """Seconds that pytest-timeout gives a test; 0 for no limit."""
    marker = item.get_closest_marker("timeout")
    if marker is not None:
        return float(marker.args[0] if marker.args else marker.kwargs["timeout"])
    asked = item.config.getoption("timeout")
    return float(item.config.getini("timeout") if asked is None else asked)


def _end(name: str, stderr: int) -> None:
    os.write(stderr, f"\n{name} hangs and cannot be interrupted\n".encode())
    faulthandler.dump_traceback(stderr)
    os._exit(1)
