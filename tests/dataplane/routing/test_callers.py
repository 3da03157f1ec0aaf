"""Who may ask: keys on real sockets, and what of them reaches targets, logs and metrics."""

import asyncio
import hashlib
import logging

import aiohttp
import msgspec
import pytest
from prometheus_client import generate_latest

from logged import fields_of
from serving import Gateway, free_port, gateway, good, raw, table, targets
from switchover_dataplane.control.masked import masked
from switchover_dataplane.formats.error_form import form_of
from switchover_dataplane.proxy import Settings
from switchover_dataplane.table.access import Access, ApiKeys, Caller, Closed
from switchover_dataplane.table.ports import Host, Match, PathMatch
from switchover_dataplane.table.rules import Filters, Header, Redirect
from switchover_dataplane.table.table import Table
from switchover_dataplane.table.wire import InvalidTable, decode, encode, sealed

APP_KEY, OTHER_KEY = "app-key-of-the-test-0123456789", "other-key-of-the-test-0123456789"
ASKED = {"model": "asked", "messages": []}
OK = raw(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")


def caller(name: str, key: str, *headers: Header) -> Caller:
    return Caller(name, hashlib.sha256(key.encode()).hexdigest(), headers)


def api_keys(header: str = "api-key", *, removed: tuple[str, ...] = (), headers: tuple[Header, ...] = ()) -> ApiKeys:
    return ApiKeys(header, (caller("ns/app", APP_KEY, *headers), caller("ns/other", OTHER_KEY)), removed)


def guarded(of: Table, access: Access, *, path: str = "/model", redirect: Redirect | None = None) -> Table:
    """The table with an access at its one rule, which is for `path`."""
    rule = msgspec.structs.replace(of.rules["rule"], access="who")
    if redirect is not None:
        rule = msgspec.structs.replace(rule, filters=Filters(redirect=redirect))
    hosts = (Host("", (Match("rule", PathMatch(path)),)),)
    listener = msgspec.structs.replace(of.ports[0].listeners[0], hosts=hosts)
    port = msgspec.structs.replace(of.ports[0], listeners=(listener,))
    return sealed((port,), {"rule": rule}, of.policies, of.upstreams, {**of.secrets, "mail": "a@b.c"}, {"who": access})


async def ask(
    client: aiohttp.ClientSession, at: Gateway, headers: dict[str, str], path: str = "/model"
) -> aiohttp.ClientResponse:
    return await client.post(f"{at.url}{path}", json=ASKED, headers=headers, allow_redirects=False)


# ── Where a key may stand ───────────────────────────────────────────────────────────────────────────────────────────

PLACES = {
    "the field that is configured": ("x-team-key", APP_KEY),
    "a bearer token, as OpenAI's clients": ("Authorization", f"Bearer {APP_KEY}"),
    "a bearer token in lower case": ("authorization", f"bearer  {APP_KEY} "),
    "a credential without a scheme": ("Authorization", APP_KEY),
    "x-api-key, as Anthropic's clients": ("X-Api-Key", APP_KEY),
    "x-goog-api-key, as Gemini's clients": ("x-goog-api-key", APP_KEY),
    "api-key, as Azure OpenAI's clients": ("api-key", APP_KEY),
}


@pytest.mark.parametrize(("field", "value"), PLACES.values(), ids=PLACES)
@pytest.mark.parametrize("ai", [True, False], ids=["a model", "a plain server"])
async def test_a_key_is_taken_wherever_llm_clients_put_it_and_goes_no_further(
    client: aiohttp.ClientSession, field: str, value: str, ai: bool
) -> None:
    async with targets(good() if ai else OK) as (target,):
        of = table(free_port(), [target.port], ai=ai, auth="token" if ai else "")
        async with gateway(guarded(of, api_keys("x-team-key"))) as at:
            assert (await ask(client, at, {field: value, "x-mine": "1"})).status == 200
        (seen,) = target.seen
        assert not [name for name, text in seen.headers.items() if APP_KEY in text]


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({}, 401, "missing_api_key"),
        ({"authorization": "Bearer "}, 401, "invalid_api_key"),
        ({"authorization": f"Bearer {APP_KEY}x"}, 401, "invalid_api_key"),
        ({"authorization": f"Bearer {APP_KEY[:-1]}"}, 401, "invalid_api_key"),
        ({"authorization": f"Bearer {APP_KEY.upper()}"}, 401, "invalid_api_key"),
        ({"x-api-key": hashlib.sha256(APP_KEY.encode()).hexdigest()}, 401, "invalid_api_key"),
        ({"api-key": "schlüssel".encode().decode("latin-1")}, 401, "invalid_api_key"),
        ({"x-other": APP_KEY}, 401, "missing_api_key"),
        ({"cookie": f"api-key={APP_KEY}"}, 401, "missing_api_key"),
    ],
)
async def test_without_a_callers_key_nobody_reaches_the_target(
    client: aiohttp.ClientSession, headers: dict[str, str], status: int, code: str
) -> None:
    async with targets(good()) as (target,):
        async with gateway(guarded(table(free_port(), [target.port]), api_keys())) as at:
            answer = await ask(client, at, headers)
            assert (answer.status, answer.headers["www-authenticate"]) == (status, "Bearer")
            assert (await answer.json())["error"]["code"] == code
        assert target.seen == []


