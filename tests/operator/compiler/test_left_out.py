"""One fault in one part: that part falls out alone and is named, and what is beside it is served as before."""

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from switchover_dataplane.table.upstreams import Target
from switchover_operator.compiler.admission import Admitted, Refused, admit
from switchover_operator.compiler.compile import Compiled, compile_snapshot
from switchover_operator.compiler.fleet import Standalone
from switchover_operator.findings import findings
from switchover_operator.identity import Body, identity_of
from switchover_operator.snapshot import Snapshot

KEY = "sk-never-to-be-told"

GATEWAY: Body = {
    "apiVersion": "gateway.networking.k8s.io/v1",
    "kind": "Gateway",
    "metadata": {"name": "gw", "namespace": "ai"},
    "spec": {"gatewayClassName": "switchover", "listeners": [{"name": "http", "port": 8080, "protocol": "HTTP"}]},
}
ROUTE: Body = {
    "apiVersion": "gateway.networking.k8s.io/v1",
    "kind": "HTTPRoute",
    "metadata": {"name": "chat", "namespace": "ai"},
    "spec": {
        "parentRefs": [{"name": "gw"}],
        "rules": [{"backendRefs": [{"group": "gloo.solo.io", "kind": "Upstream", "name": "models"}]}],
    },
}


def admitted(body: Body) -> Admitted | Refused:
    """What is made of one body that an API server has taken."""
    return admit(identity_of(body), body, from_file=False)


def upstream(spec: Any) -> Body:
    metadata = {"name": "models", "namespace": "ai"}
    return {"apiVersion": "gloo.solo.io/v1", "kind": "Upstream", "metadata": metadata, "spec": spec}


def compiled(*bodies: Body, last: Compiled | None = None) -> Compiled:
    return compile_snapshot(Snapshot.of([GATEWAY, ROUTE, *bodies]), last.accepted if last else {}, Standalone())


def targets(result: Compiled) -> list[list[Target]]:
    return [list(pool) for pool in result.table.upstreams["ai/models"].priorities]


def told(result: Compiled, kind: str = "Upstream") -> list[tuple[str, str]]:
    """The conditions of an object and what each fault of it says."""
    [report] = [report for report in result.reports if report.identity.kind == kind]
    return [
        (f"{each.type}={each.status}/{each.reason}", message)
        for each in report.every_condition
        if each.type in ("Accepted", "PartiallyInvalid")
        for message in each.messages
    ]


# ── Any fault in any target of an Upstream ──────────────────────────────────────────────────────────────────────────

BACKENDS = st.sampled_from(
    [
        {"openai": {"model": "m", "authToken": {"inline": KEY}, "customHost": {"host": "a.example", "port": 8443}}},
        {"openai": {"customHost": {"host": "10.0.0.7", "pathOverride": {"basePath": "/v2"}}}},
        {"mistral": {"model": "m", "authToken": {"passthrough": {}}}},
        {"anthropic": {"model": "m", "version": "2023-06-01", "authToken": {"inline": KEY}}},
        {"gemini": {"model": "m"}},
        {"vertexAi": {"projectId": "my-project-1", "location": "us-central1", "jsonSchema": "OPENAI"}},
        {"bedrock": {"model": "m", "region": "us-east-1"}},
        {
            "azureOpenai": {
                "endpoint": "e.example",
                "deploymentName": "d",
                "apiVersion": "v",
                "authToken": {"inline": KEY},
            }
        },
    ]
)
POOLS = st.lists(st.lists(BACKENDS, min_size=1, max_size=3), min_size=1, max_size=4).filter(
    lambda pools: sum(map(len, pools)) > 1
)
PROVIDER_FAULTS: st.SearchStrategy[tuple[str, dict[str, Any]]] = st.sampled_from(
    [
        ("customHost.host", {"customHost": {"host": "broken.example/status/429"}}),
        ("customHost.host", {"customHost": {"host": "https://a.example"}}),
        ("customHost.host", {"customHost": {"host": 7}}),
        ("customHost.hostname", {"customHost": {"host": "a.example", "hostname": "a b"}}),
        ("customHost.port", {"customHost": {"port": "443"}}),
        ("customHost.port", {"customHost": {"port": 70000}}),
        ("customHost.port", {"customHost": {"port": [443]}}),
        ("customHost", {"customHost": "a.example:443"}),
        ("customHost.pathOverride", {"customHost": {"pathOverride": {"fullPath": "/a", "basePath": "/b"}}}),
        ("customHost.pathOverride.fullPath", {"customHost": {"pathOverride": {"fullPath": "v1/chat"}}}),
        ("customHost.pathOverride.basePath", {"customHost": {"pathOverride": {"basePath": 1}}}),
        ("authToken", {"authToken": KEY}),
        ("authToken", {"authToken": {}}),
        ("authToken", {"authToken": {"inline": KEY, "passthrough": {}}}),
        ("authToken.inline", {"authToken": {"inline": 12345}}),
        ("authToken.inline", {"authToken": {"inline": " "}}),
        ("authToken.secretRef", {"authToken": {"secretRef": "name"}}),
        ("authToken.secretRef.name", {"authToken": {"secretRef": {}}}),
    ]
)
ENTRY_FAULTS: st.SearchStrategy[tuple[str, Any]] = st.sampled_from(
    [
        ("", None),
        ("", "openai"),
        ("", ["openai"]),
        ("", {}),
        ("", {"openai": {}, "mistral": {}}),
        (".openai", {"openai": "gpt"}),
        (".openai.model", {"openai": {"model": 4}}),
        (".mistral.model", {"mistral": {"model": "sk-proj-" + "a1B2c3D4" * 5}}),
        (".azureOpenai.endpoint", {"azureOpenai": {"deploymentName": "d", "apiVersion": "v"}}),
        (".azureOpenai.endpoint", {"azureOpenai": {"endpoint": "a b", "deploymentName": "d", "apiVersion": "v"}}),
        (".openAI", {"openAI": {"model": "m"}}),
        (".cohere", {"cohere": {"model": "m"}}),
        (".anthropic.version", {"anthropic": {"version": 20230601}}),
        (".gemini.model", {"gemini": {"model": 1}}),
        (".gemini.apiVersion", {"gemini": {"model": "m", "apiVersion": "v1/models"}}),
        (".vertexAi.location", {"vertexAi": {"projectId": "my-project-1", "model": "m"}}),
        (".vertexAi.projectId", {"vertexAi": {"projectId": "a/b", "location": "us-central1"}}),
        (".bedrock.region", {"bedrock": {"model": "m", "region": "r"}}),
        (
            ".bedrock",
            {
                "bedrock": {
                    "model": "m",
                    "region": "us-east-1",
                    "authToken": {"inline": KEY},
                    "credentialProvider": {"secretRef": {"name": "s"}},
                }
            },
        ),
        (".bedrock.credentialProvider", {"bedrock": {"model": "m", "region": "us-east-1", "credentialProvider": {}}}),
    ]
)


