"""`switchover operator`: the loop with a cluster as its source, and statuses, Events and Services as its results.

Wiring only: watching, compiling and writing do not know one another; they are connected here.
"""

import asyncio
import contextlib
import logging
import signal
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NoReturn

from switchover_dataplane.target_addresses import Network
from switchover_operator.announce import Line, LogState, LoopStatus, log_changes
from switchover_operator.cluster import handlers
from switchover_operator.cluster.api import Api, ApiRefused, ApiUnreachable, api_time, kind_path
from switchover_operator.cluster.dataplanes import data_planes
from switchover_operator.cluster.event_writer import EventWriter
from switchover_operator.cluster.gateway_services import (
    ServiceSettings,
    addresses,
    fleet,
    service_changes,
    service_name,
)
from switchover_operator.cluster.kopf_watcher import KopfWatcher, WatchCallbacks
from switchover_operator.cluster.last_good import LastGood, worth_keeping
from switchover_operator.cluster.leader import Leadership
from switchover_operator.cluster.object_events import SETTLED, EventState, object_events
from switchover_operator.cluster.probes import OperatorMetrics, Probes
from switchover_operator.cluster.push_channel import ChannelSettings, PushChannel
from switchover_operator.cluster.resync import Resync
from switchover_operator.cluster.service_writer import ServiceWriter
from switchover_operator.cluster.status_forwarding import with_reports_of_referenced
from switchover_operator.cluster.status_merge import StatusContext, changed_statuses
from switchover_operator.cluster.status_writer import DesiredStatus, StatusWriter
from switchover_operator.compiler.fleet import Cluster
from switchover_operator.compiler.report import Report
from switchover_operator.findings import Found
from switchover_operator.identity import Body, Identity
from switchover_operator.loop import Loop, Round, Seen
from switchover_operator.resources.gateway_api import Gateway
from switchover_operator.resources.upstream import Upstream
from switchover_operator.snapshot import Snapshot

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Settings:
    """The flags of `switchover operator`. No `namespaces` means all of them.

    `dataplanes` are those outside of the cluster: host and port of their push channel.
    `owner` is the Deployment set as ownerReference on everything that the operator creates.
    """

    namespaces: tuple[str, ...]
    own_namespace: str
    identity: str
    dataplane_service: str
    dataplanes: tuple[tuple[str, int], ...]
    push_secret: str
    last_good_secret: str
    owner: str
    gateway_service_type: str
    allowed_targets: tuple[Network, ...]
    leader_elect: bool
    lease: str
    admin: tuple[str, int]

    @property
    def watched(self) -> tuple[str, ...]:
        """The namespaces to watch, our own among them; () for all."""
        return tuple(sorted({*self.namespaces, self.own_namespace})) if self.namespaces else ()


