"""Headers and error details of a refusal → how long to wait before the next request.

Waits have many forms, and some numbers look like a wait and are none: `x-ratelimit-reset-*` is the time until a bucket
is full again, not until the next request passes. So a reset counts only if the same bucket is empty.
"""

import email.utils
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple

from switchover_dataplane.classify.error_body import ErrorDetails

_DAY: Final = 86_400.0
_QUOTA_DAY_BEGINS: Final = 8 * 3_600.0
_LONGEST: Final = 400 * _DAY
"""No provider's limit lasts longer; a larger number is no wait."""

_MOST_MESSAGES: Final = 8
_MOST_OF_A_MESSAGE: Final = 1_024
_LONGEST_TEXT: Final = 64
_EPOCH: Final = 1e9
_EPOCH_MILLIS: Final = 1e12

_NUMBER: Final = re.compile(r"\s*[0-9]{1,15}(?:\.[0-9]{0,9})?\s*", re.ASCII)
_UNITS: Final = (
    ("milli(?:second)?s?|msecs?|ms|毫秒", 0.001),
    ("weeks?|w|周", 7 * _DAY),
    ("days?|d|天|tage?n?", _DAY),
    ("hours?|hrs?|h|个?小时|stunden?", 3_600.0),
    ("minutes?|mins?|m|分钟?|minuten?", 60.0),
    ("seconds?|secs?|s|秒钟?|sekunden?", 1.0),
)
_UNIT: Final = "|".join(f"({words})" for words, _ in _UNITS)
_STEP: Final = re.compile(
    rf"([0-9]{{1,9}}(?:\.[0-9]{{1,9}})?) ?(?:{_UNIT})(?![a-z])[ ,]{{0,2}}(?:and |und )?", re.ASCII
)
_MOST_STEPS: Final = 6
_MOMENT: Final = re.compile(
    r"20[0-9]{2}-[0-9]{2}-[0-9]{2}(?:[t ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,9})?)?)?"
    r"(?: ?(?:z|utc|gmt|[+-][0-9]{2}:?[0-9]{2}))?"
)

_BEFORE: Final = re.compile(
    r"(?:again|back|retry(?:ing)?|resets?|available|wait|come back|refresh(?:es|ed)?|renew(?:s|ed)?|replenish(?:es|ed)?"
    r"|unlock(?:s|ed)?|versuchen sie es|versuch es|erneut)"
    r"(?: (?:again|automatically|after|in|at|for|on|until|about|approximately|around|another|erneut)){0,4}:? ?(?=[0-9])"
)
_BEHIND: Final = re.compile(rf"(?<![0-9])([0-9]{{1,9}} ?(?:{_UNIT}) ?(?:之后|以后|后))")
_AT_A_MOMENT: Final = re.compile(r"(?:将[在于]|于) ?(?=20[0-9]{2}-)")

_IS_MILLIS: Final = ("ms", "millis", "milliseconds")
_IS_MINUTES: Final = ("min", "mins", "minute", "minutes")
_IS_HOURS: Final = ("hour", "hours")
_FROM_NOW: Final = ("in", "after", "delay", "for", "s", "sec", "seconds", *_IS_MILLIS, *_IS_MINUTES, *_IS_HOURS)
_A_RETRY: Final = ("retry", "wait", "cooldown", "backoff")
_ALL_IN_ONE: Final = re.compile(r"\b(?:r|remaining)=0\b[^\"]{0,40}?\b(?:t|reset)=([0-9]{1,10})")
_STATES_A_BUCKET: Final = re.compile("reset|ratelimit$", re.MULTILINE)
_LONGEST_LIST: Final = 512
_USED_UP: Final = frozenset(("rejected", "exceeded", "exhausted", "limited", "blocked", "throttled"))
_LIMITED: Final = frozenset((402, 403, 429, 498, 503, 529))


class Wait(NamedTuple):
    """A wait as an answer states it: `seconds` from now on, or until a Unix time in seconds if `is_moment`."""

    seconds: float
    is_moment: bool = False

    def left(self, now_wall: float) -> float | None:
        """Return the seconds that are left, None if they are not plausible: not more than 0, or too many."""
        return _plausible(self.seconds - now_wall if self.is_moment else self.seconds)


