"""Requests with everything that their formats have: a strict provider takes each, or the gateway says why it cannot."""

import base64
import json
from typing import Any

import aiohttp
import pytest

from foreign import mixed
from matrix.cells import MAKERS, POLICY, TEXT
from matrix.clients import IMAGE, SCHEMA
from matrix.fake import Fake, serving
from serving import free_port, gateway

Asked = tuple[str, dict[str, Any]]

U: dict[str, Any] = {"role": "user", "content": "hi"}
T: dict[str, Any] = {"type": "function", "function": {"name": "get_weather", "description": "d", "parameters": SCHEMA}}
LOOSE: dict[str, Any] = {
    "$schema": "http://json-schema.org/draft-07/schema#",
    "type": "object",
    "properties": {
        "a": {"type": "string", "minLength": 1, "pattern": "^x", "default": "x"},
        "b": {"anyOf": [{"type": "integer", "minimum": 0}, {"type": "null"}]},
        "c": {"$ref": "#/$defs/q"},
    },
    "required": ["a"],
    "$defs": {
        "q": {"type": "object", "properties": {"z": {"type": "array", "items": {"type": "number"}, "minItems": 2}}}
    },
}


def of_chat(**k: Any) -> Asked:
    return "/v1/chat/completions", {"model": "m", "messages": [U], **k}


def of_messages(**k: Any) -> Asked:
    return "/v1/messages", {"model": "m", "max_tokens": 3000, "messages": [U], **k}


def of_responses(**k: Any) -> Asked:
    return "/v1/responses", {"model": "m", "input": "hi", **k}


def of_generate(**k: Any) -> Asked:
    return "/v1beta/models/m:generateContent", {"contents": [{"role": "user", "parts": [{"text": "hi"}]}], **k}


PDF = base64.b64encode(b"%PDF-1.4 x").decode()
TOOLS: list[Any] = [{"name": "get_weather", "input_schema": SCHEMA}]
USE: dict[str, Any] = {"type": "tool_use", "id": "toolu_1", "name": "get_weather", "input": {"city": "P"}}


def res(**k: Any) -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": "toolu_1", **k}


