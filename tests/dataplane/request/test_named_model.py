"""One URL serves many models: the gateway reads the name of the model from the request before it chooses the rule."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Sequence
from hashlib import sha256
from io import BytesIO

import aiohttp
import msgspec
import pytest
from multidict import CIMultiDict

from by_model import ANY, by_model
from foreign import GEMINI, OPENAI
from serving import Target, free_port, gateway, good, json, targets
from switchover_dataplane.proxy import Settings
from switchover_dataplane.routing import match
from switchover_dataplane.routing.match import Head
from switchover_dataplane.table.access import ApiKeys, Caller
from switchover_dataplane.table.policies import Policy
from switchover_dataplane.table.ports import Host, Listener, Match, PathMatch, Port, ValueMatch
from switchover_dataplane.table.table import Table
from switchover_dataplane.table.upstreams import Http, OpenAI, Provider

NAMES = ("fast", "slow", ANY)
FIELD = "X-Gateway-Model-Name"


def three(
    made: Sequence[Target], provider: Provider = OPENAI, policy: Policy | None = None, *, ai: bool = True
) -> Table:
    """Rules for two names and for every other request, each with a target of its own."""
    rules = {name: [(provider, target.port)] for name, target in zip(NAMES, made, strict=True)}
    return by_model(free_port(), rules, policy, ai=ai)


def body(model: str | None, size: int = 0) -> bytes:
    named = {} if model is None else {"model": model}
    return msgspec.json.encode({**named, "messages": [{"role": "user", "content": "x" * size}]})


def asked(made: Sequence[Target]) -> list[str]:
    """Which rules got a request."""
    return [name for name, target in zip(NAMES, made, strict=True) for _ in target.seen]


@pytest.mark.parametrize("model", NAMES)
@pytest.mark.parametrize("size", [0, 60_000], ids=["at hand", "that comes"])
@pytest.mark.parametrize("ai", [True, False], ids=["models", "a plain backend"])
async def test_the_model_of_the_body_chooses_the_rule(
    client: aiohttp.ClientSession, model: str, size: int, ai: bool
) -> None:
    async with targets(good(), good(), good()) as made:
        async with gateway(three(made, OPENAI if ai else Http(), ai=ai)) as at:
            async with client.post(f"{at.url}/v1/chat/completions", data=body(model, size)) as answer:
                assert answer.status == 200
    assert asked(made) == [model]
    [seen] = made[NAMES.index(model)].seen
    assert seen.body == (body("gpt-4o", size) if ai else body(model, size))
    assert FIELD.lower() not in seen.headers


async def test_requests_with_the_same_head_go_each_to_the_rule_of_its_model(client: aiohttp.ClientSession) -> None:
    async with targets(good(), good(), good()) as made, gateway(three(made)) as at:
        for model in ("fast", "slow", "fast", "none", "slow"):
            async with client.post(f"{at.url}/v1/chat/completions", data=body(model)) as answer:
                assert answer.status == 200
    assert [len(target.seen) for target in made] == [2, 2, 1]


async def test_they_do_so_at_the_same_time(client: aiohttp.ClientSession) -> None:
    wanted = ["fast", "slow", "other"] * 5

    async def ask(url: str, model: str) -> str:
        async with client.post(f"{url}/v1/chat/completions", data=body(model, 300_000)) as answer:
            told: str = (await answer.json())["model"]
            return told

    async with targets(good("fast"), good("slow"), good("other")) as made, gateway(three(made)) as at:
        assert await asyncio.gather(*(ask(at.url, model) for model in wanted)) == wanted


@pytest.mark.parametrize("name", [FIELD, FIELD.lower(), FIELD.upper()])
async def test_a_client_cannot_choose_by_the_header(client: aiohttp.ClientSession, name: str) -> None:
    async with targets(good(), good(), good()) as made, gateway(three(made)) as at:
        for model in ("slow", None):
            fields = {name: "fast"}
            async with client.post(f"{at.url}/v1/chat/completions", data=body(model), headers=fields) as answer:
                assert answer.status == 200
    assert asked(made) == ["slow", ANY]


async def test_the_header_of_a_client_reaches_no_plain_backend_where_no_rule_asks_for_it(
    client: aiohttp.ClientSession,
) -> None:
    async with targets(json(200, {})) as (first,):
        async with gateway(by_model(free_port(), {ANY: [(Http(), first.port)]}, ai=False)) as at:
            async with client.get(at.url, headers={FIELD: "fast", "x-own": "1"}) as answer:
                assert answer.status == 200
    assert FIELD.lower() not in first.seen[0].headers
    assert first.seen[0].headers["x-own"] == "1"


@pytest.mark.parametrize(
    "path",
    [
        *("/v1beta/models/fast:generateContent", "/v1/models/f%61st:countTokens"),
        "/v1beta1/projects/p/locations/l/publishers/google/models/fast:generateContent",
    ],
)
async def test_the_path_names_the_model_of_a_client_of_gemini(client: aiohttp.ClientSession, path: str) -> None:
    answer = {"candidates": [{"content": {"parts": [{"text": "x"}]}, "finishReason": "STOP"}], "totalTokens": 1}
    async with targets(*[json(200, answer)] * 3) as made, gateway(three(made, GEMINI)) as at:
        async with client.post(at.url + path, json={"model": "slow", "contents": []}) as got:
            assert got.status == 200
    assert asked(made) == ["fast"]


UNREADABLE = {
    "none": body(None),
    "one that is no text": b'{"model":1}',
    "two": b'{"model":"fast","model":"slow"}',
    "one in another case": b'{"Model":"fast"}',
    "no JSON": b"model=fast",
    "a list": b'["fast"]',
    "nothing": b"",
}


@pytest.mark.parametrize("content", UNREADABLE.values(), ids=UNREADABLE)
async def test_a_body_without_a_model_that_can_be_read_matches_no_name(
    client: aiohttp.ClientSession, content: bytes
) -> None:
    async with targets(*[json(200, {})] * 3) as made, gateway(three(made, Http(), ai=False)) as at:
        async with client.post(at.url, data=content) as answer:
            assert answer.status == 200
    assert asked(made) == [ANY]
    assert made[2].seen[0].body == content


async def test_it_matches_no_expression_either(client: aiohttp.ClientSession) -> None:
    async with targets(json(200, {})) as (first,):
        of = by_model(free_port(), {".*": [(Http(), first.port)]}, ai=False, kind="RegularExpression")
        async with gateway(of) as at:
            async with client.post(at.url, data=body(None)) as answer:
                assert (answer.status, (await answer.json())["error"]["code"]) == (404, "no_route")
            async with client.post(at.url, data=body("any")) as answer:
                assert answer.status == 200


@pytest.mark.parametrize("ai", [True, False], ids=["models", "a plain backend"])
async def test_a_body_is_read_through_its_coding(client: aiohttp.ClientSession, ai: bool) -> None:
    packed = gzip.compress(body("slow", 500_000))
    async with targets(good(), good(), good()) as made:
        async with gateway(three(made, OPENAI if ai else Http(), ai=ai)) as at:
            fields = {"content-encoding": "gzip"}
            async with client.post(f"{at.url}/v1/chat/completions", data=packed, headers=fields) as answer:
                assert answer.status == 200
    assert asked(made) == ["slow"]
    [seen] = made[1].seen
    assert seen.body == (body("gpt-4o", 500_000) if ai else packed)


async def test_a_body_whose_coding_is_not_known_has_no_model(client: aiohttp.ClientSession) -> None:
    async with targets(good(), good(), good()) as made, gateway(three(made)) as at:
        fields = {"content-encoding": "compress"}
        async with client.post(f"{at.url}/v1/chat/completions", data=body("fast"), headers=fields) as answer:
            assert answer.status == 415
    assert asked(made) == []


async def test_a_body_in_chunks_is_read_first(client: aiohttp.ClientSession) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        content = body("fast", 100_000)
        for start in range(0, len(content), 30_000):
            yield content[start : start + 30_000]

    async with targets(good(), good(), good()) as made, gateway(three(made)) as at:
        async with client.post(f"{at.url}/v1/chat/completions", data=pieces()) as answer:
            assert answer.status == 200
    assert asked(made) == ["fast"]
    assert made[0].seen[0].body == body("gpt-4o", 100_000)


async def test_a_body_larger_than_any_policy_allows_is_not_read(client: aiohttp.ClientSession) -> None:
    async with targets(good(), good(), good()) as made, gateway(three(made)) as at:
        async with client.post(f"{at.url}/v1/chat/completions", data=BytesIO(bytes((32 << 20) + 1))) as answer:
            assert (answer.status, (await answer.json())["error"]["code"]) == (413, "request_too_large")
            assert answer.headers["x-request-id"]
    assert asked(made) == []


async def test_the_memory_for_bodies_is_a_limit_and_free_again_after_each_request(
    client: aiohttp.ClientSession,
) -> None:
    async with targets(good(), good(), good()) as made, gateway(three(made), Settings(memory=1_000_000)) as at:
        for size, status in ((1_200_000, 503), *[(300_000, 200)] * 5):
            async with client.post(f"{at.url}/v1/chat/completions", data=BytesIO(body("fast", size))) as answer:
                assert answer.status == status
    assert asked(made) == ["fast"] * 5


async def test_no_body_is_read_of_somebody_whom_no_rule_lets_in_and_a_key_opens_its_rule_alone(
    client: aiohttp.ClientSession,
) -> None:
    keys = {name: ApiKeys("api-key", (Caller(f"ns/{name}", sha256(name.encode()).hexdigest()),)) for name in NAMES}

    async def asked_for(url: str) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
        writer.write(b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-length: 99\r\n\r\n")
        head = await reader.readuntil(b"\r\n\r\n")
        writer.close()
        return head

    async with targets(good(), good(), good()) as made:
        rules: dict[str, list[tuple[Provider, int]]] = {
            name: [(OPENAI, target.port)] for name, target in zip(NAMES, made, strict=True)
        }
        async with gateway(by_model(free_port(), rules, access=keys)) as at:
            assert (await asked_for(at.url)).startswith(b"HTTP/1.1 401 ")
            statuses = []
            for model in ("fast", "slow", "other"):
                fields = {"authorization": "Bearer slow"}
                async with client.post(f"{at.url}/v1/chat/completions", data=body(model), headers=fields) as answer:
                    statuses.append(answer.status)
    assert statuses == [401, 200, 401]
    assert asked(made) == ["slow"]


async def test_only_requests_for_which_a_match_asks_for_it_are_read_first() -> None:
    of = by_model(free_port(), {"fast": [(OPENAI, 1)], ANY: [(OPENAI, 1)]})
    named = (ValueMatch("x-gateway-model-name", "fast"),)
    hosts = (
        Host(
            "one.example", (Match("ns/up-0", PathMatch("/v1/named"), headers=named), Match("ns/up-1", PathMatch("/v1")))
        ),
        Host("", (Match("ns/up-1", PathMatch("/up")), Match("ns/up-0", PathMatch("/"), "POST", named))),
    )
    [port] = of.ports
    of = msgspec.structs.replace(of, ports=(Port(port.number, "HTTP", (Listener("ns/gw/http", hosts=hosts),)),))
    router = match.index(of)
    assert router.asks_for_model

    def depends(host: str, path: str, method: str = "POST") -> bool:
        return match.depends_on_model(router, port.number, Head(host, method, path, "", CIMultiDict()))

    assert depends("one.example", "/v1/named/x")
    assert not depends("one.example", "/v1/other")
    assert depends("two.example", "/v1/other")
    assert not depends("two.example", "/v1/other", "PUT")
    assert not depends("two.example", "/up/load")
    assert not depends("two.example", "no-path")
    assert not match.index(by_model(1, {ANY: [(OpenAI("m"), 1)]})).asks_for_model
