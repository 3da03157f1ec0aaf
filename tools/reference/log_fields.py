"""The log lines about requests → docs/reference/log-fields.md."""

import types
import typing
from typing import Final, get_args, get_origin

import msgspec

from reference.tables import code, table
from switchover_dataplane.telemetry import refusals
from switchover_dataplane.telemetry.refusals import RefusalLine
from switchover_dataplane.telemetry.trace import Ending
from switchover_dataplane.telemetry.trace_fields import AttemptFields, TraceLine

_INTRODUCTION = """# Fields of log lines

Each line is one JSON object. On a terminal the same lines are text. No line holds a key, or the path, the fields or the
body of a request. [What the messages mean](../operations.md#what-the-log-lines-mean).

## Every line

| field | type | meaning |
|---|---|---|
| `time` | text | when it was written, in UTC, as RFC 3339 |
| `level` | text | `INFO`, `WARNING` or `ERROR` |
| `msg` | text | what happened, for people |
| `exception` | text | the traceback, where a fault of Switchover is logged |

"""
_TRACE: Final = {
    "request_id": "what the answer has in `x-request-id`",
    "caller": "NAMESPACE/NAME of the Secret whose key the request had",
    "route": "NAMESPACE/NAME of the HTTPRoute",
    "rule": "the rule's name, or its index",
    "outcome": "how it ended; see below",
    "status": "what the client got; 499 where it left",
    "duration_ms": "from the request's head to the end of its answer",
    "attempts": "one entry for each attempt, in order",
    "passed_by": "what would have been asked, and is [disabled](../how-to/drain-a-model.md) or "
    "[cannot carry it](formats.md)",
}
_ATTEMPT: Final = {
    "priority": "of the target, counted from 0",
    "target": "NAMESPACE/NAME of the Upstream, and the indices of priority and target",
    "provider": "the kind of API",
    "model": "the model that was asked for there",
    "status": "the target's own; null where it gave none",
    "error_class": "[why it failed](../failover.md#what-counts-as-a-failure); null where it did not",
    "wait_ms": "how long the gateway waited before it",
    "first_token_ms": "until the first content; null where none came",
    "duration_ms": "from its start to its end",
    "bytes": "of its answer that went to the client",
    "decision": "what was done after it",
    "detail": "what went wrong, such as the address that refused",
    "continues": "it was asked for the rest of an answer that broke off",
    "dropped_events": "malformed events that were taken out of its stream",
    "handed_on": "the client got its failure, although it was not the last",
    "not_carried": "the fields of the request that this target's API [has no place for](formats.md)",
}
_REFUSAL: Final = {
    "request_id": "as above",
    "caller": "as above",
    "route": "as above",
    "status": "what the client got",
    "code": "[the error](errors.md)",
    "reason": "what is wrong, without anything that the client sent",
    "left_out": "in a line `and N more ...`: how many there were",
    "seconds": "in such a line: in what time",
}
_OUTCOMES: Final = {
    "served": "the first attempt answered",
    "rescued": "a later attempt answered; `msg` says `failed over`",
    "refused": "a model refused the request itself, and no other one would take it",
    "exhausted": "no model answered",
    "interrupted": "the answer broke off, and no model could continue it",
    "client-gone": "the client left before the end",
}
_WORDS: Final = {str: "text", int: "number", float: "number", bool: "true", type(None): "null"}


def page() -> str:
    """Write the page."""
    assert get_args(Ending) == tuple(_OUTCOMES), "the ways to end are others"
    limits = (
        f"In {refusals.WINDOW:g} s there are at most {refusals.MOST_OF_ONE_KIND} lines of one code at one route, and "
        f"{refusals.MOST_OF_ALL} in all. One line says how many more there were."
    )
    return "\n".join(
        (
            f"{_INTRODUCTION}## A request that was sent to models\n\nPlain successes have no line without `--log-all`. "
            f"A field with its default (empty, 0, false) is left out.\n\n{_fields(TraceLine, _TRACE)}",
            f"### An entry of `attempts`\n\n{_fields(AttemptFields, _ATTEMPT)}",
            f"### Values of `outcome`\n\n{table(('value', 'meaning'), ((code(k), v) for k, v in _OUTCOMES.items()))}",
            f"## A request that the gateway answered itself\n\n{limits}\n\n{_fields(RefusalLine, _REFUSAL)}",
        )
    )


def _fields(kind: type[msgspec.Struct], meanings: dict[str, str]) -> str:
    found = [each for each in msgspec.structs.fields(kind) if each.name not in ("time", "level", "msg")]
    assert [each.name for each in found] == [*meanings], f"the fields of {kind.__name__} are others"
    rows = [(code(each.name), _type(each.type), meanings[each.name]) for each in found]
    return table(("field", "type", "meaning"), rows)


def _type(annotation: object) -> str:
    origin = get_origin(annotation)
    if origin is typing.Literal:
        return "text"
    if origin in (list, tuple):
        return "list"
    if origin in (types.UnionType, typing.Union):
        return " or ".join(dict.fromkeys(_type(part) for part in get_args(annotation)))
    assert isinstance(annotation, type)
    return _WORDS[annotation]
