"""What `run` says first of the routes that it serves."""

from typing import Any

from switchover_dataplane.table.table import Table
from switchover_operator.compiler.compile import compile_snapshot
from switchover_operator.compiler.fleet import Standalone
from switchover_operator.snapshot import Snapshot
from switchover_operator.standalone.served_lines import MOST_ROUTES, routes, served_routes, shown

KEY = {"inline": "sk-of-the-test"}


def made(version: str, kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name, "namespace": "ai"}, "spec": spec}


GATEWAY = made(
    "gateway.networking.k8s.io/v1",
    "Gateway",
    "gw",
    {"gatewayClassName": "switchover", "listeners": [{"name": "http", "port": 8080, "protocol": "HTTP"}]},
)
UPSTREAM = made(
    "gloo.solo.io/v1",
    "Upstream",
    "models",
    {
        "ai": {
            "multi": {
                "priorities": [
                    {"pool": [{"openai": {"model": "gpt-4o", "authToken": KEY}}, {"openai": {"authToken": KEY}}]},
                    {"pool": [{"mistral": {"model": "large", "authToken": KEY}}]},
                ]
            }
        }
    },
)
PLAIN = made("gloo.solo.io/v1", "Upstream", "plain", {"static": {"hosts": [{"addr": "192.0.2.1", "port": 80}]}})


def route(name: str, *backends: str, **rule: Any) -> dict[str, Any]:
    """A route at /NAME."""
    refs = [{"group": "gloo.solo.io", "kind": "Upstream", "name": backend} for backend in backends]
    matches = [{"path": {"type": "PathPrefix", "value": f"/{name}"}}]
    rules = [{"matches": matches, **({"backendRefs": refs} if refs else {}), **rule}]
    spec = {"parentRefs": [{"name": "gw"}], "rules": rules}
    return made("gateway.networking.k8s.io/v1", "HTTPRoute", name, spec)


def table(*objects: dict[str, Any]) -> Table:
    return compile_snapshot(Snapshot.of([GATEWAY, UPSTREAM, PLAIN, *objects]), {}, Standalone()).table


def test_each_rule_has_a_line_with_its_models_in_order() -> None:
    redirect = {"type": "RequestRedirect", "requestRedirect": {"statusCode": 301, "hostname": "example.com"}}
    jwt = made(
        "gateway.solo.io/v1",
        "RouteOption",
        "jwt",
        {
            "targetRefs": [{"group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "name": "closed"}],
            "options": {"jwt": {"providers": {"one": {}}}},
        },
    )
    found = routes(
        table(
            route("chat", "models"),
            route("closed", "models"),
            route("lost", "nowhere"),
            route("moved", filters=[redirect]),
            route("split", "models", "plain"),
            jwt,
        )
    )
    in_order = "openai/gpt-4o or openai/MODEL, then mistral/large"
    assert found == {
        "ai/chat": [f":8080 /chat -> {in_order}"],
        "ai/closed": [":8080 /closed -> answered 403, see `switchover check`"],
        "ai/lost": [":8080 /lost -> an error, see `switchover check`"],
        "ai/moved": [":8080 /moved -> redirected with status 301"],
        "ai/split": [f":8080 /split -> {in_order} | 192.0.2.1:80"],
    }


def test_of_many_routes_the_rest_is_counted() -> None:
    many = table(*(route(f"r-{number:02}", "models") for number in range(MOST_ROUTES + 2)))
    lines = [*shown(routes(many))]
    assert lines[0] == "ai/r-00: :8080 /r-00 -> openai/gpt-4o or openai/MODEL, then mistral/large"
    assert lines[MOST_ROUTES:] == ["and 2 more routes: see `switchover check`"]
    assert len(served_routes(many).fields["routes"]) == MOST_ROUTES + 2
