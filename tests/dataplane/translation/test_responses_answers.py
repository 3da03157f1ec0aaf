"""Whole answers and streams of the Responses API: read, written, and read by OpenAI's own SDK."""

import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from deferred import deferred
from openai_recordings import ASKED, as_sse, body_of, framed, named, payloads, recorded, taken, without_ids, written
from switchover_dataplane.formats import chunk
from switchover_dataplane.formats.api import Api
from switchover_dataplane.formats.chunk_kind import ChunkKind
from switchover_dataplane.translation.answers import (
    Alive,
    Answer,
    BadAnswer,
    CallDelta,
    CallEnd,
    CallStart,
    Citation,
    Cited,
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
from switchover_dataplane.translation.format import Asked
from switchover_dataplane.translation.joining import as_events, joined
from switchover_dataplane.translation.neutral import Refusal, Request, Text, Thinking, Tool, ToolCall, ToolChoice
from switchover_dataplane.translation.responses import FORMAT

if TYPE_CHECKING:
    import openai.types.responses
    from openai.lib.streaming.responses import _responses as streaming
else:
    openai, streaming = map(deferred, ("openai", "openai.lib.streaming.responses._responses"))

NO_ANSWERS = frozenset(
    (
        "openai/responses/pai-multimodal_tool_return_matrix-direct-url-audio-openai_responses.answer.json",
        "openai/responses/ver-apply-patch-tool.1.answer.json",
        "openai/responses/ver-local-shell-tool.1.answer.json",
    )
)
"""Recordings of an error, and of calls of tools that are OpenAI's own in form."""

FAILED_STREAMS = frozenset(
    (
        "openai/responses/ver-apply-patch-tool.1.stream.txt",
        "openai/responses/ver-local-shell-tool.1.stream.txt",
    )
)
"""Recordings of calls of tools that are OpenAI's own in form."""


@cache
def of_the_sdk() -> TypeAdapter[Any]:
    """The type of all events."""
    return TypeAdapter(openai.types.responses.ResponseStreamEvent)


def whole(*output: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"status": "completed", "model": "m", "output": list(output), **more}


def message(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"type": "message", "id": "msg", "role": "assistant", "content": list(parts)}


def said(text: str, **more: Any) -> dict[str, Any]:
    return {"type": "output_text", "text": text, **more}


def streamed(*events: dict[str, Any]) -> list[Event]:
    raw = b"".join(b"data: " + json.dumps(each).encode() + b"\n\n" for each in events)
    return list(taken(FORMAT.reader(), raw))


# ── Whole answers ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("path", recorded("responses", "answer.json"))
def test_a_recorded_answer_that_is_written_again_says_the_same(path: Path) -> None:
    given_ = body_of(path)
    if named(path) in NO_ANSWERS:
        with pytest.raises(BadAnswer):
            FORMAT.read_answer(given_)
        return
    answer = FORMAT.read_answer(given_)
    body = FORMAT.write_answer(answer, ASKED)
    openai.types.responses.Response.model_validate(body)
    again = FORMAT.read_answer(body)
    assert [_bare(block) for block in again.blocks] == [_bare(block) for block in answer.blocks]
    assert (again.stop, again.model, again.citations) == (answer.stop, answer.model, answer.citations)
    assert body["status"] == given_["status"]
    if given_.get("usage"):
        assert body["usage"]["input_tokens"] == given_["usage"]["input_tokens"]
        assert body["usage"]["total_tokens"] == given_["usage"]["total_tokens"]


def _bare(block: Any) -> Any:
    """A block without the id that is made anew, and reasoning by its text and its proof alone."""
    return (block.text, block.signature) if isinstance(block, Thinking) else block


@pytest.mark.parametrize(
    ("body", "right"),
    [
        (whole(message(said("Hi"))), Answer((Text("Hi"),), Stop.END, "m")),
        (whole(message({"type": "refusal", "refusal": "No."})), Answer((Refusal("No."),), Stop.REFUSAL, "m")),
        (
            whole(message(said("Hi")), status="incomplete", incomplete_details={"reason": "max_output_tokens"}),
            Answer((Text("Hi"),), Stop.LIMIT, "m"),
        ),
        (
            whole(status="incomplete", incomplete_details={"reason": "content_filter"}),
            Answer((), Stop.REFUSAL, "m"),
        ),
        (whole(status="incomplete", incomplete_details={"reason": "fire"}), Answer((), Stop.FAILED, "m")),
        (
            whole({"type": "function_call", "call_id": "c", "name": "f", "arguments": "", "namespace": "n"}),
            Answer((ToolCall("c", "f", "{}", "n"),), Stop.TOOLS, "m"),
        ),
        (
            whole({"type": "custom_tool_call", "call_id": "c", "name": "f", "input": "x"}),
            Answer((ToolCall("c", "f", "x", is_custom=True),), Stop.TOOLS, "m"),
        ),
        (
            whole(message(said("Hi", annotations=[{"type": "url_citation", "url": "https://x", "title": "X"}]))),
            Answer((Text("Hi"),), Stop.END, "m", citations=(Citation("https://x", "X"),)),
        ),
    ],
)
def test_an_answer_is_read(body: dict[str, Any], right: Answer) -> None:
    assert FORMAT.read_answer(body) == right


@pytest.mark.parametrize(
    "body",
    [
        None,
        {},
        {"error": {"message": "x"}},
        whole(status="in_progress"),
        whole(status="failed"),
        whole({"type": "computer_call"}),
        whole(message({"type": "smell"})),
        whole({"type": "function_call", "call_id": "c"}),
    ],
)
def test_what_is_no_answer_is_refused(body: Any) -> None:
    with pytest.raises(BadAnswer):
        FORMAT.read_answer(body)


def test_an_answer_repeats_what_was_asked_as_the_sdk_demands() -> None:
    request = Request(
        model="m",
        system=(Text("S"),),
        tools=(Tool("a"), Tool("b", namespace="crm"), Tool("sql", is_custom=True)),
        tool_choice=ToolChoice("any"),
        parallel=False,
        max_tokens=20,
    )
    answer = Answer((Text("Hi"), ToolCall("c", "crm__b"), ToolCall("d", "sql", '{"input":"x"}')), Stop.TOOLS)
    parsed = openai.types.responses.Response.model_validate(
        body := FORMAT.write_answer(answer, Asked("a" * 24, 5, request))
    )
    assert (parsed.id, parsed.model, parsed.status, parsed.instructions) == ("resp_" + "a" * 24, "m", "completed", "S")
    assert (parsed.parallel_tool_calls, parsed.tool_choice, parsed.max_output_tokens) == (False, "required", 20)
    assert [tool.type for tool in parsed.tools] == ["function", "namespace", "custom"]
    assert [(item["type"], item.get("name"), item.get("namespace")) for item in body["output"]] == [
        ("message", None, None),
        ("function_call", "b", "crm"),
        ("custom_tool_call", "sql", None),
    ]
    assert body["output"][2]["input"] == "x"
    assert len({item["id"] for item in body["output"]}) == 3


@pytest.mark.parametrize(
    ("stop", "status", "reason"),
    [
        (Stop.END, "completed", None),
        (Stop.LIMIT, "incomplete", "max_output_tokens"),
        (Stop.CONTEXT, "incomplete", "max_output_tokens"),
        (Stop.REFUSAL, "incomplete", "content_filter"),
        (Stop.PAUSE, "completed", None),
        (Stop.FAILED, "failed", None),
    ],
)
def test_a_reason_is_said_in_the_words_of_the_api(stop: Stop, status: str, reason: str | None) -> None:
    body = FORMAT.write_answer(Answer((Text("Hi"),), stop), ASKED)
    openai.types.responses.Response.model_validate(body)
    assert (body["status"], (body["incomplete_details"] or {}).get("reason")) == (status, reason)
    last = payloads(written(FORMAT, as_events(Answer((Text("Hi"),), stop))))[-1]
    assert last["type"] == f"response.{status}"
    assert last["response"]["status"] == status


def test_reasoning_that_nobody_asked_for_is_not_written() -> None:
    answer = Answer((Thinking("hm", "claude", "sig"), Text("Hi")))
    quiet = Asked("a" * 24, 1, Request(model="m"))
    assert [item["type"] for item in FORMAT.write_answer(answer, quiet)["output"]] == ["message"]
    assert [item["type"] for item in FORMAT.write_answer(answer, ASKED)["output"]] == ["reasoning", "message"]
    assert b"reasoning_summary" not in written(FORMAT, as_events(answer), quiet)


# ── Streams that are read ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("path", recorded("responses", "stream"))
def test_a_recorded_stream_is_read_and_reads_the_same_when_written_again(path: Path) -> None:
    events = taken(FORMAT.reader(), as_sse(path))
    if named(path) in FAILED_STREAMS:
        assert isinstance(events[-1], Failed)
        return
    answer = joined(events)
    assert isinstance(events[-1], Ended)
    again = written(FORMAT, events)
    rewritten = joined(taken(FORMAT.reader(), again))
    assert [_bare(block) for block in rewritten.blocks] == [_bare(block) for block in answer.blocks]
    assert (rewritten.stop, rewritten.citations) == (answer.stop, answer.citations)
    _is_read_by_the_sdk(again)


DONE = {"type": "response.completed", "response": whole()}


def test_an_answer_that_comes_in_one_event_alone_is_read() -> None:
    item = message(said("Hi"))
    call = {"type": "function_call", "call_id": "c", "name": "f", "arguments": '{"a":1}'}
    last = {"type": "response.completed", "response": whole(item, call)}
    right = (Text("Hi"), ToolCall("c", "f", '{"a":1}'))
    assert joined(streamed(last)).blocks == right
    done = [
        {"type": "response.output_item.done", "output_index": i, "item": each} for i, each in enumerate((item, call))
    ]
    assert joined(streamed(*done, last)).blocks == right


def test_arguments_that_only_their_end_says_are_read_once() -> None:
    call = {"type": "function_call", "call_id": "c", "name": "f", "arguments": ""}
    events = streamed(
        {"type": "response.output_item.added", "output_index": 0, "item": call},
        {"type": "response.function_call_arguments.done", "output_index": 0, "arguments": '{"a":1}'},
        {"type": "response.output_item.done", "output_index": 0, "item": {**call, "arguments": '{"a":1}'}},
        DONE,
    )
    assert joined(events).blocks == (ToolCall("c", "f", '{"a":1}'),)
    assert events.count(CallEnd(0)) == 1


def test_two_messages_in_a_row_are_no_one_sentence() -> None:
    deltas = [{"type": "response.output_text.delta", "output_index": i, "delta": text} for i, text in enumerate("ab")]
    assert joined(streamed(*deltas, DONE)).blocks == (Text("a\n\nb"),)


def test_reasoning_ends_before_the_answer_begins_and_is_said_once() -> None:
    item = {"type": "reasoning", "id": "rs", "summary": [{"type": "summary_text", "text": "hm"}]}
    events = streamed(
        {"type": "response.reasoning_summary_text.delta", "output_index": 0, "delta": "hm"},
        {"type": "response.output_text.delta", "output_index": 1, "delta": "Hi"},
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        DONE,
    )
    assert events[:3] == [ThinkingDelta("hm", "openai"), ThinkingEnd("openai"), TextDelta("Hi")]
    assert joined(events).blocks == (Thinking("hm", "openai"), Text("Hi"))


@pytest.mark.parametrize(
    ("event", "right"),
    [
        ({"type": "error", "code": "c", "message": "x"}, Failed("x", code="c")),
        ({"type": "error", "error": {"code": "c", "message": "x", "type": "t"}}, Failed("x", 0, "t", "c")),
        ({"type": "response.failed", "response": {"error": {"code": "c", "message": "x"}}}, Failed("x", code="c")),
        ({"error": {"message": "x", "code": 429}}, Failed("x", 429, "", "429")),
    ],
)
def test_an_error_is_a_failure_after_which_nothing_is_read(event: dict[str, Any], right: Failed) -> None:
    assert streamed({"type": "response.created", "response": whole()}, event, DONE) == [Started("m"), right]


def test_an_incomplete_answer_has_its_reason_and_an_unknown_one_failed() -> None:
    last = {"type": "response.incomplete", "response": {"incomplete_details": {"reason": "max_output_tokens"}}}
    assert Stopped(Stop.LIMIT) in streamed(last)
    odd = {"type": "response.incomplete", "response": {"incomplete_details": {"reason": "fire"}}}
    assert Stopped(Stop.FAILED) in streamed(odd)


def test_a_stream_without_its_last_event_has_no_end() -> None:
    reader = FORMAT.reader()
    reader.take(b'{"type":"response.output_text.delta","delta":"Hi"}', "")
    assert not reader.end()


@pytest.mark.parametrize("data", [b"{", b"[]", b"7"])
def test_an_event_that_is_none_is_a_failure(data: bytes) -> None:
    assert isinstance(FORMAT.reader().take(data, "")[0], Failed)


def test_an_unknown_event_is_a_sign_of_life() -> None:
    assert FORMAT.reader().take(b'{"type":"response.web_search_call.searching"}', "") == (Alive(),)


# ── Streams that are written ────────────────────────────────────────────────────────────────────────────────────────

_BLOCKS = st.one_of(
    st.builds(Text, st.text(min_size=1, max_size=12)),
    st.builds(lambda text: Thinking(text, "other"), st.text(min_size=1, max_size=12)),
    st.builds(lambda name, value: ToolCall("", name, json.dumps({"a": value})), st.sampled_from("fg"), st.integers()),
)


def _plain(blocks: Iterable[Any]) -> list[Any]:
    """The blocks as a stream says them: texts that follow each other are one."""
    plain: list[Any] = []
    for block in blocks:
        if isinstance(block, Text) and plain and isinstance(plain[-1], Text):
            plain[-1] = Text(plain[-1].text + block.text)
        else:
            plain.append(block)
    return plain


@given(st.lists(_BLOCKS, max_size=6), st.data())
def test_what_is_written_is_read_again_however_it_is_cut(blocks: list[Any], data: Any) -> None:
    blocks = _plain(blocks)
    stop = Stop.TOOLS if any(isinstance(block, ToolCall) for block in blocks) else Stop.END
    answer = Answer(tuple(blocks), stop, "m", usage=Usage(1, 2, 0, 0, 0))
    raw = written(FORMAT, as_events(answer))
    events = taken(FORMAT.reader(), raw)
    assert taken(FORMAT.reader(), raw, data.draw(st.lists(st.integers(0, len(raw)), max_size=8))) == events
    again = joined(events)
    assert [_bare(block) for block in without_ids(again).blocks] == [_bare(block) for block in blocks]
    assert (again.stop, again.usage, again.model) == (stop, answer.usage, "m")
    _is_read_by_the_sdk(raw)
    assert payloads(raw)[-1]["response"]["output"] == FORMAT.write_answer(answer, ASKED)["output"]


def _is_read_by_the_sdk(raw: bytes) -> None:
    state: Any = streaming.ResponseStreamState(text_format=openai.omit, input_tools=[])
    for number, payload in enumerate(payloads(raw)):
        assert payload["sequence_number"] == number
        state.handle_event(of_the_sdk().validate_python(payload))


EVERYTHING: tuple[Event, ...] = (
    Started("m"),
    ThinkingDelta("hm", "claude"),
    ThinkingEnd("claude", "sig"),
    TextDelta("Hi"),
    Cited(Citation("https://x", "X")),
    CallStart(0, "1", "f"),
    CallDelta(0, "{}"),
    CallEnd(0),
    CallStart(1, "", "g"),
    CallEnd(1),
    Stopped(Stop.TOOLS),
    Counted(Usage(1, 2)),
    Ended(),
)


def test_a_stream_has_every_event_in_its_order() -> None:
    raw = written(FORMAT, EVERYTHING)
    kinds = [payload["type"].removeprefix("response.") for payload in payloads(raw)]
    call = ["output_item.added", "function_call_arguments.delta", "function_call_arguments.done", "output_item.done"]
    assert kinds == [
        *("created", "in_progress"),
        *("output_item.added", "reasoning_summary_part.added", "reasoning_summary_text.delta"),
        *("reasoning_summary_text.done", "reasoning_summary_part.done", "output_item.done"),
        *("output_item.added", "content_part.added", "output_text.delta", "output_text.annotation.added"),
        *("output_text.done", "content_part.done", "output_item.done"),
        *call,
        *call,
        "completed",
    ]
    assert [event.name for event in framed(raw)] == [f"response.{kind}" for kind in kinds]
    last = payloads(raw)[-1]["response"]
    assert last["usage"]["total_tokens"] == 3
    assert last["output"][3]["arguments"] == "{}"
    assert last["output"][1]["content"][0]["annotations"][0]["url"] == "https://x"
    _is_read_by_the_sdk(raw)


def test_the_gateways_own_checks_know_every_written_event() -> None:
    events = (*EVERYTHING[:4], *EVERYTHING[5:8], *EVERYTHING[10:])
    kinds = {payload["type"]: chunk.read(event, Api.RESPONSES).kind for payload, event in _pairs(events)}
    assert kinds["response.output_text.delta"] is ChunkKind.CONTENT
    assert kinds["response.function_call_arguments.delta"] is ChunkKind.CONTENT
    assert kinds["response.reasoning_summary_text.delta"] is ChunkKind.THINKING
    assert kinds["response.created"] is ChunkKind.NO_CONTENT
    assert kinds["response.completed"] is ChunkKind.FINISH
    failed = framed(written(FORMAT, (Started("m"), Failed("x"))))[-1]
    assert chunk.read(failed, Api.RESPONSES).kind is ChunkKind.ERROR
    broken = framed(written(FORMAT, (Started("m"), Stopped(Stop.FAILED))))[-1]
    assert chunk.read(broken, Api.RESPONSES).kind is ChunkKind.ERROR


def _pairs(events: Iterable[Event]) -> Iterable[tuple[Any, Any]]:
    raw = written(FORMAT, events)
    return zip(payloads(raw), framed(raw), strict=True)


def test_openais_own_reasoning_keeps_its_id_and_its_proof() -> None:
    answer = Answer((Thinking("hm", "openai", "proof", id="rs_1"), Text("Hi")), model="m")
    quiet = Asked("a" * 24, 1, Request(model="m"))
    assert joined(taken(FORMAT.reader(), written(FORMAT, as_events(answer), quiet))).blocks == answer.blocks
    assert FORMAT.read_answer(FORMAT.write_answer(answer, quiet)).blocks == answer.blocks


def test_calls_whose_pieces_are_mixed_are_told_apart() -> None:
    events = (CallStart(0, "1", "f"), CallStart(1, "2", "g"), CallDelta(0, "{"), CallDelta(1, "{}"), CallDelta(0, "}"))
    raw = written(FORMAT, (*events, CallEnd(1), CallEnd(0), Stopped(Stop.TOOLS), Ended()))
    assert joined(taken(FORMAT.reader(), raw)).blocks == (ToolCall("1", "f"), ToolCall("2", "g"))
    _is_read_by_the_sdk(raw)


def test_the_words_of_a_refusal_are_said_once() -> None:
    for blocks in ((), (Refusal("No."),)):
        body = FORMAT.write_answer(Answer(blocks, Stop.REFUSAL, refusal="No."), ASKED)
        assert [part["refusal"] for part in body["output"][0]["content"]] == ["No."]
        assert body["status"] == "completed"


def test_a_refusal_is_a_part_of_a_whole_answer() -> None:
    for events in ((RefusalDelta("No."), Stopped(Stop.REFUSAL)), (Stopped(Stop.REFUSAL, refusal="No."),)):
        raw = written(FORMAT, (Started("m"), *events, Ended()))
        assert payloads(raw)[-1]["type"] == "response.completed"
        assert joined(taken(FORMAT.reader(), raw)).blocks == (Refusal("No."),)


def test_an_error_has_its_words_flat_and_as_an_object_and_nothing_follows() -> None:
    failed = Failed("Too much.", 429, "rate_limit_error", "slow_down")
    last = payloads(written(FORMAT, (Started("m"), TextDelta("Hi"), failed, Stopped(Stop.END), Ended())))[-1]
    assert (last["type"], last["code"], last["message"]) == ("error", "slow_down", "Too much.")
    assert last["error"] == {"message": "Too much.", "type": "rate_limit_error", "param": None, "code": "slow_down"}
    of_the_sdk().validate_python(last)


def test_a_stream_whose_answer_has_no_end_stays_open() -> None:
    kinds = [each["type"] for each in payloads(written(FORMAT, (Started("m"), TextDelta("Hi"), Ended())))]
    assert kinds[-1] == "response.output_text.delta"
