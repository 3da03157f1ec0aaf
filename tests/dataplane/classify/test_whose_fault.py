"""Whom a failure takes a target from: everybody, one caller, or nobody. Each request and caller is a number in here."""

import pytest

from playbook import Asks
from switchover_dataplane.failover.outcome import Broken, Committed, ErrorClass, Outcome, Refused
from switchover_dataplane.health import health, unexplained_failures
from switchover_dataplane.health.health import ONE_CALLER, Health
from switchover_dataplane.health.unexplained_failures import MAX_REQUESTS
from switchover_dataplane.table.policies import CoolDown
from switchover_dataplane.table.upstreams import Auth, Http, OpenAI, Provider, Target, Upstream
from switchover_dataplane.table.wire import sealed

COOL_DOWN = CoolDown(after=3, base=10.0, max=30.0)
BARE = Refused(500, ErrorClass.SERVER_ERROR, scope="unknown")
UNEXPLAINED: dict[str, Outcome] = {
    "a server error": BARE,
    "a refused key": Refused(401, ErrorClass.CREDENTIALS, scope="unknown"),
    "a path that is not there": Refused(404, ErrorClass.MODEL_UNAVAILABLE, scope="unknown"),
    "an answer without content": Broken("empty", "", ErrorClass.SERVER_ERROR, scope="unknown"),
    "an error under a success": Broken("error-event", "", ErrorClass.OVERLOADED, scope="unknown"),
}
LIMITED = Refused(429, ErrorClass.RATE_LIMITED, retry_after=5.0)
CUT = Broken("reset", "", ErrorClass.INTERRUPTED)
ERROR_IN_THE_MIDST = Broken("error-event", "", ErrorClass.INTERRUPTED, scope="unknown")
GOOD = Committed(200)


def target(name: str = "a", provider: Provider | None = None) -> Target:
    return Target(id=name, host="h", port=443, provider=provider or OpenAI("m"), auth=Auth("token", "ns/key"))


A = target()


class Watch:
    """The health of one target; callers are numbers, and so are their requests."""

    def __init__(self, of: Target = A, cool_down: CoolDown = COOL_DOWN) -> None:
        self.health = Health()
        self.of = of
        self.cool_down = cool_down
        self.upstream = Upstream(name="u", ai=True, priorities=((of,), (target("b"),)))

    def record(self, outcome: Outcome, caller: int, *requests: int, now: float = 0.0) -> None:
        for request in requests:
            asks = Asks(caller, request)
            self.health.record(self.of, "m", outcome, self.cool_down, now, identity=asks)

    def begin(self, caller: int, request: int, now: float = 0.0) -> None:
        """A stream gets its first content."""
        self.health.record(self.of, "m", GOOD, self.cool_down, now, identity=Asks(caller, request), is_streaming=True)

    def complete(self, caller: int, request: int, now: float = 0.0) -> None:
        self.health.record_completion(self.of, "m", now, identity=Asks(caller, request))

    def is_kept_from(self, caller: int, now: float = 0.0) -> bool:
        asks = Asks(caller, 999_999)
        return self.of.id in self.health.cooling(self.upstream, self.cool_down, "m", now, identity=asks)


# ── Failures without a reason ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("outcome", UNEXPLAINED.values(), ids=UNEXPLAINED)
def test_what_one_caller_meets_for_no_given_reason_takes_the_target_from_this_caller_alone(outcome: Outcome) -> None:
    watch = Watch()
    watch.record(outcome, 1, 11, 12)
    assert not watch.is_kept_from(1)
    watch.record(outcome, 1, 13, *range(14, 60))
    assert watch.is_kept_from(1, now=9.9)
    assert not watch.is_kept_from(2)
    assert not watch.is_kept_from(1, now=10.0)


@pytest.mark.parametrize("outcome", UNEXPLAINED.values(), ids=UNEXPLAINED)
def test_the_same_request_sent_again_and_again_takes_the_target_from_nobody(outcome: Outcome) -> None:
    watch = Watch()
    watch.record(outcome, 1, *[11] * 50)
    assert not watch.is_kept_from(1)
    assert not watch.is_kept_from(2)


@pytest.mark.parametrize("outcome", UNEXPLAINED.values(), ids=UNEXPLAINED)
def test_what_different_requests_of_two_callers_meet_in_a_row_takes_the_target_from_everybody(outcome: Outcome) -> None:
    watch = Watch()
    watch.record(outcome, 1, 11, 12)
    watch.record(outcome, 2, 21)
    assert watch.is_kept_from(3, now=9.9)
    assert not watch.is_kept_from(3, now=10.0)


