"""A Lease → one of several operators acts, and another takes over when it is gone (Kubernetes, "Leases").

Only the holder compiles, pushes and writes. A holder that could not renew its Lease for `RENEW_DEADLINE` seconds stops
acting before another may begin. Clocks are never compared, only how long a Lease stayed unchanged.

It is our own code: kubernetes.aio.leaderelection does not release the Lease when it ends, cancels the work without
waiting for it, and compares wall clocks.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, NoReturn

from switchover_operator.cluster.api import Api, ApiRefused, ApiUnreachable, api_time, kind_path
from switchover_operator.identity import Body

log = logging.getLogger(__name__)

LEASE_DURATION: Final = 15
"""Seconds without a renewal after which another operator may take the Lease (client-go: LeaseDuration)."""
RENEW_DEADLINE: Final = 10.0
"""Seconds without a renewal after which the holder stops acting (client-go: RenewDeadline)."""
RETRY_PERIOD: Final = 2.0
"""Seconds between two renewals, and between two reads of another's Lease (client-go: RetryPeriod)."""


@dataclass(frozen=True, slots=True)
class LeaseObservation:
    """The version of a Lease, and the time on our own clock when that version was first read."""

    version: str
    since: float


def may_take(lease: Body | None, identity: str, observation: LeaseObservation | None, now: float) -> bool:
    """Tell whether `identity` may take the Lease: it has no other holder, or was not renewed for its whole duration."""
    if lease is None:
        return True
    spec = lease.get("spec") or {}
    if spec.get("holderIdentity") in (None, "", identity):
        return True
    lasts = float(spec.get("leaseDurationSeconds") or LEASE_DURATION)
    return observation is not None and observation.version == _version(lease) and now - observation.since > lasts


class Leadership:
    """Takes the Lease and holds it; `owners` are the ownerReferences of a Lease that is created."""

    def __init__(self, api: Api, namespace: str, name: str, identity: str, owners: tuple[Body, ...] = ()) -> None:
        self._owners = owners
        self._api = api
        self._folder = kind_path("coordination.k8s.io", "v1", "leases", namespace)
        self._namespace = namespace
        self._name = name
        self._identity = identity
        self._observation: LeaseObservation | None = None
        self._held_by_another = False

    async def lead(self, work: Callable[[], Awaitable[NoReturn]]) -> NoReturn:
        """Do the work while the Lease is ours, for ever."""
        try:
            while True:
                await self._until_held()
                log.info("leading: %s holds the Lease %s/%s", self._identity, self._namespace, self._name)
                await self._while_held(asyncio.ensure_future(work()))
                why = "has another holder" if self._held_by_another else "was not renewed in time"
                log.warning("no longer leading: the Lease %s/%s %s", self._namespace, self._name, why)
        finally:
            with suppress(ApiRefused, ApiUnreachable):
                await asyncio.shield(self._release())

    async def _until_held(self) -> None:
        while not await self._took():  # noqa: ASYNC110 - nothing signals that a Lease became free
            await asyncio.sleep(RETRY_PERIOD)

    async def _while_held(self, working: asyncio.Future[NoReturn]) -> None:
        """Renew the Lease while the work goes on, until one of the two ends."""
        clock = asyncio.get_running_loop().time
        renewed = clock()
        try:
            while clock() - renewed < RENEW_DEADLINE and not self._held_by_another:
                done, _ = await asyncio.wait([working], timeout=RETRY_PERIOD)
                if done:
                    await working
                with suppress(TimeoutError):
                    async with asyncio.timeout(RENEW_DEADLINE - (clock() - renewed)):
                        if await self._took():
                            renewed = clock()
        finally:
            working.cancel()
            with suppress(asyncio.CancelledError):
                await working

    async def _took(self) -> bool:
        """Take or renew the Lease if possible."""
        try:
            lease = await self._read()
            now = asyncio.get_running_loop().time()
            if lease is not None and (self._observation is None or self._observation.version != _version(lease)):
                self._observation = LeaseObservation(_version(lease), now)
            self._held_by_another = not may_take(lease, self._identity, self._observation, now)
            if self._held_by_another:
                return False
            await self._write(lease, self._identity)
        except (ApiRefused, ApiUnreachable) as error:
            log.debug("the Lease could not be taken or renewed: %s", error)
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
        now = api_time(datetime.now(UTC), "microseconds")
        before: dict[str, Any] = (lease or {}).get("spec") or {}
        spec = {**before, "holderIdentity": holder, "leaseDurationSeconds": LEASE_DURATION, "renewTime": now}
        if before.get("holderIdentity") != holder:
            spec |= {"acquireTime": now, "leaseTransitions": (before.get("leaseTransitions") or 0) + 1}
        if lease is None:
            metadata = {"name": self._name, "namespace": self._namespace, "ownerReferences": list(self._owners)}
            body = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata, "spec": spec}
            await self._api.create(self._folder, body)
        else:
            # With the version that was read: the API server refuses if another operator was faster.
            await self._api.replace(f"{self._folder}/{self._name}", {**lease, "spec": spec})

    async def _release(self) -> None:
        """Release the Lease, so that another operator takes over at once."""
        lease = await self._read()
        if lease is not None and (lease.get("spec") or {}).get("holderIdentity") == self._identity:
            await self._write(lease, "")


def _version(lease: Body) -> str:
    return str(lease["metadata"].get("resourceVersion", ""))
