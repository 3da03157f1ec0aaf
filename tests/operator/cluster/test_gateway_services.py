"""Gateways → their Services, and Services → ports and addresses: what there is, and what there should be."""

import re
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import pytest
import yaml

from switchover_operator.cluster.gateway_services import (
    ServiceChanges,
    ServiceSettings,
    addresses,
    fleet,
    label_value,
    service_changes,
    service_name,
)
from switchover_operator.compiler.admission import Admitted
from switchover_operator.compiler.compile import Compiled, compile_snapshot
from switchover_operator.compiler.fleet import Cluster as Fleet
from switchover_operator.compiler.fleet import GatewayPort
from switchover_operator.identity import Body, Identity
from switchover_operator.snapshot import Snapshot

OURS = "switchover-system"
OWNER = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "switchover-operator", "uid": "7"}
SETTINGS = ServiceSettings(OURS, selector={"app": "dataplane"}, owners=(OWNER,))
CLASS = """
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {name: switchover}
spec: {controllerName: switchover.dev/gateway-controller}
"""


def gateway_identity(name: str, namespace: str = "ai") -> Identity:
    return Identity("gateway.networking.k8s.io", "Gateway", namespace, name)


CHAT = gateway_identity("chat")


def gateway(name: str, *ports: int, namespace: str = "ai", **spec: object) -> Body:
    listeners = [{"name": f"on-{port}", "port": port, "protocol": "HTTP"} for port in ports]
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "Gateway",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"gatewayClassName": "switchover", "listeners": listeners, **spec},
    }


class Cluster:
    """The objects of a cluster, and operators that come and go over them."""

    def __init__(self, *gateways: Body) -> None:
        self.gateways = {body["metadata"]["name"]: body for body in gateways}
        self.services: dict[str, Body] = {}
        self.last_good: Mapping[Identity, Admitted] = {}
        self.settings = SETTINGS

    @property
    def snapshot(self) -> Snapshot:
        return Snapshot.of(deepcopy([yaml.safe_load(CLASS), *self.gateways.values(), *self.services.values()]))

    @property
    def compiled(self) -> Compiled:
        return compile_snapshot(self.snapshot, self.last_good, fleet(self.snapshot, OURS))

    def restart(self) -> None:
        """Another operator takes over; what was good before is not known to it."""
        self.last_good = {}

    def changes(self) -> ServiceChanges:
        snapshot = self.snapshot
        compiled = self.compiled
        self.last_good = compiled.accepted
        return service_changes(compiled, snapshot, fleet(snapshot, OURS), self.settings)

    def settle(self) -> ServiceChanges:
        """Make the changes that there are to make, as the API server would; they are what is returned."""
        changes = self.changes()
        for name in changes.delete:
            del self.services[name]
        for service in changes.apply:
            self.services[service["metadata"]["name"]] = deepcopy(service)
        assert self.changes() == ServiceChanges((), ()), "what was made is what there should be"
        return changes

    def service(self, gateway: Identity = CHAT) -> Body:
        return self.services[service_name(gateway)]

    def ports(self, gateway: Identity = CHAT) -> dict[int, int]:
        return {port["port"]: port["targetPort"] for port in self.service(gateway)["spec"]["ports"]}


# ── A Service for each Gateway ──────────────────────────────────────────────────────────────────────────────────────


def test_a_gateways_service_maps_its_ports_to_internal_ones_of_the_data_planes() -> None:
    cluster = Cluster(gateway("chat", 443, 80))
    cluster.settle()
    service = cluster.service()
    assert service["spec"] == {
        "type": "ClusterIP",
        "selector": {"app": "dataplane"},
        "ports": [
            {"name": "http-80", "port": 80, "protocol": "TCP", "targetPort": 10000, "appProtocol": "http"},
            {"name": "http-443", "port": 443, "protocol": "TCP", "targetPort": 10001, "appProtocol": "http"},
        ],
    }
    assert [port.number for port in cluster.compiled.table.ports] == [10000, 10001]
    assert service["metadata"]["namespace"] == OURS
    assert service["metadata"]["ownerReferences"] == [OWNER]
    assert service["metadata"]["labels"] == {
        "app.kubernetes.io/managed-by": "switchover-operator",
        "gateway.networking.k8s.io/gateway-name": "chat",
        "switchover.dev/gateway-namespace": "ai",
    }


def test_listeners_that_share_a_port_share_an_entry_and_those_that_are_not_accepted_have_none() -> None:
    body = gateway("chat", 80)
    body["spec"]["listeners"] += [
        {"name": "named", "port": 80, "protocol": "HTTP", "hostname": "chat.example.com"},
        {"name": "tcp", "port": 81, "protocol": "TCP"},
    ]
    cluster = Cluster(body)
    cluster.settle()
    assert cluster.ports() == {80: 10000}