async def test_a_key_in_the_query_is_none(client: aiohttp.ClientSession) -> None:
    async with targets(good()) as (target,):
        async with gateway(guarded(table(free_port(), [target.port]), api_keys())) as at:
            assert (await ask(client, at, {}, f"/model?key={APP_KEY}")).status == 401
        assert target.seen == []


async def test_a_closed_rule_serves_nobody_whatever_the_key(client: aiohttp.ClientSession) -> None:
    reason = "RouteOption ns/ro spec.options.jwt is not served here"
    async with targets(good()) as (target,):
        async with gateway(guarded(table(free_port(), [target.port]), Closed(reason))) as at:
            answer = await ask(client, at, {"authorization": f"Bearer {APP_KEY}"})
            assert answer.status == 403
            text = await answer.text()
            assert msgspec.json.decode(text)["error"]["code"] == "access_control_not_served"
            assert "jwt" not in text
        assert target.seen == []


async def test_a_closed_listener_serves_nobody_at_any_of_its_rules(client: aiohttp.ClientSession) -> None:
    async with targets(good()) as (target,):
        of = guarded(table(free_port(), [target.port]), api_keys())
        listener = msgspec.structs.replace(of.ports[0].listeners[0], closed="client certificates are not served")
        port = msgspec.structs.replace(of.ports[0], listeners=(listener,))
        of = sealed((port,), of.rules, of.policies, of.upstreams, of.secrets, of.access)
        async with gateway(of) as at:
            assert (await ask(client, at, {"authorization": f"Bearer {APP_KEY}"})).status == 403
        assert target.seen == []


async def test_strangers_are_refused_before_a_redirect_shows_its_location(client: aiohttp.ClientSession) -> None:
    of = guarded(table(free_port(), []), api_keys(), redirect=Redirect(hostname="inside.example.com"))
    async with gateway(of) as at:
        answer = await ask(client, at, {})
        assert (answer.status, answer.headers.get("location")) == (401, None)
        assert (await ask(client, at, {"api-key": APP_KEY})).status == 302


async def test_a_stranger_is_refused_before_the_body_is_read() -> None:
    async with gateway(guarded(table(free_port(), []), api_keys()), Settings(memory=0)) as at:
        reader, writer = await asyncio.open_connection("127.0.0.1", at.port)
        writer.write(b"POST /model HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 1000000\r\n\r\n{")
        assert (await reader.readline()).startswith(b"HTTP/1.1 401 ")
        writer.close()


@pytest.mark.parametrize(("key", "status"), [("", b"401"), (f"api-key: {APP_KEY}\r\n", b"426")])
async def test_a_stranger_does_not_learn_which_protocols_are_served(key: str, status: bytes) -> None:
    async with gateway(guarded(table(free_port(), []), api_keys())) as at:
        reader, writer = await asyncio.open_connection("127.0.0.1", at.port)
        head = "GET /model HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: upgrade\r\nupgrade: websocket\r\n"
        writer.write(f"{head}{key}\r\n".encode())
        assert (await reader.readline()).split()[1] == status
        writer.close()


# ── Each API's own error form ───────────────────────────────────────────────────────────────────────────────────────

FORMS = {
    "/v1/chat/completions": {
        "error": {
            "message": "an API key is needed: send it as Authorization: Bearer KEY",
            "type": "invalid_request_error",
            "param": None,
            "code": "missing_api_key",
        }
    },
    "/v1/messages": {
        "type": "error",
        "error": {
            "type": "authentication_error",
            "message": "an API key is needed: send it as Authorization: Bearer KEY",
        },
    },
    "/v1beta/models/gemini-pro:generateContent": {
        "error": {
            "code": 401,
            "message": "an API key is needed: send it as Authorization: Bearer KEY",
            "status": "UNAUTHENTICATED",
        }
    },
}


