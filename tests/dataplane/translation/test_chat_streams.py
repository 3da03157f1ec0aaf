"""Streams of Chat Completions: read, written, and read by OpenAI's own SDK."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deferred import deferred
from openai_recordings import ASKED, as_sse, framed, named, payloads, recorded, taken, without_ids, written
from switchover_dataplane.formats import chunk
from switchover_dataplane.formats.api import Api
from switchover_dataplane.formats.chunk_kind import ChunkKind
from switchover_dataplane.translation.answers import (
    Alive,
    Answer,
    CallDelta,
    CallEnd,
    CallStart,
    Counted,
    Ended,
    Event,
    Failed,
    RefusalDelta,
    Started,
    Stop,
    Stopped,
    TextDelta,
    ThinkingDelta,
    ThinkingEnd,
    Usage,
)
from switchover_dataplane.translation.chat import FORMAT
from switchover_dataplane.translation.format import Asked
from switchover_dataplane.translation.joining import as_events, joined
from switchover_dataplane.translation.neutral import Request, Text, Thinking, ToolCall

if TYPE_CHECKING:
    import openai.types.chat
    from openai.lib.streaming import chat as streaming
else:
    openai, streaming = map(deferred, ("openai", "openai.lib.streaming.chat"))

FAILED_STREAMS = frozenset(
    (
        "groq/chat/pai-tool_use_failed_error_streaming.1.stream.sse",
        "openrouter/chat/pai-openrouter_stream_error.stream.sse",
    )
)
"""Recordings of streams that fail."""


def chunked(*deltas: dict[str, Any], finish: str | None = "stop", **more: Any) -> bytes:
    """A stream of deltas."""
    chunks = [{"model": "m", "choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
    if finish is not None:
        chunks.append({"model": "m", "choices": [{"index": 0, "delta": {}, "finish_reason": finish}], **more})
    return b"".join(b"data: " + json.dumps(each).encode() + b"\n\n" for each in chunks)


def events_of(*deltas: dict[str, Any], finish: str | None = "stop", **more: Any) -> list[Event]:
    return list(taken(FORMAT.reader(), chunked(*deltas, finish=finish, **more) + b"data: [DONE]\n\n"))


def called(index: Any, arguments: str = "", **more: Any) -> dict[str, Any]:
    function = {"arguments": arguments} | ({"name": more.pop("name")} if "name" in more else {})
    return {"tool_calls": [{"function": function, **more} | ({} if index is None else {"index": index})]}


# ── Streams that are read ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("path", recorded("chat", "stream"))
def test_a_recorded_stream_is_read_and_reads_the_same_when_written_again(path: Path) -> None:
    events = taken(FORMAT.reader(), as_sse(path))
    if named(path) in FAILED_STREAMS:
        assert isinstance(events[-1], Failed)
        assert not any(isinstance(event, Stopped | Ended) for event in events)
        return
    answer = joined(events)
    assert isinstance(events[-1], Ended)
    again = written(FORMAT, events)
    assert without_ids(joined(taken(FORMAT.reader(), again))) == without_ids(answer)
    _is_read_by_the_sdk(again, answer)


def test_a_call_ends_as_soon_as_its_arguments_are_whole_and_another_begins() -> None:
    events = events_of(
        called(0, '{"a":', id="1", name="f"), called(0, "1}"), called(1, "{}", id="2", name="g"), finish="tool_calls"
    )
    assert events[1:] == [
        *(CallStart(0, "1", "f"), CallDelta(0, '{"a":'), CallDelta(0, "1}"), CallEnd(0)),
        *(CallStart(1, "2", "g"), CallDelta(1, "{}"), CallEnd(1), Stopped(Stop.TOOLS), Ended()),
    ]


def test_calls_whose_pieces_are_mixed_are_told_apart() -> None:
    events = events_of(
        called(0, "", id="1", name="f"),
        called(1, "", id="2", name="g"),
        called(0, '{"a"'),
        called(1, "{}"),
        called(0, ":1}"),
    )
    assert joined(events).blocks == (ToolCall("1", "f", '{"a":1}'), ToolCall("2", "g", "{}"))


@pytest.mark.parametrize(
    "deltas",
    [
        (called(0, "{}", id="1", name="f"), called(0, "{}", id="2", name="f")),
        (called(0, "{}", id="", name="f"), called(0, "{}", id="", name="f")),
        (called(None, "{}", id="1", name="f"), called(None, "{}", id="2", name="f")),
        (called(0, "", id="1"), called(0, "{}", name="f"), called(1, "{}", id="2", name="f")),
        (called(0, "", id="1", name="f"), called(0, "{}", id="1", name="f"), called(1, "{}", id="2", name="f")),
    ],
)
def test_two_calls_are_two_however_they_are_numbered(deltas: Iterable[dict[str, Any]]) -> None:
    blocks = joined(events_of(*deltas)).blocks
    assert [(block.name, block.arguments) for block in blocks if isinstance(block, ToolCall)] == [("f", "{}")] * 2


def test_a_call_of_the_older_kind_is_read() -> None:
    deltas = ({"function_call": {"name": "f", "arguments": '{"a'}}, {"function_call": {"arguments": '":1}'}})
    assert joined(events_of(*deltas, finish="function_call")).blocks == (ToolCall("", "f", '{"a":1}'),)


def test_reasoning_and_content_in_parts_are_read() -> None:
    thinking = {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}
    events = events_of({"content": [thinking]}, {"content": [{"type": "text", "text": "Hi"}]})
    assert events[1:4] == [ThinkingDelta("hm", "other"), ThinkingEnd("other"), TextDelta("Hi")]
    assert events_of({"reasoning": "hm"})[1] == ThinkingDelta("hm", "other")
    details = {"reasoning_details": [{"type": "reasoning.text", "text": "hm"}]}
    assert events_of(details)[1] == ThinkingDelta("hm", "other")


def test_tokens_after_the_finish_are_counted_after_the_reason() -> None:
    usage = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
    tail = b"data: " + json.dumps({"choices": [], "usage": usage}).encode() + b"\n\n"
    events = taken(FORMAT.reader(), chunked({"content": "Hi"}) + tail + b"data: [DONE]\n\n")
    assert list(events[-3:]) == [Stopped(Stop.END), Counted(Usage(1, 2)), Ended()]


def test_the_end_of_the_body_ends_an_answer_with_a_reason_alone() -> None:
    assert taken(FORMAT.reader(), chunked({"content": "Hi"}))[-2:] == [Stopped(Stop.END), Ended()]
    assert taken(FORMAT.reader(), chunked({"content": "Hi"}, finish=None))[-1] == TextDelta("Hi")
    done = taken(FORMAT.reader(), chunked({"content": "Hi"}, finish=None) + b"data: [DONE]\n\n")
    assert not any(isinstance(event, Ended | Stopped) for event in done)


@pytest.mark.parametrize(
    ("data", "right"),
    [
        ({"error": {"message": "x", "code": 429, "type": "t"}}, Failed("x", 429, "t", "429")),
        ({"error": "x"}, Failed("x")),
        ({"object": "error", "message": "x", "code": 500}, Failed("x", 500, "", "500")),
        ({"choices": [{"index": 0, "error": {"message": "x"}}]}, Failed("x")),
    ],
)
def test_an_error_in_a_chunk_is_a_failure_after_which_nothing_is_read(data: dict[str, Any], right: Failed) -> None:
    raw = chunked({"content": "Hi"}) + b"data: " + json.dumps(data).encode() + b"\n\ndata: [DONE]\n\n"
    events = taken(FORMAT.reader(), raw)
    assert events[-1] == right
    assert not any(isinstance(event, Stopped | Ended) for event in events)


@pytest.mark.parametrize("data", [b"{", b"[]", b"7", b"<html>"])
def test_a_chunk_that_is_no_chunk_is_a_failure(data: bytes) -> None:
    assert isinstance(FORMAT.reader().take(data, "")[0], Failed)


def test_an_unknown_reason_is_a_failed_answer() -> None:
    assert Stopped(Stop.FAILED) in events_of({"content": "Hi"}, finish="insufficient_system_resource")


def test_a_chunk_without_content_is_a_sign_of_life() -> None:
    azure = {"choices": [], "id": "", "model": "", "prompt_filter_results": []}
    assert FORMAT.reader().take(json.dumps(azure).encode(), "") == (Alive(),)


# ── Streams that are written ────────────────────────────────────────────────────────────────────────────────────────

_TEXTS = st.text(min_size=1, max_size=12)
_BLOCKS = st.one_of(
    st.builds(Text, _TEXTS),
    st.builds(lambda text: Thinking(text, "other"), _TEXTS),
    st.builds(lambda name, value: ToolCall("", name, json.dumps({"a": value})), st.sampled_from("fg"), st.integers()),
)


def _plain(blocks: Iterable[Any]) -> list[Any]:
    """The blocks as this format can say them: neighbours of one kind are one, and reasoning stands first in none."""
    plain: list[Any] = []
    for block in blocks:
        last = plain[-1] if plain else None
        if isinstance(block, Text) and isinstance(last, Text):
            plain[-1] = Text(last.text + block.text)
        elif isinstance(block, Thinking) and isinstance(last, Thinking):
            plain[-1] = Thinking(last.text + block.text, "other")
        else:
            plain.append(block)
    return plain


@given(st.lists(_BLOCKS, max_size=6), st.sampled_from((Stop.END, Stop.LIMIT)), st.data())
def test_what_is_written_is_read_again_however_it_is_cut(blocks: list[Any], stop: Stop, data: Any) -> None:
    blocks = _plain(blocks)
    has_calls = any(isinstance(block, ToolCall) for block in blocks)
    stop = Stop.TOOLS if has_calls and stop is Stop.END else stop
    answer = Answer(tuple(blocks), stop, "m", usage=Usage(1, 2))
    raw = written(FORMAT, as_events(answer))
    events = taken(FORMAT.reader(), raw)
    cuts = data.draw(st.lists(st.integers(0, len(raw)), max_size=8))
    assert taken(FORMAT.reader(), raw, cuts) == events
    again = joined(events)
    assert [getattr(block, "arguments", block) for block in again.blocks] == [
        getattr(block, "arguments", block) for block in blocks
    ]
    assert (again.stop, again.usage, again.model) == (stop, Usage(1, 2), "m")
    _is_read_by_the_sdk(raw, answer)


def _is_read_by_the_sdk(raw: bytes, answer: Answer) -> None:
    state: streaming.ChatCompletionStreamState[Any] = streaming.ChatCompletionStreamState()
    for payload in payloads(raw):
        state.handle_chunk(openai.types.chat.ChatCompletionChunk.model_validate(payload))
    message = state.current_completion_snapshot.choices[0].message
    text = "".join(block.text for block in answer.blocks if isinstance(block, Text))
    assert (message.content or "") == text
    assert [call.function.arguments for call in message.tool_calls or ()] == [
        block.arguments for block in answer.blocks if isinstance(block, ToolCall)
    ]


EVERYTHING: tuple[Event, ...] = (
    Started("m"),
    ThinkingDelta("hm", "claude"),
    ThinkingEnd("claude", "sig"),
    TextDelta("Hi"),
    CallStart(0, "1", "f"),
    CallDelta(0, "{}"),
    CallEnd(0),
    CallStart(1, "", "g"),
    CallEnd(1),
    Stopped(Stop.TOOLS),
    Counted(Usage(1, 2)),
    Ended(),
)


def test_the_gateways_own_checks_know_every_written_chunk() -> None:
    kinds = [chunk.read(event, Api.CHAT).kind for event in framed(written(FORMAT, EVERYTHING))]
    assert kinds == [
        *(ChunkKind.NO_CONTENT, ChunkKind.THINKING, ChunkKind.CONTENT),
        *(ChunkKind.CONTENT, ChunkKind.CONTENT, ChunkKind.CONTENT, ChunkKind.CONTENT),
        *(ChunkKind.FINISH, ChunkKind.NO_CONTENT, ChunkKind.DONE),
    ]


def test_a_stream_has_one_id_the_role_first_and_arguments_that_are_json() -> None:
    chunks = payloads(written(FORMAT, EVERYTHING))
    assert {each["id"] for each in chunks} == {f"chatcmpl-{ASKED.id}"}
    assert chunks[0]["choices"][0]["delta"]["role"] == "assistant"
    pieces = [call for each in chunks for choice in each["choices"] for call in choice["delta"].get("tool_calls", ())]
    assert pieces[0] == {"index": 0, "id": "1", "type": "function", "function": {"name": "f", "arguments": ""}}
    assert pieces[2]["id"].startswith("call_")
    assert pieces[3] == {"index": 1, "function": {"arguments": "{}"}}
    assert chunks[-1]["choices"] == []
    assert chunks[-1]["usage"]["total_tokens"] == 3


def test_tokens_are_written_only_where_the_client_asked() -> None:
    raw = written(FORMAT, EVERYTHING, Asked("b" * 24, 1, Request(model="m")))
    assert b"usage" not in raw
    assert raw.endswith(b"data: [DONE]\n\n")


@pytest.mark.parametrize(
    ("events", "word"),
    [
        ((RefusalDelta("No."), Stopped(Stop.REFUSAL)), "stop"),
        ((Stopped(Stop.REFUSAL, refusal="No."),), "content_filter"),
        ((Stopped(Stop.REFUSAL),), "content_filter"),
        ((TextDelta("a"), Stopped(Stop.CONTEXT)), "length"),
        ((TextDelta("a"), Stopped(Stop.PAUSE)), "stop"),
    ],
)
def test_a_reason_is_said_in_the_words_of_the_api(events: tuple[Event, ...], word: str) -> None:
    chunks = payloads(written(FORMAT, (*events, Ended())))
    assert chunks[-1]["choices"][0]["finish_reason"] == word


def test_an_error_in_a_stream_keeps_its_words_and_nothing_follows() -> None:
    failed = Failed("Too much.", 429, "rate_limit_error", "slow_down")
    raw = written(FORMAT, (Started("m"), TextDelta("Hi"), failed, Stopped(Stop.END), Ended()))
    last = framed(raw)[-1].data
    assert last is not None
    assert last.startswith(b'{"error":')
    assert json.loads(last)["error"] == {
        "message": "Too much.",
        "type": "rate_limit_error",
        "param": None,
        "code": "slow_down",
    }
    assert chunk.read(framed(raw)[-1], Api.CHAT).kind is ChunkKind.ERROR


def test_a_failed_answer_ends_as_an_error_and_an_open_one_stays_open() -> None:
    assert b"[DONE]" not in written(FORMAT, (Started("m"), Stopped(Stop.FAILED), Ended()))
    assert b"[DONE]" not in written(FORMAT, (Started("m"), TextDelta("Hi")))


def test_a_sign_of_life_is_a_comment() -> None:
    assert written(FORMAT, (Alive(), ThinkingDelta("", "claude"))).count(b": alive\n\n") == 2
