"""A refusal's status, headers and the start of its body → why it was refused, whom it concerns, and how long to wait.

A status alone misleads, so the providers' own codes come first (`error_codes.py`), then the words of their errors
(`error_words.py`), then the codes that mean anything, and the status last. Waits are `waits.py`'s.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Final, NamedTuple

from switchover_dataplane.classify.error_body import Said, read
from switchover_dataplane.classify.error_codes import BY_STATUS, CONCERNS, GENERAL, ROWS, SURE_STATUSES, Row
from switchover_dataplane.classify.error_concerns import Part, is_larger_than_a_limit, part_named
from switchover_dataplane.classify.error_words import said_reason, sentences_of
from switchover_dataplane.classify.waits import wait_asked
from switchover_dataplane.failover.outcome import Concern, ErrorClass

PLAIN = "http"
"""The provider kind of which no body is known: its statuses are about the caller's request, not a key or a model."""

Failure = tuple[ErrorClass, float | None, Concern]
"""Why an answer is none, for how many seconds to stay away (None: not told), and whom that concerns."""


class _Words(NamedTuple):
    """What an error says, as `Said` has it."""

    codes: frozenset[str]
    names: tuple[str, ...]
    messages: tuple[str, ...]
    text: str
    param: str


_NOT_FOUND: Final = frozenset({400, 404, 409, 410, 422})
_OF_A_LIMIT: Final = frozenset({ErrorClass.RATE_LIMITED, ErrorClass.QUOTA_EXHAUSTED})


def classify(provider_kind: str, status: int, headers: Mapping[str, str], body: bytes) -> ErrorClass | None:
    """Return why this answer is a failure, None if it is none.

    Args:
        provider_kind: a `kind` of `table.Provider`, or another provider's name as in `Row.kinds`.
        status: of the answer; a success may carry an error in its body (OpenRouter: Errors).
        headers: names in lower case, or a mapping that does not care.
        body: as much of it as was read; one that was cut short is searched for what it still shows.
    """
    if provider_kind == PLAIN:
        return _plain(status)
    said = read(headers, body)
    if status < 400 and not said.is_error:
        return None
    return _judged(provider_kind, status if status >= 400 else said.status, said)[0]


def failed_success(
    provider_kind: str, status: int, headers: Mapping[str, str], body: bytes, now_wall: float
) -> Failure | None:
    """Return why an answer under a success status is a failure, None if it is none.

    The parameters are those of `classify`, and `now_wall` is Unix time in seconds; the body is read once.
    """
    if provider_kind == PLAIN:
        reason = _plain(status)
        return None if reason is None else (reason, None, "unknown")
    said = read(headers, body)
    return _failure(provider_kind, said.status, headers, said, now_wall) if said.is_error else None


def failed_stream(provider_kind: str, body: bytes, now_wall: float) -> Failure:
    """Return why a stream failed whose event says so.

    `body` is the event's data, or any text in its place, whatever else stands in it; it is read once.
    """
    said = read({}, body)
    return _failure(provider_kind, said.status, {}, said, now_wall)


def refused(provider_kind: str, status: int, headers: Mapping[str, str], body: bytes, now_wall: float) -> Failure:
    """Return all that there is to know of a refusal.

    The parameters are those of `classify`, and `now_wall` is Unix time in seconds; the body is read once.
    """
    said = read(headers, body)
    if provider_kind != PLAIN:
        return _failure(provider_kind, status, headers, said, now_wall)
    reason = _plain(status) or ErrorClass.SERVER_ERROR
    wait = wait_asked(status, headers, said, now_wall)
    return reason, wait, _of_status(status, reason, wait)


def _failure(kind: str, status: int, headers: Mapping[str, str], said: Said, now_wall: float) -> Failure:
    reason, concern = _judged(kind, status, said)
    if is_larger_than_a_limit(said.messages):
        return reason, None, "request"
    if reason in _OF_A_LIMIT and "permodel" in said.text:
        concern = "model"
    wait = wait_asked(status, headers, said, now_wall)
    return reason, wait, "target" if wait and concern == "unknown" else concern


def _judged(kind: str, status: int, said: Said) -> tuple[ErrorClass, Concern]:
    words = _Words(frozenset(said.codes), tuple(said.names), tuple(said.messages), said.text, said.param)
    return _reason(kind, status, words)


# A target that fails says the same to each request, and asking words what they mean takes longer than all the rest.
@lru_cache(maxsize=128)
def _reason(kind: str, status: int, said: _Words) -> tuple[ErrorClass, Concern]:
    """Ask what names a reason, in the order of how sure it is."""
    sentences = sentences_of(said.messages)
    part = part_named(said.names, sentences, said.param)
    by_status = _by_status(status)
    if part == "header":
        return by_status, "request"
    row = _row_of(ROWS, kind, status, said)
    if row is not None:
        return row.error_class, row.concerns
    reason = said_reason(said.names, said.messages, status)
    if reason is not None:
        return reason, CONCERNS.get(reason, "unknown")
    if part is not None and status not in SURE_STATUSES:
        return _of_a_part(part, kind, status, said), "request"
    row = _row_of(GENERAL, kind, status, said)
    if row is not None:
        return row.error_class, row.concerns
    return by_status, _of_status(status, by_status, None)


def _of_a_part(part: Part, kind: str, status: int, said: _Words) -> ErrorClass:
    """Return the class of a refusal that names a part of the request: what it refers to is here or nowhere."""
    if part == "item" and status in _NOT_FOUND:
        return ErrorClass.CALLER_FAULT
    row = _row_of(GENERAL, kind, status, said)
    return row.error_class if row is not None else _by_status(status)


def _of_status(status: int, reason: ErrorClass, wait: float | None) -> Concern:
    """Tell whom a refusal concerns of which the status alone is known, and whether it asks for a wait."""
    if CONCERNS.get(reason) == "request":
        return "request"
    return "target" if wait or status in SURE_STATUSES else "unknown"


def _row_of(rows: tuple[Row, ...], kind: str, status: int, said: _Words) -> Row | None:
    return next((row for row in rows if _applies(row, kind, status) and _says(row, said)), None)


def _plain(status: int) -> ErrorClass | None:
    if status < 400:
        return None
    if status in (429, 503):
        return BY_STATUS[status]
    return ErrorClass.SERVER_ERROR if status >= 500 else ErrorClass.CALLER_FAULT


def _applies(row: Row, kind: str, status: int) -> bool:
    of_status = not row.statuses or status in row.statuses or (not status and not row.needs_status)
    return of_status and (not row.kinds or kind in row.kinds)


def _says(row: Row, said: _Words) -> bool:
    return (
        not row.codes.isdisjoint(said.codes)
        or any(text in said.text for text in row.texts)
        or (bool(row.starts) and any(message.startswith(row.starts) for message in said.messages))
    )


def _by_status(status: int) -> ErrorClass:
    if status in BY_STATUS:
        return BY_STATUS[status]
    return ErrorClass.CALLER_FAULT if 400 <= status < 500 else ErrorClass.SERVER_ERROR