def test_a_second_caller_bears_out_what_the_first_met_however_often_that_was() -> None:
    watch = Watch()
    watch.record(BARE, 1, *range(10, 90))
    watch.record(BARE, 2, 21)
    assert watch.is_kept_from(3)


def test_the_same_prompt_of_two_callers_is_one_request() -> None:
    watch = Watch()
    for caller in range(1, 9):
        watch.record(BARE, caller, 11, 12)
    assert not watch.is_kept_from(9)


def test_a_success_of_anybody_refutes_what_others_met() -> None:
    watch = Watch()
    watch.record(BARE, 1, 11, 12)
    watch.record(GOOD, 3, 31)
    watch.record(BARE, 2, 21)
    assert not watch.is_kept_from(3)


def test_a_success_of_another_does_not_send_a_caller_back_to_what_refuses_it() -> None:
    watch = Watch()
    watch.record(BARE, 1, 11, 12)
    watch.record(GOOD, 2, 21)
    watch.record(BARE, 1, 13)
    assert watch.is_kept_from(1)
    watch.record(GOOD, 2, 22)
    assert watch.is_kept_from(1)


def test_a_callers_own_cool_downs_grow_and_end_as_all_do() -> None:
    watch = Watch()
    watch.record(BARE, 1, 11, 12, 13)
    watch.record(BARE, 1, 14, now=10.0)
    assert watch.is_kept_from(1, now=29.9)
    watch.record(GOOD, 1, 15, now=30.0)
    watch.record(GOOD, 1, 15, now=60.0)
    assert [entry["share"] for entry in watch.health.dump(60.0)] == []


def test_a_target_that_nobody_gets_an_answer_from_stays_away_when_its_probe_fails_for_no_given_reason() -> None:
    watch = Watch()
    watch.record(BARE, 1, 11, 12)
    watch.record(BARE, 2, 21)
    watch.record(BARE, 3, 31, now=10.0)
    assert watch.is_kept_from(4, now=29.9)
    assert not watch.is_kept_from(4, now=30.0)


def test_a_cool_down_for_a_reason_is_not_made_longer_by_one_callers_failures_without() -> None:
    watch = Watch()
    watch.record(LIMITED, 1, 11)
    watch.health.record_start(A, "m", 5.0, identity=Asks(2, 21))
    assert watch.is_kept_from(3, now=5.0)
    watch.record(BARE, 2, 21, 22, 23, 24, now=5.0)
    assert not watch.is_kept_from(3, now=5.0)


def test_a_failure_about_the_request_counts_for_nothing_even_under_a_success() -> None:
    watch = Watch()
    watch.record(Broken("error-event", "", ErrorClass.OVERLOADED, scope="request"), 1, *range(10, 30))
    watch.record(Refused(404, ErrorClass.MODEL_UNAVAILABLE, scope="request"), 2, *range(30, 60))
    assert not watch.is_kept_from(1)


def test_a_failure_with_a_reason_counts_for_everybody_whoever_meets_it() -> None:
    watch = Watch()
    watch.record(Refused(500, ErrorClass.SERVER_ERROR), 1, 11, 11, 11)
    assert watch.is_kept_from(2)


def test_a_plain_backend_is_ejected_by_its_statuses_alone_as_in_envoy() -> None:
    plain = Watch(target(provider=Http()), CoolDown(after=3, plain_5xx=True))
    plain.record(BARE, 1, 11, 11, 11)
    assert plain.is_kept_from(2)


def test_a_limit_beyond_the_number_of_distinct_requests_is_never_reached() -> None:
    watch = Watch(cool_down=CoolDown(after=MAX_REQUESTS + 50))
    watch.record(BARE, 1, *range(1, 3 * MAX_REQUESTS))
    watch.record(BARE, 2, *range(3 * MAX_REQUESTS, 6 * MAX_REQUESTS))
    assert not watch.is_kept_from(1)
    assert not watch.is_kept_from(3)


def test_an_entry_for_one_caller_is_shown_without_the_caller() -> None:
    watch = Watch()
    watch.record(BARE, 987_654, 11, 12, 13)
    [entry] = watch.health.dump(1.0)
    assert (entry["for"], entry["state"], entry["returns_in"]) == (ONE_CALLER, "cooling", 9.0)
    assert "987" not in str(entry)


