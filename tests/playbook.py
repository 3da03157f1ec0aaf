"""A request as one line: pools and outcomes in, steps out.

Pools are written `a b | c`, outcomes by the words below in the order of the attempts, and the steps that follow as
`a ~ a c`, where `~` is a wait, and the reason of the answer. The first candidate is the one that is tried.
"""

import functools
import itertools
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from as_written import AsWritten, resolved_policy
from switchover_dataplane.failover.decision import Answer, Step, Tried, Try, Wait, next_step
from switchover_dataplane.failover.outcome import (
    Broken,
    ClientGone,
    Committed,
    ErrorClass,
    NotSent,
    Outcome,
    Refused,
    TimedOut,
)
from switchover_dataplane.table.policies import Policy
from switchover_dataplane.table.upstreams import Target, Upstream

DEFAULT_POLICY = AsWritten()


@dataclass(frozen=True)
class Asks:
    """Who asks, and for what (`unexplained_failures.RequestIdentity`)."""

    caller: int = 1
    request: int = 1


SOMEBODY = Asks()

WORDS: dict[str, Outcome] = {
    "200": Committed(200),
    "301": Committed(301),
    "409": Refused(409, ErrorClass.SERVER_ERROR),
    "429": Refused(429, ErrorClass.RATE_LIMITED),
    "429+1s": Refused(429, ErrorClass.RATE_LIMITED, {"retry-after": "1"}, 1.0),
    "429+30s": Refused(429, ErrorClass.RATE_LIMITED, {"retry-after": "30"}, 30.0),
    "429+20s": Refused(429, ErrorClass.RATE_LIMITED, {"retry-after": "20"}, 20.0),
    "503 limit+1s": Refused(503, ErrorClass.RATE_LIMITED, {"retry-after": "1"}, 1.0),
    "500": Refused(500, ErrorClass.SERVER_ERROR),
    "500+20s": Refused(500, ErrorClass.SERVER_ERROR, {"retry-after": "20"}, 20.0),
    "503": Refused(503, ErrorClass.OVERLOADED),
    "504": Refused(504, ErrorClass.OVERLOADED),
    "503+20s": Refused(503, ErrorClass.OVERLOADED, {"retry-after": "20"}, 20.0),
    "quota": Refused(429, ErrorClass.QUOTA_EXHAUSTED),
    "key": Refused(401, ErrorClass.CREDENTIALS),
    "model": Refused(404, ErrorClass.MODEL_UNAVAILABLE),
    "context": Refused(400, ErrorClass.CONTEXT_LENGTH),
    "filter": Refused(400, ErrorClass.CONTENT_FILTER),
    "fault": Refused(400, ErrorClass.CALLER_FAULT),
    "refused": NotSent("refused"),
    "reset": Broken("reset"),
    "not-http": Broken("not-http"),
    "error-event": Broken("error-event", error_class=ErrorClass.OVERLOADED),
    "per-try": TimedOut("perTryTimeout", 1.0),
    "quiet": TimedOut("firstTokenTimeout", 10.0),
    "gone": ClientGone(),
}


@dataclass(frozen=True)
class Played:
    """What came of it: `line` as above, the last answer and the seconds of each wait."""

    line: str
    why: str
    status: int
    waits: list[float]


def upstream(pools: str, *, ai: bool = True) -> Upstream:
    return Upstream(
        name="u",
        ai=ai,
        priorities=tuple(
            tuple(Target(id=name, host=name, port=443) for name in pool.split()) for pool in pools.split("|")
        ),
    )


