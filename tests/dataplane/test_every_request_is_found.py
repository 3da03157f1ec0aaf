"""Every answer has an identifier, and every request that was no plain success has a line in the log under it."""

import asyncio
import logging
import re
from collections.abc import Sequence

import aiohttp
import msgspec
import pytest

from logged import fields_of
from serving import free_port, gateway, json, limited, raw, table, targets
from switchover_dataplane.edge.clients import Limits
from switchover_dataplane.edge.request import Request
from switchover_dataplane.edge.server import Connections, Edge
from switchover_dataplane.formats.own_answers import OwnAnswer
from switchover_dataplane.proxy import Settings
from switchover_dataplane.request import read_body
from switchover_dataplane.request.memory_budget import MemoryBudget
from switchover_dataplane.table.access import Closed
from switchover_dataplane.table.policies import Policy
from switchover_dataplane.table.rules import Filters, Redirect
from switchover_dataplane.telemetry import refusals

ASKED = b'{"model":"asked","messages":[{"role":"user","content":"hi"}]}'
HEAD = b"POST /model HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
WHOLE = HEAD + b"Content-Length: %d\r\n\r\n" % len(ASKED) + ASKED
ID = re.compile(rb"\r\nx-request-id: ([0-9a-f]{32})\r\n", re.IGNORECASE)


