"""The default semantics as playbooks: which targets a request goes to when these outcomes come back."""

import pytest

from as_written import as_written
from instant import DEFAULT, GUIDE, INSTANT, THREE, envoy, written
from playbook import WORDS, play, step
from switchover_dataplane.failover.answer_status import status_for
from switchover_dataplane.failover.decision import Answer, Try, Why
from switchover_dataplane.failover.outcome import Broken, ClientGone, Committed, ErrorClass, Outcome, Refused, TimedOut

# ── The reference scenario ──────────────────────────────────────────────────────────────────────────────────────────


def test_three_models_at_429_get_one_request_each_in_order() -> None:
    played = play(THREE, "429", GUIDE)
    assert (played.line, played.why, played.status) == ("p0 p1 p2", "answer: all priorities had their turn", 429)


def test_it_does_so_every_time_though_the_targets_cool_down_meanwhile() -> None:
    for cooling in ("", "p0", "p0 p1", "p0 p1 p2"):
        line = play(THREE, "429+30s", GUIDE, cooling=cooling, cools="429+30s").line
        assert sorted(line.split()) == ["p0", "p1", "p2"]
    assert play(THREE, "429+30s", GUIDE, cooling="p0 p1 p2").line == "p0 p1 p2"
    assert play(THREE, "429+30s", GUIDE, cools="429+30s").line == "p0 p1 p2"


def test_a_model_that_answers_ends_the_walk() -> None:
    played = play(THREE, "429 200", GUIDE)
    assert (played.line, played.why, played.status) == ("p0 p1", "answer: success", 200)


# ── How often ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("pools", "line"), [(THREE, "p0 p1 p2"), ("p0 | p1", "p0 p0 p1"), ("p0", "p0 p0 p0")])
def test_server_errors_are_repeated_only_while_every_priority_keeps_its_turn(pools: str, line: str) -> None:
    assert play(pools, "500", DEFAULT).line == line


def test_four_priorities_get_four_tries_by_default() -> None:
    assert play("p0 | p1 | p2 | p3", "429", DEFAULT).line == "p0 p1 p2 p3"


def test_no_more_tries_are_made_than_the_policy_says() -> None:
    assert play("p0 | p1 | p2 | p3", "429", as_written(attempts=2)).line == "p0 p1"
    assert play(THREE, "429", as_written(attempts=1)).why == "answer: attempts used up"


def test_the_same_target_is_tried_again_once_when_there_are_others_to_go_to() -> None:
    assert play("p0 | p1", "500", as_written(attempts=9, back_off=INSTANT)).line == "p0 p0 p1 p1"


def test_with_one_priority_a_written_policy_repeats_it_up_to_its_attempts() -> None:
    assert play("p0", "429", GUIDE).line == "p0 p0 p0 p0"
    assert play("p0", "429", written(attempts=3)).line == "p0 p0 p0"


@pytest.mark.parametrize("word", ["429", "429+30s", "quota", "key", "model", "per-try", "refused", "context"])
def test_with_one_priority_the_default_policy_repeats_no_failure_that_would_come_again(word: str) -> None:
    played = play("p0", word, DEFAULT)
    assert (played.line, played.why) == ("p0", "answer: all priorities had their turn")


@pytest.mark.parametrize("word", ["500", "503", "reset", "error-event"])
def test_with_one_priority_failures_that_are_brief_by_nature_use_up_the_attempts(word: str) -> None:
    assert play("p0", word, DEFAULT).line == "p0 p0 p0"


@pytest.mark.parametrize("word", ["500", "503", "reset", "error-event"])
def test_a_failure_that_took_long_is_not_repeated_on_its_target_while_another_is_left(word: str) -> None:
    assert play("p0 | p1", word, DEFAULT, seconds_each=5.0).line == "p0 p0 p1"
    assert play("p0 | p1", f"{word} 200", DEFAULT, seconds_each=5.1).line == "p0 p1"
    assert play("a b | p1", word, as_written(attempts=9, back_off=INSTANT), seconds_each=5.1).line == "a b p1 p1"
    assert play("p0", word, DEFAULT, seconds_each=5.1).line == "p0 p0 p0"


