"""The words of `retryOn`, as a FailoverPolicy's CRD offers them: the table's own."""

from typing import Annotated

from pydantic import WithJsonSchema

from switchover_dataplane.table import ENVOY_TRIGGERS, ERROR_CLASSES

RETRY_ON = tuple(dict.fromkeys((*ERROR_CLASSES, *ENVOY_TRIGGERS)))
"""Every word that `retryOn` knows, each once: classes of errors, then Envoy's tokens."""

Trigger = Annotated[str, WithJsonSchema({"type": "string", "enum": list(RETRY_ON)})]
"""One of them. A model takes any word, so that the compiler can name one that it does not know."""
