"""A running gateway on manifests that are made here: a policy for all of it, and routes whose targets are given."""

import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from running import Manifests, Switchover, free_port, switchover

Manifest = dict[str, Any]


@asynccontextmanager
async def gateway(*objects: Manifest) -> AsyncIterator[Switchover]:
    """Serve the objects, each route at its name."""
    with tempfile.TemporaryDirectory() as folder:
        manifests = Manifests(Path(folder), free_port())
        manifests.gateway()
        manifests.write("chaos", *objects)
        async with switchover(manifests.folder, manifests.port, manifests.port) as running:
            await running.says("ready: ")
            yield running


def policy(**limits: Any) -> Manifest:
    """Without cool-down, so that every request meets what is planned for it."""
    refs = [{"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "ai-gateway"}]
    spec = {"targetRefs": refs, "coolDown": {"base": "0s"}, **limits}
    return _named("switchover.dev/v1alpha1", "FailoverPolicy", "chaos", spec)


def route(name: str, targets: Sequence[Manifest], **more: Any) -> list[Manifest]:
    """Lead a path to targets, each of a priority of its own; `more` are fields of the route's rule."""
    pools = [{"pool": [each]} for each in targets]
    rule = {
        "matches": [{"path": {"type": "PathPrefix", "value": f"/{name}"}}],
        "backendRefs": [{"name": name, "group": "gloo.solo.io", "kind": "Upstream"}],
        **more,
    }
    spec = {"parentRefs": [{"name": "ai-gateway"}], "rules": [rule]}
    return [
        _named("gloo.solo.io/v1", "Upstream", name, {"ai": {"multi": {"priorities": pools}}}),
        _named("gateway.networking.k8s.io/v1", "HTTPRoute", name, spec),
    ]


def rewritten(path: str) -> Manifest:
    """Send what comes to a route to this path."""
    return {"type": "URLRewrite", "urlRewrite": {"path": {"type": "ReplaceFullPath", "replaceFullPath": path}}}


def target(model: str, port: int, provider: str = "openai") -> Manifest:
    """Name a model at a port of this machine."""
    token = {"secretRef": {"name": "openai-secret", "namespace": "gloo-system"}}
    return {provider: {"model": model, "customHost": {"host": "127.0.0.1", "port": port}, "authToken": token}}


def _named(api: str, kind: str, name: str, spec: Manifest) -> Manifest:
    return {"apiVersion": api, "kind": kind, "metadata": {"name": name, "namespace": "gloo-system"}, "spec": spec}
