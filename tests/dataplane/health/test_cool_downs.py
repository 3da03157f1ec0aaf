"""What cools a target, and for how long. The clock is a number in here."""

import pytest

from playbook import SOMEBODY
from switchover_dataplane.failover.outcome import Broken, ErrorClass, Outcome, Refused, TimedOut
from switchover_dataplane.health.attribution import MAX_REQUESTED_WAIT
from switchover_dataplane.table.policies import CoolDown
from switchover_dataplane.table.upstreams import OpenAI
from watched import A, B, Watch, limited, target

OFF = CoolDown(base=0.0)


def test_a_rate_limit_with_a_wait_cools_its_target_at_once_for_that_time() -> None:
    watch = Watch(A, B)
    watch.record(A, limited(20.0), 100.0)
    assert watch.cooling(119.9) == {"a"}
    assert watch.cooling(120.0) == set()


def test_a_mistaken_hour_takes_no_model_away_for_longer_than_five_minutes() -> None:
    watch = Watch(A)
    watch.record(A, limited(3600.0), 0.0)
    assert watch.cooling(MAX_REQUESTED_WAIT - 1) == {"a"}
    assert watch.cooling(MAX_REQUESTED_WAIT) == set()


@pytest.mark.parametrize("word", ["429", "500", "503", "refused", "reset", "error-event", "per-try", "quiet"])
def test_a_failure_cools_its_target_after_three_in_a_row(word: str) -> None:
    watch = Watch(A)
    watch.record(A, word, 0.0, times=2)
    assert watch.cooling(0.0) == set()
    watch.record(A, word, 0.0)
    assert watch.cooling(9.9) == {"a"}
    assert watch.cooling(10.0) == set()


def test_a_stream_that_was_interrupted_counts_as_a_failure() -> None:
    watch = Watch(A)
    watch.record(A, Broken("reset", error_class=ErrorClass.INTERRUPTED), 0.0, times=3)
    assert watch.cooling(0.0) == {"a"}


def test_a_success_in_between_starts_the_count_anew() -> None:
    watch = Watch(A)
    watch.record(A, "500", 0.0, times=2)
    watch.record(A, "200", 0.0)
    watch.record(A, "500", 0.0, times=2)
    assert watch.cooling(0.0) == set()


def test_a_target_that_recovers_is_asked_again_after_thirty_seconds_at_most() -> None:
    watch = Watch(A)
    now = 0.0
    for _ in range(50):
        watch.record(A, "500", now, times=3)
        assert watch.cooling(now + 30.0) == set()
        now += 30.0


def test_each_cool_down_is_twice_as_long_as_the_one_before_up_to_the_maximum() -> None:
    watch = Watch(A)
    watch.record(A, "500", 0.0, times=3)
    now = 10.0
    for length in (20.0, 30.0, 30.0):
        watch.record(A, "500", now)
        assert watch.cooling(now + length - 0.1) == {"a"}
        now += length
        assert watch.cooling(now) == set()


def test_failures_of_requests_that_were_under_way_do_not_make_a_cool_down_longer() -> None:
    watch = Watch(A)
    watch.record(A, "500", 0.0, times=20)
    assert watch.cooling(10.0) == set()


@pytest.mark.parametrize(
    "outcome",
    [
        Refused(503, ErrorClass.OVERLOADED, retry_after=60.0),
        Broken("error-event", error_class=ErrorClass.RATE_LIMITED, retry_after=60.0),
    ],
)
def test_a_lack_of_capacity_and_an_error_under_a_success_that_say_for_how_long_are_believed(outcome: Outcome) -> None:
    watch = Watch(A)
    watch.record(A, outcome, 0.0)
    assert watch.cooling(59.0) == {"a"}
    assert watch.cooling(60.0) == set()


def test_a_model_that_is_not_there_cools_at_once() -> None:
    watch = Watch(A)
    watch.record(A, "model", 0.0)
    assert watch.cooling(29.9) == {"a"}
    assert watch.cooling(30.0) == set()


@pytest.mark.parametrize("word", ["context", "filter", "fault", "gone"])
def test_what_is_about_the_request_cools_nothing(word: str) -> None:
    watch = Watch(A)
    watch.record(A, word, 0.0, times=50)
    assert watch.cooling(0.0) == set()
    assert watch.health.dump(0.0) == []


def test_a_request_that_is_over_a_limit_by_itself_cools_nothing() -> None:
    watch = Watch(A)
    watch.record(A, Refused(429, ErrorClass.RATE_LIMITED, retry_after=9.0, scope="request"), 0.0, times=9)
    assert watch.cooling(0.0) == set()


def test_the_spent_quota_of_one_model_leaves_the_key_s_other_models_alone() -> None:
    other = target("other", provider=OpenAI("gpt-5"), secret="ns/key-a")
    watch = Watch(A, other)
    watch.record(A, Refused(429, ErrorClass.QUOTA_EXHAUSTED, scope="model"), 0.0)
    assert watch.cooling(1.0) == {"a"}
    watch.record(A, Refused(429, ErrorClass.QUOTA_EXHAUSTED), 0.0)
    assert watch.cooling(1.0) == {"a", "other"}


def test_the_callers_own_deadline_cools_nothing() -> None:
    watch = Watch(A)
    watch.record(A, TimedOut("timeout", 0.1), 0.0, times=9)
    assert watch.cooling(0.0) == set()


@pytest.mark.parametrize("word", ["500", "429+30s", "key", "model", "refused"])
def test_a_base_of_zero_switches_cool_down_off(word: str) -> None:
    watch = Watch(A, cool_down=OFF)
    watch.record(A, word, 0.0, times=9)
    assert watch.cooling(0.0) == set()
    cooling_elsewhere = Watch(A)
    cooling_elsewhere.record(A, "model", 0.0)
    assert cooling_elsewhere.health.cooling(cooling_elsewhere.upstream, OFF, "m", 0.0, identity=SOMEBODY) == set()
