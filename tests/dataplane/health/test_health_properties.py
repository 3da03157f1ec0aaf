"""What holds for every sequence of outcomes: one caller's refusals take a target from nobody else."""

import json
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from playbook import Asks
from switchover_dataplane.classify.refusal import refused
from switchover_dataplane.failover.outcome import Broken, Committed, ErrorClass, NotSent, Outcome, Refused
from switchover_dataplane.health.health import Health
from switchover_dataplane.table.policies import CoolDown
from switchover_dataplane.table.upstreams import Auth, OpenAI, Target, Upstream

A, B = (Target(id=name, host="h", port=443, provider=OpenAI("m"), auth=Auth("token", "ns/key")) for name in "ab")
UPSTREAM = Upstream(name="u", ai=True, priorities=((A,), (B,)))
COOL_DOWN = CoolDown()
MINUTE = 60.0
NAMED = ("target", "model")

VOCABULARY = """the request item path header organization scope schema tool grammar image field is was not found
invalid unsupported missing blocked refused unexpected too large internal error failed bad upstream x 42 rs_1"""
WORDS = st.lists(st.sampled_from(VOCABULARY.split()), max_size=12).map(" ".join)
TEXTS = WORDS | st.text(max_size=60)
BODIES = st.one_of(
    TEXTS.map(str.encode),
    TEXTS.map(lambda text: json.dumps({"error": {"message": text, "type": "invalid_request_error"}}).encode()),
    st.tuples(TEXTS, TEXTS).map(lambda both: json.dumps({"error": {"message": both[0], "code": both[1]}}).encode()),
    TEXTS.map(lambda text: json.dumps({"detail": text}).encode()),
    TEXTS.map(lambda text: f"<html><title>{text}</title></html>".encode()),
    st.binary(max_size=60),
)
STATUSES = st.sampled_from([400, 401, 403, 404, 405, 409, 413, 415, 422, 424, 431, 451, 500, 501, 502, 504, 520, 599])
CLASSES = st.sampled_from([reason for reason in ErrorClass if reason is not ErrorClass.CONNECT_FAILED])


@st.composite
def answered(draw: st.DrawFn) -> Outcome | None:
    """A refusal as it is read off the wire; None where it names the target."""
    status, body = draw(STATUSES), draw(BODIES)
    reason, wait, scope = refused("openai", status, {}, body, 0.0)
    return None if scope in NAMED else Refused(status, reason, {}, wait, scope)


unexplained: st.SearchStrategy[Outcome | None] = st.one_of(
    answered(),
    st.builds(Refused, STATUSES, CLASSES, st.just({}), st.none(), st.sampled_from(["unknown", "request"])),
    st.builds(Broken, st.just("error-event"), st.just(""), CLASSES, st.none(), st.sampled_from(["unknown", "request"])),
)
named: st.SearchStrategy[Outcome] = st.one_of(
    st.builds(Refused, st.just(429), st.just(ErrorClass.RATE_LIMITED), st.just({}), st.sampled_from([None, 5.0, 30.0])),
    st.builds(Refused, st.just(401), st.just(ErrorClass.CREDENTIALS)),
    st.builds(NotSent, st.just("refused")),
    st.builds(Broken, st.just("reset")),
)


@dataclass(frozen=True)
class Moment:
    """What became of a request of a caller's; `after` is how many seconds later than the one before."""

    outcome: Outcome | None
    request: int
    after: float
    is_streaming: bool = False


moments = st.builds(
    Moment,
    st.one_of(unexplained, unexplained, st.just(Committed(200))),
    st.integers(1, 6),
    st.sampled_from([0.0, 0.1, 1.0, 9.0]),
    st.booleans(),
)


def kept_from(health: Health, caller: int, now: float) -> frozenset[str]:
    return frozenset(health.cooling(UPSTREAM, COOL_DOWN, "m", now, identity=Asks(caller, 999)))


@given(st.lists(moments, min_size=3, max_size=40))
def test_no_sequence_of_one_callers_refusals_takes_a_target_from_another_unless_one_names_it(
    sequence: list[Moment],
) -> None:
    health, now = Health(), 0.0
    for moment in sequence:
        now += moment.after
        asks = Asks(1, moment.request)
        health.record_start(A, "m", now, identity=asks)
        if moment.outcome is not None:
            health.record(A, "m", moment.outcome, COOL_DOWN, now, identity=asks, is_streaming=moment.is_streaming)
        assert not kept_from(health, 2, now)
    assert not any(kept_from(health, 2, now + number) for number in range(int(MINUTE)))


@given(st.lists(st.tuples(moments, st.none() | named), max_size=30))
def test_nor_does_it_keep_a_target_away_for_longer_that_is_away_for_a_reason(
    sequence: list[tuple[Moment, Outcome | None]],
) -> None:
    with_refusals, without, now = Health(), Health(), 0.0
    for moment, reason in sequence:
        now += moment.after
        if moment.outcome is not None and not isinstance(moment.outcome, Committed):
            with_refusals.record(A, "m", moment.outcome, COOL_DOWN, now, identity=Asks(1, moment.request))
        if reason is not None:
            for health in (with_refusals, without):
                health.record(A, "m", reason, COOL_DOWN, now, identity=Asks(1, moment.request))
        for later in (now, now + 7.0, now + 20.0, now + MINUTE):
            assert kept_from(with_refusals, 2, later) <= kept_from(without, 2, later)
