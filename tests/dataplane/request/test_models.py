"""Which models a client may ask for: answered from the table in the client's API, without asking any provider."""

import asyncio
import hashlib
from collections.abc import Sequence
from typing import Any

import aiohttp
import anthropic
import msgspec
import openai
import pytest
from google import genai

from by_model import ANY, by_model
from foreign import ANTHROPIC, BEDROCK, GEMINI, OPENAI, mixed
from serving import Gateway, Got, free_port, gateway, good, table, targets
from switchover_dataplane.formats.operations import asked_model
from switchover_dataplane.table.access import ApiKeys, Caller
from switchover_dataplane.table.policies import Policy
from switchover_dataplane.table.rules import Filters, Rewrite
from switchover_dataplane.table.table import Table
from switchover_dataplane.table.upstreams import OpenAI, Provider

ALL: list[tuple[Provider, int]] = [(OPENAI, 1), (ANTHROPIC, 1), (OPENAI, 1), (GEMINI, 1), (BEDROCK, 1), (OpenAI(), 1)]
"""Models of targets where nothing listens: who asked one would get an error."""
NAMES = ["gpt-4o", "claude-sonnet-4-5", "gemini-2.5-flash", "anthropic.claude-sonnet-4-5-v1:0"]
ALPHABET: list[tuple[Provider, int]] = [(OpenAI(name), 1) for name in "abcdefg"]

OF_ANTHROPIC = {"x-api-key": "k", "anthropic-version": "2023-06-01"}
OF_GEMINI = {"x-goog-api-key": "k"}


async def get(at: Gateway, path: str, fields: dict[str, str] | None = None, method: str = "GET") -> Got:
    async with aiohttp.ClientSession() as client:
        async with client.request(method, at.url + path, headers=fields) as answer:
            return Got(answer.status, answer.headers, await answer.read())


async def read(of: Table, path: str, fields: dict[str, str] | None = None) -> Any:
    """Ask a gateway with this table; return the body of a success."""
    async with gateway(of) as at:
        got = await get(at, path, fields)
    assert got.status == 200, got.body
    return msgspec.json.decode(got.body)


async def names(of: Table, fields: dict[str, str] | None = None) -> list[str]:
    return [model["id"] for model in (await read(of, "/v1/models", fields))["data"]]


def models(rest: Sequence[tuple[Provider, int]] = ALL) -> Table:
    return mixed(free_port(), rest)


# ── What is listed ──────────────────────────────────────────────────────────────────────────────────────────────────


async def test_the_models_of_all_targets_are_listed_in_the_order_of_their_priorities_each_once() -> None:
    listed = await read(models(), "/v1/models")
    assert listed["object"] == "list"
    assert [model["id"] for model in listed["data"]] == NAMES
    assert [model["owned_by"] for model in listed["data"]] == ["openai", "anthropic", "gemini", "bedrock"]
    assert listed["data"][0] == {
        "id": "gpt-4o",
        "object": "model",
        "created": 0,
        "owned_by": "openai",
        "max_context_length": 128_000,
    }


async def test_no_provider_is_asked() -> None:
    async with targets(good()) as (first,):
        policy = msgspec.convert({"operations": "All"}, Policy)
        for asked in (None, policy):
            assert await names(mixed(free_port(), [(OPENAI, first.port)], asked)) == ["gpt-4o"]
    assert first.seen == []


async def test_the_names_by_which_rules_choose_are_listed_in_place_of_the_models_of_targets() -> None:
    rules: dict[str, list[tuple[Provider, int]]] = {
        "fast": [(GEMINI, 1)],
        "gpt-4o": [(OpenAI(), 1)],
        ANY: [(ANTHROPIC, 1)],
    }
    listed = await read(by_model(free_port(), rules), "/v1/models")
    shown = [(model["id"], model["owned_by"], model["max_context_length"]) for model in listed["data"]]
    assert shown == [("fast", "gemini", 1_048_576), ("gpt-4o", "openai", 128_000)]


