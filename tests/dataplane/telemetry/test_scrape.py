"""What a scrape reads after a scripted hour: every name, label, help text, bucket and number, in both formats.

Dashboards and alerts stand on these. `--golden-write` rewrites the files; review the difference.
"""

import re
from collections import Counter
from pathlib import Path

import pytest
from prometheus_client import exposition

from playbook import SOMEBODY, WORDS
from recorded import attempted, recorded
from switchover_dataplane.failover.outcome import ErrorClass
from switchover_dataplane.health.health import Health
from switchover_dataplane.table.policies import CoolDown
from switchover_dataplane.table.upstreams import Auth, OpenAI, Target
from switchover_dataplane.telemetry.metrics import Metrics, Present, Scrape
from switchover_dataplane.telemetry.trace import Attempt, Ending, Record

FILES = Path(__file__).parent
OPEN_METRICS = "application/openmetrics-text; version=1.0.0"
TARGETS = {"ns/up/0/0": "gpt-4o", "ns/up/1/0": "gpt-4.0-turbo", "ns/up/2/0": ""}
CREATED = re.compile(r"(?m)^(\S+_created(?:\{.*\})?) \S+$")
BUCKET = re.compile(r'le="[^"]*",?')
A = Target("ns/up/0/0", "h", 443, OpenAI("gpt-4o"), auth=Auth("token", "ns/key"))


def attempt(
    number: int,
    error: str | None = None,
    *,
    first: float | None = None,
    wait: float = 0.0,
    beside: bool = False,
    dropped: int = 0,
) -> Attempt:
    """An attempt of 40 ms at one of the targets; it succeeded if it had a `first` token."""
    return attempted(
        number,
        f"ns/up/{number}/0",
        "openai",
        "asked",
        wait,
        status=200 if first is not None else None,
        error_class=error,
        first_token_ms=first,
        duration_ms=40.0,
        beside=beside,
        dropped=dropped,
    )


def request(route: str, ending: Ending, status: int, lasted: float, *attempts: Attempt, caller: str = "") -> Record:
    """A request that ended."""
    return recorded(attempts, route=route, outcome=ending, status=status, duration_ms=lasted, caller=caller)


def hour() -> Metrics:
    """Metrics after everything that can be counted, and a table that came in between."""
    metrics, health = Metrics(), Health()
    metrics.registry.register(Present(health, Counter({"ns/up/0/0": 2}), lambda: 20.0))
    health.record(A, "m", WORDS["429+30s"], CoolDown(), 0.0, identity=SOMEBODY)
    health.record(A, "m", WORDS["key"], CoolDown(), 1.0, identity=SOMEBODY)
    metrics.in_flight = 3
    metrics.follow("first", {"ns/a", "ns/b", "ns/left"}, {**TARGETS, "ns/up/4/0": "old"}, {"app", "gone"})
    limited, reset = str(ErrorClass.RATE_LIMITED), ErrorClass.RESET
    for lasted in (0.0, 5.0, 5.1, 100.0, 60_000.0, 1_000_000.0):
        metrics.observe(request("ns/a", "served", 200, lasted, attempt(0, first=lasted)))
    metrics.observe(request("ns/a", "rescued", 200, 150.0, attempt(0, limited), attempt(1, first=80.0, wait=12.5)))
    metrics.observe(
        request("ns/b", "rescued", 200, 900.0, attempt(0, "silent"), attempt(2, first=3.0, beside=True, dropped=2))
    )
    metrics.observe(request("ns/b", "rescued", 200, 900.0, attempt(2, beside=True), attempt(0, first=700.0)))
    metrics.observe(request("ns/b", "exhausted", 502, 30.0, attempt(0, reset), attempt(1, reset, beside=True)))
    metrics.observe(request("ns/b", "exhausted", 502, 1.0))
    metrics.observe(request("ns/a", "refused", 400, 20.0, attempt(0, "caller-fault"), caller="app"))
    metrics.observe(request("ns/a", "served", 200, 20.0, attempt(0, first=9.0), caller="app"))
    metrics.observe(request("ns/a", "served", 200, 20.0, attempt(0, first=9.0), caller="gone"))
    metrics.observe(request("ns/a", "client-gone", 499, 20.0, attempt(1), caller="app"))
    metrics.observe(request("ns/a", "interrupted", 200, 20.0, attempt(1, "interrupted", first=5.0, dropped=1)))
    metrics.observe(request("ns/left", "served", 200, 20.0, attempt(3, first=9.0)))
    metrics.observe(request("ns/left", "served", 200, 20.0, attempt(4, first=9.0)))
    metrics.deny("ns/a", "no-key")
    metrics.deny("ns/a", "no-key")
    metrics.deny("ns/denies", "closed")
    for status in (404, 404, 400):
        metrics.unrouted(status)
    metrics.follow("second", {"ns/a", "ns/b", "ns/denies"}, {**TARGETS, "ns/up/4/0": "new"}, {"app"})
    # They began under the table before.
    metrics.observe(request("ns/left", "served", 200, 20.0, attempt(3, first=9.0)))
    metrics.observe(request("ns/a", "served", 200, 20.0, attempt(4, first=9.0), caller="gone"))
    return metrics


def scraped(metrics: Metrics, accepted: str) -> str:
    """What a scraper reads that accepts a format."""
    encode, _ = exposition.choose_encoder(accepted)
    return encode(metrics.registry).decode()


def comparable(text: str) -> str:
    """Leave out when series began; the order of series in a metric is free, that of a histogram's buckets is not."""
    metrics = re.split(r"(?m)^(?=# HELP)", CREATED.sub(r"\1 (a time)", text))
    return "".join("".join(sorted(metric.splitlines(keepends=True), key=_without_bucket)) for metric in metrics)


def _without_bucket(line: str) -> tuple[bool, str]:
    return not line.startswith("#"), BUCKET.sub("", line).rpartition(" ")[0]


@pytest.mark.parametrize(
    ("file", "accepted"),
    [("scrape.prometheus.txt", "text/plain"), ("scrape.openmetrics.txt", OPEN_METRICS)],
    ids=["Prometheus text", "OpenMetrics"],
)
def test_a_scrape_reads_as_the_committed_one_does(file: str, accepted: str, pytestconfig: pytest.Config) -> None:
    scrape = comparable(scraped(hour(), accepted))
    if pytestconfig.getoption("golden_write"):
        (FILES / file).write_text(scrape)
    assert scrape == (FILES / file).read_text()


def test_before_any_request_a_scrape_names_every_metric() -> None:
    nothing, everything = (
        re.findall(r"(?m)^# TYPE (\S+)", scraped(metrics, OPEN_METRICS)) for metrics in (Metrics(), hour())
    )
    assert nothing == everything[: len(nothing)]
    assert len(everything) == len(nothing) + len(("kept_away", "cool_downs", "target_requests_in_flight"))


def test_what_is_counted_while_a_scrape_is_written_does_not_break_it() -> None:
    metrics = hour()
    families = iter(Scrape(metrics).collect())
    next(families)
    metrics.observe(request("ns/new", "served", 200, 20.0, attempt(0, first=9.0)))
    metrics.observe(request("ns/a", "served", 207, 20.0, attempt(0, first=9.0)))
    metrics.follow("third", set(), {}, set())
    samples = [sample for family in families for sample in family.samples]
    assert not any(sample.labels.get("route") == "ns/new" for sample in samples)
    assert sum(sample.value for sample in samples if sample.labels.get("status") == "207") > 0