@given(pools=POOLS, data=st.data())
@settings(max_examples=300, deadline=None)
def test_any_one_fault_in_one_target_leaves_that_one_out_and_the_others_as_they_are(
    pools: list[list[dict[str, Any]]], data: st.DataObject
) -> None:
    good = compiled(upstream(multi(pools)))
    broken: list[list[Any]] = copy.deepcopy(pools)
    priority = data.draw(st.integers(0, len(pools) - 1))
    index = data.draw(st.integers(0, len(pools[priority]) - 1))
    path = f"spec.ai.multi.priorities[{priority}].pool[{index}]"
    if data.draw(st.booleans()):
        field, broken[priority][index] = data.draw(ENTRY_FAULTS)
        path += field
    else:
        [(provider, settings_of_it)] = broken[priority][index].items()
        field, fault = data.draw(PROVIDER_FAULTS)
        broken[priority][index] = {provider: {**settings_of_it, **fault}}
        path += f".{provider}.{field}"
    for last in (None, good):
        result = compiled(upstream(multi(broken)), last=last)
        expected = targets(good)
        left_out = expected[priority].pop(index)
        assert targets(result) == expected
        assert left_out.id not in str(result.table.upstreams)
        [(accepted, _), *faults] = told(result)
        assert accepted == "Accepted=True/Accepted"
        assert {condition.partition("/")[0] for condition, _ in faults} == {"PartiallyInvalid=True"}
        assert all(message.startswith(path) for _, message in faults), faults
        assert KEY not in str(result.reports)


def multi(pools: list[list[Any]]) -> dict[str, Any]:
    return {"ai": {"multi": {"priorities": [{"pool": pool} for pool in pools]}}}


HOST_FAULTS = [
    ("", None),
    ("", "a.example:80"),
    (".addr", {"port": 80}),
    (".addr", {"addr": "https://a.example", "port": 80}),
    (".addr", {"addr": "a.example:80", "port": 80}),
    (".port", {"addr": "a.example"}),
    (".port", {"addr": "a.example", "port": "80"}),
    (".port", {"addr": "a.example", "port": 0}),
    (".loadBalancingWeight", {"addr": "a.example", "port": 80, "loadBalancingWeight": 0}),
    (".sniAddr", {"addr": "a.example", "port": 80, "sniAddr": 7}),
]


