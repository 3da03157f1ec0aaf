"""Reports and acknowledgements → statuses, by the Gateway API's rules for objects that several controllers share."""

from typing import Any

from switchover_operator.acknowledgements import Acknowledgement, Acknowledgements
from switchover_operator.cluster.status_merge import SUPPORTED_FEATURES, StatusContext, changed_statuses
from switchover_operator.compiler.compile import Compiled, compile_snapshot
from switchover_operator.compiler.fleet import CONTROLLER_NAME, Cluster, GatewayPort
from switchover_operator.identity import Body, Identity
from switchover_operator.snapshot import Snapshot
from switchover_operator.standalone.documents import documents
from switchover_operator.standalone.objects import Document

NOW, LATER = "2025-01-31T12:00:00Z", "2025-01-31T13:00:00Z"
FLEET = Cluster({GatewayPort("ai", "gw", 80): 10000})
GATEWAY = Identity("gateway.networking.k8s.io", "Gateway", "ai", "gw")
CLASS = Identity("gateway.networking.k8s.io", "GatewayClass", "", "switchover")
ROUTE = Identity("gateway.networking.k8s.io", "HTTPRoute", "ai", "chat")
UPSTREAM = Identity("gloo.solo.io", "Upstream", "ai", "models")
OPTION = Identity("gateway.solo.io", "RouteOption", "ai", "retry")

MANIFESTS = b"""
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {name: switchover, generation: 1}
spec: {controllerName: switchover.dev/gateway-controller}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: gw, namespace: ai, generation: 2}
spec:
  gatewayClassName: switchover
  listeners: [{name: http, port: 80, protocol: HTTP}, {name: tcp, port: 81, protocol: TCP}]
---
apiVersion: gloo.solo.io/v1
kind: Upstream
metadata: {name: models, namespace: ai, generation: 3}
spec: {ai: {multi: {priorities: [{pool: [{openai: {}}, {openai: {}}]}, {pool: [{openai: {}}]}]}}}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: chat, namespace: ai, generation: 4}
spec:
  parentRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: gw, sectionName: http}]
  rules: [{backendRefs: [{group: gloo.solo.io, kind: Upstream, name: models}]}]
---
apiVersion: gateway.solo.io/v1
kind: RouteOption
metadata: {name: retry, namespace: ai, generation: 5}
spec:
  targetRefs: [{group: gateway.networking.k8s.io, kind: HTTPRoute, name: chat}]
  options: {retries: {retryOn: 5xx}}
"""


def _bodies(statuses: dict[Identity, Any] | None = None) -> list[Body]:
    bodies = [found.body for found in documents(MANIFESTS) if isinstance(found, Document)]
    for body in bodies:
        for identity, status in (statuses or {}).items():
            if body["kind"] == identity.kind:
                body["status"] = status
    return bodies


def _context(compiled: Compiled, *, accepted: bool | None = True, reasons: tuple[str, ...] = ()) -> StatusContext:
    revision = compiled.table.revision
    word = None if accepted is None else Acknowledgement(revision, accepted=accepted, reasons=reasons)
    return StatusContext(Acknowledgements(revision, {"data-plane-0": word}), {GATEWAY: ["10.1.2.3"]})


def _statuses(
    bodies: list[Body], context: StatusContext | None = None, now: str = NOW, compiled: Compiled | None = None
) -> dict[Identity, Body]:
    snapshot = Snapshot.of(bodies)
    compiled = compiled or compile_snapshot(snapshot, {}, FLEET)
    return dict(changed_statuses(compiled.reports, snapshot, context or _context(compiled), now))


def _by_type(conditions: list[Body]) -> dict[str, Body]:
    return {condition["type"]: condition for condition in conditions}


def _truth(conditions: list[Body]) -> dict[str, str]:
    return {condition["type"]: f"{condition['status']}/{condition['reason']}" for condition in conditions}


def test_every_condition_has_the_generation_of_its_object_and_a_time() -> None:
    statuses = _statuses(_bodies())
    for identity, generation in ((CLASS, 1), (GATEWAY, 2), (UPSTREAM, 3)):
        for condition in statuses[identity]["conditions"]:
            assert condition["observedGeneration"] == generation
            assert condition["lastTransitionTime"] == NOW
    (parent,), (ancestor,) = statuses[ROUTE]["parents"], statuses[OPTION]["ancestors"]
    assert {condition["observedGeneration"] for condition in parent["conditions"]} == {4}
    assert {condition["observedGeneration"] for condition in ancestor["conditions"]} == {5}


