"""The objects that exist → where kopf's indices differ: objects that are stale, and objects that are missing.

A watch that restarts lists what exists, but kopf does not derive from the list what was deleted in the meantime, nor
when a kind is removed. Names are cheap to list, so they are compared periodically and whenever a watch restarted.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from switchover_operator.cluster import handlers
from switchover_operator.cluster.api import NAMES_ONLY, Api, ApiRefused, ApiUnreachable, kind_path
from switchover_operator.cluster.kopf_watcher import KopfWatcher
from switchover_operator.cluster.status_forwarding import Kind
from switchover_operator.identity import Body
from switchover_operator.resources import KINDS, Resource
from switchover_operator.resources.auth_config import AuthConfig
from switchover_operator.resources.core import Secret
from switchover_operator.resources.failover_policy import FailoverPolicy
from switchover_operator.resources.route_option import RouteOption
from switchover_operator.resources.upstream import Upstream

log = logging.getLogger(__name__)

EVERY: Final = 60.0
"""Seconds between two comparisons."""
SOON: Final = 0.5
"""Seconds before the next comparison while something is missing or failed."""
GATHER: Final = 0.1
"""Seconds for which calls of `due` are gathered."""
MISSING_LIMIT: Final = 5.0
"""Seconds for which an existing object may be missing before watching restarts."""

Uid = str

_CONCURRENT_LISTS: Final = 4
_OPTIONAL: Final = frozenset(f"{model.PLURAL}.{model.GROUP}" for model in KINDS.values() if model.OPTIONAL)


@dataclass(frozen=True, slots=True)
class Drift:
    """Objects that kopf has wrong: `stale` ones are deleted, `missing` ones exist and are not in the index."""

    stale: frozenset[Uid] = frozenset()
    missing: frozenset[Uid] = frozenset()


def uids(bodies: Iterable[Body]) -> frozenset[Uid]:
    """Return the UIDs of objects; an object that is created again under its name has a new one."""
    return frozenset(uid for body in bodies if (uid := body["metadata"].get("uid")))


def missing_and_stale(before: frozenset[Uid], existing: frozenset[Uid], after: frozenset[Uid]) -> Drift:
    """Compare the index before the list was requested, the list, and the index after the list arrived.

    An object that was in the index before and is not in the list, which is newer, is stale. An object in the list that
    is in neither index is missing, unless it was deleted at this very moment.
    """
    return Drift(stale=(before - existing) & after, missing=existing - after - before)


@dataclass(frozen=True, slots=True)
class Existing:
    """The UIDs of all objects that exist, and the kinds that the API server does not know."""

    uids: frozenset[Uid]
    unknown: frozenset[str]


async def existing(api: Api, namespaces: Sequence[str]) -> Existing:
    """List the UIDs of all objects of every kind that is read.

    Raises:
        ApiRefused, ApiUnreachable: one of the lists could not be read.
    """
    turn = asyncio.Semaphore(_CONCURRENT_LISTS)
    lists = [
        _listed(api, model, namespace, turn)
        for model in KINDS.values()
        for namespace in (namespaces if model.NAMESPACED and namespaces else ("",))
    ]
    found = await asyncio.gather(*lists)
    return Existing(
        frozenset().union(*(listed for _, listed in found if listed is not None)),
        frozenset(kind for kind, listed in found if listed is None),
    )


async def _listed(
    api: Api, model: type[Resource], namespace: str, turn: asyncio.Semaphore
) -> tuple[str, frozenset[Uid] | None]:
    """Return the kind, and the UIDs of its objects; None if there is no such kind."""
    query = {"fieldSelector": handlers.SECRETS} if model is Secret else None
    async with turn:
        try:
            listed: dict[str, Any] = await api.get(
                kind_path(model.GROUP, model.VERSIONS[0], model.PLURAL, namespace), query, NAMES_ONLY
            )
        except ApiRefused as refused:
            if refused.status == 404:
                return f"{model.PLURAL}.{model.GROUP}", None
            raise
    return model.PLURAL, uids(listed.get("items") or ())


async def kinds_without_status(api: Api) -> frozenset[Kind]:
    """Find the kinds that should get statuses but have no status subresource, as in Gloo's own CRDs.

    Raises:
        ApiRefused, ApiUnreachable: the kinds could not be read.
    """
    without_status_subresource: set[Kind] = set()
    for model in (Upstream, RouteOption, AuthConfig, FailoverPolicy):
        try:
            served = await api.get(f"/apis/{model.GROUP}/{model.VERSIONS[0]}")
        except ApiRefused as refused:
            if refused.status == 404:  # the kind does not exist
                continue
            raise
        names = {resource["name"] for resource in served.get("resources") or ()}
        if model.PLURAL in names and f"{model.PLURAL}/status" not in names:
            without_status_subresource.add((model.GROUP, model.KIND))
    return frozenset(without_status_subresource)


class Resync:
    """Compares kopf's index with what exists, periodically and whenever it is `due`.

    `stale` are the objects that kopf still knows though they are deleted. `complete` tells whether every object that
    exists was seen. `without_status_subresource` are the kinds whose status cannot be written. `changed` is called when
    one of the three changed.
    """

    def __init__(self, api: Api, watcher: KopfWatcher, namespaces: Sequence[str], changed: Callable[[], None]) -> None:
        self.stale: frozenset[Uid] = frozenset()
        self.complete = False
        self.without_status_subresource: frozenset[Kind] = frozenset()
        self._api = api
        self._watcher = watcher
        self._namespaces = tuple(namespaces)
        self._changed = changed
        self._due = asyncio.Event()
        self._missing_since: float | None = None
        self._unknown: frozenset[str] | None = None

    def due(self) -> None:
        """Compare soon: an event may have been missed."""
        self._due.set()

    async def run(self) -> NoReturn:
        """Compare when it is due, for ever."""
        taken = False
        while True:
            wait = EVERY if taken and self.complete and self._missing_since is None else SOON
            try:
                await asyncio.wait_for(self._due.wait(), wait)
                await asyncio.sleep(GATHER)
            except TimeoutError:
                pass
            self._due.clear()
            try:
                await self._run_once()
                taken = True
            except (ApiRefused, ApiUnreachable) as error:
                taken = False
                log.debug("the comparison is postponed: %s", error)

    async def objects(self) -> list[Body] | None:
        """Return all objects that exist, as kopf has them; None while one of them is missing."""
        bodies = await self._watcher.objects()
        if bodies is None:
            self.complete = False
            return None
        if not self.complete:
            return None
        return [body for body in bodies if body["metadata"].get("uid") not in self.stale] if self.stale else bodies

    async def _run_once(self) -> None:
        before = await self._watcher.objects()
        if before is None:
            self.complete = False
            return
        self.without_status_subresource = await kinds_without_status(self._api)
        listed = await existing(self._api, self._namespaces)
        after = uids(await self._watcher.objects() or ())
        if self._note_unknown(listed.unknown):
            self._watcher.restart()
            return
        found = missing_and_stale(uids(before), listed.uids, after)
        self._note_stale((self.stale | found.stale) & after)
        self._note_missing(found.missing)

    def _note_unknown(self, unknown: frozenset[str]) -> bool:
        """Tell whether a kind was added or removed: kopf must restart for that."""
        known_before, self._unknown = self._unknown, unknown
        missed = unknown - _OPTIONAL
        if missed - (known_before or frozenset()):
            names = ", ".join(sorted(missed))
            log.warning(
                "the cluster has no CustomResourceDefinition for %s; objects are served as soon as there is one", names
            )
        return known_before is not None and unknown != known_before

    def _note_stale(self, stale: frozenset[Uid]) -> None:
        if stale - self.stale:
            log.info("%d deleted objects were removed whose deletion event was missed", len(stale - self.stale))
            self._changed()
        self.stale = stale

    def _note_missing(self, missing: frozenset[Uid]) -> None:
        now = asyncio.get_running_loop().time()
        if not missing:
            self._missing_since = None
            if not self.complete:
                self.complete = True
                self._changed()
            return
        if self._missing_since is None:
            self._missing_since = now
        elif now - self._missing_since > MISSING_LIMIT:
            log.warning("%d existing objects are missing from the index; watching restarts", len(missing))
            self._missing_since = None
            self._watcher.restart()
