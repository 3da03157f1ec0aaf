"""The addresses that a Gateway asks for and those that its Service was given → what its status says."""

from collections.abc import Sequence

import pytest

from switchover_operator.acknowledgements import Acknowledgement, Acknowledgements
from switchover_operator.cluster.status_merge import StatusContext, changed_statuses
from switchover_operator.compiler.compile import compile_snapshot
from switchover_operator.compiler.fleet import Cluster, GatewayPort
from switchover_operator.identity import Body, Identity, identity_of
from switchover_operator.snapshot import Snapshot

CLASS: Body = {
    "apiVersion": "gateway.networking.k8s.io/v1",
    "kind": "GatewayClass",
    "metadata": {"name": "switchover"},
    "spec": {"controllerName": "switchover.dev/gateway-controller"},
}


def gateway(*asked: str, name: str = "gw") -> Body:
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "Gateway",
        "metadata": {"name": name, "namespace": "ai"},
        "spec": {
            "gatewayClassName": "switchover",
            "listeners": [{"name": "http", "port": 80, "protocol": "HTTP"}],
            "addresses": [{"type": "IPAddress", "value": value} for value in asked],
        },
    }


GATEWAY = identity_of(gateway())


def status(gateways: Sequence[Body], given: Sequence[str], *, acknowledged: bool = True) -> Body:
    """The status of `gw` whose Service was given these addresses."""
    fleet = Cluster({GatewayPort("ai", body["metadata"]["name"], 80): 10000 + at for at, body in enumerate(gateways)})
    snapshot = Snapshot.of([CLASS, *gateways])
    compiled = compile_snapshot(snapshot, {}, fleet)
    revision = compiled.table.revision
    word = Acknowledgement(revision, accepted=True) if acknowledged else None
    context = StatusContext(Acknowledgements(revision, {"a": word}), {GATEWAY: given})
    return dict(changed_statuses(compiled.reports, snapshot, context, "2026-01-31T12:00:00Z"))[GATEWAY]


def programmed(status: Body) -> tuple[str, str]:
    [condition] = [each for each in status["conditions"] if each["type"] == "Programmed"]
    return f"{condition['status']}/{condition['reason']}", condition["message"]


@pytest.mark.parametrize(
    ("asked", "given", "expected"),
    [
        ([], ["10.96.0.7"], "True/Programmed"),
        ([], [], "False/AddressNotAssigned"),
        (["192.0.2.7"], ["192.0.2.7"], "True/Programmed"),
        (["192.0.2.7"], ["10.96.0.7", "192.0.2.7"], "True/Programmed"),
        (["192.0.2.7"], ["10.96.0.7"], "False/AddressNotUsable"),
        (["192.0.2.7"], [], "False/AddressNotUsable"),
        (["192.0.2.7", "192.0.2.8"], ["192.0.2.7"], "False/AddressNotUsable"),
        ([""], ["10.96.0.7"], "True/Programmed"),
    ],
)
def test_a_gateway_is_programmed_once_it_has_an_address_and_every_one_that_it_asks_for(
    asked: list[str], given: list[str], expected: str
) -> None:
    told = status([gateway(*asked)], given)
    assert programmed(told)[0] == expected
    assert [each["value"] for each in told.get("addresses", ())] == given


def test_an_address_that_was_not_given_is_named() -> None:
    _, message = programmed(status([gateway("192.0.2.7", "192.0.2.8")], ["192.0.2.7"]))
    assert message == "spec.addresses: the Gateway's Service did not get 192.0.2.8"


def test_an_address_that_is_another_gateways_is_named_with_it_whatever_was_given() -> None:
    gateways = [gateway("192.0.2.7"), gateway("192.0.2.7", name="a-first")]
    for given in ([], ["192.0.2.7"], ["10.96.0.7"]):
        assert programmed(status(gateways, given)) == (
            "False/AddressNotUsable",
            "spec.addresses: 192.0.2.7 is already used by Gateway ai/a-first",
        )


def test_before_the_data_planes_have_taken_a_gateway_up_its_addresses_are_no_matter() -> None:
    told = status([gateway("192.0.2.7")], [], acknowledged=False)
    assert programmed(told)[0] == "False/Pending"


def test_a_listener_is_programmed_though_its_gateway_lacks_an_address() -> None:
    [listener] = status([gateway("192.0.2.7")], [])["listeners"]
    assert programmed(listener)[0] == "True/Programmed"


def test_addresses_of_other_gateways_are_not_this_ones() -> None:
    snapshot = Snapshot.of([CLASS, gateway()])
    compiled = compile_snapshot(snapshot, {}, Cluster({GatewayPort("ai", "gw", 80): 10000}))
    other = Identity(GATEWAY.group, GATEWAY.kind, "ai", "other")
    context = StatusContext(addresses={other: ["192.0.2.7"]})
    statuses = dict(changed_statuses(compiled.reports, snapshot, context, "2026-01-31T12:00:00Z"))
    assert "addresses" not in statuses[GATEWAY]
