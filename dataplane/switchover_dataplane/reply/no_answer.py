"""An outcome that brought no answer at all → the gateway's own answer, with Envoy's status for the same failure."""

from switchover_dataplane.failover.outcome import Broken, NotSent, Outcome, TimedOut
from switchover_dataplane.formats import own_errors
from switchover_dataplane.formats.own_answers import OwnAnswer, error


def no_answer(outcome: Outcome | None, tried: str, request_id: str, wait: float | None) -> OwnAnswer:
    """Say that the last attempt brought no answer at all; the statuses are Envoy's for the same failures.

    503 refused, reset or nothing to try; 502 not HTTP; 504 time-outs. `tried` is what a caller may know of the attempts
    (`trace.summary`); the log has the rest under `request_id`.
    """
    match outcome:
        case TimedOut(limit=limit):
            why, what = own_errors.UPSTREAM_TIMEOUT, f"no model answered in time ({limit})"
        case Broken(how=how) if how not in ("reset", "eof"):
            why, what = own_errors.UPSTREAM_PROTOCOL_ERROR, f"what came is no model's answer ({how})"
        case NotSent(cause=cause):
            why, what = own_errors.UPSTREAM_UNREACHABLE, f"no model could be reached ({cause})"
        case Broken(how=how):
            why, what = own_errors.UPSTREAM_RESET, f"the connection broke ({how})"
        case _:
            why, what = own_errors.NO_TARGET, "no model is configured for this route that could be tried"
    return error(why, f"{what}; tried: {tried}; request ID: {request_id}", wait=wait)


def all_disabled(request_id: str) -> OwnAnswer:
    """Say that nothing was asked, as the operator took all of it out of rotation; why is for the log alone."""
    text = "every model of this route is taken out of rotation at the moment"
    return error(own_errors.ALL_DISABLED, f"{text}; request ID: {request_id}")
