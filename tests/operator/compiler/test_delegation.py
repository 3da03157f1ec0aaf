"""Families of routes that golden files would be too long for: many parents, many steps, routes of others."""

from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Any

import pytest

from switchover_operator.compiler.compile import Compiled, compile_snapshot
from switchover_operator.compiler.fleet import CONTROLLER_NAME, Cluster, Fleet, GatewayPort, Standalone, internal_ports
from switchover_operator.compiler.reaching import MOST_STEPS, MOST_WAYS
from switchover_operator.compiler.report import Report
from switchover_operator.identity import Body
from switchover_operator.snapshot import Snapshot

API = "gateway.networking.k8s.io"
CLASS: Body = {
    "apiVersion": f"{API}/v1",
    "kind": "GatewayClass",
    "metadata": {"name": "switchover"},
    "spec": {"controllerName": CONTROLLER_NAME},
}
GATEWAY: Body = {
    "apiVersion": f"{API}/v1",
    "kind": "Gateway",
    "metadata": {"name": "gw", "namespace": "infra"},
    "spec": {
        "gatewayClassName": "switchover",
        "listeners": [
            {"name": "http", "port": 80, "protocol": "HTTP", "allowedRoutes": {"namespaces": {"from": "All"}}}
        ],
    },
}
UPSTREAM: Body = {
    "apiVersion": "gloo.solo.io/v1",
    "kind": "Upstream",
    "metadata": {"name": "models", "namespace": "team"},
    "spec": {"static": {"hosts": [{"addr": "models.example", "port": 443}]}},
}
TO_MODELS = {"group": "gloo.solo.io", "kind": "Upstream", "name": "models"}
TO_GATEWAY = {"name": "gw", "namespace": "infra"}
CLUSTER = Cluster(internal_ports([GatewayPort("infra", "gw", 80)], {}))


def route(
    name: str, refs: Iterable[Mapping[str, Any]], parents: Iterable[Mapping[str, Any]] = (), **metadata: Any
) -> Body:
    rule = {"matches": [{"path": {"value": "/p"}}], "backendRefs": list(refs)}
    return {
        "apiVersion": f"{API}/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": name, "namespace": "team", **metadata},
        "spec": {"parentRefs": list(parents), "rules": [rule]},
    }


def to(name: str) -> dict[str, str]:
    return {"group": API, "kind": "HTTPRoute", "name": name, "namespace": "team"}


def compiled(routes: Iterable[Body], fleet: Fleet | None = None) -> Compiled:
    return compile_snapshot(Snapshot.of([CLASS, GATEWAY, UPSTREAM, *routes]), {}, fleet or Standalone())


def report(of: Compiled, name: str) -> Report:
    return next(each for each in of.reports if each.identity.name == name)


def told(of: Compiled, name: str) -> list[str]:
    return [f"{each.reason}: {each.message}" for each in report(of, name).every_condition]


def test_routes_that_delegate_crosswise_end_at_a_limit_that_is_told() -> None:
    """Ten layers of ten routes, each of which delegates to all of the next: 10 to the power of 9 ways."""
    layers = [[f"{layer:02}-{number}" for number in range(10)] for layer in range(9)]
    routes = [route(name, map(to, below)) for layer, below in pairwise(layers) for name in layer]
    routes += [route("root", map(to, layers[0]), [TO_GATEWAY])]
    routes += [route(name, [TO_MODELS]) for name in layers[-1]]
    found = compiled(routes)
    assert len(found.table.rules) <= MOST_WAYS * 10
    assert any(f"more than {MOST_WAYS} ways of delegation" in text for text in told(found, "08-0"))


def test_routes_that_delegate_crosswise_and_have_no_gateway_cost_no_more() -> None:
    layers = [[f"{layer:02}-{number}" for number in range(10)] for layer in range(9)]
    routes = [route(name, map(to, below)) for layer, below in pairwise(layers) for name in layer]
    routes += [route("leaf", [TO_MODELS]), *(route(name, [to("leaf")]) for name in layers[-1])]
    assert not compiled(routes).table.rules


