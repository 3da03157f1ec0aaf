"""Tests on a real cluster: they run when they are named, as `make e2e` does, on the one that KUBECONFIG names.

They are one story in the order of the files' names, so that the first failure ends it. What it leaves behind then is
for looking at; the next run clears it away, and touches no namespace that these tests did not make.
"""

import os
from pathlib import Path

import pytest

from cluster import CHART, NAMESPACES, OURS, apply, helm, kubectl, names, objects


def pytest_ignore_collect(config: pytest.Config) -> bool | None:
    """Leave these out unless they are asked for."""
    return None if any("e2e" in argument for argument in config.args) else True


@pytest.fixture(scope="session", autouse=True)
def empty() -> None:
    """Begin with Gateway API, the namespaces of the story, and nothing of an earlier run."""
    if "KUBECONFIG" not in os.environ:
        pytest.exit("say with KUBECONFIG which cluster these tests may change", 1)
    found = {each["metadata"]["name"]: each["metadata"].get("labels", {}) for each in objects("namespaces")}
    leftover = [name for name in NAMESPACES if name in found]
    foreign = [name for name in leftover if OURS not in found[name]]
    if foreign:
        pytest.exit(f"this cluster is in use: it has the namespaces {foreign}, which these tests did not make", 1)
    helm("uninstall", "switchover", "-n", NAMESPACES[0], "--ignore-not-found", "--wait")
    if leftover:
        kubectl("delete", "namespace", *leftover, "--timeout", "300s")
    _install_gateway_api()
    if "CustomResourceDefinition/upstreams.gloo.solo.io" in names("crd"):
        # As values.yaml tells people who upgrade: Helm does not.
        kubectl("apply", "--server-side", "--force-conflicts", "-f", str(CHART / "crds"))
    restricted = {"pod-security.kubernetes.io/enforce": "restricted"}
    for name in NAMESPACES:
        labels = {OURS: "true"} | (restricted if name == NAMESPACES[0] else {})
        apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})


def _install_gateway_api() -> None:
    if "CustomResourceDefinition/gateways.gateway.networking.k8s.io" in names("crd"):
        return
    cache = os.environ.get("SWITCHOVER_CACHE") or os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    built = Path(cache) / "switchover" / "control-plane" / "crds"
    release = "https://github.com/kubernetes-sigs/gateway-api/releases/download/v1.4.0/standard-install.yaml"
    given = os.environ.get("E2E_GATEWAY_API_CRDS") or (built if built.is_dir() else release)
    kubectl("apply", "--server-side", "-f", str(given))
    kubectl("wait", "--for=condition=Established", "crd/gateways.gateway.networking.k8s.io", "--timeout", "60s")
