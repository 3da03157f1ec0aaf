"""Connections to targets: which address is taken, why none came about, and where --connect-to leads."""

import asyncio
import socket

import pytest

from certificates import Authority
from scripted import Blackhole, Refusing
from switchover_dataplane.process.tls import client_context
from switchover_dataplane.target_addresses import LOOPBACK, STRICT, TargetAddresses
from switchover_dataplane.upstream.connection import Connection
from switchover_dataplane.upstream.dial import (
    ConnectFailed,
    ConnectTo,
    Destination,
    dial,
    first_to_answer,
    permitted,
    redirected,
)
from wire import OK, Peer, answering, listening

AUTHORITY = Authority()
ON_THIS_MACHINE = TargetAddresses(LOOPBACK)


def at(port: int) -> tuple[int, object]:
    return (socket.AF_INET, ("127.0.0.1", port))


async def failure(
    destination: Destination, allowing: TargetAddresses = ON_THIS_MACHINE, rules: tuple[ConnectTo, ...] = ()
) -> ConnectFailed:
    with pytest.raises(ConnectFailed) as failed:
        await dial(destination, rules, allowing, Connection)
    return failed.value


# ── Why there is no connection ──────────────────────────────────────────────────────────────────────────────────────


async def test_a_refused_connection_says_so() -> None:
    async with Refusing() as closed:
        assert (await failure(Destination("127.0.0.1", closed.port))).cause == "refused"


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a..b", "x" * 300])
async def test_a_name_without_an_address_says_so(host: str) -> None:
    failed = await failure(Destination(host, 80))

    assert (failed.cause, host in failed.detail) == ("dns", True)


async def test_an_address_that_does_not_answer_is_given_up_after_the_connect_timeout() -> None:
    async with Blackhole() as silent:
        failed = await failure(Destination("127.0.0.1", silent.port, connect_timeout=0.05))

    assert (failed.cause, "within 0.05s" in failed.detail) == ("connect-timeout", True)


async def test_a_certificate_of_an_authority_that_is_not_trusted_says_so() -> None:
    async with listening(answering(OK), AUTHORITY.server("localhost")) as to:
        context = client_context(Authority("another").pem, "", "")
        failed = await failure(Destination(to.host, to.port, context, "localhost"))

    assert failed.cause == "tls"


async def test_a_certificate_for_another_name_says_so() -> None:
    async with listening(answering(OK), AUTHORITY.server("other.example")) as to:
        context = client_context(AUTHORITY.pem, "", "")
        failed = await failure(Destination(to.host, to.port, context, "localhost"))

    assert (failed.cause, "localhost" in failed.detail) == ("tls", True)


async def test_what_speaks_no_tls_says_so() -> None:
    async def script(peer: Peer) -> None:
        await peer.say(b"220 mail.example ESMTP\r\n")
        await peer.gone()

    async with listening(script) as to:
        context = client_context(AUTHORITY.pem, "", "")
        failed = await failure(Destination(to.host, to.port, context, "localhost", connect_timeout=20))

    assert failed.cause == "tls"


# ── One of several addresses ────────────────────────────────────────────────────────────────────────────────────────


async def test_the_next_address_is_tried_at_once_after_a_refusal() -> None:
    async with Refusing() as closed, listening(answering(OK)) as to:
        reached = await first_to_answer([at(closed.port), at(to.port)])

        assert reached.getpeername()[1] == to.port
        reached.close()


async def test_an_address_that_is_silent_does_not_keep_the_next_one_waiting() -> None:
    async with Blackhole() as silent, listening(answering(OK)) as to:
        async with asyncio.timeout(40):
            reached = await first_to_answer([at(silent.port), at(to.port)])

        assert reached.getpeername()[1] == to.port
        reached.close()


async def test_when_no_address_answers_the_failure_that_says_most_is_told() -> None:
    # TCP to a multicast address fails as an address without a route does, on every machine and without a packet.
    without_a_route = (socket.AF_INET, ("224.0.0.1", 80))
    async with Refusing() as closed:
        with pytest.raises(ConnectFailed) as failed:
            await first_to_answer([without_a_route, at(closed.port)])

    assert failed.value.cause == "refused"


# ── Where no target may be ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1", "0x7f000001", "2130706433", "::ffff:127.0.0.1", "localhost"])
async def test_a_target_on_loopback_is_not_connected_to_however_it_is_spelt(host: str) -> None:
    async with listening(answering(OK)) as to:
        failed = await failure(Destination(host, to.port), STRICT)

        assert (failed.cause, "a loopback address" in failed.detail) == ("not-allowed", True)
        assert to.accepted == 0


async def test_the_own_admin_port_is_not_connected_to_though_loopback_is_allowed() -> None:
    async with listening(answering(OK)) as to:
        failed = await failure(Destination("localhost", to.port), TargetAddresses(LOOPBACK, frozenset({to.port})))

        assert (failed.cause, "a port of this gateway" in failed.detail) == ("not-allowed", True)
        assert to.accepted == 0


async def test_of_a_name_s_addresses_those_that_are_allowed_are_tried() -> None:
    async with listening(answering(OK)) as to:
        link_local = (socket.AF_INET, ("169.254.169.254", to.port))

        assert permitted([link_local, at(to.port)], ON_THIS_MACHINE) == [at(to.port)]


async def test_a_redirection_may_lead_to_loopback() -> None:
    async with listening(answering(OK)) as to:
        rule = ConnectTo.parse(f"a.example:80:127.0.0.1:{to.port}")
        connection = await dial(Destination("a.example", 80), [rule], STRICT, Connection)

        assert connection.open
        connection.close()


# ── --connect-to ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("text", ["", "a:b", "a:b:c:d", "a:80:b:99999", "a:80:b", "a:0:b:80", "a:80:b:٣"])
def test_a_redirection_that_is_none_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="must be"):
        ConnectTo.parse(text)


def test_a_redirection_takes_empty_fields_and_ipv6_addresses() -> None:
    assert ConnectTo.parse("::[::1]:8443") == ConnectTo("", 0, "::1", 8443)


REDIRECTED = {
    "host and port": ("a.example:80:b:8080", ("b", 8080)),
    "a host in capitals": ("A.Example:80:b:8080", ("b", 8080)),
    "any host": (":80:b:8080", ("b", 8080)),
    "any port": ("a.example::b:8080", ("b", 8080)),
    "the host stays": ("a.example:80::8080", ("a.example", 8080)),
    "the port stays": ("a.example:80:b:", ("b", 80)),
    "another host": ("c.example:80:b:8080", None),
    "another port": ("a.example:443:b:8080", None),
}


@pytest.mark.parametrize(("rule", "to"), REDIRECTED.values(), ids=REDIRECTED.keys())
def test_a_redirection_matches_and_leads_as_curl_s_does(rule: str, to: tuple[str, int] | None) -> None:
    assert redirected(Destination("a.example", 80), [ConnectTo.parse(rule)]) == to


def test_the_first_redirection_that_matches_wins() -> None:
    rules = [ConnectTo.parse(rule) for rule in ("c:::1", "a:::2", "a:::3")]

    assert redirected(Destination("a", 80), rules) == ("a", 2)
