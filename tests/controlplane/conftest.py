"""The control plane of these tests: one for each process of pytest, as some of them stop it."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from controlplane_server import ControlPlane, NotBuilt, control_plane, gateway_api_crds

CRDS = Path(__file__).parents[2] / "crds"


@pytest.fixture(scope="session")
def bare() -> Iterator[ControlPlane]:
    """A control plane without CRDs."""
    try:
        gateway_api_crds()
        with control_plane() as started:
            yield started
    except NotBuilt as missing:
        if os.environ.get("SWITCHOVER_REQUIRE_CLUSTER") == "1":
            raise
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def cluster(bare: ControlPlane) -> ControlPlane:
    """A control plane with the CRDs that a cluster of Switchover's has: Gateway API's and ours."""
    folders = ("-f", str(gateway_api_crds()), "-f", str(CRDS))
    bare.kubectl("apply", *folders)
    bare.kubectl("wait", "--for=condition=Established", "--timeout=30s", *folders)
    return bare


@pytest.fixture
def namespace(cluster: ControlPlane) -> str:
    """A namespace that only this test has."""
    return cluster.namespace()


@pytest.fixture(scope="session")
def gloo_system(cluster: ControlPlane) -> str:
    """The namespace that the guide's objects name."""
    cluster.kubectl("create", "namespace", "gloo-system")
    return "gloo-system"
