"""What holds of compilation whatever the objects are: order, neighbours, memory of what was good, and nonsense."""

import copy
import random
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from switchover_dataplane.table.wire import decode, encode
from switchover_operator.compiler.admission import Admitted
from switchover_operator.compiler.compile import Compiled, compile_snapshot
from switchover_operator.compiler.fleet import Standalone
from switchover_operator.identity import Body, Identity
from switchover_operator.snapshot import Snapshot
from switchover_operator.standalone.documents import documents
from switchover_operator.standalone.objects import Document

MANIFESTS = b"""
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: gw, namespace: ai}
spec:
  gatewayClassName: switchover
  listeners: [{name: http, port: 8080, protocol: HTTP, hostname: '*.example.com'}]
---
apiVersion: v1
kind: Secret
metadata: {name: key, namespace: ai}
stringData: {Authorization: Bearer sk-secret}
---
apiVersion: gloo.solo.io/v1
kind: Upstream
metadata: {name: models, namespace: ai}
spec:
  ai:
    multi:
      priorities:
        - pool:
            - openai: {model: one, authToken: {secretRef: {name: key}}, customHost: {host: a.example.com, port: 80}}
        - pool: [{azureOpenai: {endpoint: e, deploymentName: d, apiVersion: v, authToken: {inline: sk-other}}}]
---
apiVersion: gloo.solo.io/v1
kind: Upstream
metadata: {name: hosts, namespace: ai}
spec: {static: {hosts: [{addr: 10.0.0.1, port: 80}]}}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: chat, namespace: ai}
spec:
  parentRefs: [{name: gw, sectionName: http}]
  hostnames: [api.example.com]
  rules:
    - matches: [{path: {type: PathPrefix, value: /chat}, headers: [{name: x, value: z}], method: POST}]
      filters:
        - {type: URLRewrite, urlRewrite: {path: {type: ReplaceFullPath, replaceFullPath: /v1/chat/completions}}}
        - {type: ExtensionRef, extensionRef: {group: gateway.solo.io, kind: RouteOption, name: retry}}
      retry: {codes: [500], attempts: 2, backoff: 1s}
      timeouts: {request: 10s}
      backendRefs: [{group: gloo.solo.io, kind: Upstream, name: models, weight: 3}]
---
apiVersion: gateway.solo.io/v1
kind: RouteOption
metadata: {name: retry, namespace: ai}
spec:
  targetRefs: [{group: gateway.networking.k8s.io, kind: HTTPRoute, name: chat}]
  options:
    retries: {retryOn: 5xx, numRetries: 2, previousPriorities: {updateFrequency: 1}, retryBackOff: {baseInterval: 1s}}
    headerManipulation: {requestHeadersToAdd: [{header: {key: a, value: b}}]}
    ai: {defaults: [{field: user, value: me}]}
---
apiVersion: switchover.dev/v1alpha1
kind: FailoverPolicy
metadata: {name: policy, namespace: ai}
spec:
  targetRefs: [{group: gloo.solo.io, kind: Upstream, name: models}]
  attempts: 4
  coolDown: {base: 1s}
"""

NEIGHBOURS = b"""
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: calm, namespace: calm}
spec:
  gatewayClassName: switchover
  listeners: [{name: http, port: 9090, protocol: HTTP}]
---
apiVersion: gloo.solo.io/v1
kind: Upstream
metadata: {name: calm, namespace: calm}
spec: {static: {hosts: [{addr: 10.9.9.9, port: 80}]}}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: calm, namespace: calm}
spec:
  parentRefs: [{name: calm}]
  rules: [{backendRefs: [{group: gloo.solo.io, kind: Upstream, name: calm}]}]
"""


def _bodies(text: bytes) -> list[Body]:
    return [found.body for found in documents(text) if isinstance(found, Document)]


def _compile(bodies: list[Body], last: Compiled | None = None) -> Compiled:
    return compile_snapshot(Snapshot.of(bodies), last.accepted if last else {}, Standalone())


