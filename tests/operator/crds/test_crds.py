"""The CRDs: structural, up to date, and as strict or as lenient as their kinds need."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from switchover_dataplane.failover.outcome import ErrorClass
from switchover_operator.crds.crd import render

STORED = Path(__file__).parents[3] / "crds"
RULES = "x-kubernetes-validations"
PRESERVE = "x-kubernetes-preserve-unknown-fields"

CRDS: dict[str, dict[str, Any]] = {
    crd["spec"]["names"]["kind"]: crd for crd in (yaml.load(text, yaml.CSafeLoader) for text in render().values())
}


def schema(kind: str, path: str = "") -> dict[str, Any]:
    """The schema of a kind, or of a field of it: `spec.static.hosts[].port`."""
    here: dict[str, Any] = CRDS[kind]["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    for step in filter(None, re.split(r"[.]|(\[\])", path)):
        here = here["items"] if step == "[]" else here["properties"][step]
    return here


def parts(here: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every schema in a schema, with its path."""
    yield path, here
    for name, part in here.get("properties", {}).items():
        yield from parts(part, f"{path}.{name}")
    for key in ("items", "additionalProperties"):
        if key in here:
            yield from parts(here[key], f"{path}[]")


def messages(here: dict[str, Any]) -> list[str]:
    return [rule["message"] for rule in here.get(RULES, [])]


EVERY_PART = [
    pytest.param(part, id=f"{kind}{path}") for kind in CRDS for path, part in parts(schema(kind)) if RULES in part
]


def test_the_stored_crds_are_those_that_the_models_make() -> None:
    assert {path.name: path.read_text() for path in STORED.glob("*.yaml")} == render()


@pytest.mark.parametrize("kind", CRDS)
def test_every_part_of_a_schema_is_structural(kind: str) -> None:
    for path, part in parts(schema(kind)):
        typed = part.get("type") or part.get("x-kubernetes-int-or-string") or part.get(PRESERVE)
        assert typed, f"{path} has no type"
        assert not {"$ref", "$defs", "anyOf", "oneOf", "allOf", "not", "title", "default", "const"} & part.keys(), path
        assert (part.get("type") == "array") == ("items" in part), path
        assert not ("properties" in part and "additionalProperties" in part), path
        assert set(part.get("required", ())) <= set(part.get("properties", ())), path


@pytest.mark.parametrize("part", EVERY_PART)
def test_a_rule_asks_only_for_fields_that_the_schema_has(part: dict[str, Any]) -> None:
    for rule in part[RULES]:
        named = set(re.findall(r"self\.([A-Za-z0-9]+)\b(?!\()", rule["rule"]))
        assert named <= set(part.get("properties", ()))
        assert rule["message"]
        if "fieldPath" in rule:
            assert rule["fieldPath"].removeprefix(".") in part["properties"]


@pytest.mark.parametrize("kind", CRDS)
def test_a_list_with_rules_in_it_is_bounded_as_their_cost_is_estimated_from_its_size(kind: str) -> None:
    for path, part in parts(schema(kind)):
        if part.get("type") == "array" and any(RULES in below for _, below in parts(part["items"])):
            assert part["maxItems"] <= 128, path


@pytest.mark.parametrize("kind", ["Upstream", "RouteOption"])
def test_gloos_kinds_keep_fields_that_nobody_knows(kind: str) -> None:
    for path, part in parts(schema(kind, "spec")):
        if part.get("type") == "object" and "additionalProperties" not in part:
            assert part[PRESERVE] is True, path


def test_our_own_kind_lets_the_api_server_refuse_a_misspelt_field() -> None:
    assert not any(PRESERVE in part for _, part in parts(schema("FailoverPolicy", "spec")))


def test_an_unset_wrapper_of_gloo_may_be_null() -> None:
    assert schema("Upstream", "spec.static.useTls")["nullable"] is True
    assert schema("RouteOption", "spec.options.retries.previousPriorities.updateFrequency")["nullable"] is True
    assert not any("nullable" in part for _, part in parts(schema("FailoverPolicy")))


