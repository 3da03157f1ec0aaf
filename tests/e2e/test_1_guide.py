"""The failover guide in a cluster, one command of it after the other: only the app's image is another."""

import json
import os
import tempfile
from pathlib import Path
from typing import Any

import yaml

from cluster import (
    APPS,
    CHART,
    DATAPLANES,
    GUIDE,
    IMAGE,
    OPERATORS,
    ROOT,
    SYSTEM,
    app_listens,
    apply,
    gateway,
    get,
    helm,
    kubectl,
    logs,
    objects,
    pods,
    put_scenario,
    repository_and_tag,
    rows,
    run,
    served,
    until,
)
from demo import ASKED

KEY = "sk-e2e-the-guides-key-never-to-be-seen"
MODELS = ["gpt-4o", "gpt-4.0-turbo", "gpt-3.5-turbo"]
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
USERS_OBJECTS = [
    ("gateway", "ai-gateway"),
    *((kind, "model-failover") for kind in ("upstream", "httproute", "routeoption")),
]


def guides(name: str) -> list[dict[str, Any]]:
    """The objects of one of the guide's files."""
    return list(yaml.safe_load_all((GUIDE / name).read_text()))


def ask() -> int:
    """Send the guide's request with the guide's command, and return the answer's status."""
    with gateway() as address:
        command = ["curl", "-sv", f"{address}/model", "-H", "content-type:application/json", "-d", json.dumps(ASKED)]
        return int(run(*command, "-o", os.devnull, "-w", "%{http_code}"))


def asked() -> list[str]:
    """The models that requests were for, as `kubectl logs deploy/model-failover` shows them."""
    lines = kubectl("logs", "deploy/model-failover", "-n", APPS).splitlines()
    # Of a key that comes twice the last one counts: the request's body.
    return [json.loads(json.loads(line)["msg"])["model"] for line in lines if '"msg":"Request received"' in line]


def traces() -> list[dict[str, Any]]:
    """What the data planes logged about requests that failed over."""
    lines = kubectl("logs", *DATAPLANES, "--tail", "-1").splitlines()
    return [found for line in lines if "attempts" in (found := json.loads(line))]


def test_helm_installs_switchover_and_every_pod_becomes_ready() -> None:
    helm(
        *("install", "switchover", str(CHART), "-n", SYSTEM, "--wait", "--timeout", "3m"),
        *("--set", repository_and_tag(), "--set", "dataplane.grace=20"),
    )
    assert len(pods(*DATAPLANES)) == 2
    assert len(pods(*OPERATORS)) == 1
    until(lambda: "True" in kubectl("get", "gatewayclass", "switchover"), "the GatewayClass is accepted")


def test_the_api_server_takes_the_plain_manifests_as_well() -> None:
    kubectl(
        "apply", "--server-side", "--force-conflicts", "--dry-run=server", "-f", str(ROOT / "manifests/install.yaml")
    )


def test_the_api_server_takes_the_examples() -> None:
    kubectl("apply", "--dry-run=server", "-k", str(GUIDE.parent))
    for folder in GUIDE.parent.glob("*/"):
        kubectl("apply", "--dry-run=server", "-f", str(folder))


def test_the_guides_app_runs_with_only_its_image_replaced() -> None:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "key").write_text(f"Bearer {KEY}")
        file = f"Authorization={folder}/key"
        kubectl("create", "secret", "generic", "openai-secret", "-n", APPS, "--from-file", file)
    deployment, service = guides("model-failover.yaml")
    deployment["spec"]["template"]["spec"]["containers"][0]["image"] = IMAGE
    apply(deployment, service)
    kubectl("-n", "gloo-system", "rollout", "status", "deploy", "model-failover")
    app_listens()


def test_the_guides_objects_apply_as_they_are_and_every_condition_becomes_true() -> None:
    for name in ("upstream", "httproute", "routeoption", "gateway"):
        kubectl("apply", "-f", str(GUIDE / f"{name}.yaml"))
    served(*USERS_OBJECTS)
    status = get("gateway", "ai-gateway")["status"]
    assert {each["type"] for each in status["conditions"]} == {"Accepted", "Programmed", "OpenAccess"}
    (listener,) = status["listeners"]
    assert {"Accepted", "ResolvedRefs", "Programmed"} <= {each["type"] for each in listener["conditions"]}
    assert listener["attachedRoutes"] == 1


def test_the_guides_request_is_answered_429() -> None:
    assert ask() == 429


def test_the_apps_log_has_three_lines_one_a_model_in_order_of_priority() -> None:
    assert asked() == MODELS


def test_the_data_planes_log_has_one_trace_with_the_three_attempts() -> None:
    (trace,) = until(traces, "the request's trace is there")
    assert [each["model"] for each in trace["attempts"]] == MODELS
    assert [each["status"] for each in trace["attempts"]] == [429, 429, 429]
    assert trace["level"] == "WARNING"
    assert trace["msg"].startswith("exhausted: openai/gpt-4o 429 rate-limited > openai/gpt-4.0-turbo 429 ")


def test_when_the_second_model_recovers_the_request_is_answered_200() -> None:
    put_scenario({"models": {"gpt-4.0-turbo": 200}})
    assert ask() == 200
    assert asked()[3:] == MODELS[:2]


def test_kubectl_get_fills_its_columns() -> None:
    wanted = ("get", "upstream,routeoption,httproute,gateway", "-n", APPS)

    def empty() -> list[str]:
        return [
            f"{row['NAME']}: {title}"
            for row in rows(kubectl(*wanted))
            for title, value in row.items()
            if value in {"", "<none>", "Unknown", "False"} and title != "HOSTNAMES"
        ]

    until(lambda: not empty(), "all are filled but the hostnames, which the route has none of")
    programmed = [row["PROGRAMMED"] for row in rows(kubectl(*wanted)) if "PROGRAMMED" in row]
    assert programmed == ["True"]


def test_nothing_was_added_to_the_users_objects_but_their_status() -> None:
    for kind, name in [*USERS_OBJECTS, ("secret", "openai-secret"), ("service", "model-failover")]:
        metadata = get(kind, name)["metadata"]
        assert "finalizers" not in metadata, f"{kind}/{name}"
        assert "ownerReferences" not in metadata, f"{kind}/{name}"
        assert set(metadata.get("annotations", {})) <= {LAST_APPLIED}, f"{kind}/{name}"


def test_the_operator_was_refused_nothing() -> None:
    written = "".join(logs(pod) for pod in objects("pods", *OPERATORS))
    assert "forbidden" not in written.lower()
    assert '"level":"ERROR"' not in written
