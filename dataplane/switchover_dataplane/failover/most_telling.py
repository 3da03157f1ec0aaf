"""Two attempts that failed → which of them tells the caller more.

The last answer may be the least of all: a connect failure, the refusal of a fallback's key. It is handed on only where
nothing said more before.
"""

from collections.abc import Sequence
from enum import IntEnum, auto

from switchover_dataplane.failover.outcome import Broken, ErrorClass, Outcome, Refused
from switchover_dataplane.failover.steps import Tried
from switchover_dataplane.table.error_classes import FINAL

_ABOUT_THE_REQUEST = FINAL | {ErrorClass.CONTEXT_LENGTH}
_OF_A_KEY_OR_MODEL = frozenset({ErrorClass.CREDENTIALS, ErrorClass.MODEL_UNAVAILABLE, ErrorClass.QUOTA_EXHAUSTED})


class Telling(IntEnum):
    """How much an outcome tells, the least first."""

    NO_ANSWER = auto()
    """Nobody said anything: refused, reset, silent."""

    NO_WORDS = auto()
    """An answer came and was none: hollow, cut short, a page."""

    OF_THE_GATEWAY = auto()
    """A key, an account or a model that the gateway named, not the caller."""

    OF_ONE_TARGET = auto()
    """What one fallback alone has against the request: a parameter that it lacks, a shorter context."""

    OF_THE_MOMENT = auto()
    """A server error or a limit, for who knows how long."""

    WITH_A_WAIT = auto()
    """It says when to come back."""

    OF_THE_REQUEST = auto()
    """The caller's own fault, said by the first target that was asked or by two."""


def telling(tried: Tried, history: Sequence[Tried]) -> Telling:
    """Tell how much a failed attempt says to the caller, in the light of all attempts of its request."""
    outcome = tried.outcome
    if not isinstance(outcome, (Refused, Broken)):
        return Telling.NO_ANSWER
    if isinstance(outcome, Broken) and outcome.how != "error-event":
        return Telling.NO_ANSWER if outcome.how in ("reset", "eof", "not-http") else Telling.NO_WORDS
    reason = outcome.error_class
    if reason in _ABOUT_THE_REQUEST or outcome.scope == "request":
        return Telling.OF_THE_REQUEST if _is_borne_out(tried, reason, history) else Telling.OF_ONE_TARGET
    if outcome.retry_after:
        return Telling.WITH_A_WAIT
    return Telling.OF_THE_GATEWAY if reason in _OF_A_KEY_OR_MODEL else Telling.OF_THE_MOMENT


def _is_borne_out(tried: Tried, reason: ErrorClass, history: Sequence[Tried]) -> bool:
    """Tell whether a refusal of the request is more than a fallback's own; a content filter is overruled by nobody."""
    if reason is ErrorClass.CONTENT_FILTER or is_of_the_first(tried, history):
        return True
    places = {_place(each) for each in history if _class(each.outcome) is reason}
    return len(places | {_place(tried)}) > 1


def is_of_the_first(tried: Tried, history: Sequence[Tried]) -> bool:
    """Tell whether an attempt was on the target that was asked first."""
    return not history or _place(history[0]) == _place(tried)


def _place(tried: Tried) -> tuple[int, str]:
    return tried.priority, tried.target.id


def _class(outcome: Outcome) -> ErrorClass | None:
    return outcome.error_class if isinstance(outcome, (Refused, Broken)) else None