@pytest.mark.parametrize(("field", "fault"), HOST_FAULTS)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_any_one_fault_in_one_host_leaves_that_one_out_and_the_others_as_they_are(
    place: int, field: str, fault: Any
) -> None:
    hosts: list[Any] = [{"addr": f"10.0.0.{number}", "port": 8000 + number} for number in (1, 2, 3)]
    [expected] = targets(compiled(upstream({"static": {"hosts": hosts}})))
    hosts[place] = fault
    result = compiled(upstream({"static": {"hosts": hosts}}))
    del expected[place]
    assert targets(result) == [expected]
    [(accepted, _), (partial, message)] = told(result)
    assert (accepted, partial) == ("Accepted=True/Accepted", "PartiallyInvalid=True/Invalid")
    assert message.startswith(f"spec.static.hosts[{place}]{field}: ")


@pytest.mark.parametrize("port", [443, "443", "https", 443.0])
def test_the_host_that_asks_for_tls_takes_it_from_no_other_when_it_is_left_out(port: Any) -> None:
    hosts = [{"addr": "a b", "port": port}, {"addr": "10.0.0.2", "port": 8443}]
    [[target]] = targets(compiled(upstream({"static": {"hosts": hosts}})))
    assert target.tls is not None
    [[target]] = targets(compiled(upstream({"static": {"useTls": False, "hosts": hosts}})))
    assert target.tls is None


@pytest.mark.parametrize(
    "beside",
    [
        {"connectionConfig": {"connectTimeout": 5}},
        {"sslConfig": {"secretRef": {"name": "a"}, "sds": {}}},
        {"sslConfig": "none"},
        {"static": {"hosts": [{"addr": "a", "port": 1}]}},
    ],
)
def test_a_fault_beside_the_targets_refuses_the_whole_and_tells_those_of_targets_too(beside: dict[str, Any]) -> None:
    verdict = admitted(upstream({**multi([[{"openai": {}}, {"openai": {"model": 4}}]]), **beside}))
    assert isinstance(verdict, Refused)
    assert verdict.faults[0].text.startswith("spec.ai.multi.priorities[0].pool[1].openai.model: ")
    assert len(verdict.faults) > 1


@pytest.mark.parametrize("priorities", ["none", [], [{}], ["none"], [{"pool": []}], [{"pool": {"openai": {}}}]])
def test_priorities_and_pools_that_are_none_refuse_the_whole(priorities: Any) -> None:
    assert isinstance(admitted(upstream({"ai": {"multi": {"priorities": priorities}}})), Refused)


def test_where_no_target_is_left_every_reason_is_told_and_the_last_version_with_one_serves() -> None:
    good = compiled(upstream(multi([[{"openai": {"model": "good"}}], [{"openai": {}}]])))
    part = compiled(upstream(multi([[{"openai": {"model": "newer"}}], [{"openai": {"model": 4}}]])), last=good)
    none = compiled(
        upstream(multi([[{"bedrock": {"model": "m"}}], ["x"], [{"openai": {"customHost": {"host": "a b"}}}]])),
        last=part,
    )
    assert targets(none) == targets(part)
    assert targets(part) != targets(good)
    faults = told(none)
    assert {condition for condition, _ in faults} == {"Accepted=False/Invalid"}
    paths = [message.split(": ")[0] for _, message in faults]
    assert paths == [
        "spec.ai.multi.priorities[0].pool[0].bedrock.region",
        "spec.ai.multi.priorities[1].pool[0]",
        "spec.ai.multi.priorities[2].pool[0].openai.customHost.host",
    ]
    assert faults[-1][1].endswith("the last accepted version keeps serving")


def test_each_fault_of_a_target_is_told_at_its_own_place() -> None:
    fault = {"openai": {"model": 4, "customHost": {"host": "a", "port": "443"}}}
    result = compiled(upstream(multi([[{"openai": {}}, fault, {"anthropic": {"version": 1}}]])))
    [report] = [report for report in result.reports if report.identity.kind == "Upstream"]
    places = [each.place for each in findings(report, lambda _, path: path) if each.place]
    start = "spec.ai.multi.priorities[0].pool"
    assert places == [f"{start}[1].openai.customHost.port", f"{start}[1].openai.model", f"{start}[2].anthropic.version"]


# ── Rules of an HTTPRoute ───────────────────────────────────────────────────────────────────────────────────────────

GOOD_RULE = {"matches": [{"path": {"value": "/good"}}], "backendRefs": [{"name": "web", "port": 80}]}
DECLINED = [
    ("filters[0].type", {"filters": [{"type": "RequestMirror", "requestMirror": {}}]}),
    ("filters[0].type", {"filters": [{"type": "CORS", "cors": {}}]}),
    (
        "filters[0].requestHeaderModifier",
        {
            "filters": [
                {"type": "RequestHeaderModifier", "requestHeaderModifier": {"set": [{"name": "a", "value": "\n"}]}}
            ]
        },
    ),
    (
        "filters[0].urlRewrite.path.replaceFullPath",
        {
            "filters": [
                {"type": "URLRewrite", "urlRewrite": {"path": {"type": "ReplaceFullPath", "replaceFullPath": "a"}}}
            ]
        },
    ),
]