def test_a_served_gateway_has_its_address_its_listeners_and_the_routes_on_each() -> None:
    status = _statuses(_bodies())[GATEWAY]
    assert status["addresses"] == [{"type": "IPAddress", "value": "10.1.2.3"}]
    assert _truth(status["conditions"]) == {"Accepted": "True/ListenersNotValid", "Programmed": "True/Programmed"}
    http, tcp = status["listeners"]
    assert (http["name"], http["attachedRoutes"]) == ("http", 1)
    assert http["supportedKinds"] == [{"group": "gateway.networking.k8s.io", "kind": "HTTPRoute"}]
    assert _truth(http["conditions"])["Programmed"] == "True/Programmed"
    assert (tcp["supportedKinds"], tcp["attachedRoutes"]) == ([], 0)
    assert _truth(tcp["conditions"])["Accepted"] == "False/UnsupportedProtocol"
    assert _truth(tcp["conditions"])["Programmed"] == "False/Invalid"


def test_a_gateway_without_an_address_is_not_programmed_though_its_listeners_are() -> None:
    snapshot = Snapshot.of(_bodies())
    compiled = compile_snapshot(snapshot, {}, FLEET)
    context = StatusContext(_context(compiled).acknowledgements, {})
    status = dict(changed_statuses(compiled.reports, snapshot, context, NOW))[GATEWAY]
    assert "addresses" not in status
    assert _truth(status["conditions"])["Programmed"] == "False/AddressNotAssigned"
    assert _truth(status["listeners"][0]["conditions"])["Programmed"] == "True/Programmed"


def test_a_gateway_whose_service_is_refused_says_why() -> None:
    snapshot = Snapshot.of(_bodies())
    compiled = compile_snapshot(snapshot, {}, FLEET)
    context = StatusContext(
        _context(compiled).acknowledgements, address_problems={GATEWAY: "its Service is refused: quota"}
    )
    programmed = _by_type(dict(changed_statuses(compiled.reports, snapshot, context, NOW))[GATEWAY]["conditions"])
    assert programmed["Programmed"]["reason"] == "AddressNotAssigned"
    assert programmed["Programmed"]["message"] == "its Service is refused: quota"


def test_an_address_that_is_a_name_is_a_hostname() -> None:
    context = StatusContext(addresses={GATEWAY: ["lb.example.com", "fd00::1"]})
    addresses = _statuses(_bodies(), context)[GATEWAY]["addresses"]
    assert [address["type"] for address in addresses] == ["Hostname", "IPAddress"]


def test_a_class_of_ours_is_accepted_and_lists_the_supported_features_in_order() -> None:
    status = _statuses(_bodies())[CLASS]
    assert _truth(status["conditions"])["Accepted"] == "True/Accepted"
    assert [feature["name"] for feature in status["supportedFeatures"]] == sorted(SUPPORTED_FEATURES)


def test_an_upstream_counts_its_priorities_and_targets_and_names_the_one_that_answers() -> None:
    snapshot = Snapshot.of(_bodies())
    compiled = compile_snapshot(snapshot, {}, FLEET)
    context = StatusContext(active_priorities={UPSTREAM: 1})
    status = dict(changed_statuses(compiled.reports, snapshot, context, NOW))[UPSTREAM]
    assert (status["priorities"], status["targets"], status["activePriority"]) == (2, 3, 1)


def test_nothing_is_written_when_nothing_changed() -> None:
    first = _statuses(_bodies())
    assert _statuses(_bodies(first), now=LATER) == {}


def test_a_condition_keeps_its_time_until_its_status_moves() -> None:
    first = _statuses(_bodies())
    bodies = _bodies(first)
    bodies[2]["metadata"]["generation"] = 9
    bodies[2]["spec"] = {"ai": {"bedrock": {}}}
    conditions = _by_type(_statuses(bodies, now=LATER)[UPSTREAM]["conditions"])
    assert (conditions["Accepted"]["status"], conditions["Accepted"]["lastTransitionTime"]) == ("False", LATER)
    bodies = _bodies(first)
    bodies[2]["metadata"]["generation"] = 9
    conditions = _by_type(_statuses(bodies, now=LATER)[UPSTREAM]["conditions"])
    assert (conditions["Accepted"]["observedGeneration"], conditions["Accepted"]["lastTransitionTime"]) == (9, NOW)


