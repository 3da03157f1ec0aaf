"""Object events → Kubernetes Events, written in the background and never retried."""

import asyncio
import logging
import uuid
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Final

from switchover_operator.cluster.api import Api, ApiRefused, ApiUnreachable, api_time, kind_path
from switchover_operator.cluster.object_events import ObjectEvent
from switchover_operator.identity import Body, Identity
from switchover_operator.resources import KINDS

log = logging.getLogger(__name__)

QUEUE_SIZE: Final = 200
"""Events that may wait in the queue; more are dropped."""


class EventWriter:
    """Writes Events until it is cancelled."""

    def __init__(self, api: Api, instance: str) -> None:
        self._api = api
        self._instance = instance
        self._queue: asyncio.Queue[Body] = asyncio.Queue(QUEUE_SIZE)

    def write(self, events: Iterable[ObjectEvent], find: Callable[[Identity], Body | None]) -> None:
        """Queue Events. `find` returns the object that an Event is about; None if it is gone."""
        for object_event in events:
            about = find(object_event.about)
            if about is None or (object_event.about.group, object_event.about.kind) not in KINDS:
                continue
            try:
                self._queue.put_nowait(event(object_event, about, self._instance, datetime.now(UTC)))
            except asyncio.QueueFull:
                log.warning("an Event is dropped, as the queue is full: %s: %s", object_event.about, object_event.note)

    async def run(self) -> None:
        """Write what is queued, for ever."""
        while True:
            body = await self._queue.get()
            try:
                await self._api.create(kind_path("events.k8s.io", "v1", "events", body["metadata"]["namespace"]), body)
            except (ApiRefused, ApiUnreachable) as error:
                log.debug("an Event could not be written: %s", error)


def event(object_event: ObjectEvent, about: Body, instance: str, now: datetime) -> Body:
    """Make an Event (Kubernetes API reference, events.k8s.io/v1); for a cluster-wide object it is in `default`."""
    identity, metadata = object_event.about, about["metadata"]
    namespace = identity.namespace or "default"
    # A name has at most 253 characters, and none of its parts is empty or ends with a hyphen (RFC 1123).
    name = f"{identity.name[:200].rstrip('-.')}.{uuid.uuid4().hex[:16]}"
    return {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"name": name, "namespace": namespace},
        "eventTime": api_time(now, "microseconds"),
        "reportingController": "switchover.dev/operator",
        "reportingInstance": instance[:128],
        "action": object_event.action,
        "reason": object_event.reason,
        "note": object_event.note,
        "type": object_event.type,
        "regarding": {
            "apiVersion": about["apiVersion"],
            "kind": identity.kind,
            "name": identity.name,
            "namespace": identity.namespace,
            "uid": metadata.get("uid", ""),
            "resourceVersion": metadata.get("resourceVersion", ""),
        },
    }
