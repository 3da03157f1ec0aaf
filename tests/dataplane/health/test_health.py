"""Which targets are left alone after which outcomes, and for how long. The clock is a number in here."""

import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from playbook import SOMEBODY, WORDS, Asks
from switchover_dataplane.failover.outcome import Broken, ErrorClass, Outcome, Refused, TimedOut
from switchover_dataplane.health import active_priority
from switchover_dataplane.health.attribution import MAX_REQUESTED_WAIT
from switchover_dataplane.health.cool_downs import REFUSED_KEY_COOL_DOWN
from switchover_dataplane.health.ejection import MAX_RAMP_STAGE, MIN_RAMP_STAGE, PROBE_TIMEOUT, RAMP_SHARES
from switchover_dataplane.health.health import CAPACITY, Health
from switchover_dataplane.health.unexplained_failures import RequestIdentity
from switchover_dataplane.table.policies import CoolDown
from switchover_dataplane.table.table import Table
from switchover_dataplane.table.upstreams import Auth, Http, OpenAI, Provider, Target, Upstream
from switchover_dataplane.table.wire import sealed

COOL_DOWN = CoolDown(after=3, base=10.0, max=30.0)
OFF = CoolDown(base=0.0)
GPT = OpenAI(model="gpt-4o")


def target(
    name: str = "a", *, provider: Provider = GPT, secret: str = "ns/key", host: str = "h", auth: str = ""
) -> Target:
    held = Auth("passthrough") if auth == "passthrough" else Auth("token", secret) if secret else Auth()
    return Target(id=name, host=host, port=443, provider=provider, auth=held)


A = target("a", secret="ns/key-a")
B = target("b", secret="ns/key-b")
ANY_MODEL = target("any", provider=OpenAI(), secret="")


class Watch:
    """A health and the upstream of the targets that it is asked about."""

    def __init__(self, *targets: Target, cool_down: CoolDown = COOL_DOWN) -> None:
        self.health = Health()
        self.cool_down = cool_down
        self.upstream = Upstream(name="u", ai=True, priorities=tuple((one,) for one in targets))

    def record(
        self,
        one: Target,
        outcome: Outcome | str,
        now: float,
        *,
        model: str = "m",
        times: int = 1,
        identity: Asks = SOMEBODY,
        is_streaming: bool = False,
    ) -> None:
        for _ in range(times):
            found = WORDS[outcome] if isinstance(outcome, str) else outcome
            self.health.record(one, model, found, self.cool_down, now, identity=identity, is_streaming=is_streaming)

    def cooling(self, now: float, *, model: str = "m", identity: RequestIdentity = SOMEBODY) -> set[str]:
        return set(self.health.cooling(self.upstream, self.cool_down, model, now, identity=identity))

    def share(self, after: float, *, one: str = "a") -> float:
        """The part of a thousand requests, a hundredth of a second apart, that a target gets."""
        moments = [after + number / 100 + 0.0001 for number in range(1000)]
        return sum(one not in self.cooling(now) for now in moments) / len(moments)

    def returns(self, now: float, *, model: str = "m") -> float | None:
        return self.health.earliest_return(self.upstream, model, now, identity=SOMEBODY)


def limited(seconds: float) -> Outcome:
    return Refused(429, ErrorClass.RATE_LIMITED, retry_after=seconds)


# ── What cools a target, and for how long ───────────────────────────────────────────────────────────────────────────


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


@pytest.mark.parametrize("word", ["key", "quota", "429+30s", "model"])
def test_a_caller_s_own_poor_key_takes_no_model_away_from_others(word: str) -> None:
    own = target("own", auth="passthrough")
    watch = Watch(own)
    watch.record(own, word, 0.0, times=9)
    assert watch.cooling(0.0) == set()


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


# ── Per model, per key, per caller ──────────────────────────────────────────────────────────────────────────────────


