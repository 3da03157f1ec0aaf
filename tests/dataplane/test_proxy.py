"""Requests through the whole data plane, to targets that fail in every way that costs the caller nothing."""

import asyncio
import logging
from collections.abc import Mapping
from io import BytesIO

import aiohttp
import msgspec
import pytest

from as_written import retries
from logged import fields_of
from serving import (
    END,
    KEY,
    ROLE,
    STREAM_HEAD,
    Answering,
    Gateway,
    Seen,
    chunks,
    event,
    free_port,
    gateway,
    good,
    json,
    limited,
    raw,
    table,
    targets,
)
from switchover_dataplane.proxy import Settings
from switchover_dataplane.table.policies import Policy
from switchover_dataplane.table.rules import Backend, Filters, Header, HeaderEdit, Rewrite
from switchover_dataplane.table.table import Table
from switchover_dataplane.table.upstreams import Auth, AzureOpenAI

ASKED = {"model": "asked", "messages": [{"role": "user", "content": "hi"}], "temperature": 0.70}
GUIDE = retries(
    attempts=4,
    tokens=("retriable-status-codes",),
    status_codes=(429,),
    update_frequency=1,
)


async def ask(client: aiohttp.ClientSession, at: Gateway, body: object = ASKED) -> tuple[int, bytes]:
    # From a stream, as aiohttp's client warns of large bodies that are bytes.
    async with client.post(f"{at.url}/model", data=BytesIO(msgspec.json.encode(body))) as answer:
        return answer.status, await answer.read()


