"""The limits in the code → docs/reference/limits.md."""

from collections.abc import Callable
from typing import Final

from reference.tables import code, table
from switchover_dataplane.attempts import join, read_answer, read_success, redirect, stream_start
from switchover_dataplane.classify import error_body, error_words
from switchover_dataplane.command import main as data_plane
from switchover_dataplane.control import push
from switchover_dataplane.edge import early_refusal, receiving, sending
from switchover_dataplane.formats import json_body, json_fields, lenient_json, sse
from switchover_dataplane.health import attribution, cool_downs
from switchover_dataplane.process import turns
from switchover_dataplane.request import memory_budget, read_body
from switchover_dataplane.streams import held_calls, kept_text, opening, transcript
from switchover_dataplane.table.policies import DEFAULT_ATTEMPTS, Policy
from switchover_dataplane.telemetry import trace
from switchover_dataplane.upstream import codings, response_parser

_INTRODUCTION = """# Limits

The values are those of the code. [Limits for clients](../operations.md#limits-for-clients) and
[limits of an answer](../failover.md#limits-of-an-answer) say what happens beyond them.

"""
_Rows = tuple[tuple[str, str, str], ...]


def bytes_(size: int) -> str:
    """Write a number of bytes in the unit that leaves a whole number."""
    for power, unit in ((30, "GiB"), (20, "MiB"), (10, "KiB")):
        if size >= 1 << power and size % (1 << power) == 0:
            return f"{size >> power} {unit}"
    return f"{size} bytes"


def seconds(duration: float) -> str:
    """Write seconds; 0 is no limit."""
    return f"{duration:g} s" if duration else "none"


def number(count: int) -> str:
    """Write a number."""
    return f"{count:,}"


_POLICY: Final = Policy()


def page() -> str:
    """Write the page."""
    return _INTRODUCTION + "\n".join(
        f"## {title}\n\n{table(('limit', 'value', 'set by'), rows)}"
        for title, rows in (
            ("Connections and heads", _connections()),
            ("Bodies of requests", _bodies()),
            ("Attempts", _attempts()),
            ("Answers", _answers()),
            ("Streams", _streams()),
            ("Errors of models", _errors()),
            ("Others", _others()),
        )
    )


def _flag(name: str, unit: Callable[[float], str] | Callable[[int], str]) -> tuple[str, str]:
    [option] = [each for each in data_plane.params if name in each.opts]
    return unit(option.to_info_dict()["default"]), code(name)


def _connections() -> _Rows:
    return (
        ("client connections", "10,000, or less where fewer files can be open", code("--max-connections")),
        ("time for a head", *_flag("--head-timeout", seconds)),
        ("time of a connection without a request", *_flag("--keep-alive", seconds)),
        ("a head", bytes_(early_refusal.HEAD_LIMIT), ""),
        ("its request line", bytes_(early_refusal.REQUEST_LINE_LIMIT), ""),
        ("one field", bytes_(early_refusal.FIELD_LIMIT), ""),
        ("number of fields", number(early_refusal.HEADER_COUNT_LIMIT), ""),
        ("time in which an answer may wait for a slow client", *_flag("--send-timeout", seconds)),
        ("what a client has to take of it in a second", bytes_(sending.LEAST_RATE), ""),
    )


def _bodies() -> _Rows:
    return (
        ("a body that is held", bytes_(_POLICY.max_request_body), "`maxRequestBody` of a FailoverPolicy"),
        ("all bodies that are held", *_flag("--replay-memory", bytes_)),
        ("a small body, which has a reserve", bytes_(memory_budget.SMALL), ""),
        ("time without any data of a body", *_flag("--body-timeout", seconds)),
        ("time before a slow body is measured", seconds(receiving.SLOW_START), ""),
        ("top-level fields", number(json_fields.MOST_FIELDS), ""),
        ("commas and opening brackets", number(read_body.MOST_VALUES), ""),
        ("the name of a model", bytes_(json_body._LONGEST_MODEL), ""),
        ("growth of a compressed body over 16 MiB", f"{codings.MOST_TIMES} times", ""),
    )