def test_a_rate_limit_on_one_model_does_not_affect_another() -> None:
    watch = Watch(ANY_MODEL)
    watch.record(ANY_MODEL, limited(20.0), 0.0, model="small")
    assert watch.cooling(1.0, model="small") == {"any"}
    assert watch.cooling(1.0, model="large") == set()
    assert watch.returns(1.0, model="small") == 19.0
    assert watch.returns(1.0, model="large") is None


def test_a_target_with_a_model_of_its_own_is_the_same_whatever_is_asked_for() -> None:
    watch = Watch(A)
    watch.record(A, limited(20.0), 0.0, model="small")
    assert watch.cooling(1.0, model="large") == {"a"}


def test_a_refused_key_cools_every_target_that_uses_it_until_its_value_changes() -> None:
    sibling = target("a2", secret="ns/key-a")
    watch = Watch(A, sibling, B)
    watch.record(A, "key", 0.0)
    assert watch.cooling(1.0) == {"a", "a2"}
    before, same, after = (table([A, sibling, B], {"ns/key-a": key}) for key in ("old", "old", "new"))
    watch.health.adopt(before, same)
    assert watch.cooling(1.0) == {"a", "a2"}
    watch.health.adopt(before, after)
    assert watch.cooling(1.0) == set()


def test_a_refusal_of_the_old_key_under_an_earlier_table_does_not_affect_the_new_key() -> None:
    watch = Watch(A)
    renewed = msgspec.structs.replace(A)
    watch.health.adopt(table([A], {"ns/key-a": "old"}), table([renewed], {"ns/key-a": "new"}))
    watch.record(A, "key", 0.0)
    assert watch.cooling(0.0) == set()
    watch.record(renewed, "key", 0.0)
    assert watch.cooling(0.0) == {"a"}


def test_a_refused_key_is_probed_rarely_and_by_one_request_alone() -> None:
    sibling = target("a2", secret="ns/key-a")
    watch = Watch(A, sibling)
    watch.record(A, "key", 0.0)
    assert watch.cooling(REFUSED_KEY_COOL_DOWN - 0.1) == {"a", "a2"}
    assert watch.cooling(REFUSED_KEY_COOL_DOWN) == set()
    watch.health.record_start(A, "m", REFUSED_KEY_COOL_DOWN, identity=SOMEBODY)
    assert watch.cooling(REFUSED_KEY_COOL_DOWN) == {"a", "a2"}
    watch.record(A, "key", REFUSED_KEY_COOL_DOWN + 1)
    assert watch.cooling(REFUSED_KEY_COOL_DOWN * 2) == {"a", "a2"}
    watch.record(sibling, "200", REFUSED_KEY_COOL_DOWN * 2)
    assert watch.cooling(REFUSED_KEY_COOL_DOWN * 2) == set()


def test_a_key_that_works_after_all_is_used_again() -> None:
    watch = Watch(A)
    watch.record(A, "key", 0.0)
    watch.record(A, "200", 1.0)
    assert watch.cooling(1.0) == set()


def test_a_success_after_a_quota_stated_its_wait_does_not_end_the_wait() -> None:
    watch = Watch(A)
    watch.record(A, Refused(429, ErrorClass.QUOTA_EXHAUSTED, retry_after=60.0), 0.0)
    watch.record(A, "200", 1.0)
    assert watch.cooling(59.0) == {"a"}


def test_a_forbidden_model_cools_its_target_and_not_the_key() -> None:
    sibling = target("a2", secret="ns/key-a")
    watch = Watch(A, sibling)
    watch.record(A, Refused(403, ErrorClass.CREDENTIALS), 0.0)
    assert watch.cooling(29.0) == {"a"}
    assert watch.cooling(30.0) == set()


def test_an_error_event_about_credentials_is_no_proof_against_the_key() -> None:
    watch = Watch(A)
    watch.record(A, Broken("error-event", error_class=ErrorClass.CREDENTIALS), 0.0)
    assert watch.cooling(29.0) == {"a"}
    assert watch.cooling(30.0) == set()