async def test_they_are_listed_where_no_rule_is_for_any_other_request() -> None:
    async with gateway(by_model(free_port(), {"fast": [(OPENAI, 1)], "slow": [(OPENAI, 1)]})) as at:
        got = await get(at, "/v1/models")
        assert [model["id"] for model in msgspec.json.decode(got.body)["data"]] == ["fast", "slow"]
        for path in ("/v1/files", "/models-of-mine", "/"):
            assert (await get(at, path)).code == "no_route"


async def test_a_name_behind_a_rule_for_every_request_is_never_reached_and_not_listed() -> None:
    rules = {"fast": [(OPENAI, 1)], ANY: [(OPENAI, 1)], "slow": [(OPENAI, 1)]}
    assert await names(by_model(free_port(), rules)) == ["fast"]


async def test_a_name_that_an_expression_matches_is_not_listed() -> None:
    of = by_model(free_port(), {"gpt-.*": [(OPENAI, 1)]}, kind="RegularExpression")
    assert await names(of) == ["gpt-4o"]


async def test_a_disabled_model_is_not_listed() -> None:
    of = models([(OPENAI, 1), (ANTHROPIC, 1)])
    [(name, policy)] = of.policies.items()
    out = msgspec.convert([{"target": "ns/up/0/0", "reason": "costs too much"}], type(policy.disabled))
    of = msgspec.structs.replace(of, policies={name: msgspec.structs.replace(policy, disabled=out)})
    assert await names(of) == ["claude-sonnet-4-5"]


def caller(key: str) -> ApiKeys:
    return ApiKeys("api-key", (Caller(f"ns/{key}", hashlib.sha256(key.encode()).hexdigest()),))


async def test_a_caller_sees_the_names_that_its_key_opens_and_nobody_sees_any_without_a_key() -> None:
    access = {"one": caller("first"), "two": caller("second")}
    of = by_model(free_port(), {"one": [(OPENAI, 1)], "two": [(OPENAI, 1)]}, access=access)
    async with gateway(of) as at:
        assert (await get(at, "/v1/models")).status == 401
        assert (await get(at, "/v1/models", {"authorization": "Bearer third"})).code == "invalid_api_key"
        for key, opened in (("first", ["one"]), ("second", ["two"])):
            got = await get(at, "/v1/models", {"authorization": f"Bearer {key}"})
            assert [model["id"] for model in msgspec.json.decode(got.body)["data"]] == opened


# ── Paths ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("path", "name"),
    [
        *(("/v1/models", ""), ("/v1beta/models", ""), ("/v1beta/openai/models", ""), ("/models", "")),
        *(("/openai/models", ""), ("/models/v1/models", ""), ("/v1/models/gpt-4o", "gpt-4o")),
        *(("/v1/models/accounts/x/models/y", "accounts/x/models/y"), ("/v1/models/a%2Fb", "a/b"), ("/x/models/y", "y")),
        *(("/x/v1/models/y", "y"), ("/models/v1/models/y", "y"), ("/v1beta/openai/models/a:b", "a:b")),
        *(("/v1/files/models", None), ("/v1/models/", None), ("/v1/models/..", None), ("/v1/models/a%3Fb", None)),
        *(("/v1beta/models/m:generateContent", "m:generateContent"), ("/v1/Models", None), ("/modelsof", None)),
    ],
)
def test_a_path_looks_up_models_by_its_end(path: str, name: str | None) -> None:
    assert asked_model(path) == name


@pytest.mark.parametrize(
    "path", ["/model/models", "/model/v1/models", "/model/models/model-0", "/model/v1/models/model-0"]
)
async def test_a_route_lists_its_models_below_a_path_of_its_own(path: str) -> None:
    assert "model-0" in str(await read(table(free_port(), [1]), path))


