"""Tokens are counted by models that have the client's API; where none has it, the client reads so in its own form."""

from typing import Any

import aiohttp
import msgspec
import pytest

from foreign import ANTHROPIC, BEDROCK, GEMINI, MISTRAL, OPENAI, mixed
from serving import free_port, gateway, json, targets
from switchover_dataplane.table.upstreams import OpenAI, Provider, VertexAi

CLAUDE = VertexAi("p", "l", "claude-opus-4-6", publisher="anthropic")
GOOGLE = VertexAi("p", "l", "gemini-2.5-pro")
RESPONSES = OpenAI("gpt-4o")

OF_MESSAGES = "/v1/messages/count_tokens"
OF_GEMINI = "/v1beta/models/asked:countTokens"
OF_RESPONSES = "/v1/responses/input_tokens"
ASKED = {"model": "asked", "messages": [{"role": "user", "content": "x"}]}


async def count(
    client: aiohttp.ClientSession, path: str, *providers: Provider
) -> tuple[int, Any, list[str], list[Any]]:
    """Ask models in turn; return status and body of the answer, and lines and bodies of what they were asked."""
    async with targets(*[json(200, {"tokens": 7})] * len(providers)) as made:
        pairs = [(provider, target.port) for provider, target in zip(providers, made, strict=True)]
        async with gateway(mixed(free_port(), pairs)) as at, client.post(at.url + path, json=ASKED) as answer:
            status, body = answer.status, await answer.json()
    seen = [seen for target in made for seen in target.seen]
    return status, body, [each.line.split()[1] for each in seen], [msgspec.json.decode(each.body) for each in seen]


PLACE = "/v1/projects/p/locations/l/publishers"


@pytest.mark.parametrize(
    ("path", "provider", "asked", "model"),
    [
        (OF_MESSAGES, ANTHROPIC, OF_MESSAGES, "claude-sonnet-4-5"),
        (OF_MESSAGES, CLAUDE, f"{PLACE}/anthropic/models/count-tokens:rawPredict", "claude-opus-4-6"),
        (OF_GEMINI, GEMINI, "/v1beta/models/gemini-2.5-flash:countTokens", "asked"),
        (OF_GEMINI, GOOGLE, f"{PLACE}/google/models/gemini-2.5-pro:countTokens", "asked"),
        (OF_RESPONSES, RESPONSES, OF_RESPONSES, "gpt-4o"),
    ],
)
async def test_a_model_of_the_client_s_api_counts(
    client: aiohttp.ClientSession, path: str, provider: Provider, asked: str, model: str
) -> None:
    status, body, lines, bodies = await count(client, path, provider)
    assert (status, body, lines, [each["model"] for each in bodies]) == (200, {"tokens": 7}, [asked], [model])


async def test_a_model_that_cannot_count_is_passed_by(client: aiohttp.ClientSession) -> None:
    status, _, lines, _ = await count(client, OF_MESSAGES, OPENAI, BEDROCK, ANTHROPIC)
    assert (status, lines) == (200, [OF_MESSAGES])


@pytest.mark.parametrize(
    ("path", "providers", "error"),
    [
        (OF_MESSAGES, [OPENAI, MISTRAL, GEMINI, BEDROCK, GOOGLE], ("type", "not_found_error")),
        (OF_GEMINI, [OPENAI, MISTRAL, ANTHROPIC, BEDROCK, CLAUDE], ("status", "NOT_FOUND")),
        (OF_RESPONSES, [MISTRAL, ANTHROPIC, GEMINI, BEDROCK, CLAUDE], ("code", "not_served")),
    ],
)
async def test_where_no_model_can_the_client_gets_404_in_its_form_and_none_is_asked(
    client: aiohttp.ClientSession, path: str, providers: list[Provider], error: tuple[str, str]
) -> None:
    for each in ([provider] for provider in providers):
        assert (await count(client, path, *each))[0] == 404
    status, body, lines, _ = await count(client, path, *providers)
    assert (status, body["error"][error[0]], lines) == (404, error[1], [])
