"""Whole answers and errors of Chat Completions: read, written, and read by OpenAI's own SDK."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from deferred import deferred
from openai_recordings import ASKED, body_of, named, recorded, taken, without_ids, written
from switchover_dataplane.translation.answers import (
    Answer,
    BadAnswer,
    Citation,
    Stop,
    Usage,
)
from switchover_dataplane.translation.chat import FORMAT
from switchover_dataplane.translation.format import Asked, Asker, Problem, Reason
from switchover_dataplane.translation.joining import as_events, joined
from switchover_dataplane.translation.models import model_of
from switchover_dataplane.translation.neutral import Refusal, Request, Text, Thinking, Tool, ToolCall

if TYPE_CHECKING:
    import openai
else:
    openai = deferred("openai")

NO_ANSWERS = frozenset(
    (
        "azure/chat/tll-chat_reasoning.2.answer.json",
        "groq/chat/pai-tool_use_failed_error.1.answer.json",
        "openai/chat/eag-chat-unknown-model.answer.json",
        "openai/chat/pai-openai_web_search_tool_model_not_supported.answer.json",
        "openai/chat/ver-reasoning-model-legacy-parameter-error.answer.json",
        "openrouter/chat/pai-openrouter_errors_raised.answer.json",
    )
)
"""Recordings of errors."""


def choice(message: dict[str, Any], finish: str | None = "stop", **more: Any) -> dict[str, Any]:
    return {"model": "m", "choices": [{"index": 0, "message": message, "finish_reason": finish}], **more}


# ── Whole answers ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("path", recorded("chat", "answer.json"))
def test_a_recorded_answer_that_is_written_again_says_the_same(path: Path) -> None:
    given_ = body_of(path)
    if named(path) in NO_ANSWERS:
        with pytest.raises(BadAnswer):
            FORMAT.read_answer(given_)
        return
    answer = FORMAT.read_answer(given_)
    body = FORMAT.write_answer(answer, ASKED)
    openai.types.chat.ChatCompletion.model_validate(body, strict=False)
    ids = [block.id for block in answer.blocks if isinstance(block, ToolCall)]
    again = FORMAT.read_answer(body)
    wrote_ids = [block.id for block in again.blocks if isinstance(block, ToolCall)]
    # Gemini gives none, OpenRouter one that is too long.
    assert all(wrote == given or not 0 < len(given) <= 40 for wrote, given in zip(wrote_ids, ids, strict=True))
    assert without_ids(again) == without_ids(answer)
    was, is_ = given_["choices"][0], body["choices"][0]
    message = was.get("message", {})
    assert is_["finish_reason"] == was["finish_reason"]
    assert body["model"] == given_["model"]
    if isinstance(message.get("content"), str) and message["content"]:
        assert is_["message"]["content"] == message["content"]
    assert (is_["message"]["refusal"] or None) == (message.get("refusal") or None)
    calls = [(call["function"]["name"], call["function"]["arguments"]) for call in message.get("tool_calls") or ()]
    wrote = [(call["function"]["name"], call["function"]["arguments"]) for call in is_["message"].get("tool_calls", ())]
    assert wrote == calls
    assert body["usage"]["prompt_tokens"] == given_["usage"]["prompt_tokens"]


@pytest.mark.parametrize(
    ("body", "right"),
    [
        (choice({"content": "Hi"}), Answer((Text("Hi"),), Stop.END, "m")),
        (choice({"content": "Hi"}, "length"), Answer((Text("Hi"),), Stop.LIMIT, "m")),
        (choice({"content": "Hi"}, "model_length"), Answer((Text("Hi"),), Stop.CONTEXT, "m")),
        (choice({"content": ""}, "content_filter"), Answer((), Stop.REFUSAL, "m")),
        (choice({"content": None, "refusal": "No."}), Answer((Refusal("No."),), Stop.REFUSAL, "m")),
        (choice({"content": "Hi"}, "network_error"), Answer((Text("Hi"),), Stop.FAILED, "m")),
        (choice({"content": "Hi"}, None), Answer((Text("Hi"),), Stop.END, "m")),
        (
            choice({"content": "Hi", "reasoning_content": "hm"}),
            Answer((Thinking("hm", "other"), Text("Hi")), Stop.END, "m"),
        ),
        (
            choice({"tool_calls": [{"id": "", "function": {"name": "f", "arguments": {"a": 1}}}]}),
            Answer((ToolCall("", "f", '{"a":1}'),), Stop.TOOLS, "m"),
        ),
        (
            choice({"function_call": {"name": "f", "arguments": ""}}, "function_call"),
            Answer((ToolCall("", "f", "{}"),), Stop.TOOLS, "m"),
        ),
        (
            choice({"content": "Hi"}, citations=["https://x"]),
            Answer((Text("Hi"),), Stop.END, "m", citations=(Citation("https://x"),)),
        ),
    ],
)
def test_an_answer_is_read(body: dict[str, Any], right: Answer) -> None:
    assert FORMAT.read_answer(body) == right


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        {},
        {"choices": []},
        {"error": {"message": "x"}},
        {"choices": [{"index": 0, "message": {"content": [{"type": "smell"}]}}]},
        {"choices": [{"index": 0, "message": {"audio": {"data": "x"}}}]},
        {"choices": [{"index": 0, "message": {"tool_calls": [{"id": "a"}]}}]},
    ],
)
def test_what_is_no_answer_is_refused(body: Any) -> None:
    with pytest.raises(BadAnswer):
        FORMAT.read_answer(body)


@pytest.mark.parametrize(
    ("usage", "right"),
    [
        ({"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}, Usage(10, 5)),
        (
            {
                "prompt_tokens": 10,
                "completion_tokens": 5,
                "total_tokens": 22,
                "completion_tokens_details": {"reasoning_tokens": 7},
            },
            Usage(10, 12, reasoning=7),
        ),
        ({"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 20}, Usage(10, 10, reasoning=5)),
        ({"prompt_tokens": 10, "completion_tokens": 5, "prompt_cache_hit_tokens": 4}, Usage(10, 5, 4)),
        (
            {
                "prompt_tokens": 10,
                "completion_tokens": 5,
                "prompt_tokens_details": {"cached_tokens": 3, "cache_write_tokens": 2},
            },
            Usage(10, 5, 3, 2),
        ),
    ],
)
def test_tokens_are_counted_alike_whoever_counts(usage: dict[str, Any], right: Usage) -> None:
    assert FORMAT.read_answer(choice({"content": "Hi"}, usage=usage)).usage == right


def test_an_answer_has_all_that_the_sdk_demands() -> None:
    answer = Answer(
        (Thinking("hm", "claude", "sig"), Text("Hi"), ToolCall("id with space", "f", "{}", signature="s")),
        Stop.TOOLS,
        usage=Usage(3, 4, 1, 2, 1),
        citations=(Citation("https://x", "X", "q"),),
    )
    body = FORMAT.write_answer(answer, ASKED)
    parsed = openai.types.chat.ChatCompletion.model_validate(body)
    message = parsed.choices[0].message
    assert (parsed.id, parsed.model, parsed.created) == (f"chatcmpl-{ASKED.id}", "asked-model", ASKED.created)
    assert (message.content, message.tool_calls and message.tool_calls[0].type) == ("Hi", "function")
    assert body["choices"][0]["message"]["reasoning_content"] == "hm"
    assert " " not in body["choices"][0]["message"]["tool_calls"][0]["id"]
    assert parsed.usage is not None
    assert parsed.usage.total_tokens == 7
    assert message.annotations is not None
    assert message.annotations[0].url_citation.url == "https://x"


def test_tools_come_back_in_the_form_in_which_the_client_offered_them() -> None:
    request = Request(tools=(Tool("sql", is_custom=True), Tool("x" * 100), Tool("old", path="functions[0]")))
    long_name = FORMAT.write_request(request, Asker("openai", model_of("llama-4"))).body["tools"][1]["function"]["name"]
    answer = Answer((ToolCall("1", "sql", '{"input":"SELECT"}'), ToolCall("2", long_name)), Stop.TOOLS)
    newer = Asked(ASKED.id, 1, Request(tools=request.tools[:2]))
    calls = FORMAT.write_answer(answer, newer)["choices"][0]["message"]["tool_calls"]
    assert calls[0]["custom"] == {"name": "sql", "input": "SELECT"}
    assert calls[1]["function"]["name"] == "x" * 100
    streamed = taken(FORMAT.reader(), written(FORMAT, as_events(answer), newer))
    assert joined(streamed).blocks == (
        ToolCall("1", "sql", "SELECT", is_custom=True),
        ToolCall("2", "x" * 100),
    )
    older = FORMAT.write_answer(Answer((ToolCall("1", "old"),), Stop.TOOLS), Asked(ASKED.id, 1, request))
    assert older["choices"][0]["message"]["function_call"] == {"name": "old", "arguments": "{}"}
    assert older["choices"][0]["finish_reason"] == "function_call"


@pytest.mark.parametrize(
    ("reason", "status"),
    [
        ("request", 400),
        ("credentials", 401),
        ("permission", 403),
        ("not-found", 404),
        ("too-large", 413),
        ("limit", 429),
        ("overloaded", 503),
        ("server", 500),
        ("filtered", 400),
    ],
)
def test_an_error_has_the_status_by_which_the_sdk_chooses(reason: Reason, status: int) -> None:
    code, body = FORMAT.write_error(Problem(reason, 418, "words", "its-code"))
    assert (code, body["error"]["message"], body["error"]["code"]) == (status, "words", "its-code")
    assert set(body["error"]) == {"message", "type", "param", "code"}