def _attempts() -> _Rows:
    policy = "a FailoverPolicy"
    return (
        (
            "attempts of a request, or one for each priority where there are more",
            number(DEFAULT_ATTEMPTS),
            f"`numRetries`, `attempts` of {policy}",
        ),
        ("a `Retry-After` that is waited for", seconds(_POLICY.brief_wait), f"`maxRetryAfterWait` of {policy}"),
        ("a wait that a model may ask for", seconds(attribution.MAX_REQUESTED_WAIT), ""),
        (
            "silence before another model is asked beside, of a stream",
            seconds(_POLICY.first_token_timeout),
            "`firstTokenTimeout`",
        ),
        (
            "the same, of a request with reasoning",
            seconds(_POLICY.first_token_timeout_reasoning),
            "`firstTokenTimeout`",
        ),
        ("the same, of any other answer", seconds(_POLICY.answer_timeout), "`answerTimeout`"),
        ("the whole request", seconds(_POLICY.timeout), "`timeout` of a RouteOption, `timeouts` of a rule"),
        ("the head of an answer", seconds(_POLICY.per_try_timeout), "`perTryTimeout`"),
        ("failures in a row before a target cools down", number(_POLICY.cool_down.after), f"`coolDown` of {policy}"),
        ("first cool-down", seconds(_POLICY.cool_down.base), f"`coolDown` of {policy}"),
        ("longest cool-down", seconds(_POLICY.cool_down.max), f"`coolDown` of {policy}"),
        ("cool-down of a key that was refused", seconds(cool_downs.REFUSED_KEY_COOL_DOWN), ""),
        (
            "repeats in flight, as a share of an Upstream's requests",
            f"{_POLICY.retry_budget.percent:g} %",
            "`retryBudget`",
        ),
        ("repeats in flight that are always allowed", number(_POLICY.retry_budget.minimum), "`retryBudget`"),
        ("redirects that are followed", number(redirect.MOST), ""),
    )


def _answers() -> _Rows:
    return (
        ("a whole answer that is read before it is sent", bytes_(read_success.WHOLE_LIMIT), ""),
        ("a JSON text that is decoded", f"{number(lenient_json.MOST_VALUES)} commas and opening brackets", ""),
        ("a head", bytes_(response_parser.HEAD_LIMIT), ""),
        ("fields of a head", number(response_parser.HEADER_COUNT_LIMIT), ""),
        ("interim answers (1xx)", number(response_parser.INTERIM_LIMIT), ""),
        ("the reason phrase", bytes_(response_parser.REASON_LIMIT), ""),
        ("a stream that becomes JSON: its events", bytes_(join.MOST_BYTES), ""),
    )


def _streams() -> _Rows:
    return (
        ("an event", bytes_(sse.MAX_EVENT), ""),
        ("before the first content", f"{bytes_(opening.HELD_LIMIT)} or {number(opening.MOST_HELD)} events", ""),
        ("without new content", bytes_(transcript.MOST_IDLE), ""),
        ("silence, where another model could continue", seconds(_POLICY.stream_idle_timeout), "`streamIdleTimeout`"),
        ("silence, where none could", seconds(_POLICY.lone_stream_idle_timeout), "`streamIdleTimeout`"),
        ("a tool call that is held", f"{bytes_(held_calls.MOST_HELD)} or {number(held_calls.MOST_EVENTS)} events", ""),
        ("text that is kept, to continue it", bytes_(kept_text.MOST_TEXT), ""),
        ("wait for usage and `[DONE]` after the end", seconds(stream_start.AFTER_THE_END), ""),
        ("one turn, before other requests have theirs", f"{bytes_(turns.BYTES)} or {turns.EVENTS} events", ""),
    )


def _errors() -> _Rows:
    return (
        ("an error that is read", bytes_(read_answer.REFUSAL_LIMIT), ""),
        ("messages in it", number(error_body.MOST_TEXTS), ""),
        ("text in it", bytes_(error_body.MOST_TEXT), ""),
        ("sentences for its class", number(error_words.MOST_SENTENCES), ""),
        ("characters for its class", number(error_words.MOST_CHARACTERS), ""),
    )


def _others() -> _Rows:
    return (
        ("a table that is pushed", bytes_(push.TABLE_LIMIT), ""),
        ("a name of a model in logs and answers", f"{trace.LONGEST_NAME} characters", ""),
    )