def test_conditions_of_others_stay_as_they_are_and_stale_ones_of_ours_go() -> None:
    foreign = {"type": "example.com/Checked", "status": "True", "reason": "Fine", "lastTransitionTime": "then"}
    stale = {"type": "PartiallyInvalid", "status": "True", "reason": "UnsupportedProvider", "message": "once"}
    default = {"type": "Accepted", "status": "Unknown", "reason": "Pending", "message": "", "lastTransitionTime": "x"}
    kept = {"conditions": [default, foreign, stale], "statuses": {"gloo": {"state": 1}}}
    status = _statuses(_bodies({UPSTREAM: kept}))[UPSTREAM]
    assert status["statuses"] == {"gloo": {"state": 1}}
    assert foreign in status["conditions"]
    ours = {"Accepted", "ResolvedRefs", "WorstCase", "Programmed"}
    assert set(_by_type(status["conditions"])) == {"example.com/Checked", *ours}
    accepted = _by_type(status["conditions"])["Accepted"]
    assert (accepted["status"], accepted["observedGeneration"], accepted["lastTransitionTime"]) == ("True", 3, NOW)


def test_conditions_of_others_on_listeners_stay_and_listeners_that_are_gone_go() -> None:
    foreign = {"type": "example.com/Checked", "status": "True", "reason": "Fine", "lastTransitionTime": "then"}
    known = {"listeners": [{"name": "http", "conditions": [foreign]}, {"name": "gone", "conditions": []}]}
    listeners = _statuses(_bodies({GATEWAY: known}))[GATEWAY]["listeners"]
    assert [listener["name"] for listener in listeners] == ["http", "tcp"]
    assert foreign in listeners[0]["conditions"]


def test_parents_of_other_controllers_stay_even_for_the_same_parent() -> None:
    theirs = {"parentRef": {"name": "gw"}, "controllerName": "example.com/other", "conditions": [{"type": "Accepted"}]}
    gone = {"parentRef": {"name": "gone"}, "controllerName": CONTROLLER_NAME, "conditions": []}
    parents = _statuses(_bodies({ROUTE: {"parents": [theirs, gone]}}))[ROUTE]["parents"]
    assert parents[0] == theirs
    assert [parent["controllerName"] for parent in parents] == ["example.com/other", CONTROLLER_NAME]
    assert parents[1]["parentRef"] == {
        "group": "gateway.networking.k8s.io",
        "kind": "Gateway",
        "name": "gw",
        "sectionName": "http",
    }


def test_a_route_that_is_no_longer_ours_loses_our_entry_and_keeps_others() -> None:
    bodies = _bodies(_statuses(_bodies()))
    theirs = {"parentRef": {"name": "x"}, "controllerName": "example.com/other", "conditions": []}
    bodies[3]["spec"]["parentRefs"] = [{"name": "x"}]
    bodies[3]["status"]["parents"].append(theirs)
    assert _statuses(bodies)[ROUTE]["parents"] == [theirs]
    bodies[3]["status"] = {"parents": [theirs]}
    assert ROUTE not in _statuses(bodies)


def test_a_status_that_is_nonsense_is_replaced() -> None:
    for nonsense in (7, {"conditions": 7, "parents": "x"}, {"parents": [7, {"controllerName": CONTROLLER_NAME}]}):
        statuses = _statuses(_bodies({ROUTE: nonsense, UPSTREAM: nonsense}))
        assert len(statuses[ROUTE]["parents"]) == 1
        assert _truth(statuses[UPSTREAM]["conditions"])["Accepted"] == "True/Accepted"


def test_there_are_no_more_ancestors_than_the_api_allows() -> None:
    bodies = _bodies()
    names = [f"route-{number}" for number in range(20)]
    group = "gateway.networking.k8s.io"
    bodies[4]["spec"]["targetRefs"] = [{"group": group, "kind": "HTTPRoute", "name": name} for name in names]
    assert len(_statuses(bodies)[OPTION]["ancestors"]) == 16


def _route(name: str, to: str, **spec: Any) -> Body:
    kind = ("gloo.solo.io", "Upstream") if to == "models" else ("gateway.networking.k8s.io", "HTTPRoute")
    rules = [{"backendRefs": [{"group": kind[0], "kind": kind[1], "name": to}]}]
    metadata = {"name": name, "namespace": "ai", "generation": 1}
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": metadata,
        "spec": {"rules": rules, **spec},
    }


