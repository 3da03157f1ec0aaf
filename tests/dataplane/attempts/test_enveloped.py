"""Claude at Vertex AI has the API of the client, in another envelope: nothing else of the request is changed."""

import aiohttp
import msgspec
import pytest

from foreign import ANTHROPIC, message, message_events, mixed, streamed
from serving import KEY, free_port, gateway, json, limited, targets
from switchover_dataplane.table.policies import Policy
from switchover_dataplane.table.upstreams import Provider, VertexAi

CLAUDE = VertexAi("my-project", "us-east5", "claude-opus-4-6", publisher="anthropic")
MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-opus-4-6",
    "content": [{"type": "text", "text": "hello"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 3, "output_tokens": 2},
}
AT = "/v1/projects/my-project/locations/us-east5/publishers/anthropic/models"
BETA = b'{"model": "asked", "max_tokens":9, "new_field": {"a" :1.50}, "messages":[{"role":"user","content":"h\\u0069"}]'
REST = b'"max_tokens":9,"new_field":{"a" :1.50},"messages":[{"role":"user","content":"h\\u0069"}]'
VERSION = b'"anthropic_version":"vertex-2023-10-16"'
FIELDS = {"anthropic-version": "2023-06-01", "anthropic-beta": "one,two", "content-type": "application/json"}


async def test_the_body_has_the_version_in_place_of_the_model_and_keeps_the_bytes_of_all_other_fields(
    client: aiohttp.ClientSession,
) -> None:
    answer = {**MESSAGE, "of_a_beta": {"kept": True}}
    async with targets(json(200, answer)) as (only,):
        async with gateway(mixed(free_port(), [(CLAUDE, only.port)])) as at:
            async with client.post(f"{at.url}/v1/messages", data=BETA + b"}", headers=FIELDS) as got:
                assert (got.status, await got.json()) == (200, answer)
                assert got.headers["x-switchover-served-by"] == "vertex/claude-opus-4-6"
    [seen] = only.seen
    assert seen.line == f"POST {AT}/claude-opus-4-6:rawPredict HTTP/1.1"
    assert seen.body == b"{" + REST + b"," + VERSION + b"}"
    assert (seen.headers["anthropic-beta"], seen.headers["authorization"]) == ("one,two", f"Bearer {KEY}")
    assert "x-api-key" not in seen.headers


async def test_a_version_that_the_client_wrote_stays(client: aiohttp.ClientSession) -> None:
    own = b'"anthropic_version":"vertex-2030-01-01"'
    async with targets(message()) as (only,):
        async with gateway(mixed(free_port(), [(CLAUDE, only.port)])) as at:
            async with client.post(f"{at.url}/v1/messages", data=BETA + b"," + own + b"}", headers=FIELDS) as got:
                assert got.status == 200
    assert only.seen[0].body == b"{" + REST + b"," + own + b"}"


async def test_a_stream_is_asked_for_by_the_path_and_comes_untouched(client: aiohttp.ClientSession) -> None:
    events = [
        *message_events("hel", "lo", ends=False),
        b'event: beta\ndata: {"type":"beta"}\n\n',
        *message_events()[-3:],
    ]
    async with targets(streamed(events)) as (only,):
        async with gateway(mixed(free_port(), [(CLAUDE, only.port)])) as at:
            asked = BETA + b', "stream":true}'
            async with client.post(f"{at.url}/v1/messages?beta=true", data=asked, headers=FIELDS) as got:
                assert (got.status, await got.read()) == (200, b"".join(events))
    [seen] = only.seen
    assert seen.line == f"POST {AT}/claude-opus-4-6:streamRawPredict HTTP/1.1"
    assert seen.body == b"{" + REST + b',"stream":true,' + VERSION + b"}"


@pytest.mark.parametrize("stream", [False, True])
async def test_it_fails_over_to_and_from_anthropic_itself(client: aiohttp.ClientSession, stream: bool) -> None:
    models: list[Provider] = [ANTHROPIC, CLAUDE]
    for order in (models, models[::-1]):
        good = streamed(message_events("hello")) if stream else message("hello")
        async with targets(limited(), good) as made:
            pairs = list(zip(order, [target.port for target in made], strict=True))
            async with gateway(mixed(free_port(), pairs)) as at:
                asked = {
                    "model": "m",
                    "max_tokens": 9,
                    "messages": [{"role": "user", "content": "x"}],
                    "stream": stream,
                }
                async with client.post(f"{at.url}/v1/messages", json=asked) as got:
                    assert got.status == 200
                    assert "hello" in await got.text()
        named = [msgspec.json.decode(target.seen[0].body).get("model") for target in made]
        assert named == ["claude-sonnet-4-5" if provider is ANTHROPIC else None for provider in order]


async def test_a_stream_that_is_cut_goes_on_there(client: aiohttp.ClientSession) -> None:
    policy = msgspec.convert({"stream_recovery": "Continue"}, Policy)
    cut = streamed(message_events("one two three four five", ends=False), ends=False, then="close")
    rest = streamed(message_events("one two three four five", " six"))
    async with targets(cut, rest) as made:
        pairs: list[tuple[Provider, int]] = [(ANTHROPIC, made[0].port), (CLAUDE, made[1].port)]
        async with gateway(mixed(free_port(), pairs, policy)) as at:
            asked = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "x"}], "stream": True}
            async with client.post(f"{at.url}/v1/messages", json=asked) as got:
                assert "six" in await got.text()
    sent = msgspec.json.decode(made[1].seen[0].body)
    assert "model" not in sent
    assert sent["messages"][1]["content"] == "one two three four five"


async def test_a_client_of_another_api_is_translated_as_before(client: aiohttp.ClientSession) -> None:
    async with targets(message("hello")) as (only,):
        async with gateway(mixed(free_port(), [(CLAUDE, only.port)])) as at:
            asked = {"model": "m", "messages": [{"role": "user", "content": "x"}]}
            async with client.post(f"{at.url}/v1/chat/completions", json=asked) as got:
                assert (await got.json())["choices"][0]["message"]["content"] == "hello"
    assert msgspec.json.decode(only.seen[0].body)["anthropic_version"] == "vertex-2023-10-16"
