"""The cluster that KUBECONFIG names, as tests see it: kubectl's and helm's commands in, what they printed out."""

import contextlib
import json
import os
import re
import shlex
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

import yaml

T = TypeVar("T")
Object = dict[str, Any]

ROOT: Final = Path(__file__).resolve().parent.parent
CHART: Final = ROOT / "manifests" / "chart"
GUIDE: Final = ROOT / "manifests" / "examples" / "model-failover"
IMAGE: Final = os.environ.get("E2E_IMAGE", "localhost/switchover:e2e")

SYSTEM: Final = "switchover-system"
APPS: Final = "gloo-system"
LOAD: Final = "switchover-e2e"
NAMESPACES: Final = (SYSTEM, APPS, LOAD)
OURS: Final = "switchover.dev/e2e"
"""Label of the namespaces that these tests made, and may delete."""

DATAPLANES: Final = ("-n", SYSTEM, "-l", "app.kubernetes.io/component=dataplane")
OPERATORS: Final = ("-n", SYSTEM, "-l", "app.kubernetes.io/component=operator")
_APP: Final = f"/api/v1/namespaces/{APPS}/services/model-failover:80/proxy"


class CommandFailed(AssertionError):
    """A command ended with an error; the text has what it printed."""


# ── Commands ────────────────────────────────────────────────────────────────────────────────────────────────────────


def run(*command: str, stdin: str | None = None, seconds: float = 300.0) -> str:
    """Run a command and return what it printed."""
    ended = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=seconds, check=False)
    if ended.returncode:
        raise CommandFailed(f"$ {shlex.join(command)}\n{ended.stdout}{ended.stderr}")
    return ended.stdout


def kubectl(*arguments: str, stdin: str | None = None) -> str:
    return run("kubectl", *arguments, stdin=stdin)


def apply(*objects: Object) -> None:
    """Apply objects as `kubectl apply -f -` does."""
    kubectl("apply", "-f", "-", stdin=yaml.safe_dump_all(objects))


def helm(*arguments: str) -> str:
    return run("helm", *arguments)


def repository_and_tag() -> str:
    """The image as values of the chart."""
    repository, _, tag = IMAGE.rpartition(":")
    return f"image.repository={repository},image.tag={tag}"


def get(kind: str, name: str, namespace: str = APPS) -> Object:
    parsed: Object = json.loads(kubectl("get", kind, name, "-n", namespace, "-o", "json"))
    return parsed


def objects(*arguments: str) -> list[Object]:
    """What `kubectl get` finds."""
    found: list[Object] = json.loads(kubectl("get", *arguments, "-o", "json"))["items"]
    return found


def names(*arguments: str) -> list[str]:
    """KIND/NAME of what `kubectl get` finds, sorted."""
    return sorted(f"{each['kind']}/{each['metadata']['name']}" for each in objects(*arguments))


def pods(*arguments: str) -> list[Object]:
    """Pods that are not on their way out."""
    return [pod for pod in objects("pods", *arguments) if "deletionTimestamp" not in pod["metadata"]]


def logs(pod: Object) -> str:
    """Everything that a pod's container wrote, the one before a restart included."""
    where = ("logs", pod["metadata"]["name"], "-n", pod["metadata"]["namespace"])
    restarted = any(each["restartCount"] for each in pod["status"].get("containerStatuses", ()))
    return (kubectl(*where, "--previous") if restarted else "") + kubectl(*where)


def proxied(pod: Object, port: int, path: str) -> str:
    """GET from a pod, by way of the API server."""
    metadata = pod["metadata"]
    return kubectl(
        "get", "--raw", f"/api/v1/namespaces/{metadata['namespace']}/pods/{metadata['name']}:{port}/proxy{path}"
    )


def app_listens() -> None:
    """Wait for the guide's app: without a probe of its readiness, it counts as ready when its process begins."""
    until(lambda: kubectl("get", "--raw", f"{_APP}/healthz") or True, "the app listens")


def put_scenario(scenario: Mapping[str, Any]) -> None:
    """Tell the guide's app how to answer from now on."""
    kubectl("replace", "--raw", f"{_APP}/__scenario", "-f", "-", stdin=json.dumps(scenario))


