"""Status, headers and the start of the body of a refusal → its error class, its scope and its wait.

A status alone misleads. So the provider's codes come first (`error_codes.py`), then the words of the error
(`error_words.py`), then the codes with several meanings, and the status last. `waits.py` reads the wait.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Final, NamedTuple

from switchover_dataplane.classify.error_body import TYPE_HEADER, ErrorDetails, read
from switchover_dataplane.classify.error_codes import BY_STATUS, GENERAL, ROWS, SCOPES, SURE_STATUSES, Row
from switchover_dataplane.classify.error_words import reason_from_text, sentences_of
from switchover_dataplane.classify.known_refusals import LONGEST, KnownRefusals, Stated, key_of
from switchover_dataplane.classify.named_part import Part, is_larger_than_a_limit, named_part, names_a_header
from switchover_dataplane.classify.waits import requested_wait, waits_of
from switchover_dataplane.failover.outcome import ErrorClass, RefusalScope

PLAIN = "http"
"""The provider kind with unknown bodies: its statuses are about the caller's request, not about a key or a model."""

Failure = tuple[ErrorClass, float | None, RefusalScope]
"""Error class, wait in seconds (None: not stated) and scope."""


class _ErrorText(NamedTuple):
    """The parts of `ErrorDetails` that decide the class: hashable, as the key of a cache."""

    codes: frozenset[str]
    names: tuple[str, ...]
    messages: tuple[str, ...]
    text: str
    param: str


_NOT_FOUND: Final = frozenset({400, 404, 409, 410, 422})
_OF_A_LIMIT: Final = frozenset({ErrorClass.RATE_LIMITED, ErrorClass.QUOTA_EXHAUSTED})
_WITHOUT_NUMBERS: Final = str.maketrans("123456789", "0" * 9)
"""Digits look the same to the words that are searched for: none of them names a number."""

_known: Final = KnownRefusals()


def classify(provider_kind: str, status: int, headers: Mapping[str, str], body: bytes) -> ErrorClass | None:
    """Return the error class of an answer, None if it is no failure.

    Args:
        provider_kind: a `kind` of `Provider`, or another provider's name as in `Row.kinds`.
        status: of the answer; a success may carry an error in its body (OpenRouter: Errors).
        headers: names in lower case, or a case-insensitive mapping.
        body: the part that was read; truncated JSON is searched as text.
    """
    if provider_kind == PLAIN:
        return _plain(status)
    details = read(headers, body)
    if status < 400 and not details.is_error:
        return None
    return _reason_and_scope(provider_kind, status if status >= 400 else details.status, details)[0]


def failed_success(
    provider_kind: str, status: int, headers: Mapping[str, str], body: bytes, now_wall: float
) -> Failure | None:
    """Return the failure in an answer with a success status, None if there is none.

    The parameters are those of `classify`; `now_wall` is Unix time in seconds.
    """
    if provider_kind == PLAIN:
        reason = _plain(status)
        return None if reason is None else (reason, None, "unknown")
    details = read(headers, body)
    if not details.is_error:
        return None
    stated_status = details.status
    return _with_wait(_stated(provider_kind, stated_status, details), stated_status, headers, now_wall)


def failed_stream(provider_kind: str, body: bytes, now_wall: float) -> Failure:
    """Return the failure that an event of a stream states; `body` is the event's data, or a text without events."""
    details = read({}, body)
    stated_status = details.status
    return _with_wait(_stated(provider_kind, stated_status, details), stated_status, {}, now_wall)


def refused(provider_kind: str, status: int, headers: Mapping[str, str], body: bytes, now_wall: float) -> Failure:
    """Return error class, wait and scope of a refusal.

    The parameters are those of `classify`; `now_wall` is Unix time in seconds.
    """
    key = key_of(provider_kind, status, headers.get(TYPE_HEADER, ""), body)
    stated = None if key is None else _known.get(key)
    if stated is None:
        state = _stated_plainly if provider_kind == PLAIN else _stated
        stated = state(provider_kind, status, read(headers, body))
        if key is not None:
            _known.add(key, stated)
    return _with_wait(stated, status, headers, now_wall)