class BodyWaits(NamedTuple):
    """The waits of a body in the order in which they are tried, without its text and without the clock.

    `is_daily`: the body names a daily quota (Gemini API: Rate limits).
    """

    stated: tuple[Wait, ...] = ()
    is_daily: bool = False


def waits_of(details: ErrorDetails) -> BodyWaits:
    """Return the waits that the body of an answer states."""
    stated = (*_in_fields(details.waits), *_in_sentences(details.messages))
    return BodyWaits(stated, "perday" in details.text)


def requested_wait(status: int, headers: Mapping[str, str], body: BodyWaits, now_wall: float) -> float | None:
    """Return the wait in seconds (more than 0) that an answer asks for, None if it asks for none.

    Headers come first, in the order of the providers' SDKs: `retry-after-ms`, then `retry-after` as seconds or as an
    HTTP date (RFC 9110, section 10.2.3). Then come the fields and sentences of the body, then resets in headers.

    Args:
        status: of the answer, 0 if it is not known.
        headers: names in lower case, or a case-insensitive mapping.
        body: the waits in the body.
        now_wall: Unix time in seconds.
    """
    if body.is_daily:
        return _until_quota_day(now_wall)
    names = "\n".join(headers).lower()
    return (
        (_in_retry_headers(headers, now_wall) if "retry-after" in names else None)
        or (_first(body.stated, now_wall) if body.stated else None)
        or (_in_resets(headers, now_wall) if status in _LIMITED and _STATES_A_BUCKET.search(names) else None)
    )


def _first(stated: Iterable[Wait], now_wall: float) -> float | None:
    return next((left for wait in stated if (left := wait.left(now_wall))), None)


def _until_quota_day(now_wall: float) -> float:
    """Return the seconds until a daily quota resets; RetryInfo is ignored (Gemini API: Rate limits).

    The reset is at midnight Pacific time: 08:00 UTC, so one hour late in summer.
    """
    return _DAY - (now_wall - _QUOTA_DAY_BEGINS) % _DAY


# ── Fields ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _in_fields(fields: Sequence[tuple[str, str]]) -> Iterator[Wait]:
    """Read the fields of the body that hold a wait; fields about the next retry come before fields about a limit.

    Google: `retryDelay` (google.rpc.RetryInfo); OpenRouter: `metadata.headers.X-RateLimit-Reset`; Codex:
    `resets_in_seconds`.
    """
    in_order = sorted(fields, key=lambda named: not any(word in named[0] for word in _A_RETRY))
    return (wait for name, value in in_order if (wait := _of_field(name, value)) is not None)


def _of_field(name: str, value: str) -> Wait | None:
    """Read one field: a point in time has the size or form of one; a duration needs a name that says "from now"."""
    if _NUMBER.fullmatch(value) and float(value) >= _EPOCH:
        return _at(float(value))
    moment = _moment(value)
    if moment is not None:
        return _at(moment)
    if not name.endswith(_FROM_NOW) and not any(word in name for word in _A_RETRY):
        return None
    if name.endswith("at"):
        return None
    if _NUMBER.fullmatch(value):
        return Wait(float(value) * _seconds_of(name))
    return _span(value, whole=True)


def _seconds_of(name: str) -> float:
    """Return the unit at the end of a field's name, in seconds."""
    if name.endswith(_IS_MILLIS):
        return 0.001
    if name.endswith(_IS_MINUTES):
        return 60.0
    return 3_600.0 if name.endswith(_IS_HOURS) else 1.0


# ── Sentences ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _in_sentences(messages: Sequence[str]) -> Iterator[Wait]:
    """Read "retry after 37 seconds" (Azure), "try again in 7m12.5s" (OpenAI), "resets in 3hr 56min" (OpenCode)."""
    for message in messages[:_MOST_MESSAGES]:
        text = message[:_MOST_OF_A_MESSAGE]
        behind, dated = _BEHIND.search(text), _AT_A_MOMENT.search(text)
        found = [each for cue in _BEFORE.finditer(text) for each in _at_a_cue(text, cue.end())]
        found += [_span(behind[1]) if behind else None, _moment_at(text, dated.end()) if dated else None]
        yield from filter(None, found)


