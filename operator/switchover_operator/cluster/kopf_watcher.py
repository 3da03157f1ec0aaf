"""kopf, in a thread of its own → all objects at one moment, or None until the index is complete.

kopf ends when a watch breaks in an unexpected way. It is then restarted with an empty index, which is not used until it
is complete again: the last table keeps serving.

kopf has a thread, because it cancels every task of its event loop when it ends, and takes over the loop's signals.
"""

import asyncio
import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NoReturn

import kopf

from switchover_operator.cluster import handlers
from switchover_operator.identity import Body

log = logging.getLogger(__name__)

IDENTITY: Final[Any] = "switchover"
"""Our name among kopf's peers, of which there are none; kopf does not export the type."""
INDEX_TIMEOUT: Final = 10.0
"""Seconds within which kopf's thread must return its index."""
STOP_TIMEOUT: Final = 5.0
"""Seconds that kopf may take to stop before the next run begins."""
FIRST_WAIT: Final = 0.5
LONGEST_WAIT: Final = 30.0
STEADY: Final = 60.0
"""Seconds after which a run of kopf counts as stable: the wait before a restart is short again."""


@dataclass(frozen=True, slots=True)
class WatchCallbacks:
    """Calls of the watcher: an object `changed`, or only its status did (`status_changed`).

    `relisted`: a watch restarted, or a kind was added or removed, so that a deletion may have been missed. `ended`:
    kopf ended and will be restarted.
    """

    changed: Callable[[], None]
    status_changed: Callable[[], None]
    relisted: Callable[[], None]
    ended: Callable[[], None]


class KopfWatcher:
    """Runs kopf and gives access to its index; `callbacks` are called in the caller's event loop."""

    def __init__(self, namespaces: Sequence[str], callbacks: WatchCallbacks) -> None:
        self._namespaces = tuple(namespaces)
        self._callbacks = callbacks
        self._run: _KopfRun | None = None

    async def run(self) -> NoReturn:
        """Keep kopf running, for ever."""
        loop = asyncio.get_running_loop()
        failures = 0
        while True:
            started = loop.time()
            run = self._run = _KopfRun(self._namespaces, self._callbacks)
            try:
                failure = await run.until_ended()
            finally:
                run.abandon()
                self._run = None
            self._callbacks.ended()
            if run.stop_requested:
                continue
            failures = 0 if loop.time() - started > STEADY else failures + 1
            wait = min(FIRST_WAIT * 2.0 ** min(failures, 16), LONGEST_WAIT)
            log.error("watching ended and restarts in %g s, the last table keeps serving: %s", wait, failure)
            await asyncio.sleep(wait)

    async def objects(self) -> list[Body] | None:
        """Return all objects of the index; None until it is complete."""
        return await self._run.bodies() if self._run is not None else None

    def restart(self) -> None:
        """Restart kopf with an empty index, as the present one is wrong."""
        if self._run is not None:
            self._run.stop()


class _KopfRun:
    """One run of kopf, from an empty index to its end. `stop_requested`: we ended it, it did not fail."""

    def __init__(self, namespaces: tuple[str, ...], callbacks: WatchCallbacks) -> None:
        self._caller_loop = asyncio.get_running_loop()
        self._kopf_loop: asyncio.AbstractEventLoop | None = None
        self._namespaces = namespaces
        self._callbacks = callbacks
        self._index: Any = None
        self._indexed = False
        self._stop = threading.Event()
        self._abandoned = False
        self.stop_requested = False
        self._ended: asyncio.Future[str] = self._caller_loop.create_future()
        self._thread = threading.Thread(target=self._thread_main, name="kopf", daemon=True)
        self._thread.start()

    async def until_ended(self) -> str:
        """Wait for the end and return its reason."""
        return await self._ended

    def stop(self) -> None:
        """End this run within `STOP_TIMEOUT` seconds."""
        self.stop_requested = True
        self._stop.set()
        self._caller_loop.call_later(STOP_TIMEOUT, self._end, "kopf was asked to stop")

    def abandon(self) -> None:
        """Let this run end by itself; it makes no more calls."""
        self._stop.set()
        self._abandoned = True

    async def bodies(self) -> list[Body] | None:
        """Copy the index in kopf's own thread, between two of its steps."""
        if self._kopf_loop is None or not self._indexed or self._stop.is_set() or self._ended.done():
            return None
        copying = asyncio.run_coroutine_threadsafe(self._copied(), self._kopf_loop)
        try:
            return await asyncio.wait_for(asyncio.wrap_future(copying), INDEX_TIMEOUT)
        except (TimeoutError, asyncio.CancelledError):
            copying.cancel()
            raise

    async def _copied(self) -> list[Body]:
        stores: Iterable[Iterable[Body]] = self._index.values()
        return [body for store in stores for body in store]

    # ── In kopf's thread ────────────────────────────────────────────────────────────────────────────────────────────

    def _thread_main(self) -> None:
        why = "kopf stopped"
        try:
            asyncio.run(self._operate())
        except Exception as error:  # noqa: BLE001 - watching must go on after any error
            why = f"{type(error).__name__}: {error}"
        self._call(self._end, why)

    async def _operate(self) -> None:
        self._kopf_loop = asyncio.get_running_loop()
        registry = handlers.registry(self._on_event, self._kinds_changed, self._all_indexed)

        async def take_index(**given: Any) -> None:
            self._index = given[handlers.OBJECTS]

        kopf.on.startup(registry=registry)(take_index)
        await kopf.operator(
            registry=registry,
            settings=handlers.settings(),
            standalone=True,
            clusterwide=not self._namespaces,
            namespaces=self._namespaces,
            stop_flag=self._stop,
            # Otherwise kopf asks for the user's name, which a container's user may not have.
            identity=IDENTITY,
        )

    def _on_event(self, *, relisted: bool, status_only: bool) -> None:
        if relisted and self._indexed:
            self._call(self._callbacks.relisted)
        self._call(self._callbacks.status_changed if status_only else self._callbacks.changed)

    def _kinds_changed(self) -> None:
        if self._indexed:
            self._call(self._callbacks.relisted)

    def _all_indexed(self) -> None:
        if not self._indexed:
            self._indexed = True
            self._call(self._callbacks.relisted)
            self._call(self._callbacks.changed)

    def _call(self, what: Callable[..., None], *given: object) -> None:
        """Call something in the caller's event loop, unless that is closed."""
        if not self._abandoned and not self._caller_loop.is_closed():
            self._caller_loop.call_soon_threadsafe(what, *given)

    # ── In the caller's loop ────────────────────────────────────────────────────────────────────────────────────────

    def _end(self, why: str) -> None:
        if not self._ended.done():
            self._ended.set_result(why)
