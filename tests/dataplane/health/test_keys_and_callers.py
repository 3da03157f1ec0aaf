"""Failures of one model, one key or one caller leave the others alone. The clock is a number in here."""

import msgspec
import pytest

from playbook import SOMEBODY
from switchover_dataplane.failover.outcome import Broken, ErrorClass, Refused
from switchover_dataplane.health.cool_downs import REFUSED_KEY_COOL_DOWN
from switchover_dataplane.table.upstreams import Http
from watched import ANY_MODEL, A, B, Watch, limited, table, target


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


@pytest.mark.parametrize("word", ["key", "quota", "429+30s", "429", "model"])
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