def test_what_is_long_is_said_by_a_shorter_first_token_timeout() -> None:
    brief = as_written(first_token_timeout=2.0, back_off=INSTANT)
    assert play("p0 | p1", "500 200", brief, seconds_each=2.1).line == "p0 p1"
    assert play("p0 | p1", "500 200", brief, seconds_each=1.9).line == "p0 p0"
    for longer in (0.0, 60.0):
        patient = as_written(first_token_timeout=longer, back_off=INSTANT)
        assert play("p0 | p1", "500 200", patient, seconds_each=5.1).line == "p0 p1"


def test_a_target_that_cools_down_is_another_one_that_is_left() -> None:
    assert play("p0 | p1", "500 200", DEFAULT, cooling="p1", seconds_each=5.1).line == "p0 p1"


def test_a_gateways_time_out_is_never_repeated_on_its_target() -> None:
    assert play("p0 | p1", "504", DEFAULT).line == "p0 p1"
    assert play("p0", "504", DEFAULT).line == "p0"


def test_a_written_number_of_tries_on_one_priority_counts_whatever_they_took() -> None:
    assert play("p0", "504", written(attempts=3), seconds_each=60.0).line == "p0 p0 p0"
    assert play("p0 | p1", "504", written(update_frequency=2), seconds_each=60.0).line == "p0 p0 p1 p1"
    assert play("p0", "504", envoy(attempts=3), seconds_each=60.0).line == "p0 p0 p0"


# ── Which outcomes move on ──────────────────────────────────────────────────────────────────────────────────────────


FAILURES = (
    "429 429+30s quota 500 503 refused reset not-http error-event per-try quiet key model context"  # as in the playbook
)


@pytest.mark.parametrize("word", FAILURES.split())
def test_every_failure_that_another_model_may_not_have_moves_on(word: str) -> None:
    assert play(THREE, f"{word} 200", DEFAULT).line == "p0 p1"


@pytest.mark.parametrize("word", ["filter", "fault"])
def test_what_is_about_the_request_itself_is_the_callers_to_see(word: str) -> None:
    played = play(THREE, word, DEFAULT)
    assert (played.line, played.why, played.status) == ("p0", "answer: about the request itself", 400)


def test_a_fallbacks_own_refusal_of_the_request_ends_no_chain_while_another_target_is_left() -> None:
    assert play(THREE, "429 fault 200", DEFAULT).line == "p0 p1 p2"
    assert play("p0 | a b", "429 fault 200", DEFAULT).line == "p0 a b"
    assert play("p0 | p1 | p2 | p3", "429 fault fault 200", DEFAULT).line == "p0 p1 p2 p3"
    assert play(THREE, "429 fault 200", DEFAULT, cooling="p2").line == "p0 p1 p2"
    assert play("p0 | p1", "quiet fault", DEFAULT).line == "p0 p1"


def test_it_is_not_repeated_and_nothing_is_waited_for_after_it() -> None:
    played = play("p0 | p1", "429 fault", as_written(attempts=9), chance=1.0)
    assert (played.line, played.waits) == ("p0 p1", [])


def test_the_first_targets_refusal_of_the_request_ends_it_also_after_another_failure_of_the_same_target() -> None:
    played = play("p0 | p1", "500 fault", as_written(attempts=9, back_off=INSTANT))
    assert (played.line, played.why) == ("p0 p0", "answer: about the request itself")


@pytest.mark.parametrize("word", ["fault", "filter"])
def test_a_fallbacks_content_filter_and_a_refusal_that_a_written_retry_on_does_not_name_end_it(word: str) -> None:
    assert play(THREE, f"429 {word}", written(tokens=("rate-limited",))).line == "p0 p1"
    assert play(THREE, "429 filter", DEFAULT).line == "p0 p1"
    assert play(THREE, f"429 {word}", as_written(semantics="Envoy")).line == "p0"
    assert play(THREE, f"500 {word}", as_written(attempts=3, back_off=INSTANT), ai=False).line == "p0 p1"


