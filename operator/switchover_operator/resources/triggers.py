"""The triggers of `retryOn`: those of the table, and those of them that a FailoverPolicy accepts."""

from typing import Annotated

from pydantic import WithJsonSchema

from switchover_dataplane.table.error_classes import ENVOY_TRIGGERS, ErrorClass

from .model import Expected

RETRY_ON = tuple(dict.fromkeys((*(reason.value for reason in ErrorClass), *ENVOY_TRIGGERS)))
"""Every trigger, each once: error classes, then Envoy's tokens."""

LISTED = ("retriable-status-codes", "retriable-headers")
"""Triggers that need a list, for which a FailoverPolicy has no field."""

OF_POLICY = tuple(word for word in RETRY_ON if word not in LISTED)
"""Every trigger that the `retryOn` of a FailoverPolicy accepts."""

Trigger = Annotated[
    str,
    WithJsonSchema({"type": "string", "enum": list(OF_POLICY)}),
    Expected("a trigger, as rate-limited or server-error"),
]
"""One of these triggers. The model accepts any text, so that the compiler can report an unknown one by name."""
