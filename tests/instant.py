"""Policies of a RouteOption and by default, without a back-off unless a test is about it."""

from typing import Any

from as_written import AsWritten, as_written, retries
from switchover_dataplane.table.policies import BackOff

INSTANT = BackOff(base=0.0, max=0.0)
THREE = "p0 | p1 | p2"


def written(**fields: Any) -> AsWritten:
    """A policy of a RouteOption's `retries`, without a back-off unless the test is about it."""
    return retries(**{"attempts": 4, "back_off": INSTANT} | fields)


GUIDE = written(tokens=("retriable-status-codes",), status_codes=(429,), attempts=4, update_frequency=1)
DEFAULT = as_written(back_off=INSTANT)


def envoy(**fields: Any) -> AsWritten:
    return written(**{"semantics": "Envoy", "tokens": ("5xx", "retriable-status-codes")} | fields)
