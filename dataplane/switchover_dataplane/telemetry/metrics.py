"""Counts for Prometheus: requests and how they ended, attempts and what became of them, time spent on failing.

What is counted is read from the trace of each request; what holds at the moment, from health and requests in flight
whenever somebody asks. Every label value comes from the table or from a closed vocabulary, never from a caller, so
their number is bounded; series of routes and targets that left the table are dropped with it.
"""

from collections.abc import Callable, Iterator, Mapping, Set
from typing import Any, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from switchover_dataplane.health.health import ONE_CALLER, Health
from switchover_dataplane.telemetry.trace import Attempt, Record

Series = TypeVar("Series", Counter, Histogram)

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)


class Metrics:
    """The metrics of one data plane, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.in_flight = 0
        in_flight = Gauge(
            "switchover_requests_in_flight", "Requests being served at this moment", registry=self.registry
        )
        in_flight.set_function(lambda: self.in_flight)
        self.requests = Counter(
            "switchover_requests", "Requests by route and how they ended", ("route", "outcome"), registry=self.registry
        )
        self.answers = Counter(
            "switchover_answers",
            "Answers to clients by route and status code",
            ("route", "status"),
            registry=self.registry,
        )
        self.attempts = Counter(
            "switchover_attempts",
            "Attempts by target and what became of them: ok, given-up (nobody waits for it) or an error class",
            ("target", "model", "result"),
            registry=self.registry,
        )
        self.rescued = Counter(
            "switchover_rescued_requests",
            "Requests that a later attempt answered after an earlier one failed",
            ("route",),
            registry=self.registry,
        )
        self.exhausted = Counter(
            "switchover_exhausted_requests", "Requests that no attempt could answer", ("route",), registry=self.registry
        )
        self.failover_seconds = Counter(
            "switchover_failover_seconds",
            "Time that requests spent on attempts that failed and on waits",
            ("route",),
            registry=self.registry,
        )
        self.hedges = Counter(
            "switchover_hedges",
            "Attempts started beside one that was silent, by route and whether the silent or the later one won",
            ("route", "winner"),
            registry=self.registry,
        )
        self.served = Counter(
            "switchover_served_requests",
            "Requests that a model answered, by route and the priority that did",
            ("route", "priority"),
            registry=self.registry,
        )
        self.first_token = Histogram(
            "switchover_first_token_seconds",
            "Time from the start of the attempt that answered to its first content",
            ("target", "model"),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.dropped = Counter(
            "switchover_dropped_events",
            "Malformed events that were taken out of streams",
            ("target", "model"),
            registry=self.registry,
        )
        self.duration = Histogram(
            "switchover_request_duration_seconds",
            "Time from a request's head to the end of its answer",
            ("route",),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.unrouted = Counter(
            "switchover_unrouted_requests",
            "Requests answered by the gateway itself: no route, or a malformed head",
            ("status",),
            registry=self.registry,
        )
        self.callers = Counter(
            "switchover_caller_requests",
            "Requests with a caller's key, by route, caller and how they ended",
            ("route", "caller", "outcome"),
            registry=self.registry,
        )
        self.denied = Counter(
            "switchover_denied_requests",
            "Requests that were not let in, by route and why: no-key, unknown-key, or closed (an access control is not"
            " served)",
            ("route", "reason"),
            registry=self.registry,
        )
        self.table = Info("switchover_table", "The revision of the table that is served", registry=self.registry)
        self._routes: set[str] = set()
        self._callers: set[str] = set()
        self._models: dict[str, str] = {}
        self._known: dict[tuple[object, ...], Any] = {}

    def observe(self, record: Record) -> None:
        """Count one finished request."""
        route = record.route
        self._routes.add(route)
        if record.caller:
            self._callers.add(record.caller)
            self._series(self.callers, route, record.caller, record.outcome).inc()
        self._series(self.requests, route, record.outcome).inc()
        self._series(self.answers, route, str(record.status)).inc()
        self._series(self.duration, route).observe(record.duration_ms / 1000)
        for attempt in record.attempts:
            model = self._models.setdefault(attempt.target, "")
            self._series(self.attempts, attempt.target, model, _result(attempt)).inc()
            if attempt.first_token_ms is not None:
                self._series(self.first_token, attempt.target, model).observe(attempt.first_token_ms / 1000)
            if attempt.dropped:
                self._series(self.dropped, attempt.target, model).inc(attempt.dropped)
        if record.outcome == "rescued":
            self._series(self.rescued, route).inc()
        elif record.outcome == "exhausted":
            self._series(self.exhausted, route).inc()
        if record.outcome in ("served", "rescued") and record.attempts:
            self._series(self.served, route, str(record.attempts[-1].priority)).inc()
        if len(record.attempts) > 1:
            self._series(self.failover_seconds, route).inc(_lost(record) / 1000)
            self._observe_hedges(record)

    def _observe_hedges(self, record: Record) -> None:
        """Count the attempts that ran beside a silent one; whoever answered stands last in the trace."""
        beside = sum(attempt.beside for attempt in record.attempts)
        if beside:
            succeeded = record.outcome in ("served", "rescued")
            winner = ("later" if record.attempts[-1].beside else "silent") if succeeded else "none"
            self._series(self.hedges, record.route, winner).inc(beside)

    def _series(self, metric: Series, *labels: str) -> Series:
        """Return the series of these labels; looking them up in the metric itself would cost a lock each."""
        key = (metric, *labels)
        found: Series | None = self._known.get(key)
        if found is None:
            found = self._known[key] = metric.labels(*labels)
        return found

    def deny(self, route: str, reason: str) -> None:
        """Count one request that was not let in."""
        self._routes.add(route)
        self._series(self.denied, route, reason).inc()

    def follow(self, revision: str, routes: Set[str], models: Mapping[str, str], callers: Set[str]) -> None:
        """Say which table is served now and forget the series of routes, targets and callers that are not in it.

        `models` maps each target to the model that the table gives it, "" where the caller's is kept.
        """
        self.table.info({"revision": revision})
        self._known.clear()
        for route in self._routes - routes:
            self._forget_route(route)
        for target, model in self._models.items():
            if models.get(target) != model:
                for metric in (self.attempts, self.first_token, self.dropped):
                    metric.remove_by_labels({"target": target})
        self._models = dict(models)
        for caller in self._callers - callers:
            self.callers.remove_by_labels({"caller": caller})
        self._callers &= callers

    def _forget_route(self, route: str) -> None:
        for metric in (
            self.requests,
            self.answers,
            self.rescued,
            self.exhausted,
            self.failover_seconds,
            self.duration,
            self.hedges,
            self.served,
            self.callers,
            self.denied,
        ):
            metric.remove_by_labels({"route": route})
        self._routes.discard(route)


def _result(attempt: Attempt) -> str:
    """Name what became of an attempt; one that nobody waited for to its end has neither answer nor failure."""
    unanswered = attempt.status is None and attempt.first_token_ms is None
    return attempt.error_class or ("given-up" if unanswered else "ok")


def _lost(record: Record) -> float:
    """Return the milliseconds that a request spent on attempts without any content, and on waits.

    Attempts that ran beside one another cost their time once: all but that of the last, which answered.
    """
    spent = sum(
        attempt.wait_ms + (attempt.duration_ms if attempt.first_token_ms is None else 0.0)
        for attempt in record.attempts[:-1]
    )
    last = record.attempts[-1]
    return max(0.0, min(spent + last.wait_ms, record.duration_ms - last.duration_ms))


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
        for told in self._health.dump(self._clock()):
            if told.get("for") == ONE_CALLER:
                continue
            kind = "target" if "target" in told else "credential"
            place = (kind, str(told[kind]))
            # One target may be known under many names of models, which come from callers: the worst of them counts.
            shares[place] = min(shares.get(place, 1.0), float(told["share"] or 0.0))
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
