"""Which test runs which commands of the pages: each is run with its page, unless it is named here with a reason."""

from typing import Final, NamedTuple


class Group(NamedTuple):
    """Pages whose commands ask a gateway that runs already. One is started for all of them, by `setup`."""

    setup: str
    pages: tuple[str, ...]


GROUPS: Final = (
    Group(
        "switchover simulate\nswitchover run manifests/examples/model-failover "
        "--connect-to model-failover.gloo-system.svc.cluster.local:80:127.0.0.1:18080",
        ("docs/operations.md", "docs/how-to/find-a-failed-request.md"),
    ),
    Group(
        "echo '{models: {gpt-4o: 429, gpt-4o-mini: 200}}' > providers.yaml\n"
        "switchover simulate --scenario providers.yaml\n"
        "switchover run --model openai/gpt-4o@127.0.0.1:18080 --model openai/gpt-4o-mini@127.0.0.1:18080",
        (
            "docs/how-to/openai-sdk.md",
            "docs/how-to/langchain.md",
            "docs/how-to/anthropic-sdk-and-claude-code.md",
            "docs/how-to/google-genai.md",
        ),
    ),
)

_ON_A_NODE: Final = ("tests/e2e/test_1_guide.py", "needs a cluster with nodes")
_EXAMPLES: Final = ("tests/standalone/test_examples.py", "holds what the README says, without another process")
_IN_A_FILE: Final = ("tests/standalone/test_processes.py", "needs an API server; there it stands in a file")
_AGENTS: Final = ("tests/agents/test_agents.py", "needs npm and 660 MB")

ELSEWHERE: Final[dict[tuple[str, str], tuple[str, str]]] = {
    ("CONTRIBUTING.md", "git clone"): ("Makefile", "the suite is what runs"),
    ("README.md", "export OPENAI_API_KEY"): ("tests/pages/test_commands.py", "is run with docs/start.md"),
    ("README.md", "make demo"): ("tests/standalone/test_demo.py", "takes seconds"),
    ("README.md", "# with Gateway API's"): _ON_A_NODE,
    ("docs/guide.md", "make image"): _ON_A_NODE,
    ("docs/guide.md", "kubectl apply --server-side"): _ON_A_NODE,
    ("docs/guide.md", "helm install"): _ON_A_NODE,
    ("docs/guide.md", "kubectl apply -k"): _ON_A_NODE,
    ("docs/guide.md", "kubectl -n switchover-system port-forward"): _ON_A_NODE,
    ("docs/guide.md", "$ kubectl -n gloo-system logs"): _ON_A_NODE,
    ("docs/how-to/anthropic-sdk-and-claude-code.md", "claude -p"): _AGENTS,
    ("docs/how-to/codex.md", "export GATEWAY_KEY"): _AGENTS,
    ("docs/how-to/drain-a-model.md", "kubectl -n ai annotate"): _IN_A_FILE,
    ("docs/how-to/find-a-failed-request.md", "kubectl"): _ON_A_NODE,
    ("docs/operations.md", "make image"): _ON_A_NODE,
    ("docs/operations.md", "helm install"): _ON_A_NODE,
    ("docs/operations.md", "kubectl -n switchover-system rollout status"): _ON_A_NODE,
    ("docs/operations.md", "kubectl -n switchover-system logs"): _ON_A_NODE,
    ("docs/operations.md", "kubectl -n ai annotate"): _IN_A_FILE,
    ("docs/operations.md", "kubectl apply --server-side"): ("tests/e2e/test_4_change.py", "needs a cluster with nodes"),
    ("docs/operations.md", "kubectl -n switchover-system delete secret"): (
        "tests/e2e/test_3_secrets.py",
        "needs a cluster with nodes",
    ),
    ("docs/operations.md", "helm uninstall"): ("tests/e2e/test_5_removal.py", "needs a cluster with nodes"),
    ("docs/operations.md", "kubectl get events"): _ON_A_NODE,
    ("docs/operations.md", "kubectl -n switchover-system port-forward"): _ON_A_NODE,
    ("docs/providers.md", "kubectl create secret"): _ON_A_NODE,
    ("docs/security.md", "make fuzz"): ("tests/fuzz", "takes minutes"),
    ("docs/simulator.md", "switchover simulate --bind 127.0.0.1:18443"): (
        "tests/standalone/test_rehearsal.py",
        "takes a folder that the reader has",
    ),
    ("docs/start.md", "python3 -m venv"): ("Containerfile", "a build of the image installs the wheel"),
    ("docs/start.md", "(umask 077"): ("tests/standalone/test_quick_start.py", "is run there with a client"),
    ("docs/start.md", "helm install"): _ON_A_NODE,
    ("manifests/examples/across-providers/README.md", "switchover simulate"): _EXAMPLES,
    ("manifests/examples/across-providers/README.md", "curl"): _EXAMPLES,
    ("manifests/examples/across-providers/README.md", "kubectl apply"): _ON_A_NODE,
    ("manifests/examples/callers/README.md", "switchover simulate"): _EXAMPLES,
    ("manifests/examples/delegation/README.md", "switchover simulate"): _EXAMPLES,
    ("manifests/examples/failover-policy/README.md", "switchover simulate"): _EXAMPLES,
    ("manifests/examples/failover-policy/README.md", "kubectl apply"): _ON_A_NODE,
    ("manifests/examples/model-failover/README.md", "kubectl apply"): _ON_A_NODE,
    ("manifests/examples/model-failover/README.md", "kubectl get"): _ON_A_NODE,
    ("tests/controlplane/README.md", "make control-plane"): ("tests/controlplane/build.sh", "takes minutes"),
}
"""Page and how the block begins → the test that does the same, and why the block is not run with its page."""
