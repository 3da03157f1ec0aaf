"""The control plane of the tests itself: what a test may rely on."""

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from controlplane_server import ControlPlane, KubectlFailed
from process_group import wait_until


def test_what_was_stored_is_there_after_the_api_server_was_killed_and_started_again(
    cluster: ControlPlane, namespace: str
) -> None:
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "kept", "namespace": namespace}}
    cluster.apply({**config, "data": {"a": "b"}})
    with cluster.server_stopped(), pytest.raises(KubectlFailed, match="refused"):
        cluster.kubectl("get", "namespaces")
    assert cluster.get("configmap", "kept", namespace)["data"] == {"a": "b"}


def test_a_frozen_api_server_takes_connections_and_answers_when_it_thaws(cluster: ControlPlane) -> None:
    with (
        cluster.server_frozen(),
        pytest.raises(KubectlFailed, match=r"(?i)timeout|deadline"),
    ):
        cluster.kubectl("get", "namespace", "default", "--request-timeout=300ms")
    assert cluster.kubectl("get", "namespace", "default", "-o", "name") == "namespace/default\n"


def test_a_service_account_may_do_what_its_role_says_and_no_more(cluster: ControlPlane, namespace: str) -> None:
    named = {"name": "reader", "namespace": namespace}
    group = "rbac.authorization.k8s.io"
    rules = [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["list"]}]
    cluster.apply(
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": named},
        {"apiVersion": f"{group}/v1", "kind": "Role", "metadata": named, "rules": rules},
        {
            "apiVersion": f"{group}/v1",
            "kind": "RoleBinding",
            "metadata": named,
            "roleRef": {"apiGroup": group, "kind": "Role", "name": "reader"},
            "subjects": [{"kind": "ServiceAccount", **named}],
        },
    )
    reader = cluster.service_account("reader", namespace)
    assert cluster.kubectl("auth", "whoami", "-o", "jsonpath={.status.userInfo.username}", kubeconfig=reader) == (
        f"system:serviceaccount:{namespace}:reader"
    )
    wait_until(lambda: may_list(cluster, namespace, reader), "the role is in force")
    with pytest.raises(KubectlFailed, match=r"Forbidden.*cannot list resource \"secrets\""):
        cluster.kubectl("get", "secrets", "-n", namespace, kubeconfig=reader)


def may_list(cluster: ControlPlane, namespace: str, kubeconfig: Path) -> bool:
    try:
        cluster.kubectl("get", "configmaps", "-n", namespace, kubeconfig=kubeconfig)
    except KubectlFailed:
        return False
    return True


def test_a_program_gets_its_kubeconfig_is_asked_to_end_and_what_it_wrote_can_be_read(cluster: ControlPlane) -> None:
    script = """
        import json, os, signal, sys
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(print("asked to end")))
        print(json.dumps({"kubeconfig": os.environ["KUBECONFIG"], "word": os.environ["WORD"]}))
        signal.pause()
    """
    command = (sys.executable, "-c", textwrap.dedent(script))
    with cluster.running(*command, kubeconfig=cluster.kubeconfig, WORD="here") as program:
        program.says("kubeconfig")
        assert program.lines == [{"kubeconfig": str(cluster.kubeconfig), "word": "here"}]
    assert program.written.endswith("asked to end\n")
    assert program.process.returncode == 0


def test_whatever_a_test_run_started_dies_with_it_even_if_it_is_killed(tmp_path: Path) -> None:
    script = """
        import pathlib, sys, time
        from process_group import ProcessGroup
        process = ProcessGroup().start(["sleep", "600"], pathlib.Path(sys.argv[1]), {"PATH": sys.argv[2]})
        print(process.pid, flush=True)
        time.sleep(600)
    """
    run = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script), str(tmp_path / "log"), os.environ["PATH"]],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
    )
    with run:
        assert run.stdout is not None
        started = int(run.stdout.readline())
        os.kill(started, 0)
        run.send_signal(signal.SIGKILL)
    wait_until(lambda: is_gone(started), "the process is gone")


def is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    # Where nobody collects orphans, what is left of one is a line in the process table.
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] == "Z"
