"""Whatever comes, the formats of OpenAI refuse it in their own words or read it; nothing else is raised."""

import contextlib
import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from openai_recordings import ASKED, taken, written
from switchover_dataplane.formats import lenient_json
from switchover_dataplane.translation import chat, responses
from switchover_dataplane.translation.answers import BadAnswer
from switchover_dataplane.translation.format import Asked, Asker, Format
from switchover_dataplane.translation.joining import as_events
from switchover_dataplane.translation.models import model_of
from switchover_dataplane.translation.neutral import BadRequest, Request

ASKERS = (
    Asker("openai", model_of("gpt-5.2")),
    Asker("openai", model_of("llama-4")),
    Asker("azure-openai", model_of("my-deployment")),
    Asker("mistral", model_of("magistral-medium")),
)

CHAT_REQUEST: dict[str, Any] = {
    "model": "m",
    "messages": [
        {"role": "system", "content": "S", "name": "n"},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "T", "cache_control": {"ttl": "1h"}},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA", "detail": "low"}},
                {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
                {"type": "file", "file": {"file_data": "JVBERi0=", "filename": "a.pdf"}},
                {"type": "document_url", "document_url": "https://x"},
            ],
        },
        {
            "role": "assistant",
            "content": [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}],
            "reasoning_details": [{"text": "hm"}],
            "tool_calls": [
                {
                    "id": "c",
                    "type": "function",
                    "function": {"name": "f", "arguments": "{}"},
                    "extra_content": {"google": {"thought_signature": "s"}},
                },
                {"id": "d", "type": "custom", "custom": {"name": "sql", "input": "x"}},
            ],
        },
        {"role": "tool", "tool_call_id": "c", "content": [{"type": "text", "text": "1"}]},
        {"role": "tool", "tool_call_id": "d", "content": "2"},
        {"role": "assistant", "function_call": {"name": "g", "arguments": "{}"}, "refusal": "No."},
        {"role": "function", "name": "g", "content": "x"},
    ],
    "tools": [
        {"type": "function", "function": {"name": "f", "description": "d", "parameters": {"a": 1}, "strict": True}},
        {"type": "custom", "custom": {"name": "sql", "format": {"type": "grammar", "grammar": {"definition": "a"}}}},
        {"type": "web_search"},
    ],
    "functions": [{"name": "g"}],
    "tool_choice": {
        "type": "allowed_tools",
        "allowed_tools": {"mode": "auto", "tools": [{"type": "function", "function": {"name": "f"}}]},
    },
    "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {}, "strict": True}},
    "reasoning_effort": "high",
    "reasoning": {"effort": "low", "max_tokens": 5, "exclude": True},
    "thinking": {"type": "enabled", "budget_tokens": 5},
    "stop": ["a"],
    "stream_options": {"include_usage": True},
    "max_tokens": 5,
    "temperature": 1,
    "logprobs": True,
    "top_logprobs": 1,
    "logit_bias": {"1": 1},
    "metadata": {"a": "b"},
    "modalities": ["text"],
    "audio": {"voice": "v"},
    "web_search_options": {"a": 1},
}

RESPONSES_REQUEST: dict[str, Any] = {
    "model": "m",
    "instructions": "S",
    "input": [
        {"type": "message", "role": "developer", "content": "D"},
        {
            "role": "user",
            "content": [
                {"type": "input_text", "text": "T", "prompt_cache_breakpoint": {"mode": "explicit", "ttl": "30m"}},
                {"type": "input_image", "image_url": "https://x", "detail": "low"},
                {"type": "input_file", "file_data": "data:text/plain;base64,AAAA", "filename": "a"},
            ],
        },
        {
            "type": "reasoning",
            "id": "rs",
            "summary": [{"type": "summary_text", "text": "a"}],
            "content": [{"type": "reasoning_text", "text": "b"}],
            "encrypted_content": "p",
        },
        {"role": "assistant", "content": [{"type": "output_text", "text": "A"}, {"type": "refusal", "refusal": "N"}]},
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}", "namespace": "crm"},
        {"type": "function_call_output", "call_id": "c", "output": [{"type": "input_text", "text": "1"}]},
        {"type": "web_search_call"},
        {"type": "additional_tools", "role": "developer", "tools": [{"type": "function", "name": "h"}]},
    ],
    "tools": [
        {"type": "function", "name": "f", "parameters": {"a": 1}, "strict": None},
        {"type": "namespace", "name": "crm", "tools": [{"type": "custom", "name": "g", "format": {"type": "grammar"}}]},
        {"type": "web_search"},
    ],
    "tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "f"}]},
    "text": {"format": {"type": "json_schema", "name": "n", "schema": {}}, "verbosity": "low"},
    "reasoning": {"effort": "high", "summary": "auto"},
    "include": ["reasoning.encrypted_content"],
    "metadata": {"a": "b"},
    "conversation": {"id": "c"},
    "truncation": "auto",
}

CHAT_ANSWER: dict[str, Any] = {
    "model": "m",
    "choices": [
        {
            "index": 0,
            "finish_reason": "stop",
            "message": {
                "content": [{"type": "text", "text": "a"}, {"type": "thinking", "thinking": [{"text": "b"}]}],
                "refusal": "r",
                "reasoning_content": "c",
                "reasoning_details": [{"text": "d"}],
                "annotations": [{"type": "url_citation", "url_citation": {"url": "u", "title": "t"}}],
                "tool_calls": [
                    {"id": "c", "function": {"name": "f", "arguments": "{}"}, "extra_content": {"google": {}}}
                ],
            },
        }
    ],
    "usage": {
        "prompt_tokens": 1,
        "completion_tokens": 2,
        "total_tokens": 3,
        "prompt_tokens_details": {"cached_tokens": 1},
    },
    "citations": ["u"],
}

