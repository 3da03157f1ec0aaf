"""How long is waited before a repeat, and what budget and deadline leave of it."""

import pytest

from as_written import as_written
from instant import DEFAULT, GUIDE, THREE, envoy, written
from playbook import WORDS, play, step
from switchover_dataplane.failover.decision import Answer, Try, Wait, Why
from switchover_dataplane.failover.outcome import ErrorClass, Refused
from switchover_dataplane.table.policies import BackOff, RateLimitedBackOff, ResetHeader

# ── Waits ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_there_is_no_wait_before_a_different_priority() -> None:
    assert play(THREE, "429+30s").waits == []
    assert play(THREE, "500", written(update_frequency=1, back_off=BackOff())).line == "p0 p1 p2"


def test_the_back_off_before_a_repeat_doubles_up_to_its_maximum_with_full_jitter() -> None:
    under = written(attempts=7, back_off=BackOff(base=0.1, max=0.5))
    assert play("p0", "500", under, chance=1.0).waits == pytest.approx([0.1, 0.2, 0.4, 0.5, 0.5, 0.5])
    assert play("p0", "500", under, chance=0.5).waits == pytest.approx([0.05, 0.1, 0.2, 0.25, 0.25, 0.25])
    assert play("p0", "500", under, chance=0.0).waits == []


def test_a_brief_rate_limit_is_waited_out_once_on_the_same_target() -> None:
    played = play(THREE, "429+1s 200")
    assert (played.line, played.waits) == ("p0 ~ p0", [1.0])
    assert play("p0", "429+1s").line == "p0 ~ p0"


def test_the_wait_costs_no_priority_its_turn() -> None:
    assert play(THREE, "429+1s").line == "p0 ~ p0 p1 p2"
    assert play(THREE, "429+1s", as_written(attempts=3)).line == "p0 p1 p2"
    assert play(THREE, "429+1s", as_written(attempts=4)).line == "p0 ~ p0 p1 p2"


def test_a_longer_rate_limit_moves_on_at_once() -> None:
    assert play("p0 | p1", "429+30s 200").line == "p0 p1"
    assert play("p0 | p1", "429+1s 200", as_written(max_retry_after_wait=0.5)).line == "p0 p1"
    assert play("p0 | p1", "429+1s 200", as_written(max_retry_after_wait=0.0)).line == "p0 p1"


def test_a_written_policy_waits_for_no_rate_limit() -> None:
    assert play("p0 | p1", "429+1s 200", GUIDE).line == "p0 p1"


def test_an_explicit_trigger_list_without_rate_limits_waits_for_none() -> None:
    assert play("p0 | p1", "429+1s", as_written(tokens=("server-error",))).line == "p0"


def test_reset_headers_delay_only_a_repeat_on_the_same_priority() -> None:
    under = written(rate_limited_back_off=RateLimitedBackOff((ResetHeader("retry-after"),)))
    assert play("p0 | p1", "429+1s 200", under).line == "p0 p1"
    assert play("p0", "429+1s 200", under, chance=0.0).waits == [1.0]
    assert play("p0", "429+1s 200", under, chance=1.0).waits == [1.5]


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"retry-after": "1"}, 1.0),
        ({"retry-after": " 7 "}, 7.0),
        ({"retry-after": "10"}, 10.0),
        ({"retry-after": "11", "x-reset": "1005"}, 5.0),
        ({"x-reset": "1010"}, 10.0),
        ({"x-reset": "1011"}, None),
        ({"x-reset": "999"}, None),
        ({"x-reset": "1000"}, None),
        ({"retry-after": "0"}, None),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "+1"}, None),
        ({"retry-after": "1.5"}, None),
        ({"retry-after": "²"}, None),
        ({"retry-after": "9" * 400}, None),
        ({"retry-after": "Wed, 21 Oct 2099 07:28:00 GMT"}, None),
        ({}, None),
    ],
)
def test_a_reset_header_is_used_as_envoy_uses_it(headers: dict[str, str], wait: float | None) -> None:
    limited = RateLimitedBackOff((ResetHeader("retry-after"), ResetHeader("x-reset", "UNIX_TIMESTAMP")), max=10.0)
    under = as_written(
        semantics="Envoy",
        retry_block=True,
        attempts=4,
        tokens=("5xx",),
        update_frequency=1,
        back_off=BackOff(base=0.1, max=1.0),
        rate_limited_back_off=limited,
    )
    found = step(THREE, [(0, "p0", Refused(503, ErrorClass.OVERLOADED, headers))], under, wall=1000.0, chance=1.0)
    assert isinstance(found, Wait)
    assert found.seconds == pytest.approx(0.1 if wait is None else wait * 1.5)
    assert found.why is Why.NEXT_PRIORITY