def _route(name: str, path: str) -> Body:
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": name, "namespace": "calm"},
        "spec": {
            "parentRefs": [{"name": "calm"}],
            "rules": [
                {
                    "matches": [{"path": {"value": path}}],
                    "backendRefs": [{"group": "gloo.solo.io", "kind": "Upstream", "name": "calm"}],
                }
            ],
        },
    }


def _status(compiled: Compiled, kind: str, name: str) -> dict[str, str]:
    report = next(each for each in compiled.reports if each.identity.kind == kind and each.identity.name == name)
    return {condition.type: condition.message for condition in report.every_condition}


@given(st.randoms(use_true_random=False))
@settings(max_examples=25, deadline=None)
def test_the_order_of_objects_changes_neither_table_nor_reports(chance: random.Random) -> None:
    bodies = _bodies(MANIFESTS) + _bodies(NEIGHBOURS)
    shuffled = chance.sample(bodies, len(bodies))
    one, other = _compile(bodies), _compile(shuffled)
    assert encode(one.table) == encode(other.table)
    assert one.reports == other.reports


def test_of_a_thousand_routes_one_broken_one_is_missing_and_all_others_serve() -> None:
    routes = [_route(f"r{number}", f"/r{number}") for number in range(1000)]
    routes[500]["spec"]["rules"][0]["matches"][0]["path"]["value"] = 7
    compiled = _compile([*_bodies(NEIGHBOURS), *routes])
    assert len(compiled.table.rules) == 1000, "999 routes and the neighbour"
    assert "calm/r500/0" not in compiled.table.rules
    assert [report.identity.name for report in compiled.reports if not report.is_accepted] == ["r500"]
    assert _status(compiled, "HTTPRoute", "r500")["Accepted"].startswith("spec.rules[0].matches[0].path.value: ")


def test_compiling_again_reuses_what_was_admitted_and_gives_the_same() -> None:
    bodies = _bodies(MANIFESTS)
    first = _compile(bodies)
    again = _compile(bodies, first)
    assert again.table == first.table
    assert again.reports == first.reports
    assert all(again.accepted[identity] is admitted for identity, admitted in first.accepted.items())


def test_an_edit_of_one_object_is_served_and_becomes_what_is_good_now() -> None:
    bodies = _bodies(NEIGHBOURS)
    first = _compile(bodies)
    edited = copy.deepcopy(bodies)
    edited[1]["spec"]["static"]["hosts"][0]["port"] = 81
    second = _compile(edited, first)
    assert second.table.revision != first.table.revision
    broken = copy.deepcopy(edited)
    broken[1]["spec"]["static"]["hosts"][0]["port"] = "81"
    third = _compile(broken, second)
    assert third.table == second.table
    assert "keeps serving" in _status(third, "Upstream", "calm")["Accepted"]


def test_what_was_good_survives_many_bad_edits_and_ends_with_the_next_good_one() -> None:
    bodies = _bodies(NEIGHBOURS)
    compiled = first = _compile(bodies)
    junk: tuple[Any, ...] = ("x", [], 7, {"static": {}}, {"kube": {"serviceName": ""}})
    for nonsense in junk:
        broken = copy.deepcopy(bodies)
        broken[1]["spec"] = nonsense
        compiled = _compile(broken, compiled)
        assert compiled.table == first.table
    assert "keeps serving" not in str(_compile(bodies, compiled).reports)


def test_an_object_that_is_gone_is_forgotten() -> None:
    bodies = _bodies(NEIGHBOURS)
    first = _compile(bodies)
    without = _compile([bodies[0], bodies[2]], first)
    assert Identity("gloo.solo.io", "Upstream", "calm", "calm") not in without.accepted
    assert "does not exist" in _status(without, "HTTPRoute", "calm")["ResolvedRefs"]


def test_bodies_are_never_changed() -> None:
    bodies = _bodies(MANIFESTS) + _bodies(NEIGHBOURS)
    before = copy.deepcopy(bodies)
    _compile(bodies, _compile(bodies))
    assert bodies == before


