"""The words of `retryOn`: the table's own, and those of them that a FailoverPolicy's CRD offers."""

from typing import Annotated

from pydantic import WithJsonSchema

from switchover_dataplane.table import ENVOY_TRIGGERS, ErrorClass

from .model import Expected

RETRY_ON = tuple(dict.fromkeys((*(reason.value for reason in ErrorClass), *ENVOY_TRIGGERS)))
"""Every word that `retryOn` knows, each once: classes of errors, then Envoy's tokens."""

LISTED = ("retriable-status-codes", "retriable-headers")
"""Words that mean nothing without a list beside them, which a FailoverPolicy has no field for."""

OF_POLICY = tuple(word for word in RETRY_ON if word not in LISTED)
"""Every word that may stand in the `retryOn` of a FailoverPolicy."""

Trigger = Annotated[
    str,
    WithJsonSchema({"type": "string", "enum": list(OF_POLICY)}),
    Expected("a trigger, as rate-limited or server-error"),
]
"""One of them. A model takes any word, so that the compiler can name one that it does not know."""
