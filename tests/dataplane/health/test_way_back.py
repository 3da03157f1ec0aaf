"""How a target comes back after a cool-down. The clock is a number in here."""

import pytest

from playbook import SOMEBODY
from switchover_dataplane.health import active_priority
from switchover_dataplane.health.ejection import MAX_RAMP_STAGE, MIN_RAMP_STAGE, PROBE_TIMEOUT, RAMP_SHARES
from watched import A, B, Watch, cooled, limited


def test_after_its_cool_down_one_request_probes_a_target_and_the_others_skip_it() -> None:
    watch = cooled()
    assert watch.cooling(10.0) == set()
    watch.health.record_start(A, "m", 10.0, identity=SOMEBODY)
    assert watch.cooling(10.0) == {"a"}


def returning(steps: int = 0) -> Watch:
    """A target whose probe succeeded at 11 s, and that got so many steps further since, at 13, 15 ... s."""
    watch = cooled()
    watch.health.record_start(A, "m", 10.0, identity=SOMEBODY)
    for number in range(steps + 1):
        watch.record(A, "200", 11.0 + 2 * number)
    return watch


@pytest.mark.parametrize(("steps", "share"), [*enumerate(RAMP_SHARES)])
def test_a_target_whose_probe_succeeded_returns_step_by_step_as_it_succeeds(steps: int, share: float) -> None:
    watch = returning(steps)
    [entry] = watch.health.dump(11.0 + 2 * steps)
    assert (entry["state"], entry["share"]) == ("returning", share)
    moments = [11.0 + 2 * steps + number / 1000 + 0.00017 for number in range(4000)]
    assert sum("a" not in watch.cooling(now) for now in moments) / len(moments) == pytest.approx(share, abs=0.02)


def test_a_target_that_succeeded_at_every_step_is_healthy_again_and_nothing_is_known_of_it() -> None:
    watch = returning(len(RAMP_SHARES))
    assert watch.share(20.0) == 1.0
    assert watch.health.dump(20.0) == []


def test_the_successes_of_one_moment_are_one_step() -> None:
    watch = returning()
    watch.record(A, "200", 11.0 + MIN_RAMP_STAGE - 0.01, times=100)
    assert watch.health.dump(12.0)[0]["share"] == RAMP_SHARES[0]


def test_a_target_that_gets_few_requests_is_back_in_bounded_time_all_the_same() -> None:
    watch = returning()
    shares = [watch.health.dump(11.0 + MAX_RAMP_STAGE * number)[0]["share"] for number in range(4)]
    assert shares == [*RAMP_SHARES, 1.0]
    assert watch.share(11.0 + MAX_RAMP_STAGE * len(RAMP_SHARES)) == 1.0
    watch.record(A, "500", 40.0, times=2)
    assert watch.cooling(40.0) == set()
    watch.record(A, "500", 40.0)
    assert watch.cooling(49.9) == {"a"}
    assert watch.cooling(50.0) == set()


def test_a_success_after_a_target_came_back_by_itself_leaves_nothing_to_know_of_it() -> None:
    watch = returning()
    watch.record(A, "200", 40.0)
    assert watch.health.dump(40.0) == []


def test_a_failure_on_the_way_back_begins_the_next_cool_down_at_once() -> None:
    watch = returning(2)
    watch.record(A, "500", 16.0)
    assert watch.cooling(35.9) == {"a"}
    assert watch.cooling(36.0) == set()


def test_a_longer_wait_that_is_already_known_stays() -> None:
    watch = Watch(A)
    watch.record(A, limited(20.0), 0.0)
    watch.record(A, limited(5.0), 1.0)
    assert watch.cooling(19.9) == {"a"}
    assert watch.cooling(20.0) == set()


def test_a_success_while_all_cool_down_ends_a_guessed_cool_down_and_not_a_wait_that_was_asked_for() -> None:
    watch = Watch(A, B)
    watch.record(A, "500", 0.0, times=3)
    watch.record(B, limited(30.0), 0.0)
    watch.record(A, "200", 1.0)
    watch.record(B, "200", 1.0)
    assert [entry["state"] for entry in watch.health.dump(1.0)] == ["returning", "cooling"]


def test_a_target_that_returns_in_steps_is_not_the_active_priority_yet() -> None:
    watch = returning()
    watch.health.last_good["u"] = (0, "m")
    assert {active_priority.priority(watch.upstream, watch.health, 11.0 + number / 100) for number in range(100)} == {1}
    assert active_priority.priority(watch.upstream, watch.health, 40.0) == 0


def test_a_probe_that_fails_begins_the_next_cool_down() -> None:
    watch = cooled()
    watch.health.record_start(A, "m", 10.0, identity=SOMEBODY)
    watch.record(A, "500", 11.0)
    assert watch.cooling(30.9) == {"a"}
    assert watch.cooling(31.0) == set()


def test_a_probe_whose_request_was_at_fault_leaves_the_way_to_the_next_probe() -> None:
    watch = cooled()
    watch.health.record_start(A, "m", 10.0, identity=SOMEBODY)
    watch.record(A, "fault", 11.0)
    assert watch.cooling(11.0) == set()
    watch.health.record_start(A, "m", 11.0, identity=SOMEBODY)
    assert watch.cooling(11.0) == {"a"}


def test_a_probe_that_never_returns_is_given_up() -> None:
    watch = cooled()
    watch.health.record_start(A, "m", 10.0, identity=SOMEBODY)
    assert watch.cooling(10.0 + PROBE_TIMEOUT - 0.1) == {"a"}
    assert watch.cooling(10.0 + PROBE_TIMEOUT) == set()


def test_a_request_during_the_cool_down_is_no_probe() -> None:
    watch = cooled()
    watch.health.record_start(A, "m", 9.0, identity=SOMEBODY)
    assert watch.cooling(10.0) == set()


def test_a_target_that_never_cooled_is_not_probed_but_used() -> None:
    watch = Watch(A)
    watch.health.record_start(A, "m", 0.0, identity=SOMEBODY)
    watch.record(A, "500", 0.0)
    watch.health.record_start(A, "m", 0.0, identity=SOMEBODY)
    assert watch.cooling(0.0) == set()


def test_a_target_that_is_probed_has_no_known_return() -> None:
    watch = Watch(A)
    watch.record(A, "500", 0.0, times=3)
    watch.health.record_start(A, "m", 10.0, identity=SOMEBODY)
    assert watch.cooling(11.0) == {"a"}
    assert watch.returns(11.0) is None


def test_the_earliest_return_is_that_of_the_first_target_to_come_back() -> None:
    watch = Watch(A, B)
    assert watch.returns(0.0) is None
    watch.record(A, limited(20.0), 0.0)
    watch.record(B, limited(5.0), 0.0)
    assert watch.returns(1.0) == 4.0
    assert watch.returns(6.0) == 14.0
    watch.record(B, "key", 7.0)
    watch.record(A, "key", 7.0)
    assert watch.returns(8.0) is None
