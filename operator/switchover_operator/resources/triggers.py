"""The words that `retryOn` knows: Envoy's tokens, and the classes of errors that Switchover tells apart.

In a RouteOption they stand in one text, separated by commas; in a FailoverPolicy they are a list. Which of them an
object may use, and what they mean together, is the compiler's matter; the CRD offers them all.
"""

from typing import Annotated

from pydantic import WithJsonSchema

ERROR_CLASSES = (
    "rate-limited",
    "quota-exhausted",
    "overloaded",
    "server-error",
    "connect-failed",
    "reset",
    "silent",
    "credentials",
    "model-unavailable",
    "context-length",
    "content-filter",
    "caller-fault",
    "interrupted",
)
"""Why an attempt failed, independent of the provider."""

ENVOY_TOKENS = (
    "5xx",
    "gateway-error",
    "reset",
    "reset-before-request",
    "connect-failure",
    "envoy-ratelimited",
    "retriable-4xx",
    "refused-stream",
    "retriable-status-codes",
    "retriable-headers",
    "http3-post-connect-failure",
    "cancelled",
    "deadline-exceeded",
    "internal",
    "resource-exhausted",
    "unavailable",
)
"""Envoy's own (Envoy, "Router", `x-envoy-retry-on` and `x-envoy-retry-grpc-on`)."""

RETRY_ON = tuple(dict.fromkeys((*ERROR_CLASSES, *ENVOY_TOKENS)))
"""Every word that `retryOn` knows, each once."""

Trigger = Annotated[str, WithJsonSchema({"type": "string", "enum": list(RETRY_ON)})]
"""One of them. A model takes any word, so that the compiler can name one that it does not know."""