RESPONSES_ANSWER: dict[str, Any] = {
    "status": "completed",
    "model": "m",
    "output": [
        {"type": "reasoning", "id": "rs", "summary": [{"text": "a"}], "encrypted_content": "p"},
        {
            "type": "message",
            "content": [{"type": "output_text", "text": "a", "annotations": [{"type": "url_citation", "url": "u"}]}],
        },
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
        {"type": "custom_tool_call", "call_id": "d", "name": "g", "input": "x"},
    ],
    "usage": {"input_tokens": 1, "output_tokens": 2, "input_tokens_details": {"cached_tokens": 1}},
}

CHAT_EVENTS: list[Any] = [
    {"model": "m", "choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}}]},
    {"choices": [{"index": 0, "delta": {"reasoning": "a", "content": "b"}}]},
    {"choices": [{"index": 0, "delta": {"tool_calls": [{"index": 0, "id": "c", "function": {"name": "f"}}]}}]},
    {"choices": [{"index": 0, "delta": {"tool_calls": [{"index": 0, "function": {"arguments": "{}"}}]}}]},
    {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
    {"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}},
]

RESPONSES_EVENTS: list[Any] = [
    {"type": "response.created", "response": {"model": "m"}},
    {"type": "response.output_item.added", "output_index": 0, "item": {"type": "reasoning", "id": "rs"}},
    {"type": "response.reasoning_summary_text.delta", "output_index": 0, "summary_index": 0, "delta": "a"},
    {"type": "response.output_item.done", "output_index": 0, "item": RESPONSES_ANSWER["output"][0]},
    {"type": "response.output_text.delta", "output_index": 1, "content_index": 0, "delta": "b"},
    {"type": "response.output_text.annotation.added", "output_index": 1, "annotation": {"type": "url_citation"}},
    {"type": "response.output_item.added", "output_index": 2, "item": RESPONSES_ANSWER["output"][2]},
    {"type": "response.function_call_arguments.delta", "output_index": 2, "delta": "{}"},
    {"type": "response.output_item.done", "output_index": 2, "item": RESPONSES_ANSWER["output"][2]},
    {"type": "response.completed", "response": RESPONSES_ANSWER},
]

FORMATS = [
    pytest.param(chat.FORMAT, CHAT_REQUEST, CHAT_ANSWER, CHAT_EVENTS, id="chat"),
    pytest.param(responses.FORMAT, RESPONSES_REQUEST, RESPONSES_ANSWER, RESPONSES_EVENTS, id="responses"),
]

ODD: list[Any] = [None, True, False, 0, -1, 1.5, 10**30, float("nan"), "", "x", "\ud800", [], [None], [[]], {}, {"": 0}]


def read(form: Format, body: Any) -> Request | None:
    """A request, None for a body that is refused with a path."""
    try:
        return form.read_request(body, "/v1/x")
    except BadRequest as error:
        if not error.path:
            raise
        return None


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every container in a value, with every key or index of it."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in list(items):
        yield value, key
        yield from places(each)


def spoiled(value: Any) -> Iterator[Any]:
    """The value with each of its parts replaced by each odd one, and left out."""
    for number in range(sum(1 for _ in places(value))):
        for odd in (*ODD, "missing"):
            whole = copy.deepcopy(value)
            holder, key = list(places(whole))[number]
            if odd == "missing":
                del holder[key]
            else:
                holder[key] = copy.deepcopy(odd)
            yield whole


@pytest.mark.parametrize(("form", "body", "_answer", "_events"), FORMATS)
def test_a_spoiled_request_is_refused_with_its_path_or_written(
    form: Format, body: Any, _answer: Any, _events: Any
) -> None:
    for spoilt in spoiled(body):
        request = read(form, spoilt)
        for asker in ASKERS:
            if request is not None:
                lenient_json.encode(form.write_request(request, asker).body)


@pytest.mark.parametrize(("form", "_body", "answer", "_events"), FORMATS)
def test_a_spoiled_answer_is_refused_or_written(form: Format, _body: Any, answer: Any, _events: Any) -> None:
    for spoilt in spoiled(answer):
        try:
            found = form.read_answer(spoilt)
        except BadAnswer:
            continue
        lenient_json.encode(form.write_answer(found, ASKED))
        written(form, as_events(found))


@pytest.mark.parametrize(("form", "body", "_answer", "events"), FORMATS)
def test_a_spoiled_stream_is_read_to_its_end(form: Format, body: Any, _answer: Any, events: Any) -> None:
    asked = Asked("a" * 24, 1, form.read_request(body, "/v1/x"))
    for spoilt in spoiled(events):
        raw = b"".join(b"data: " + json.dumps(each).encode() + b"\n\n" for each in spoilt)
        written(form, taken(form.reader(), raw), asked)


@pytest.mark.parametrize(("form", "body", "answer", "events"), FORMATS)
@given(data=st.data())
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
def test_a_body_with_several_faults_is_refused_or_written(
    form: Format, body: Any, answer: Any, events: Any, data: Any
) -> None:
    whole = copy.deepcopy([body, answer, events])
    for _ in range(data.draw(st.integers(1, 4))):
        found = list(places(whole))[3:]
        holder, key = found[data.draw(st.integers(0, len(found) - 1))]
        if holder is not whole:
            holder[key] = copy.deepcopy(data.draw(st.sampled_from(ODD)))
    request = read(form, whole[0])
    for asker in ASKERS:
        if request is not None:
            form.write_request(request, asker)
    with contextlib.suppress(BadAnswer):
        form.write_answer(form.read_answer(whole[1]), ASKED)
    raw = b"".join(b"data: " + json.dumps(each).encode() + b"\n\n" for each in whole[2])
    written(form, taken(form.reader(), raw))