def test_where_an_object_stands_is_kept_for_its_report() -> None:
    bodies = _bodies(NEIGHBOURS)
    upstream = Identity("gloo.solo.io", "Upstream", "calm", "calm")
    compiled = compile_snapshot(Snapshot.of(bodies, {upstream: "calm.yaml:8"}), {}, Standalone())
    assert {report.identity: report.source for report in compiled.reports}[upstream] == "calm.yaml:8"


def test_a_changed_secret_gives_another_revision() -> None:
    bodies = _bodies(MANIFESTS)
    changed = copy.deepcopy(bodies)
    changed[1]["stringData"]["Authorization"] = "Bearer sk-rotated"
    assert _compile(bodies).table.revision != _compile(changed).table.revision


def test_a_body_admitted_before_counts_only_for_the_same_object() -> None:
    bodies = _bodies(NEIGHBOURS)
    first = _compile(bodies)
    gateway = Identity("gateway.networking.k8s.io", "Gateway", "calm", "calm")
    assert isinstance(first.accepted[gateway], Admitted)
    renamed = copy.deepcopy(bodies)
    renamed[0]["metadata"]["name"] = "other"
    assert not _compile(renamed, first).table.rules


# ── Nonsense ────────────────────────────────────────────────────────────────────────────────────────────────────────

JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-1, 70000),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(
        ["", " ", "*", "/", "a b", "5s", "-1s", "\x00", "é", "GET", "http://x", "*.example.com", "x" * 300]
    ),
    st.just([]),
    st.just({}),
    st.just([None]),
    st.just({"": None}),
)


def _paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    if isinstance(value, dict):
        for key, child in value.items():
            found += _paths(child, (*path, key))
    if isinstance(value, list):
        for index, child in enumerate(value):
            found += _paths(child, (*path, index))
    return found


def _put(body: Any, path: tuple[Any, ...], junk: Any) -> None:
    """Replace a value; an edit before this one may have taken its place away."""
    *steps, last = path
    with suppress(KeyError, IndexError, TypeError):
        for step in steps:
            body = body[step]
        body[last] = copy.deepcopy(junk)


PLACES = [
    (number, path)
    for number, body in enumerate(_bodies(MANIFESTS))
    for path in _paths(body)
    if path not in (("apiVersion",), ("kind",), ("metadata",), ("metadata", "name"), ("metadata", "namespace"))
]

CALM = _bodies(NEIGHBOURS)
UNHARMED = _compile([*_bodies(MANIFESTS), *CALM])


@given(st.lists(st.tuples(st.sampled_from(PLACES), JUNK), min_size=1, max_size=3))
@settings(max_examples=150, deadline=None)
def test_junk_anywhere_in_any_object_harms_no_neighbour_and_never_crashes(edits: list[tuple[Any, Any]]) -> None:
    bodies = copy.deepcopy(_bodies(MANIFESTS))
    for (number, path), junk in edits:
        _put(bodies[number], path, junk)
    for last in (None, UNHARMED):
        compiled = _compile([*bodies, *CALM], last)
        assert decode(encode(compiled.table)) == compiled.table
        assert compiled.table.rules["calm/calm/0"] == UNHARMED.table.rules["calm/calm/0"]
        assert not any(value in str(compiled.reports) for value in ("sk-secret", "sk-other"))


@pytest.mark.parametrize("kind", ["Secret", "Service", "Namespace", "EndpointSlice", "ReferenceGrant"])
def test_a_broken_object_of_a_kind_without_status_is_reported_all_the_same(kind: str) -> None:
    version = {"ReferenceGrant": "gateway.networking.k8s.io/v1beta1", "EndpointSlice": "discovery.k8s.io/v1"}
    body = {"apiVersion": version.get(kind, "v1"), "kind": kind, "metadata": {"name": "x", "labels": 7}}
    compiled = _compile([body])
    assert [(report.identity.kind, report.is_accepted) for report in compiled.reports] == [(kind, False)]
