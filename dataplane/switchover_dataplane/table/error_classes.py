"""Why an attempt failed, and the names that a policy may write for what another attempt follows."""

from enum import StrEnum
from typing import Final


class ErrorClass(StrEnum):
    """Why an attempt failed, independent of the provider (DESIGN section 4); each value is also a `retryOn` token."""

    RATE_LIMITED = "rate-limited"
    QUOTA_EXHAUSTED = "quota-exhausted"
    OVERLOADED = "overloaded"
    SERVER_ERROR = "server-error"
    CONNECT_FAILED = "connect-failed"
    RESET = "reset"
    SILENT = "silent"
    CREDENTIALS = "credentials"
    MODEL_UNAVAILABLE = "model-unavailable"
    CONTEXT_LENGTH = "context-length"
    CONTENT_FILTER = "content-filter"
    CALLER_FAULT = "caller-fault"
    INTERRUPTED = "interrupted"


FINAL: Final = frozenset({ErrorClass.CONTENT_FILTER, ErrorClass.CALLER_FAULT})
"""Classes that are about the request: no other model is asked to overrule the first (DESIGN section 4)."""

BRIEF: Final = frozenset({ErrorClass.OVERLOADED, ErrorClass.SERVER_ERROR, ErrorClass.RESET})
"""Classes after which the same target may well answer, as they pass soon (DESIGN section 4, "same target again")."""

AI_TRIGGERS: Final = tuple(reason for reason in ErrorClass if reason not in FINAL)
"""The triggers where none is written: every class that another model may not share."""

CONNECTION_TRIGGERS: Final = ("connect-failure", "reset-before-request")
"""Envoy's triggers that name nothing but an attempt which sent nothing."""

ENVOY_TRIGGERS = (
    "5xx",
    "gateway-error",
    "reset",
    *CONNECTION_TRIGGERS,
    "retriable-4xx",
    "retriable-status-codes",
    "retriable-headers",
    "envoy-ratelimited",
    "refused-stream",
    "http3-post-connect-failure",
    "cancelled",
    "deadline-exceeded",
    "internal",
    "resource-exhausted",
    "unavailable",
)
"""Envoy's triggers (x-envoy-retry-on, x-envoy-retry-grpc-on) for `Tokens.tokens`; `reset` is an error class too."""