def test_more_steps_than_the_limit_are_not_served() -> None:
    names = [f"{number:02}" for number in range(MOST_STEPS + 2)]
    routes = [route(name, [to(below)]) for name, below in pairwise(names)]
    routes += [route("root", [to(names[0])], [TO_GATEWAY]), route(names[-1], [TO_MODELS])]
    assert not compiled(routes).table.rules
    routes = [route("root", [to(names[3])], [TO_GATEWAY]), *routes[:-2], routes[-1]]
    assert len(compiled(routes).table.rules) == 1


def test_a_parent_that_is_served_keeps_its_child_whatever_others_are_added() -> None:
    routes = [
        route("child", [TO_MODELS]),
        route("z", [to("child")], [TO_GATEWAY], creationTimestamp="2025-01-01T00:00:00Z"),
        *(
            route(f"a{number}", [to("child")], [TO_GATEWAY], creationTimestamp="2025-01-02T00:00:00Z")
            for number in range(MOST_WAYS + 20)
        ),
    ]
    found = compiled(routes)
    assert len(found.table.rules) == MOST_WAYS
    assert "team/child/0<team/z/0" in found.table.rules
    accepted = [
        any(each.type == "Accepted" and each.status == "True" for each in parent.conditions)
        for parent in report(found, "child").parents
    ]
    assert accepted.count(True) == MOST_WAYS


@pytest.mark.parametrize("fleet", [Standalone(), CLUSTER], ids=["one machine", "a cluster"])
def test_a_child_of_a_route_that_others_serve_is_theirs(fleet: Fleet) -> None:
    theirs = route("theirs", [to("child")], [{"name": "other", "namespace": "infra"}])
    found = compiled([theirs, route("child", [TO_MODELS], [to("theirs")])], fleet)
    assert not found.table.rules
    reported = {each.identity.name for each in found.reports if each.identity.kind == "HTTPRoute"}
    assert reported == (set() if fleet is CLUSTER else {"theirs", "child"})


@pytest.mark.parametrize("fleet", [Standalone(), CLUSTER], ids=["one machine", "a cluster"])
def test_a_child_is_served_though_the_gateway_takes_no_routes_of_its_namespace(fleet: Fleet) -> None:
    """The parent decides who may have its requests, as in Gloo; a listener is asked for the parent alone."""
    child = route("child", [{**TO_MODELS, "namespace": "team"}])
    child["metadata"]["namespace"] = "elsewhere"
    parent = route("parent", [{**to("child"), "namespace": "elsewhere"}], [TO_GATEWAY])
    found = compiled([parent, child], fleet)
    assert list(found.table.rules) == ["elsewhere/child/0<team/parent/0"]
    # What the child itself refers to is a matter of its own namespace.
    assert any("no ReferenceGrant in team allows it" in text for text in told(found, "child"))


def test_a_secret_of_one_parent_is_not_sent_by_the_way_of_another() -> None:
    def parent(name: str, prefix: str) -> Body:
        made = route(name, [to("child")], [TO_GATEWAY])
        key = {"name": "authorization", "value": f"of-{name}"}
        made["spec"]["rules"][0]["filters"] = [
            {"type": "RequestHeaderModifier", "requestHeaderModifier": {"set": [key]}}
        ]
        made["spec"]["hostnames"] = [f"{prefix}.example.com"]
        return made

    table = compiled([parent("one", "a"), parent("two", "b"), route("child", [TO_MODELS])]).table
    sent = {
        key: table.secrets[edit.set[0].secret]
        for key, rule in table.rules.items()
        for edit in rule.filters.request_headers
    }
    assert sent == {"team/child/0<team/one/0": "of-one", "team/child/0<team/two/0": "of-two"}