def test_a_listener_that_waits_for_its_certificate_has_its_port_already() -> None:
    body = gateway("chat")
    certificate = {"certificateRefs": [{"name": "not-there-yet"}]}
    body["spec"]["listeners"] = [{"name": "https", "port": 443, "protocol": "HTTPS", "tls": certificate}]
    cluster = Cluster(body)
    cluster.settle()
    assert [port["name"] for port in cluster.service()["spec"]["ports"]] == ["https-443"]


def test_a_gateway_without_a_listener_that_could_be_served_has_no_service() -> None:
    cluster = Cluster(gateway("chat", 80))
    cluster.settle()
    cluster.gateways["chat"]["spec"]["listeners"][0]["protocol"] = "TCP"
    assert cluster.settle() == ServiceChanges((), (service_name(CHAT),))


def test_a_gateway_of_another_class_has_no_service() -> None:
    assert Cluster(gateway("theirs", 80, gatewayClassName="theirs")).changes() == ServiceChanges((), ())


def test_the_service_of_a_gateway_that_is_gone_is_deleted() -> None:
    cluster = Cluster(gateway("chat", 80), gateway("other", 80))
    cluster.settle()
    del cluster.gateways["chat"]
    assert cluster.settle() == ServiceChanges((), (service_name(CHAT),))
    assert list(cluster.services) == [service_name(gateway_identity("other"))]


