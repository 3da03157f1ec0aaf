"""A refusal's status, headers and the start of its body → why it was refused, and for how long to stay away.

A status alone misleads, so the providers' own codes and words come first (`error_codes.ROWS`), then the status. Waits
come in many ways, too, and some numbers that look like one are none: `x-ratelimit-reset-*` tells when a bucket is
full again, not when the next request would pass.
"""

import email.utils
import re
from collections.abc import Mapping
from datetime import UTC

from switchover_dataplane.error_body import Said, read
from switchover_dataplane.error_codes import BY_STATUS, ROWS, Row
from switchover_dataplane.outcome import Concern, ErrorClass

PLAIN = "http"
"""The provider kind of which no body is known: its statuses are about the caller's request, not a key or a model."""

_DAY = 86_400.0
_QUOTA_DAY_BEGINS = 8 * 3_600.0
_WORDED = re.compile(r"(?:retry|try again) (?:after|in) ([0-9]{1,6}(?:\.[0-9]{1,6})?) (milli)?(second|minute|hour)")
_SHORT = re.compile(
    r"(?:try again|retry) in (?:([0-9]{1,4})h)?(?:([0-9]{1,4})m(?!s))?(?:([0-9]{1,6}(?:\.[0-9]{1,9})?)(ms|s))?"
)
_DURATION = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)s")
_DELAY = re.compile(r'"retrydelay"\s*:\s*"([0-9]{1,9}(?:\.[0-9]{1,9})?)s"')
_NUMBER = re.compile(r"\s*[0-9]{1,15}(?:\.[0-9]{0,9})?\s*", re.ASCII)
_SECONDS = {"second": 1.0, "minute": 60.0, "hour": 3600.0}


def classify(provider_kind: str, status: int, headers: Mapping[str, str], body: bytes) -> ErrorClass | None:
    """Return why this answer is a failure, None if it is none.

    Args:
        provider_kind: a `kind` of `table.Provider`, or another provider's name as in `Row.kinds`.
        status: of the answer; a success may carry an error in its body (OpenRouter: Errors).
        headers: names in lower case, or a mapping that does not care.
        body: as much of it as was read; one that was cut short is searched for what it still shows.
    """
    return _classified(provider_kind, status, read(headers, body))


def failed_success(
    provider_kind: str, status: int, headers: Mapping[str, str], body: bytes, now_wall: float
) -> tuple[ErrorClass, float | None] | None:
    """Return why an answer under a success status is a failure and the wait that it asks for, None if it is none.

    The parameters are those of `classify` and `retry_after`; the body is read once.
    """
    said = read(headers, body)
    reason = _classified(provider_kind, status, said)
    return None if reason is None else (reason, _wait(headers, said, now_wall))


def failed_stream(provider_kind: str, body: bytes, now_wall: float) -> tuple[ErrorClass, float | None]:
    """Return why a stream failed whose event says so, and the wait that it asks for.

    `body` is the event's data, whatever else stands in it; it is read once.
    """
    said = read({}, body)
    return _by_words(provider_kind, said.status, said), _wait({}, said, now_wall)


def refused(
    provider_kind: str, status: int, headers: Mapping[str, str], body: bytes, now_wall: float
) -> tuple[ErrorClass, float | None, Concern]:
    """Return all that there is to know of a refusal: why, for how long to stay away (seconds), and whom it concerns.

    The parameters are those of `classify` and `retry_after`; the body is read once.
    """
    said = read(headers, body)
    reason = _plain(status) if provider_kind == PLAIN else _by_words(provider_kind, status, said)
    return reason or ErrorClass.SERVER_ERROR, _wait(headers, said, now_wall), _concern(status, said)


def _concern(status: int, said: Said) -> Concern:
    """Tell whom a refusal concerns, where it is narrower than its class says.

    OpenAI: Error codes ("Request too large": this request alone is over the limit, and waiting cannot help).
    Gemini API: Rate limits (a `quotaId` with PerProjectPerModel is one model's).
    """
    if status not in (413, 429):
        return "target"
    if any(message.startswith("request too large") for message in said.messages):
        return "request"
    return "model" if "permodel" in said.text else "target"


def _classified(kind: str, status: int, said: Said) -> ErrorClass | None:
    if kind == PLAIN:
        return _plain(status)
    if status < 400:
        if not said.is_error:
            return None
        status = said.status
    return _by_words(kind, status, said)


def _by_words(kind: str, status: int, said: Said) -> ErrorClass:
    for row in ROWS:
        if _applies(row, kind, status) and _says(row, said):
            return row.error_class
    return _by_status(status)