def test_a_connection_failure_or_silence_needs_no_back_off_before_a_sibling() -> None:
    assert play("a b", "refused 200").waits == []
    assert play("a b", "quiet 200").waits == []
    assert play("a b", "429 200").waits == [0.0125]


# ── Budget and deadline ─────────────────────────────────────────────────────────────────────────────────────────────


def test_a_spent_budget_denies_repeats_but_never_a_move_to_an_untried_priority() -> None:
    assert play("p0 | p1", "500", DEFAULT, repeats_allowed=False).line == "p0 p1"
    assert play("a b | p1", "500", DEFAULT, repeats_allowed=False).line == "a b p1"
    assert play("p0 | p1", "500", written(update_frequency=2), repeats_allowed=False).line == "p0 p1"
    assert play("p0", "429+1s", repeats_allowed=False).line == "p0"


def test_a_spent_budget_is_named_when_it_ended_the_request() -> None:
    played = play("p0", "500", DEFAULT, repeats_allowed=False)
    assert (played.line, played.why, played.status) == ("p0", "answer: retry budget spent", 500)


def test_a_budget_does_not_hold_back_a_request_of_which_nothing_was_sent() -> None:
    assert play("a b c", "refused", DEFAULT, repeats_allowed=False).line == "a b c"


def test_a_sibling_that_was_not_tried_is_no_repeat_to_the_budget_though_it_cools_down() -> None:
    assert play("a b | p1", "429", as_written(attempts=9), cooling="b", repeats_allowed=False).line == "a p1 ~ b"


@pytest.mark.parametrize("wait", ["429+20s", "503+20s", "500+20s"])
def test_a_target_that_says_to_stay_away_for_long_is_not_asked_again(wait: str) -> None:
    assert play("p0 | p1", wait, DEFAULT).line == "p0 p1"
    assert play("p0", wait, DEFAULT).line == "p0"


def test_the_deadline_ends_a_request_with_504() -> None:
    played = play(THREE, "429", as_written(timeout=2.0), seconds_each=1.0)
    assert (played.line, played.why, played.status) == ("p0 p1", "answer: deadline", 504)
    assert step(THREE, [], as_written(timeout=2.0), elapsed=2.0) == Answer(Why.DEADLINE, 504)
    assert isinstance(step(THREE, [], as_written(timeout=2.0), elapsed=1.9), Try)


def test_an_answer_in_hand_is_not_lost_to_the_deadline() -> None:
    assert play(THREE, "200", as_written(timeout=2.0), seconds_each=3.0).why == "answer: success"


def test_a_wait_beyond_the_deadline_ends_the_request_with_504() -> None:
    played = play("p0", "500", written(timeout=0.5, back_off=BackOff(base=1.0, max=1.0)), chance=1.0)
    assert (played.line, played.why, played.status) == ("p0", "answer: deadline", 504)


def test_under_envoy_semantics_a_wait_beyond_the_deadline_ends_the_request_at_the_deadline() -> None:
    under = envoy(timeout=2.0, back_off=BackOff(base=1.0, max=9.0))
    found = step("p0", [(0, "p0", WORDS["500"])] * 2, under, elapsed=1.25, chance=1.0)
    assert found == Answer(Why.DEADLINE, 504, 0.75)
    ours = written(timeout=2.0, back_off=BackOff(base=1.0, max=9.0))
    assert step("p0", [(0, "p0", WORDS["500"])] * 2, ours, elapsed=1.25, chance=1.0) == Answer(Why.DEADLINE, 504)


def test_a_wait_that_does_not_fit_gives_way_to_another_priority() -> None:
    assert play("p0 | p1", "429+1s 200", as_written(timeout=0.9)).line == "p0 p1"
    assert play("p0 | p1", "500 200", as_written(timeout=0.01), chance=1.0).line == "p0 p1"