async def test_the_path_that_a_target_has_does_not_count() -> None:
    of = table(free_port(), [1], filters=Filters(rewrite=Rewrite(prefix="/v1")))
    [upstream] = of.upstreams.values()
    [[target]] = upstream.priorities
    pools = ((msgspec.structs.replace(target, full_path="/v1/chat/completions"),),)
    changed = {"ns/up": msgspec.structs.replace(upstream, priorities=pools)}
    listed = await read(msgspec.structs.replace(of, upstreams=changed), "/model/models")
    assert [model["id"] for model in listed["data"]] == ["model-0"]


@pytest.mark.parametrize("path", ["/v1/models", "/v1/models/gpt-4o"])
async def test_a_head_of_the_answer_can_be_asked_for(path: str) -> None:
    async with gateway(models()) as at:
        got = await get(at, path, method="HEAD")
        assert (got.status, got.body) == (200, b"")
        assert (await get(at, "/v1/models/none", method="HEAD")).status == 404


async def test_a_plain_backend_is_asked_for_its_own_list() -> None:
    async with targets(good()) as (first,):
        async with gateway(table(free_port(), [first.port], ai=False, auth="")) as at:
            assert (await get(at, "/model/v1/models")).status == 200
    assert first.seen[0].line.startswith("GET /model/v1/models ")


# ── In the client's API ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("path", "fields", "kind"),
    [
        ("/v1/models", {}, "openai"),
        ("/v1/models", {"authorization": "Bearer k", "x-api-key": "k"}, "openai"),
        ("/v1beta/openai/models", OF_GEMINI, "openai"),
        ("/v1/models", OF_ANTHROPIC, "anthropic"),
        ("/v1/models", {"x-api-key": "k"}, "anthropic"),
        ("/v1/models", {"anthropic-version": "2023-06-01", "authorization": "Bearer k"}, "anthropic"),
        ("/v1/models", OF_GEMINI, "gemini"),
        ("/v1/models?key=k", {}, "gemini"),
        ("/v1beta/models", {}, "gemini"),
    ],
)
async def test_the_list_and_the_error_have_the_form_of_the_client(path: str, fields: dict[str, str], kind: str) -> None:
    async with gateway(models()) as at:
        listed = msgspec.json.decode((await get(at, path, fields)).body)
        before, question, query = path.partition("?")
        missing = await get(at, f"{before}/none{question}{query}", fields)
    assert missing.status == 404
    error = msgspec.json.decode(missing.body)
    match kind:
        case "openai":
            assert listed["object"] == "list"
            assert error["error"]["code"] == "model_not_found"
        case "anthropic":
            assert (listed["has_more"], listed["first_id"], listed["last_id"]) == (False, NAMES[0], NAMES[-1])
            assert (error["type"], error["error"]["type"]) == ("error", "not_found_error")
        case _:
            assert listed["models"][0]["name"] == f"models/{NAMES[0]}"
            assert error["error"]["status"] == "NOT_FOUND"


async def test_limits_are_told_where_they_are_known() -> None:
    of = models([(ANTHROPIC, 1), (OpenAI("my-own"), 1)])
    claude, own = (await read(of, "/v1/models", OF_ANTHROPIC))["data"]
    assert (claude["max_input_tokens"], claude["max_tokens"]) == (200_000, 64_000)
    assert (own["max_input_tokens"], own["max_tokens"]) == (None, None)
    claude, own = (await read(of, "/v1beta/models"))["models"]
    assert (claude["inputTokenLimit"], claude["outputTokenLimit"]) == (200_000, 64_000)
    assert "inputTokenLimit" not in own
    assert own["supportedGenerationMethods"] == ["generateContent", "streamGenerateContent"]
    [gemini] = (await read(models([(GEMINI, 1)]), "/v1beta/models"))["models"]
    assert "countTokens" in gemini["supportedGenerationMethods"]