def test_services_of_others_are_left_alone() -> None:
    cluster = Cluster(gateway("chat", 80))
    theirs = {"app": "other"}
    for name, annotations in (("plain", None), ("odd", {"switchover.dev/gateway": "nonsense"})):
        metadata = {"name": name, "namespace": OURS, "annotations": annotations}
        cluster.services[name] = {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": theirs}
    elsewhere = {"name": "copied", "namespace": "ai", "annotations": {"switchover.dev/gateway": "ai/gone"}}
    cluster.services["copied"] = {"apiVersion": "v1", "kind": "Service", "metadata": elsewhere, "spec": theirs}
    assert cluster.settle().delete == ()


# ── What is written when ────────────────────────────────────────────────────────────────────────────────────────────


def test_nothing_is_written_when_nothing_differs_and_what_the_api_server_adds_is_no_difference() -> None:
    cluster = Cluster(gateway("chat", 80))
    cluster.settle()
    service = cluster.service()
    service["metadata"] |= {"uid": "1", "resourceVersion": "9", "creationTimestamp": "2026-01-01T00:00:00Z"}
    service["metadata"]["labels"]["team"] = "ai"
    service["spec"] |= {"clusterIP": "10.96.0.7", "clusterIPs": ["10.96.0.7"], "sessionAffinity": "None"}
    service["spec"]["ports"][0]["nodePort"] = 31234
    assert cluster.changes() == ServiceChanges((), ())


@pytest.mark.parametrize(
    "drift",
    [
        {"type": "LoadBalancer"},
        {"selector": {"app": "another"}},
        {"selector": None},
        {"ports": []},
        {"ports": [{"name": "http-80", "port": 80, "targetPort": 10007}]},
        {"ports": [{"name": "http-80", "port": 81, "targetPort": 10000}]},
    ],
)
def test_what_somebody_changed_in_a_service_is_written_again(drift: dict[str, Any]) -> None:
    cluster = Cluster(gateway("chat", 80))
    cluster.settle()
    cluster.service()["spec"] |= drift
    assert [service["metadata"]["name"] for service in cluster.settle().apply] == [service_name(CHAT)]
    assert cluster.service()["spec"]["selector"] == {"app": "dataplane"}


def test_a_service_whose_annotations_are_gone_is_applied_again() -> None:
    cluster = Cluster(gateway("chat", 80))
    cluster.settle()
    del cluster.service()["metadata"]["annotations"]
    assert len(cluster.settle().apply) == 1


def test_labels_and_annotations_of_the_infrastructure_appear_and_disappear() -> None:
    cluster = Cluster(gateway("chat", 80))
    cluster.settle()
    plain = cluster.service()["metadata"]
    cluster.gateways["chat"]["spec"]["infrastructure"] = {
        "labels": {"team": "ai"},
        "annotations": {"example.com/internal": "true"},
    }
    cluster.settle()
    assert cluster.service()["metadata"]["labels"] == plain["labels"] | {"team": "ai"}
    assert cluster.service()["metadata"]["annotations"]["example.com/internal"] == "true"
    del cluster.gateways["chat"]["spec"]["infrastructure"]
    cluster.settle()
    assert cluster.service()["metadata"] == plain


def test_the_infrastructures_labels_and_annotations_never_take_the_place_of_ours() -> None:
    names = {"gateway.networking.k8s.io/gateway-name": "x", "switchover.dev/gateway": "x/y"}
    cluster = Cluster(gateway("chat", 80, infrastructure={"labels": names, "annotations": names}))
    cluster.settle()
    assert cluster.service()["metadata"]["labels"]["gateway.networking.k8s.io/gateway-name"] == "chat"
    assert cluster.service()["metadata"]["annotations"]["switchover.dev/gateway"] == "ai/chat"


def test_the_address_that_a_gateway_asks_for_is_asked_of_the_load_balancer() -> None:
    cluster = Cluster(gateway("chat", 80, addresses=[{"type": "IPAddress", "value": "192.0.2.7"}]))
    cluster.settings = ServiceSettings(OURS, "LoadBalancer", {"app": "dataplane"})
    cluster.settle()
    assert cluster.service()["spec"]["loadBalancerIP"] == "192.0.2.7"
    cluster.settings = ServiceSettings(OURS, "ClusterIP", {"app": "dataplane"})
    cluster.settle()
    assert cluster.service()["spec"].keys() == {"type", "selector", "ports"}


def test_a_gateway_may_name_the_type_of_its_service() -> None:
    named = {"annotations": {"switchover.dev/service-type": "LoadBalancer"}}
    cluster = Cluster(gateway("chat", 80, infrastructure=named), gateway("other", 80))
    cluster.settle()

    types = [cluster.service(each)["spec"]["type"] for each in (CHAT, gateway_identity("other"))]
    assert types == ["LoadBalancer", "ClusterIP"]


def test_while_the_data_planes_own_service_is_away_nothing_is_made_and_nothing_taken_away() -> None:
    cluster = Cluster(gateway("chat", 80), gateway("gone", 80))
    cluster.settle()
    del cluster.gateways["gone"]
    cluster.gateways["new"] = gateway("new", 80)
    cluster.settings = ServiceSettings(OURS, selector={})
    assert cluster.changes() == ServiceChanges((), ())


# ── Internal ports ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_every_port_of_every_gateway_is_an_internal_one_of_its_own() -> None:
    snapshot = Cluster(gateway("a", 80, 443), gateway("b", 80)).snapshot
    assert fleet(snapshot, OURS).ports == {
        GatewayPort("ai", "a", 80): 10000,
        GatewayPort("ai", "a", 443): 10001,
        GatewayPort("ai", "b", 80): 10002,
    }


def test_ports_outlive_the_operator_whichever_gateways_come_and_go() -> None:
    cluster = Cluster(gateway("chat", 80), gateway("other", 80))
    cluster.settle()
    cluster.restart()
    del cluster.gateways["chat"]
    cluster.gateways["a-new-one"] = gateway("a-new-one", 80)
    cluster.settle()
    cluster.restart()
    assert cluster.settle() == ServiceChanges((), ())
    assert cluster.ports(gateway_identity("other")) == {80: 10001}
    assert cluster.ports(gateway_identity("a-new-one")) == {80: 10000}, "what was given back is given again"


def test_a_port_that_a_gateway_drops_is_given_back_once_its_service_is_without_it() -> None:
    cluster = Cluster(gateway("chat", 80, 81))
    cluster.settle()
    cluster.gateways["chat"] = gateway("chat", 81)
    assert fleet(cluster.snapshot, OURS).ports == {GatewayPort("ai", "chat", n): 10000 + n - 80 for n in (80, 81)}
    cluster.settle()
    assert fleet(cluster.snapshot, OURS).ports == {GatewayPort("ai", "chat", 81): 10001}


BROKEN: dict[str, Any] = {"gatewayClassName": "switchover", "listeners": "nonsense"}


def test_a_gateway_that_cannot_be_read_now_keeps_its_ports_and_its_service() -> None:
    cluster = Cluster(gateway("chat", 80))
    cluster.settle()
    cluster.gateways["chat"]["spec"] = BROKEN
    cluster.gateways["a-new-one"] = gateway("a-new-one", 80)
    [applied] = cluster.settle().apply
    assert applied["metadata"]["name"] == service_name(gateway_identity("a-new-one"))
    assert cluster.ports() == {80: 10000}


def test_a_gateway_that_cannot_be_read_keeps_its_service_though_the_operator_never_knew_it_good() -> None:
    cluster = Cluster(gateway("chat", 80))
    cluster.settle()
    cluster.gateways["chat"]["spec"] = BROKEN
    cluster.restart()
    assert cluster.settle() == ServiceChanges((), ())
    assert cluster.ports() == {80: 10000}


@pytest.mark.parametrize(
    "spec", [None, 7, {}, {"listeners": None}, {"listeners": [7, {}, {"port": "80"}, {"port": None}]}]
)
def test_a_gateway_that_is_nonsense_wants_no_port(spec: object) -> None:
    body = gateway("chat")
    body["spec"] = spec
    assert fleet(Cluster(body).snapshot, OURS).ports == {}


def test_a_service_port_with_a_name_for_a_target_says_nothing_of_internal_ports() -> None:
    cluster = Cluster(gateway("chat", 80))
    cluster.settle()
    cluster.service()["spec"]["ports"][0]["targetPort"] = "http"
    assert fleet(cluster.snapshot, OURS).ports == {GatewayPort("ai", "chat", 80): 10000}
    assert len(cluster.settle().apply) == 1


def test_a_gateway_for_which_no_internal_port_is_left_has_no_service() -> None:
    snapshot, full = Cluster(gateway("chat", 80)).snapshot, Fleet({})
    assert service_changes(compile_snapshot(snapshot, {}, full), snapshot, full, SETTINGS) == ServiceChanges((), ())


# ── Names ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("namespace", "name"),
    [
        ("ai", "chat"),
        ("7", "7up"),
        ("ai", "chat.example.com"),
        ("n" * 63, "g" * 253),
        ("ai", f"{'g' * 55}.{'g' * 197}"),
        ("ai", f"{'7.' * 126}7"),
    ],
)
def test_a_services_name_is_one_whatever_the_gateways(namespace: str, name: str) -> None:
    made = service_name(gateway_identity(name, namespace))
    assert re.fullmatch(r"[a-z]([-a-z0-9]*[a-z0-9])?", made), "RFC 1035"
    assert len(made) <= 63


