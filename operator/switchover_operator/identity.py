"""The identity of a Kubernetes object, by which everything else refers to it."""

from typing import Any, NamedTuple

from switchover_operator.key_shapes import without_keys

Body = dict[str, Any]
"""A Kubernetes object as JSON-like data; it is never changed."""


class Identity(NamedTuple):
    """Group, kind, namespace ("" if cluster-wide) and name, without the version of the API."""

    group: str
    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        # A key that was pasted in place of a name must not be shown.
        return without_keys(
            f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"
        )


def identity_of(body: Body) -> Identity:
    """Read the identity of a body that has `apiVersion`, `kind` and `metadata.name`."""
    metadata = body["metadata"]
    group = body["apiVersion"].rpartition("/")[0]
    return Identity(group, body["kind"], metadata.get("namespace") or "", metadata["name"])
