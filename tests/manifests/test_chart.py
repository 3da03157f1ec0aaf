"""The chart: its copies are up to date, its schema knows every value, and what it renders holds together.

Rendering needs helm; without it those tests are skipped and say so.
"""

import json
import tomllib
from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
import yaml

from chart import CHART, HAS_GATEWAY_API, INSTALL, ROOT, crds, find_helm, helm, installation, render
from switchover_operator.compiler.fleet import CONTROLLER_NAME, FIRST_INTERNAL_PORT, LAST_INTERNAL_PORT

HELM = find_helm()
needs_helm = pytest.mark.skipif(HELM is None, reason="helm is neither on PATH nor in KUBEBUILDER_ASSETS")

Objects = dict[tuple[str, str], dict[str, Any]]


def rendered(*arguments: str) -> Objects:
    """Every object of the chart by kind and name."""
    assert HELM is not None
    documents = yaml.safe_load_all(render(HELM, *HAS_GATEWAY_API, *arguments))
    return {(each["kind"], each["metadata"]["name"]): each for each in documents if each}


def environment(deployment: dict[str, Any]) -> dict[str, str | None]:
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    return {each["name"]: each.get("value") for each in container["env"]}


def leaves(values: dict[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The path of each value; an empty mapping is one, and so are a container's resources."""
    for key, value in values.items():
        if isinstance(value, dict) and value and key != "resources":
            yield from leaves(value, (*path, key))
        else:
            yield (*path, key)


def schema_leaves(schema: dict[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for key, part in schema["properties"].items():
        if "properties" in part:
            assert part["additionalProperties"] is False, f"{'.'.join((*path, key))} takes anything"
            yield from schema_leaves(part, (*path, key))
        else:
            yield (*path, key)


# ── Files ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_charts_crds_are_copies_of_the_projects() -> None:
    copies = {file.name: file.read_text() for file in (CHART / "crds").glob("*.yaml")}
    assert copies == crds(), "run: make chart"


def test_the_schema_knows_each_value_and_no_other() -> None:
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    schema = json.loads((CHART / "values.schema.json").read_text())
    assert schema["additionalProperties"] is False
    assert {*leaves(values), ("global",)} == set(schema_leaves(schema))


def test_chart_and_project_have_one_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert (chart["version"], chart["appVersion"]) == (version, version)
    assert f"localhost/switchover:{version}" in INSTALL.read_text()
    (image,) = yaml.safe_load((ROOT / "manifests/examples/kustomization.yaml").read_text())["images"]
    assert (image["newName"], image["newTag"]) == ("localhost/switchover", version)


# ── What is rendered ────────────────────────────────────────────────────────────────────────────────────────────────


@needs_helm
def test_the_plain_manifests_are_what_the_chart_renders() -> None:
    assert HELM is not None
    assert INSTALL.read_text() == installation(HELM), "run: make chart"


@needs_helm
def test_helm_finds_no_fault_in_the_chart() -> None:
    assert HELM is not None
    ended = helm(HELM, "lint", "--strict", "--quiet", str(CHART))
    assert ended.returncode == 0, ended.stdout + ended.stderr


@needs_helm
@pytest.mark.parametrize("wrong", ["dataplane.replica=3", "dataplane.grace=long", "gateway.service.type=ExternalName"])
def test_a_value_that_does_not_exist_or_fit_is_refused(wrong: str) -> None:
    with pytest.raises(RuntimeError, match="values don't meet the specifications"):
        rendered("--set", wrong)


@needs_helm
def test_the_class_is_left_out_where_gateway_api_is_not_installed() -> None:
    assert HELM is not None
    assert rendered()["GatewayClass", "switchover"]["spec"]["controllerName"] == CONTROLLER_NAME
    assert "kind: GatewayClass" not in render(HELM)


@needs_helm
def test_services_select_the_data_planes_pods_and_nothing_else() -> None:
    objects = rendered()
    service = objects["Service", "switchover-dataplane"]["spec"]
    deployment = objects["Deployment", "switchover-dataplane"]["spec"]
    assert service["selector"] == deployment["selector"]["matchLabels"]
    assert service["selector"].items() <= deployment["template"]["metadata"]["labels"].items()
    assert service["selector"]["app.kubernetes.io/component"] == "dataplane"
    assert (service["clusterIP"], service["publishNotReadyAddresses"]) == ("None", True)


@needs_helm
def test_a_label_of_the_users_takes_no_pod_away_from_its_deployment() -> None:
    labels = "dataplane.podLabels.app\\.kubernetes\\.io/component=mine"
    template = rendered("--set", labels)["Deployment", "switchover-dataplane"]["spec"]["template"]
    assert template["metadata"]["labels"]["app.kubernetes.io/component"] == "dataplane"


@needs_helm
@pytest.mark.parametrize("component", ["operator", "dataplane"])
def test_pods_are_restricted_as_the_pod_security_standard_wants(component: str) -> None:
    pod = rendered()["Deployment", f"switchover-{component}"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


@needs_helm
def test_the_data_plane_has_no_way_to_the_api_server_and_keeps_its_table_in_memory() -> None:
    pod = rendered()["Deployment", "switchover-dataplane"]["spec"]["template"]["spec"]
    volumes = {each["name"]: each for each in pod["volumes"]}
    assert pod["automountServiceAccountToken"] is False
    assert volumes["run"]["emptyDir"]["medium"] == "Memory"
    assert volumes["push"]["secret"] == {"secretName": "switchover-push", "defaultMode": 0o440}


@needs_helm
def test_a_pod_has_the_time_to_stop_that_the_process_takes() -> None:
    pod = rendered("--set-json", 'dataplane={"grace":2.5,"drainDelay":7}')["Deployment", "switchover-dataplane"]
    assert pod["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] == 7 + 3 + 10


@needs_helm
def test_one_operator_is_replaced_and_more_of_them_elect_a_leader() -> None:
    alone = rendered()
    assert alone["Deployment", "switchover-operator"]["spec"]["strategy"] == {"type": "Recreate"}
    assert environment(alone["Deployment", "switchover-operator"])["SWITCHOVER_LEADER_ELECT"] == "false"
    assert not any("leases" in rule["resources"] for rule in alone["Role", "switchover-operator"]["rules"])
    two = rendered("--set", "operator.replicas=2")
    assert two["Deployment", "switchover-operator"]["spec"]["strategy"] == {"type": "RollingUpdate"}
    assert environment(two["Deployment", "switchover-operator"])["SWITCHOVER_LEADER_ELECT"] == "true"
    assert any("leases" in rule["resources"] for rule in two["Role", "switchover-operator"]["rules"])


@needs_helm
def test_no_role_has_a_wildcard_or_reads_what_is_not_needed() -> None:
    rules = [
        rule for (kind, _), each in rendered().items() if kind in {"Role", "ClusterRole"} for rule in each["rules"]
    ]
    assert not any("*" in rule[key] for rule in rules for key in ("apiGroups", "resources", "verbs"))
    everywhere = rendered()["ClusterRole", "switchover-operator-switchover-system"]["rules"]
    secrets = [rule["verbs"] for rule in everywhere if "secrets" in rule["resources"]]
    assert secrets == [["list", "watch"]]
    assert {verb for rule in everywhere for verb in rule["verbs"]} == {"list", "watch", "patch", "create"}


@needs_helm
def test_with_namespaces_named_objects_and_secrets_are_read_in_those_alone() -> None:
    assert HELM is not None
    some = "watchNamespaces={team-b,team-a}"
    documents = [each for each in yaml.safe_load_all(render(HELM, "--set", some)) if each]
    everywhere = [each for each in documents if each["kind"] == "ClusterRole"]
    read = {resource for each in everywhere for rule in each["rules"] for resource in rule["resources"]}
    assert read == {"namespaces", "customresourcedefinitions", "gatewayclasses", "gatewayclasses/status"}
    readers = [each for each in documents if each["kind"] == "Role" and each["metadata"]["name"].endswith("-system")]
    assert [each["metadata"]["namespace"] for each in readers] == ["switchover-system", "team-a", "team-b"]
    deployment = rendered("--set", some)["Deployment", "switchover-operator"]
    assert environment(deployment)["SWITCHOVER_NAMESPACES"] == "switchover-system team-a team-b"


@needs_helm
def test_every_internal_port_is_let_in_and_tables_from_the_operator_alone() -> None:
    objects = rendered()
    anyone, operator = objects["NetworkPolicy", "switchover-dataplane"]["spec"]["ingress"]
    listeners = anyone["ports"][0]
    assert (listeners["port"], listeners["endPort"]) == (FIRST_INTERNAL_PORT, LAST_INTERNAL_PORT)
    selector = objects["Deployment", "switchover-operator"]["spec"]["selector"]
    assert operator["from"] == [{"podSelector": selector}]
    assert [each["port"] for each in operator["ports"]] == ["push"]


@needs_helm
def test_the_admin_ports_are_for_the_namespaces_that_are_named_alone() -> None:
    closed, opened = rendered(), rendered("--set", "networkPolicy.adminNamespaces={monitoring}")

    assert closed["NetworkPolicy", "switchover-operator"]["spec"]["ingress"] == []
    for component in ("operator", "dataplane"):
        policy = ("NetworkPolicy", f"switchover-{component}")
        assert not [
            rule for rule in closed[policy]["spec"]["ingress"] if {"port": "admin", "protocol": "TCP"} in rule["ports"]
        ]
        [rule] = [
            rule for rule in opened[policy]["spec"]["ingress"] if {"port": "admin", "protocol": "TCP"} in rule["ports"]
        ]
        [peer] = rule["from"]
        [expression] = peer["namespaceSelector"]["matchExpressions"]
        assert (expression["key"], expression["values"]) == ("kubernetes.io/metadata.name", ["monitoring"])


@needs_helm
def test_egress_of_data_planes_is_limited_where_it_is_asked_for() -> None:
    name = ("NetworkPolicy", "switchover-dataplane-egress")
    assert name not in rendered()
    spec = rendered("--set", "networkPolicy.egress.enabled=true,networkPolicy.egress.ports={443}")[name]["spec"]

    names, models = spec["egress"]
    assert {(each["port"], each["protocol"]) for each in names["ports"]} == {(53, "UDP"), (53, "TCP")}
    assert models["ports"] == [{"port": 443, "protocol": "TCP"}]
    assert "169.254.0.0/16" in models["to"][0]["ipBlock"]["except"]
    for peer in models["to"]:
        whole = ip_network(peer["ipBlock"]["cidr"])
        assert all(ip_network(each).version == whole.version for each in peer["ipBlock"]["except"])


@needs_helm
def test_networks_that_targets_may_be_in_are_told_to_operator_and_data_planes() -> None:
    objects = rendered("--set", "allowTargets={127.0.0.0/8,fd00::/8}")
    for component in ("operator", "dataplane"):
        told = environment(objects["Deployment", f"switchover-{component}"])
        assert told["SWITCHOVER_ALLOW_TARGETS"] == "127.0.0.0/8 fd00::/8"
    assert "SWITCHOVER_ALLOW_TARGETS" not in environment(rendered()["Deployment", "switchover-dataplane"])


@needs_helm
def test_a_gateways_service_is_inside_the_cluster_until_it_is_opened() -> None:
    assert (
        environment(rendered()["Deployment", "switchover-operator"])["SWITCHOVER_GATEWAY_SERVICE_TYPE"] == "ClusterIP"
    )


@needs_helm
@pytest.mark.parametrize("monitored", ["false", "true"])
@pytest.mark.parametrize(
    "limited", ["networkPolicy.enabled=false", "networkPolicy.adminNamespaces={a,b}", "networkPolicy.enabled=true"]
)
@pytest.mark.parametrize("egress", ["false", "true"])
@pytest.mark.parametrize("watched", ["[]", '["team-a"]'])
def test_each_combination_of_what_opens_and_closes_doors_renders(
    monitored: str, limited: str, egress: str, watched: str
) -> None:
    objects = rendered(
        *("--set", f"serviceMonitor.enabled={monitored}", "--set", limited),
        *("--set", f"networkPolicy.egress.enabled={egress}", "--set-json", f"watchNamespaces={watched}"),
    )
    policies = sum(kind == "NetworkPolicy" for kind, _ in objects)
    assert policies == 2 * (limited != "networkPolicy.enabled=false") + (egress == "true")


@needs_helm
def test_a_budget_for_disruptions_is_made_where_there_is_more_than_one_data_plane() -> None:
    budget = ("PodDisruptionBudget", "switchover-dataplane")
    assert budget in rendered()
    assert budget not in rendered("--set", "dataplane.replicas=1")
    assert budget in rendered("--set", "dataplane.replicas=1,dataplane.autoscaling.enabled=true")


@needs_helm
def test_with_autoscaling_the_number_of_data_planes_is_not_reset_by_an_upgrade() -> None:
    objects = rendered("--set", "dataplane.autoscaling.enabled=true")
    assert "replicas" not in objects["Deployment", "switchover-dataplane"]["spec"]
    scaled = objects["HorizontalPodAutoscaler", "switchover-dataplane"]["spec"]
    assert scaled["scaleTargetRef"]["name"] == "switchover-dataplane"


@needs_helm
def test_one_monitor_covers_operator_and_data_planes() -> None:
    objects = rendered("--set", "serviceMonitor.enabled=true,serviceMonitor.labels.release=prometheus")
    service, monitor = objects["Service", "switchover-metrics"], objects["ServiceMonitor", "switchover"]
    assert monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert monitor["metadata"]["labels"]["release"] == "prometheus"
    for component in ("operator", "dataplane"):
        labels = objects["Deployment", f"switchover-{component}"]["spec"]["template"]["metadata"]["labels"]
        assert service["spec"]["selector"].items() <= labels.items()


def test_the_ignored_files_of_the_image_leave_what_it_is_made_of() -> None:
    kept = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = {
        word
        for line in (ROOT / "Containerfile").read_text().splitlines()
        if line.startswith("COPY ") and "--from" not in line
        for word in line.split()[1:-1]
    }
    assert kept == copied
    assert all((ROOT / Path(each)).exists() for each in kept)
