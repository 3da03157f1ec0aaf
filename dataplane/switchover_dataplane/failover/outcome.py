"""What one attempt became. The type says whether anything reached the target and whether another try is safe.

Every attempt ends in exactly one outcome. Until an outcome is handed to the client nothing has been sent there, so
each of them but `ClientGone` may still be followed by another attempt; `decision.py` decides, on these facts alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from switchover_dataplane.table import ErrorClass

__all__ = [
    "Broken",
    "ClientGone",
    "Committed",
    "Concern",
    "ErrorClass",
    "NotSent",
    "Outcome",
    "Refused",
    "TimedOut",
]


@dataclass(frozen=True, slots=True)
class NotSent:
    """No byte of the request left: another target is always safe."""

    cause: Literal["refused", "unreachable", "dns", "tls", "connect-timeout", "no-port", "not-allowed"]
    detail: str = ""
    error_class: ErrorClass = ErrorClass.CONNECT_FAILED


@dataclass(frozen=True, slots=True)
class TimedOut:
    """The target was silent for longer than `limit` allows; `limit` names the field that said so."""

    limit: Literal["perTryTimeout", "firstTokenTimeout", "answerTimeout", "timeout"]
    after: float
    error_class: ErrorClass = ErrorClass.SILENT


Concern = Literal["target", "model", "unknown", "request"]
"""Whom a failure concerns: everybody who asks this target, as its class says; one model, not the key; one request.

With "target" and "model" a code or words say so. A status alone is "unknown": it may be for what the caller wrote.
"""


@dataclass(frozen=True, slots=True)
class Broken:
    """The connection or the answer broke; with the class INTERRUPTED, after some of it had been handed on.

    `retry_after` is a true wait in seconds, where an error under a success names one.
    """

    how: Literal["reset", "eof", "not-http", "truncated", "malformed", "error-event", "empty", "stalled"]
    detail: str = ""
    error_class: ErrorClass = ErrorClass.RESET
    retry_after: float | None = None
    concerns: Concern = "target"


@dataclass(frozen=True, slots=True)
class Refused:
    """A whole answer that is no success. `headers` has lower-case names; `retry_after` is a true wait in seconds."""

    status: int
    error_class: ErrorClass
    headers: Mapping[str, str] = field(default_factory=dict)
    retry_after: float | None = None
    concerns: Concern = "target"


@dataclass(frozen=True, slots=True)
class Committed:
    """An answer that is good to hand on: 1xx-3xx complete or streaming with its first content at hand.

    `error_class` is CONTENT_FILTER where it is a refusal, else None; it is known only where a `retryOn` asks for it.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    error_class: ErrorClass | None = None


@dataclass(frozen=True, slots=True)
class ClientGone:
    """The caller left; nothing is worth doing any more."""


Outcome = NotSent | TimedOut | Broken | Refused | Committed | ClientGone
