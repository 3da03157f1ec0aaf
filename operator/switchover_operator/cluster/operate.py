"""`switchover operator`: the loop with a cluster as its source, its data planes and its audience.

Wiring only: what kopf sees, what is compiled and what is written know nothing of one another, and here they meet.
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

from switchover_dataplane.table import Network
from switchover_operator.announce import Line, Situation, Told, news
from switchover_operator.cluster import handlers
from switchover_operator.cluster.api import Api, ApiRefused, ApiUnreachable, kind_path
from switchover_operator.cluster.census import Census
from switchover_operator.cluster.channel import ChannelSettings, PushChannel
from switchover_operator.cluster.dataplanes import data_planes
from switchover_operator.cluster.events import EventWriter
from switchover_operator.cluster.gateway_services import (
    ServiceSettings,
    addresses,
    fleet,
    service_changes,
    service_name,
)
from switchover_operator.cluster.happenings import SETTLED, happenings
from switchover_operator.cluster.happenings import Told as ToldEvents
from switchover_operator.cluster.last_good import LastGood, worth_keeping
from switchover_operator.cluster.leader import Leadership
from switchover_operator.cluster.probes import OperatorMetrics, Probes
from switchover_operator.cluster.relay import relayed
from switchover_operator.cluster.service_writer import ServiceWriter
from switchover_operator.cluster.statuses import StatusWriter, Wish
from switchover_operator.cluster.view import View, Words
from switchover_operator.compiler.fleet import Cluster
from switchover_operator.compiler.report import Report, Surroundings, changed_statuses
from switchover_operator.findings import Found
from switchover_operator.identity import Body, Identity
from switchover_operator.loop import Loop, Round, Seen
from switchover_operator.resources.gateway_api import Gateway
from switchover_operator.resources.upstream import Upstream
from switchover_operator.snapshot import Snapshot

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Settings:
    """What `switchover operator` was started with. No `namespaces`: all of them.

    `dataplanes` are those outside of the cluster, as HOST:PORT of their push channel.
    `owner` is the Deployment that garbage collection takes what the operator makes along with.
    """

    namespaces: tuple[str, ...]
    own_namespace: str
    identity: str
    dataplane_service: str
    dataplanes: tuple[str, ...]
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
        log.info("stopping: data planes serve on what they have")
        operating.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await operating


async def _owners(api: Api, settings: Settings) -> tuple[Body, ...]:
    """Refer to the Deployment that runs us, so that what we make goes when it is uninstalled."""
    if not settings.owner:
        return ()
    try:
        path = kind_path("apps", "v1", "deployments", settings.own_namespace)
        deployment: Body = await api.get(f"{path}/{settings.owner}")
    except (ApiRefused, ApiUnreachable) as error:
        log.warning(
            "what is made here will outlive an uninstall: Deployment %s/%s cannot be read: %s",
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
        self._loop = Loop(self._look, self._tell)
        words = Words(
            changed=self._loop.mark_dirty,
            touched=self._loop.mark_touched,
            relisted=self._may_have_missed,
            ended=metrics.watches.inc,
        )
        self._view = View(settings.watched, words)
        self._census = Census(api, self._view, settings.watched, self._loop.mark_dirty)
        server_name = f"{settings.dataplane_service}.{settings.own_namespace}.svc"
        self._channel = PushChannel(
            api,
            ChannelSettings(settings.own_namespace, settings.push_secret, server_name),
            owners,
            self._loop.mark_dirty,
        )
        self._last_good = LastGood(api, settings.own_namespace, settings.last_good_secret, owners)
        self._statuses = StatusWriter(api, self._loop.mark_heard)
        self._services = ServiceWriter(api, settings.own_namespace, self._loop.mark_dirty)
        self._events = EventWriter(api, settings.identity)
        self._told = Told()
        self._found = Found()
        self._told_events = ToldEvents()
        self._leading = False
        self._snapshot = Snapshot({})

    async def run(self) -> NoReturn:
        """Watch for ever, and act whenever it is ours to act."""
        host, port = self._settings.admin
        async with asyncio.TaskGroup() as group:
            group.create_task(Probes(self._metrics, self._unready).serve(host, port), name="probes")
            group.create_task(self._view.run(), name="watching")
            group.create_task(self._census.run(), name="census")
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
        self._leading = True
        self._metrics.leading.set(1)
        try:
            async with self._loop.publisher, asyncio.TaskGroup() as group:
                self._loop.remember(await self._last_good.load())
                self._loop.mark_dirty()
                group.create_task(self._last_good.run(), name="last good versions")
                group.create_task(self._channel.keep(), name="push channel")
                group.create_task(self._loop.run(), name="rounds")
                group.create_task(self._services.run(), name="services")
                group.create_task(self._events.run(), name="events")
        finally:
            self._leading = False
            self._metrics.leading.set(0)
            await self._statuses.close()
        raise AssertionError("none of these ends")

    def _unready(self) -> str:
        return "" if self._census.complete else "not all objects have been seen yet"

    def _may_have_missed(self) -> None:
        self._census.due()

    # ── A round ─────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _look(self) -> Seen | None:
        bodies = await self._census.look()
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

    async def _tell(self, outcome: Round) -> None:
        # What looks at every object does so in a thread: pushes, probes and watches go on meanwhile.
        snapshot = outcome.seen.snapshot
        reports = await asyncio.to_thread(relayed, outcome.compiled.reports, self._census.mute)
        self._channel.compare(snapshot)
        self._last_good.want(await asyncio.to_thread(worth_keeping, outcome.compiled, snapshot))
        self._want_services(outcome)
        await self._want_statuses(outcome, reports)
        await self._tell_of_changes(outcome, reports)
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
        """Gateways' Services select the pods that the data planes' own Service selects."""
        service = snapshot.objects.get(
            Identity("", "Service", self._settings.own_namespace, self._settings.dataplane_service)
        )
        return (service or {}).get("spec", {}).get("selector") or {}

    async def _want_statuses(self, outcome: Round, reports: Sequence[Report]) -> None:
        snapshot = outcome.seen.snapshot
        around = Surroundings(
            outcome.acknowledgements,
            addresses(snapshot, self._settings.own_namespace),
            self._refused_services(reports),
            self._active(outcome),
        )
        now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        changed = await asyncio.to_thread(lambda: list(changed_statuses(reports, snapshot, around, now)))
        self._statuses.forget(snapshot.objects)
        self._statuses.want(
            (identity, Wish(snapshot.objects[identity], status))
            for identity, status in changed
            if (identity.group, identity.kind) not in self._census.mute
        )

    def _refused_services(self, reports: Sequence[Report]) -> dict[Identity, str]:
        """Gateway → why the API server did not take its Service."""
        refused = self._services.refused
        return {
            report.identity: f"its Service is refused: {refused[name]}"
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

    async def _tell_of_changes(self, outcome: Round, reports: Sequence[Report]) -> None:
        self._told, lines = await asyncio.to_thread(self._news, outcome, reports)
        for line in lines:
            log.log(line.level, "%s", line.msg, extra={"fields": line.fields})
        clock = asyncio.get_running_loop()
        self._told_events, new = await asyncio.to_thread(
            happenings, self._told_events, reports, self._active(outcome), clock.time()
        )
        if self._told_events.is_waiting:
            clock.call_later(SETTLED, self._loop.mark_heard)
        self._events.tell(new, outcome.seen.snapshot.objects.get)

    def _news(self, outcome: Round, reports: Sequence[Report]) -> tuple[Told, list[Line]]:
        found = tuple(self._found.of(reports, lambda *_: "", lambda _: None))
        return news(self._told, Situation(outcome.compiled, outcome.acknowledgements, found))

    def _count(self, outcome: Round, counts: Mapping[tuple[str, str], int]) -> None:
        said = outcome.acknowledgements.said or {}
        if outcome.seconds:
            self._metrics.compile_seconds.observe(outcome.seconds)
        self._metrics.data_planes.labels("known").set(len(said))
        self._metrics.data_planes.labels("ready").set(len(outcome.acknowledgements.ready or ()))
        self._metrics.data_planes.labels("current").set(len(said) - len(outcome.acknowledgements.missing))
        self._metrics.objects.clear()
        for key, count in counts.items():
            self._metrics.objects.labels(*key).set(count)


def _counts(reports: Iterable[Report]) -> Counter[tuple[str, str]]:
    """Count reports by their object's kind, and whether it is accepted."""
    return Counter((report.identity.kind, str(report.is_accepted).lower()) for report in reports)