def test_a_route_that_another_delegates_to_has_that_one_as_its_parent_and_both_are_programmed() -> None:
    parent = _route("parent", "child", parentRefs=[{"name": "gw"}])
    statuses = _statuses([*_bodies(), parent, _route("child", "models")])
    group = "gateway.networking.k8s.io"
    (at_gateway,) = statuses[Identity(group, "HTTPRoute", "ai", "parent")]["parents"]
    (at_parent,) = statuses[Identity(group, "HTTPRoute", "ai", "child")]["parents"]
    assert at_parent["parentRef"] == {"group": group, "kind": "HTTPRoute", "namespace": "ai", "name": "parent"}
    for entry in (at_gateway, at_parent):
        told = _truth(entry["conditions"])
        assert (told["Accepted"], told["Programmed"]) == ("True/Accepted", "True/Programmed")


def test_there_are_no_more_parents_than_the_api_allows() -> None:
    parents = [_route(f"parent-{number}", "child", parentRefs=[{"name": "gw"}]) for number in range(40)]
    statuses = _statuses([*_bodies(), *parents, _route("child", "models")])
    assert len(statuses[Identity("gateway.networking.k8s.io", "HTTPRoute", "ai", "child")]["parents"]) == 32


# ── Programmed ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _programmed(status: Body) -> str:
    return _truth(status["conditions"])["Programmed"]


def test_an_object_waits_until_every_data_plane_acknowledged_it() -> None:
    snapshot = Snapshot.of(_bodies())
    compiled = compile_snapshot(snapshot, {}, FLEET)
    statuses = dict(changed_statuses(compiled.reports, snapshot, _context(compiled, accepted=None), NOW))
    assert _programmed(statuses[UPSTREAM]) == "False/Pending"
    nobody = dict(changed_statuses(compiled.reports, snapshot, StatusContext(), NOW))
    assert _programmed(nobody[ROUTE]["parents"][0]) == "False/Pending"


def test_a_refusal_of_a_data_plane_is_the_message() -> None:
    snapshot = Snapshot.of(_bodies())
    compiled = compile_snapshot(snapshot, {}, FLEET)
    context = _context(compiled, accepted=False, reasons=("port 10000 is taken",))
    conditions = dict(changed_statuses(compiled.reports, snapshot, context, NOW))[UPSTREAM]["conditions"]
    assert _truth(conditions)["Programmed"] == "False/Refused"
    assert "port 10000 is taken" in _by_type(conditions)["Programmed"]["message"]


def test_what_was_programmed_stays_so_while_a_revision_about_others_is_on_its_way() -> None:
    bodies = _bodies(_statuses(_bodies()))
    snapshot = Snapshot.of(bodies)
    compiled = compile_snapshot(snapshot, {}, FLEET)
    assert dict(changed_statuses(compiled.reports, snapshot, _context(compiled, accepted=None), LATER)) == {}


def test_a_new_generation_is_programmed_only_once_it_is_acknowledged() -> None:
    bodies = _bodies(_statuses(_bodies()))
    bodies[2]["metadata"]["generation"] = 8
    snapshot = Snapshot.of(bodies)
    compiled = compile_snapshot(snapshot, {}, FLEET)
    waiting = dict(changed_statuses(compiled.reports, snapshot, _context(compiled, accepted=None), LATER))
    assert _programmed(waiting[UPSTREAM]) == "False/Pending"
    assert set(waiting) == {UPSTREAM}


def test_an_upstream_that_no_route_refers_to_is_not_said_to_be_programmed() -> None:
    bodies = _bodies()
    del bodies[3]
    assert set(_truth(_statuses(bodies)[UPSTREAM]["conditions"])) == {"Accepted", "ResolvedRefs"}


def test_a_route_that_is_not_accepted_is_not_programmed_at_that_parent() -> None:
    bodies = _bodies()
    gateway = "gateway.networking.k8s.io"
    bodies[3]["spec"]["parentRefs"].append({"group": gateway, "kind": "Gateway", "name": "gw", "sectionName": "tcp"})
    good, bad = _statuses(bodies)[ROUTE]["parents"]
    assert (_programmed(good), _programmed(bad)) == ("True/Programmed", "False/Invalid")
