"""Which objects exist → what kopf's indices have wrong: objects that are gone, and objects that it has not seen.

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
from switchover_operator.cluster.relay import Kind
from switchover_operator.cluster.view import View
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
PATIENCE: Final = 5.0
"""Seconds for which an object may exist without being seen."""

Uid = str

_AT_ONCE: Final = 4
_OPTIONAL: Final = frozenset(f"{model.PLURAL}.{model.GROUP}" for model in KINDS.values() if model.OPTIONAL)


@dataclass(frozen=True, slots=True)
class Difference:
    """`gone` are known here and exist no more, `unseen` exist and are not known here."""

    gone: frozenset[Uid] = frozenset()
    unseen: frozenset[Uid] = frozenset()


def uids(bodies: Iterable[Body]) -> frozenset[Uid]:
    """The UIDs of objects; one that is made anew under its old name has another."""
    return frozenset(uid for body in bodies if (uid := body["metadata"].get("uid")))


def difference(before: frozenset[Uid], existing: frozenset[Uid], after: frozenset[Uid]) -> Difference:
    """Compare what was known before the list was asked for, what the list has, and what was known after it came.

    An object that was known before and is not in the list, which is newer, is gone. One in the list that is not known
    afterwards either is unseen, unless it was deleted in this very moment.
    """
    return Difference(gone=(before - existing) & after, unseen=existing - after - before)


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


async def without_status(api: Api) -> frozenset[Kind]:
    """Ask which kinds that statuses are written of have no status subresource, as Gloo's own CRDs have none.

    Raises:
        ApiRefused, ApiUnreachable: the API server does not say.
    """
    mute: set[Kind] = set()
    for model in (Upstream, RouteOption, AuthConfig, FailoverPolicy):
        try:
            served = await api.get(f"/apis/{model.GROUP}/{model.VERSIONS[0]}")
        except ApiRefused as refused:
            if refused.status == 404:  # the kind does not exist
                continue
            raise
        names = {resource["name"] for resource in served.get("resources") or ()}
        if model.PLURAL in names and f"{model.PLURAL}/status" not in names:
            mute.add((model.GROUP, model.KIND))
    return frozenset(mute)


class Census:
    """Compares what kopf knows with what exists, now and then and whenever it is `due`.

    `gone` are objects that kopf still knows and that exist no more. `complete` tells whether every object that exists
    has been seen. `mute` are the kinds that have no status to write to. `changed` is called when one of them changed.
    """

    def __init__(self, api: Api, view: View, namespaces: Sequence[str], changed: Callable[[], None]) -> None:
        self.gone: frozenset[Uid] = frozenset()
        self.complete = False
        self.mute: frozenset[Kind] = frozenset()
        self._api = api
        self._view = view
        self._namespaces = tuple(namespaces)
        self._changed = changed
        self._due = asyncio.Event()
        self._unseen_since: float | None = None
        self._unknown: frozenset[str] | None = None

    def due(self) -> None:
        """Something may have been missed."""
        self._due.set()

    async def run(self) -> NoReturn:
        """Take a census when it is due, for ever."""
        taken = False
        while True:
            wait = EVERY if taken and self.complete and self._unseen_since is None else SOON
            try:
                await asyncio.wait_for(self._due.wait(), wait)
                await asyncio.sleep(GATHER)
            except TimeoutError:
                pass
            self._due.clear()
            try:
                await self._take()
                taken = True
            except (ApiRefused, ApiUnreachable) as error:
                taken = False
                log.debug("the census is put off: %s", error)

    async def look(self) -> list[Body] | None:
        """All objects that exist, as kopf knows them; None while one of them was not seen yet."""
        bodies = await self._view.look()
        if bodies is None:
            self.complete = False
            return None
        if not self.complete:
            return None
        return [body for body in bodies if body["metadata"].get("uid") not in self.gone] if self.gone else bodies

    async def _take(self) -> None:
        before = await self._view.look()
        if before is None:
            self.complete = False
            return
        self.mute = await without_status(self._api)
        listed = await existing(self._api, self._namespaces)
        after = uids(await self._view.look() or ())
        if self._note_unknown(listed.unknown):
            self._view.restart()
            return
        found = difference(uids(before), listed.uids, after)
        self._note_gone((self.gone | found.gone) & after)
        self._note_unseen(found.unseen)

    def _note_unknown(self, unknown: frozenset[str]) -> bool:
        """Tell whether a kind came or went, which kopf has to begin anew for."""
        known_before, self._unknown = self._unknown, unknown
        missed = unknown - _OPTIONAL
        if missed - (known_before or frozenset()):
            names = ", ".join(sorted(missed))
            log.warning("the cluster has no CustomResourceDefinition for %s: served as soon as it has", names)
        return known_before is not None and unknown != known_before

    def _note_gone(self, gone: frozenset[Uid]) -> None:
        if gone - self.gone:
            log.info("%d objects are gone whose deletion was not seen", len(gone - self.gone))
            self._changed()
        self.gone = gone

    def _note_unseen(self, unseen: frozenset[Uid]) -> None:
        now = asyncio.get_running_loop().time()
        if not unseen:
            self._unseen_since = None
            if not self.complete:
                self.complete = True
                self._changed()
            return
        if self._unseen_since is None:
            self._unseen_since = now
        elif now - self._unseen_since > PATIENCE:
            log.warning("%d objects exist that watching has not brought; it begins anew", len(unseen))
            self._unseen_since = None
            self._view.restart()
