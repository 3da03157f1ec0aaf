"""A whole completion as the event stream that was asked for."""

from typing import Any

import msgspec
import pytest

from serving import events_of
from switchover_dataplane.attempts.join import JOINERS
from switchover_dataplane.formats.api import Api
from switchover_dataplane.formats.as_stream import as_stream
from switchover_dataplane.formats.as_whole import SizeBudget
from switchover_dataplane.formats.sse import Event, Scanner
from switchover_dataplane.streams.transcript import Transcript

CALL = {"id": "x", "type": "function", "function": {"name": "f", "arguments": "{}"}}


def events(answer: Any, *, with_usage: bool = False) -> list[Any]:
    written = as_stream(Api.CHAT, msgspec.json.encode(answer), with_usage=with_usage)
    assert written is not None
    found = [event.data or b"" for event in Scanner().feed(written)]
    assert found.pop() == b"[DONE]"
    return [msgspec.json.decode(each) for each in found]


def answer(*messages: dict[str, Any], finish: str | None = "stop", **more: Any) -> dict[str, Any]:
    choices = [{"index": n, "message": message, "finish_reason": finish} for n, message in enumerate(messages)]
    return {"id": "1", "object": "chat.completion", "model": "m", "choices": choices, **more}


def test_an_answer_is_its_message_and_its_end() -> None:
    first, last = events(answer({"role": "assistant", "content": "hello"}))
    assert (first["object"], first["id"], first["model"]) == ("chat.completion.chunk", "1", "m")
    [begun], [ended] = first["choices"], last["choices"]
    assert (begun["delta"], begun["finish_reason"]) == ({"role": "assistant", "content": "hello"}, None)
    assert (ended["delta"], ended["finish_reason"]) == ({}, "stop")


def test_tool_calls_get_the_index_that_a_stream_s_have() -> None:
    first, _ = events(answer({"role": "assistant", "content": None, "tool_calls": [CALL, CALL, 7]}))
    assert first["choices"][0]["delta"]["tool_calls"] == [{"index": 0, **CALL}, {"index": 1, **CALL}, 7]


def test_usage_is_sent_if_it_was_requested() -> None:
    whole = answer({"content": "a"}, usage={"total_tokens": 7})
    assert len(events(whole)) == 2
    assert events(whole, with_usage=True)[-1]["usage"] == {"total_tokens": 7}
    assert len(events(answer({"content": "a"}), with_usage=True)) == 2


def test_every_choice_begins_and_ends() -> None:
    indexes = [event["choices"][0]["index"] for event in events(answer({"content": "a"}, {"content": "b"}))]
    assert indexes == [0, 1, 0, 1]


def test_a_missing_finish_reason_is_a_stop_as_the_answer_is_whole() -> None:
    assert events(answer({"content": "a"}, finish=None))[-1]["choices"][0]["finish_reason"] == "stop"


def test_a_text_completion_stays_one() -> None:
    whole = {"object": "text_completion", "choices": [{"index": 0, "text": "a", "finish_reason": "stop"}]}
    first, last = events(whole)
    assert (first["choices"][0]["text"], last["choices"][0]["text"]) == ("a", "")


def test_what_is_written_is_a_whole_answer_to_a_reader_of_streams() -> None:
    written = as_stream(Api.CHAT, msgspec.json.encode(answer({"role": "assistant", "content": "a"})), with_usage=False)
    transcript = Transcript(1, Api.CHAT, holds_calls=True)
    for event in Scanner().feed(written or b""):
        transcript.take(event)
    assert (transcript.text, transcript.whole) == ("a", True)


def test_a_choice_that_was_filtered_has_no_message_and_is_a_stream_all_the_same() -> None:
    first, last = events({"choices": [{"index": 0, "finish_reason": "content_filter"}]})
    assert (first["choices"][0]["delta"], last["choices"][0]["finish_reason"]) == ({}, "content_filter")


@pytest.mark.parametrize("finish", [None, "", "null"])
def test_a_missing_finish_reason_behind_tool_calls_is_theirs(finish: str | None) -> None:
    whole = answer({"content": None, "tool_calls": [CALL]}, finish=finish)
    assert events(whole)[-1]["choices"][0]["finish_reason"] == "tool_calls"


# ── The other APIs ──────────────────────────────────────────────────────────────────────────────────────────────────

