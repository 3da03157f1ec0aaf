"""After all that traffic: keys are in the Secrets that hold them, and nowhere else that anybody can read."""

import base64

import pytest

from cluster import (
    APPS,
    DATAPLANES,
    NAMESPACES,
    OPERATORS,
    SYSTEM,
    CommandFailed,
    from_within,
    kubectl,
    logs,
    objects,
    pods,
    proxied,
)

SEEN = "never-to-be-seen"
"""Both the first key and the one after its rotation contain it."""
OUR_KINDS = "upstreams,routeoptions,failoverpolicies,httproutes,gateways,gatewayclasses,referencegrants"
OTHER_KINDS = "events,services,endpointslices,configmaps,leases,deployments,pods"


def contents(namespace: str) -> dict[str, str]:
    """What the Secrets of a namespace hold, by NAME/KEY, but for the releases that Helm keeps there."""
    return {
        f"{each['metadata']['name']}/{key}": base64.b64decode(value).decode()
        for each in objects("secrets", "-n", namespace)
        if each["type"] != "helm.sh/release.v1"
        for key, value in each.get("data", {}).items()
    }


def needles() -> list[str]:
    """What must not be found: the keys, plain or encoded, and a line of each private key of the push channel."""
    encoded = [base64.b64encode(f"{pad}{SEEN}".encode()).decode()[4:-4] for pad in ("", "x", "xx")]
    private = [held for held in contents(SYSTEM).values() if "PRIVATE KEY" in held]
    assert len(private) >= 2
    return [SEEN, *encoded, *(key[key.index("PRIVATE KEY") :].splitlines()[1] for key in private)]


def places() -> dict[str, str]:
    found = {f"objects {kinds}": kubectl("get", kinds, "-A", "-o", "yaml") for kinds in (OUR_KINDS, OTHER_KINDS)}
    for namespace in NAMESPACES:
        for pod in objects("pods", "-n", namespace):
            found[f"log of {pod['metadata']['name']}"] = logs(pod)
    for pod in pods(*DATAPLANES):
        for path in ("/metrics", "/v1/table", "/v1/health"):
            found[f"{path} of {pod['metadata']['name']}"] = from_within(pod, 9180, path)
    for pod in pods(*OPERATORS):
        found[f"/metrics of {pod['metadata']['name']}"] = proxied(pod, 9181, "/metrics")
    return found


def test_the_keys_are_where_they_belong() -> None:
    assert SEEN in contents(APPS)["openai-secret/Authorization"]


def test_no_log_object_event_metric_or_dump_has_a_key() -> None:
    searched = places()
    assert all(searched.values()), [place for place, text in searched.items() if not text]
    unwanted = needles()
    assert [place for place, text in searched.items() if any(needle in text for needle in unwanted)] == []


@pytest.mark.parametrize("path", ["/v1/table", "/metrics"])
def test_the_dumps_that_were_searched_speak_of_the_guides_models(path: str) -> None:
    assert all("gpt-4o" in from_within(pod, 9180, path) for pod in pods(*DATAPLANES))


@pytest.mark.parametrize("path", ["/v1/table", "/v1/health"])
def test_the_dumps_are_shown_to_nobody_outside_of_the_pod(path: str) -> None:
    for pod in pods(*DATAPLANES):
        with pytest.raises(CommandFailed, match="Forbidden"):
            proxied(pod, 9180, path)