FAILING: dict[str, Answering] = {
    "a rate limit": limited(),
    "a server error": json(500, {"error": {"message": "x"}}),
    "an overload": json(529, {"type": "error", "error": {"type": "overloaded_error", "message": "x"}}),
    "a bad key": json(401, {"error": {"message": "x", "code": "invalid_api_key"}}),
    "a retired model": json(404, {"error": {"message": "x", "code": "model_not_found"}}),
    "a proxy's error page": raw(b"HTTP/1.1 502 X\r\ncontent-type: text/html\r\ncontent-length: 6\r\n\r\n<html>"),
    "a reset": raw(b"", then="reset"),
    "a close without an answer": raw(b"", then="close"),
    "another protocol": raw(b"220 mail\r\n", then="close"),
    "a success cut short": raw(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{", then="close"),
    "a success reset in the middle": raw(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{", then="reset"),
    "a broken chunk": raw(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nab", then="close"),
    "an empty success": raw(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"),
    "an HTML page as a success": raw(b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 6\r\n\r\n<html>"),
    "malformed JSON": raw(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{]"),
    "an error under a success": json(200, {"error": {"message": "x", "code": 429}}),
    "an answer whose finish_reason is an error": json(
        200, {"choices": [{"message": {"content": "ha"}, "finish_reason": "error"}]}
    ),
    "a stream that ends before content": raw(STREAM_HEAD + chunks(ROLE)),
    "a stream that begins with an error": raw(STREAM_HEAD + chunks(b'data: {"error":{"message":"x"}}\n\n')),
    "a stream reset before content": raw(STREAM_HEAD + chunks(ROLE, end=False), then="reset"),
    "a stream that is only done": raw(STREAM_HEAD + chunks(b"data: [DONE]\n\n")),
}


@pytest.mark.parametrize("failing", FAILING.values(), ids=FAILING.keys())
async def test_a_failure_before_any_content_is_answered_by_the_next_model(
    client: aiohttp.ClientSession, failing: Answering
) -> None:
    async with targets(failing, good()) as (first, second):
        policy = Policy(attempts=2)
        async with gateway(table(free_port(), [first.port, second.port], policy)) as at:
            status, body = await ask(client, at)

    assert status == 200
    assert b"hello" in body
    assert [len(first.seen), len(second.seen)] == [1, 1]


async def test_an_answer_that_speaks_of_an_error_is_none(client: aiohttp.ClientSession) -> None:
    choices = [{"message": {"content": "error"}, "finish_reason": "stop"}]
    async with targets(json(200, {"choices": choices}), good()) as (first, second):
        async with gateway(table(free_port(), [first.port, second.port])) as at:
            status, body = await ask(client, at)
    assert (status, msgspec.json.decode(body), second.seen) == (200, {"choices": choices}, [])


async def test_a_refused_connection_is_answered_by_the_next_model_under_the_guides_policy(
    client: aiohttp.ClientSession,
) -> None:
    async with targets(good()) as (second,):
        async with gateway(table(free_port(), [free_port(), second.port], GUIDE)) as at:
            assert (await ask(client, at))[0] == 200


async def test_each_model_gets_the_request_with_its_name_and_key_and_all_else_unchanged(
    client: aiohttp.ClientSession,
) -> None:
    async with targets(limited(), limited(), limited()) as made:
        async with gateway(table(free_port(), [target.port for target in made], GUIDE)) as at:
            status, body = await ask(client, at)

    assert (status, b"rate_limit_exceeded" in body) == (429, True)
    assert [target.seen[0].model for target in made] == ["model-0", "model-1", "model-2"]
    assert {target.seen[0].line for target in made} == {"POST /v1/chat/completions HTTP/1.1"}
    assert {target.seen[0].headers["authorization"] for target in made} == {f"Bearer {KEY}"}
    assert all(b'"temperature":0.7' in target.seen[0].body.replace(b" ", b"") for target in made)


async def test_the_caller_is_told_how_often_it_was_tried_and_who_answered(client: aiohttp.ClientSession) -> None:
    async with targets(limited(), good()) as made:
        async with gateway(table(free_port(), [target.port for target in made])) as at:
            async with client.post(f"{at.url}/model", json=ASKED, headers={"x-request-id": "mine"}) as answer:
                told = answer.headers

    assert told["x-switchover-attempts"] == "2"
    assert told["x-switchover-served-by"] == "openai/model-1"
    assert told["x-request-id"] == "mine"


async def test_twenty_clients_at_once_are_twenty_rescued_clients(client: aiohttp.ClientSession) -> None:
    arrived = 0
    everybody = asyncio.Event()

    async def slow(seen: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal arrived
        arrived += 1
        if arrived == 20:
            everybody.set()
        await everybody.wait()
        await good()(seen, reader, writer)

    async with targets(limited(), slow) as made:
        async with gateway(table(free_port(), [target.port for target in made])) as at:
            answers = await asyncio.gather(*(ask(client, at) for _ in range(20)))

    assert [status for status, _ in answers] == [200] * 20


@pytest.mark.parametrize("mebibytes", [5, 25])
async def test_a_large_body_is_replayed_whole(client: aiohttp.ClientSession, mebibytes: int) -> None:
    asked = {**ASKED, "messages": [{"role": "user", "content": "x" * (mebibytes << 20)}]}
    async with targets(limited(), good()) as (first, second):
        async with gateway(table(free_port(), [first.port, second.port])) as at:
            status, _ = await ask(client, at, asked)

    assert status == 200
    assert len(first.seen[0].body) == len(second.seen[0].body) > mebibytes << 20


async def test_a_body_above_the_limit_gets_413_before_anything_is_sent(client: aiohttp.ClientSession) -> None:
    async with targets(good()) as (first,):
        async with gateway(table(free_port(), [first.port], Policy(max_request_body=1000))) as at:
            status, body = await ask(client, at, {**ASKED, "user": "x" * 1000})

    assert (status, b"request_too_large" in body, first.seen) == (413, True, [])


@pytest.mark.parametrize(
    ("body", "param"),
    [(b"not json", None), (b"[1]", None), (b"", None), (b'{"model": 7}', "model"), (b'{"model": "a"', None)],
)
async def test_a_body_that_no_model_can_read_gets_400_and_is_not_sent(
    client: aiohttp.ClientSession, body: bytes, param: str | None
) -> None:
    async with targets(good()) as (first,):
        async with gateway(table(free_port(), [first.port])) as at:
            async with client.post(f"{at.url}/model", data=body) as answer:
                error = (await answer.json())["error"]
            again, _ = await ask(client, at)

    assert (answer.status, error["code"], error["param"]) == (400, "invalid_body", param)
    assert again == 200


async def test_a_stream_passes_through_byte_for_byte(client: aiohttp.ClientSession) -> None:
    pieces = [ROLE, b": keep-alive\n\n", event({"content": "a"}), event({"content": "b"}), END]
    async with targets(raw(STREAM_HEAD + chunks(*pieces))) as (first,):
        async with gateway(table(free_port(), [first.port])) as at:
            status, body = await ask(client, at, {**ASKED, "stream": True})

    assert (status, body) == (200, b"".join(pieces))


async def test_a_stream_that_fails_after_content_never_ends_as_a_whole_one(client: aiohttp.ClientSession) -> None:
    cut = raw(STREAM_HEAD + chunks(ROLE, event({"content": "a"}), end=False), then="reset")
    async with targets(cut) as (first,):
        async with gateway(table(free_port(), [first.port])) as at:
            with pytest.raises(aiohttp.ClientPayloadError):
                await ask(client, at, {**ASKED, "stream": True})


async def test_a_client_that_takes_the_connection_s_end_for_the_answer_s_is_reset_when_the_stream_fails() -> None:
    cut = raw(STREAM_HEAD + chunks(ROLE, event({"content": "a"}), end=False), then="reset")
    async with targets(cut) as (first,), gateway(table(free_port(), [first.port])) as at:
        reader, writer = await asyncio.open_connection("127.0.0.1", at.port)
        body = b'{"model": "a", "stream": true}'
        writer.write(b"POST /model HTTP/1.0\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body))
        with pytest.raises(ConnectionResetError):
            await reader.read()
        writer.close()


async def test_a_stream_without_chunks_ends_with_its_connection_though_the_client_would_keep_it() -> None:
    async with targets(raw(STREAM_HEAD + chunks(ROLE, event({"content": "a"}), END))) as (first,):
        async with gateway(table(free_port(), [first.port])) as at:
            reader, writer = await asyncio.open_connection("127.0.0.1", at.port)
            body = b'{"model": "a", "stream": true}'
            head = b"POST /model HTTP/1.0\r\nconnection: keep-alive\r\ncontent-length: %d\r\n\r\n" % len(body)
            writer.write(head + body)
            assert (await reader.read()).endswith(END)
            writer.close()


async def test_a_client_that_leaves_takes_its_upstream_call_along() -> None:
    async with targets(raw(b"", then="wait")) as (first,):
        async with gateway(table(free_port(), [first.port])) as at:
            _, writer = await asyncio.open_connection("127.0.0.1", at.port)
            writer.write(b"POST /model HTTP/1.1\r\nhost: localhost\r\ncontent-length: 2\r\n\r\n{}")
            while not first.seen:
                await asyncio.sleep(0)
            writer.close()
            async with asyncio.timeout(40):
                while at.runtime.in_flight["ns/up/0/0"]:
                    await asyncio.sleep(0.01)


async def test_the_callers_credentials_never_reach_a_provider_that_has_its_own(client: aiohttp.ClientSession) -> None:
    mine = {"authorization": "Bearer mine", "cookie": "mine", "x-api-key": "mine", "api-key": "mine"}
    async with targets(good()) as (first,):
        async with gateway(table(free_port(), [first.port])) as at:
            async with client.post(f"{at.url}/model", json=ASKED, headers=mine):
                pass

    assert "mine" not in str(first.seen[0].headers)


async def test_a_key_in_the_callers_query_never_reaches_a_provider_that_has_its_own(
    client: aiohttp.ClientSession,
) -> None:
    async with targets(good()) as (first,):
        async with gateway(table(free_port(), [first.port])) as at:
            async with client.post(f"{at.url}/model?key=mine&beta=true", json=ASKED):
                pass

    assert first.seen[0].line == "POST /v1/chat/completions?beta=true HTTP/1.1"


@pytest.mark.parametrize(
    ("name", "rewrite", "line"),
    [
        ("x-api-key", None, "/v1/chat/completions?beta=true"),
        ("x-tenant", None, "/v1/chat/completions?key=mine&beta=true"),
        ("x-api-key", Rewrite(full_path="/v1/responses?key=own"), "/v1/responses?key=own"),
    ],
    ids=["a credential of the route's", "another field", "the route's own query"],
)
async def test_a_key_in_the_callers_query_does_not_go_beside_one_that_the_route_writes(
    client: aiohttp.ClientSession, name: str, rewrite: Rewrite | None, line: str
) -> None:
    edit = HeaderEdit(set=(Header(name, "own"),))
    filters = Filters(request_headers=(edit,), rewrite=rewrite)
    async with targets(good()) as (first,):
        async with gateway(table(free_port(), [first.port], filters=filters, auth="")) as at:
            async with client.post(f"{at.url}/model?key=mine&beta=true", json=ASKED):
                pass

    assert first.seen[0].line == f"POST {line} HTTP/1.1"


@pytest.mark.parametrize(
    ("given", "passed"),
    [
        ("Bearer mine", "Bearer mine"),
        ("bearer mine", "Bearer mine"),
        ("BEARER  mine", "Bearer mine"),
        ("mine", "Bearer mine"),
        ("Basic bWluZQ==", "Basic bWluZQ=="),
    ],
)
async def test_passthrough_hands_the_callers_own_credential_on(
    client: aiohttp.ClientSession, given: str, passed: str
) -> None:
    async with targets(good()) as (first,):
        async with gateway(table(free_port(), [first.port], auth="passthrough")) as at:
            async with client.post(f"{at.url}/model", json=ASKED, headers={"authorization": given}):
                pass

    assert first.seen[0].headers["authorization"] == passed


@pytest.mark.parametrize(("given", "passed"), [("bearer mine", "mine"), ("mine", "mine"), ("Basic bWluZQ==", None)])
async def test_passthrough_to_azure_hands_a_token_on_and_no_other_scheme(
    client: aiohttp.ClientSession, given: str, passed: str | None
) -> None:
    async with targets(good()) as (first,):
        azure = {"provider": AzureOpenAI("d", "v"), "auth": Auth("passthrough")}
        async with gateway(with_targets(table(free_port(), [first.port]), azure)) as at:
            async with client.post(f"{at.url}/model", json=ASKED, headers={"authorization": given}):
                pass

    assert first.seen[0].headers.get("api-key") == passed
    assert "authorization" not in first.seen[0].headers


@pytest.mark.parametrize("own", [0, 1])
async def test_the_callers_token_goes_to_the_target_that_it_is_passed_through_to_and_to_no_other(
    client: aiohttp.ClientSession, own: int
) -> None:
    async with targets(limited(), good()) as made:
        changes: list[Mapping[str, object]] = [{}, {}]
        changes[own] = {"auth": Auth("passthrough")}
        async with gateway(with_targets(table(free_port(), [target.port for target in made]), *changes)) as at:
            async with client.post(f"{at.url}/model", json=ASKED, headers={"authorization": "Bearer mine"}):
                pass

    sent = [target.seen[0].headers["authorization"] for target in made]
    assert sent == [("Bearer mine" if number == own else f"Bearer {KEY}") for number in range(2)]


def with_targets(of: Table, *changes: Mapping[str, object]) -> Table:
    """Change the only target of each priority."""
    [upstream] = of.upstreams.values()
    pools = tuple(
        (msgspec.structs.replace(target, **change),)
        for (target,), change in zip(upstream.priorities, changes, strict=True)
    )
    return msgspec.structs.replace(of, upstreams={"ns/up": msgspec.structs.replace(upstream, priorities=pools)})


async def test_a_plain_backend_gets_bodies_of_any_kind(client: aiohttp.ClientSession) -> None:
    async with targets(raw(b"HTTP/1.1 201 Made\r\ncontent-length: 2\r\n\r\nok")) as (first,):
        policy = Policy(attempts=1)
        async with gateway(table(free_port(), [first.port], policy, ai=False, auth="")) as at:
            async with client.post(f"{at.url}/model/a?b=c", data=b"\x00\xff") as answer:
                assert (answer.status, await answer.read()) == (201, b"ok")

    assert (first.seen[0].line, first.seen[0].body) == ("POST /model/a?b=c HTTP/1.1", b"\x00\xff")


@pytest.mark.parametrize("ai", [True, False], ids=["models", "a plain backend"])
async def test_an_answer_of_ours_tells_no_host_and_no_object_of_the_cluster(
    client: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture, *, ai: bool
) -> None:
    caplog.set_level(logging.INFO)
    of = table(free_port(), [free_port()], ai=ai, auth="token" if ai else "")
    [upstream] = of.upstreams.values()
    [[target]] = upstream.priorities
    pools = ((msgspec.structs.replace(target, host="internal-db.invalid"),), (target,))
    of = msgspec.structs.replace(of, upstreams={"ns/up": msgspec.structs.replace(upstream, priorities=pools)})
    async with gateway(of) as at:
        async with client.post(f"{at.url}/model", json=ASKED, headers={"x-request-id": "id-1"}) as answer:
            shown = f"{answer.status} {answer.headers} {await answer.text()}"
    assert "503" in shown
    assert "id-1" in shown
    assert [word for word in ("internal-db", "127.0.0.1", str(target.port), "ns/") if word in shown] == []
    assert str(target.port) in str([record.__dict__.get("fields") for record in caplog.records])


async def test_why_a_backend_cannot_be_used_is_logged_and_not_told_to_callers(
    client: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    of = table(free_port(), [1])
    problem = "Secret finance/board-minutes is in another namespace"
    rule = msgspec.structs.replace(of.rules["rule"], backends=(Backend(problem=problem),))
    async with gateway(msgspec.structs.replace(of, rules={"rule": rule})) as at:
        for _ in range(3):
            async with client.post(f"{at.url}/model", json=ASKED, headers={"x-request-id": "id-1"}) as answer:
                shown = f"{answer.headers} {await answer.text()}"
                assert (answer.status, (await answer.json())["error"]["code"]) == (500, "backend_not_found")
                assert answer.headers["x-request-id"] == "id-1"
                assert "request ID: id-1" in shown
                assert "finance" not in shown
    lines = [record for record in caplog.records if record.name == "switchover.requests"]
    assert [line.getMessage() for line in lines] == [f"refused: 500 backend_not_found: {problem}"] * 3
    assert fields_of(lines[0])["route"] == "ns/route"
    assert fields_of(lines[0])["request_id"] == "id-1"


async def test_a_path_without_a_route_gets_404_and_names_no_other(client: aiohttp.ClientSession) -> None:
    async with targets(good()) as (first,):
        async with gateway(table(free_port(), [first.port])) as at:
            async with client.post(f"{at.url}/other", json=ASKED) as answer:
                assert (answer.status, (await answer.json())["error"]["code"]) == (404, "no_route")


async def test_an_answer_of_ours_to_head_claims_no_content_type_for_the_content_that_it_does_not_have(
    client: aiohttp.ClientSession,
) -> None:
    async with gateway(table(free_port(), [1])) as running:
        async with client.head(f"{running.url}/none") as answer:
            assert (answer.status, answer.content_type) == (404, "application/octet-stream")
            assert await answer.read() == b""


async def test_a_request_that_failed_over_is_one_line_that_holds_no_secret(
    client: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with targets(limited(), good()) as made:
        async with gateway(table(free_port(), [target.port for target in made])) as at:
            await ask(client, at)

    lines = [record for record in caplog.records if record.name == "switchover.trace"]
    assert [record.getMessage() for record in lines] == [
        "failed over: openai/model-0 429 rate-limited > openai/model-1 200"
    ]
    attempts = fields_of(lines[0])["attempts"]
    assert [step["decision"] for step in attempts] == ["next priority", "answer: success"]
    assert KEY not in caplog.text
    assert KEY not in str(lines[0].__dict__)


async def test_a_request_that_went_well_is_a_line_only_where_all_are_asked_for(
    client: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with targets(good()) as (first,):
        async with gateway(table(free_port(), [first.port])) as at:
            await ask(client, at)
        assert [record for record in caplog.records if record.name == "switchover.trace"] == []
        async with gateway(table(free_port(), [first.port]), Settings(log_all=True)) as at:
            await ask(client, at)

    lines = [record for record in caplog.records if record.name == "switchover.trace"]
    assert [record.getMessage() for record in lines] == ["served: openai/model-0 200"]


async def test_the_last_answer_is_handed_on_unchanged(client: aiohttp.ClientSession) -> None:
    async with targets(limited(), limited(["x-own: y", "retry-after: 7"])) as made:
        async with gateway(table(free_port(), [target.port for target in made], GUIDE)) as at:
            async with client.post(f"{at.url}/model", json=ASKED) as answer:
                assert (answer.status, answer.headers["x-own"], answer.headers["retry-after"]) == (429, "y", "7")


async def test_when_no_target_can_be_reached_the_answer_names_what_was_tried(client: aiohttp.ClientSession) -> None:
    async with gateway(table(free_port(), [free_port(), free_port()])) as at:
        async with client.post(f"{at.url}/model", json=ASKED) as answer:
            error = (await answer.json())["error"]

    assert answer.status == 503
    assert "tried: openai/model-0 connect-failed > openai/model-1 connect-failed; request ID: " in error["message"]


async def test_an_explicit_retry_on_hands_a_failure_on_that_it_does_not_name(client: aiohttp.ClientSession) -> None:
    async with targets(json(500, {"error": {"message": "mine"}}), good()) as (first, second):
        async with gateway(table(free_port(), [first.port, second.port], GUIDE)) as at:
            status, body = await ask(client, at)

    assert (status, b"mine" in body, second.seen) == (500, True, [])


async def test_counts_tell_rescued_requests_and_what_attempts_became(client: aiohttp.ClientSession) -> None:
    async with targets(limited(), good()) as made:
        async with gateway(table(free_port(), [target.port for target in made])) as at:
            await ask(client, at)
            value = at.metrics.registry.get_sample_value

            assert value("switchover_rescued_requests_total", {"route": "ns/route"}) == 1
            labels = {"target": "ns/up/0/0", "model": "model-0", "result": "rate-limited"}
            assert value("switchover_attempts_total", labels) == 1


@pytest.mark.parametrize(("values", "status"), [(1_900_000, 200), (2_500_000, 400)])
async def test_a_body_of_more_values_than_models_are_asked_with_is_refused(
    client: aiohttp.ClientSession, values: int, status: int
) -> None:
    body = b'{"model":"x","messages":[],"input":[' + b"1," * values + b"1]}"
    async with targets(good()) as [one]:
        async with gateway(table(free_port(), [one.port])) as at:
            async with client.post(f"{at.url}/model", data=BytesIO(body)) as answer:
                assert answer.status == status

    assert len(one.seen) == (status == 200)