def test_a_refused_target_without_a_key_returns() -> None:
    bare = target("bare", secret="")
    watch = Watch(bare)
    watch.record(bare, "key", 0.0)
    assert watch.cooling(29.0) == {"bare"}
    assert watch.cooling(30.0) == set()


def test_exhausted_quota_cools_the_key_for_long() -> None:
    sibling = target("a2", secret="ns/key-a")
    watch = Watch(A, sibling)
    watch.record(A, "quota", 0.0)
    assert watch.cooling(29.0) == {"a", "a2"}
    assert watch.cooling(30.0) == set()
    watch.record(A, Refused(429, ErrorClass.QUOTA_EXHAUSTED, retry_after=86_400.0), 40.0)
    assert watch.cooling(339.0) == {"a", "a2"}


@pytest.mark.parametrize("word", ["key", "quota", "429+30s", "429"])
def test_a_callers_own_key_harms_no_other_caller(word: str) -> None:
    own = target("own", auth="passthrough")
    watch = Watch(own)
    watch.record(own, word, 0.0, times=9)
    assert watch.cooling(0.0) == set()
    watch.record(own, "refused", 0.0, times=3)
    assert watch.cooling(0.0) == {"own"}


def test_a_plain_backend_cools_for_failed_connections_and_not_for_its_answers() -> None:
    plain = target("plain", provider=Http(), secret="")
    watch = Watch(plain)
    watch.record(plain, "429+30s", 0.0, times=9)
    watch.record(plain, "500", 0.0, times=9)
    assert watch.cooling(0.0) == set()
    watch.record(plain, "refused", 0.0, times=2)
    watch.record(plain, "500", 0.0)
    watch.record(plain, "refused", 0.0, times=2)
    assert watch.cooling(0.0) == set()
    watch.record(plain, "refused", 0.0)
    assert watch.cooling(0.0) == {"plain"}


# ── The way back ────────────────────────────────────────────────────────────────────────────────────────────────────


def cooled(now: float = 0.0) -> Watch:
    watch = Watch(A, B)
    watch.record(A, "500", now, times=3)
    return watch


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


# ── Gloo's outlierDetection ─────────────────────────────────────────────────────────────────────────────────────────

OUTLIERS = CoolDown(after=5, base=30.0, max=300.0, growth="multiple", interval=10.0, max_ejection_percent=10.0)


def test_an_ejection_is_longer_by_its_base_each_time_up_to_the_maximum() -> None:
    watch = Watch(A, B, cool_down=OUTLIERS)
    watch.record(A, "500", 0.0, times=4)
    assert watch.cooling(0.0) == set()
    watch.record(A, "500", 0.0)
    now = 0.0
    for length in (30.0, 60.0, 90.0, 120.0, 150.0, 180.0, 210.0, 240.0, 270.0, 300.0, 300.0):
        assert watch.cooling(now + length - 0.1) == {"a"}
        now += length
        assert watch.cooling(now) == set()
        watch.record(A, "500", now)


def test_server_errors_of_a_plain_backend_count_where_outlier_detection_is_written() -> None:
    plain = target("plain", provider=Http(), secret="")
    watch = Watch(plain, B, cool_down=msgspec.structs.replace(OUTLIERS, plain_5xx=True))
    watch.record(plain, "429", 0.0, times=9)
    assert watch.cooling(0.0) == set()
    watch.record(plain, "500", 0.0, times=5)
    assert watch.cooling(0.0) == {"plain"}


def test_an_ejection_ends_at_the_first_look_at_the_hosts_after_its_time() -> None:
    watch = Watch(A, B, cool_down=msgspec.structs.replace(OUTLIERS, base=12.0))
    watch.record(A, "500", 0.0, times=5)
    assert watch.cooling(19.9) == {"a"}
    assert watch.cooling(20.0) == set()


def test_no_more_than_the_written_part_of_the_hosts_is_ejected_the_first_to_fail_and_at_least_one() -> None:
    hosts = [target(name, provider=Http(), secret="") for name in "abcdefghij"]
    watch = Watch(*hosts, cool_down=OUTLIERS)
    for number, host in enumerate(reversed(hosts)):
        watch.record(host, "refused", float(number), times=5)
    assert watch.cooling(20.0) == {"j"}
    watch.cool_down = msgspec.structs.replace(OUTLIERS, max_ejection_percent=30.0)
    assert watch.cooling(20.0) == {"j", "i", "h"}


