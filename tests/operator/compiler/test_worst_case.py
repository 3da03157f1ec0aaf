"""What the compiler says of a policy at its worst, against what the data plane's decision then does."""

from itertools import combinations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from as_written import AsWritten, as_written, changed, retries
from playbook import WORDS, upstream
from switchover_dataplane.failover.decision import Answer, Tried, Wait, next_step
from switchover_dataplane.failover.outcome import ErrorClass, NotSent, Refused
from switchover_dataplane.table.policies import BackOff, RateLimitedBackOff, ResetHeader
from switchover_dataplane.table.upstreams import Upstream
from switchover_operator.compiler.attempt_rules import Written
from switchover_operator.compiler.conditions import Condition
from switchover_operator.compiler.worst_case import WorstCase, told, worst_case

ENVOY: dict[str, Any] = {"semantics": "Envoy", "tokens": ("5xx",)}
GUIDE = retries(attempts=4, tokens=("retriable-status-codes",), status_codes=(429,), update_frequency=1)


def worst(written: AsWritten, under: Upstream) -> WorstCase:
    """The worst case of what is written."""
    return worst_case(written.resolved_for(under), under)


def told_of(written: AsWritten, under: Upstream) -> Condition:
    """What the status says of it."""
    return told(written.resolved_for(under), under).at("spec.rules[0]")


@pytest.mark.parametrize(
    ("policy", "pools", "text"),
    [
        (
            GUIDE,
            "a | b | c",
            "at most 3 attempts; the last one starts at latest after 20s for a stream, "
            "180s for a stream after reasoning, 180s for a whole answer",
        ),
        (
            as_written(first_token_timeout=2.0, first_token_timeout_reasoning=2.0, answer_timeout=3.0),
            "a | b | c",
            "at most 4 attempts; the last one starts at latest after 8.1s for a stream, 8.1s for a stream after "
            "reasoning, 11.1s for a whole answer; later only as a repeat on the last target left, which is waited for "
            "without end",
        ),
        (
            as_written(first_token_timeout=2.0, first_token_timeout_reasoning=0.0, answer_timeout=0.0, attempts=2),
            "a | b",
            "at most 2 attempts; the last one starts at latest after 4s for a stream; nothing limits how long "
            "an attempt before it takes for a stream after reasoning and a whole answer",
        ),
        (as_written(attempts=1), "a | b", "at most 1 attempt"),
        (as_written(attempts=3), "a", "at most 3 attempts; nothing limits how long an attempt before it takes"),
    ],
)
def test_the_worst_case_is_told_by_kind_of_request(policy: AsWritten, pools: str, text: str) -> None:
    assert str(worst(policy, upstream(pools))) == text


@pytest.mark.parametrize(
    ("policy", "text"),
    [
        (as_written(**ENVOY, attempts=4, per_try_timeout=2.0, back_off=BackOff(1.0, 2.0)), "after 11s"),
        (as_written(**ENVOY, attempts=4), "nothing limits how long an attempt before it takes"),
        (
            as_written(
                **ENVOY,
                attempts=2,
                per_try_timeout=2.0,
                rate_limited_back_off=RateLimitedBackOff((ResetHeader("retry-after"),), max=10.0),
            ),
            "after 17s",
        ),
    ],
)
def test_under_envoys_semantics_time_is_limited_by_the_limit_of_a_try_and_waits_alone(
    policy: AsWritten, text: str
) -> None:
    assert text in str(worst(policy, upstream("a | b")))


def test_a_number_of_tries_beyond_all_reason_is_told_at_once() -> None:
    policy = retries(attempts=2**32, per_try_timeout=1.0, back_off=BackOff(1.0, 4.0))
    assert worst(policy, upstream("a")).starts == {"": 5 * (2.0**32 - 1) - 5}


@pytest.mark.parametrize(
    ("policy", "pools", "text"),
    [
        (
            retries(attempts=2, per_try_timeout=5.0, back_off=BackOff(0.1, 1.0)),
            "a",
            "at most 2 attempts; the last one starts after 5.1s if no headers come before; nothing limits how long an "
            "answer takes once its headers are there",
        ),
        (
            as_written(**ENVOY, attempts=2, per_try_timeout=5.0, back_off=BackOff(0.1, 1.0)),
            "a | b",
            "at most 2 attempts; the last one starts after 5.1s if no headers come before; nothing limits how long an "
            "answer takes once its headers are there",
        ),
    ],
)
def test_a_limit_that_ends_at_the_headers_is_not_told_as_one_of_the_attempt(
    policy: AsWritten, pools: str, text: str
) -> None:
    found = worst(policy, upstream(pools))
    assert str(found) == text
    assert not found.exceeds(6.0)


def test_a_plain_backend_passes_over_dead_targets_and_a_number_that_is_written_counts_them() -> None:
    assert str(worst(as_written(), upstream("a b c", ai=False))) == (
        "at most 3 attempts; the last one starts at latest after 10s"
    )
    assert worst(as_written(attempts=2, per_try_timeout=1.0), upstream("a b c", ai=False)).attempts == 2