def step(
    pools: str,
    outcomes: list[tuple[int, str, Outcome]],
    policy: Policy | AsWritten = DEFAULT_POLICY,
    *,
    ai: bool = True,
    cooling: Collection[str] = (),
    elapsed: float = 0.0,
    chance: float = 0.5,
    wall: float = 0.0,
    repeats_allowed: bool = True,
    took: float = 0.0,
) -> Step:
    """The one step that follows tries of (priority, target, outcome), each of which took so many seconds."""
    under = upstream(pools, ai=ai)
    targets = {target.id: target for pool in under.priorities for target in pool}
    return next_step(
        resolved_policy(policy, under),
        under,
        [Tried(priority, targets[name], outcome, took) for priority, name, outcome in outcomes],
        cooling=frozenset(cooling),
        elapsed=elapsed,
        wall=wall,
        chance=chance,
        repeats_allowed=repeats_allowed,
    )


def play(
    pools: str,
    outcomes: str,
    policy: Policy | AsWritten = DEFAULT_POLICY,
    *,
    ai: bool = True,
    cooling: str = "",
    cools: str = "",
    seconds_each: float = 0.0,
    chance: float = 0.5,
    repeats_allowed: bool = True,
) -> Played:
    """Play a whole request; the last outcome repeats. A failure with a word in `cools` makes its target cool down."""
    words = outcomes.split()
    cold = set(cooling.split())
    history: list[tuple[int, str, Outcome]] = []
    line: list[str] = []
    waits: list[float] = []
    elapsed = 0.0
    while True:
        found = step(
            pools,
            history,
            policy,
            ai=ai,
            cooling=cold,
            elapsed=elapsed,
            chance=chance,
            repeats_allowed=repeats_allowed,
            took=seconds_each,
        )
        if isinstance(found, Answer):
            return Played(" ".join(line), found.why.value, found.status, waits)
        if isinstance(found, Wait):
            line.append("~")
            waits.append(found.seconds)
            elapsed += found.seconds
            found = found.then
        name = found.candidates[0].id
        word = words[min(len(history), len(words) - 1)]
        history.append((found.priority, name, WORDS[word]))
        line.append(name)
        elapsed += seconds_each
        if word in cools.split():
            cold.add(name)


_WAYS_TO_FAIL = ("429", "429+1s", "503 limit+1s", "500", "reset", "refused", "key", "quiet", "filter")
_BRIEF_LIMITS: tuple[tuple[str, ...], ...] = ((), ("429+1s",), ("503 limit+1s",))
_Cools = Callable[[set[str], Sequence[Tried]], set[str]]
_COOLING: tuple[_Cools, ...] = (
    lambda _every, _history: set(),
    lambda every, history: every - {history[-1].target.id},
    lambda every, history: every - {tried.target.id for tried in history},
)


def longest_walk(policy: Policy, under: Upstream) -> int:
    """The most attempts that any of many bad days makes.

    A day has up to three failures of one kind, perhaps a brief rate limit, then failures of another kind. Meanwhile no
    target cools down, each but the last one does, or each that had no attempt.
    """
    every = {target.id for pool in under.priorities for target in pool}

    # Most days begin like others: what follows after the same failures is asked for once.
    @functools.cache
    def follows(cool: _Cools, words: tuple[str, ...]) -> Try | None:
        history: list[Tried] = []
        for number, word in enumerate(words):
            made = follows(cool, words[:number])
            assert made is not None
            history.append(Tried(made.priority, made.candidates[0], WORDS[word]))
        found = next_step(
            policy,
            under,
            history,
            cooling=cool(every, history) if history else frozenset(),
            elapsed=0.0,
            wall=0.0,
            chance=1.0,
            repeats_allowed=True,
        )
        if isinstance(found, Answer):
            return None
        return found.then if isinstance(found, Wait) else found

    def walk(cool: _Cools, words: tuple[str, ...], then: str) -> int:
        failed: tuple[str, ...] = ()
        while follows(cool, failed) is not None:
            failed += (words[len(failed)] if len(failed) < len(words) else then,)
        return len(failed)

    days = itertools.product(_WAYS_TO_FAIL, range(4), _BRIEF_LIMITS, _WAYS_TO_FAIL, _COOLING)
    return max(walk(cool, (first,) * number + brief, last) for first, number, brief, last, cool in days)
