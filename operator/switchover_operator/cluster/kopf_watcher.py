"""kopf, in a thread of its own → all objects at one moment, or None until every one that exists is known.

kopf ends when a watch breaks in a way that it does not expect; it is started anew then, with empty indices, and nobody
sees those until they are full again: what was compiled last serves on meanwhile.

A thread, because kopf cancels every task of its event loop when it ends, and takes the loop's signals for itself.
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
"""Who this is among kopf's peers, of which there are none; kopf does not export the type."""
ANSWER: Final = 10.0
"""Seconds within which kopf's thread has to hand over its index."""
STOPPING: Final = 5.0
"""Seconds that kopf may take to stop before another life of it begins."""
FIRST_WAIT: Final = 0.5
LONGEST_WAIT: Final = 30.0
STEADY: Final = 60.0
"""Seconds after which a run of kopf counts as one that works."""


@dataclass(frozen=True, slots=True)
class WatchCallbacks:
    """What is called when: an object `changed`, only a status was `touched`, or a deletion may have been missed.

    `relisted`: a watch began anew, or a kind came or went. `ended`: watching ended as a whole, and will begin anew.
    """

    changed: Callable[[], None]
    touched: Callable[[], None]
    relisted: Callable[[], None]
    ended: Callable[[], None]


class KopfWatcher:
    """What kopf has seen; `callbacks` are called in the caller's event loop."""

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
            log.error("watching ended and begins again in %g s, what was served is served on: %s", wait, failure)
            await asyncio.sleep(wait)

    async def objects(self) -> list[Body] | None:
        """All objects as they are known now; None while not every object that exists has been seen."""
        return await self._run.bodies() if self._run is not None else None

    def restart(self) -> None:
        """Begin watching anew: what is known has turned out not to be what there is."""
        if self._run is not None:
            self._run.stop()


class _KopfRun:
    """One life of kopf, from empty indices to its end; `stop_requested` says that it ends because we want it to."""

    def __init__(self, namespaces: tuple[str, ...], callbacks: WatchCallbacks) -> None:
        self._here = asyncio.get_running_loop()
        self._there: asyncio.AbstractEventLoop | None = None
        self._namespaces = namespaces
        self._callbacks = callbacks
        self._index: Any = None
        self._indexed = False
        self._stop = threading.Event()
        self._abandoned = False
        self.stop_requested = False
        self._ended: asyncio.Future[str] = self._here.create_future()
        self._thread = threading.Thread(target=self._thread_main, name="kopf", daemon=True)
        self._thread.start()

    async def until_ended(self) -> str:
        """Wait for the end and say why it came."""
        return await self._ended

    def stop(self) -> None:
        """End this run soon; nobody waits for it longer than `STOPPING`."""
        self.stop_requested = True
        self._stop.set()
        self._here.call_later(STOPPING, self._end, "kopf was told to stop")

    def abandon(self) -> None:
        """Let this run end by itself; nothing that it still says is heard."""
        self._stop.set()
        self._abandoned = True

    async def bodies(self) -> list[Body] | None:
        """Copy the index in kopf's own thread, between two of its steps."""
        if self._there is None or not self._indexed or self._stop.is_set() or self._ended.done():
            return None
        copying = asyncio.run_coroutine_threadsafe(self._copied(), self._there)
        try:
            return await asyncio.wait_for(asyncio.wrap_future(copying), ANSWER)
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
        except Exception as error:  # noqa: BLE001 - whatever it was, watching must go on
            why = f"{type(error).__name__}: {error}"
        self._call(self._end, why)

    async def _operate(self) -> None:
        self._there = asyncio.get_running_loop()
        registry = handlers.registry(self._moved, self._kinds_changed, self._all_indexed)

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

    def _moved(self, *, relisted: bool, status_only: bool) -> None:
        if relisted and self._indexed:
            self._call(self._callbacks.relisted)
        self._call(self._callbacks.touched if status_only else self._callbacks.changed)

    def _kinds_changed(self) -> None:
        if self._indexed:
            self._call(self._callbacks.relisted)

    def _all_indexed(self) -> None:
        if not self._indexed:
            self._indexed = True
            self._call(self._callbacks.relisted)
            self._call(self._callbacks.changed)

    def _call(self, what: Callable[..., None], *given: object) -> None:
        """Call something in the caller's event loop, unless that is gone."""
        if not self._abandoned and not self._here.is_closed():
            self._here.call_soon_threadsafe(what, *given)

    # ── Back in the caller's ────────────────────────────────────────────────────────────────────────────────────────

    def _end(self, why: str) -> None:
        if not self._ended.done():
            self._ended.set_result(why)