async def sent(port: int, data: bytes) -> bytes:
    """Send bytes and return what comes until the connection ends."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(data)
    try:
        return await reader.read()
    finally:
        writer.close()


def lines(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    names = ("switchover.trace", "switchover.requests")
    return [record for record in caplog.records if record.name in names]


OWN: dict[str, tuple[bytes, int, str, str]] = {
    "not HTTP": (b"what?\r\n\r\n", 400, "bad_request", ""),
    "two lengths": (HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n", 400, "bad_request", ""),
    "a long request line": (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", 414, "uri_too_long", ""),
    "a large field": (HEAD + b"X: " + b"a" * 17000 + b"\r\n\r\n", 431, "head_too_large", ""),
    "TRACE": (b"TRACE /model HTTP/1.1\r\nHost: localhost\r\n\r\n", 405, "method_not_allowed", ""),
    "a page of another site": (HEAD + b"Origin: http://evil.example\r\n\r\n", 403, "foreign_page", ""),
    "a path that is none": (b"GET /%zz HTTP/1.1\r\nHost: localhost\r\n\r\n", 400, "bad_path", ""),
    "no route": (b"GET /other HTTP/1.1\r\nHost: localhost\r\n\r\n", 404, "no_route", ""),
    "a WebSocket": (HEAD + b"Upgrade: websocket\r\nConnection: upgrade\r\n\r\n", 426, "upgrade_required", "ns/route"),
    "a coding": (
        HEAD + b"Content-Encoding: odd\r\nContent-Length: 2\r\n\r\n{}",
        415,
        "unsupported_content_encoding",
        "ns/route",
    ),
    "no JSON": (HEAD + b"Content-Length: 5\r\n\r\nsk-in", 400, "invalid_body", "ns/route"),
    "a field twice": (
        HEAD + b'Content-Length: 23\r\n\r\n{"sk-1":1,"x":2,"x":3} ',
        400,
        "invalid_body",
        "ns/route",
    ),
    "too large": (HEAD + b"Content-Length: 9999\r\n\r\n", 413, "request_too_large", "ns/route"),
    "chunks that are none": (HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400, "bad_request", ""),
    "chunks that become none": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\na", 400, "bad_request", "ns/route"),
}


@pytest.mark.parametrize("own", [True, False], ids=["the client's id", "an id of ours"])
@pytest.mark.parametrize("name", OWN)
async def test_an_answer_of_ours_has_an_identifier_and_its_line_has_the_same(
    name: str, own: bool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    data, status, code, route = OWN[name]
    is_read = status not in (414, 431) and not name.startswith(("not HTTP", "two lengths"))
    if own and is_read:
        data = data.replace(b"Host: localhost\r\n", b"Host: localhost\r\nX-Request-ID: mine-1\r\n")
    async with gateway(table(free_port(), [1], Policy(max_request_body=1000))) as at:
        if name == "chunks that become none":
            reader, writer = await asyncio.open_connection("127.0.0.1", at.port)
            writer.write(data)
            while not at.metrics.in_flight:
                await asyncio.sleep(0)
            writer.write(b"!!!!\r\n")
            got = await reader.read()
            writer.close()
        else:
            got = await sent(at.port, data.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1))

    assert got.startswith(b"HTTP/1.1 %d " % status), got
    assert code.encode() in got
    (line,) = lines(caplog)
    fields = fields_of(line)
    if own and is_read:
        assert b"\r\nx-request-id: mine-1\r\n" in got.lower()
        assert fields["request_id"] == "mine-1"
    else:
        found = ID.search(got)
        assert found is not None
        assert fields["request_id"] == found[1].decode()
    assert (fields["status"], fields["code"], fields.get("route", "")) == (status, code, route)
    assert line.getMessage().startswith(f"refused: {status} {code}: ")
    assert line.levelno == logging.INFO
    assert "sk-" not in str(fields)


async def _late(data: bytes, limits: Limits, told: list[Sequence[object]]) -> bytes:
    async def handle(request: Request, _port: int) -> OwnAnswer | None:
        await read_body.read(request, 100, MemoryBudget(100, lambda: 0.0).open(""), is_json=False)
        return OwnAnswer(200)

    edge = Edge(handle, lambda *fields: told.append(fields), 7, limits, Connections(limits.connections))
    server = await asyncio.get_running_loop().create_server(edge, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    writer.write(data)
    got = await reader.read()
    writer.close()
    server.close()
    await edge.drain(1)
    return got


LATE = {
    "a head that is late": (b"GET ", Limits(head_timeout=0.05), 408, "head_timeout"),
    "no room": (b"", Limits(connections=0), 503, "too_many_connections"),
    "a body that is late": (HEAD + b"Content-Length: 9\r\n\r\n", Limits(body_timeout=0.05), 408, "body_timeout"),
}


@pytest.mark.parametrize("name", LATE)
async def test_whom_the_edge_turns_away_gets_an_identifier_that_is_told(name: str) -> None:
    data, limits, status, code = LATE[name]
    told: list[Sequence[object]] = []
    got = await _late(data, limits, told)

    found = ID.search(got)
    assert found is not None
    assert [fields[:3] for fields in told] == [(found[1].decode(), status, code)]


async def test_a_redirect_has_an_identifier_and_a_line_only_where_all_are_asked_for(
    client: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    of = table(free_port(), [1], filters=Filters(redirect=Redirect(status=302, hostname="example.com")))
    for settings, count in ((Settings(), 0), (Settings(log_all=True), 1)):
        async with gateway(of, settings) as at:
            async with client.get(f"{at.url}/model", allow_redirects=False) as answer:
                assert (answer.status, len(answer.headers["x-request-id"])) == (302, 32)
        assert [line.getMessage() for line in lines(caplog)] == ["answered: 302 redirect"] * count


async def test_nobody_who_is_let_in_nowhere_goes_unseen(
    client: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    of = table(free_port(), [1])
    rule = msgspec.structs.replace(of.rules["rule"], access="closed")
    of = msgspec.structs.replace(of, rules={"rule": rule}, access={"closed": Closed("extAuth of finance/secret-plan")})
    async with gateway(of) as at:
        async with client.post(f"{at.url}/model", data=ASKED) as answer:
            shown = f"{answer.headers}{await answer.text()}"
            assert answer.status == 403

    (line,) = lines(caplog)
    assert (fields_of(line)["route"], fields_of(line)["code"]) == ("ns/route", "access_control_not_served")
    assert fields_of(line)["request_id"] in shown
    assert "secret-plan" not in shown


async def test_a_refusal_of_a_model_is_a_line_and_no_warning(
    client: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    refusal = json(400, {"error": {"message": "no", "type": "invalid_request_error", "param": "x", "code": None}})
    async with targets(refusal) as (one,):
        async with gateway(table(free_port(), [one.port])) as at:
            async with client.post(f"{at.url}/model", data=ASKED) as answer:
                assert answer.status == 400

    (line,) = lines(caplog)
    assert (line.levelname, line.getMessage()) == ("INFO", "refused: openai/model-0 400 caller-fault")
    assert fields_of(line)["request_id"] == answer.headers["x-request-id"]


async def test_a_request_that_no_model_answers_is_a_warning(
    client: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with targets(limited()) as (one,):
        async with gateway(table(free_port(), [one.port, free_port()])) as at:
            async with client.post(f"{at.url}/model", data=ASKED) as answer:
                shown = f"{answer.headers}{await answer.text()}"

    (line,) = lines(caplog)
    assert line.levelname == "WARNING"
    assert line.getMessage() == "exhausted: openai/model-0 429 rate-limited > openai/model-1 connect-failed"
    assert answer.headers["x-switchover-served-by"] == "openai/model-0"
    assert "127.0.0.1" not in shown


async def test_a_client_that_leaves_is_a_line(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with targets(raw(b"", then="wait")) as (one,):
        async with gateway(table(free_port(), [one.port])) as at:
            _, writer = await asyncio.open_connection("127.0.0.1", at.port)
            writer.write(WHOLE)
            while not one.seen:
                await asyncio.sleep(0)
            writer.close()
            while at.metrics.in_flight:
                await asyncio.sleep(0)

    (line,) = lines(caplog)
    assert (line.getMessage(), fields_of(line)["status"]) == ("client gone: openai/model-0", 499)


async def test_who_scans_for_routes_does_not_decide_how_much_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    scan = b"GET /other HTTP/1.1\r\nHost: localhost\r\n\r\n"
    many = refusals.MOST_OF_ONE_KIND + 1234
    async with targets(json(400, {"error": {"message": "no", "type": "invalid_request_error", "code": None}})) as made:
        async with gateway(table(free_port(), [made[0].port])) as at:
            last = scan.replace(b"Host", b"Connection: close\r\nHost")
            assert (await sent(at.port, scan * (many - 1) + last)).count(b"no_route") == many
            await sent(at.port, WHOLE.replace(b"Host", b"Connection: close\r\nHost"))

    messages = [line.getMessage() for line in lines(caplog)]
    assert sum("no_route:" in message for message in messages) == refusals.MOST_OF_ONE_KIND
    assert "refused: openai/model-0 400 caller-fault" in messages
    assert re.fullmatch(r"and 1,234 more in [0-9.]+ s: 404 no_route", messages[-1])
    assert fields_of(lines(caplog)[-1])["left_out"] == 1234


async def test_what_is_left_out_of_many_kinds_is_counted_in_a_bounded_number_of_lines(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    written = refusals.Refusals()
    for number in range(5 * refusals.MOST_OF_ALL):
        written.tell("id", 404, "no_route", "", f"ns/{number}")
    written.close()

    left_out = [fields_of(line)["left_out"] for line in lines(caplog) if "left_out" in fields_of(line)]
    assert len(lines(caplog)) - len(left_out) == refusals.MOST_OF_ALL
    assert len(left_out) <= 101
    assert sum(left_out) == 4 * refusals.MOST_OF_ALL


@pytest.mark.parametrize("ai", [True, False], ids=["models", "a plain backend"])
@pytest.mark.parametrize(
    "name", ["refused", "reset", "not HTTP", "a name that leads nowhere", "an address that is not allowed"]
)
async def test_no_answer_of_ours_names_a_host(client: aiohttp.ClientSession, name: str, ai: bool) -> None:
    scripts = {"reset": raw(b"", then="reset"), "not HTTP": raw(b"SSH-2.0 10.1.2.3\r\n\r\n", then="close")}
    hosts = {"a name of no host": "no host", "an address not allowed": "169.254.169.254"}
    async with targets(scripts.get(name, raw(b""))) as (one,):
        of = table(free_port(), [one.port if name in scripts else free_port()], ai=ai, auth="")
        upstream = of.upstreams["ns/up"]
        [[target]] = upstream.priorities
        target = msgspec.structs.replace(target, host=hosts.get(name, "127.0.0.1"))
        changed = msgspec.structs.replace(upstream, priorities=((target,),))
        async with gateway(msgspec.structs.replace(of, upstreams={"ns/up": changed})) as at:
            async with client.post(f"{at.url}/model", data=ASKED) as answer:
                shown = f"{answer.headers}{await answer.text()}"

    assert answer.status in (502, 503)
    assert f"request ID: {answer.headers['x-request-id']}" in shown
    for hidden in (target.host, str(target.port), "ns/", "10.1.2.3"):
        assert hidden not in shown.replace(answer.headers["x-request-id"], "")