async def run(settings: Settings) -> None:
    """Operate until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    handlers.quiet()
    metrics = OperatorMetrics()
    async with Api(lambda what, result: metrics.writes.labels(what, result).inc()) as api:
        operator = Operator(api, settings, metrics, await _owners(api, settings))
        operating = asyncio.create_task(operator.run())
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait((operating, stopping), return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if operating.done():
            await operating
        log.info("stopping: the data planes keep serving their table")
        operating.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await operating


async def _owners(api: Api, settings: Settings) -> tuple[Body, ...]:
    """Make the ownerReference to our own Deployment, so that an uninstall removes what we create."""
    if not settings.owner:
        return ()
    try:
        path = kind_path("apps", "v1", "deployments", settings.own_namespace)
        deployment: Body = await api.get(f"{path}/{settings.owner}")
    except (ApiRefused, ApiUnreachable) as error:
        log.warning(
            "an uninstall will not remove what the operator creates, as Deployment %s/%s cannot be read: %s",
            settings.own_namespace,
            settings.owner,
            error,
        )
        return ()
    metadata = deployment["metadata"]
    return ({"apiVersion": "apps/v1", "kind": "Deployment", "name": metadata["name"], "uid": metadata["uid"]},)


class Operator:
    """Everything that runs in one operator."""

    def __init__(self, api: Api, settings: Settings, metrics: OperatorMetrics, owners: tuple[Body, ...]) -> None:
        self._api = api
        self._settings = settings
        self._owners = owners
        self._metrics = metrics
        self._loop = Loop(self._look, self._report)
        callbacks = WatchCallbacks(
            changed=self._loop.mark_dirty,
            status_changed=self._loop.mark_status_changed,
            relisted=self._watch_restarted,
            ended=metrics.watches.inc,
        )
        self._watcher = KopfWatcher(settings.watched, callbacks)
        self._resync = Resync(api, self._watcher, settings.watched, self._loop.mark_dirty)
        server_name = f"{settings.dataplane_service}.{settings.own_namespace}.svc"
        self._channel = PushChannel(
            api,
            ChannelSettings(settings.own_namespace, settings.push_secret, server_name),
            owners,
            self._loop.mark_dirty,
        )
        self._last_good = LastGood(api, settings.own_namespace, settings.last_good_secret, owners)
        self._statuses = StatusWriter(api, self._loop.mark_report_due)
        self._services = ServiceWriter(api, settings.own_namespace, self._loop.mark_dirty)
        self._events = EventWriter(api, settings.identity)
        self._log_state = LogState()
        self._event_state = EventState()
        self._found = Found()
        self._snapshot = Snapshot({})

    async def run(self) -> NoReturn:
        """Watch for ever, and act while this operator leads."""
        host, port = self._settings.admin
        async with asyncio.TaskGroup() as group:
            group.create_task(Probes(self._metrics, self._unready).serve(host, port), name="probes")
            group.create_task(self._watcher.run(), name="watching")
            group.create_task(self._resync.run(), name="resync")
            group.create_task(self._lead(), name="acting")
        raise AssertionError("none of these ends")

    async def _lead(self) -> NoReturn:
        settings = self._settings
        if settings.leader_elect:
            where = settings.own_namespace, settings.lease
            await Leadership(self._api, *where, settings.identity, self._owners).lead(self._act)
        await self._act()
        raise AssertionError("acting does not end")

    async def _act(self) -> NoReturn:
        self._metrics.leading.set(1)
        try:
            async with self._loop.publisher, asyncio.TaskGroup() as group:
                self._loop.remember(await self._last_good.load())
                self._loop.mark_dirty()
                group.create_task(self._last_good.run(), name="last good versions")
                group.create_task(self._channel.run(), name="push channel")
                group.create_task(self._loop.run(), name="rounds")
                group.create_task(self._services.run(), name="services")
                group.create_task(self._events.run(), name="events")
        finally:
            self._metrics.leading.set(0)
            await self._statuses.close()
        raise AssertionError("none of these ends")

    def _unready(self) -> str:
        return "" if self._resync.complete else "not all objects were read yet"

    def _watch_restarted(self) -> None:
        self._resync.due()

    # ── A round ─────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _look(self) -> Seen | None:
        bodies = await self._resync.objects()
        if bodies is None:
            return None
        settings = self._settings
        snapshot = self._snapshot = await asyncio.to_thread(Snapshot.of, bodies, None, self._snapshot)
        if self._channel.tls is not None:
            found = data_planes(
                snapshot,
                settings.own_namespace,
                settings.dataplane_service,
                settings.dataplanes,
                self._channel.tls,
            )
            self._loop.publisher.serve(found.endpoints, found.ready)
        return Seen(snapshot, fleet(snapshot, settings.own_namespace, settings.allowed_targets))

    async def _report(self, outcome: Round) -> None:
        # What looks at every object does so in a thread: pushes, probes and watches go on meanwhile.
        snapshot = outcome.seen.snapshot
        reports = await asyncio.to_thread(
            with_reports_of_referenced, outcome.compiled.reports, self._resync.without_status_subresource
        )
        self._channel.compare(snapshot)
        self._last_good.want(await asyncio.to_thread(worth_keeping, outcome.compiled, snapshot))
        self._want_services(outcome)
        await self._want_statuses(outcome, reports)
        await self._report_changes(outcome, reports)
        self._count(outcome, await asyncio.to_thread(_counts, outcome.compiled.reports))

    def _want_services(self, outcome: Round) -> None:
        settings, snapshot = self._settings, outcome.seen.snapshot
        assert isinstance(outcome.seen.fleet, Cluster)  # noqa: S101 - as `_look` makes it
        self._services.want(
            service_changes(
                outcome.compiled,
                snapshot,
                outcome.seen.fleet,
                ServiceSettings(
                    settings.own_namespace,
                    settings.gateway_service_type,
                    self._selector(snapshot),
                    self._owners,
                ),
            )
        )

    def _selector(self, snapshot: Snapshot) -> Mapping[str, str]:
        """The Services of Gateways select the pods that the data planes' own Service selects."""
        service = snapshot.objects.get(
            Identity("", "Service", self._settings.own_namespace, self._settings.dataplane_service)
        )
        return (service or {}).get("spec", {}).get("selector") or {}

    async def _want_statuses(self, outcome: Round, reports: Sequence[Report]) -> None:
        snapshot = outcome.seen.snapshot
        context = StatusContext(
            outcome.acknowledgements,
            addresses(snapshot, self._settings.own_namespace),
            self._refused_services(reports),
            self._active(outcome),
        )
        now = api_time(datetime.now(UTC))
        changed = await asyncio.to_thread(lambda: list(changed_statuses(reports, snapshot, context, now)))
        self._statuses.forget(snapshot.objects)
        self._statuses.want(
            (identity, DesiredStatus(snapshot.objects[identity], status))
            for identity, status in changed
            if (identity.group, identity.kind) not in self._resync.without_status_subresource
        )

    def _refused_services(self, reports: Sequence[Report]) -> dict[Identity, str]:
        """Gateway → why the API server refused its Service."""
        refused = self._services.refused
        return {
            report.identity: f"the API server refused its Service: {refused[name]}"
            for report in reports
            if refused and report.identity.kind == Gateway.KIND
            for name in (service_name(report.identity),)
            if name in refused
        }

    def _active(self, outcome: Round) -> dict[Identity, int]:
        return {
            Identity(Upstream.GROUP, Upstream.KIND, *name.split("/", 1)): priority
            for name, priority in outcome.acknowledgements.active.items()
            if "/" in name
        }

    async def _report_changes(self, outcome: Round, reports: Sequence[Report]) -> None:
        self._log_state, lines = await asyncio.to_thread(self._changes, outcome, reports)
        for line in lines:
            log.log(line.level, "%s", line.msg, extra={"fields": line.fields})
        clock = asyncio.get_running_loop()
        self._event_state, new = await asyncio.to_thread(
            object_events, self._event_state, reports, self._active(outcome), clock.time()
        )
        if self._event_state.is_waiting:
            clock.call_later(SETTLED, self._loop.mark_report_due)
        self._events.write(new, outcome.seen.snapshot.objects.get)

    def _changes(self, outcome: Round, reports: Sequence[Report]) -> tuple[LogState, list[Line]]:
        found = tuple(self._found.of(reports, lambda *_: "", lambda _: None))
        return log_changes(self._log_state, LoopStatus(outcome.compiled, outcome.acknowledgements, found))

    def _count(self, outcome: Round, counts: Mapping[tuple[str, str], int]) -> None:
        answers = outcome.acknowledgements.answers or {}
        if outcome.seconds:
            self._metrics.compile_seconds.observe(outcome.seconds)
        self._metrics.data_planes.labels("known").set(len(answers))
        self._metrics.data_planes.labels("ready").set(len(outcome.acknowledgements.ready or ()))
        self._metrics.data_planes.labels("current").set(len(answers) - len(outcome.acknowledgements.missing))
        self._metrics.objects.clear()
        for key, count in counts.items():
            self._metrics.objects.labels(*key).set(count)


def _counts(reports: Iterable[Report]) -> Counter[tuple[str, str]]:
    """Count reports by their object's kind, and whether it is accepted."""
    return Counter((report.identity.kind, str(report.is_accepted).lower()) for report in reports)