IMAGE_BLOCK: dict[str, Any] = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": IMAGE}}
CASES: dict[str, Asked] = {
    "chat: effort high": of_chat(reasoning_effort="high"),
    "chat: effort none": of_chat(reasoning_effort="none"),
    "chat: temp 1.7 topp": of_chat(
        temperature=1.7, top_p=0.5, stop=["a", "b", "c", "d"], seed=4, presence_penalty=1, frequency_penalty=1
    ),
    "chat: choice required": of_chat(tools=[T], tool_choice="required"),
    "chat: choice none": of_chat(tools=[T], tool_choice="none"),
    "chat: choice fn": of_chat(
        tools=[T], tool_choice={"type": "function", "function": {"name": "get_weather"}}, reasoning_effort="high"
    ),
    "chat: parallel off": of_chat(tools=[T], parallel_tool_calls=False),
    "chat: loose tool": of_chat(tools=[{"type": "function", "function": {"name": "f", "parameters": LOOSE}}]),
    "chat: loose strict": of_chat(
        tools=[{"type": "function", "function": {"name": "f", "parameters": LOOSE, "strict": True}}]
    ),
    "chat: loose schema": of_chat(
        response_format={"type": "json_schema", "json_schema": {"name": "x", "schema": LOOSE}}
    ),
    "chat: json_object": of_chat(response_format={"type": "json_object"}),
    "chat: no params": of_chat(tools=[{"type": "function", "function": {"name": "f"}}]),
    "chat: system late": of_chat(
        messages=[U, {"role": "assistant", "content": "a"}, {"role": "system", "content": "s"}, U]
    ),
    "chat: system only": of_chat(messages=[{"role": "system", "content": "s"}]),
    "chat: assistant first": of_chat(messages=[{"role": "assistant", "content": "a"}, U]),
    "chat: assistant last": of_chat(messages=[U, {"role": "assistant", "content": "a "}]),
    "chat: empty texts": of_chat(
        messages=[
            {"role": "system", "content": ""},
            {"role": "user", "content": ""},
            {"role": "assistant", "content": ""},
            {"role": "user", "content": "x"},
        ]
    ),
    "chat: empty last": of_chat(messages=[{"role": "user", "content": ""}]),
    "chat: spaces": of_chat(messages=[{"role": "user", "content": "  \n"}]),
    "chat: result empty": of_chat(
        messages=[
            U,
            {
                "role": "assistant",
                "content": "",
                "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "get_weather", "arguments": ""}}],
            },
            {"role": "tool", "tool_call_id": "c1", "content": ""},
        ],
        tools=[T],
    ),
    "chat: bad args": of_chat(
        messages=[
            U,
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    {"id": "c1", "type": "function", "function": {"name": "get_weather", "arguments": "{bad"}}
                ],
            },
            {"role": "tool", "tool_call_id": "c1", "content": "x"},
        ]
    ),
    "chat: tool named oddly": of_chat(
        tools=[{"type": "function", "function": {"name": "a.b:c", "parameters": SCHEMA}}]
    ),
    "chat: image url": of_chat(
        messages=[{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://x.example/a.png"}}]}]
    ),
    "chat: pdf": of_chat(
        messages=[
            {
                "role": "user",
                "content": [
                    {
                        "type": "file",
                        "file": {"filename": "a b (1).pdf", "file_data": "data:application/pdf;base64," + PDF},
                    }
                ],
            }
        ]
    ),
    "chat: no limit zero": of_chat(max_tokens=1),
    "chat: limit huge": of_chat(max_completion_tokens=10**7),
    "messages: thinking": of_messages(thinking={"type": "enabled", "budget_tokens": 1024}),
    "messages: thinking 1023 limit": of_messages(max_tokens=1100, thinking={"type": "enabled", "budget_tokens": 1099}),
    "messages: adaptive": of_messages(thinking={"type": "adaptive"}, output_config={"effort": "max"}),
    "messages: disabled": of_messages(thinking={"type": "disabled"}),
    "messages: thinking results": of_messages(
        thinking={"type": "enabled", "budget_tokens": 1024},
        tools=TOOLS,
        messages=[U, {"role": "assistant", "content": [USE]}, {"role": "user", "content": [res(content="x")]}],
    ),
    "messages: error result": of_messages(
        tools=TOOLS,
        messages=[U, {"role": "assistant", "content": [USE]}, {"role": "user", "content": [res(is_error=True)]}],
    ),
    "messages: result image": of_messages(
        tools=TOOLS,
        messages=[
            U,
            {"role": "assistant", "content": [USE]},
            {"role": "user", "content": [res(content=[IMAGE_BLOCK, {"type": "text", "text": "see"}])]},
        ],
    ),
    "messages: result no tools": of_messages(
        messages=[U, {"role": "assistant", "content": [USE]}, {"role": "user", "content": [res(content="x")]}]
    ),
    "messages: any": of_messages(tools=TOOLS, tool_choice={"type": "any", "disable_parallel_tool_use": True}),
    "messages: cache": of_messages(
        system=[{"type": "text", "text": "s", "cache_control": {"type": "ephemeral", "ttl": "1h"}}],
        tools=[{**TOOLS[0], "cache_control": {"type": "ephemeral"}}],
    ),
    "messages: role system": of_messages(messages=[U, {"role": "system", "content": "s"}]),
    "messages: role system mid": of_messages(
        messages=[U, {"role": "assistant", "content": "a"}, {"role": "system", "content": "s"}, U]
    ),
    "messages: prefill": of_messages(messages=[U, {"role": "assistant", "content": "{"}]),
    "messages: pdf": of_messages(
        messages=[
            {
                "role": "user",
                "content": [
                    {
                        "type": "document",
                        "source": {"type": "base64", "media_type": "application/pdf", "data": PDF},
                        "title": "a/b",
                        "citations": {"enabled": True},
                    }
                ],
            }
        ]
    ),
    "messages: doc text": of_messages(
        messages=[
            {
                "role": "user",
                "content": [
                    {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "hello"}},
                    {"type": "text", "text": "?"},
                ],
            }
        ]
    ),
    "messages: user+stop": of_messages(
        metadata={"user_id": "u" * 170}, stop_sequences=["a"] * 8, top_k=4, temperature=0.3
    ),
    "messages: loose": of_messages(tools=[{"name": "f", "input_schema": LOOSE}]),
    "responses: effort": of_responses(reasoning={"effort": "xhigh", "summary": "auto"}),
    "responses: items": of_responses(
        input=[
            {"role": "developer", "content": "d"},
            {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "x"}]},
            {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "t"}]},
            {
                "type": "message",
                "role": "assistant",
                "id": "msg_1",
                "status": "completed",
                "content": [{"type": "output_text", "text": "a", "annotations": []}],
            },
            {"role": "user", "content": "y"},
        ]
    ),
    "responses: namespace": of_responses(
        tools=[
            {
                "type": "namespace",
                "name": "ns",
                "description": "d",
                "tools": [{"type": "function", "name": "f", "parameters": SCHEMA}],
            },
            {"type": "web_search"},
            {"type": "custom", "name": "patch", "format": {"type": "text"}},
        ],
        parallel_tool_calls=True,
        store=False,
        include=["reasoning.encrypted_content"],
    ),
    "responses: custom hist": of_responses(
        tools=[{"type": "custom", "name": "patch"}],
        input=[
            {"role": "user", "content": "x"},
            {"type": "custom_tool_call", "call_id": "c1", "name": "patch", "input": "*** hi"},
            {"type": "custom_tool_call_output", "call_id": "c1", "output": "ok"},
        ],
    ),
    "responses: image result": of_responses(
        tools=[{"type": "function", "name": "f", "parameters": SCHEMA}],
        input=[
            {"role": "user", "content": "x"},
            {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"},
            {
                "type": "function_call_output",
                "call_id": "c1",
                "output": [
                    {"type": "input_image", "image_url": "data:image/png;base64," + IMAGE},
                    {"type": "input_text", "text": "t"},
                ],
            },
        ],
    ),
    "responses: format": of_responses(
        text={"format": {"type": "json_schema", "name": "x", "schema": LOOSE, "strict": False}, "verbosity": "low"}
    ),
    "responses: json": of_responses(text={"format": {"type": "json_object"}}),
    "responses: limit": of_responses(
        max_output_tokens=16, top_logprobs=None, truncation="auto", user="u", metadata={"a": "b"}, prompt_cache_key="k"
    ),
    "generate: think": of_generate(
        generationConfig={"thinkingConfig": {"thinkingBudget": -1, "includeThoughts": True}}
    ),
    "generate: think0": of_generate(generationConfig={"thinkingConfig": {"thinkingBudget": 0}}),
    "generate: level": of_generate(generationConfig={"thinkingConfig": {"thinkingLevel": "low"}}),
    "generate: sampling": of_generate(
        generationConfig={
            "temperature": 1.9,
            "topP": 0.3,
            "topK": 40,
            "seed": 1,
            "stopSequences": ["a"],
            "presencePenalty": 0.1,
        }
    ),
    "generate: schema": of_generate(
        generationConfig={
            "responseMimeType": "application/json",
            "responseSchema": {
                "type": "OBJECT",
                "properties": {"a": {"type": "STRING", "nullable": True, "format": "enum", "enum": ["x"]}},
                "propertyOrdering": ["a"],
            },
        }
    ),
    "generate: json": of_generate(generationConfig={"responseMimeType": "application/json"}),
    "generate: any": of_generate(
        tools=[
            {
                "functionDeclarations": [
                    {"name": "f", "parameters": {"type": "OBJECT", "properties": {"a": {"type": "INTEGER"}}}},
                    {"name": "g"},
                ]
            }
        ],
        toolConfig={"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f"]}},
    ),
    "generate: none": of_generate(
        tools=[{"functionDeclarations": [{"name": "f"}]}], toolConfig={"functionCallingConfig": {"mode": "NONE"}}
    ),
    "generate: noid parallel": of_generate(
        contents=[
            {"role": "user", "parts": [{"text": "x"}]},
            {
                "role": "model",
                "parts": [
                    {"functionCall": {"name": "f", "args": {"a": 1}}},
                    {"functionCall": {"name": "f", "args": {"a": 2}}},
                ],
            },
            {
                "role": "user",
                "parts": [
                    {"functionResponse": {"name": "f", "response": {"r": 1}}},
                    {"functionResponse": {"name": "f", "response": {"r": 2}}},
                ],
            },
        ],
        tools=[{"functionDeclarations": [{"name": "f"}]}],
    ),
    "generate: func role": of_generate(
        contents=[
            {"parts": [{"text": "x"}]},
            {"role": "model", "parts": [{"functionCall": {"name": "f"}}]},
            {"role": "function", "parts": [{"functionResponse": {"name": "f", "response": {}}}]},
        ]
    ),
    "generate: safety": of_generate(
        safetySettings=[{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}],
        system_instruction={"parts": [{"text": "s"}]},
    ),
    "generate: model last": of_generate(
        contents=[{"role": "user", "parts": [{"text": "x"}]}, {"role": "model", "parts": [{"text": "y"}]}]
    ),
}

OWN: dict[str, frozenset[str]] = {
    "chat": frozenset(("openai", "azureOpenai")),
    "responses": frozenset(("openai", "azureOpenai")),
    "messages": frozenset(("anthropic",)),
    "generate": frozenset(("gemini", "vertexAi")),
}
"""Providers that get a client's own words, whatever these are."""


@pytest.mark.parametrize("maker", MAKERS)
async def test_a_provider_takes_all_that_it_is_sent_and_what_it_cannot_be_sent_is_named(maker: str) -> None:
    fake = Fake(MAKERS[maker](), TEXT)
    wrong: list[str] = []
    async with serving(fake), aiohttp.ClientSession() as session:
        async with gateway(mixed(free_port(), [(fake.maker.provider, fake.port)], POLICY)) as at:
            for name, (path, body) in CASES.items():
                if maker in OWN[name.partition(":")[0]]:
                    continue
                fake.does(TEXT)
                async with session.post(at.url + path, data=json.dumps(body)) as answer:
                    text = await answer.text()
                is_named = answer.status == 400 and "without a loss" in text and not fake.seen
                if fake.faults or not (answer.status == 200 or is_named):
                    wrong.append(f"{name}: {answer.status} {fake.faults} {text[:200]}")
    assert wrong == []
