"""What a web page makes a browser send to a gateway on loopback, and what programs send to it."""

import asyncio

import pytest
from multidict import CIMultiDict

from serving import free_port, gateway, good, table, targets
from switchover_dataplane.edge.browsers import refusal

HOSTNAMES = frozenset(("models.example.com", "*.wild.example"))

SERVED = {
    "a program": {"Host": "localhost"},
    "a program that names a port": {"Host": "127.0.0.1:8080"},
    "a program by another address of loopback": {"Host": "127.1.2.3"},
    "a program by IPv6": {"Host": "[::1]:8080"},
    "a program by a name below localhost": {"Host": "models.localhost:80"},
    "a program in capitals": {"Host": "LOCALHOST."},
    "HTTP/1.0 without a Host": {},
    "an empty Host": {"Host": ""},
    "the hostname of a route": {"Host": "models.example.com"},
    "a name below the hostname of a listener": {"Host": "a.b.wild.example:80"},
    "a page of this machine": {"Host": "localhost", "Origin": "http://localhost:3000", "Sec-Fetch-Site": "same-site"},
    "a page by address": {"Host": "localhost", "Origin": "https://127.0.0.1", "Sec-Fetch-Site": "cross-site"},
    "a page of this machine by IPv6": {"Host": "localhost", "Origin": "http://[::1]:3000"},
    "a page of a route's hostname": {"Host": "localhost", "Origin": "http://models.example.com"},
    "an address that a person typed": {"Host": "localhost", "Sec-Fetch-Site": "none"},
    "a page of the gateway itself": {"Host": "localhost", "Sec-Fetch-Site": "same-origin"},
}  # fmt: skip

REFUSED = {
    "a page of another site": {"Host": "localhost", "Origin": "http://evil.example", "Sec-Fetch-Site": "cross-site"},
    "only the Origin is foreign": {"Host": "localhost", "Origin": "http://evil.example"},
    "only Sec-Fetch-Site is foreign": {"Host": "localhost", "Sec-Fetch-Site": "cross-site"},
    "a page of the same site without an Origin": {"Host": "localhost", "Sec-Fetch-Site": "same-site"},
    "a Sec-Fetch-Site that nobody knows": {"Host": "localhost", "Sec-Fetch-Site": "new"},
    "a page without an origin": {"Host": "localhost", "Origin": "null"},
    "an Origin that only begins like ours": {"Host": "localhost", "Origin": "http://localhost.evil.example"},
    "an Origin with ours as its user": {"Host": "localhost", "Origin": "http://localhost@evil.example"},
    "an Origin of an extension": {"Host": "localhost", "Origin": "chrome-extension://localhost"},
    "an Origin that is none": {"Host": "localhost", "Origin": "http://[::1"},
    "a name that leads to loopback": {"Host": "rebind.evil.example:8080"},
    "a name that leads to loopback, and its own page": {"Host": "evil.example", "Origin": "http://evil.example"},
    "a name that begins like an address": {"Host": "127.0.0.1.evil.example"},
    "a name that begins like ours": {"Host": "localhost.evil.example"},
    "an address of another machine": {"Host": "192.0.2.1"},
    "the address of every network": {"Host": "0.0.0.0:8080"},
    "an IPv6 address of another machine": {"Host": "[2001:db8::1]"},
    "the parent of a wildcard": {"Host": "wild.example"},
}


@pytest.mark.parametrize("fields", SERVED.values(), ids=SERVED.keys())
def test_what_is_no_page_of_another_site_is_served(fields: dict[str, str]) -> None:
    assert refusal(CIMultiDict(fields), HOSTNAMES) is None


@pytest.mark.parametrize("fields", REFUSED.values(), ids=REFUSED.keys())
def test_what_a_page_of_another_site_sends_is_refused(fields: dict[str, str]) -> None:
    assert refusal(CIMultiDict(fields), HOSTNAMES) is not None


@pytest.mark.parametrize(
    "fields", [b"Host: evil.example\r\n", b"Host: localhost\r\nOrigin: http://evil.example\r\n"], ids=["Host", "Origin"]
)
async def test_no_model_is_asked_for_a_foreign_page(fields: bytes) -> None:
    async with targets(good()) as (only,):
        async with gateway(table(free_port(), [only.port])) as at:
            reader, writer = await asyncio.open_connection("127.0.0.1", at.port)
            writer.write(b"POST /model HTTP/1.1\r\nContent-Type: text/plain\r\n" + fields)
            writer.write(b"Content-Length: 13\r\n\r\n" + b'{"model":"a"}')

            assert (await reader.readline()).startswith(b"HTTP/1.1 403 ")
            assert (await reader.read()).count(b"foreign_page") == 1
            writer.close()
    assert only.seen == []
