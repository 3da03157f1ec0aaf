"""`switchover check` says of each object what has become of it, and exits with 1 exactly where something of ours is not
served."""

import json
from typing import Any

import pytest
from click.testing import CliRunner, Result

from switchover_operator.cli import main

GATEWAY = """
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: front, annotations: {switchover.dev/open: "true"}}
spec:
  gatewayClassName: switchover
  listeners: [{name: http, port: 8080, protocol: HTTP}]
"""
ROUTE = """
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: chat}
spec:
  parentRefs: [{name: front}]
  rules: [{backendRefs: [{group: gloo.solo.io, kind: Upstream, name: models}]}]
"""
UPSTREAM = """
apiVersion: gloo.solo.io/v1
kind: Upstream
metadata: {name: models}
spec: {ai: {openai: {model: small, customHost: {host: 127.0.0.1, port: 9}, authToken: {inline: sk-not-a-key-0001}}}}
"""
GRPC_ROUTE = """
apiVersion: gateway.networking.k8s.io/v1
kind: GRPCRoute
metadata: {name: rpc}
spec: {parentRefs: [{name: front}]}
"""
GOOD = (GATEWAY, ROUTE, UPSTREAM)
OF_ISTIO = GATEWAY.replace("front", "mesh").replace("switchover\n", "istio\n")


def check(*objects: str, output: str = "text") -> Result:
    return CliRunner().invoke(main, ["check", "-f", "-", "--output", output], input="\n---\n".join(objects))


def line(result: Result, name: str) -> str:
    """The first line about an object."""
    return next(each for each in result.output.splitlines() if f"{name} " in f"{each} ")


def test_what_is_served_is_counted_and_nothing_fails() -> None:
    result = check(*GOOD)
    assert result.exit_code == 0
    assert result.output.splitlines()[-1] == "✓ 3 served; port 8080 would be served"


