"""What makes a Kubernetes object that object. It stands alone because everything refers to objects by it."""

from typing import Any, NamedTuple

from switchover_operator.key_shapes import without_keys

Body = dict[str, Any]
"""A Kubernetes object as JSON-like data; never changed once it was read."""


class Identity(NamedTuple):
    """Group, kind, namespace ("" where cluster-wide) and name; the version of the API is no part of it."""

    group: str
    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        # A key that was pasted in the place of a name must not be told to everybody.
        return without_keys(
            f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"
        )


def identity_of(body: Body) -> Identity:
    """Read the identity of a body that has `apiVersion`, `kind` and `metadata.name`."""
    metadata = body["metadata"]
    group = body["apiVersion"].rpartition("/")[0]
    return Identity(group, body["kind"], metadata.get("namespace") or "", metadata["name"])