def _at_a_cue(text: str, start: int) -> tuple[Wait | None, Wait | None]:
    return _span(text[start : start + _LONGEST_TEXT]), _moment_at(text, start)


def _moment_at(text: str, start: int) -> Wait | None:
    found = _MOMENT.match(text, start)
    moment = _moment(found[0]) if found else None
    return None if moment is None else _at(moment)


# ── Headers ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _in_retry_headers(headers: Mapping[str, str], now_wall: float) -> float | None:
    """Read Retry-After, and headers whose names contain it (`x-ms-retry-after-ms`) in all forms."""
    return (
        _number(headers.get("retry-after-ms", ""), 1000.0)
        or _number(headers.get("retry-after", ""))
        or _date(headers.get("retry-after", ""), now_wall)
        or _first(_in_all_forms(headers), now_wall)
    )


def _in_all_forms(headers: Mapping[str, str]) -> Iterator[Wait]:
    for name, value in headers.items():
        if "retry-after" in name.lower() and len(value) <= _LONGEST_TEXT:
            wait = _of_field(name.lower().replace("-", ""), value.strip().lower())
            if wait is not None:
                yield wait


def _in_resets(headers: Mapping[str, str], now_wall: float) -> float | None:
    """Return the longest time until an empty bucket is full again, by headers.

    Claude API: Rate limits (`anthropic-ratelimit-*-reset`, RFC 3339; of subscriptions Unix time, with a status);
    draft-ietf-httpapi-ratelimit-headers (`RateLimit: "default";r=0;t=30`, before `remaining=0, reset=30`).
    """
    resets = [
        value.strip().lower()[:_LONGEST_TEXT]
        for name, value in headers.items()
        if "reset" in name.lower() and _is_used_up(headers, name.lower())
    ]
    resets += _ALL_IN_ONE.findall(headers.get("ratelimit", "")[:_LONGEST_LIST])
    waits = (wait.left(now_wall) for value in resets if (wait := _of_field("resetin", value)) is not None)
    return max(filter(None, waits), default=None)


def _is_used_up(headers: Mapping[str, str], name: str) -> bool:
    bucket = name.replace("reset-after", "reset")
    remaining = headers.get(bucket.replace("reset", "remaining"), "").strip()
    if _NUMBER.fullmatch(remaining):
        return float(remaining) == 0
    return headers.get(bucket.replace("reset", "status"), "").strip().lower() in _USED_UP


# ── Values ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _number(text: str, per_second: float = 1.0) -> float | None:
    return _plausible(float(text) / per_second) if _NUMBER.fullmatch(text) else None


def _plausible(seconds: float) -> float | None:
    return seconds if 0 < seconds <= _LONGEST else None


def _at(moment: float) -> Wait:
    """Return the wait until a Unix time, which is in seconds or milliseconds."""
    return Wait(moment / 1000.0 if moment >= _EPOCH_MILLIS else moment, is_moment=True)


def _span(text: str, *, whole: bool = False) -> Wait | None:
    """Read a duration at the start of a text, or the whole text as one."""
    seconds, at = 0.0, 0
    for _ in range(_MOST_STEPS):
        step = _STEP.match(text, at)
        if step is None:
            break
        at = step.end()
        unit = next(index for index in range(len(_UNITS)) if step[index + 2])
        seconds += float(step[1]) * _UNITS[unit][1]
    return None if not seconds or (whole and at < len(text)) else Wait(seconds)


def _moment(text: str) -> float | None:
    """Read a date and time of RFC 3339; without a zone it is UTC."""
    found = _MOMENT.fullmatch(text)
    if not found:
        return _http_date(text) if "," in text else None
    plain = text.upper().replace("UTC", "Z").replace("GMT", "Z").replace(" Z", "Z")
    try:
        moment = datetime.fromisoformat(plain.replace(" +", "+").replace(" -", "-"))
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None


def _date(text: str, now_wall: float) -> float | None:
    moment = _http_date(text) if text else None
    return None if moment is None else _at(moment).left(now_wall)


def _http_date(text: str) -> float | None:
    try:
        moment = email.utils.parsedate_to_datetime(text)
        # A date in "-0000" has no zone; HTTP dates are always UTC (RFC 9110 section 5.6.7).
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