@pytest.mark.parametrize(("path", "expected"), FORMS.items(), ids=FORMS)
async def test_a_refusal_has_the_form_of_the_api_that_was_asked(
    client: aiohttp.ClientSession, path: str, expected: object
) -> None:
    async with gateway(guarded(table(free_port(), []), api_keys(), path="/")) as at:
        assert await (await ask(client, at, {}, path)).json() == expected


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("/v1/messages/count_tokens", "anthropic"),
        ("/anthropic/v1/messages", "anthropic"),
        ("/v1/messagesx", "openai"),
        ("/v1beta/models/m:streamGenerateContent", "gemini"),
        ("/model", "openai"),
    ],
)
def test_the_api_is_known_by_the_path(path: str, form: str) -> None:
    assert form_of(path) == form


# ── Whose key goes where ────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_passthrough_target_gets_the_callers_own_token_and_never_the_gateways_key(
    client: aiohttp.ClientSession,
) -> None:
    async with targets(good()) as (target,):
        of = guarded(table(free_port(), [target.port], auth="passthrough"), api_keys())
        async with gateway(of) as at:
            for headers in (
                {"authorization": f"Bearer {APP_KEY}"},
                {"authorization": APP_KEY, "x-api-key": APP_KEY},
                {"authorization": f"Token {OTHER_KEY}", "x-api-key": APP_KEY},
                {"authorization": "Bearer sk-of-the-caller", "x-api-key": APP_KEY},
            ):
                assert (await ask(client, at, headers)).status == 200
        assert [seen.headers.get("authorization") for seen in target.seen] == [
            None,
            None,
            None,
            "Bearer sk-of-the-caller",
        ]


async def test_a_header_that_stands_for_the_caller_is_the_gateways_alone_to_set(client: aiohttp.ClientSession) -> None:
    access = api_keys(removed=("x-user-email",), headers=(Header("x-user-email", secret="mail"),))
    async with targets(OK) as (target,):
        async with gateway(guarded(table(free_port(), [target.port], ai=False, auth=""), access)) as at:
            for key in (APP_KEY, OTHER_KEY):
                assert (await ask(client, at, {"api-key": key, "X-User-Email": "boss@b.c"})).status == 200
        assert [seen.headers.get("x-user-email") for seen in target.seen] == ["a@b.c", None]


async def test_the_caller_stands_in_trace_and_metrics_and_no_key_does(
    client: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "switchover.trace")
    async with targets(good()) as (target,):
        of = guarded(table(free_port(), [target.port]), api_keys())
        async with gateway(of, Settings(log_all=True)) as at:
            assert (await ask(client, at, {"api-key": APP_KEY})).status == 200
            assert (await ask(client, at, {"api-key": f"{APP_KEY}x"})).status == 401
            (line,) = caplog.records
            assert fields_of(line)["caller"] == "ns/app"
            counted = at.metrics.registry.get_sample_value
            asked = {"route": "ns/route", "caller": "ns/app", "outcome": "served"}
            assert counted("switchover_caller_requests_total", asked) == 1
            denied = {"route": "ns/route", "reason": "unknown-key"}
            assert counted("switchover_denied_requests_total", denied) == 1
            assert APP_KEY not in generate_latest(at.metrics.registry).decode() + caplog.text
            without = msgspec.structs.replace(api_keys(), callers=(caller("ns/other", OTHER_KEY),))
            await at.state.apply(encode(guarded(of, without)), at.listeners)
            assert counted("switchover_caller_requests_total", asked) is None
            assert (await ask(client, at, {"api-key": APP_KEY})).status == 401


def test_a_table_that_is_shown_has_no_digest_of_a_key() -> None:
    of = guarded(table(80, []), api_keys())
    digests = [each.digest for each in api_keys().callers]
    assert not [digest for digest in digests if digest.encode() in msgspec.json.encode(masked(of))]


def test_a_table_whose_rule_names_an_access_that_is_not_there_is_refused() -> None:
    of = guarded(table(80, []), api_keys())
    lacking = msgspec.structs.replace(of, access={})
    with pytest.raises(InvalidTable, match="rule rule refers to 'who', which the table does not have"):
        decode(encode(lacking))


def test_an_unknown_kind_of_access_is_refused_and_never_served_open() -> None:
    of = msgspec.to_builtins(guarded(table(80, []), api_keys()))
    of["access"]["who"]["kind"] = "of-a-later-version"
    with pytest.raises(InvalidTable):
        decode(msgspec.json.encode(of))