def test_one_host_stays_whatever_the_written_part() -> None:
    watch = Watch(A, B, cool_down=msgspec.structs.replace(OUTLIERS, max_ejection_percent=99.0))
    watch.record(A, "refused", 0.0, times=5)
    watch.record(B, "refused", 1.0, times=5)
    assert watch.cooling(2.0) == {"a"}
    alone = Watch(A, cool_down=OUTLIERS)
    alone.record(A, "refused", 0.0, times=5)
    assert alone.cooling(2.0) == set()


def test_a_wait_that_a_target_asked_for_holds_beside_the_written_part() -> None:
    watch = Watch(A, B, target("c"), cool_down=OUTLIERS)
    watch.record(A, "refused", 0.0, times=5)
    watch.record(B, limited(20.0), 1.0)
    assert watch.cooling(2.0) == {"a", "b"}


def test_where_server_errors_alone_count_a_rate_limit_without_a_wait_does_not() -> None:
    watch = Watch(A, B, cool_down=msgspec.structs.replace(OUTLIERS, server_errors_only=True))
    watch.record(A, "429", 0.0, times=50)
    assert watch.cooling(0.0) == set()
    watch.record(A, limited(20.0), 0.0)
    assert watch.cooling(0.0) == {"a"}


# ── What a success costs ────────────────────────────────────────────────────────────────────────────────────────────


class NobodyAsks:
    """A request of which nobody may want to know whose it is: that is worked out with a hash of its body."""

    @property
    def caller(self) -> int:
        raise AssertionError("nobody needs to know the caller")

    request = caller


@pytest.mark.parametrize(
    ("failed", "cooling"),
    [
        ((), set()),
        ((WORDS["reset"],), set()),
        ((WORDS["key"],), {"b"}),
        ((Refused(500, ErrorClass.SERVER_ERROR, scope="unknown"),), set()),
    ],
    ids=["nothing failed", "another target failed", "another key failed", "another target failed for no given reason"],
)
def test_whose_request_it_is_is_not_worked_out_while_only_others_failed(
    failed: tuple[Outcome, ...], cooling: set[str]
) -> None:
    watch = Watch(A, B)
    for outcome in failed:
        watch.record(B, outcome, 0.0)
    assert watch.cooling(1.0, identity=NobodyAsks()) == cooling
    watch.health.record_start(A, "m", 1.0, identity=NobodyAsks())
    watch.health.record(A, "m", WORDS["200"], COOL_DOWN, 2.0, identity=NobodyAsks(), is_streaming=True)
    watch.health.record_completion(A, "m", 3.0, identity=NobodyAsks())


def test_after_all_of_it_is_forgotten_a_failure_is_known_again() -> None:
    watch = Watch(A, B)
    for now in (0.0, 100.0):
        watch.record(A, "reset", now, times=2)
        watch.record(A, "200", now + 1)
        watch.record(A, "200", now + 2)
        assert watch.health.dump(now + 2) == []
        watch.record(A, "500", now + 3, times=2)
        watch.record(A, "200", now + 4)
    watch.record(A, limited(20.0), 200.0)
    assert watch.cooling(210.0) == {"a"}


# ── Tables, bounds and the dump ─────────────────────────────────────────────────────────────────────────────────────


def table(targets: list[Target], secrets: dict[str, str]) -> Table:
    return sealed((), {}, {}, {"u": Upstream(name="u", priorities=(tuple(targets),))}, secrets)


def test_health_survives_a_new_table_where_target_and_address_are_the_same() -> None:
    watch = cooled()
    watch.health.adopt(table([A, B], {}), table([B, A], {}))
    assert watch.cooling(1.0) == {"a"}


