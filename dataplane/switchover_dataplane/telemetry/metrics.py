"""Counts for Prometheus: requests and how they ended, attempts and what became of them, time spent on failing.

What is counted is read from the trace of each request; what holds at the moment, from health and requests in flight
whenever somebody asks. Every label value comes from the table or from a closed vocabulary, never from a caller, so
their number is bounded; series of routes and targets that left the table are dropped with it.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Set
from itertools import chain

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from switchover_dataplane.health.health import ONE_CALLER, Health
from switchover_dataplane.telemetry.families import families
from switchover_dataplane.telemetry.series import RouteSeries, TargetSeries
from switchover_dataplane.telemetry.trace import Record


class Metrics(Collector):
    """The metrics of one data plane, in a registry of its own. `in_flight` is how many requests it serves now."""

    def __init__(self) -> None:
        self.in_flight = 0
        self._routes: dict[str, RouteSeries] = {}
        self._targets: dict[str, TargetSeries] = {}
        self._models: Mapping[str, str] = {}
        self._unrouted: Counter[int] = Counter()
        self._revision: dict[str, str] = {}
        self._began = time.time()
        self.registry = CollectorRegistry()
        self.registry.register(self)

    def observe(self, record: Record) -> None:
        """Count one finished request."""
        route = self._routes.get(record.route)
        (self.route(record.route) if route is None else route).count(record)
        for attempt in record.attempts:
            target = self._targets.get(attempt.target)
            (self.target(attempt.target) if target is None else target).count(attempt)

    def route(self, name: str) -> RouteSeries:
        """Return the series of a route; they are the same ones until it leaves the table."""
        series = self._routes.get(name)
        if series is None:
            series = self._routes[name] = RouteSeries(time.time())
        return series

    def target(self, name: str) -> TargetSeries:
        """Return the series of a target; they are the same ones until it leaves the table or has another model."""
        series = self._targets.get(name)
        if series is None:
            series = self._targets[name] = TargetSeries(self._models.get(name, ""), time.time())
        return series

    def deny(self, route: str, reason: str) -> None:
        """Count one request that was not let in."""
        self.route(route).denied[reason] += 1

    def unrouted(self, status: int) -> None:
        """Count one request that the gateway answered itself with this status."""
        self._unrouted[status] += 1

    def follow(self, revision: str, routes: Set[str], models: Mapping[str, str], callers: Set[str]) -> None:
        """Say which table is served now and forget the series of routes, targets and callers that are not in it.

        `models` maps each target to the model that the table gives it, "" where the caller's is kept.
        """
        self._revision = {"revision": revision}
        self._models = models
        self._routes = {name: series for name, series in self._routes.items() if name in routes}
        self._targets = {name: series for name, series in self._targets.items() if models.get(name) == series.model}
        for series in self._routes.values():
            for key in [key for key in series.callers if key[0] not in callers]:
                del series.callers[key]

    def describe(self) -> Iterator[Metric]:
        """Name the metrics, so that none of them is registered twice."""
        return self.collect()

    def collect(self) -> Iterator[Metric]:
        """Read the numbers; the families are made as they are asked for, which may be in another thread."""
        unrouted = [((str(status),), count, self._began) for status, count in self._unrouted.items()]
        return families(
            self._routes.copy(),
            self._targets.copy(),
            in_flight=self.in_flight,
            unrouted=unrouted,
            revision=self._revision,
        )


class Present(Collector):
    """What holds at the moment of asking: targets that cool down, and requests in flight by target."""

    def __init__(self, health: Health, in_flight: Mapping[str, int], clock: Callable[[], float]) -> None:
        self._health = health
        self._in_flight = in_flight
        self._clock = clock

    def describe(self) -> Iterator[Metric]:
        """Name the metrics, so that none of them is registered twice."""
        return iter(self._families())

    def collect(self) -> Iterator[Metric]:
        """Read the numbers."""
        cooling, cool_downs, in_flight = families = self._families()
        shares: dict[tuple[str, str], float] = {}
        for entry in self._health.dump(self._clock()):
            if entry.get("for") == ONE_CALLER:
                continue
            kind = "target" if "target" in entry else "credential"
            place = (kind, str(entry[kind]))
            # One target may be known under many names of models, which come from callers: the worst of them counts.
            shares[place] = min(shares.get(place, 1.0), float(entry["share"] or 0.0))
        for (kind, name), share in sorted(shares.items()):
            cooling.add_metric((kind, name), 1.0 - share)
        for (name, reason), count in sorted(self._health.cool_downs.items()):
            cool_downs.add_metric((name, reason), count)
        for name, count in sorted(self._in_flight.items()):
            if count:
                in_flight.add_metric((name,), count)
        return iter(families)

    def _families(self) -> "tuple[GaugeMetricFamily, CounterMetricFamily, GaugeMetricFamily]":
        return (
            GaugeMetricFamily(
                "switchover_kept_away",
                "The part of the requests that passes a target or a credential by, as it failed lately: 1 is all",
                labels=("kind", "name"),
            ),
            CounterMetricFamily(
                "switchover_cool_downs", "Cool-downs begun, by target and reason", labels=("target", "reason")
            ),
            GaugeMetricFamily(
                "switchover_target_requests_in_flight", "Requests in flight by target", labels=("target",)
            ),
        )


class Scrape(Collector):
    """What `collectors` count at this moment, to be written in another thread: that of 10,000 routes takes seconds."""

    def __init__(self, *collectors: Collector) -> None:
        self._families = [collector.collect() for collector in collectors]

    def collect(self) -> Iterator[Metric]:
        """Return the metrics, once."""
        return chain.from_iterable(self._families)
