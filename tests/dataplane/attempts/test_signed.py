"""Targets that no fixed credential is for: each request is signed, or has a token that was fetched."""

import re
import time
from collections.abc import Mapping

import aiohttp
import msgspec
import pytest

from credential_endpoint import endpoint, secret, tokens
from foreign import BEDROCK, OPENAI, mixed
from serving import free_port, gateway, good, json, targets
from switchover_dataplane.table.table import Table
from switchover_dataplane.table.upstreams import Auth, Provider, VertexAi
from switchover_dataplane.table.wire import sealed

CHAT = {"model": "asked", "messages": [{"role": "user", "content": "hi"}]}
VERTEX = VertexAi("my-project", "us-central1", "gemini-2.5-flash")
CONVERSED = {
    "output": {"message": {"role": "assistant", "content": [{"text": "hello"}]}},
    "stopReason": "end_turn",
    "usage": {"inputTokens": 1, "outputTokens": 1, "totalTokens": 2},
    "metrics": {"latencyMs": 1},
}
GENERATED = {
    "candidates": [{"content": {"parts": [{"text": "hello"}], "role": "model"}, "finishReason": "STOP"}],
    "usageMetadata": {"promptTokenCount": 1, "candidatesTokenCount": 1, "totalTokenCount": 2},
}


def proved(of: Table, auth: Auth, secrets: Mapping[str, str]) -> Table:
    """The table with another credential for its first target."""
    [upstream] = of.upstreams.values()
    first, *rest = upstream.priorities
    pools = ((msgspec.structs.replace(first[0], auth=auth),), *rest)
    changed = {upstream.name: msgspec.structs.replace(upstream, priorities=pools)}
    return sealed(of.ports, of.rules, of.policies, changed, {**of.secrets, **secrets})


async def asked(
    client: aiohttp.ClientSession, models: list[tuple[Provider, int]], auth: Auth, secrets: Mapping[str, str]
) -> tuple[int, str]:
    async with gateway(proved(mixed(free_port(), models), auth, secrets)) as at:
        async with client.post(f"{at.url}/v1/chat/completions", json=CHAT) as answer:
            return answer.status, answer.headers["x-switchover-served-by"]


async def test_a_request_to_bedrock_is_signed_by_the_keys_of_its_secret(client: aiohttp.ClientSession) -> None:
    auth = Auth("aws", secret="s", access_key="a", session="t")
    secrets = {"s": "secret-of-aws", "a": "AKIDEXAMPLE", "t": "session-of-aws"}
    async with targets(json(200, CONVERSED)) as (only,):
        assert (await asked(client, [(BEDROCK, only.port)], auth, secrets))[0] == 200
        sent = only.seen[0].headers
    today = time.strftime("%Y%m%d", time.gmtime())
    assert re.fullmatch(
        rf"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/{today}/us-east-1/bedrock/aws4_request, "
        r"SignedHeaders=content-type;host;x-amz-content-sha256;x-amz-date;x-amz-security-token, Signature=[0-9a-f]{64}",
        sent["authorization"],
    )
    assert sent["x-amz-security-token"] == "session-of-aws"


async def test_a_request_to_vertex_has_a_token_of_the_service_account(client: aiohttp.ClientSession) -> None:
    with endpoint() as played:
        played.answer = tokens
        key = {"key": secret(f"{played.url}/token")}
        async with targets(json(200, GENERATED)) as (only,):
            assert (await asked(client, [(VERTEX, only.port)], Auth("service-account", "key"), key))[0] == 200
            assert only.seen[0].headers["authorization"] == "Bearer token-1"
            assert "/publishers/google/models/gemini-2.5-flash:generateContent" in only.seen[0].line


@pytest.mark.parametrize(
    ("provider", "auth", "given"),
    [
        (VERTEX, Auth("service-account", "key"), '{"type": "service_account"}'),
        (BEDROCK, Auth("aws", secret="key", access_key="key"), "  "),
    ],
)
async def test_a_credential_that_cannot_be_used_moves_the_request_on(
    client: aiohttp.ClientSession, provider: Provider, auth: Auth, given: str
) -> None:
    async with targets(good(), good()) as (first, second):
        models: list[tuple[Provider, int]] = [(provider, first.port), (OPENAI, second.port)]
        assert await asked(client, models, auth, {"key": given}) == (200, "openai/gpt-4o")
        assert first.seen == []
