"""EndpointSlices of the data planes' headless Service → who gets tables, and whose word counts."""

import ssl
from typing import Any

import pytest

from switchover_operator.cluster.dataplanes import DataPlanes, data_planes
from switchover_operator.identity import Body
from switchover_operator.publish import Endpoint
from switchover_operator.snapshot import Snapshot

TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
SERVER_NAME = "dataplane.system.svc"


def pod(name: str, address: str, **conditions: bool | None) -> Body:
    return {"addresses": [address], "conditions": conditions, "targetRef": {"kind": "Pod", "name": name}}


def endpoints(
    *found: Body, name: str = "dataplane-1", service: str = "dataplane", namespace: str = "system", **others: Any
) -> Body:
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": name, "namespace": namespace, "labels": {"kubernetes.io/service-name": service}},
        "ports": [{"name": "admin", "port": 9180}, {"name": "push", "port": 9443}],
        "endpoints": list(found),
        **others,
    }


def found(*slices: Body, outside: tuple[tuple[str, int], ...] = ()) -> DataPlanes:
    return data_planes(Snapshot.of(slices), "system", "dataplane", outside, TLS)


def test_every_pod_is_pushed_to_at_the_push_port_over_tls_for_the_services_name() -> None:
    planes = found(endpoints(pod("b", "10.0.0.2", ready=True)), endpoints(pod("a", "10.0.0.1"), name="dataplane-2"))
    assert planes.endpoints == (
        Endpoint("a", "10.0.0.1:9443", TLS, SERVER_NAME),
        Endpoint("b", "10.0.0.2:9443", TLS, SERVER_NAME),
    )
    assert planes.ready == {"a", "b"}


def test_a_pod_that_is_not_ready_is_pushed_to_and_its_word_does_not_count_yet() -> None:
    planes = found(endpoints(pod("new", "10.0.0.1", ready=False, serving=False, terminating=False)))
    assert [each.name for each in planes.endpoints] == ["new"]
    assert planes.ready == frozenset()


def test_a_pod_that_nothing_is_known_of_counts_as_ready() -> None:
    planes = found(endpoints({"addresses": ["10.0.0.1"], "conditions": None}, pod("b", "10.0.0.2", ready=None)))
    assert planes.ready == {"10.0.0.1", "b"}


def test_a_pod_that_is_ending_gets_no_table() -> None:
    planes = found(endpoints(pod("old", "10.0.0.1", ready=False, serving=True, terminating=True)))
    assert planes == DataPlanes((), frozenset())


def test_an_ipv6_address_stands_in_brackets() -> None:
    [endpoint] = found(endpoints(pod("a", "fd00::7"))).endpoints
    assert endpoint.url == "https://[fd00::7]:9443/v1/table"


def test_an_endpoint_without_a_pod_is_named_by_its_address() -> None:
    [endpoint] = found(endpoints({"addresses": ["10.0.0.1"]})).endpoints
    assert endpoint.name == "10.0.0.1"


def test_a_pod_in_two_slices_is_one_data_plane() -> None:
    planes = found(endpoints(pod("a", "10.0.0.1")), endpoints(pod("a", "fd00::7"), name="dataplane-2"))
    assert [each.name for each in planes.endpoints] == ["a"]


def test_a_pod_that_is_made_anew_under_its_name_is_another_data_plane() -> None:
    [before], [after] = (found(endpoints(pod("a", address))).endpoints for address in ("10.0.0.1", "10.0.0.9"))
    assert before != after


@pytest.mark.parametrize(
    "other",
    [
        endpoints(pod("a", "10.0.0.1"), service="dataplane-admin"),
        endpoints(pod("a", "10.0.0.1"), namespace="elsewhere"),
        endpoints(pod("a", "10.0.0.1"), ports=[{"name": "http", "port": 8080}]),
        endpoints(pod("a", "10.0.0.1"), ports=[{"name": "push", "port": None}]),
        endpoints(pod("a", "10.0.0.1"), ports=None),
        endpoints({"addresses": []}),
        endpoints(endpoints=None),
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a", "namespace": "system"}},
        {**endpoints(pod("a", "10.0.0.1")), "metadata": {"name": "dataplane-1", "namespace": "system"}},
    ],
)
def test_what_is_no_endpoint_of_the_service_gets_no_table(other: Body) -> None:
    assert found(other) == DataPlanes((), frozenset())


def test_data_planes_outside_of_the_cluster_count_as_ready() -> None:
    outside = (("edge.example.com", 9443), ("2001:db8::7", 9443))
    planes = found(endpoints(pod("a", "10.0.0.1", ready=False)), outside=outside)
    addresses = [(each.name, each.address) for each in planes.endpoints]
    assert addresses == [
        ("[2001:db8::7]:9443", "[2001:db8::7]:9443"),
        ("a", "10.0.0.1:9443"),
        ("edge.example.com:9443", "edge.example.com:9443"),
    ]
    assert {(each.tls, each.server_name) for each in planes.endpoints} == {(TLS, SERVER_NAME)}
    assert planes.ready == {"edge.example.com:9443", "[2001:db8::7]:9443"}