@pytest.mark.parametrize(
    ("kind", "path", "message"),
    [
        ("Upstream", "spec.ai.openai.authToken", "may have only one of inline, secretRef and passthrough"),
        ("Upstream", "spec.ai.openai.customHost.pathOverride", "may have only one of fullPath and basePath"),
        (
            "Upstream",
            "spec.ai.multi.priorities[].pool[]",
            "must have one of openai, mistral, anthropic, azureOpenai, gemini, vertexAi or bedrock",
        ),
        ("Upstream", "spec", "must have one of ai, static or kube"),
        ("RouteOption", "spec.options.retries.retryBackOff", "maxInterval must be at least baseInterval"),
        ("RouteOption", "spec.options.retries.retryBackOff", "maxInterval needs baseInterval as well"),
        ("RouteOption", "spec.options.timeout", 'must be a duration such as "0.25s" or "15s"'),
        ("RouteOption", "spec.options.ai.routeType", "must be CHAT (0) or CHAT_STREAMING (1)"),
        ("RouteOption", "spec.options", "may have only one of prefixRewrite and regexRewrite"),
        ("FailoverPolicy", "spec", "holdback needs streamRecovery: Holdback as well"),
        ("FailoverPolicy", "spec.coolDown", "max must be at least base"),
        ("FailoverPolicy", "spec.maxRequestBody", 'must be a size in bytes such as "32Mi", "500k" or 1048576'),
    ],
)
def test_a_mistake_is_refused_at_admission_with_what_would_be_right(kind: str, path: str, message: str) -> None:
    assert message in messages(schema(kind, path))


@pytest.mark.parametrize(
    ("kind", "path", "least", "most"),
    [
        ("Upstream", "spec.static.hosts[].port", 1, 65535),
        ("Upstream", "spec.kube.servicePort", 1, 65535),
        ("Upstream", "spec.ai.openai.customHost.port", 0, 65535),
        ("RouteOption", "spec.options.retries.previousPriorities.updateFrequency", 1, 2**32 - 1),
        ("RouteOption", "spec.options.retries.numRetries", 0, 2**32 - 1),
        ("FailoverPolicy", "spec.attempts", 1, 100),
        ("FailoverPolicy", "spec.retryBudget.percent", 0, 100),
    ],
)
def test_a_number_out_of_its_range_is_refused_at_admission(kind: str, path: str, least: int, most: int) -> None:
    part = schema(kind, path)
    assert (part["minimum"], part["maximum"]) == (least, most)


def test_a_word_that_retry_on_does_not_know_is_refused_at_admission() -> None:
    offered = schema("FailoverPolicy", "spec.retryOn[]")["enum"]
    assert {"rate-limited", "caller-fault", "5xx", "retriable-4xx"} < set(offered)
    assert {str(each) for each in ErrorClass} < set(offered)
    assert not {"5XX", "retriable-status-codes", "retriable-headers"} & set(offered)


@pytest.mark.parametrize(
    ("kind", "name", "short_names"),
    [
        ("Upstream", "upstreams.gloo.solo.io", ["us", "gus"]),
        ("RouteOption", "routeoptions.gateway.solo.io", ["rto", "rtopts", "grto"]),
        ("FailoverPolicy", "failoverpolicies.switchover.dev", ["fop"]),
    ],
)
def test_kubectl_knows_a_kind_by_its_names(kind: str, name: str, short_names: list[str]) -> None:
    crd = CRDS[kind]
    assert crd["metadata"]["name"] == name
    assert crd["spec"]["names"]["shortNames"] == short_names
    assert crd["spec"]["names"]["categories"] == ["switchover"]
    assert crd["spec"]["versions"][0]["subresources"] == {"status": {}}


@pytest.mark.parametrize(
    ("kind", "columns"),
    [
        ("Upstream", ["Accepted", "Active", "Targets", "Age"]),
        ("RouteOption", ["Accepted", "Target", "Age"]),
        ("FailoverPolicy", ["Accepted", "Kind", "Target", "Age"]),
    ],
)
def test_kubectl_get_shows_what_matters(kind: str, columns: list[str]) -> None:
    shown = CRDS[kind]["spec"]["versions"][0]["additionalPrinterColumns"]
    assert [column["name"] for column in shown if not column.get("priority")] == columns


def test_gloos_own_status_is_kept_beside_ours() -> None:
    assert schema("Upstream", "status.statuses")[PRESERVE] is True
    assert schema("RouteOption", "status")[PRESERVE] is True


def test_a_condition_is_found_by_its_type() -> None:
    conditions = schema("Upstream", "status.conditions")
    assert conditions["x-kubernetes-list-type"] == "map"
    assert conditions["x-kubernetes-list-map-keys"] == ["type"]
    assert "conditions" in schema("FailoverPolicy", "status.ancestors[]")["properties"]


def test_kubectl_explain_says_what_has_no_effect() -> None:
    assert "has no effect" in schema("RouteOption", "spec.options.faults")["description"]
    assert "has no effect" not in schema("RouteOption", "spec.options.retries.retryOn")["description"]
    described = schema("RouteOption", "spec.options.ai.routeType")["description"]
    assert described.endswith("One of CHAT (0) or CHAT_STREAMING (1).")
