"""The failover trace: what was tried for one request, in which order, and why it ended as it did.

Attempts are written down as they end; `summary` and `served_by` tell the caller, `trace_line` the log. Only names from
the table, numbers and closed vocabularies get in: nothing of a caller's body or headers but its request id.
"""

from functools import lru_cache
from typing import Literal

from switchover_dataplane.failover.outcome import Broken, ClientGone, Committed, NotSent, Outcome, Refused, TimedOut

Ending = Literal["served", "rescued", "refused", "exhausted", "interrupted", "client-gone"]
"""How a request ended: `refused` is an answer that no other model would better, `rescued` a success after failures."""

ATTEMPTS_HEADER = "x-switchover-attempts"
SERVED_BY_HEADER = "x-switchover-served-by"
LONGEST_NAME = 256
"""Characters of a name of a model that are shown: it may be the caller's own text."""


class Attempt:
    """One try. Times are milliseconds; `wait_ms` passed before it, `first_token_ms` until its first content.

    `status` is the target's own, None where it gave none; `decision` says what was done after it. `continues` tells
    that it was asked for the rest of an answer that broke off, `dropped` counts malformed events of its stream, and
    `beside` tells that it was started beside one that was silent. `not_carried` are the fields of the request that the
    target's API has no place for.
    """

    __slots__ = (
        "beside",
        "bytes",
        "continues",
        "decision",
        "detail",
        "dropped",
        "duration_ms",
        "error_class",
        "first_token_ms",
        "model",
        "not_carried",
        "priority",
        "provider",
        "status",
        "target",
        "wait_ms",
    )

    def __init__(self, priority: int, target: str, provider: str, model: str, wait_ms: float) -> None:
        self.priority = priority
        self.target = target
        self.provider = provider
        self.model = model
        self.wait_ms = wait_ms
        self.status: int | None = None
        self.error_class: str | None = None
        self.first_token_ms: float | None = None
        self.duration_ms = 0.0
        self.bytes = 0
        self.decision = ""
        self.detail = ""
        self.continues = False
        self.dropped = 0
        self.beside = False
        self.not_carried: tuple[str, ...] = ()

    def count(self, size: int) -> None:
        """Add bytes of the answer that were passed on."""
        self.bytes += size


class Record:
    """Everything that is written down about one request. `status` is the one the client got, `caller` whose key it had.

    `started` is in seconds of the monotonic clock. `handed_on` is the attempt whose failure the client gets, where it
    is not the last. `passed_by` are the targets that cannot carry the request, and why.
    """

    __slots__ = (
        "attempts",
        "caller",
        "duration_ms",
        "handed_on",
        "outcome",
        "passed_by",
        "request_id",
        "route",
        "rule",
        "started",
        "status",
    )

    def __init__(self, request_id: str, route: str, rule: str, started: float) -> None:
        self.request_id = request_id
        self.route = route
        self.rule = rule
        self.started = started
        self.attempts: list[Attempt] = []
        self.outcome: Ending = "served"
        self.status = 0
        self.duration_ms = 0.0
        self.caller = ""
        self.handed_on: Attempt | None = None
        self.passed_by: tuple[str, ...] = ()

    @property
    def answering(self) -> Attempt | None:
        """The attempt whose answer, or lack of one, the client gets; None if there was none."""
        return self.handed_on or (self.attempts[-1] if self.attempts else None)

    @property
    def worth_telling(self) -> bool:
        """Whether the request was anything but a plain success of the first target."""
        return self.outcome != "served" or bool(self.passed_by)


def note(attempt: Attempt, outcome: Outcome) -> None:
    """Write down what became of an attempt."""
    match outcome:
        case Committed(status=status, error_class=error_class):
            attempt.status, attempt.error_class = status, error_class
        case Refused(status=status, error_class=error_class):
            attempt.status, attempt.error_class = status, error_class
        case NotSent(cause=cause, detail=detail, error_class=error_class):
            attempt.error_class, attempt.detail = error_class, f"{cause}: {detail}" if detail else cause
        case TimedOut(limit=limit, after=after, error_class=error_class):
            attempt.error_class, attempt.detail = error_class, f"{limit} of {after:g}s"
        case Broken(how=how, detail=detail, error_class=error_class):
            attempt.error_class, attempt.detail = error_class, f"{how}: {detail}" if detail else how
        case ClientGone():
            attempt.detail = "the client left"


_VERBS: dict[Ending, str] = {
    "served": "served",
    "rescued": "failed over",
    "refused": "refused",
    "exhausted": "exhausted",
    "interrupted": "interrupted",
    "client-gone": "client gone",
}


def message(record: Record, passed_by: tuple[str, ...]) -> str:
    """Say in one readable line what happened: `failed over: openai/gpt-4o 429 rate-limited > openai/gpt-4.1 200`."""
    named = [(served_by(each) if each.model else each.target, each) for each in record.attempts]
    steps = " > ".join([_in_words(name, attempt) for name, attempt in named])
    text = f"{_VERBS[record.outcome]}: {steps or 'no target'}"
    return f"{text}; passed by: {', '.join(passed_by)}" if passed_by else text


def _in_words(name: str, attempt: Attempt) -> str:
    if attempt.status is not None:
        name = f"{name} {attempt.status}"
    return name if attempt.error_class is None else f"{name} {attempt.error_class}"


def summary(record: Record) -> str:
    """Say to the caller what was tried: `openai/gpt-4o 429 rate-limited > openai/gpt-4.1 connect-failed`.

    Which host, address or object of the cluster that was is for the log.
    """
    return " > ".join([_in_words(served_by(attempt), attempt) for attempt in record.attempts]) or "nothing"


def served_by(attempt: Attempt) -> str:
    """Name the target for the caller: PROVIDER/MODEL, or PROVIDER where no model is known."""
    model = attempt.model
    # A caller's own name of a model is cut first: as a key of the cache it would hold memory.
    return name_of(attempt.provider, model if len(model) <= LONGEST_NAME else model[:LONGEST_NAME])


@lru_cache(maxsize=1024)
def name_of(provider: str, model: str) -> str:
    """Name a model as everybody reads it: PROVIDER/MODEL, or PROVIDER where `model` is "".

    The model's name may be the caller's own text, of up to `LONGEST_NAME` characters, and stands in a header.
    """
    return f"{provider}/{_shown(provider, model)}" if model else provider


def _shown(provider: str, model: str) -> str:
    name = model[:LONGEST_NAME]
    if not name.isprintable():
        name = "".join(letter for letter in name if letter.isprintable())
    return name or provider
