"""Which objects exist → what kopf's indices have wrong: objects that are stale, and objects that it has not seen.

A watch that begins anew lists what exists, and kopf does not conclude from that list what was deleted meanwhile; nor
does it when a kind is taken away. Names are cheap to list, so they are compared now and then, and whenever a watch
began anew.
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
"""Seconds between two censuses where nothing calls for one."""
SOON: Final = 0.5
"""Seconds before the next one while something is amiss."""
GATHER: Final = 0.1
"""Seconds for which calls for a census are gathered."""
MISSING_LIMIT: Final = 5.0
"""Seconds for which an object may exist without being seen."""

Uid = str

_AT_ONCE: Final = 4
_OPTIONAL: Final = frozenset(f"{model.PLURAL}.{model.GROUP}" for model in KINDS.values() if model.OPTIONAL)


@dataclass(frozen=True, slots=True)
class Drift:
    """`stale` are known here and exist no more, `missing` exist and are not known here."""

    stale: frozenset[Uid] = frozenset()
    missing: frozenset[Uid] = frozenset()


def uids(bodies: Iterable[Body]) -> frozenset[Uid]:
    """The UIDs of objects; one that is made anew under its old name has another."""
    return frozenset(uid for body in bodies if (uid := body["metadata"].get("uid")))


def missing_and_stale(before: frozenset[Uid], existing: frozenset[Uid], after: frozenset[Uid]) -> Drift:
    """Compare what was known before the list was asked for, what the list has, and what was known after it came.

    An object that was known before and is not in the list, which is newer, is stale. One in the list that is not known
    afterwards either is missing, unless it was deleted in this very moment.
    """
    return Drift(stale=(before - existing) & after, missing=existing - after - before)


@dataclass(frozen=True, slots=True)
class Existing:
    """What exists: the UIDs of all objects, and the kinds that the API server does not know."""

    uids: frozenset[Uid]
    unknown: frozenset[str]


async def existing(api: Api, namespaces: Sequence[str]) -> Existing:
    """List the UIDs of all objects of every kind that is read.

    Raises:
        ApiRefused, ApiUnreachable: one of the lists could not be had.
    """
    turn = asyncio.Semaphore(_AT_ONCE)
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
    """The kind, and the UIDs of its objects; None if there is no such kind."""
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
    """Ask which kinds that statuses are written of have no status subresource, as Gloo's own CRDs have none.

    Raises:
        ApiRefused, ApiUnreachable: the API server does not say.
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
    """Compares what kopf knows with what exists, now and then and whenever it is `due`.

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
        """Something may have been missed."""
        self._due.set()

    async def run(self) -> NoReturn:
        """Take a census when it is due, for ever."""
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
                log.debug("the census is put off: %s", error)

    async def objects(self) -> list[Body] | None:
        """All objects that exist, as kopf knows them; None while one of them was not seen yet."""
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
        """Tell whether a kind came or went, which kopf has to begin anew for."""
        known_before, self._unknown = self._unknown, unknown
        missed = unknown - _OPTIONAL
        if missed - (known_before or frozenset()):
            names = ", ".join(sorted(missed))
            log.warning("the cluster has no CustomResourceDefinition for %s: served as soon as it has", names)
        return known_before is not None and unknown != known_before

    def _note_stale(self, stale: frozenset[Uid]) -> None:
        if stale - self.stale:
            log.info("%d objects are stale whose deletion was not seen", len(stale - self.stale))
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
            log.warning("%d objects exist that watching has not brought; it begins anew", len(missing))
            self._missing_since = None
            self._watcher.restart()
