"""Which of several failures the caller gets: attempts in, the one that is handed on out."""

import pytest

from playbook import WORDS
from switchover_dataplane.attempts.held import Failure, Held
from switchover_dataplane.failover.outcome import Broken, ErrorClass, Outcome, Refused
from switchover_dataplane.failover.steps import Tried
from switchover_dataplane.table.upstreams import Target
from switchover_dataplane.telemetry.trace import Attempt

MORE: dict[str, Outcome] = {
    "item": Refused(404, ErrorClass.MODEL_UNAVAILABLE, scope="request"),
    "hollow": Broken("empty", "", ErrorClass.SERVER_ERROR),
    "masked+20s": Broken("error-event", "", ErrorClass.RATE_LIMITED, 20.0),
}


def told(words: str) -> str:
    """The outcomes of attempts on targets of their own, in order → which of them is held at the end, by its place."""
    history: list[Tried] = []
    held = Held(lambda _: None)
    for number, word in enumerate(words.split()):
        outcome = {**WORDS, **MORE}[word]
        tried = Tried(number, Target(id=f"p{number}", host="h", port=1), outcome)
        history.append(tried)
        held.offer(Failure(tried, None, Attempt(number, f"p{number}", "openai", "m", 0.0)), history, decides=False)
    last = held.take()
    assert last is not None
    return f"{words.split()[last.tried.priority]} of p{last.tried.priority}"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        # Ties: the last, as the guide's three limits show.
        ("429 429 429", "429 of p2"),
        ("500 503", "503 of p1"),
        ("429 500", "500 of p1"),
        ("429+30s 429+20s", "429+20s of p1"),
        ("refused per-try", "per-try of p1"),
        ("key model", "model of p1"),
        # An answer before none.
        ("429 refused", "429 of p0"),
        ("500 reset per-try refused", "500 of p0"),
        ("model refused", "model of p0"),
        ("hollow refused", "hollow of p0"),
        ("refused model", "model of p1"),
        # One with words before one without.
        ("500 hollow", "500 of p0"),
        ("key hollow", "key of p0"),
        # What says when to come back before what does not.
        ("429+30s 429", "429+30s of p0"),
        ("503+20s 500 key refused", "503+20s of p0"),
        ("masked+20s 500", "masked+20s of p0"),
        ("429 503+20s 429", "503+20s of p1"),
        # The key and the models are the gateway's to name.
        ("500 key", "500 of p0"),
        ("429 model", "429 of p0"),
        ("500 key refused", "500 of p0"),
        # The caller's own fault, of the first or of two.
        ("context key", "context of p0"),
        ("context 500", "context of p0"),
        ("context 429+30s", "context of p0"),
        ("500 fault fault", "fault of p2"),
        ("item 500 key", "item of p0"),
        ("500 item", "500 of p0"),
        ("key item", "item of p1"),
        ("429+30s context context", "context of p2"),
        ("429+30s context 500 context key", "context of p3"),
        # One fallback's own is no more than that.
        ("429+30s fault", "429+30s of p0"),
        ("503 fault", "503 of p0"),
        ("500 context", "500 of p0"),
        ("key fault", "fault of p1"),
        ("refused fault", "fault of p1"),
        ("429+30s fault context", "429+30s of p0"),
        # Nobody overrules a content filter.
        ("429+30s filter", "filter of p1"),
    ],
)
def test_the_most_telling_answer_is_handed_on(words: str, expected: str) -> None:
    assert told(words) == expected


def test_the_same_target_twice_bears_nothing_out() -> None:
    history = [
        Tried(0, Target(id="p0", host="h", port=1), WORDS["429+30s"]),
        Tried(1, Target(id="p1", host="h", port=1), WORDS["context"]),
        Tried(1, Target(id="p1", host="h", port=1), WORDS["context"]),
    ]
    held = Held(lambda _: None)
    for number, tried in enumerate(history, 1):
        note = Attempt(tried.priority, tried.target.id, "openai", "m", 0.0)
        held.offer(Failure(tried, None, note), history[:number], decides=False)
    last = held.take()
    assert last is not None
    assert last.tried is history[0]