@pytest.mark.parametrize(
    ("added", "name", "state", "fails", "said"),
    [
        (
            ROUTE.replace("chat", "lost").replace("parentRefs", "parentRef"),
            "HTTPRoute default/lost",
            "✗ attached to nothing",
            True,
            "spec.parentRef (unknown; did you mean parentRefs?)",
        ),
        (
            ROUTE.replace("chat", "lost").replace("name: front", "name: frnt"),
            "HTTPRoute default/lost",
            "✗ refused",
            True,
            "Gateway default/frnt does not exist",
        ),
        (
            ROUTE.replace("chat", "lost").replace("name: front", "kind: Gatway, name: front"),
            "HTTPRoute default/lost",
            "✗ refused",
            True,
            "spec.parentRefs[0].kind: Gatway",
        ),
        (
            ROUTE.replace("chat", "mesh").replace("{name: front}", "{group: '', kind: Service, name: shop}"),
            "HTTPRoute default/mesh",
            "· not ours",
            False,
            "",
        ),
        (OF_ISTIO, "Gateway default/mesh", "· not ours", False, "spec.gatewayClassName: 'istio'"),
        (
            OF_ISTIO.replace("port: 8080", "port: 0"),
            "Gateway default/mesh",
            "✗ refused",
            True,
            "spec.listeners[0].port",
        ),
        (OF_ISTIO.replace("port:", "prot: 1, port:"), "Gateway default/mesh", "· not ours", False, "prot (unknown"),
        (
            OF_ISTIO.replace("listeners:", "tls: {frontend: {default: {}}}\n  listeners:"),
            "Gateway default/mesh",
            "· not ours",
            False,
            "",
        ),
        (UPSTREAM.replace("models", "spare"), "Upstream default/spare", "· not used", False, ""),
        (
            UPSTREAM.replace("models", "spare").replace("openai", "openAI"),
            "Upstream default/spare",
            "✗ refused",
            True,
            "openAI",
        ),
        (
            UPSTREAM.replace("models", "spare").replace("spec: {", "spec: {useHttp2: true, "),
            "Upstream default/spare",
            "! partly served",
            False,
            "spec.useHttp2",
        ),
        (GRPC_ROUTE.replace("front", "mesh"), "GRPCRoute default/rpc", "· not ours", False, ""),
        (GRPC_ROUTE.replace("spec", "spek"), "GRPCRoute default/rpc", "✗", True, "GRPCRoute"),
        (
            GRPC_ROUTE,
            "GRPCRoute default/rpc",
            "✗ not served here",
            True,
            "gateway.networking.k8s.io",
        ),
        (
            "apiVersion: gateway.solo.io/v1\nkind: Gateway\nmetadata: {name: edge}",
            "Gateway default/edge",
            "✗ not served here",
            True,
            "Gateway of gateway.solo.io",
        ),
        (
            "apiVersion: gateway.networking.k8s.io/v1\nkind: HttpRoute\nmetadata: {name: x}",
            "HttpRoute default/x",
            "✗ refused",
            True,
            "did you mean HTTPRoute?",
        ),
        (
            "apiVersion: gateway.networking.k8s.oi/v1\nkind: HTTPRoute\nmetadata: {name: x}",
            "HTTPRoute default/x",
            "✗ refused",
            True,
            "did you mean gateway.networking.k8s.io?",
        ),
        (
            "apiVersion: gloo.solo.io/v1\nkind: RouteOption\nmetadata: {name: x}",
            "RouteOption default/x",
            "✗ refused",
            True,
            "RouteOption is a kind of gateway.solo.io",
        ),
        (
            "apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: x}",
            "not ours: Gateway default/x",
            "·",
            False,
            "",
        ),
        (
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x}",
            "not ours: Deployment default/x",
            "·",
            False,
            "",
        ),
        (
            "apiVersion: gateway.solo.io/v1\nkind: RouteOption\nmetadata: {name: x}\nspec: {options: {timeout: 9s}}",
            "RouteOption default/x",
            "✗ attached to nothing",
            True,
            "spec.targetRefs: leads to nothing",
        ),
        (
            "apiVersion: v1\nkind: Service\nmetadata: {name: app}\nspec: {ports: [{port: 80, protokol: TCP}]}",
            "Service default/app",
            "! partly served",
            False,
            "spec.ports[0].protokol (unknown; did you mean protocol?)",
        ),
        (
            "apiVersion: v1\nkind: Service\nmetadata: {name: app}\nspec: {ports: [{port: 80, protocol: HTTP}]}",
            "Service default/app",
            "✗ refused",
            True,
            "must be TCP, UDP or SCTP",
        ),
        (
            "apiVersion: v1\nkind: Secret\nmetadata: {name: key}\nstringData: {Authorization: sk-not-a-key-0001}",
            "not used: Secret default/key",
            "·",
            False,
            "",
        ),
    ],
)
def test_each_object_is_in_one_state(added: str, name: str, state: str, fails: bool, said: str) -> None:
    result = check(*GOOD, added)
    assert line(result, name).startswith(state.split(maxsplit=1)[0])
    assert state.partition(" ")[2] in line(result, name)
    assert said in result.output
    assert "HTTPRoute default/chat served" in result.output
    assert result.exit_code == (1 if fails else 0), result.output


def test_a_file_whose_gateways_are_all_of_other_classes_fails_and_says_what_would_make_them_ours() -> None:
    result = check(GATEWAY.replace("switchover\n", "gloo-gateway\n"), ROUTE, UPSTREAM)
    assert result.exit_code == 1
    assert "spec.gatewayClassName: 'gloo-gateway'" in result.output
    assert "controllerName switchover.dev/gateway-controller" in result.output
    assert "nothing would be served" in result.output.splitlines()[-1]


def test_a_gateway_class_with_our_controller_makes_gateways_of_that_class_ours() -> None:
    ours = """
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {name: gloo-gateway}
spec: {controllerName: switchover.dev/gateway-controller}
"""
    result = check(ours, GATEWAY.replace("switchover\n", "gloo-gateway\n"), ROUTE, UPSTREAM)
    assert result.exit_code == 0, result.output
    assert result.output.splitlines()[-1] == "✓ 4 served; port 8080 would be served"


def test_a_route_whose_requests_would_be_answered_an_error_of_our_own_fails() -> None:
    result = check(GATEWAY, ROUTE)
    assert result.exit_code == 1
    assert "Upstream default/models does not exist" in result.output


def test_objects_without_a_gateway_and_a_route_serve_nothing_and_do_not_fail() -> None:
    result = check(UPSTREAM)
    assert result.exit_code == 0
    assert "nothing would be served" in result.output