@pytest.mark.parametrize(
    ("query", "page", "has_more"),
    [
        ("limit=3", "abc", True),
        ("limit=3&after_id=c", "def", True),
        ("limit=3&after_id=f", "g", False),
        ("limit=3&after_id=g", "", False),
        ("limit=3&before_id=f", "cde", True),
        ("limit=3&before_id=c", "ab", False),
        ("limit=1000", "abcdefg", False),
    ],
)
async def test_a_client_of_anthropic_gets_pages(query: str, page: str, has_more: bool) -> None:
    got = await read(models(ALPHABET), f"/v1/models?{query}", OF_ANTHROPIC)
    assert ("".join(model["id"] for model in got["data"]), got["has_more"]) == (page, has_more)
    assert (got["first_id"], got["last_id"]) == ((page[0], page[-1]) if page else (None, None))


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=1001", "limit=x", "limit=-1", "limit=٣", "after_id=z", "before_id=a&after_id=b"]
)
async def test_a_page_that_there_is_not_is_400_in_the_form_of_anthropic(query: str) -> None:
    async with gateway(models(ALPHABET)) as at:
        got = await get(at, f"/v1/models?{query}", OF_ANTHROPIC)
    assert (got.status, msgspec.json.decode(got.body)["error"]["type"]) == (400, "invalid_request_error")


async def test_a_client_of_gemini_gets_pages() -> None:
    async with gateway(models(ALPHABET)) as at:
        pages: list[str] = []
        token: str | None = ""
        while token is not None and len(pages) < len(ALPHABET):
            page = msgspec.json.decode((await get(at, f"/v1beta/models?pageSize=3&pageToken={token}")).body)
            pages.append("".join(model["displayName"] for model in page["models"]))
            token = page.get("nextPageToken")
        wrong = await get(at, "/v1beta/models?pageToken=none")
        large = msgspec.json.decode((await get(at, "/v1beta/models?pageSize=5000")).body)
    assert pages == ["abc", "def", "g"]
    assert msgspec.json.decode(wrong.body)["error"]["status"] == "INVALID_ARGUMENT"
    assert len(large["models"]) == len(ALPHABET)


# ── The SDKs ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_the_sdk_of_openai_lists_models_and_gets_one() -> None:
    async with gateway(models()) as at, openai.AsyncOpenAI(api_key="k", base_url=f"{at.url}/v1") as client:
        assert [model.id async for model in client.models.list()] == NAMES
        assert (await client.models.retrieve(NAMES[-1])).owned_by == "bedrock"
        with pytest.raises(openai.NotFoundError):
            await client.models.retrieve("none")


async def test_the_sdk_of_anthropic_lists_models_page_by_page_and_gets_one() -> None:
    async with gateway(models()) as at, anthropic.AsyncAnthropic(api_key="k", base_url=at.url) as client:
        assert [model.id async for model in client.models.list(limit=2)] == NAMES
        got = await client.models.retrieve("claude-sonnet-4-5")
        assert (got.max_input_tokens, got.max_tokens, got.created_at.year) == (200_000, 64_000, 1970)
        with pytest.raises(anthropic.NotFoundError):
            await client.models.retrieve("none")


async def test_the_sdk_of_google_lists_models_page_by_page_and_gets_one() -> None:
    def look_up(url: str) -> tuple[list[str | None], genai.types.Model]:
        with genai.Client(api_key="k", http_options={"base_url": url}) as client:
            with pytest.raises(genai.errors.ClientError, match="NOT_FOUND"):
                client.models.get(model="none")
            listed = client.models.list(config={"page_size": 2})
            return [model.name for model in listed], client.models.get(model="gemini-2.5-flash")

    async with gateway(models()) as at:
        names, got = await asyncio.to_thread(look_up, at.url)
    assert names == [f"models/{name}" for name in NAMES]
    assert (got.input_token_limit, got.output_token_limit) == (1_048_576, 65_536)
