"""Desired statuses → the API server: only what changed, each object at most once a second, never over a newer version.

A write carries the version of the object that it was made from. If the object has a newer one, the API server refuses
the write, and the next round makes the status from the newer object.
"""

import asyncio
import logging
from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass
from typing import Any, Final

from switchover_operator.cluster.api import Api, ApiRefused, ApiUnreachable, object_path
from switchover_operator.cluster.background import RETRY
from switchover_operator.identity import Body, Identity

log = logging.getLogger(__name__)

GATHER: Final = 0.25
"""Seconds between a change of a status and its write: data planes acknowledge within that time."""
INTERVAL: Final = 1.0
"""Seconds between two writes of one object."""
CONCURRENT_WRITES: Final = 8
"""Writes at the same time: 500 objects must not block the API server for others."""


@dataclass(frozen=True, slots=True)
class DesiredStatus:
    """The status that an object should have, and the object that it was made from."""

    body: Body
    status: Body

    @property
    def version(self) -> str:
        """The version of the object that the status was made from."""
        return str(self.body["metadata"].get("resourceVersion", ""))


class StatusWriter:
    """Writes statuses until it is closed. `again` is called when a status that was not written may be tried again."""

    def __init__(self, api: Api, again: Callable[[], None]) -> None:
        self._api = api
        self._again = again
        self._wanted: dict[Identity, DesiredStatus] = {}
        self._waiting: set[Identity] = set()
        self._written: dict[Identity, str] = {}
        self._refused: dict[Identity, str] = {}
        self._turn = asyncio.Semaphore(CONCURRENT_WRITES)
        self._tasks: set[asyncio.Task[None]] = set()
        self._not_before: dict[Identity, float] = {}

    def want(self, statuses: Iterable[tuple[Identity, DesiredStatus]]) -> None:
        """Write these statuses soon; one that is no longer among them is not written."""
        self._wanted = {
            identity: desired
            for identity, desired in statuses
            # A status made from a version that our own write has replaced is outdated.
            if self._written.get(identity) != desired.version
        }
        for identity in self._wanted.keys() - self._waiting:
            self._waiting.add(identity)
            task = asyncio.create_task(self._write_later(identity), name=f"status of {identity}")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Drop what is not written yet."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._waiting.clear()

    async def _write_later(self, identity: Identity) -> None:
        loop = asyncio.get_running_loop()
        await asyncio.sleep(max(GATHER, self._not_before.get(identity, 0.0) - loop.time()))
        async with self._turn:
            # A status that is wanted from now on is another write.
            self._waiting.discard(identity)
            desired = self._wanted.pop(identity, None)
            if desired is not None:
                self._not_before[identity] = loop.time() + INTERVAL
                await self._write(identity, desired)

    async def _write(self, identity: Identity, desired: DesiredStatus) -> None:
        try:
            written = await self._api.merge(object_path(identity, "status"), patch(desired))
        except ApiRefused as refused:
            self._explain(identity, refused)
        except ApiUnreachable as unreachable:
            log.debug("the status of %s cannot be written yet: %s", identity, unreachable)
            self._retry()
        else:
            self._refused.pop(identity, None)
            if written["metadata"]["resourceVersion"] != desired.version:
                self._written[identity] = desired.version

    def _explain(self, identity: Identity, refused: ApiRefused) -> None:
        match refused.status:
            case 404 | 409:  # the object is deleted or has a newer version; its event is on the way
                log.debug("the status of %s was made from an outdated version", identity)
            case _:
                level = logging.DEBUG if self._refused.get(identity) == str(refused) else logging.WARNING
                log.log(level, "the status of %s cannot be written: %s", identity, refused)
                self._refused[identity] = str(refused)
                self._retry()

    def _retry(self) -> None:
        asyncio.get_running_loop().call_later(RETRY, self._again)

    def forget(self, existing: Container[Identity]) -> None:
        """Forget the objects that no longer exist."""
        for identity in [each for each in self._not_before if each not in existing]:
            del self._not_before[identity]
            self._written.pop(identity, None)
            self._refused.pop(identity, None)


def patch(desired: DesiredStatus) -> Body:
    """Make the merge patch (RFC 7386) from the present status of an object to the desired one."""
    given: Any = desired.body.get("status")
    existing: Body = given if isinstance(given, dict) else {}
    changed: dict[str, Any] = {key: value for key, value in desired.status.items() if existing.get(key) != value}
    changed |= dict.fromkeys(existing.keys() - desired.status.keys())
    return {"metadata": {"resourceVersion": desired.version}, "status": changed}
