"""What holds for every request, whatever its policy, its pools and what comes back."""

from collections import Counter
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from as_written import AsWritten, as_written, retries
from playbook import WORDS, upstream
from switchover_dataplane.failover.decision import Answer, Tried, Try, Wait, Why, next_step
from switchover_dataplane.failover.outcome import ErrorClass, NotSent
from switchover_dataplane.failover.triggers import error_class
from switchover_dataplane.table.error_classes import BRIEF
from switchover_dataplane.table.policies import Counted, EnvoyOrder, EveryPriority, Policy
from switchover_operator.compiler.attempt_rules import Written

TOKENS = ["5xx", "gateway-error", "reset", "connect-failure", "retriable-4xx", "retriable-status-codes"]
MOVING_ON = ["429", "429+1s", "500", "503", "refused"] * 4
LONGEST = 60


@dataclass(frozen=True)
class Request:
    """A finished request: its tries in order, its waits and what followed them, and the answer.

    `healthy` holds the priorities with a target that was not cooling down; all of them where every target was.
    """

    tries: list[Try]
    waits: list[tuple[float, Try]]
    history: list[Tried]
    answer: Answer
    healthy: set[int]


token_lists = st.lists(st.sampled_from([*TOKENS, *map(str, ErrorClass)]), max_size=4).map(tuple)
written = st.one_of(
    st.builds(
        Written,
        attempts=st.none() | st.integers(1, 6),
        tokens=st.none() | token_lists,
        semantics=st.sampled_from(["Failover", "Failover", "Envoy"]),
    ),
    st.builds(
        Written,
        attempts=st.integers(1, 6),
        tokens=st.none() | token_lists,
        status_codes=st.lists(st.sampled_from([200, 409, 429, 500]), max_size=2).map(tuple),
        update_frequency=st.none() | st.integers(1, 3),
        retry_block=st.just(value=True),
        semantics=st.sampled_from(["Failover", "Failover", "Envoy"]),
    ),
)
policies = st.builds(AsWritten, written, st.fixed_dictionaries({"timeout": st.sampled_from([0.0, 0.5, 5.0])}))
unwritten = st.sampled_from([None, None, 2, 3, 4, 6]).map(lambda attempts: as_written(attempts=attempts))
ANY_KIND = st.booleans()
AI = st.just(value=True)
pools = st.lists(st.integers(0, 3), max_size=4).map(
    lambda sizes: " | ".join(" ".join(f"p{index}{'abc'[i]}" for i in range(size)) for index, size in enumerate(sizes))
)


def healthy_priorities(shape: str, cold: set[str]) -> set[int]:
    named = [pool.split() for pool in shape.split("|")]
    healthy = {index for index, pool in enumerate(named) if set(pool) - cold}
    return healthy or {index for index, pool in enumerate(named) if pool}


@st.composite
def requests(
    draw: st.DrawFn, policies: st.SearchStrategy[AsWritten] = policies, kinds: st.SearchStrategy[bool] = ANY_KIND
) -> tuple[Policy, str, bool, Request]:
    """Draw a request and play it to its end."""
    given, shape, ai = draw(policies), draw(pools), draw(kinds)
    policy = given.resolved_for(upstream(shape, ai=ai))
    words = st.sampled_from([*sorted(WORDS), *MOVING_ON])
    names = shape.replace("|", " ").split()
    always_cold = draw(st.sets(st.sampled_from(names))) if names else set()
    history: list[Tried] = []
    tries: list[Try] = []
    waits: list[tuple[float, Try]] = []
    elapsed = 0.0
    while True:
        step = next_step(
            policy,
            upstream(shape, ai=ai),
            history,
            cooling=frozenset(always_cold),
            elapsed=elapsed,
            wall=0.0,
            chance=draw(st.floats(0, 1)),
            repeats_allowed=draw(st.sampled_from([True, True, True, False])),
        )
        if isinstance(step, Answer):
            return policy, shape, ai, Request(tries, waits, history, step, healthy_priorities(shape, always_cold))
        if isinstance(step, Wait):
            waits.append((step.seconds, step.then))
            elapsed += step.seconds
            step = step.then
        tries.append(step)
        target = draw(st.sampled_from(step.candidates))
        history.append(Tried(step.priority, target, WORDS[draw(words)]))
        elapsed += draw(st.sampled_from([0.0, 0.2]))
        assert len(history) <= LONGEST, "the request goes on for ever"


@given(requests())
def test_a_request_never_makes_more_attempts_than_its_policy_allows(drawn: tuple[Policy, str, bool, Request]) -> None:
    policy, shape, _, request = drawn
    counted = request.history
    if not policy.counts_unsent:
        unsent = [tried for tried in request.history if isinstance(tried.outcome, NotSent)]
        counted = [tried for tried in request.history if not isinstance(tried.outcome, NotSent)]
        assert len(unsent) <= len(shape.replace("|", " ").split())
    waited = any(then.why is Why.RETRY_AFTER for _, then in request.waits)
    assert len(counted) <= policy.attempts + (waited and policy.brief_wait_is_extra)