def test_a_refused_connection_moves_to_the_next_priority_though_retry_on_does_not_name_it() -> None:
    assert play("p0 | p1", "refused 200", GUIDE).line == "p0 p1"


def test_a_reset_after_sending_ends_the_request_when_retry_on_does_not_name_it() -> None:
    played = play("p0 | p1", "reset", GUIDE)
    assert (played.line, played.why, played.status) == ("p0", "answer: not retriable under retryOn", 503)


def test_mere_silence_moves_on_though_retry_on_does_not_name_it() -> None:
    assert play("p0 | p1", "quiet 200", GUIDE).line == "p0 p1"


def test_a_silent_target_is_not_tried_again_by_this_request() -> None:
    assert play("p0", "quiet", GUIDE).line == "p0"
    assert play("p0", "quiet", written(tokens=("silent",))).line == "p0"
    assert play("p0 | p1", "quiet", written(update_frequency=3, attempts=9)).line == "p0 p1"


def test_a_refused_connection_is_not_repeated_on_its_only_target_unless_retry_on_names_it() -> None:
    assert play("p0", "refused", GUIDE).why == "answer: not retriable under retryOn"
    assert play("p0", "refused", written(tokens=("connect-failure",))).line == "p0 p0 p0 p0"


def test_a_policy_without_retry_on_has_the_triggers_of_the_error_classes() -> None:
    assert play(THREE, "429 key 200", written(update_frequency=1)).line == "p0 p1 p2"


def test_an_explicit_retry_on_decides_alone() -> None:
    only = written(tokens=("rate-limited",))
    assert play(THREE, "429 500", only).line == "p0 p1"
    assert play(THREE, "429 500", only).why == "answer: not retriable under retryOn"


@pytest.mark.parametrize("name", [reason.value for reason in ErrorClass])
def test_each_error_class_is_a_token_of_its_own(name: str) -> None:
    outcome = Refused(418, ErrorClass(name))
    under = written(tokens=(name,), update_frequency=1)
    other = written(tokens=("caller-fault" if name != "caller-fault" else "reset",))
    assert step(THREE, [(0, "p0", outcome)], under).why is Why.NEXT_PRIORITY
    assert step(THREE, [(0, "p0", outcome)], other) == Answer(Why.NOT_RETRIABLE, 418)


@pytest.mark.parametrize("status", [200, 301])
def test_a_success_whose_status_is_listed_is_retried_as_in_envoy(status: int) -> None:
    listed = written(tokens=("retriable-status-codes",), status_codes=(status,), update_frequency=1)
    played = play("p0 | p1", str(status), listed)
    assert (played.line, played.status) == ("p0 p1", status)
    without_token = written(tokens=("5xx",), status_codes=(status,))
    assert play("p0 | p1", str(status), without_token).line == "p0"


def test_x_envoy_ratelimited_vetoes_an_explicit_policy_that_does_not_name_it() -> None:
    outcome = Refused(429, ErrorClass.RATE_LIMITED, {"x-envoy-ratelimited": "true"})
    assert isinstance(step(THREE, [(0, "p0", outcome)], GUIDE), Answer)
    assert isinstance(step(THREE, [(0, "p0", outcome)], DEFAULT), Try)
    assert isinstance(step(THREE, [(0, "p0", outcome)], written(tokens=("envoy-ratelimited",))), Try)


def test_nothing_follows_once_the_client_has_gone() -> None:
    played = play(THREE, "500 gone", DEFAULT)
    assert (played.line, played.why, played.status) == ("p0 p1", "answer: client gone", 499)


