"""Who is shown what is served on the admin port, and that showing it holds nobody up."""

import asyncio

import pytest
from multidict import CIMultiDict

from recorded import attempted, recorded
from serving import free_port, gateway, table
from switchover_dataplane.control.admin import Admin, is_of_this_machine
from switchover_dataplane.table.wire import encode, sealed


@pytest.mark.parametrize("remote", ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"])
def test_this_machine_is_shown_what_is_served(remote: str) -> None:
    assert is_of_this_machine(remote, CIMultiDict({"Host": "localhost:9180"}))


@pytest.mark.parametrize("remote", ["192.0.2.1", "10.0.0.7", "::", "2001:db8::1", "::ffff:192.0.2.1", "", None])
def test_another_machine_is_not(remote: str | None) -> None:
    assert not is_of_this_machine(remote, CIMultiDict({"Host": "localhost:9180"}))


@pytest.mark.parametrize("name", ["Host", "Origin"])
def test_a_web_page_on_this_machine_is_not(name: str) -> None:
    assert not is_of_this_machine("127.0.0.1", CIMultiDict({name: "http://evil.example"}))


class AdminClient:
    """One connection to an admin port."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def open(self) -> None:
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)

    def ask(self, path: str) -> None:
        self._writer.write(f"GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n".encode())

    async def head(self) -> bytes:
        return (await self._reader.readuntil(b"\r\n\r\n")).lower()

    async def answer(self) -> bytes:
        """The status line, after the whole body has come."""
        head = await self.head()
        await self._reader.readexactly(int(head.partition(b"content-length:")[2].split()[0]))
        return head.partition(b"\r\n")[0]

    def close(self) -> None:
        self._writer.close()


@pytest.mark.parametrize(
    ("needs_port", "without"),
    [
        (False, b"http/1.1 200 ok"),  # a cluster may have no Gateway yet
        (True, b"http/1.1 503 service unavailable"),
    ],
)
async def test_a_table_without_a_port_is_ready_unless_a_port_is_needed(needs_port: bool, without: bytes) -> None:
    async with gateway(table(free_port(), [1])) as at:
        admin = Admin(at.state, at.runtime, at.metrics, needs_port=needs_port)
        await admin.open("127.0.0.1:0")
        probe = AdminClient(admin.port)
        await probe.open()
        probe.ask("/readyz")
        assert await probe.answer() == b"http/1.1 200 ok"
        await at.state.apply(encode(sealed((), {}, {}, {}, {})), at.listeners)
        probe.ask("/readyz")
        assert await probe.answer() == without
        probe.close()
        await admin.close()


async def test_a_scrape_of_thousands_of_routes_holds_no_other_request_up() -> None:
    async with gateway(table(free_port(), [1])) as at:
        for number in range(3_000):
            attempt = attempted(0, f"ns/up/{number}/0", "openai", "m", first_token_ms=1.0)
            at.metrics.observe(recorded([attempt], route=f"ns/route-{number}", status=200, duration_ms=1.0))
        admin = Admin(at.state, at.runtime, at.metrics)
        await admin.open("127.0.0.1:0")
        scraper, probe = AdminClient(admin.port), AdminClient(admin.port)
        await scraper.open()
        scraper.ask("/healthz")
        assert await scraper.answer() == b"http/1.1 200 ok"
        # The probe's connection is accepted after the scrape has begun.
        scraper.ask("/metrics")
        scraping = asyncio.create_task(scraper.head())
        await probe.open()
        probe.ask("/healthz")
        assert await probe.answer() == b"http/1.1 200 ok"
        assert not scraping.done()
        assert (await scraping).startswith(b"http/1.1 200 ok")
        scraper.close()
        probe.close()
        await admin.close()