# ── Waiting ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def until(condition: Callable[[], T], what: str, seconds: float = 60.0) -> T:
    """Wait until a condition gives something true, and return it. One that fails is as good as false."""
    deadline = time.monotonic() + seconds
    last: object = None
    while True:
        try:
            last = found = condition()
            if found:
                return found
        except AssertionError as failed:
            last = failed
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:g} s: {what}; last seen: {last}")
        time.sleep(0.2)


def rolled_out(deployment: str, namespace: str = SYSTEM) -> None:
    kubectl("-n", namespace, "rollout", "status", f"deploy/{deployment}", "--timeout", "180s")


def conditions(status: object) -> Iterator[tuple[str, Object]]:
    """Every condition anywhere in a status, with its type."""
    if isinstance(status, dict):
        for key, value in status.items():
            if key == "conditions":
                yield from ((each["type"], each) for each in value)
            else:
                yield from conditions(value)
    elif isinstance(status, list):
        for each in status:
            yield from conditions(each)


def shortcomings(kind: str, name: str, namespace: str = APPS) -> list[str]:
    """What keeps an object from being served as it is written now, as far as its conditions tell."""
    found = get(kind, name, namespace)
    generation = found["metadata"]["generation"]
    every = list(conditions(found.get("status")))
    wrong = [
        f"{kind}/{name}: {type_} is {each['status']} at {each.get('observedGeneration')}: {each.get('message')}"
        for type_, each in every
        if each["status"] != ("False" if type_ == "Conflicted" else "True")
        or each.get("observedGeneration") != generation
    ]
    return wrong or ([] if every else [f"{kind}/{name} has no condition"])


def served(*wanted: tuple[str, str]) -> None:
    """Wait until objects are served as they are written now."""

    def all_are() -> bool:
        wrong = [each for kind, name in wanted for each in shortcomings(kind, name)]
        assert not wrong, "\n".join(wrong)
        return True

    until(all_are, "every condition is as it should be")


def rows(table: str) -> list[dict[str, str]]:
    """What `kubectl get` prints for people: each row by its column's title."""
    found = []
    for block in table.strip().split("\n\n"):
        header, *lines = block.splitlines()
        titles = [(match.start(), match.group()) for match in re.finditer(r"\S+(?: \S+)*", header)]
        ends = [start for start, _ in titles[1:]] + [None]
        found += [
            {title: line[start:end].strip() for (start, title), end in zip(titles, ends, strict=True)} for line in lines
        ]
    return found


# ── The Gateway ─────────────────────────────────────────────────────────────────────────────────────────────────────


def gateway_address() -> str:
    """HOST:PORT of the guide's Gateway, inside the cluster or where its load balancer put it."""
    status = get("gateway", "ai-gateway").get("status", {})
    (address,) = status["addresses"]
    return f"{address['value']}:8080"


@contextlib.contextmanager
def gateway() -> Iterator[str]:
    """HOST:PORT at which this machine reaches the Gateway: its address, or a port that kubectl forwards."""
    if os.environ.get("E2E_REACH", "direct") == "direct":
        address = gateway_address()
        until(lambda: _answers(address), f"something listens at {address}")
        yield address
        return
    (service,) = names("services", "-n", SYSTEM, "-l", "gateway.networking.k8s.io/gateway-name=ai-gateway")
    with forwarded(service.lower(), 8080) as address:
        yield address


def from_within(pod: Object, port: int, path: str) -> str:
    """GET from a pod of ours as from its own loopback address, where kubectl's forwarding ends."""
    with forwarded(f"pod/{pod['metadata']['name']}", port) as address:
        with urllib.request.urlopen(f"http://{address}{path}", timeout=10.0) as answer:
            text: str = answer.read().decode()
            return text


@contextlib.contextmanager
def forwarded(name: str, port: int) -> Iterator[str]:
    """HOST:PORT that kubectl forwards to a port of a pod or Service of ours."""
    command = ("kubectl", "port-forward", "-n", SYSTEM, name, f":{port}")
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as forwarding:
        try:
            assert forwarding.stdout is not None
            opened = re.search(r"127\.0\.0\.1:\d+", forwarding.stdout.readline())
            assert opened, "kubectl port-forward did not say where"
            yield opened.group()
        finally:
            forwarding.terminate()


def _answers(address: str) -> bool:
    host, port = address.rsplit(":", 1)
    try:
        with socket.create_connection((host, int(port)), timeout=2.0):
            return True
    except OSError:
        return False