# ── Within a pool ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_siblings_come_before_the_next_priority() -> None:
    assert play("a b | p1", "429", DEFAULT).line == "a b p1"


def test_siblings_do_not_take_the_turn_of_a_priority() -> None:
    assert play("a b c | p1 | p2", "429", DEFAULT).line == "a p1 p2"
    assert play("a b c | p1", "429", DEFAULT).line == "a b p1"


def test_with_one_pool_every_sibling_is_tried_before_any_is_repeated() -> None:
    assert play("a b", "500", DEFAULT).line == "a b a"
    assert play("a b", "429", DEFAULT).line == "a b"
    assert play("a b", "per-try 500", DEFAULT).line == "a b b"


def test_with_update_frequency_one_a_failed_try_uses_up_the_whole_priority() -> None:
    assert play("a b | c d", "429", GUIDE).line == "a c"


def test_update_frequency_counts_tries_on_a_priority_with_different_targets_first() -> None:
    under = written(attempts=9, update_frequency=2)
    assert play("a b | c | e", "500", under).line == "a b c c e e"
    assert play("a b | c", "500", written(attempts=3, update_frequency=2)).line == "a b c"


def test_a_refused_connection_that_retry_on_does_not_name_is_not_counted_again_on_the_same_target() -> None:
    under = written(attempts=9, update_frequency=2, tokens=("429",))
    assert play("a b | c", "refused", under).line == "a b c"


def test_a_plain_backend_moves_on_to_other_endpoints_only_when_nothing_was_sent() -> None:
    once = as_written(back_off=INSTANT)
    assert play("a b c", "refused refused 200", once, ai=False).line == "a b c"
    assert play("a b c", "refused 500", once, ai=False).line == "a b"
    assert play("a b c", "500", once, ai=False).why == "answer: attempts used up"
    assert play("a b | c", "refused", once, ai=False).line == "a b c"


def test_a_number_that_is_written_bounds_refused_connections_too() -> None:
    assert play("a b c", "refused", written(attempts=2), ai=False).line == "a b"
    assert play("a b c", "refused", as_written(attempts=2, back_off=INSTANT), ai=False).line == "a b"
    assert play("a b c", "refused", as_written(attempts=1), ai=False).line == "a"


# ── Cool-down ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_cooling_targets_are_skipped() -> None:
    assert play("a b | p1", "200", cooling="a").line == "b"
    assert play(THREE, "429 200", DEFAULT, cooling="p0").line == "p1 p2"
    assert play(THREE, "429 200", GUIDE, cooling="p1").line == "p0 p2"
    assert play("a b | p1", "429 200", DEFAULT, cooling="b").line == "a p1"


def test_when_all_are_cooling_all_are_tried_in_order_as_if_none_were() -> None:
    assert play(THREE, "429", DEFAULT, cooling="p0 p1 p2").line == "p0 p1 p2"
    assert play("a b", "429", DEFAULT, cooling="a b").line == "a b"


def test_with_nothing_better_left_a_cooling_target_is_tried_after_all() -> None:
    played = play(THREE, "429", DEFAULT, cooling="p0 p2")
    assert played.line == "p1 p0 p2"
    assert play("a b", "429", DEFAULT, cooling="b").line == "a b"
    assert step("p0 | p1", [(0, "p0", WORDS["429"])], DEFAULT, cooling=["p1"]).why is Why.COOLING_TARGET


def test_a_target_that_this_request_made_cool_down_is_not_repeated_while_another_is_healthy() -> None:
    assert play("p0 | p1", "500 200", DEFAULT, cools="500").line == "p0 p1"
    assert play("p0 | p1", "500 500 200", DEFAULT, cools="500").line == "p0 p1 p1"


def test_counted_tries_go_on_at_a_target_that_this_request_made_cool_down() -> None:
    assert play("p0 | p1", "500", written(update_frequency=2, attempts=4), cools="500").line == "p0 p0 p1 p1"


# ── The first decision, and answers of our own ──────────────────────────────────────────────────────────────────────