def test_callers_without_number_fill_no_memory_and_push_out_nothing_that_holds_for_everybody() -> None:
    watch = Watch()
    watch.record(LIMITED, 1, 11)
    for caller in range(2, health.CAPACITY + 50):
        watch.record(BARE, caller, *(caller * 10 + number for number in range(3)), now=1.0)
        watch.health.record(watch.of, "m", GOOD, COOL_DOWN, 1.0, identity=Asks(1, 1), is_streaming=True)
    assert len(watch.health.dump(1.0)) == health.CAPACITY
    assert watch.is_kept_from(999_999, now=4.9)


def test_the_oldest_evidence_makes_room_for_the_newest() -> None:
    watch = Watch(target(provider=OpenAI()))
    watch.record(BARE, 1, 11, 12)
    for number in range(unexplained_failures.CAPACITY):
        watch.health.record(watch.of, f"made-up-{number}", BARE, COOL_DOWN, 0.0, identity=Asks(2, 21))
    watch.record(BARE, 1, 13)
    assert not watch.is_kept_from(1)


def test_evidence_is_forgotten_with_its_target() -> None:
    watch = Watch()
    watch.record(BARE, 1, 11, 12)
    nothing = sealed((), {}, {}, {}, {})
    watch.health.adopt(nothing, nothing)
    watch.record(BARE, 1, 13)
    assert not watch.is_kept_from(1)


# ── Streams that break off ──────────────────────────────────────────────────────────────────────────────────────────


def test_streams_that_begin_well_and_break_off_in_a_row_take_the_target_from_everybody() -> None:
    watch = Watch()
    for number in range(3):
        assert not watch.is_kept_from(2)
        watch.begin(1, 11, now=float(number))
        watch.record(CUT, 1, 11, now=float(number))
    assert watch.is_kept_from(2, now=11.9)


def test_a_stream_that_ends_whole_begins_the_count_of_breaks_anew() -> None:
    watch = Watch()
    for number in range(12):
        watch.begin(1, number)
        if number % 3 == 2:
            watch.complete(1, number)
        else:
            watch.record(CUT, 1, number)
    assert not watch.is_kept_from(1)


def test_a_whole_answer_that_is_no_stream_does_so_too() -> None:
    watch = Watch()
    for _ in range(4):
        watch.record(CUT, 1, 11, 12)
        watch.record(GOOD, 1, 11)
    assert not watch.is_kept_from(1)


def test_the_beginning_of_a_stream_forgives_what_failed_before_it_but_no_break() -> None:
    watch = Watch()
    watch.record(Refused(500, ErrorClass.SERVER_ERROR), 1, 11)
    watch.record(CUT, 1, 11)
    watch.begin(1, 12)
    watch.record(CUT, 1, 12)
    assert not watch.is_kept_from(1)
    watch.begin(1, 13)
    watch.record(CUT, 1, 13)
    assert watch.is_kept_from(1)


def test_a_target_that_breaks_off_again_on_its_way_back_cools_down_for_longer() -> None:
    watch = Watch()
    for _ in range(3):
        watch.begin(1, 11)
        watch.record(CUT, 1, 11)
    watch.begin(1, 12, now=10.0)
    watch.record(CUT, 1, 12, now=11.0)
    assert watch.is_kept_from(1, now=30.9)


def test_streams_that_begin_and_whose_end_is_never_known_bring_a_target_back() -> None:
    watch = Watch()
    for _ in range(3):
        watch.begin(1, 11)
        watch.record(CUT, 1, 11)
    for number in range(8):
        watch.begin(1, 12, now=10.0 + 5 * number)
    assert not watch.is_kept_from(1, now=60.0)
    watch.complete(1, 12, now=60.0)
    assert watch.health.dump(60.0) == []


def test_an_error_in_the_midst_of_one_callers_streams_sends_this_caller_elsewhere_be_it_the_same_request() -> None:
    watch = Watch()
    for _ in range(3):
        assert not watch.is_kept_from(1)
        watch.begin(1, 11)
        watch.record(ERROR_IN_THE_MIDST, 1, 11)
    assert watch.is_kept_from(1)
    assert not watch.is_kept_from(2)


def test_errors_in_the_midst_of_two_callers_streams_take_the_target_from_everybody_across_beginnings() -> None:
    watch = Watch()
    for caller, request in ((1, 11), (2, 21), (1, 12)):
        watch.begin(caller, request)
        watch.record(ERROR_IN_THE_MIDST, caller, request)
    assert watch.is_kept_from(3)
    other = Watch()
    for caller, request in ((1, 11), (2, 21), (1, 12)):
        other.begin(caller, request)
        other.record(ERROR_IN_THE_MIDST, caller, request)
        other.begin(4, 41)
        other.complete(4, 41)
    assert not other.is_kept_from(3)
