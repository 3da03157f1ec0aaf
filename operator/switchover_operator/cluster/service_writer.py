"""Services of Gateways: what is to be applied and deleted → the API server, in the background."""

import asyncio
import logging
from collections.abc import Callable
from typing import NoReturn

from switchover_operator.cluster.api import Api, ApiRefused, ApiUnreachable, object_path
from switchover_operator.cluster.background import RETRY
from switchover_operator.cluster.gateway_services import ServiceChanges
from switchover_operator.identity import Body, Identity, identity_of

log = logging.getLogger(__name__)


class ServiceWriter:
    """Applies and deletes Services until it is cancelled.

    `again` is called `RETRY` seconds after a change that was not made. `refused` holds the API server's message by the
    name of each Service that it refused.
    """

    def __init__(self, api: Api, namespace: str, again: Callable[[], None]) -> None:
        self.refused: dict[str, str] = {}
        self._api = api
        self._namespace = namespace
        self._again = again
        self._changes = ServiceChanges((), ())
        self._woken = asyncio.Event()

    def want(self, changes: ServiceChanges) -> None:
        """Make these changes soon; they replace those that were wanted before."""
        self._changes = changes
        if changes.apply or changes.delete:
            self._woken.set()

    async def run(self) -> NoReturn:
        """Make the changes that are wanted, for ever."""
        while True:
            await self._woken.wait()
            self._woken.clear()
            changes, self._changes = self._changes, ServiceChanges((), ())
            made = [await self._apply(service) for service in changes.apply]
            made += [await self._delete(name) for name in changes.delete]
            if not all(made):
                # Not the same changes again: the next round knows what is to be done by then.
                await asyncio.sleep(RETRY)
                self._again()

    async def _apply(self, service: Body) -> bool:
        identity = identity_of(service)
        try:
            await self._api.apply(object_path(identity), service)
        except ApiRefused as refused:
            if self.refused.get(identity.name) != refused.message:
                log.warning("%s cannot be applied: %s", identity, refused)
            self.refused[identity.name] = refused.message
            return False
        except ApiUnreachable:
            return False
        self.refused.pop(identity.name, None)
        return True

    async def _delete(self, name: str) -> bool:
        try:
            await self._api.delete(object_path(Identity("", "Service", self._namespace, name)))
        except (ApiRefused, ApiUnreachable) as error:
            log.warning("Service %s/%s cannot be deleted: %s", self._namespace, name, error)
            return False
        return True