def test_the_first_try_may_go_to_any_target_of_the_first_pool() -> None:
    found = step("a b | p1", [])
    assert isinstance(found, Try)
    assert (found.priority, [target.id for target in found.candidates], found.why) == (0, ["a", "b"], Why.FIRST)


def test_empty_pools_are_passed_over() -> None:
    assert play("| p1 | | p3", "429", DEFAULT).line == "p1 p3"
    assert play("| p1", "429", DEFAULT, cooling="p1").line == "p1"


def test_an_upstream_without_targets_is_answered_503() -> None:
    assert step("", []) == Answer(Why.NO_TARGET, 503)
    assert step("|", [], cooling=["p0"]) == Answer(Why.NO_TARGET, 503)


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        (WORDS["refused"], 503),
        (Broken("reset"), 503),
        (Broken("eof"), 503),
        (Broken("not-http"), 502),
        (Broken("truncated"), 502),
        (Broken("malformed"), 502),
        (Broken("error-event"), 502),
        (Broken("empty"), 502),
        (TimedOut("perTryTimeout", 1.0), 504),
        (TimedOut("timeout", 1.0), 504),
        (Refused(418, ErrorClass.CALLER_FAULT), 418),
        (Committed(206), 206),
        (ClientGone(), 499),
    ],
)
def test_our_own_answers_have_envoys_statuses(outcome: Outcome, status: int) -> None:
    assert status_for(outcome) == status


# ── Envoy's semantics, beyond what was measured ─────────────────────────────────────────────────────────────────────


def test_under_envoy_semantics_there_are_no_triggers_but_the_written_ones() -> None:
    assert play(THREE, "500", envoy(tokens=())).line == "p0"
    assert play(THREE, "refused", envoy(tokens=("retriable-4xx",))).line == "p0"
    assert play(THREE, "quiet", envoy(tokens=("retriable-4xx",))).line == "p0"
    assert play(THREE, "500", as_written(semantics="Envoy", tokens=("5xx",), attempts=1)).line == "p0"


def test_under_envoy_semantics_a_cooling_priority_is_left_out_but_not_one_that_this_request_made_cool_down() -> None:
    assert play(THREE, "500", envoy(update_frequency=1), cooling="p1").line == "p0 p2 p0 p2"
    assert play(THREE, "500", envoy(update_frequency=1), cools="500").line == "p0 p1 p2 p0"


def test_under_envoy_semantics_the_steps_are_told_apart() -> None:
    first: list[tuple[int, str, Outcome]] = [(0, "p0", WORDS["500"])]
    whys = [
        step("p0 | p1", history, envoy(update_frequency=1)).why
        for history in ([], first, [*first, (1, "p1", WORDS["500"])])
    ]
    assert whys == [Why.FIRST, Why.NEXT_PRIORITY, Why.EARLIER_PRIORITY]
    assert step("p0 | p1", first, envoy()).why is Why.AGAIN


def test_under_envoy_semantics_a_spent_budget_ends_the_request_at_a_repeat() -> None:
    played = play("p0 | p1", "500", envoy(update_frequency=1), repeats_allowed=False)
    assert (played.line, played.why) == ("p0 p1", "answer: retry budget spent")


@pytest.mark.parametrize(
    ("token", "grpc_status"),
    [("cancelled", 1), ("deadline-exceeded", 4), ("resource-exhausted", 8), ("internal", 13), ("unavailable", 14)],
)
def test_grpc_tokens_read_the_status_in_the_response_headers(token: str, grpc_status: int) -> None:
    answered = Committed(200, {"grpc-status": str(grpc_status)})
    other = Committed(200, {"grpc-status": "2"})
    under = envoy(tokens=(token,), update_frequency=1)
    assert isinstance(step("p0 | p1", [(0, "p0", answered)], under), Try)
    assert step("p0 | p1", [(0, "p0", other)], under) == Answer(Why.SUCCESS, 200)
