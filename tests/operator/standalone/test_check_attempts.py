"""How often a request is attempted: what `switchover check` prints, what the status says, and what is then decided."""

import re
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from playbook import longest_walk
from switchover_dataplane.table.error_classes import ErrorClass
from switchover_dataplane.table.table import Table
from switchover_operator.cli import main
from switchover_operator.compiler.compile import compile_snapshot
from switchover_operator.compiler.fleet import Standalone
from switchover_operator.compiler.worst_case import worst_case
from switchover_operator.snapshot import Snapshot

GATEWAY = {
    "apiVersion": "gateway.networking.k8s.io/v1",
    "kind": "Gateway",
    "metadata": {"name": "gw", "namespace": "ai"},
    "spec": {"gatewayClassName": "switchover", "listeners": [{"name": "http", "port": 8080, "protocol": "HTTP"}]},
}
ROUTE = {"group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "name": "chat"}


def manifests(upstream: dict[str, Any], *policies: dict[str, Any]) -> list[dict[str, Any]]:
    """A Gateway, a route to one Upstream, and what is written about attempts."""
    backend = {"group": "gloo.solo.io", "kind": "Upstream", "name": "models"}
    route = {"parentRefs": [{"name": "gw"}], "rules": [{"backendRefs": [backend]}]}
    return [
        GATEWAY,
        _object("gloo.solo.io/v1", "Upstream", "models", upstream),
        _object("gateway.networking.k8s.io/v1", "HTTPRoute", "chat", route),
        *policies,
    ]


def failover_policy(**spec: Any) -> dict[str, Any]:
    return _object("switchover.dev/v1alpha1", "FailoverPolicy", "written", {"targetRefs": [ROUTE], **spec})


def route_option(**retries: Any) -> dict[str, Any]:
    spec = {"targetRefs": [ROUTE], "options": {"retries": retries}}
    return _object("gateway.solo.io/v1", "RouteOption", "written", spec)


def _object(version: str, kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name, "namespace": "ai"}, "spec": spec}


def models(*pools: int) -> dict[str, Any]:
    """An Upstream of so many models in each priority."""
    model = {"openai": {"authToken": {"inline": "sk-of-the-test"}}}
    return {"ai": {"multi": {"priorities": [{"pool": [model] * size} for size in pools]}}}


def hosts(number: int) -> dict[str, Any]:
    """An Upstream of so many plain HTTP servers."""
    return {"static": {"hosts": [{"addr": f"10.0.0.{each}", "port": 80} for each in range(1, number + 1)]}}


def numbers_printed(objects: list[dict[str, Any]]) -> list[int]:
    """Every number of attempts that `switchover check` prints."""
    result = CliRunner().invoke(main, ["check", "-f", "-"], input=yaml.safe_dump_all(objects))
    assert result.exit_code == 0, result.output
    return [int(number) for number in re.findall(r"at most (\d+) (?:attempt|tr)", result.output)]


def table_of(objects: list[dict[str, Any]]) -> Table:
    return compile_snapshot(Snapshot.of(objects), {}, Standalone()).table


@pytest.mark.parametrize(
    ("upstream", "number"),
    [(models(1), 4), (hosts(3), 3), (models(1, 1, 1, 1, 1), 6)],
    ids=["a model", "three plain hosts", "five priorities"],
)
def test_check_prints_one_number_of_attempts_for_one_backend(upstream: dict[str, Any], number: int) -> None:
    printed = numbers_printed(manifests(upstream, failover_policy(answerTimeout="60s")))
    # The plan, the status of the route and the status of the Upstream.
    assert printed == [number] * 3


TRIGGERS = st.sampled_from(
    [
        [*map(str, ErrorClass), "5xx"],
        ["rate-limited", "connect-failed", "credentials"],
        ["5xx"],
        ["connect-failure"],
        ["content-filter"],
    ]
)
upstreams = st.one_of(
    st.lists(st.integers(1, 3), min_size=1, max_size=4).map(lambda pools: models(*pools)),
    st.integers(1, 4).map(hosts),
)
policies = st.one_of(
    st.fixed_dictionaries(
        {},
        optional={
            "attempts": st.integers(1, 8),
            "retryOn": TRIGGERS,
            "retrySemantics": st.sampled_from(["Failover", "Envoy"]),
            "maxRetryAfterWait": st.sampled_from(["0s", "2s"]),
        },
    ).map(lambda spec: failover_policy(**spec)),
    st.fixed_dictionaries(
        {},
        optional={
            "numRetries": st.integers(0, 7),
            "retryOn": TRIGGERS.map(",".join),
            "previousPriorities": st.fixed_dictionaries({"updateFrequency": st.integers(1, 3)}),
        },
    ).map(lambda retries: route_option(**retries)),
)


@settings(max_examples=40, deadline=None)
@given(upstreams, policies)
def test_check_and_status_print_the_number_of_attempts_that_the_decision_makes_at_most(
    upstream: dict[str, Any], policy: dict[str, Any]
) -> None:
    objects = manifests(upstream, policy)
    table = table_of(objects)
    ((_, under),) = table.upstreams.items()
    ((_, compiled),) = table.policies.items()
    most = longest_walk(compiled, under)
    assert worst_case(compiled, under).attempts == most
    assert numbers_printed(objects) == [most] * 3


@settings(max_examples=20, deadline=None)
@given(upstreams)
def test_so_it_is_where_no_policy_is_written(upstream: dict[str, Any]) -> None:
    objects = manifests(upstream)
    table = table_of(objects)
    ((_, under),) = table.upstreams.items()
    ((_, compiled),) = table.policies.items()
    assert numbers_printed(objects) == [longest_walk(compiled, under)]