def test_gateways_whose_names_run_together_have_services_of_their_own() -> None:
    pairs = [("b-c", "a"), ("c", "a-b"), ("c", "a.b"), ("c", "g" * 200), ("c", "g" * 201)]
    assert len({service_name(gateway_identity(name, namespace)) for namespace, name in pairs}) == len(pairs)


def test_a_services_name_begins_with_those_of_its_gateway_and_namespace() -> None:
    assert service_name(CHAT).startswith("chat-ai-")
    assert service_name(gateway_identity("7up")).startswith("gw-7up-ai-")


def test_a_name_too_long_for_a_label_keeps_its_beginning_and_stays_unlike_others() -> None:
    assert label_value("chat") == "chat"
    assert label_value("g" * 63) == "g" * 63
    one, other = label_value(f"{'g' * 53}.{'a' * 100}"), label_value(f"{'g' * 53}.{'b' * 100}")
    assert one != other
    for value in (one, other):
        assert re.fullmatch(r"g{53}-[0-9a-f]{8}", value)


# ── Addresses ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("spec", "status", "expected"),
    [
        ({}, {"loadBalancer": {"ingress": [{"ip": "192.0.2.7"}]}}, ["192.0.2.7"]),
        ({}, {"loadBalancer": {"ingress": [{"hostname": "lb.example.com"}]}}, ["lb.example.com"]),
        ({}, {"loadBalancer": {"ingress": [{"ip": "192.0.2.7"}, {"ip": "2001:db8::7"}]}}, ["192.0.2.7", "2001:db8::7"]),
        ({"clusterIP": "10.96.0.7"}, {"loadBalancer": {"ingress": [{"ports": []}]}}, ["10.96.0.7"]),
        ({"clusterIP": "10.96.0.7"}, {"loadBalancer": {}}, ["10.96.0.7"]),
        ({"clusterIP": "10.96.0.7", "clusterIPs": ["10.96.0.7", "fd00::7"]}, None, ["10.96.0.7", "fd00::7"]),
        ({"clusterIP": "None", "clusterIPs": ["None"]}, {}, []),
        ({"clusterIP": ""}, {}, []),
        ({}, {}, []),
    ],
)
def test_a_gateways_addresses_are_those_of_the_load_balancer_else_those_in_the_cluster(
    spec: dict[str, Any], status: object, expected: list[str]
) -> None:
    cluster = Cluster(gateway("chat", 80))
    cluster.settle()
    cluster.service()["spec"] |= spec
    cluster.service()["status"] = status
    assert addresses(cluster.snapshot, OURS) == {CHAT: expected}
