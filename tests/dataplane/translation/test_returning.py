"""A conversation that comes back from other providers fits its own API again, and any other keeps its bytes."""

from typing import Any

import msgspec
import pytest

from switchover_dataplane.formats.api import Api
from switchover_dataplane.translation.call_ids import MISTRAL
from switchover_dataplane.translation.returning import NO_SIGNATURE, returning_to

THINKING = {"type": "thinking", "thinking": "hm", "signature": ""}
SIGNED = {**THINKING, "signature": "of-claude"}
TEXT = {"type": "text", "text": "a"}
REASONING = {"type": "reasoning", "id": "rs_1", "summary": []}
CALL = {"functionCall": {"name": "f", "args": {}}}


def back(provider: str, api: Api, body: dict[str, Any], model: str = "") -> dict[str, Any]:
    returning = returning_to(provider, api, model)
    assert returning is not None
    decoded: dict[str, Any] = msgspec.json.decode(returning(msgspec.json.encode(body)))
    return decoded


def test_ids_of_calls_become_nine_signs_for_mistral_and_stay_pairs() -> None:
    calls = [{"id": "call_of_openai_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]
    asked = {"role": "assistant", "tool_calls": calls}
    result = {"role": "tool", "tool_call_id": "call_of_openai_1", "content": "x"}
    messages = back("mistral", Api.CHAT, {"messages": [asked, result]})["messages"]
    assert messages[0]["tool_calls"][0]["id"] == messages[1]["tool_call_id"]
    assert MISTRAL.pattern.fullmatch(messages[1]["tool_call_id"])


@pytest.mark.parametrize("provider", ["anthropic", "vertex"])
def test_reasoning_that_claude_did_not_sign_does_not_go_back_to_it(provider: str) -> None:
    messages = [{"role": "assistant", "content": [THINKING, SIGNED, TEXT]}, {"role": "user", "content": "b"}]
    body = back(provider, Api.MESSAGES, {"messages": messages})
    assert [message["content"] for message in body["messages"]] == [[SIGNED, TEXT], "b"]


def test_a_message_of_nothing_but_unsigned_reasoning_goes_as_a_whole() -> None:
    messages = [{"role": "assistant", "content": [THINKING]}, {"role": "user", "content": "b"}]
    assert len(back("anthropic", Api.MESSAGES, {"messages": messages})["messages"]) == 1


def test_reasoning_without_proof_does_not_go_back_to_openai_unless_answers_are_stored() -> None:
    proved = {**REASONING, "encrypted_content": "x"}
    items = [REASONING, proved, {"role": "user", "content": "a"}]
    assert back("openai", Api.RESPONSES, {"store": False, "input": items})["input"] == items[1:]
    assert back("openai", Api.RESPONSES, {"input": items})["input"] == items


@pytest.mark.parametrize("model", ["gemini-3-pro", ""])
def test_the_first_unsigned_call_of_a_turn_is_marked_for_gemini(model: str) -> None:
    contents = [
        {"role": "model", "parts": [CALL, CALL]},
        {"role": "model", "parts": [{**CALL, "thoughtSignature": "s"}]},
    ]
    first, second = back("gemini", Api.GENERATE, {"contents": contents}, model)["contents"]
    assert [part.get("thoughtSignature") for part in first["parts"]] == [NO_SIGNATURE, None]
    assert second == contents[1]


@pytest.mark.parametrize(
    ("provider", "api", "body"),
    [
        ("mistral", Api.CHAT, b'{"messages":[{"role":"tool", "tool_call_id":"abcdefghi"}]}'),
        ("anthropic", Api.MESSAGES, b'{"messages": [{"content": [{"type":"thinking","signature":"s"}]}]}'),
        ("openai", Api.RESPONSES, b'{"store":false,"input": [{"type":"message"}]}'),
        ("gemini", Api.GENERATE, b'{"contents": [{"parts": [{"text":"a"}]}]}'),
        ("mistral", Api.CHAT, b'{"messages": 1, "tool_calls": "tool_call_id"}'),
        ("anthropic", Api.MESSAGES, b'["signature":""'),
    ],
)
def test_a_body_that_fits_or_cannot_be_read_keeps_its_bytes(provider: str, api: Api, body: bytes) -> None:
    returning = returning_to(provider, api, "")
    assert returning is not None
    assert returning(body) == body


@pytest.mark.parametrize(
    ("provider", "api", "model"),
    [("openai", Api.CHAT, "qwen3"), ("gemini", Api.GENERATE, "gemini-2.5-pro"), ("http", None, "")],
)
def test_where_everything_fits_nothing_is_looked_at(provider: str, api: Api | None, model: str) -> None:
    assert returning_to(provider, api, model) is None


OPENAIS: dict[str, Any] = {
    "model": "mistral-large-latest",
    "max_completion_tokens": 99,
    "seed": 7,
    "stream": True,
    "stream_options": {"include_usage": True},
    "store": False,
    "user": "me",
    "messages": [
        {"role": "developer", "content": "Be short."},
        {"role": "user", "content": "a", "name": "me"},
        {"role": "assistant", "content": "b", "refusal": None, "annotations": [], "audio": None},
        {"role": "user", "content": "c"},
    ],
}


def test_mistral_gets_what_openai_has_other_words_for_in_its_own_and_nothing_that_it_refuses() -> None:
    body = back("mistral", Api.CHAT, OPENAIS, "mistral-large-latest")
    assert (body.pop("max_tokens"), body.pop("random_seed"), body.pop("stream")) == (99, 7, True)
    assert body == {
        "model": "mistral-large-latest",
        "messages": [
            {"role": "system", "content": "Be short."},
            {"role": "user", "content": "a"},
            {"role": "assistant", "content": "b"},
            {"role": "user", "content": "c"},
        ],
    }


@pytest.mark.parametrize(
    "body",
    [
        {
            "model": "m",
            "max_tokens": 9,
            "safe_prompt": True,
            "random_seed": 1,
            "messages": [{"role": "user", "content": ""}],
        },
        {"model": "m", "logit_bias": {"1": 1}, "messages": [{"role": "user", "content": "a"}]},
        {"model": "m", "max_completion_tokens": 9, "messages": "none"},
        {"model": "m", "messages": ["no message", {"role": ["no role"]}]},
    ],
    ids=["is Mistral's own", "would change the answer", "is no request", "has no messages"],
)
def test_mistral_gets_the_bytes_of_a_body_that(body: dict[str, Any]) -> None:
    returning = returning_to("mistral", Api.CHAT, "mistral-small")
    assert returning is not None
    content = msgspec.json.encode(body) + b" "
    assert returning(content) == content


@pytest.mark.parametrize(("provider", "model"), [("openai", "gpt-4o"), ("azure-openai", "deployed")])
def test_openai_gets_nothing_that_other_servers_of_its_api_write_into_a_message(provider: str, model: str) -> None:
    call = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    signed = {**call, "index": 0, "extra_content": {"google": {"thought_signature": "x"}}}
    said = {"role": "assistant", "content": None, "tool_calls": [call]}
    user = {"role": "user", "content": '{"prefix": 1}'}
    theirs = {**said, "tool_calls": [signed], "reasoning_content": "hm", "prefix": False}
    assert back(provider, Api.CHAT, {"messages": [user, theirs]}, model) == {"messages": [user, said]}


def test_a_server_that_is_like_openais_gets_its_own_reasoning_back() -> None:
    assert returning_to("openai", Api.CHAT, "deepseek-reasoner") is None
    assert returning_to("openai", Api.CHAT, "") is None


def test_a_call_that_gemini_signed_goes_to_mistral_without_the_signature() -> None:
    call = {"id": "abcdefgh1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    signed = {**call, "extra_content": {"google": {"thought_signature": "x"}}}
    messages = [
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": None, "tool_calls": [signed]},
        {"role": "tool", "tool_call_id": "abcdefgh1", "content": "b"},
    ]
    written = back("mistral", Api.CHAT, {"model": "m", "messages": messages}, "mistral-small")
    assert written["messages"][1]["tool_calls"] == [call]


@pytest.mark.parametrize(
    ("fields", "written"),
    [
        (
            {"messages": [{"role": "user", "content": "a"}, {"role": "system", "content": "b"}]},
            {"messages": [{"role": "user", "content": "a"}, {"role": "user", "content": "b"}]},
        ),
        (
            {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]},
            {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b", "prefix": True}]},
        ),
        (
            {
                "messages": [{"role": "user", "content": "a"}],
                "tools": [{"type": "function", "function": {"name": "f"}}],
            },
            {
                "messages": [{"role": "user", "content": "a"}],
                "tools": [
                    {
                        "type": "function",
                        "function": {"name": "f", "parameters": {"type": "object", "properties": {}}},
                    }
                ],
            },
        ),
    ],
    ids=["a prompt comes last", "an answer is begun", "a function has no parameters"],
)
def test_mistral_gets_what_it_demands_where(fields: dict[str, Any], written: dict[str, Any]) -> None:
    assert back("mistral", Api.CHAT, {"model": "mistral-small", **fields}, "mistral-small") == {
        "model": "mistral-small",
        **written,
    }
