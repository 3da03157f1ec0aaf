"""What one attempt became. The type says whether anything reached the target and whether another try is safe.

Every attempt ends in exactly one outcome. Until an outcome is handed to the client nothing has been sent there, so
each of them but `ClientGone` may still be followed by another attempt; `decision.py` decides, on these facts alone.
"""

from collections.abc import Mapping
from typing import Literal

import msgspec

from switchover_dataplane.table.error_classes import ErrorClass

__all__ = [
    "Broken",
    "ClientGone",
    "Committed",
    "ErrorClass",
    "NotSent",
    "Outcome",
    "RefusalScope",
    "Refused",
    "TimedOut",
]


class NotSent(msgspec.Struct, frozen=True, gc=False):
    """No byte of the request left: another target is always safe."""

    cause: Literal["refused", "unreachable", "dns", "tls", "connect-timeout", "no-port", "not-allowed", "no-credential"]
    detail: str = ""
    error_class: ErrorClass = ErrorClass.CONNECT_FAILED


class TimedOut(msgspec.Struct, frozen=True, gc=False):
    """The target was silent for longer than `limit` allows; `limit` is the field that sets the limit."""

    limit: Literal["perTryTimeout", "firstTokenTimeout", "answerTimeout", "timeout"]
    after: float
    error_class: ErrorClass = ErrorClass.SILENT


RefusalScope = Literal["target", "model", "unknown", "request"]
"""What a failure is about: the whole target, one model of it, one request, or unknown.

With "target" and "model" a code or words say so. A status alone is "unknown": it may be for what the caller wrote.
"""


class Broken(msgspec.Struct, frozen=True, gc=False):
    """The connection or the answer broke; with the class INTERRUPTED, after some of it had been handed on.

    `retry_after` is a true wait in seconds, where an error under a success names one.
    """

    how: Literal["reset", "eof", "not-http", "truncated", "malformed", "error-event", "empty", "stalled"]
    detail: str = ""
    error_class: ErrorClass = ErrorClass.RESET
    retry_after: float | None = None
    scope: RefusalScope = "target"


class Refused(msgspec.Struct, frozen=True, gc=False):
    """A whole answer that is no success. `headers` has lower-case names; `retry_after` is a true wait in seconds."""

    status: int
    error_class: ErrorClass
    headers: Mapping[str, str] = {}
    retry_after: float | None = None
    scope: RefusalScope = "target"


class Committed(msgspec.Struct, frozen=True, gc=False):
    """An answer that is good to hand on: 1xx-3xx complete or streaming with its first content at hand.

    `error_class` is CONTENT_FILTER where it is a refusal, else None; it is known only where a `retryOn` asks for it.
    """

    status: int
    headers: Mapping[str, str] = {}
    error_class: ErrorClass | None = None


class ClientGone(msgspec.Struct, frozen=True, gc=False):
    """The caller left; nothing is worth doing any more."""


Outcome = NotSent | TimedOut | Broken | Refused | Committed | ClientGone