def test_a_target_that_moved_or_is_gone_starts_afresh() -> None:
    moved = target("a", host="elsewhere", secret="ns/key-a")
    watch = cooled()
    assert Watch(moved).cooling(1.0) == set()
    elsewhere = Upstream(name="u", priorities=((moved,),))
    assert set(watch.health.cooling(elsewhere, COOL_DOWN, "m", 1.0, identity=SOMEBODY)) == set()
    watch.health.adopt(table([A], {}), table([moved], {}))
    assert watch.health.dump(1.0) == []


def test_a_key_that_is_refused_at_one_target_is_forgiven_when_its_secret_changes() -> None:
    watch = Watch(A, B)
    watch.record(A, Refused(403, ErrorClass.CREDENTIALS), 0.0)
    watch.record(B, "model", 0.0)
    old = table([A, B], {"ns/key-a": "1", "ns/key-b": "1"})
    watch.health.adopt(old, old)
    assert watch.cooling(1.0) == {"a", "b"}
    watch.health.adopt(old, table([A, B], {"ns/key-a": "2", "ns/key-b": "2"}))
    assert watch.cooling(1.0) == {"b"}


def test_made_up_names_of_models_push_no_long_wait_out_of_memory() -> None:
    watch = Watch(A, ANY_MODEL)
    watch.record(A, limited(60.0), 0.0)
    for number in range(CAPACITY + 50):
        watch.record(ANY_MODEL, "model", 0.0, model=f"made-up-{number}")
    assert watch.cooling(59.0) == {"a"}


def test_names_of_models_from_callers_fill_no_memory() -> None:
    watch = Watch(ANY_MODEL)
    for number in range(CAPACITY + 50):
        watch.record(ANY_MODEL, "model", 0.0, model=f"made-up-{number}" + "x" * 1000)
    entries = watch.health.dump(0.0)
    assert len(entries) == CAPACITY
    assert all(len(str(entry["model"])) <= 256 for entry in entries)
    assert watch.cooling(0.0, model=f"made-up-{CAPACITY + 49}" + "x" * 1000) == {"any"}
    assert watch.cooling(0.0, model="made-up-0" + "x" * 1000) == set()


def test_the_dump_shows_what_failed_and_when_it_returns_without_any_secret() -> None:
    watch = Watch(A, B)
    watch.record(A, "500", 0.0, times=3)
    watch.record(B, "key", 0.0)
    assert watch.health.dump(4.0) == [
        {
            "target": "a",
            "address": "h:443",
            "model": "",
            "for": "all callers",
            "state": "cooling",
            "error_class": "server-error",
            "failures": 3,
            "returns_in": 6.0,
            "share": 0.0,
        },
        {
            "credential": "ns/key-b",
            "state": "cooling",
            "error_class": "credentials",
            "failures": 1,
            "returns_in": REFUSED_KEY_COOL_DOWN - 4.0,
            "share": 0.0,
        },
    ]
    watch.health.record_start(A, "m", 10.0, identity=SOMEBODY)
    assert [entry["state"] for entry in watch.health.dump(10.0)] == ["probing", "cooling"]
    assert [entry["state"] for entry in watch.health.dump(25.0)] == ["failing", "cooling"]


@given(
    st.lists(
        st.tuples(
            st.sampled_from([A, B, ANY_MODEL]),
            st.sampled_from(sorted(set(WORDS) - {"key"})),
            st.floats(0, 100),
            st.booleans(),
        ),
        max_size=40,
    )
)
def test_every_target_comes_back_in_bounded_time(events: list[tuple[Target, str, float, bool]]) -> None:
    watch = Watch(A, B, ANY_MODEL)
    now = 0.0
    for one, word, pause, starts in events:
        now += pause
        if starts:
            watch.health.record_start(one, "m", now, identity=SOMEBODY)
        watch.record(one, word, now)
        wait = watch.returns(now)
        assert wait is None or 0 < wait < math.inf
    assert watch.cooling(now + MAX_REQUESTED_WAIT + PROBE_TIMEOUT) == set()
