"""The push channel over TCP: mutual TLS, and certificates that are replaced while it runs."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest

from certificates import Authority
from serving import free_port, gateway, table
from switchover_dataplane.control import push
from switchover_dataplane.health.health import Health
from switchover_dataplane.served_table import State
from switchover_dataplane.table.table import Table
from switchover_dataplane.table.wire import encode
from switchover_dataplane.telemetry.metrics import Metrics


@dataclass
class Secured:
    """A push channel over TCP and the files that it follows."""

    folder: Path
    channel: push.Push

    def show(self, authority: Authority) -> None:
        """Replace our certificate and the clients' authority, as a mounted Secret is replaced."""
        chain, key = authority.issue("localhost")
        for name, text in (("crt", chain), ("key", key), ("ca", authority.pem)):
            new = self.folder / f"{name}.new"
            new.write_text(text)
            new.replace(self.folder / name)

    async def revision(self, trusted: Authority, own: Authority | None) -> object:
        """Ask for the revision with a certificate of `own`; None if we are not let in."""
        return await self._ask("GET", trusted, own)

    async def put(self, of: Table, trusted: Authority, own: Authority | None) -> object:
        """Push with a certificate of `own`; None if we are not let in."""
        return await self._ask("PUT", trusted, own, encode(of))

    async def _ask(self, method: str, trusted: Authority, own: Authority | None, body: bytes = b"") -> object:
        context = trusted.client()
        if own is not None:
            pair = self.folder / "client.pem"
            pair.write_text("".join(own.issue("client")))
            context.load_cert_chain(pair)
        url = f"https://localhost:{self.channel.port}/v1/table"
        try:
            async with aiohttp.ClientSession() as client, client.request(method, url, data=body, ssl=context) as answer:
                return await answer.json()
        except aiohttp.ClientError:
            return None


@pytest.fixture
async def secured(tmp_path: Path) -> AsyncIterator[Secured]:
    state = State(Health(), Metrics(), None)
    async with gateway(table(free_port(), [1])) as other:
        endpoint = push.Push(state, other.listeners)
        made = Secured(tmp_path, endpoint)
        made.show(AUTHORITY)
        await endpoint.open(push.Channel("127.0.0.1:0", tmp_path / "crt", tmp_path / "key", tmp_path / "ca"))
        yield made
        await endpoint.close()


AUTHORITY = Authority()
NOTHING_YET: dict[str, object] = {"revision": None, "active": {}}


async def test_only_clients_with_a_certificate_of_the_authority_get_through_to_the_push_channel(
    secured: Secured,
) -> None:
    assert await secured.revision(AUTHORITY, AUTHORITY) == NOTHING_YET
    assert await secured.revision(AUTHORITY, None) is None
    assert await secured.revision(AUTHORITY, Authority("another")) is None


async def test_a_table_comes_over_mutual_tls_and_one_of_a_stranger_does_not(secured: Secured) -> None:
    of, other = table(free_port(), [1]), table(free_port(), [1])
    assert await secured.put(of, AUTHORITY, AUTHORITY) == {"revision": of.revision}

    for own in (None, Authority("another")):
        assert await secured.put(other, AUTHORITY, own) is None

    assert await secured.revision(AUTHORITY, AUTHORITY) == {"revision": of.revision, "active": {"ns/up": 0}}


async def test_rotated_certificates_are_followed_and_the_old_authority_is_trusted_no_longer(secured: Secured) -> None:
    new = Authority("new")
    assert await secured.revision(AUTHORITY, AUTHORITY) == NOTHING_YET

    secured.show(new)

    assert await secured.revision(new, new) == NOTHING_YET
    assert await secured.revision(new, AUTHORITY) is None


async def test_certificate_files_that_are_half_written_leave_the_old_ones_in_place(
    secured: Secured, caplog: pytest.LogCaptureFixture
) -> None:
    (secured.folder / "key").write_text("half of it")

    assert await secured.revision(AUTHORITY, AUTHORITY) == NOTHING_YET
    assert "cannot be used" in caplog.text
