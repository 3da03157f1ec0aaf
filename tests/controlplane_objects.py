"""Objects of our kinds, from the few lines of YAML that a test is about."""

from typing import Any

import yaml

API_VERSIONS = {
    "Upstream": "gloo.solo.io/v1",
    "RouteOption": "gateway.solo.io/v1",
    "FailoverPolicy": "switchover.dev/v1alpha1",
}
ROUTE = {"group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "name": "chat"}
HOSTS = "static: {hosts: [{addr: a, port: 80}]}"


def made(kind: str, text: str, namespace: str = "default", name: str = "chat") -> dict[str, Any]:
    """An object of a kind: the YAML is an Upstream's spec, a RouteOption's options, or a FailoverPolicy's settings."""
    given: dict[str, Any] = yaml.safe_load(text)
    spec = {"RouteOption": {"options": given}, "FailoverPolicy": {"targetRefs": [ROUTE], **given}}.get(kind, given)
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": API_VERSIONS[kind], "kind": kind, "metadata": metadata, "spec": spec}