def _plain(status: int) -> ErrorClass | None:
    if status < 400:
        return None
    if status in (429, 503):
        return BY_STATUS[status]
    return ErrorClass.SERVER_ERROR if status >= 500 else ErrorClass.CALLER_FAULT


def _applies(row: Row, kind: str, status: int) -> bool:
    return (not row.statuses or not status or status in row.statuses) and (not row.kinds or kind in row.kinds)


def _says(row: Row, said: Said) -> bool:
    return (
        not row.codes.isdisjoint(said.codes)
        or any(text in said.text for text in row.texts)
        or (bool(row.starts) and any(message.startswith(row.starts) for message in said.messages))
    )


def _by_status(status: int) -> ErrorClass:
    if status in BY_STATUS:
        return BY_STATUS[status]
    return ErrorClass.CALLER_FAULT if 400 <= status < 500 else ErrorClass.SERVER_ERROR


# ── Waits ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def retry_after(headers: Mapping[str, str], body: bytes, now_wall: float) -> float | None:
    """Return the wait in seconds (more than 0) that an answer asks for, None if it asks for none.

    Headers come first, in the order of the providers' own SDKs: `retry-after-ms`, then `retry-after` as seconds or as
    an HTTP date (RFC 9110 section 10.2.3); then the body. `now_wall` is Unix time in seconds.
    """
    return _wait(headers, read({}, body), now_wall)


def _wait(headers: Mapping[str, str], said: Said, now_wall: float) -> float | None:
    if "perday" in said.text:
        return _until_quota_day(now_wall)
    if "request too large" in said.text:
        return None
    return (
        _number(headers.get("retry-after-ms", ""), 1000.0)
        or _number(headers.get("retry-after", ""))
        or _date(headers.get("retry-after", ""), now_wall)
        or _from_details(said)
        or _from_text(said.text)
        or _from_reset(said, now_wall)
    )


def _number(text: str, per_second: float = 1.0) -> float | None:
    value = float(text) / per_second if _NUMBER.fullmatch(text) else 0.0
    return value if value > 0 else None


def _date(text: str, now_wall: float) -> float | None:
    if not text:
        return None
    try:
        moment = email.utils.parsedate_to_datetime(text)
        # A date in "-0000" has no zone; HTTP dates are always UTC (RFC 9110 section 5.6.7).
        stamp = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return stamp - now_wall if stamp > now_wall else None


def _until_quota_day(now_wall: float) -> float:
    """Return the seconds until a daily quota is new, whatever RetryInfo says (Gemini API: Rate limits).

    It is midnight Pacific time: 08:00 UTC, an hour late in summer.
    """
    return _DAY - (now_wall - _QUOTA_DAY_BEGINS) % _DAY


def _from_details(said: Said) -> float | None:
    """Gemini, Vertex AI: `error.details[].retryDelay`, a protobuf duration in seconds (google.rpc.RetryInfo)."""
    for detail in _list(_get(_error(said), "details")):
        delay = _DURATION.fullmatch(str(_get(detail, "retryDelay")))
        if delay:
            return _number(delay[1])
    # A body that was cut is no document.
    cut = _DELAY.search(said.text) if said.document is None else None
    return _number(cut[1]) if cut else None


def _from_text(text: str) -> float | None:
    """Read "retry after 37 seconds" (Azure OpenAI), "try again in 7m12.5s" (OpenAI), "retry in 34.07s" (Gemini)."""
    worded = _WORDED.search(text)
    if worded:
        number, milli, unit = worded.groups()
        return _number(number, (1000.0 if milli else 1.0) / _SECONDS[unit])
    short = _SHORT.search(text)
    if not short:
        return None
    hours, minutes, seconds, unit = short.groups()
    last = float(seconds or 0) / (1000.0 if unit == "ms" else 1.0)
    return (int(hours or 0) * 3600.0 + int(minutes or 0) * 60.0 + last) or None


def _from_reset(said: Said, now_wall: float) -> float | None:
    """OpenRouter: `error.metadata.headers.X-RateLimit-Reset`, a Unix stamp in milliseconds."""
    headers = _get(_get(_error(said), "metadata"), "headers")
    named = headers.items() if isinstance(headers, dict) else ()
    text = next((str(value) for name, value in named if str(name).lower() == "x-ratelimit-reset"), "")
    stamp = _number(text, 1000.0)
    return stamp - now_wall if stamp and stamp > now_wall else None


def _error(said: Said) -> object:
    document = said.document
    return _get(document[0] if isinstance(document, list) and document else document, "error")


def _get(value: object, key: str) -> object:
    return value.get(key) if isinstance(value, dict) else None


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []
