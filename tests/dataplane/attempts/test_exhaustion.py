"""Requests that no model answers, and bodies that are too large: what the client gets, and that memory returns."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from io import BytesIO

import aiohttp
import msgspec
import pytest

from as_written import as_written
from serving import Answering, Gateway, Got, Seen, free_port, gateway, good, json, limited, raw, table, targets
from switchover_dataplane.edge.request import Request
from switchover_dataplane.edge.server import Connections, Edge, Limits
from switchover_dataplane.formats.own_answers import OwnAnswer
from switchover_dataplane.proxy import Settings
from switchover_dataplane.request import read_body
from switchover_dataplane.request.memory_budget import MemoryBudget
from switchover_dataplane.served_table import Ack
from switchover_dataplane.table.policies import Policy, RetryBudget
from switchover_dataplane.table.upstreams import Auth, Upstream
from switchover_dataplane.table.wire import encode, sealed
from switchover_dataplane.telemetry.refusals import Refusals

ASKED = {"model": "asked", "messages": [{"role": "user", "content": "hi"}]}
MEBIBYTE = 1 << 20
AT_ONCE = as_written(max_retry_after_wait=0.0)


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        yield session


async def ask(client: aiohttp.ClientSession, at: Gateway, size: int = 0) -> Got:
    """Send a prompt of about so many bytes."""
    body = msgspec.json.encode({**ASKED, "user": "x" * size})
    # From a stream, as aiohttp's client warns of large bodies that are bytes.
    async with client.post(f"{at.url}/model", data=BytesIO(body)) as answer:
        return Got(answer.status, answer.headers, await answer.read())


# ── The last provider's answer ──────────────────────────────────────────────────────────────────────────────────────

LAST_ANSWERS = {
    "an error of OpenAI": b'{"error": {"message": "no",  "type":"x","param":null,"code":"server_error"}}\n',
    "an error of Mistral": b'{"object":"error","message":"no","type":"x","code":"1300"}',
    "a page": b"<html>\r\n<title>503</title></html>",
    "nothing": b"",
    "a long text": b'{"error": {"message": "' + b"x" * 300_000 + b'"}}',
    "bytes that are no text": bytes(range(256)),
}


@pytest.mark.parametrize("body", LAST_ANSWERS.values(), ids=LAST_ANSWERS)
async def test_the_last_answer_reaches_the_client_with_status_headers_and_every_byte_of_its_body(
    client: aiohttp.ClientSession, body: bytes
) -> None:
    head = (
        b"HTTP/1.1 503 Whatever\r\nx-ratelimit-remaining-tokens: 0\r\nlink: a\r\nlink: b\r\n"
        b"connection: x-hop\r\nx-hop: 1\r\nkeep-alive: timeout=5\r\nproxy-authenticate: Basic\r\n"
        b"content-type: application/x-own\r\nretry-after: 9\r\ncontent-length: %d\r\n\r\n" % len(body)
    )
    async with targets(limited(), raw(head + body)) as made:
        async with gateway(table(free_port(), [target.port for target in made], Policy(attempts=2))) as at:
            answer = await ask(client, at)
    assert (answer.status, answer.body) == (503, body)
    assert answer.headers.getall("link") == ["a", "b"]
    kept = {"x-ratelimit-remaining-tokens": "0", "content-type": "application/x-own", "retry-after": "9"}
    assert kept.items() <= {name.lower(): value for name, value in answer.headers.items()}.items()
    assert not {"x-hop", "keep-alive", "proxy-authenticate"} & {name.lower() for name in answer.headers}


# ── Our own ─────────────────────────────────────────────────────────────────────────────────────────────────────────

HOPELESS: dict[str, tuple[Answering | None, int, str]] = {
    "refused": (None, 503, "upstream_unreachable"),
    "reset": (raw(b"", then="reset"), 503, "upstream_reset"),
    "closed before a byte": (raw(b"", then="close"), 503, "upstream_reset"),
    "not HTTP": (raw(b"what?\r\n\r\n", then="close"), 502, "upstream_protocol_error"),
    "silent": (raw(b"", then="wait"), 504, "upstream_timeout"),
}


@pytest.mark.parametrize(("script", "status", "code"), HOPELESS.values(), ids=HOPELESS)
async def test_an_error_of_our_own_is_one_that_sdks_parse_and_names_all_that_was_tried(
    client: aiohttp.ClientSession, script: Answering | None, status: int, code: str
) -> None:
    async with contextlib.AsyncExitStack() as stack:
        ports = [free_port(), free_port()]
        if script is not None:
            ports = [target.port for target in await stack.enter_async_context(targets(script, script))]
        policy = Policy(attempts=2, per_try_timeout=0.2)
        async with gateway(table(free_port(), ports, policy)) as at:
            answer = await ask(client, at)
    error = answer.error
    assert (answer.status, error["code"], error["type"], error["param"]) == (status, code, "server_error", None)
    assert answer.headers["content-type"].partition(";")[0] == "application/json"
    assert "model-0" in error["message"]
    assert "model-1" in error["message"]


async def test_an_error_of_our_own_says_when_the_first_target_returns(client: aiohttp.ClientSession) -> None:
    async def limited_once(seen: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        limits = {first.port: "retry-after: 50", second.port: "retry-after: 20"}
        target = next(each for each in made if seen in each.seen)
        then = limited([limits[target.port]]) if len(target.seen) == 1 else raw(b"", then="reset")
        await then(seen, reader, writer)

    async with targets(limited_once, limited_once) as made:
        first, second = made
        ports = [*(target.port for target in made), free_port()]
        async with gateway(table(free_port(), ports)) as at:
            # An answer is told before a connect failure, so that nobody answers at all only the second time.
            assert (await ask(client, at)).status == 429
            answer = await ask(client, at)
    assert (answer.status, answer.headers["retry-after"]) == (503, "20")


async def test_an_answer_of_429_that_names_no_wait_gets_that_of_the_first_target_to_return(
    client: aiohttp.ClientSession,
) -> None:
    async with targets(limited(["retry-after: 20"]), limited()) as made:
        async with gateway(table(free_port(), [target.port for target in made], Policy(attempts=2))) as at:
            answer = await ask(client, at)
    assert answer.status == 429
    assert answer.headers["retry-after"] == "20"


async def test_a_route_whose_upstream_has_no_target_says_so(client: aiohttp.ClientSession) -> None:
    async with gateway(table(free_port(), [])) as at:
        answer = await ask(client, at)
    error = answer.error
    assert (answer.status, error["code"]) == (503, "no_target")


# ── Many at once, and a rate limit that lasts ───────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("clients", [20, 200])
async def test_however_many_clients_there_are_at_once_each_is_rescued_by_a_slow_second_model(
    client: aiohttp.ClientSession, clients: int
) -> None:
    everybody = asyncio.Barrier(clients)

    async def slow(seen: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await everybody.wait()
        await good()(seen, reader, writer)

    async with targets(limited(), slow) as made:
        async with gateway(table(free_port(), [target.port for target in made])) as at:
            found = await asyncio.gather(*(ask(client, at) for _ in range(clients)))
    assert [answer.status for answer in found] == [200] * clients


@pytest.mark.parametrize(
    "failing",
    [limited(), limited(["retry-after: 30"]), json(500, {}), json(401, {})],
    ids=["a limit", "a long limit", "an error", "a refused key"],
)
async def test_however_many_clients_there_are_a_healthy_model_of_the_same_pool_rescues_each(
    client: aiohttp.ClientSession, failing: Answering
) -> None:
    asked = asyncio.Event()

    async def slow(seen: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(second.seen) == 100:
            asked.set()
        await asked.wait()
        await good()(seen, reader, writer)

    async with targets(failing, slow) as (first, second):
        made = table(free_port(), [first.port, second.port])
        [[one], [other]] = made.upstreams["ns/up"].priorities
        one = msgspec.structs.replace(one, auth=Auth())
        upstreams = {"ns/up": Upstream("ns/up", True, ((one, other),))}
        async with gateway(msgspec.structs.replace(made, upstreams=upstreams)) as at:
            found = await asyncio.gather(*(ask(client, at) for _ in range(100)))
    assert [answer.status for answer in found] == [200] * 100


async def test_while_a_rate_limit_lasts_requests_go_straight_to_the_second_model_and_afterwards_one_asks_again(
    client: aiohttp.ClientSession,
) -> None:
    async with targets(limited(["retry-after: 1"]), good()) as (first, second):
        async with gateway(table(free_port(), [first.port, second.port], AT_ONCE)) as at:
            for _ in range(10):
                assert (await ask(client, at)).status == 200
            assert len(first.seen) == 1
            async with asyncio.timeout(40):
                while len(first.seen) == 1:
                    assert (await ask(client, at)).status == 200
            assert len(second.seen) > 10


async def test_a_model_that_recovers_gets_a_part_of_the_requests_and_in_the_end_all_of_them(
    client: aiohttp.ClientSession,
) -> None:
    async def recovering(seen: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await (limited(["retry-after: 1"]) if len(first.seen) == 1 else good())(seen, reader, writer)

    async with targets(recovering, good()) as (first, second):
        async with gateway(table(free_port(), [first.port, second.port], AT_ONCE)) as at:
            served: list[str] = []
            parts: set[float] = set()
            async with asyncio.timeout(50):
                while served[-50:] != ["openai/model-0"] * 50:
                    served.append((await ask(client, at)).headers["x-switchover-served-by"])
                    parts |= {float(str(told["share"])) for told in at.runtime.health.dump(time.monotonic())}
    assert {0.1, 0.25, 0.5} <= parts
    assert served[0] == "openai/model-1"


async def test_when_all_cool_down_each_request_tries_all_of_them_in_order(client: aiohttp.ClientSession) -> None:
    async with targets(*[limited(["retry-after: 30"])] * 3) as made:
        async with gateway(table(free_port(), [target.port for target in made], AT_ONCE)) as at:
            for _ in range(4):
                assert (await ask(client, at)).headers["x-switchover-attempts"] == "3"
    assert [len(target.seen) for target in made] == [4, 4, 4]


async def test_a_new_value_of_a_refused_key_is_used_by_the_very_next_request(client: aiohttp.ClientSession) -> None:
    async def keyed(seen: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        is_right = seen.headers["authorization"] == "Bearer new"
        refusal = {"error": {"message": "Incorrect API key", "code": "invalid_api_key"}}
        await (good() if is_right else json(401, refusal))(seen, reader, writer)

    async with targets(keyed, good()) as (first, second):
        made = table(free_port(), [first.port, second.port])
        other = msgspec.structs.replace(made.upstreams["ns/up"].priorities[1][0], auth=Auth())
        upstream = Upstream("ns/up", True, (made.upstreams["ns/up"].priorities[0], (other,)))
        tables = [
            sealed(made.ports, made.rules, made.policies, {"ns/up": upstream}, {"key": key}) for key in ("old", "new")
        ]
        async with gateway(tables[0]) as at:
            for _ in range(5):
                assert (await ask(client, at)).headers["x-switchover-served-by"] == "openai/model-1"
            assert len(first.seen) == 1
            assert isinstance(await at.state.apply(encode(tables[1]), at.listeners), Ack)
            assert (await ask(client, at)).headers["x-switchover-served-by"] == "openai/model-0"


async def test_a_spent_retry_budget_costs_repeats_and_never_a_move_to_the_next_priority(
    client: aiohttp.ClientSession,
) -> None:
    none = Policy(retry_budget=RetryBudget(percent=0.0, minimum=0))
    async with targets(json(500, {"error": {"message": "x"}}), json(500, {"error": {"message": "x"}})) as made:
        async with gateway(table(free_port(), [target.port for target in made], none)) as at:
            answer = await ask(client, at)
    assert (answer.status, [len(target.seen) for target in made]) == (500, [1, 1])


@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_what_is_stored_nowhere_takes_no_model_away(client: aiohttp.ClientSession, method: str) -> None:
    async with targets(json(404, {"error": {"message": "no such response", "code": None}}), good()) as made:
        every = as_written(operations="All")
        async with gateway(table(free_port(), [target.port for target in made], every)) as at:
            async with client.request(method, f"{at.url}/model/responses/x") as answer:
                assert (answer.status, len(made[1].seen)) == (404, 0)
            assert at.runtime.health.dump(time.monotonic()) == []


async def test_the_body_of_a_limit_that_comes_late_still_says_what_it_is(client: aiohttp.ClientSession) -> None:
    async def late(_seen: Seen, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        body = b'{"error":{"code":"insufficient_quota","message":"x"}}'
        writer.write(b"HTTP/1.1 429 X\r\ncontent-length: %d\r\n\r\n" % len(body))
        await writer.drain()
        await asyncio.sleep(0.08)
        writer.write(body)

    async with targets(late, good()) as made:
        # None of them has a key, else the second one would show that it is good.
        async with gateway(table(free_port(), [target.port for target in made], auth="")) as at:
            assert (await ask(client, at)).status == 200
            [told] = at.runtime.health.dump(time.monotonic())
    assert told["error_class"] == "quota-exhausted"


# ── Bodies ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("mebibytes", [5, 25])
async def test_a_large_body_fails_over_and_its_memory_returns(client: aiohttp.ClientSession, mebibytes: int) -> None:
    async with targets(limited(), good()) as (first, second):
        settings = Settings(memory=51 * MEBIBYTE)
        async with gateway(table(free_port(), [first.port, second.port]), settings) as at:
            for _ in range(3):
                assert (await ask(client, at, mebibytes * MEBIBYTE)).status == 200
    assert {len(seen.body) for seen in second.seen} == {len(first.seen[0].body)}


async def chunks(size: int) -> AsyncIterator[bytes]:
    for _ in range(size // MEBIBYTE):
        yield b"x" * MEBIBYTE


@pytest.mark.parametrize("is_chunked", [False, True], ids=["of a known length", "in chunks"])
async def test_a_body_of_forty_mebibytes_gets_413_in_json_before_anything_is_sent_and_its_memory_returns(
    client: aiohttp.ClientSession, *, is_chunked: bool
) -> None:
    async with targets(good()) as (first,):
        settings = Settings(memory=61 * MEBIBYTE)
        async with gateway(table(free_port(), [first.port]), settings) as at:
            for _ in range(2):
                body = chunks(40 * MEBIBYTE) if is_chunked else BytesIO(b"x" * (40 * MEBIBYTE))
                async with client.post(f"{at.url}/model", data=body) as answer:
                    error = msgspec.json.decode(await answer.read())["error"]
                assert (answer.status, error["code"]) == (413, "request_too_large")
                assert "maxRequestBody" in error["message"]
            assert first.seen == []
            assert (await ask(client, at, 30 * MEBIBYTE)).status == 200


async def test_bodies_that_were_announced_and_do_not_come_take_no_room_from_others(
    client: aiohttp.ClientSession,
) -> None:
    async with targets(good()) as (only,):
        async with gateway(table(free_port(), [only.port]), Settings(memory=5 * MEBIBYTE)) as at:
            async with contextlib.AsyncExitStack() as stack:
                for _ in range(4):
                    _, writer = await asyncio.open_connection("127.0.0.1", at.port)
                    stack.callback(writer.close)
                    head = f"POST /model HTTP/1.1\r\nhost: localhost\r\ncontent-length: {2 * MEBIBYTE}\r\n\r\n{{"
                    writer.write(head.encode())
                    await writer.drain()
                assert (await ask(client, at, 2 * MEBIBYTE)).status == 200


async def test_bodies_that_would_fill_the_process_get_503_with_the_reason_until_others_are_done(
    client: aiohttp.ClientSession,
) -> None:
    leave = asyncio.Event()
    arrived = asyncio.Event()

    async def slow(seen: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        arrived.set()
        await leave.wait()
        await good()(seen, reader, writer)

    async with targets(slow) as (only,):
        async with gateway(table(free_port(), [only.port]), Settings(memory=5 * MEBIBYTE)) as at:
            one = asyncio.create_task(ask(client, at, 2 * MEBIBYTE))
            await arrived.wait()
            refused = await ask(client, at, 2 * MEBIBYTE)
            error = refused.error
            assert (refused.status, error["code"], refused.headers["retry-after"]) == (503, "overloaded", "1")
            assert "for replay" in error["message"]
            assert len(only.seen) == 1
            leave.set()
            assert (await one).status == 200
            assert (await ask(client, at, 2 * MEBIBYTE)).status == 200


async def coming(at: Gateway, size: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A request whose body has come but for its last bytes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", at.port)
    writer.write(f"POST /model HTTP/1.1\r\nhost: localhost\r\ncontent-length: {size + 100}\r\n\r\n".encode())
    writer.write(b" " * size)
    await writer.drain()
    return reader, writer


async def test_bodies_that_do_not_end_leave_room_for_small_ones(client: aiohttp.ClientSession) -> None:
    async with targets(good()) as (only,):
        async with gateway(table(free_port(), [only.port]), Settings(memory=3 * MEBIBYTE)) as at:
            slow = [await coming(at, MEBIBYTE) for _ in range(3)]
            for _ in range(5):
                assert (await ask(client, at, 60 * 1024)).status == 200
            for _, writer in slow:
                writer.close()


async def test_a_slow_body_is_given_up_for_one_that_needs_its_room() -> None:
    ended: list[str] = []
    now = 0.0
    budget = MemoryBudget(2 * MEBIBYTE, lambda: now)

    async def handle(request: Request, _port: int) -> OwnAnswer:
        held = budget.open(request.headers["x-name"])
        try:
            return OwnAnswer(200, body=b"%d" % len(await read_body.read(request, 4 * MEBIBYTE, held, is_json=False)))
        finally:
            held.close()
            ended.append(request.headers["x-name"])

    edge = Edge(handle, Refusals().tell, 7, Limits(), Connections(10))
    server = await asyncio.get_running_loop().create_server(edge, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    head = "POST / HTTP/1.1\r\nhost: a\r\nx-name: {}\r\ncontent-length: {}\r\n\r\n"
    slow_reader, slow = await asyncio.open_connection("127.0.0.1", port)
    slow.write(head.format("slow", 2 * MEBIBYTE).encode() + b" " * MEBIBYTE)
    while budget.held < MEBIBYTE:
        await asyncio.sleep(0.01)
    now = 20.0

    fast_reader, fast = await asyncio.open_connection("127.0.0.1", port)
    fast.write(head.format("fast", 3 * MEBIBYTE // 2).encode() + b" " * (3 * MEBIBYTE // 2))

    assert (await fast_reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
    answer = await slow_reader.read()
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b"\r\nretry-after: 1\r\n" in answer
    assert b'"overloaded"' in answer
    assert ended == ["slow", "fast"]
    for writer in (slow, fast):
        writer.close()
    server.close()
    await edge.drain(1)
    assert (budget.held, budget.by_client, budget.coming) == (0, {}, {})
