"""What the compiler says of a policy at its worst, against what the data plane's decision then does."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from playbook import WORDS, upstream
from switchover_dataplane.failover import Answer, Tried, Wait, next_step
from switchover_dataplane.outcome import ErrorClass
from switchover_dataplane.table import BackOff, Policy, RateLimitedBackOff, ResetHeader
from switchover_operator.worst_case import told, worst_case

GUIDE = Policy(
    written=True,
    explicit=True,
    attempts=4,
    retry_on=("retriable-status-codes",),
    status_codes=(429,),
    update_frequency=1,
)


@pytest.mark.parametrize(
    ("policy", "pools", "text"),
    [
        (
            GUIDE,
            "a | b | c",
            "at most 3 attempts; if all are silent, the last one starts after 20s for a stream, "
            "180s for a stream after reasoning, 240s for a whole answer",
        ),
        (
            Policy(first_token_timeout=2.0, first_token_timeout_reasoning=2.0, answer_timeout=3.0),
            "a | b | c",
            "at most 4 attempts; if all are silent, the last one starts after 8s for a stream, "
            "8s for a stream after reasoning, 11s for a whole answer",
        ),
        (
            Policy(first_token_timeout=2.0, first_token_timeout_reasoning=0.0, answer_timeout=0.0, attempts=2),
            "a | b",
            "at most 2 attempts; if all are silent, the last one starts after 2s for a stream; nothing limits how long "
            "an attempt before it takes for a stream after reasoning and a whole answer",
        ),
        (Policy(attempts=1), "a | b", "at most 1 attempt"),
        (Policy(attempts=3), "a", "at most 3 attempts; nothing limits how long an attempt before it takes"),
    ],
)
def test_the_worst_case_is_told_by_kind_of_request(policy: Policy, pools: str, text: str) -> None:
    assert str(worst_case(policy, upstream(pools))) == text


@pytest.mark.parametrize(
    ("policy", "text"),
    [
        (Policy(semantics="Envoy", attempts=4, per_try_timeout=2.0, back_off=BackOff(1.0, 2.0)), "after 11s"),
        (Policy(semantics="Envoy", attempts=4), "nothing limits how long an attempt before it takes"),
        (
            Policy(
                semantics="Envoy",
                attempts=2,
                per_try_timeout=2.0,
                rate_limited_back_off=RateLimitedBackOff((ResetHeader("retry-after"),), max=10.0),
            ),
            "after 17s",
        ),
    ],
)
def test_under_envoys_semantics_time_is_limited_by_the_limit_of_a_try_and_waits_alone(
    policy: Policy, text: str
) -> None:
    assert text in str(worst_case(policy, upstream("a | b")))


def test_a_number_of_tries_beyond_all_reason_is_told_at_once() -> None:
    policy = Policy(written=True, attempts=2**32, per_try_timeout=1.0, back_off=BackOff(1.0, 4.0))
    assert worst_case(policy, upstream("a")).starts == {"": 5 * (2.0**32 - 1) - 5}


@pytest.mark.parametrize(("timeout", "warned"), [(0.0, False), (30.0, True), (240.0, True), (241.0, False)])
def test_a_deadline_that_may_come_before_the_last_attempt_is_warned_of(timeout: float, *, warned: bool) -> None:
    condition = told(msgspec.structs.replace(GUIDE, timeout=timeout), upstream("a | b | c"), "spec.rules[0]")
    assert (condition.status, condition.reason) == (("False", "DeadlineTooShort") if warned else ("True", "Computed"))
    assert ("the timeout of" in condition.message) is warned


def test_a_deadline_does_not_matter_to_a_single_attempt() -> None:
    assert told(Policy(attempts=1, timeout=1.0), upstream("a | b"), "x").status == "True"


def test_without_a_limit_of_a_try_a_deadline_may_always_come_first() -> None:
    assert told(Policy(semantics="Envoy", attempts=2, timeout=900.0), upstream("a | b"), "x").status == "False"


# ── Against the decision ────────────────────────────────────────────────────────────────────────────────────────────

FAILURES = ["429", "429+1s", "429+30s", "500", "503", "key", "model", "reset", "error-event", "quiet"]
SECONDS = st.sampled_from([1.0, 7.0])
policies = st.builds(
    Policy,
    semantics=st.sampled_from(["Failover", "Failover", "Envoy"]),
    written=st.booleans(),
    attempts=st.integers(0, 6),
    retry_on=st.just((*ErrorClass, "5xx", "retriable-status-codes")),
    status_codes=st.just((429, 401, 404)),
    explicit=st.booleans(),
    update_frequency=st.integers(0, 3),
    per_try_timeout=SECONDS,
    back_off=st.builds(BackOff, st.just(0.1), st.sampled_from([0.1, 0.35])),
    first_token_timeout=SECONDS,
    first_token_timeout_reasoning=SECONDS,
    answer_timeout=SECONDS,
    max_retry_after_wait=st.sampled_from([0.0, 2.0]),
).map(lambda policy: msgspec.structs.replace(policy, written=True) if policy.update_frequency else policy)
shapes = st.lists(st.integers(1, 2), min_size=1, max_size=4).map(
    lambda sizes: " | ".join(" ".join(f"p{index}{'ab'[i]}" for i in range(size)) for index, size in enumerate(sizes))
)


@given(st.data(), policies, shapes)
def test_no_request_is_tried_more_often_or_later_than_was_told(data: st.DataObject, policy: Policy, shape: str) -> None:
    under = upstream(shape)
    worst = worst_case(policy, under)
    for kind, latest in worst.starts.items():
        each = {"": policy.per_try_timeout, "a stream": policy.first_token_timeout}.get(
            kind, policy.answer_timeout if kind == "a whole answer" else policy.first_token_timeout_reasoning
        )
        history: list[Tried] = []
        now = started = 0.0
        while True:
            step = next_step(
                policy,
                under,
                history,
                cooling=frozenset(),
                elapsed=now,
                wall=0.0,
                chance=1.0,
                repeats_allowed=True,
            )
            if isinstance(step, Answer):
                break
            if isinstance(step, Wait):
                now += step.seconds
                step = step.then
            started = now
            now += each
            outcome = WORDS[data.draw(st.sampled_from(FAILURES))]
            history.append(Tried(step.priority, data.draw(st.sampled_from(step.candidates)), outcome))
        assert len(history) <= worst.attempts
        assert latest is None or started <= latest + 0.01
