"""Ports of Gateways → internal ports of the fleet."""

from switchover_operator.compiler.fleet import (
    FIRST_INTERNAL_PORT,
    LAST_INTERNAL_PORT,
    Cluster,
    GatewayPort,
    Standalone,
    internal_ports,
)

ONE, TWO, THREE = (GatewayPort("ai", name, 80) for name in ("one", "two", "three"))


def test_every_port_of_every_gateway_gets_a_port_of_its_own() -> None:
    given = internal_ports([ONE, TWO, ONE, GatewayPort("ai", "one", 443)], {})
    assert len(given) == len(set(given.values())) == 3


def test_the_order_of_gateways_does_not_matter() -> None:
    assert internal_ports([ONE, TWO, THREE], {}) == internal_ports([THREE, ONE, TWO], {})


def test_a_gateway_keeps_its_port_whoever_comes_and_goes() -> None:
    first = internal_ports([ONE, TWO], {})
    assert internal_ports([TWO, THREE], first)[TWO] == first[TWO]
    assert internal_ports([TWO, THREE], first)[THREE] == first[ONE], "a port that was given back is given again"


def test_of_two_gateways_known_at_one_port_the_second_moves() -> None:
    given = internal_ports([ONE, TWO], {ONE: 10007, TWO: 10007})
    assert given == {ONE: 10007, TWO: FIRST_INTERNAL_PORT}


def test_gateways_beyond_the_last_port_get_none() -> None:
    count = LAST_INTERNAL_PORT - FIRST_INTERNAL_PORT + 1
    wanted = [GatewayPort("ai", "gw", number) for number in range(count + 1)]
    assert len(internal_ports(wanted, {})) == count


def test_on_one_machine_the_port_of_a_gateway_is_the_port_of_the_data_planes() -> None:
    fleet = Standalone()
    assert (fleet.socket(GatewayPort("ai", "one", 8080)), fleet.client_port(8080)) == (8080, 0)


def test_in_a_cluster_the_data_planes_listen_on_the_internal_port_and_clients_use_the_gateways() -> None:
    fleet = Cluster({ONE: 10007})
    assert (fleet.socket(ONE), fleet.client_port(80)) == (10007, 80)
    assert fleet.socket(TWO) == 0, "a port without an internal one waits"


def test_only_on_one_machine_the_name_of_a_service_stands_for_its_endpoints() -> None:
    assert Standalone().endpoints_without_slices("ai", "mock", 80) == [("mock.ai.svc.cluster.local", 80)]
    assert Cluster({}).endpoints_without_slices("ai", "mock", 80) == []
