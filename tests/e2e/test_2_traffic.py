"""Requests while everything around them changes: not one is lost.

The first model is rate-limited and the second healthy, so that each request fails over unless the first is cooling
down. Each test changes one thing under the load of one client, and the last one looks at what became of the requests.
"""

import hashlib
import json
import re
from pathlib import Path

from cluster import (
    APPS,
    DATAPLANES,
    IMAGE,
    LOAD,
    OPERATORS,
    SYSTEM,
    app_listens,
    apply,
    gateway_address,
    get,
    kubectl,
    logs,
    names,
    objects,
    pods,
    put_scenario,
    rolled_out,
    served,
    until,
)

ROTATED = "sk-e2e-the-rotated-key-never-to-be-seen"
DIGEST = f"sha256:{hashlib.sha256(ROTATED.encode()).hexdigest()[:8]}"
"""What the app logs of that key."""
SCRIPT = Path(__file__).parent / "load.py"
FEWEST = 2_000
STEP = 120


def answered() -> int:
    """How many requests the second model has answered."""
    return kubectl("logs", "deploy/model-failover", "-n", APPS).count("gpt-4.0-turbo")


def under_load(more: int = STEP) -> None:
    """Wait until so many more requests were sent: what was just changed has been met by some."""
    before = answered()
    until(lambda: answered() >= before + more, f"{more} more requests", 120)


def patch(kind: str, operations: str) -> None:
    name = "ai-gateway" if kind == "gateway" else "model-failover"
    kubectl("patch", kind, name, "-n", APPS, "--type", "json", "-p", operations)
    served((kind, name))


def test_a_client_in_the_cluster_keeps_asking() -> None:
    kubectl("set", "env", "deploy/model-failover", "-n", APPS, "SWITCHOVER_SIMULATE_VERBOSE=true")
    rolled_out("model-failover", APPS)
    until(lambda: len(objects("pods", "-n", APPS)) == 1, "the app that tells less is gone")
    app_listens()
    put_scenario({"models": {"gpt-4o": 429, "gpt-4.0-turbo": {"status": 200, "tokens": 30, "gap": 0.1}}})
    kubectl("create", "configmap", "load", "-n", LOAD, f"--from-file={SCRIPT}")
    container = {
        "name": "load",
        "image": IMAGE,
        "command": ["python", "/load/load.py", f"http://{gateway_address()}/model"],
        "volumeMounts": [{"name": "load", "mountPath": "/load"}],
    }
    volume = {"name": "load", "configMap": {"name": "load"}}
    spec = {"restartPolicy": "Never", "containers": [container], "volumes": [volume]}
    apply({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "load", "namespace": LOAD}, "spec": spec})
    kubectl("wait", "--for=condition=Ready", "pod/load", "-n", LOAD, "--timeout", "60s")
    under_load()


def test_the_operators_pod_is_deleted() -> None:
    (before,) = names("pods", *OPERATORS)
    kubectl("delete", "pods", *OPERATORS)
    rolled_out("switchover-operator")
    assert before not in names("pods", *OPERATORS)
    under_load()


def test_a_data_planes_pod_is_deleted() -> None:
    one, _ = pods(*DATAPLANES)
    kubectl("delete", "pod", one["metadata"]["name"], "-n", SYSTEM)
    rolled_out("switchover-dataplane")
    under_load()


def test_a_data_planes_process_ends_and_its_container_starts_anew() -> None:
    pod = pods(*DATAPLANES)[0]["metadata"]["name"]
    kubectl("exec", pod, "-n", SYSTEM, "--", "python", "-c", "import os; os.kill(1, 15)")
    until(lambda: get("pod", pod, SYSTEM)["status"]["containerStatuses"][0]["restartCount"] == 1, "it starts anew")
    kubectl("wait", "--for=condition=Ready", f"pod/{pod}", "-n", SYSTEM, "--timeout", "60s")
    under_load()


def test_the_data_planes_are_rolled() -> None:
    before = names("pods", *DATAPLANES)
    kubectl("-n", SYSTEM, "rollout", "restart", "deploy/switchover-dataplane")
    rolled_out("switchover-dataplane")
    until(lambda: not set(before) & set(names("pods", *DATAPLANES)), "the old pods are gone", 120)
    under_load()


def test_the_key_is_rotated() -> None:
    body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "openai-secret", "namespace": APPS}}
    kubectl("replace", "-f", "-", stdin=json.dumps(body | {"stringData": {"Authorization": f"Bearer {ROTATED}"}}))
    until(lambda: DIGEST in kubectl("logs", "deploy/model-failover", "-n", APPS, "--tail", "5"), "the new key is used")
    under_load()
    digests = set(re.findall("sha256:[0-9a-f]+", kubectl("logs", "deploy/model-failover", "-n", APPS, "--tail", "100")))
    assert digests == {DIGEST}


def test_every_object_is_edited() -> None:
    patch(
        "upstream",
        '[{"op": "replace", "path": "/spec/ai/multi/priorities/2/pool/0/openai/model", "value": "gpt-4o-mini"}]',
    )
    under_load()
    patch("routeoption", '[{"op": "replace", "path": "/spec/options/retries/numRetries", "value": 2}]')
    under_load()
    header = (
        '{"type": "ResponseHeaderModifier", "responseHeaderModifier": {"set": [{"name": "x-e2e", "value": "edited"}]}}'
    )
    patch("httproute", f'[{{"op": "add", "path": "/spec/rules/0/filters/-", "value": {header}}}]')
    under_load()
    listener = '{"name": "more", "protocol": "HTTP", "port": 8081}'
    patch("gateway", f'[{{"op": "add", "path": "/spec/listeners/-", "value": {listener}}}]')
    under_load()


def test_no_request_was_lost() -> None:
    kubectl("exec", "load", "-n", LOAD, "--", "python", "-c", "import os; os.kill(1, 15)")
    kubectl("wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/load", "-n", LOAD, "--timeout", "60s")
    (pod,) = objects("pods", "-n", LOAD)
    answers = json.loads(logs(pod).splitlines()[-1])
    assert set(answers) == {"200", "stream"}, logs(pod)
    assert sum(answers.values()) >= FEWEST
