"""Ports of Gateways → internal ports of the fleet."""

from switchover_operator.compiler.fleet import FIRST_INTERNAL_PORT, LAST_INTERNAL_PORT, GatewayPort, internal_ports

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
