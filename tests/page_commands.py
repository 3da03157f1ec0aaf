"""Which test runs which commands of the pages: each is run with its page, unless it is named here with a reason."""

from typing import Final

IN_A_CLUSTER: Final = "tests/e2e/test_1_guide.py"
OF_THE_SUITE: Final = "Makefile"
NOBODY: Final = ""

ELSEWHERE: Final[dict[tuple[str, str], tuple[str, str]]] = {
    ("CONTRIBUTING.md", "git clone"): (OF_THE_SUITE, "the suite is what runs"),
    ("README.md", "make demo"): ("tests/standalone/test_demo.py", "takes seconds, and has a test of its own"),
    ("README.md", "helm install"): (IN_A_CLUSTER, "needs a cluster"),
    ("docs/guide.md", "make image"): (IN_A_CLUSTER, "needs a cluster"),
    ("docs/guide.md", "kubectl apply --server-side"): (IN_A_CLUSTER, "needs a cluster"),
    ("docs/guide.md", "helm install"): (IN_A_CLUSTER, "needs a cluster"),
    ("docs/guide.md", "kubectl apply -k"): (IN_A_CLUSTER, "needs a cluster"),
    ("docs/guide.md", "kubectl -n switchover-system port-forward"): (IN_A_CLUSTER, "needs a cluster"),
    ("docs/guide.md", "$ kubectl -n gloo-system logs"): (IN_A_CLUSTER, "needs a cluster"),
    ("docs/operations.md", "make image"): (IN_A_CLUSTER, "needs a cluster"),
    ("docs/operations.md", "helm install"): (IN_A_CLUSTER, "needs a cluster"),
    ("docs/operations.md", "kubectl -n switchover-system rollout status"): (IN_A_CLUSTER, "needs a cluster"),
    ("docs/operations.md", "kubectl -n switchover-system logs"): (IN_A_CLUSTER, "needs a cluster"),
    ("docs/operations.md", "kubectl -n ai annotate"): ("tests/controlplane", "needs a cluster"),
    ("docs/operations.md", "kubectl apply --server-side"): ("tests/e2e/test_4_change.py", "needs a cluster"),
    ("docs/operations.md", "kubectl -n switchover-system delete secret"): (
        "tests/e2e/test_3_secrets.py",
        "needs a cluster",
    ),
    ("docs/operations.md", "helm uninstall"): ("tests/e2e/test_5_removal.py", "needs a cluster"),
    ("docs/operations.md", "kubectl get events"): (IN_A_CLUSTER, "needs a cluster"),
    ("docs/operations.md", "kubectl -n switchover-system port-forward"): (IN_A_CLUSTER, "needs a cluster"),
    ("docs/security.md", "make fuzz"): ("tests/fuzz", "takes minutes"),
    ("docs/start.md", "python3 -m venv"): ("tests/test_packaging.py", "installs a wheel"),
    ("manifests/examples/across-providers/README.md", "kubectl apply"): (IN_A_CLUSTER, "needs a cluster"),
    ("manifests/examples/failover-policy/README.md", "kubectl apply"): (IN_A_CLUSTER, "needs a cluster"),
    ("manifests/examples/model-failover/README.md", "kubectl apply"): (IN_A_CLUSTER, "needs a cluster"),
    ("manifests/examples/model-failover/README.md", "kubectl get"): (IN_A_CLUSTER, "needs a cluster"),
    ("tests/controlplane/README.md", "make control-plane"): (OF_THE_SUITE, "builds Kubernetes, which takes minutes"),
}
"""Page and how the block begins → the test that does the same, and why it is not run with its page."""

WITH_THE_GUIDE: Final = ("docs/operations.md",)
"""Pages whose commands ask a gateway that runs already: that of the failover guide."""
