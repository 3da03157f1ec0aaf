"""What is counted of a finished request, what is read off the moment, and what is forgotten again."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import generate_latest

from playbook import SOMEBODY, WORDS
from recorded import attempted, recorded
from switchover_dataplane.failover.outcome import ErrorClass
from switchover_dataplane.health.health import Health
from switchover_dataplane.table.policies import CoolDown
from switchover_dataplane.table.upstreams import Auth, OpenAI, Target, Upstream
from switchover_dataplane.table.wire import sealed
from switchover_dataplane.telemetry.metrics import Metrics, Present
from switchover_dataplane.telemetry.trace import Attempt

A = Target("ns/up/0/0", "h", 443, OpenAI("gpt-4o"), auth=Auth("token", "ns/key"))
ANY = Target("ns/any/0/0", "h", 443, OpenAI())


def tried(
    priority: int = 0,
    *,
    error: str | None = None,
    took: float = 100.0,
    wait: float = 0.0,
    first: float | None = None,
    beside: bool = False,
    dropped: int = 0,
) -> Attempt:
    return attempted(
        priority,
        f"ns/up/{priority}/0",
        "openai",
        f"model-{priority}",
        wait,
        error_class=error,
        first_token_ms=first,
        duration_ms=took,
        beside=beside,
        dropped=dropped,
    )


def observed(*attempts: Attempt, outcome: str = "rescued", lasted: float = 1000.0) -> Metrics:
    metrics = Metrics()
    metrics.follow("r", {"ns/route"}, {f"ns/up/{number}/0": f"model-{number}" for number in range(3)}, set())
    metrics.observe(recorded(attempts, outcome=outcome, status=200, duration_ms=lasted))
    return metrics


def value(metrics: Metrics, metric: str, /, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(metric, labels)


def test_an_attempt_that_was_given_up_counts_neither_as_good_nor_as_failed() -> None:
    metrics = observed(tried(1, beside=True), tried(first=1.0))
    given_up = {"target": "ns/up/1/0", "model": "model-1", "result": "given-up"}
    assert value(metrics, "switchover_attempts_total", **given_up) == 1


def test_a_rescued_request_counts_its_attempts_its_rescue_and_the_priority_that_served_it() -> None:
    metrics = observed(tried(error="rate-limited"), tried(1, first=80.0))
    failed = {"target": "ns/up/0/0", "model": "model-0", "result": "rate-limited"}
    assert value(metrics, "switchover_attempts_total", **failed) == 1
    good = {"target": "ns/up/1/0", "model": "model-1", "result": "ok"}
    assert value(metrics, "switchover_attempts_total", **good) == 1
    assert value(metrics, "switchover_rescued_requests_total", route="ns/route") == 1
    assert value(metrics, "switchover_served_requests_total", route="ns/route", priority="1") == 1
    token = {"target": "ns/up/1/0", "model": "model-1"}
    assert value(metrics, "switchover_first_token_seconds_sum", **token) == pytest.approx(0.08)


def test_an_exhausted_request_is_served_by_no_priority() -> None:
    metrics = observed(tried(error="reset"), outcome="exhausted")
    assert value(metrics, "switchover_exhausted_requests_total", route="ns/route") == 1
    assert b"switchover_served_requests_total{" not in generate_latest(metrics.registry)


@pytest.mark.parametrize(
    ("attempts", "outcome", "winner"),
    [
        ((tried(error="silent"), tried(1, beside=True, first=1.0)), "rescued", "later"),
        ((tried(1, beside=True), tried(first=1.0)), "rescued", "silent"),
        ((tried(error="silent"), tried(1, beside=True, error="reset")), "exhausted", "none"),
    ],
)
def test_an_attempt_beside_a_silent_one_is_counted_with_the_winner(
    attempts: tuple[Attempt, ...], outcome: str, winner: str
) -> None:
    metrics = observed(*attempts, outcome=outcome)
    assert value(metrics, "switchover_hedges_total", route="ns/route", winner=winner) == 1


@pytest.mark.parametrize(
    ("attempts", "lasted", "seconds"),
    [
        ((tried(error="reset", took=300.0), tried(1, took=50.0, wait=20.0)), 370.0, 0.32),
        ((tried(error="silent", took=900.0), tried(1, took=400.0, beside=True)), 900.0, 0.5),
        ((tried(1, beside=True, took=100.0), tried(took=900.0, first=900.0)), 900.0, 0.0),
        ((tried(error="interrupted", first=5.0, took=9000.0), tried(1, took=10.0)), 9100.0, 0.0),
    ],
    ids=["one after the other", "beside one another", "the silent one won after all", "after content"],
)
def test_the_time_that_failing_cost_is_that_before_the_attempt_that_answered(
    attempts: tuple[Attempt, ...], lasted: float, seconds: float
) -> None:
    metrics = observed(*attempts, lasted=lasted)
    assert value(metrics, "switchover_failover_seconds_total", route="ns/route") == pytest.approx(seconds)


def test_malformed_events_are_counted_where_there_were_any() -> None:
    metrics = observed(tried(first=1.0, dropped=3), outcome="served")
    assert value(metrics, "switchover_dropped_events_total", target="ns/up/0/0", model="model-0") == 3


def test_series_of_routes_and_targets_that_left_the_table_go_with_it() -> None:
    metrics = observed(tried(error="silent"), tried(1, beside=True, first=1.0, dropped=1))
    metrics.follow("later", set(), {}, set())
    text = generate_latest(metrics.registry).decode()
    assert "ns/route" not in text
    assert "ns/up" not in text


@given(st.lists(st.text(min_size=1, max_size=30), max_size=20))
def test_no_name_of_a_callers_model_becomes_a_label(names: list[str]) -> None:
    metrics, health = Metrics(), Health()
    metrics.follow("r", {"ns/route"}, {ANY.id: ""}, set())
    metrics.registry.register(Present(health, Counter(), lambda: 0.0))
    for number, name in enumerate(names):
        attempt = attempted(0, ANY.id, "openai", f"strange-{name}", first_token_ms=1.0)
        metrics.observe(recorded([attempt], request_id=f"strange-{number}", status=200, duration_ms=1.0))
        health.record(ANY, f"strange-{name}", WORDS["429+30s"], CoolDown(), 0.0, identity=SOMEBODY)
    text = generate_latest(metrics.registry).decode()
    assert "strange" not in text
    series = [line for line in text.splitlines() if ANY.id in line]
    assert len(series) <= 24


def test_the_moment_tells_who_is_kept_away_how_often_and_what_is_in_flight() -> None:
    metrics, health, now = Metrics(), Health(), 0.0
    metrics.registry.register(Present(health, {A.id: 2, ANY.id: 0}, lambda: now))
    health.record(A, "m", WORDS["429+30s"], CoolDown(), 0.0, identity=SOMEBODY)
    health.record(A, "m", WORDS["429+30s"], CoolDown(), 1.0, identity=SOMEBODY)
    health.record(A, "m", WORDS["key"], CoolDown(), 1.0, identity=SOMEBODY)
    assert value(metrics, "switchover_kept_away", kind="target", name=A.id) == 1.0
    assert value(metrics, "switchover_kept_away", kind="credential", name="ns/key") == 1.0
    limited, refused = str(ErrorClass.RATE_LIMITED), str(ErrorClass.CREDENTIALS)
    assert value(metrics, "switchover_cool_downs_total", target=A.id, reason=limited) == 1
    assert value(metrics, "switchover_cool_downs_total", target=A.id, reason=refused) == 1
    assert value(metrics, "switchover_target_requests_in_flight", target=A.id) == 2
    assert value(metrics, "switchover_target_requests_in_flight", target=ANY.id) is None
    now = 31.0
    health.record(A, "m", WORDS["200"], CoolDown(), now, identity=SOMEBODY)
    now = 31.5
    assert value(metrics, "switchover_kept_away", kind="target", name=A.id) == 0.9


def test_cool_downs_of_targets_that_left_the_table_are_forgotten() -> None:
    health = Health()
    health.record(A, "m", WORDS["model"], CoolDown(), 0.0, identity=SOMEBODY)
    holds = sealed((), {}, {}, {"u": Upstream("u", priorities=((A,),))}, {})
    health.adopt(holds, holds)
    assert sum(health.cool_downs.values()) == 1
    health.adopt(holds, sealed((), {}, {}, {}, {}))
    assert not health.cool_downs
