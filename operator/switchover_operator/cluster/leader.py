"""A Lease → one of several operators acts, and another takes over when it is gone (Kubernetes, "Leases").

Only the holder compiles, pushes and writes. An operator that does not hear of its Lease for `PATIENCE` seconds stops
acting before another may begin: clocks are never compared, only how long a Lease has stood still.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, NoReturn

from switchover_operator.cluster.api import Api, ApiRefused, ApiUnreachable, kind_path
from switchover_operator.identity import Body

log = logging.getLogger(__name__)

DURATION: Final = 15
"""Seconds that a Lease stands still before another takes it."""
PATIENCE: Final = 10.0
"""Seconds without a renewal after which the holder stops acting."""
EVERY: Final = 2.0
"""Seconds between two renewals, and between two looks at somebody else's Lease."""


@dataclass(frozen=True, slots=True)
class Sight:
    """A Lease as it was seen: its version, and when (by our own clock) it was first seen so."""

    version: str
    since: float


def may_take(lease: Body | None, me: str, sight: Sight | None, now: float) -> bool:
    """Tell whether the Lease is ours to take: there is none, it is ours or nobody's, or it has stood still too long."""
    if lease is None:
        return True
    spec = lease.get("spec") or {}
    if spec.get("holderIdentity") in (None, "", me):
        return True
    lasts = float(spec.get("leaseDurationSeconds") or DURATION)
    return sight is not None and sight.version == _version(lease) and now - sight.since > lasts


class Leadership:
    """Takes the Lease and holds it; `owners` are taken along by garbage collection."""

    def __init__(self, api: Api, namespace: str, name: str, me: str, owners: tuple[Body, ...] = ()) -> None:
        self._owners = owners
        self._api = api
        self._folder = kind_path("coordination.k8s.io", "v1", "leases", namespace)
        self._namespace = namespace
        self._name = name
        self._me = me
        self._sight: Sight | None = None
        self._is_anothers = False

    async def lead(self, work: Callable[[], Awaitable[NoReturn]]) -> NoReturn:
        """Do the work whenever the Lease is ours, and end it when it no longer is, for ever."""
        try:
            while True:
                await self._until_held()
                log.info("leading: %s holds the Lease %s/%s", self._me, self._namespace, self._name)
                await self._while_held(asyncio.ensure_future(work()))
                why = "is another's" if self._is_anothers else "was not renewed in time"
                log.warning("no longer leading: the Lease %s/%s %s", self._namespace, self._name, why)
        finally:
            with suppress(ApiRefused, ApiUnreachable):
                await asyncio.shield(self._give_back())

    async def _until_held(self) -> None:
        while not await self._took():  # noqa: ASYNC110 - nothing tells that a Lease became free
            await asyncio.sleep(EVERY)

    async def _while_held(self, working: asyncio.Future[NoReturn]) -> None:
        """Renew the Lease beside the work, until one of the two ends."""
        clock = asyncio.get_running_loop().time
        renewed = clock()
        try:
            while clock() - renewed < PATIENCE and not self._is_anothers:
                done, _ = await asyncio.wait([working], timeout=EVERY)
                if done:
                    await working
                with suppress(TimeoutError):
                    async with asyncio.timeout(PATIENCE - (clock() - renewed)):
                        if await self._took():
                            renewed = clock()
        finally:
            working.cancel()
            with suppress(asyncio.CancelledError):
                await working

    async def _took(self) -> bool:
        """Take or renew the Lease if that may be."""
        try:
            lease = await self._read()
            now = asyncio.get_running_loop().time()
            if lease is not None and (self._sight is None or self._sight.version != _version(lease)):
                self._sight = Sight(_version(lease), now)
            self._is_anothers = not may_take(lease, self._me, self._sight, now)
            if self._is_anothers:
                return False
            await self._write(lease, self._me)
        except (ApiRefused, ApiUnreachable) as error:
            log.debug("the Lease cannot be had at the moment: %s", error)
            return False
        return True

    async def _read(self) -> Body | None:
        try:
            lease: Body = await self._api.get(f"{self._folder}/{self._name}")
        except ApiRefused as refused:
            if refused.status == 404:
                return None
            raise
        return lease

    async def _write(self, lease: Body | None, holder: str) -> None:
        now = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        before: dict[str, Any] = (lease or {}).get("spec") or {}
        spec = {**before, "holderIdentity": holder, "leaseDurationSeconds": DURATION, "renewTime": now}
        if before.get("holderIdentity") != holder:
            spec |= {"acquireTime": now, "leaseTransitions": (before.get("leaseTransitions") or 0) + 1}
        if lease is None:
            metadata = {"name": self._name, "namespace": self._namespace, "ownerReferences": list(self._owners)}
            body = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata, "spec": spec}
            await self._api.create(self._folder, body)
        else:
            # With the version that was read: if another was faster, the API server refuses.
            await self._api.replace(f"{self._folder}/{self._name}", {**lease, "spec": spec})

    async def _give_back(self) -> None:
        """Let another take over at once."""
        lease = await self._read()
        if lease is not None and (lease.get("spec") or {}).get("holderIdentity") == self._me:
            await self._write(lease, "")


def _version(lease: Body) -> str:
    return str(lease["metadata"].get("resourceVersion", ""))
