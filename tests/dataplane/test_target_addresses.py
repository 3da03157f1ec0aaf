"""Addresses where no target may be: every kind in every spelling, and what opens them."""

import pytest

from switchover_dataplane.target_addresses import LOOPBACK, STRICT, TargetAddresses, forbidden, network

FORBIDDEN = {
    "127.0.0.1": "a loopback address",
    "127.255.255.254": "a loopback address",
    "::1": "a loopback address",
    "0.0.0.0": "an unspecified address",
    "0.1.2.3": "an unspecified address",
    "::": "an unspecified address",
    "169.254.0.1": "a link-local address",
    "169.254.255.255": "a link-local address",
    "fe80::1": "a link-local address",
    "fe80::1%eth0": "a link-local address",
    "febf::1": "a link-local address",
    "224.0.0.1": "a multicast address",
    "239.255.255.255": "a multicast address",
    "ff02::1": "a multicast address",
    "240.0.0.1": "a reserved or broadcast address",
    "255.255.255.255": "a reserved or broadcast address",
    "169.254.169.254": "an address of a cloud's metadata",
    "169.254.170.2": "an address of a cloud's metadata",
    "fd00:ec2::254": "an address of a cloud's metadata",
    "fd20:ce::254": "an address of a cloud's metadata",
    "100.100.100.200": "an address of a cloud's metadata",
    "168.63.129.16": "an address of a cloud's metadata",
    "192.0.0.192": "an address of a cloud's metadata",
    "::ffff:127.0.0.1": "a loopback address",
    "::ffff:a9fe:a9fe": "an address of a cloud's metadata",
    "::ffff:0:169.254.169.254": "an address of a cloud's metadata",
    "::7f00:1": "a loopback address",
    "64:ff9b::169.254.169.254": "an address of a cloud's metadata",
    "64:ff9b:1::10.0.0.1": "",
    "64:ff9b:1::127.0.0.1": "a loopback address",
    "2002:7f00:1::": "a loopback address",
    "2002:a9fe:a9fe::1": "an address of a cloud's metadata",
    "2001:0:a9fe:a9fe::": "an address of a cloud's metadata",
    "2001:0:808:808:0:0:80ff:fffe": "a loopback address",
}


@pytest.mark.parametrize(("host", "kind"), FORBIDDEN.items(), ids=FORBIDDEN)
def test_an_address_is_of_its_kind_however_it_is_spelt(host: str, kind: str) -> None:
    assert forbidden(host) == kind


@pytest.mark.parametrize(
    "host",
    [
        *("10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "8.8.8.8", "126.255.255.255", "128.0.0.1"),
        *("169.253.0.1", "169.255.0.1", "223.255.255.255", "fd00::1", "fd00:ec2::1", "2606:4700::1111", "2001:db8::1"),
        *("fec0::1", "64:ff9b::8.8.8.8", "2002:808:808::1", "::ffff:10.0.0.1", "api.openai.com", "localhost", ""),
    ],
)
def test_other_addresses_and_names_are_nobody_s_business(host: str) -> None:
    assert forbidden(host) == ""


def test_a_network_that_is_allowed_is_open_in_every_spelling() -> None:
    allowed = (network("169.254.7.0/24"),)

    assert forbidden("169.254.7.9", allowed) == ""
    assert forbidden("::ffff:169.254.7.9", allowed) == ""
    assert forbidden("169.254.8.9", allowed) == "a link-local address"


def test_a_single_address_can_be_allowed() -> None:
    assert forbidden("169.254.169.254", (network("169.254.169.254"),)) == ""


@pytest.mark.parametrize("text", ["", "localhost", "10.0.0.0/33", "10.0.0", "fe80::/200"])
def test_what_is_no_network_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match=r"such as 127\.0\.0\.0/8"):
        network(text)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::ffff:127.0.0.1", "0.0.0.0"])
def test_a_port_of_the_gateway_stays_closed_at_every_address_of_this_machine(host: str) -> None:
    everything = TargetAddresses((network("0.0.0.0/0"), network("::/0")), frozenset({9180}))

    assert everything.refusal(host, 9180) == f"{host}:9180 is a port of this gateway itself"
    assert everything.refusal(host, 9181) == ""


def test_a_port_of_the_gateway_is_any_other_s_own_business() -> None:
    # An address for documentation (RFC 5737), so nobody's.
    assert TargetAddresses(LOOPBACK, frozenset({9180})).refusal("192.0.2.1", 9180) == ""


def test_the_address_of_the_cluster_s_api_server_is_closed_until_it_is_allowed() -> None:
    closed = TargetAddresses(api_server="10.96.0.1")
    opened = TargetAddresses((network("10.96.0.1/32"),), api_server="10.96.0.1")

    assert closed.refusal("10.96.0.1", 443) == "10.96.0.1 is the address of the cluster's API server"
    assert closed.refusal("::ffff:10.96.0.1", 6443) == "::ffff:10.96.0.1 is the address of the cluster's API server"
    assert closed.refusal("10.96.0.2", 443) == ""
    assert opened.refusal("10.96.0.1", 443) == ""


def test_a_refusal_names_the_address_and_its_kind() -> None:
    assert STRICT.refusal("169.254.169.254", 80) == "169.254.169.254 is an address of a cloud's metadata"
