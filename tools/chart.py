"""manifests/chart → what is made from it: its copies of crds/, and manifests/install.yaml. `make chart` writes both."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CRDS = ROOT / "crds"
CHART = ROOT / "manifests" / "chart"
INSTALL = ROOT / "manifests" / "install.yaml"

RELEASE, NAMESPACE = "switchover", "switchover-system"
HAS_GATEWAY_API = ("--api-versions", "gateway.networking.k8s.io/v1")

_HEADER = f"""\
# Switchover without Helm; made from manifests/chart by `make chart`. It needs Gateway API's CRDs first.
#   kubectl apply --server-side -f manifests/install.yaml
apiVersion: v1
kind: Namespace
metadata:
  name: {NAMESPACE}
  labels:
    pod-security.kubernetes.io/enforce: restricted
"""


def find_helm() -> str | None:
    """Return the path of helm: what HELM names, what PATH has, or what lies beside the local control plane."""
    return shutil.which(os.environ.get("HELM", "helm")) or shutil.which(
        "helm", path=os.environ.get("KUBEBUILDER_ASSETS", "")
    )


def helm(program: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run helm; what it wrote and how it ended is the caller's."""
    return subprocess.run([program, *arguments], capture_output=True, text=True, check=False)


def render(program: str, *arguments: str) -> str:
    """Render the chart for a new Kubernetes; the same on every machine.

    Raises:
        RuntimeError: the chart or a value is not valid; the text is helm's.
    """
    ended = helm(
        program, "template", RELEASE, str(CHART), "--namespace", NAMESPACE, "--kube-version", "1.34", *arguments
    )
    if ended.returncode:
        raise RuntimeError(ended.stderr)
    return ended.stdout


def crds() -> dict[str, str]:
    """Return each CRD's text by its file's name."""
    return {file.name: file.read_text() for file in sorted(CRDS.glob("*.yaml"))}


def installation(program: str) -> str:
    """Return the text of manifests/install.yaml, without the labels by which Helm knows its own."""
    lines = render(program, *HAS_GATEWAY_API).splitlines()
    kept = [line for line in lines if "helm.sh/chart:" not in line and "managed-by: Helm" not in line]
    return "---\n".join([_HEADER, *crds().values(), "\n".join([*kept, ""]).removeprefix("---\n")])


def write(program: str) -> None:
    """Write everything that is made from the chart."""
    copies = CHART / "crds"
    for file in copies.glob("*.yaml"):
        file.unlink()
    for name, text in crds().items():
        (copies / name).write_text(text)
    INSTALL.write_text(installation(program))


if __name__ == "__main__":
    found = find_helm()
    if found is None:
        sys.exit("helm 3 is needed: put it on PATH, or name it with HELM=...")
    write(found)
