"""A request as one line: pools and outcomes in, steps out.

Pools are written `a b | c`, outcomes by the words below in the order of the attempts, and the steps that follow as
`a ~ a c`, where `~` is a wait, and the reason of the answer. The first candidate is the one that is tried.
"""

from collections.abc import Collection
from dataclasses import dataclass

from switchover_dataplane.failover.decision import Answer, Step, Tried, Wait, next_step
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
from switchover_dataplane.table import Policy, Target, Upstream

DEFAULT_POLICY = Policy()


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
    policy: Policy = DEFAULT_POLICY,
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
        policy,
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
    policy: Policy = DEFAULT_POLICY,
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
