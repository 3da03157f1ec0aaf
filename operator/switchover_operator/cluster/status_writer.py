"""Desired statuses → the API server: only what changed, each object at most once a second, never over another's words.

A write carries the version of the object that it was made from. Where that is no longer the newest, the API server
refuses it, and the next round makes the status anew from what is there then.
"""

import asyncio
import logging
from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass
from typing import Any, Final

from switchover_operator.cluster.api import Api, ApiRefused, ApiUnreachable, object_path
from switchover_operator.identity import Body, Identity

log = logging.getLogger(__name__)

GATHER: Final = 0.25
"""Seconds for which a status may still change before it is written: data planes acknowledge within that."""
INTERVAL: Final = 1.0
"""Seconds between two writes of one object."""
RETRY: Final = 2.0
"""Seconds before the API server is bothered again after it did not take a status."""
AT_ONCE: Final = 8
"""So many statuses are on their way at a time: 500 objects must not take the API server from others."""


@dataclass(frozen=True, slots=True)
class Wish:
    """The status that an object should have, and the object that it was made from."""

    body: Body
    status: Body

    @property
    def version(self) -> str:
        """The version of the object that the status was made from."""
        return str(self.body["metadata"].get("resourceVersion", ""))


class StatusWriter:
    """Writes statuses until it is closed. `again` is called when one that was not taken may be now."""

    def __init__(self, api: Api, again: Callable[[], None]) -> None:
        self._api = api
        self._again = again
        self._wanted: dict[Identity, Wish] = {}
        self._waiting: set[Identity] = set()
        self._written: dict[Identity, str] = {}
        self._refused: dict[Identity, str] = {}
        self._turn = asyncio.Semaphore(AT_ONCE)
        self._tasks: set[asyncio.Task[None]] = set()
        self._not_before: dict[Identity, float] = {}

    def want(self, wishes: Iterable[tuple[Identity, Wish]]) -> None:
        """Make these the statuses there should be; one that is no longer wished for is not written."""
        self._wanted = {
            identity: wish
            for identity, wish in wishes
            # What was made from a version that a write of ours has replaced since is of the past.
            if self._written.get(identity) != wish.version
        }
        for identity in self._wanted.keys() - self._waiting:
            self._waiting.add(identity)
            task = asyncio.create_task(self._write_later(identity), name=f"status of {identity}")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Give up what is not written yet."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._waiting.clear()

    async def _write_later(self, identity: Identity) -> None:
        loop = asyncio.get_running_loop()
        await asyncio.sleep(max(GATHER, self._not_before.get(identity, 0.0) - loop.time()))
        async with self._turn:
            # Whatever is wished for from now on is another write.
            self._waiting.discard(identity)
            wish = self._wanted.pop(identity, None)
            if wish is not None:
                self._not_before[identity] = loop.time() + INTERVAL
                await self._write(identity, wish)

    async def _write(self, identity: Identity, wish: Wish) -> None:
        try:
            written = await self._api.merge(object_path(identity, "status"), patch(wish))
        except ApiRefused as refused:
            self._explain(identity, refused)
        except ApiUnreachable as unreachable:
            log.debug("the status of %s cannot be written yet: %s", identity, unreachable)
            self._retry()
        else:
            self._refused.pop(identity, None)
            if written["metadata"]["resourceVersion"] != wish.version:
                self._written[identity] = wish.version

    def _explain(self, identity: Identity, refused: ApiRefused) -> None:
        match refused.status:
            case 404 | 409:  # the object is gone, or somebody was faster; news of that is on its way
                log.debug("the status of %s was made from what is no more", identity)
            case _:
                level = logging.DEBUG if self._refused.get(identity) == str(refused) else logging.WARNING
                log.log(level, "the status of %s cannot be written: %s", identity, refused)
                self._refused[identity] = str(refused)
                self._retry()

    def _retry(self) -> None:
        asyncio.get_running_loop().call_later(RETRY, self._again)

    def forget(self, existing: Container[Identity]) -> None:
        """Keep nothing of objects that are gone."""
        for identity in [each for each in self._not_before if each not in existing]:
            del self._not_before[identity]
            self._written.pop(identity, None)
            self._refused.pop(identity, None)


def patch(wish: Wish) -> Body:
    """A merge patch (RFC 7386) from the status that an object has to the one it should have."""
    given: Any = wish.body.get("status")
    existing: Body = given if isinstance(given, dict) else {}
    changed: dict[str, Any] = {key: value for key, value in wish.status.items() if existing.get(key) != value}
    changed |= dict.fromkeys(existing.keys() - wish.status.keys())
    return {"metadata": {"resourceVersion": wish.version}, "status": changed}