def _with_wait(stated: Stated, status: int, headers: Mapping[str, str], now_wall: float) -> Failure:
    reason, scope, waits = stated
    if waits is None:
        return reason, None, scope
    wait = requested_wait(status, headers, waits, now_wall)
    return reason, wait, "target" if wait and scope == "unknown" else scope


def _stated(kind: str, status: int, details: ErrorDetails) -> Stated:
    reason, scope = _reason_and_scope(kind, status, details)
    if is_larger_than_a_limit(details.messages):
        return Stated(reason, "request", None)
    if reason in _OF_A_LIMIT and "permodel" in details.text:
        scope = "model"
    return Stated(reason, scope, waits_of(details))


def _stated_plainly(_kind: str, status: int, details: ErrorDetails) -> Stated:
    reason = _plain(status) or ErrorClass.SERVER_ERROR
    return Stated(reason, _of_status(status, reason), waits_of(details))


def _reason_and_scope(kind: str, status: int, details: ErrorDetails) -> tuple[ErrorClass, RefusalScope]:
    words = _ErrorText(
        frozenset(details.codes),
        tuple(details.names),
        tuple([message.translate(_WITHOUT_NUMBERS) for message in details.messages]),
        details.text.translate(_WITHOUT_NUMBERS),
        details.param,
    )
    return _reason(kind, status, words) if len(words.text) <= LONGEST else _reason_anew(kind, status, words)


def _reason_anew(kind: str, status: int, details: _ErrorText) -> tuple[ErrorClass, RefusalScope]:
    """Return the class and scope of the first source that has one, the most reliable source first."""
    sentences = sentences_of(details.messages)
    by_status = _by_status(status)
    if names_a_header(details.names, sentences):
        return by_status, "request"
    row = _row_of(ROWS, kind, status, details)
    if row is not None:
        return row.error_class, row.scope
    reason = reason_from_text(details.names, details.messages, status)
    if reason is not None:
        return reason, SCOPES.get(reason, "unknown")
    part = None if status in SURE_STATUSES else named_part(details.names, sentences, details.param)
    if part is not None:
        return _of_a_part(part, kind, status, details), "request"
    row = _row_of(GENERAL, kind, status, details)
    if row is not None:
        return row.error_class, row.scope
    return by_status, _of_status(status, by_status)


# A failing target sends the same error for each request but for its numbers (OpenAI: "Used 29000, Requested 2000"), and
# matching the words takes most of the time.
_reason = lru_cache(maxsize=512)(_reason_anew)


def _of_a_part(part: Part, kind: str, status: int, details: _ErrorText) -> ErrorClass:
    """Return the class of a refusal that names a part of the request; a missing item is missing at every target."""
    if part == "item" and status in _NOT_FOUND:
        return ErrorClass.CALLER_FAULT
    row = _row_of(GENERAL, kind, status, details)
    return row.error_class if row is not None else _by_status(status)


def _of_status(status: int, reason: ErrorClass) -> RefusalScope:
    """Return the scope of a refusal with only a status."""
    if SCOPES.get(reason) == "request":
        return "request"
    return "target" if status in SURE_STATUSES else "unknown"


def _row_of(rows: tuple[Row, ...], kind: str, status: int, details: _ErrorText) -> Row | None:
    return next((row for row in rows if _applies(row, kind, status) and _matches(row, details)), None)


def _plain(status: int) -> ErrorClass | None:
    if status < 400:
        return None
    if status in (429, 503):
        return BY_STATUS[status]
    return ErrorClass.SERVER_ERROR if status >= 500 else ErrorClass.CALLER_FAULT


def _applies(row: Row, kind: str, status: int) -> bool:
    of_status = not row.statuses or status in row.statuses or (not status and not row.needs_status)
    return of_status and (not row.kinds or kind in row.kinds)


def _matches(row: Row, details: _ErrorText) -> bool:
    return (
        not row.codes.isdisjoint(details.codes)
        or any(text in details.text for text in row.texts)
        or (bool(row.starts) and any(message.startswith(row.starts) for message in details.messages))
    )


def _by_status(status: int) -> ErrorClass:
    if status in BY_STATUS:
        return BY_STATUS[status]
    return ErrorClass.CALLER_FAULT if 400 <= status < 500 else ErrorClass.SERVER_ERROR
