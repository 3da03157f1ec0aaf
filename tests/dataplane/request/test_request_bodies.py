"""Request bodies of every kind on a route to models: forms, files, nothing, codings, and whose model they name."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import aiohttp
import brotli
import msgspec
import pytest
from msgspec.structs import replace

from coded import CODE, zstd
from serving import CHAT, Answering, Gateway, Seen, Target, free_port, gateway, good, json, raw, table, targets
from switchover_dataplane.proxy import Settings
from switchover_dataplane.table.policies import Policy
from switchover_dataplane.table.rules import BodyDefault, BodyEdit, Filters, Rewrite
from switchover_dataplane.table.upstreams import AzureOpenAI, Mistral, OpenAI

ASKED = {"model": "asked", "messages": [{"role": "user", "content": "hi"}]}
BODY = msgspec.json.encode(ASKED)
FORM = (
    b'--B\r\nContent-Disposition: form-data; name="model"\r\n\r\nwhisper-1\r\n'
    b'--B\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\nRIFF\0\xff,[{\r\n--B--\r\n'
)
FORM_TYPE = "multipart/form-data; boundary=B"
ALL = Policy(operations="All")
HEARD = {"text": "hello"}
VECTORS = {"object": "list", "data": [{"object": "embedding", "index": 0, "embedding": [0.5]}], "model": "m"}


@dataclass
class Got:
    status: int
    body: bytes
    headers: Any

    @property
    def error(self) -> dict[str, Any]:
        error: dict[str, Any] = msgspec.json.decode(self.body)["error"]
        return error


@asynccontextmanager
async def serving(
    *scripts: Answering,
    to: str = "",
    policy: Policy | None = None,
    providers: Sequence[OpenAI | AzureOpenAI | Mistral] = (),
    settings: Settings | None = None,
    edit: BodyEdit | None = None,
    **more: Any,
) -> AsyncIterator[tuple[Gateway, list[Target]]]:
    """A route at /model whose path becomes `to`, to a target a script, each with a provider of its own if told."""
    rewrite = Rewrite(full_path=to) if to else None
    filters = Filters(rewrite=rewrite, body=edit)
    async with targets(*scripts) as made:
        of = table(free_port(), [target.port for target in made], policy, filters=filters, **more)
        if providers:
            upstream = of.upstreams["ns/up"]
            pools = zip(upstream.priorities, providers, strict=True)
            named = tuple(tuple(replace(one, provider=provider) for one in pool) for pool, provider in pools)
            of = replace(of, upstreams={"ns/up": replace(upstream, priorities=named)})
        async with gateway(of, settings) as at:
            yield at, made


async def ask(
    at: Gateway, body: bytes | None = BODY, kind: str = "application/json", path: str = "", **headers: str
) -> Got:
    fields = {"content-type": kind, **{name.replace("_", "-"): value for name, value in headers.items()}}
    async with aiohttp.ClientSession(skip_auto_headers=["content-type"], auto_decompress=False) as session:
        data = None if body is None else BytesIO(body)
        given = {name: value for name, value in fields.items() if value}
        async with session.post(f"{at.url}/model{path}", data=data, headers=given) as answer:
            return Got(answer.status, await answer.read(), answer.headers)


# ── What is no JSON object ──────────────────────────────────────────────────────────────────────────────────────────


ANYTHING: dict[str, tuple[str, str, bytes]] = {
    "a form with a sound": ("/v1/audio/transcriptions", FORM_TYPE, FORM),
    "a form with a picture": ("/v1/images/edits", FORM_TYPE, FORM),
    "a sound": ("/v1/audio/transcriptions", "audio/wav", bytes(range(256)) * 999),
    "nothing": ("/v1/moderations", "", b""),
    "text": ("/v1/moderations", "text/plain", b"is this good?"),
    "a list": ("/v1/rerank", "application/json", b'[{"a":1}]'),
    "JSON that is none": ("/v1/rerank", "application/json; charset=utf-8", b"oops"),
    "lines of JSON": ("/v1/files", "application/jsonl", b'{"a":1}\n{"a":2}\n'),
    "what begins as an object and says that it is none": ("/v1/files", "application/octet-stream", b'{"a":1}{'),
    "more commas than any JSON for models has": ("/v1/files", "text/csv", b"," * 3_000_000),
}


@pytest.mark.parametrize(("path", "kind", "body"), ANYTHING.values(), ids=ANYTHING)
async def test_what_is_no_json_object_reaches_the_models_in_turn_as_it_is(path: str, kind: str, body: bytes) -> None:
    async with serving(json(502, {}), json(200, HEARD), to=path, policy=replace(ALL, attempts=2)) as (at, made):
        got = await ask(at, body, kind)
    assert (got.status, msgspec.json.decode(got.body)) == (200, HEARD)
    for target in made:
        assert [(seen.line.split()[1], seen.body) for seen in target.seen] == [(path, body)]
        assert target.seen[0].headers.get("content-type", "") == kind
        assert target.seen[0].headers["content-length"] == str(len(body))
        assert target.seen[0].headers["authorization"].startswith("Bearer sk-")


COUNT_TOKENS = "/v1/messages/count_tokens"
WITH_A_MODEL = (
    *("/v1/chat/completions", "/v1/completions", "/v1/fim/completions", "/v1/messages", "/v1/responses"),
    *("/v1/embeddings", "/own/path/that/means/chat"),
    *(COUNT_TOKENS, "/v1/responses/compact", "/v1/responses/input_tokens"),
)


@pytest.mark.parametrize("path", WITH_A_MODEL)
@pytest.mark.parametrize(
    ("kind", "body"),
    [(FORM_TYPE, FORM), ("", b""), ("application/json", b"[1]"), ("text/plain", b"hello"), ("audio/wav", b"\0\xff")],
    ids=["a form", "nothing", "a list", "text", "a sound"],
)
async def test_what_is_asked_by_a_model_s_name_needs_a_json_object(path: str, kind: str, body: bytes) -> None:
    async with serving(good(), to=path) as (at, (only,)):
        got = await ask(at, body, kind)
    assert (got.status, only.seen) == (400, [])
    # The error has the form of the API: that of Messages has no code.
    assert got.error.get("code", "invalid_body") == "invalid_body"
    assert "must be a JSON object" in got.error["message"]


async def test_json_that_says_that_it_is_none_is_read_all_the_same_where_an_object_is_needed() -> None:
    async with serving(good()) as (at, (only,)):
        assert (await ask(at, BODY, "application/x-www-form-urlencoded")).status == 200
    assert only.seen[0].model == "model-0"


async def test_an_object_that_two_parsers_could_read_differently_is_refused_on_every_path() -> None:
    async with serving(json(200, HEARD), to="/v1/rerank") as (at, (only,)):
        got = await ask(at, b'{"model":"a","model":"b"}')
    assert (got.status, got.error["param"], only.seen) == (400, "model", [])


async def test_a_form_is_held_to_the_limit_of_its_route() -> None:
    policy = Policy(max_request_body=1_000)
    async with serving(json(200, HEARD), to="/v1/audio/transcriptions", policy=policy) as (at, (only,)):
        got = await ask(at, FORM + b"x" * 1_000, FORM_TYPE)
    assert (got.status, got.error["code"], only.seen) == (413, "request_too_large", [])


async def test_a_form_is_passed_on_as_it_is_where_a_route_changes_bodies_and_json_is_changed() -> None:
    edit = BodyEdit(defaults=(BodyDefault("user", '"all"', override=True),))
    async with serving(json(200, HEARD), to="/v1/images/edits", edit=edit) as (at, (only,)):
        await ask(at, FORM, FORM_TYPE)
        await ask(at, b'{"user":"me"}')
        refused = await ask(at, b'{"user":"me","user":"me"}')
    assert [seen.body for seen in only.seen] == [FORM, b'{"user":"all"}']
    assert refused.status == 400


async def test_a_request_that_is_refused_by_its_head_is_answered_before_its_body_comes() -> None:
    async with serving(good(), to="/v1/files") as (at, (only,)):
        reader, writer = await asyncio.open_connection("127.0.0.1", at.port)
        writer.write(b"POST /model HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9\r\n\r\n")
        answer = await reader.readuntil(b"}}")
        writer.close()
    assert answer.startswith(b"HTTP/1.1 403")
    assert b"operation_not_allowed" in answer
    assert only.seen == []


# ── Codings ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", [*CODE, "x-gzip", "GZIP", "identity"])
async def test_a_request_in_a_coding_reaches_the_model_without_it(name: str) -> None:
    compress = CODE.get(name, bytes if name == "identity" else gzip.compress)
    async with serving(good()) as (at, (only,)):
        assert (await ask(at, compress(BODY), content_encoding=name)).status == 200
    assert "content-encoding" not in only.seen[0].headers
    assert only.seen[0].body == BODY.replace(b"asked", b"model-0")


async def test_a_list_of_codings_is_undone_the_last_one_first() -> None:
    body = zstd.compress(brotli.compress(gzip.compress(BODY)))
    async with serving(good()) as (at, (only,)):
        assert (await ask(at, body, content_encoding="gzip, br, zstd")).status == 200
    assert only.seen[0].model == "model-0"


async def test_a_form_in_a_coding_is_sent_again_without_it() -> None:
    async with serving(json(502, {}), json(200, HEARD), to="/v1/images/edits", policy=Policy(attempts=2)) as (
        at,
        made,
    ):
        assert (await ask(at, gzip.compress(FORM), FORM_TYPE, content_encoding="gzip")).status == 200
    assert [target.seen[0].body for target in made] == [FORM, FORM]


@pytest.mark.parametrize("name", ["compress", "own", "gzip, own", "aws-chunked", "gzip, gzip, gzip, gzip", "utf-8"])
async def test_a_coding_that_is_not_known_is_415_and_those_that_are_are_named(name: str) -> None:
    async with serving(good()) as (at, (only,)):
        reader, writer = await asyncio.open_connection("127.0.0.1", at.port)
        head = f"POST /model HTTP/1.1\r\nhost: localhost\r\ncontent-encoding: {name}\r\ncontent-length: 9\r\n\r\n"
        writer.write(head.encode())  # and nothing of the body, which is not asked for
        answer = await reader.readuntil(b"\r\n\r\n")
        writer.close()
    assert answer.startswith(b"HTTP/1.1 415")
    assert b"accept-encoding: gzip, deflate, br, zstd\r\n" in answer.lower()
    assert only.seen == []


@pytest.mark.parametrize("coding", CODE)
@pytest.mark.parametrize("bad", ["no coding", "cut", "something behind it"])
async def test_a_body_that_is_not_in_its_coding_is_refused(coding: str, bad: str) -> None:
    coded = CODE[coding](BODY)
    body = {"no coding": BODY, "cut": coded[:-3], "something behind it": coded + b"oops, no coding"}[bad]
    async with serving(good()) as (at, (only,)):
        got = await ask(at, body, content_encoding=coding)
    assert (got.status, got.error["code"], only.seen) == (400, "invalid_body", [])
    assert "content-encoding" in got.error["message"]


@pytest.mark.parametrize("coding", CODE)
async def test_a_body_counts_as_large_as_it_is_without_its_coding(coding: str) -> None:
    body = msgspec.json.encode({**ASKED, "pad": "x" * 2_000_000})
    async with serving(good(), policy=Policy(max_request_body=1_000_000)) as (at, (only,)):
        got = await ask(at, CODE[coding](body), content_encoding=coding)
    assert (got.status, got.error["code"], only.seen) == (413, "request_too_large", [])


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("coding", CODE)
async def test_a_bomb_is_given_up_and_its_memory_returns(coding: str, layers: int) -> None:
    body = b"\0" * (40 << 20)
    for _ in range(layers):
        body = CODE[coding](body)
    async with serving(good(), policy=Policy(max_request_body=1 << 30)) as (at, (only,)):
        got = await ask(at, body, content_encoding=", ".join([coding] * layers))
        after = await ask(at)
    assert (got.status, got.error["code"], after.status, len(only.seen)) == (400, "invalid_body", 200, 1)


async def test_what_comes_of_a_coding_is_held_to_the_memory_for_bodies() -> None:
    body = gzip.compress(msgspec.json.encode({**ASKED, "pad": "x" * (8 << 20)}))
    async with serving(good(), settings=Settings(memory=4 << 20)) as (at, (only,)):
        got = await ask(at, body, content_encoding="gzip")
        after = await ask(at)
    assert (got.status, got.error["code"], after.status, len(only.seen)) == (503, "overloaded", 200, 1)


async def test_members_of_nothing_are_no_way_around_the_limit() -> None:
    async with serving(good(), policy=Policy(max_request_body=100_000)) as (at, (only,)):
        async with aiohttp.ClientSession() as session:

            async def members() -> AsyncIterator[bytes]:
                for _ in range(1_000):
                    yield gzip.compress(b"") * 50

            headers = {"content-encoding": "gzip"}
            async with session.post(f"{at.url}/model", data=members(), headers=headers, compress=None) as answer:
                assert answer.status == 413
    assert only.seen == []


async def test_a_plain_backend_gets_a_body_in_its_coding() -> None:
    async with serving(raw(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"), ai=False) as (at, (only,)):
        assert (await ask(at, b"\0\1", content_encoding="own")).status == 200
    assert (only.seen[0].body, only.seen[0].headers["content-encoding"]) == (b"\0\1", "own")


# ── Whose model ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("path", "model"),
    [
        *((path, "model-0") for path in WITH_A_MODEL if path not in ("/v1/embeddings", COUNT_TOKENS)),
        ("/v1/embeddings", "asked"),
        ("/v1/images/generations", "asked"),
        ("/v1/audio/speech", "asked"),
        ("/v1/moderations", "asked"),
        ("/v1/chat/moderations", "asked"),
        ("/v1/rerank", "asked"),
        ("/v1/something/new", "asked"),
    ],
)
async def test_an_upstream_s_model_replaces_the_callers_only_where_text_is_written(path: str, model: str) -> None:
    async with serving(good(), to=path, policy=ALL) as (at, (only,)):
        await ask(at)
    assert only.seen[0].model == model


@pytest.mark.parametrize(
    ("full_path", "model"),
    [
        ("/own/llm", "model-0"),
        ("/v1/audio/speech?x=1", "asked"),
        ("/openai/embeddings", "asked"),
        ("/v1/messages", "model-0"),
    ],
)
async def test_the_path_that_a_target_has_instead_tells_whose_model_it_is(full_path: str, model: str) -> None:
    async with targets(json(200, CHAT)) as (only,):
        of = table(free_port(), [only.port])
        upstream = of.upstreams["ns/up"]
        pools = tuple(tuple(replace(one, full_path=full_path) for one in pool) for pool in upstream.priorities)
        async with gateway(replace(of, upstreams={"ns/up": replace(upstream, priorities=pools)})) as at:
            await ask(at)
    assert only.seen[0].model == model


async def test_a_model_that_a_form_names_is_the_callers() -> None:
    async with serving(json(200, HEARD), to="/v1/audio/transcriptions") as (at, (only,)):
        assert (await ask(at, FORM, FORM_TYPE)).status == 200
    assert b"whisper-1" in only.seen[0].body


async def test_the_trace_names_the_model_that_was_asked() -> None:
    async with serving(json(200, VECTORS), to="/v1/embeddings") as (at, _):
        assert (await ask(at)).headers["x-switchover-served-by"] == "openai/asked"
    async with serving(good()) as (at, _):
        assert (await ask(at)).headers["x-switchover-served-by"] == "openai/model-0"


@pytest.mark.parametrize("path", ["/v1/embeddings", "/v1/embed"])
async def test_embeddings_are_never_asked_of_another_model(path: str) -> None:
    async with serving(json(503, {}), json(200, VECTORS), to=path, policy=ALL) as (at, (first, second)):
        got = await ask(at)
    assert (got.status, second.seen) == (503, [])
    assert {seen.model for seen in first.seen} == {"asked"}


async def test_embeddings_move_between_targets_of_the_model_that_is_asked_for() -> None:
    named = (OpenAI("other"), OpenAI("asked"), OpenAI(), OpenAI("another"))
    scripts = [json(200, VECTORS), json(503, {}), json(200, VECTORS), json(200, VECTORS)]
    async with serving(*scripts, to="/v1/embeddings", providers=named) as (at, made):
        got = await ask(at)
    assert got.status == 200
    assert [bool(target.seen) for target in made] == [False, True, True, False]
    assert made[2].seen[0].model == "asked"


async def test_embeddings_move_between_targets_that_name_the_same_model_as_the_first() -> None:
    named = (OpenAI("same"), Mistral("other"), OpenAI("same"))
    async with serving(json(503, {}), json(200, VECTORS), json(200, VECTORS), to="/v1/embeddings", providers=named) as (
        at,
        made,
    ):
        assert (await ask(at)).status == 200
    assert [bool(target.seen) for target in made] == [True, False, True]


async def test_a_model_that_only_the_caller_named_takes_none_from_others() -> None:
    missing = json(404, {"error": {"message": "The model `asked` does not exist", "code": "model_not_found"}})

    async def script(seen: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await (missing if seen.model == "asked" else good())(seen, reader, writer)

    under_v1 = Filters(rewrite=Rewrite(prefix="/v1"))
    async with targets(script, good()) as made:
        async with gateway(table(free_port(), [target.port for target in made], filters=under_v1)) as at:
            assert [(await ask(at, path="/embeddings")).status for _ in range(3)] == [404] * 3
            got = await ask(at, path="/chat/completions")
    assert (got.status, got.headers["x-switchover-served-by"]) == (200, "openai/model-0")


# ── Another protocol ────────────────────────────────────────────────────────────────────────────────────────────────


UPGRADE = "GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: Upgrade\r\nupgrade: {protocol}\r\n\r\n"


async def upgraded(at: Gateway, path: str, protocol: str) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", at.port)
    writer.write(UPGRADE.format(path=path, protocol=protocol).encode())
    answer = await reader.read()
    writer.close()
    return answer


@pytest.mark.parametrize("policy", [None, ALL], ids=["operations of models", "all operations"])
@pytest.mark.parametrize("path", ["/model", "/model/v1/responses", "/model/v1/realtime?model=x"])
@pytest.mark.parametrize("protocol", ["websocket", "WebSocket", "h2c, websocket", "websocket/13"])
async def test_a_websocket_is_426_on_a_route_to_models(policy: Policy | None, path: str, protocol: str) -> None:
    async with serving(good(), policy=policy) as (at, (only,)):
        answer = await upgraded(at, path, protocol)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 426 ")
    assert b"\r\nupgrade: http/1.1" in head.lower()
    assert b"\r\nconnection: upgrade, close" in head.lower()
    assert msgspec.json.decode(body)["error"]["code"] == "upgrade_required"
    assert only.seen == []


async def test_another_protocol_is_passed_over_on_a_route_to_models() -> None:
    policy = msgspec.convert({"operations": "All"}, Policy)
    async with serving(json(200, {"data": []}), to="/v1/files", policy=policy) as (at, (only,)):
        assert (await upgraded(at, "/model", "h2c")).startswith(b"HTTP/1.1 200")
    assert "upgrade" not in only.seen[0].headers