def route(*rules: dict[str, Any]) -> Body:
    return {**ROUTE, "metadata": {"name": "other", "namespace": "ai"}, "spec": {**ROUTE["spec"], "rules": [*rules]}}


@pytest.mark.parametrize(("field", "fault"), DECLINED)
@pytest.mark.parametrize("place", [0, 1])
def test_a_rule_that_is_declined_answers_500_and_its_neighbour_serves(
    place: int, field: str, fault: dict[str, Any]
) -> None:
    rules = [GOOD_RULE]
    rules.insert(
        place, {"matches": [{"path": {"value": "/declined"}}], "backendRefs": GOOD_RULE["backendRefs"], **fault}
    )
    result = compile_snapshot(Snapshot.of([GATEWAY, route(*rules)]), {}, Standalone())
    alone = compile_snapshot(Snapshot.of([GATEWAY, route(GOOD_RULE)]), {}, Standalone())
    assert result.table.rules[f"ai/other/{1 - place}"].backends == alone.table.rules["ai/other/0"].backends
    [declined] = result.table.rules[f"ai/other/{place}"].backends
    assert declined.problem.startswith(f"spec.rules[{place}].{field}: ")
    [host] = result.table.ports[0].listeners[0].hosts
    assert {match.path.value for match in host.matches} == {"/good", "/declined"}
    [(accepted, _), (partial, message)] = told(result, "HTTPRoute")
    assert (accepted, partial) == ("Accepted=True/Accepted", "PartiallyInvalid=True/UnsupportedValue")
    assert message == f"{declined.problem}, so requests of spec.rules[{place}] are answered 500"


@pytest.mark.parametrize("fault", [fault for _, fault in DECLINED])
def test_a_route_of_which_every_rule_is_declined_is_refused(fault: dict[str, Any]) -> None:
    verdict = admitted(route({**GOOD_RULE, **fault}, {**GOOD_RULE, **fault}))
    assert isinstance(verdict, Refused)
    assert len(verdict.faults) == 2


@pytest.mark.parametrize(
    "fault",
    [
        {"matches": [{"path": {"type": "Exact", "value": "good"}}]},
        {"timeouts": {"request": "1s", "backendRequest": "2s"}},
        {"filters": [{"type": "URLRewrite"}]},
        {"backendRefs": [{"name": "web", "port": 80, "weight": -1}]},
    ],
)
def test_what_the_schema_of_the_api_forbids_in_a_rule_refuses_the_whole_route(fault: dict[str, Any]) -> None:
    assert isinstance(admitted(route(GOOD_RULE, {**GOOD_RULE, **fault})), Refused)


BAD_PATTERN = {"matches": [{"path": {"type": "RegularExpression", "value": "/(?=x)"}}]}


def test_a_rule_whose_pattern_cannot_be_used_matches_nothing_and_its_neighbour_serves() -> None:
    result = compile_snapshot(Snapshot.of([GATEWAY, route({**GOOD_RULE, **BAD_PATTERN}, GOOD_RULE)]), {}, Standalone())
    [host] = result.table.ports[0].listeners[0].hosts
    assert [(match.path.value, match.rule) for match in host.matches] == [("/good", "ai/other/1")]
    alone = compile_snapshot(Snapshot.of([GATEWAY, route(GOOD_RULE)]), {}, Standalone())
    assert result.table.rules["ai/other/1"].backends == alone.table.rules["ai/other/0"].backends
    [_, (partial, message)] = told(result, "HTTPRoute")
    assert partial == "PartiallyInvalid=True/UnsupportedValue"
    assert message.startswith("Dropped Rule: spec.rules[0].matches[0].path.value: ")


@pytest.mark.parametrize(
    "guard",
    [
        {"type": "ExtensionRef", "extensionRef": {"group": "gateway.solo.io", "kind": "RouteOption", "name": "keys"}},
        {"type": "ExternalAuth", "externalAuth": {}},
    ],
)
def test_a_rule_that_may_guard_access_is_never_dropped(guard: dict[str, Any]) -> None:
    verdict = admitted(route({**GOOD_RULE, **BAD_PATTERN, "filters": [guard]}, GOOD_RULE))
    assert isinstance(verdict, Refused)
    assert verdict.faults[0].text.startswith("spec.rules[0].matches[0].path.value: ")


def test_a_body_with_a_fault_in_a_part_is_not_changed() -> None:
    body = upstream(multi([[{"openai": {}}, {"openai": {"model": 4}}]]))
    before = copy.deepcopy(body)
    assert isinstance(admitted(body), Admitted)
    assert body == before
