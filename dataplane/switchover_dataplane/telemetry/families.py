"""Series of routes and targets → the metrics that Prometheus reads: their names, labels and help texts.

A series is shown from its first count on. Counters began when their route or target was counted first. Requests may be
counted meanwhile in another thread, so that what they add to is copied before it is gone through.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate
from typing import Final

from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.samples import Sample
from prometheus_client.utils import floatToGoString

from switchover_dataplane.telemetry.series import BOUNDS, Histogram, RouteSeries, TargetSeries

_Rows = Iterable[tuple[tuple[str, ...], float, float]]
"""The values of the labels, the number, and when its counting began."""

_BUCKETS: Final = (*map(floatToGoString, BOUNDS), "+Inf")
_TARGET: Final = ("target", "model")


def families(
    routes: Mapping[str, RouteSeries],
    targets: Mapping[str, TargetSeries],
    *,
    in_flight: int,
    unrouted: _Rows,
    revision: Mapping[str, str],
) -> Iterator[Metric]:
    """Yield each metric with its series."""
    yield GaugeMetricFamily("switchover_requests_in_flight", "Requests being served at this moment", value=in_flight)
    yield _counter(
        "switchover_requests",
        "Requests by route and how they ended",
        ("route", "outcome"),
        (
            ((route, outcome), count, series.began)
            for route, series in routes.items()
            for outcome, count in series.requests.copy().items()
        ),
    )
    yield _counter(
        "switchover_answers",
        "Answers to clients by route and status code",
        ("route", "status"),
        (
            ((route, str(status)), count, series.began)
            for route, series in routes.items()
            for status, count in series.answers.copy().items()
        ),
    )
    yield _counter(
        "switchover_attempts",
        "Attempts by target and what became of them: ok, given-up (nobody waits for it) or an error class",
        (*_TARGET, "result"),
        (
            ((target, series.model, result), count, series.began)
            for target, series in targets.items()
            for result, count in series.attempts.copy().items()
        ),
    )
    yield from _of_failing(routes)
    yield _histogram(
        "switchover_first_token_seconds",
        "Time from the start of the attempt that answered to its first content",
        _TARGET,
        (((target, series.model), series.first_token, series.began) for target, series in targets.items()),
    )
    yield _counter(
        "switchover_dropped_events",
        "Malformed events that were taken out of streams",
        _TARGET,
        (
            ((target, series.model), series.dropped, series.began)
            for target, series in targets.items()
            if series.dropped
        ),
    )
    yield _histogram(
        "switchover_request_duration_seconds",
        "Time from a request's head to the end of its answer",
        ("route",),
        (((route,), series.duration, series.began) for route, series in routes.items()),
    )
    yield _counter(
        "switchover_unrouted_requests",
        "Requests answered by the gateway itself: no route, or a malformed head",
        ("status",),
        unrouted,
    )
    yield from _of_callers(routes)
    table = InfoMetricFamily("switchover_table", "The revision of the table that is served")
    table.add_metric((), dict(revision))
    yield table


def _of_failing(routes: Mapping[str, RouteSeries]) -> Iterator[Metric]:
    yield _counter(
        "switchover_rescued_requests",
        "Requests that a later attempt answered after an earlier one failed",
        ("route",),
        _ended(routes, "rescued"),
    )
    yield _counter(
        "switchover_exhausted_requests",
        "Requests that no attempt could answer",
        ("route",),
        _ended(routes, "exhausted"),
    )
    yield _counter(
        "switchover_failover_seconds",
        "Time that requests spent on attempts that failed and on waits",
        ("route",),
        (((route,), series.failover_seconds, series.began) for route, series in routes.items() if series.failovers),
    )
    yield _counter(
        "switchover_hedges",
        "Attempts started beside one that was silent, by route and whether the silent or the later one won",
        ("route", "winner"),
        (
            ((route, winner), count, series.began)
            for route, series in routes.items()
            for winner, count in series.hedges.copy().items()
        ),
    )
    yield _counter(
        "switchover_served_requests",
        "Requests that a model answered, by route and the priority that did",
        ("route", "priority"),
        (
            ((route, str(priority)), count, series.began)
            for route, series in routes.items()
            for priority, count in series.priorities.copy().items()
        ),
    )


def _of_callers(routes: Mapping[str, RouteSeries]) -> Iterator[Metric]:
    yield _counter(
        "switchover_caller_requests",
        "Requests with a caller's key, by route, caller and how they ended",
        ("route", "caller", "outcome"),
        (
            ((route, caller, outcome), count, series.began)
            for route, series in routes.items()
            for (caller, outcome), count in series.callers.copy().items()
        ),
    )
    yield _counter(
        "switchover_denied_requests",
        "Requests that were not let in, by route and why: no-key, unknown-key, or closed (an access control is not"
        " served)",
        ("route", "reason"),
        (
            ((route, reason), count, series.began)
            for route, series in routes.items()
            for reason, count in series.denied.copy().items()
        ),
    )


def _ended(routes: Mapping[str, RouteSeries], outcome: str) -> _Rows:
    for route, series in routes.items():
        if outcome in series.requests:
            yield (route,), series.requests[outcome], series.began


def _counter(name: str, text: str, labels: tuple[str, ...], rows: _Rows) -> Metric:
    family = CounterMetricFamily(name, text, labels=labels)
    for values, count, began in rows:
        family.add_metric(values, count, began)
    return family


def _histogram(
    name: str, text: str, labels: tuple[str, ...], rows: Iterable[tuple[tuple[str, ...], Histogram, float]]
) -> Metric:
    family = HistogramMetricFamily(name, text, labels=labels)
    for values, histogram, began in rows:
        counts = list(accumulate(histogram.counts.copy()))
        if counts[-1]:
            family.add_metric(values, list(zip(_BUCKETS, counts, strict=True)), histogram.sum)
            # What the library's own histograms have, and its family for collectors has no parameter for.
            family.samples.append(Sample(f"{name}_created", dict(zip(labels, values, strict=True)), began))
    return family
