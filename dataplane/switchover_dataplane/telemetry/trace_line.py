"""A finished record → the log line of its failover trace."""

from switchover_dataplane.telemetry.trace import LONGEST_NAME, Attempt, Record
from switchover_dataplane.telemetry.trace_fields import AttemptFields, TraceLine


def line(record: Record, passed_by: tuple[str, ...]) -> TraceLine:
    """Record → the fields of its log line, beside `msg`; `passed_by` is what it would have used: what is disabled,
    and what cannot carry it."""
    handed_on = record.handed_on
    return TraceLine(
        request_id=record.request_id,
        caller=record.caller,
        route=record.route,
        rule=record.rule,
        outcome=record.outcome,
        status=record.status,
        duration_ms=_tenths(record.duration_ms),
        attempts=[_fields(attempt, is_handed_on=attempt is handed_on) for attempt in record.attempts],
        passed_by=passed_by,
    )


def _fields(attempt: Attempt, *, is_handed_on: bool) -> AttemptFields:
    first = attempt.first_token_ms
    return AttemptFields(
        attempt.priority,
        attempt.target,
        attempt.provider,
        attempt.model[:LONGEST_NAME],
        attempt.status,
        attempt.error_class,
        _tenths(attempt.wait_ms),
        None if first is None else _tenths(first),
        _tenths(attempt.duration_ms),
        attempt.bytes,
        attempt.decision,
        attempt.detail,
        attempt.continues,
        attempt.dropped,
        is_handed_on,
        attempt.not_carried,
    )


def _tenths(milliseconds: float) -> float:
    """Round to one digit behind the point; `round` costs ten times as much."""
    return int(milliseconds * 10 + 0.5) / 10
