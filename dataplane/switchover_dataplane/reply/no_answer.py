"""An outcome that brought no answer at all → the gateway's own answer, with Envoy's status for the same failure."""

from switchover_dataplane.failover.outcome import Broken, NotSent, Outcome, TimedOut
from switchover_dataplane.formats.own_answers import OwnAnswer, error


def no_answer(outcome: Outcome | None, tried: str, request_id: str, wait: float | None) -> OwnAnswer:
    """Say that the last attempt brought no answer at all; the statuses are Envoy's for the same failures.

    503 refused, reset or nothing to try; 502 not HTTP; 504 time-outs. `tried` is what a caller may know of the attempts
    (`trace.summary`); the log has the rest under `request_id`.
    """
    match outcome:
        case TimedOut(limit=limit):
            status, code, what = 504, "upstream_timeout", f"no model answered in time ({limit})"
        case Broken(how=how) if how not in ("reset", "eof"):
            status, code, what = 502, "upstream_protocol_error", f"what came is no model's answer ({how})"
        case NotSent(cause=cause):
            status, code, what = 503, "upstream_unreachable", f"no model could be reached ({cause})"
        case Broken(how=how):
            status, code, what = 503, "upstream_reset", f"the connection broke ({how})"
        case _:
            status, code, what = 503, "no_target", "no model is configured for this route that could be tried"
    return error(status, code, f"{what}; tried: {tried}; request ID: {request_id}", wait=wait)


def all_disabled(request_id: str) -> OwnAnswer:
    """Say that nothing was asked, as the operator took all of it out of rotation; why is for the log alone."""
    text = "every model of this route is taken out of rotation at the moment"
    return error(503, "all_disabled", f"{text}; request ID: {request_id}")
