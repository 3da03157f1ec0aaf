"""Refusals over sockets: which move a request on, which keep a target out of service, and for how long."""

from io import BytesIO
from typing import Any

import aiohttp
import msgspec
import pytest

from serving import Answering, Gateway, free_port, gateway, good, json, raw, table, targets

REFUSED = "invalid_request_error"


def error(message: str, **fields: object) -> dict[str, object]:
    return {"error": {"message": message, "type": REFUSED, "code": None, **fields}}


async def ask(at: Gateway) -> tuple[int, Any]:
    sent = msgspec.json.encode({"model": "asked", "messages": [{"role": "user", "content": "hi"}]})
    async with aiohttp.ClientSession() as session:
        async with session.post(f"{at.url}/model", data=BytesIO(sent)) as answer:
            return answer.status, answer.headers.get("x-switchover-served-by")


MOVES_ON = {
    "throttled": json(400, error("You are sending requests too quickly, please slow down")),
    "no balance": json(400, error("Account balance exhausted. Recharge to go on.")),
    "retired": json(400, error("The model `model-0` was retired last week")),
    "key": json(400, error("Your API key has been revoked")),
    "too long": json(400, error("Prompt of 9000 tokens exceeds what this model takes (8192)")),
    "path": json(404, error("Unknown request URL: POST /v1/x")),
    "page": raw(b"HTTP/1.1 404 X\r\ncontent-type: text/html\r\ncontent-length: 15\r\n\r\n<html>no</html>"),
}
STAYS = {
    "field": json(400, error("messages.0.role: Input should be 'user'")),
    "quoted": json(400, error("Invalid tool name 'the engine is overloaded, insufficient balance'")),
    "item": json(404, error("Item with id 'rs_1' not found.", param="input")),
    "content": json(403, {"error": "Content violates usage guidelines", "code": "no permission to do this"}),
}


@pytest.mark.parametrize("refusal", MOVES_ON.values(), ids=MOVES_ON)
async def test_a_refusal_about_the_moment_the_account_or_the_model_is_answered_by_the_next_one(
    refusal: Answering,
) -> None:
    async with targets(refusal, good()) as each, gateway(table(free_port(), [one.port for one in each])) as at:
        assert await ask(at) == (200, "openai/model-1")


@pytest.mark.parametrize("refusal", STAYS.values(), ids=STAYS)
async def test_a_refusal_about_the_request_itself_is_the_callers(refusal: Answering) -> None:
    async with targets(refusal, good()) as each, gateway(table(free_port(), [one.port for one in each])) as at:
        status, by = await ask(at)
        assert (status // 100, by, each[1].seen) == (4, "openai/model-0", [])


SAYS_WHEN = {
    "field": json(429, error("no", resets_in_seconds=90)),
    "sentence": json(403, error("5-hour usage limit reached. Resets in 1min 30s.")),
    "header": json(429, error("no"), ["x-ratelimit-remaining: 0", "x-ratelimit-reset: 90"]),
}


@pytest.mark.parametrize("refusal", SAYS_WHEN.values(), ids=SAYS_WHEN)
async def test_a_target_that_states_a_wait_is_not_tried_before_its_end(refusal: Answering) -> None:
    async with targets(refusal, good()) as each, gateway(table(free_port(), [one.port for one in each])) as at:
        assert [await ask(at) for _ in range(3)] == [(200, "openai/model-1")] * 3
        assert len(each[0].seen) == 1
        (cooling,) = at.runtime.health.dump(0.0)
        assert cooling["share"] == 0


async def test_what_one_request_names_keeps_the_target_for_the_others() -> None:
    refusals = [
        json(401, error("OpenAI-Organization header should match organization for API key")),
        json(404, error("Conversation with id 'c' not found", param="conversation")),
        json(404, error("Invalid URL (POST /v1/x)")),
        json(400, error("tools.0: schema is not valid")),
    ]
    for refusal in refusals:
        async with targets(refusal, good()) as each, gateway(table(free_port(), [one.port for one in each])) as at:
            for _ in range(4):
                await ask(at)
            assert len(each[0].seen) == 4
            assert at.runtime.health.dump(0.0) == []