@given(requests(unwritten, AI))
def test_no_priority_gets_a_repeat_that_costs_an_untried_healthy_one_its_turn(
    drawn: tuple[Policy, str, bool, Request],
) -> None:
    request = drawn[3]
    turns = Counter(step.priority for step in request.tries)
    if request.answer.why is Why.ATTEMPTS_USED_UP and max(turns.values()) > 1:
        assert request.healthy <= set(turns)


@given(requests(st.one_of(policies, unwritten), st.one_of(ANY_KIND, AI)))
def test_no_priority_is_tried_twice_while_another_is_healthy_and_untried_unless_the_policy_says_so(
    drawn: tuple[Policy, str, bool, Request],
) -> None:
    policy, _, _, request = drawn
    if isinstance(policy.order, EnvoyOrder):
        return
    turns: Counter[int] = Counter()
    for number, (step, tried) in enumerate(zip(request.tries, request.history, strict=True)):
        if turns[step.priority] and request.healthy - set(turns):
            before = request.history[:number]
            here = [each.outcome for each in before if (each.priority, each.target) == (step.priority, tried.target)]
            is_counted = isinstance(policy.order, Counted) and turns[step.priority] < policy.order.per_priority
            is_brief = not here or error_class(here[-1]) in BRIEF
            is_free = isinstance(before[-1].outcome, NotSent) or step.why is Why.RETRY_AFTER
            assert is_counted or is_free or (isinstance(policy.order, EveryPriority) and is_brief)
        turns[step.priority] += 1


@given(requests(st.integers(1, 6).map(lambda number: retries(attempts=number, update_frequency=1)), AI))
def test_where_each_priority_has_one_turn_none_is_tried_twice_while_there_is_more_than_one(
    drawn: tuple[Policy, str, bool, Request],
) -> None:
    _, shape, _, request = drawn
    turns = Counter(
        step.priority
        for step, before in zip(request.tries, [None, *request.history], strict=False)
        if before is None or not isinstance(before.outcome, NotSent)
    )
    if len([pool for pool in shape.split("|") if pool.split()]) > 1:
        assert max(turns.values(), default=0) <= 1


@given(requests())
def test_every_request_ends_with_an_answer_for_which_there_is_a_reason(
    drawn: tuple[Policy, str, bool, Request],
) -> None:
    answer = drawn[3].answer
    assert answer.why in {why for why in Why if why.startswith("answer: ")}
    assert 200 <= answer.status <= 599


@given(requests())
def test_there_is_never_a_wait_before_a_priority_that_had_no_try_yet(drawn: tuple[Policy, str, bool, Request]) -> None:
    policy, _, _, request = drawn
    if isinstance(policy.order, EnvoyOrder):
        return
    for _, then in request.waits:
        before = request.tries[: next(i for i, step in enumerate(request.tries) if step is then)]
        assert then.priority in {step.priority for step in before}


@given(requests())
def test_waits_stay_within_their_bounds_and_the_deadline(drawn: tuple[Policy, str, bool, Request]) -> None:
    policy, _, _, request = drawn
    for seconds, then in request.waits:
        longest = policy.brief_wait if then.why is Why.RETRY_AFTER else policy.back_off.max
        assert 0 < seconds <= longest
        assert not policy.timeout or seconds < policy.timeout


@given(requests(unwritten, AI))
def test_a_brief_rate_limit_is_waited_out_at_most_once(drawn: tuple[Policy, str, bool, Request]) -> None:
    assert sum(then.why is Why.RETRY_AFTER for _, then in drawn[3].waits) <= 1


@given(requests())
def test_candidates_are_distinct_targets_of_the_priority_that_is_named(
    drawn: tuple[Policy, str, bool, Request],
) -> None:
    _, shape, ai, request = drawn
    for step in request.tries:
        assert step.candidates
        assert len({target.id for target in step.candidates}) == len(step.candidates)
        assert set(step.candidates) <= set(upstream(shape, ai=ai).priorities[step.priority])


@given(requests())
def test_under_the_default_semantics_the_walk_never_returns_to_a_target_of_an_earlier_priority(
    drawn: tuple[Policy, str, bool, Request],
) -> None:
    policy, _, _, request = drawn
    if isinstance(policy.order, EnvoyOrder):
        return
    seen: set[tuple[int, str]] = set()
    last = -1
    for tried in request.history:
        here = (tried.priority, tried.target.id)
        assert here not in seen or tried.priority == last
        seen.add(here)
        last = tried.priority
