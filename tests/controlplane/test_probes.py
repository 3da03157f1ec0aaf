"""Probes on a real API server: it says of each object what `tests/probes/verdicts.json` holds, and `check` with it."""

import json
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files
from typing import Any

import pytest
import yaml

from api_probes import Probe, newer_than, numbers, probes, verdicts, write
from controlplane_server import ControlPlane, gateway_api_crds
from switchover_operator import schemas
from switchover_operator.resources import KINDS

PLURALS = {kind.lower(): model for (_, kind), model in KINDS.items()}


@pytest.fixture(scope="module")
def said(cluster: ControlPlane) -> dict[str, list[str]]:
    """What this API server says of each probe."""
    namespace = {"apiVersion": "v1", "kind": "Namespace"}
    every = list(probes())
    namespaces = {each.body["metadata"].get("namespace") or "default" for each in every} - {"default"}
    for name in sorted(namespaces):
        made = {**namespace, "metadata": {"name": name}}
        # An object in a namespace that no API server takes is refused, as there is no such namespace.
        if not cluster.complaints("/api/v1/namespaces", made):
            cluster.apply(made)
    with ThreadPoolExecutor(4) as pool:
        found = pool.map(lambda each: cluster.complaints(path_of(each), as_kubectl_sends(each.body)), every)
        return dict(zip(map(str, every), found, strict=True))


def path_of(probe: Probe) -> str:
    version, model = probe.body["apiVersion"], PLURALS[probe.body["kind"].lower()]
    start = f"/apis/{version}" if "/" in version else f"/api/{version}"
    namespace = probe.body["metadata"].get("namespace") or "default"
    return f"{start}/namespaces/{namespace}/{model.PLURAL}" if model.NAMESPACED else f"{start}/{model.PLURAL}"


def as_kubectl_sends(value: Any) -> Any:
    """Whole numbers lose their point when kubectl reads them."""
    if isinstance(value, dict):
        return {key: as_kubectl_sends(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return list(map(as_kubectl_sends, value))
    return int(value) if isinstance(value, float) and value.is_integer() else value


def version_of_crds() -> str:
    text = (gateway_api_crds() / "gateway.networking.k8s.io_gateways.yaml").read_text()
    version: str = yaml.safe_load(text)["metadata"]["annotations"]["gateway.networking.k8s.io/bundle-version"]
    return version


def test_the_api_server_gives_the_verdict_that_is_recorded(
    said: dict[str, list[str]], request: pytest.FixtureRequest
) -> None:
    if request.config.getoption("--golden-write"):
        # Verdicts are those of the CRDs that `check` goes by.
        assert version_of_crds() == json.loads(files(schemas).joinpath("gateway-api.json").read_text())["version"]
        write(said)
    recorded = verdicts()
    assert said.keys() == recorded.keys()
    differ = {name for name, complaints in said.items() if bool(complaints) != bool(recorded[name])}
    assert {name: said[name] for name in differ - newer_than(numbers(version_of_crds()))} == {}
