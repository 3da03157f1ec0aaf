"""Counts for Prometheus: requests and how they ended, attempts and what became of them, time spent on failing.

Every label value comes from the table or from a closed vocabulary, never from a caller, so their number is bounded;
series of routes and targets that left the table are dropped with it.
"""

from collections.abc import Mapping, Set

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info

from switchover_dataplane.trace import Record

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)


class Metrics:
    """The metrics of one data plane, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.in_flight = Gauge(
            "switchover_requests_in_flight", "Requests being served at this moment", registry=self.registry
        )
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
            "Attempts by target and what became of them: ok or an error class",
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
        self.table = Info("switchover_table", "The revision of the table that is served", registry=self.registry)
        self._routes: set[str] = set()
        self._models: dict[str, str] = {}

    def observe(self, record: Record) -> None:
        """Count one finished request."""
        route = record.route
        self._routes.add(route)
        self.requests.labels(route, record.outcome).inc()
        self.answers.labels(route, str(record.status)).inc()
        self.duration.labels(route).observe(record.duration_ms / 1000)
        for attempt in record.attempts:
            model = self._models.setdefault(attempt.target, "")
            self.attempts.labels(attempt.target, model, attempt.error_class or "ok").inc()
        if record.outcome == "rescued":
            self.rescued.labels(route).inc()
        elif record.outcome == "exhausted":
            self.exhausted.labels(route).inc()
        if len(record.attempts) > 1:
            last = record.attempts[-1]
            lost = sum(attempt.duration_ms + attempt.wait_ms for attempt in record.attempts) - last.duration_ms
            self.failover_seconds.labels(route).inc(lost / 1000)

    def follow(self, revision: str, routes: Set[str], models: Mapping[str, str]) -> None:
        """Say which table is served now and forget the series of routes and targets that are not in it.

        `models` maps each target to the model that the table gives it, "" where the caller's is kept.
        """
        self.table.info({"revision": revision})
        for route in self._routes - routes:
            self._forget_route(route)
        for target, model in self._models.items():
            if models.get(target) != model:
                self.attempts.remove_by_labels({"target": target})
        self._models = dict(models)

    def _forget_route(self, route: str) -> None:
        for metric in (self.requests, self.answers, self.rescued, self.exhausted, self.failover_seconds, self.duration):
            metric.remove_by_labels({"route": route})
        self._routes.discard(route)