USAGE = {"input_tokens": 3, "output_tokens": 9}
MESSAGE: dict[str, Any] = {
    "id": "m", "type": "message", "role": "assistant", "model": "c", "stop_reason": "tool_use", "stop_sequence": None,
    "usage": USAGE,
    "content": [
        {"type": "thinking", "thinking": "hm", "signature": "s"},
        {"type": "redacted_thinking", "data": "x"},
        {"type": "text", "text": "hello", "citations": [{"a": 1}, {"b": 2}]},
        {"type": "server_tool_use", "id": "u", "name": "w", "input": {"q": "x"}},
        {"type": "web_search_tool_result", "tool_use_id": "u", "content": []},
        {"type": "tool_use", "id": "t", "name": "f", "input": {}},
    ],
}  # fmt: skip
RESPONSE: dict[str, Any] = {
    "id": "r", "object": "response", "status": "completed", "model": "g", "error": None, "incomplete_details": None,
    "usage": USAGE,
    "output": [
        {"type": "reasoning", "id": "rs", "summary": [{"type": "summary_text", "text": "s"}], "encrypted_content": "x"},
        {"type": "web_search_call", "id": "ws", "status": "completed", "action": {"type": "search"}},
        {"type": "message", "id": "ms", "role": "assistant", "status": "completed",
         "content": [{"type": "output_text", "text": "hello", "annotations": [{"type": "x"}]},
                     {"type": "refusal", "refusal": "No."}]},
        {"type": "function_call", "id": "fc", "call_id": "c", "name": "f", "arguments": "{}", "status": "completed"},
        {"type": "custom_tool_call", "id": "ct", "call_id": "d", "name": "g", "input": "x"},
    ],
}  # fmt: skip
GENERATED = {"candidates": [{"content": {"role": "model", "parts": [{"text": "hello"}]}, "finishReason": "STOP"}]}


def as_events(api: Api, whole: Any) -> list[Event]:
    written = as_stream(api, msgspec.json.encode(whole), with_usage=False)
    assert written is not None
    return events_of(written)


@pytest.mark.parametrize(
    ("api", "whole"),
    [(Api.MESSAGES, MESSAGE), (Api.RESPONSES, RESPONSE), (Api.GENERATE, GENERATED)],
    ids=["Messages", "Responses", "generateContent"],
)
def test_the_events_of_an_answer_are_the_whole_of_it_to_who_joins_and_to_who_follows_them(api: Api, whole: Any) -> None:
    joiner, transcript = JOINERS[api](SizeBudget(1 << 20)), Transcript(1, api, holds_calls=True)
    for event in as_events(api, whole):
        joiner.take(event.data or b"")
        transcript.take(event)
    transcript.take_end()
    assert (msgspec.json.decode(joiner.written()), transcript.whole) == (whole, True)


def test_events_of_messages_and_responses_are_named_as_their_sdks_demand() -> None:
    for api, whole in ((Api.MESSAGES, MESSAGE), (Api.RESPONSES, RESPONSE)):
        found = as_events(api, whole)
        assert [event.name for event in found] == [msgspec.json.decode(event.data or b"")["type"] for event in found]


def test_events_of_responses_are_numbered_and_no_delta_comes_before_its_item() -> None:
    found = [msgspec.json.decode(event.data or b"") for event in as_events(Api.RESPONSES, RESPONSE)]
    assert [each["sequence_number"] for each in found] == list(range(len(found)))
    assert (found[0]["type"], found[0]["response"]["output"]) == ("response.created", [])
    added = [each["item"] for each in found if each["type"] == "response.output_item.added"]
    assert [each.get("content", each.get("arguments", each.get("input"))) for each in added] == [
        None, None, [], "", "",
    ]  # fmt: skip
    texts = [each["delta"] for each in found if each["type"].endswith(".delta")]
    assert texts == ["s", "hello", "No.", "{}", "x"]


def test_a_message_without_a_stop_reason_ended_by_what_it_holds() -> None:
    for content, reason in ((MESSAGE["content"], "tool_use"), (MESSAGE["content"][2:3], "end_turn")):
        *_, stopped, _ = as_events(Api.MESSAGES, {"content": content})
        assert msgspec.json.decode(stopped.data or b"")["delta"]["stop_reason"] == reason


def test_an_incomplete_response_ends_as_one() -> None:
    last = as_events(Api.RESPONSES, {**RESPONSE, "status": "incomplete"})[-1]
    assert last.name == "response.incomplete"


def test_each_response_of_an_array_is_an_event() -> None:
    assert len(as_events(Api.GENERATE, [GENERATED, GENERATED])) == 2


@pytest.mark.parametrize(
    ("api", "body"),
    [
        (Api.MESSAGES, b'{"content":"hello"}'),
        (Api.MESSAGES, b'{"content":["hello"]}'),
        (Api.RESPONSES, b'{"status":"queued","output":[]}'),
        (Api.RESPONSES, b'{"output":["hello"]}'),
        (Api.EMBEDDINGS, b'{"data":[{"embedding":[1]}]}'),
        (Api.GENERATE, b"[]"),
    ],
)
def test_what_has_no_events_of_its_own_stays_as_it_is(api: Api, body: bytes) -> None:
    assert as_stream(api, body, with_usage=False) is None


@pytest.mark.parametrize(
    "body",
    [
        b"{oops",
        b"[]",
        b"{}",
        b'{"choices": []}',
        b'{"choices": [7]}',
        b'{"choices": [{"index": 0}]}',
        b'{"choices": [{"message": "hello", "finish_reason": "stop"}]}',
        b'{"choices": 7}',
    ],
)
def test_what_is_no_completion_stays_as_it_is(body: bytes) -> None:
    assert as_stream(Api.CHAT, body, with_usage=False) is None
