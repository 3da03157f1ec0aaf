"""Switchover as it is shipped: `switchover run` with one worker, on the guide's manifests with two models.

The image holds the data plane compiled, so that is what is measured where it could be compiled. Plain Python, as every
other way to install it gives, stands beside it.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from switchover_bench.cache import Missing
from switchover_bench.proxies.proxy import MODEL_PATH, ROUTE_PATH, Launch, Proxy
from switchover_bench.scenarios import Ports, Scenario

COMPILED = os.environ.get("SWITCHOVER_COMPILED", "")
"""The folder with the packages that `make compiled` made, "" where they were not made."""

_FILE = "manifests.yaml"

Object = dict[str, Any]
_GATEWAY_API, _GLOO = "gateway.networking.k8s.io/v1", "gloo.solo.io/v1"


def launch(scenario: Scenario, ports: Ports, folder: Path) -> Launch:
    """Write the manifests of a scenario into one file and run it."""
    documents = folder / _FILE
    documents.write_text("\n---\n".join(map(json.dumps, manifests(scenario, ports))))
    return run(documents, ports)


def run(files: Path, ports: Ports, packages: str = COMPILED) -> Launch:
    """`switchover run` on a file or a folder, with the data plane of a folder with packages."""
    command = [sys.executable, "-m", "switchover_operator", "run", "-f", str(files), "--log-format", "json"]
    command += ["--admin", f"127.0.0.1:{ports.admin}"]
    return Launch(command, f"http://127.0.0.1:{ports.admin}/readyz", {"PYTHONPATH": packages} if packages else {})


def launch_plain(scenario: Scenario, ports: Ports, folder: Path) -> Launch:
    """The same in plain Python."""
    launch(scenario, ports, folder)
    return run(folder / _FILE, ports, "")


def manifests(scenario: Scenario, ports: Ports) -> list[Object]:
    """Gateway, HTTPRoute, Upstream, RouteOption and Secret; where the proxy is tuned, the policy without cool-down."""
    name = {"name": "bench", "namespace": "bench"}
    route = {"group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "name": "bench"}
    listener = {"name": "http", "protocol": "HTTP", "port": ports.proxy}
    rewrite = {"type": "ReplaceFullPath", "replaceFullPath": MODEL_PATH}
    rule = {
        "matches": [{"path": {"type": "PathPrefix", "value": ROUTE_PATH}}],
        "filters": [{"type": "URLRewrite", "urlRewrite": {"path": rewrite}}],
        "backendRefs": [{"name": "bench", "group": "gloo.solo.io", "kind": "Upstream"}],
    }
    retries = {
        "retryOn": "retriable-status-codes",
        "retriableStatusCodes": [429],
        "numRetries": 3,
        "previousPriorities": {"updateFrequency": 1},
    }
    first, second = scenario.targets(ports)
    if scenario.translated:
        priorities = [_pool("anthropic", "claude-sonnet-4-5", first), _pool("anthropic", "claude-haiku-4-5", second)]
    else:
        priorities = [_pool("openai", "gpt-4o", first), _pool("openai", "gpt-4.0-turbo", second)]
    objects = [
        _object(_GATEWAY_API, "Gateway", name, {"gatewayClassName": "switchover", "listeners": [listener]}),
        _object(_GATEWAY_API, "HTTPRoute", name, {"parentRefs": [{"name": "bench"}], "rules": [rule]}),
        _object(_GLOO, "Upstream", name, {"ai": {"multi": {"priorities": priorities}}}),
        _object("gateway.solo.io/v1", "RouteOption", name, {"targetRefs": [route], "options": {"retries": retries}}),
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": name,
            "stringData": {"Authorization": "Bearer sk-not-a-real-key"},
        },
    ]
    if scenario.tuned and scenario.fails:
        policy = {"targetRefs": [route], "coolDown": {"base": "0s"}}
        objects.append(_object("switchover.dev/v1alpha1", "FailoverPolicy", name, policy))
    return objects


def _object(version: str, kind: str, name: dict[str, str], spec: Object) -> Object:
    return {"apiVersion": version, "kind": kind, "metadata": name, "spec": spec}


def _pool(kind: str, model: str, port: int) -> Object:
    token = {"secretRef": {"name": "bench", "namespace": "bench"}}
    host = {"host": "127.0.0.1", "port": port}
    return {"pool": [{kind: {"model": model, "customHost": host, "authToken": token}}]}


def version() -> str:
    """The commit of the working tree, and the form that is measured."""
    return f"{_commit()}, {'compiled' if COMPILED else 'plain Python, as nothing could be compiled here'}"


def version_plain() -> str:
    """The commit of the working tree.

    Raises:
        Missing: nothing is compiled, so that it would be measured twice.
    """
    if not COMPILED:
        raise Missing("what is measured as Switchover is plain Python")
    return _commit()


def _commit() -> str:
    command = ["git", "describe", "--always", "--dirty"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip() or "unknown"


SWITCHOVER = Proxy("switchover", "Switchover", launch, version, translates=True)
PLAIN = Proxy("plain", "Switchover, plain Python", launch_plain, version_plain, translates=True)
