"""The outcome with which a request ends → the status of its answer."""

from switchover_dataplane.failover.outcome import Broken, ClientGone, Committed, NotSent, Outcome, Refused, TimedOut


def status_for(outcome: Outcome) -> int:
    """Return the status that a client sees when a request ends with this outcome.

    An answer keeps its own; ours are Envoy's: 503 refused or reset, 502 no usable HTTP, 504 time-outs. 499 is for the
    log alone, as nobody is left to read it.
    """
    match outcome:
        case Committed() | Refused():
            return outcome.status
        case TimedOut():
            return 504
        case Broken():
            return 503 if outcome.how in ("reset", "eof") else 502
        case NotSent():
            return 503
        case ClientGone():
            return 499
