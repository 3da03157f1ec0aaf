"""A whole completion as the event stream that was asked for."""

from typing import Any

import msgspec
import pytest

from switchover_dataplane.as_stream import as_stream
from switchover_dataplane.stream import Scanner
from switchover_dataplane.transcript import Transcript

CALL = {"id": "x", "type": "function", "function": {"name": "f", "arguments": "{}"}}


def events(answer: Any, *, with_usage: bool = False) -> list[Any]:
    written = as_stream(msgspec.json.encode(answer), with_usage=with_usage)
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


def test_usage_is_told_to_whom_asked_for_it() -> None:
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
    written = as_stream(msgspec.json.encode(answer({"role": "assistant", "content": "a"})), with_usage=False)
    transcript = Transcript()
    for event in Scanner().feed(written or b""):
        transcript.take(event)
    assert (transcript.text, transcript.whole) == ("a", True)


@pytest.mark.parametrize(
    "body",
    [
        b"{oops",
        b"[]",
        b"{}",
        b'{"choices": []}',
        b'{"choices": [7]}',
        b'{"choices": [{"index": 0}]}',
        b'{"choices": 7}',
    ],
)
def test_what_is_no_completion_stays_as_it_is(body: bytes) -> None:
    assert as_stream(body, with_usage=False) is None