def test_the_report_as_json_has_the_same_states_findings_and_summary() -> None:
    lost = ROUTE.replace("chat", "lost").replace("name: front", "name: frnt")
    result = check(*GOOD, lost, output="json")
    content: dict[str, Any] = json.loads(result.output)
    states = {f"{each['kind']} {each['name']}": each["state"] for each in content["objects"]}
    assert states == {
        "Gateway front": "served",
        "HTTPRoute chat": "served",
        "HTTPRoute lost": "refused",
        "Upstream models": "served",
    }
    assert (content["good"], content["ports"], content["problems"]) == (False, [8080], [])
    assert (content["summary"]["served"], content["summary"]["refused"]) == (3, 1)
    (lost_one,) = [each for each in content["objects"] if each["name"] == "lost"]
    assert lost_one["findings"][0]["severity"] == "fault"
    assert "does not exist" in lost_one["findings"][0]["message"]
    assert lost_one["findings"][0]["place"].startswith("standard input:")
    assert result.exit_code == 1


def test_a_class_and_a_controller_that_are_misspelt_are_errors_with_the_name_that_was_meant() -> None:
    gateway = check(GATEWAY.replace("switchover\n", "swichover\n"), ROUTE, UPSTREAM)
    assert gateway.exit_code == 1
    assert "spec.gatewayClassName: there is no class swichover; did you mean switchover?" in gateway.output

    misspelt = """
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {name: other}
spec: {controllerName: switchover.dev/gateway-controler}
"""
    of_class = check(*GOOD, misspelt)
    assert of_class.exit_code == 1
    assert "did you mean switchover.dev/gateway-controller?" in of_class.output


DISABLED = UPSTREAM.replace("{name: models}", "{name: models, annotations: {switchover.dev/disabled: the bill is due}}")
BESIDE = UPSTREAM.replace("name: models", "name: beside")
TO_BOTH = ROUTE.replace("name: models}]", "name: models}, {group: gloo.solo.io, kind: Upstream, name: beside}]")
POLICY = """
apiVersion: switchover.dev/v1alpha1
kind: FailoverPolicy
metadata: {name: drain}
spec:
  targetRefs: [{group: gateway.networking.k8s.io, kind: HTTPRoute, name: chat}]
  disabledModels: [{model: openai/small, reason: the bill is due}]
"""


def test_a_disabled_upstream_is_no_fault_while_others_serve() -> None:
    result = check(GATEWAY, TO_BOTH, DISABLED, BESIDE)
    assert line(result, "Upstream default/models").startswith("\u00b7 Upstream default/models disabled")
    assert "takes all its targets out of rotation: the bill is due" in result.output
    assert "0 of 1 requests: answered 503: all of it is disabled" in result.output
    assert "priority 0: small at 127.0.0.1:9 (openai), disabled (the bill is due)" in result.output
    assert result.output.splitlines()[-1] == "\u2713 3 served, 1 disabled; port 8080 would be served"
    assert result.exit_code == 0
    shown = json.loads(check(GATEWAY, TO_BOTH, DISABLED, BESIDE, output="json").output)
    assert {each["name"]: each["state"] for each in shown["objects"]}["models"] == "disabled"


def test_a_route_of_which_all_is_disabled_fails() -> None:
    for objects in ((GATEWAY, ROUTE, DISABLED), (*GOOD, POLICY)):
        result = check(*objects)
        assert "answered 503: all of it is disabled" in result.output
        assert "the bill is due" in result.output
        assert result.exit_code == 1


def test_a_model_that_a_policy_disables_is_said_with_its_reason() -> None:
    beside = "{pool: [{openai: {model: large, authToken: {inline: sk-not-a-key-0002}}}]}"
    models = UPSTREAM.replace(
        "{openai: {model: small, customHost: {host: 127.0.0.1, port: 9}, authToken: {inline: sk-not-a-key-0001}}}",
        "{multi: {priorities: [{pool: [{openai: {model: small, authToken: {inline: sk-not-a-key-0001}}}]}, "
        f"{beside}]}}}}",
    )
    result = check(GATEWAY, ROUTE, models, POLICY)
    assert "one model, at most" in result.output
    assert "priority 0: small at api.openai.com:443 (openai), disabled (the bill is due)" in result.output
    assert "openai/small of default/models is out of rotation by FailoverPolicy default/drain" in result.output
    assert result.exit_code == 0
    misspelt = check(GATEWAY, ROUTE, models, POLICY.replace("openai/small", "openai/smal"))
    assert "spec.disabledModels[0].model: 'openai/smal' (no target of its routes has this name) has no effect" in (
        misspelt.output
    )
