"""A release is changed while it serves: values, more operators, fewer namespaces."""

from cluster import (
    APPS,
    CHART,
    DATAPLANES,
    OPERATORS,
    SYSTEM,
    gateway_address,
    get,
    helm,
    kubectl,
    names,
    objects,
    pods,
    rolled_out,
    served,
    until,
)


def upgrade(*values: str) -> None:
    helm("upgrade", "switchover", str(CHART), "-n", SYSTEM, "--reuse-values", "--wait", "--timeout", "3m", *values)


def retry(times: int) -> None:
    """Edit the RouteOption and wait until the edit is served."""
    operation = f'[{{"op": "replace", "path": "/spec/options/retries/numRetries", "value": {times}}}]'
    kubectl("patch", "routeoption", "model-failover", "-n", APPS, "--type", "json", "-p", operation)
    served(("routeoption", "model-failover"))


def leader() -> str:
    holder: str = get("lease", "switchover-operator", SYSTEM)["spec"].get("holderIdentity", "")
    return holder


def test_a_changed_value_reaches_the_data_planes_and_the_gateway_keeps_its_address() -> None:
    before = gateway_address()
    upgrade("--set", "dataplane.logAll=true", "--set", "dataplane.replicas=1")
    until(lambda: len(objects("pods", *DATAPLANES)) == 1, "one data plane is left", 120)
    (container,) = pods(*DATAPLANES)[0]["spec"]["containers"]
    assert {"name": "SWITCHOVER_LOG_ALL", "value": "true"} in container["env"]
    assert gateway_address() == before
    served(("gateway", "ai-gateway"), ("httproute", "model-failover"))


def test_of_two_operators_one_leads_and_the_other_takes_over_when_it_goes() -> None:
    upgrade("--set", "operator.replicas=2")
    until(lambda: len(objects("pods", *OPERATORS)) == 2, "there are two operators", 120)
    first = until(
        lambda: found if f"Pod/{(found := leader())}" in names("pods", *OPERATORS) else "", "one of them leads"
    )
    retry(1)
    kubectl("delete", "pod", first, "-n", SYSTEM)
    until(lambda: leader() not in {"", first}, "the other leads")
    retry(3)


def test_with_namespaces_named_the_operator_may_read_those_and_serves_them() -> None:
    upgrade("--set", "operator.replicas=1", "--set", f"watchNamespaces={{{APPS}}}")
    rolled_out("switchover-operator")
    until(lambda: len(objects("pods", *OPERATORS)) == 1, "one operator is left", 120)
    retry(2)
    operator = f"system:serviceaccount:{SYSTEM}:switchover-operator"
    allowed = ("auth", "can-i", "list", "secrets", "--as", operator)
    assert kubectl(*allowed, "-n", APPS).strip() == "yes"
    assert "no" in until(lambda: _answer(*allowed, "-n", "default"), "an answer")


def _answer(*command: str) -> str:
    """What kubectl says whose exit code is the answer."""
    try:
        return kubectl(*command)
    except AssertionError as refused:
        return str(refused)