def test_an_upstream_without_targets_gets_no_attempt() -> None:
    for written in (as_written(), GUIDE, as_written(**ENVOY, attempts=4)):
        for ai in (True, False):
            assert str(worst(written, upstream("|", ai=ai))) == "no attempt, as there is no target"


def test_under_envoys_semantics_nothing_is_tried_again_without_triggers() -> None:
    assert worst(as_written(semantics="Envoy", attempts=4), upstream("a | b")).attempts == 1


def test_triggers_after_which_no_target_is_asked_again_count_each_target_once() -> None:
    policy = as_written(tokens=("rate-limited",), attempts=5, max_retry_after_wait=0.0)
    assert worst(policy, upstream("a | b")).attempts == 2


@pytest.mark.parametrize(("timeout", "warned"), [(0.0, False), (30.0, True), (180.0, True), (181.0, False)])
def test_a_deadline_that_may_come_before_the_last_attempt_is_warned_of(timeout: float, *, warned: bool) -> None:
    condition = told_of(changed(GUIDE, timeout=timeout), upstream("a | b | c"))
    assert (condition.status, condition.reason) == (("False", "DeadlineTooShort") if warned else ("True", "Computed"))
    assert ("the timeout of" in condition.message) is warned


def test_a_deadline_does_not_matter_to_a_single_attempt() -> None:
    assert told_of(as_written(attempts=1, timeout=1.0), upstream("a | b")).status == "True"


def test_without_a_limit_of_a_try_a_deadline_may_always_come_first() -> None:
    assert told_of(as_written(**ENVOY, attempts=2, timeout=900.0), upstream("a | b")).status == "False"


# ── Against the decision ────────────────────────────────────────────────────────────────────────────────────────────

FAILURES = ["429", "429+1s", "429+2s", "429+30s", "500", "503", "key", "model", "reset", "refused", "per-try"]
LIMITED = Refused(429, ErrorClass.RATE_LIMITED, {"retry-after": "2"}, 2.0)
OUTCOMES = {**WORDS, "429+2s": LIMITED}
SECONDS = st.sampled_from([1.0, 7.0])
TRIGGERS = st.sampled_from(
    [
        None,
        (*ErrorClass, "5xx", "retriable-status-codes"),
        ("rate-limited", "connect-failed", "credentials", "model-unavailable"),
        ("5xx",),
    ]
)
SEMANTICS = st.sampled_from(["Failover", "Failover", "Envoy"])
written = st.one_of(
    st.builds(Written, attempts=st.none() | st.integers(1, 8), tokens=TRIGGERS, semantics=SEMANTICS),
    st.builds(
        Written,
        attempts=st.integers(1, 8),
        tokens=TRIGGERS,
        status_codes=st.just((429, 401, 404)),
        update_frequency=st.none() | st.integers(1, 3),
        retry_block=st.just(value=True),
        semantics=SEMANTICS,
    ),
)
policies = st.builds(
    AsWritten,
    written,
    st.fixed_dictionaries(
        {
            "per_try_timeout": SECONDS,
            "back_off": st.builds(BackOff, st.sampled_from([0.1, 3.0]), st.sampled_from([3.0, 9.0])),
            "first_token_timeout": SECONDS,
            "first_token_timeout_reasoning": SECONDS,
            "answer_timeout": SECONDS,
            "max_retry_after_wait": st.sampled_from([0.0, 2.0]),
        }
    ),
)
shapes = st.lists(st.integers(1, 2), min_size=1, max_size=4).map(
    lambda sizes: " | ".join(" ".join(f"p{index}{'ab'[i]}" for i in range(size)) for index, size in enumerate(sizes))
)


@settings(max_examples=400)
@given(st.data(), policies, st.builds(upstream, shapes, ai=st.booleans()))
def test_no_request_is_tried_more_often_or_later_than_was_told(
    data: st.DataObject, written: AsWritten, under: Upstream
) -> None:
    policy = written.resolved_for(under)
    ids = [target.id for pool in under.priorities for target in pool]
    found = worst_case(policy, under)
    kind = data.draw(st.sampled_from(list(found.starts)))
    limits = {
        "a stream": policy.first_token_timeout,
        "a stream after reasoning": policy.first_token_timeout_reasoning,
        "a whole answer": policy.answer_timeout,
    }
    outcomes = [*FAILURES, "quiet"] if kind in limits else FAILURES
    some = st.sampled_from([frozenset(each) for n in range(len(ids) + 1) for each in combinations(ids, n)])
    history: list[Tried] = []
    now = started = 0.0
    while True:
        step = next_step(
            policy,
            under,
            history,
            cooling=data.draw(some),
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
        outcome = OUTCOMES[data.draw(st.sampled_from(outcomes))]
        longest = limits.get(kind, policy.per_try_timeout)
        now += min(longest, under.connect_timeout) if isinstance(outcome, NotSent) else longest
        history.append(Tried(step.priority, data.draw(st.sampled_from(step.candidates)), outcome))
    latest = found.starts[kind]
    assert len(history) <= found.attempts
    assert latest is None or started <= latest + 0.01
