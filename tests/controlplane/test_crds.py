"""The CRDs on a real API server: what applies, what is refused with which words, and what `kubectl get` shows."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
import yaml
from pydantic import BaseModel

from controlplane_objects import HOSTS, ROUTE, made
from controlplane_server import ControlPlane, KubectlFailed, Object, gateway_api_crds
from switchover_operator.resources.gateway_api import HttpRouteSpec
from switchover_operator.resources.model import field_names

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted(path for path in (ROOT / "manifests" / "examples").iterdir() if path.is_dir())


def condition(kind: str, status: str = "True") -> Object:
    return {
        "type": kind,
        "status": status,
        "reason": "Accepted",
        "message": "It is good.",
        "lastTransitionTime": "2026-01-02T03:04:05Z",
        "observedGeneration": 1,
    }


def ancestors(status: str) -> Object:
    """The status of a policy at one route."""
    accepted = condition("Accepted", status)
    return {"ancestors": [{"ancestorRef": ROUTE, "controllerName": "switchover.dev/x", "conditions": [accepted]}]}


def write_status(cluster: ControlPlane, kind: str, namespace: str, status: Object) -> None:
    patch = json.dumps({"status": status})
    cluster.kubectl("patch", kind, "chat", "-n", namespace, "--subresource=status", "--type=merge", "-p", patch)


def shown(cluster: ControlPlane, kind: str, namespace: str, *flags: str) -> dict[str, str]:
    """Column → value, of the one object that `kubectl get` lists."""
    header, row = cluster.kubectl("get", kind, "-n", namespace, *flags).splitlines()
    starts = [header.index(title) for title in header.split()]
    ends = [*starts[1:], None]
    return {
        header[start:end].strip(): row[start:end].strip() for start, end in zip(starts, ends, strict=True) if start >= 0
    }


# ── What applies ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("folder", ["crds", "Gateway API"])
def test_every_crd_is_established_and_its_schema_structural(cluster: ControlPlane, folder: str) -> None:
    path = ROOT / "crds" if folder == "crds" else gateway_api_crds()
    crds = json.loads(cluster.kubectl("get", "-f", str(path), "-o", "json"))["items"]
    assert len(crds) == len(list(path.glob("*.yaml")))
    for crd in crds:
        conditions = {each["type"]: each["status"] for each in crd["status"]["conditions"]}
        assert conditions.items() >= {"Established": "True", "NamesAccepted": "True"}.items(), crd["metadata"]["name"]
        assert "NonStructuralSchema" not in conditions, crd["metadata"]["name"]


def test_the_crds_applied_a_second_time_are_unchanged(cluster: ControlPlane) -> None:
    files = list((ROOT / "crds").glob("*.yaml"))
    said = cluster.kubectl("apply", "-f", str(ROOT / "crds"))
    assert [line.rpartition(" ")[2] for line in said.splitlines()] == ["unchanged"] * len(files)


@pytest.mark.parametrize("folder", EXAMPLES, ids=lambda folder: folder.name)
def test_an_example_applies_as_it_is(cluster: ControlPlane, gloo_system: str, folder: Path) -> None:
    said = cluster.kubectl("apply", "-f", str(folder))
    objects = [each for file in folder.glob("*.yaml") for each in yaml.safe_load_all(file.read_text())]
    assert len(said.splitlines()) == len(objects)
    assert {each["metadata"]["namespace"] for each in objects} <= {"default", gloo_system}


def test_the_guide_s_clean_up_finds_what_the_guide_applied(cluster: ControlPlane, gloo_system: str) -> None:
    cluster.kubectl("apply", "-f", str(ROOT / "manifests" / "examples" / "model-failover"))
    cluster.kubectl("delete", "secret", "-n", gloo_system, "openai-secret")
    for kind in ("deployment", "upstream", "httproute", "routeoption"):
        cluster.kubectl("delete", kind, "-n", gloo_system, "model-failover")


def test_fields_of_gloo_that_nobody_knows_are_kept(cluster: ControlPlane, namespace: str) -> None:
    upstream = made(
        "Upstream",
        """
        ai:
          multi:
            priorities:
            - pool: [{openai: {model: a, customHost: {host: a, port: 80, later: [1]}, later: {a: {b: c}}}, later: x}]
              later: true
        later: {deep: {deeper: [{deepest: 1}]}}
        """,
        namespace,
    )
    option = made("RouteOption", "{retries: {later: 1, previousPriorities: {later: x}}, later: [a, {b: c}]}", namespace)
    cluster.apply(upstream, option)
    assert cluster.get("upstream", "chat", namespace)["spec"] == upstream["spec"]
    assert cluster.get("routeoption", "chat", namespace)["spec"] == option["spec"]


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (
            "Upstream",
            """
            static: {hosts: [{addr: a, port: 80, loadBalancingWeight: null}], useTls: null, autoSniRewrite: null}
            connectionConfig: {connectTimeout: null, perConnectionBufferLimitBytes: null}
            outlierDetection: {consecutive5xx: null, interval: null}
            """,
        ),
        (
            "Upstream",
            "ai: {openai: {customHost: {host: a, hostname: null, pathOverride: {fullPath: null, basePath: /}}}}",
        ),
        ("Upstream", "{ai: null, kube: {serviceName: a, servicePort: 80}, sslConfig: null}"),
        (
            "RouteOption",
            """
            timeout: null
            hostRewrite: null
            autoHostRewrite: true
            retries:
              numRetries: null
              perTryTimeout: null
              previousPriorities: {updateFrequency: null}
              retryBackOff: {baseInterval: 1s, maxInterval: null}
            """,
        ),
        ("RouteOption", "{retries: null, faults: null, headerManipulation: {requestHeadersToAdd: null}}"),
    ],
)
def test_yaml_of_gloo_s_with_null_for_unset_applies(
    cluster: ControlPlane, namespace: str, kind: str, text: str
) -> None:
    cluster.apply(made(kind, text, namespace))


# ── Status ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_status_is_written_beside_the_spec_and_by_nobody_who_applies(cluster: ControlPlane, namespace: str) -> None:
    upstream = made("Upstream", HOSTS, namespace)
    cluster.apply({**upstream, "status": {"targets": 7}})
    assert "status" not in cluster.get("upstream", "chat", namespace)
    status = {"conditions": [condition("Accepted")], "priorities": 1, "targets": 1, "statuses": {"gloo": {"state": 1}}}
    write_status(cluster, "upstream", namespace, status)
    cluster.apply({**upstream, "spec": {**upstream["spec"], "later": 1}})
    stored = cluster.get("upstream", "chat", namespace)
    assert stored["status"] == status
    assert stored["metadata"]["generation"] == 2


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ({"conditions": [condition("Accepted", "Maybe")]}, 'supported values: "True", "False", "Unknown"'),
        ({"conditions": [condition("Accepted"), condition("Accepted", "False")]}, "Duplicate value"),
        ({"conditions": [{"type": "Accepted", "status": "True"}]}, "status.conditions[0].reason: Required value"),
        ({"targets": -1}, "status.targets: Invalid value: -1: targets in body should be greater than or equal to 0"),
    ],
)
def test_a_status_that_is_none_is_refused(cluster: ControlPlane, namespace: str, status: Object, words: str) -> None:
    cluster.apply(made("Upstream", HOSTS, namespace))
    with pytest.raises(KubectlFailed, match="status") as refused:
        write_status(cluster, "upstream", namespace, status)
    assert words in str(refused.value)


def test_kubectl_get_shows_what_holds_for_an_upstream(cluster: ControlPlane, namespace: str) -> None:
    cluster.apply(made("Upstream", HOSTS, namespace))
    assert shown(cluster, "upstream", namespace)["ACCEPTED"] == ""
    status = {
        "conditions": [condition("Accepted"), condition("Programmed", "False")],
        "priorities": 3,
        "targets": 4,
        "activePriority": 0,
    }
    write_status(cluster, "upstream", namespace, status)
    seen = shown(cluster, "us", namespace)
    assert list(seen) == ["NAME", "ACCEPTED", "ACTIVE", "TARGETS", "AGE"]
    assert (seen["ACCEPTED"], seen["ACTIVE"], seen["TARGETS"]) == ("True", "0", "4")
    assert shown(cluster, "upstreams.gloo.solo.io", namespace, "-o", "wide")["PROGRAMMED"] == "False"


@pytest.mark.parametrize(
    ("kind", "short", "columns"),
    [
        ("RouteOption", "rto", {"TARGET": "chat"}),
        ("FailoverPolicy", "fop", {"KIND": "HTTPRoute", "TARGET": "chat"}),
    ],
)
def test_kubectl_get_shows_what_holds_for_a_policy(
    cluster: ControlPlane, namespace: str, kind: str, short: str, columns: dict[str, str]
) -> None:
    policy = made(kind, "{}", namespace)
    policy["spec"]["targetRefs"] = [ROUTE]
    cluster.apply(policy)
    write_status(cluster, kind, namespace, ancestors("False"))
    seen = shown(cluster, short, namespace)
    assert list(seen) == ["NAME", "ACCEPTED", *columns, "AGE"]
    assert seen.items() >= {"NAME": "chat", "ACCEPTED": "False", **columns}.items()


def test_one_word_lists_everything_of_switchover_s(cluster: ControlPlane, namespace: str) -> None:
    cluster.apply(
        made("Upstream", HOSTS, namespace),
        made("RouteOption", "{}", namespace),
        made("FailoverPolicy", "{}", namespace),
    )
    listed = cluster.kubectl("get", "switchover", "-n", namespace, "-o", "name").split()
    assert set(listed) == {
        "upstream.gloo.solo.io/chat",
        "routeoption.gateway.solo.io/chat",
        "failoverpolicy.switchover.dev/chat",
    }


def test_every_field_of_the_official_http_route_is_known_and_none_is_called_unknown() -> None:
    text = (gateway_api_crds() / "gateway.networking.k8s.io_httproutes.yaml").read_text()
    versions = yaml.safe_load(text)["spec"]["versions"]
    specs = [version["schema"]["openAPIV3Schema"]["properties"]["spec"] for version in versions]
    assert [path for spec in specs for path in strangers(spec, HttpRouteSpec, "spec.")] == []


def strangers(schema: Object, model: type[BaseModel], path: str) -> Iterator[str]:
    """The fields of a schema that the model of the same object does not have."""
    names = field_names(model)
    for key, inner in schema.get("properties", {}).items():
        part = model_of(model.model_fields[names[key]].annotation) if key in names else None
        if key not in names:
            yield path + key
        elif part is not None:
            yield from strangers(inner.get("items", inner), part, f"{path}{key}.")


def model_of(annotation: object) -> type[BaseModel] | None:
    """The model in an annotation such as `Match | None` or `tuple[Match, ...]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((model for part in get_args(annotation) if (model := model_of(part)) is not None), None)
