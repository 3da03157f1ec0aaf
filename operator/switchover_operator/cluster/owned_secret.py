"""Values of the operator's own ↔ a Secret that is removed with the operator."""

import base64
import binascii
from collections.abc import Mapping, Sequence

from switchover_operator.identity import Body, Identity


def owned_secret(identity: Identity, values: Mapping[str, str], owners: Sequence[Body], kind: str = "Opaque") -> Body:
    """Make the Secret `identity` of type `kind`; `owners` are its ownerReferences."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": identity.name,
            "namespace": identity.namespace,
            "labels": {"app.kubernetes.io/managed-by": "switchover-operator"},
            "ownerReferences": list(owners),
        },
        "type": kind,
        "data": {key: base64.b64encode(value.encode()).decode() for key, value in values.items()},
    }


def secret_values(secret: Body) -> dict[str, str]:
    """Read the values of a Secret; "" for one that is not text, as none of ours is binary."""
    values: dict[str, str] = {}
    for key, text in (secret.get("data") or {}).items():
        try:
            values[key] = base64.b64decode(text).decode()
        except (binascii.Error, ValueError):
            values[key] = ""
    return values
