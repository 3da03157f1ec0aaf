"""What is known of targets: what a success costs, what a new table keeps, and what the dump shows."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playbook import SOMEBODY, WORDS
from switchover_dataplane.failover.outcome import ErrorClass, Outcome, Refused
from switchover_dataplane.health.attribution import MAX_REQUESTED_WAIT
from switchover_dataplane.health.cool_downs import REFUSED_KEY_COOL_DOWN
from switchover_dataplane.health.ejection import PROBE_TIMEOUT
from switchover_dataplane.health.health import CAPACITY
from switchover_dataplane.table.upstreams import Target, Upstream
from watched import ANY_MODEL, COOL_DOWN, A, B, Watch, cooled, limited, table, target


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
