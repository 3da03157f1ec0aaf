"""Streams of generateContent, read and written."""

import base64
import json
from functools import cache
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deferred import deferred
from switchover_dataplane.formats import chunk
from switchover_dataplane.formats.api import Api
from switchover_dataplane.formats.chunk_kind import ChunkKind
from switchover_dataplane.formats.sse import Event as SseEvent
from switchover_dataplane.translation.answers import (
    Alive,
    Answer,
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
from switchover_dataplane.translation.generate import FORMAT
from switchover_dataplane.translation.joining import as_events
from switchover_dataplane.translation.neutral import Request, Text, ToolCall
from translated import ID, again, answers, asked, read_stream, written_stream

if TYPE_CHECKING:
    from google import genai
    from google.genai import errors, types
else:
    genai, errors, types = map(deferred, ("google.genai", "google.genai.errors", "google.genai.types"))


def part(*parts: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"candidates": [{"content": {"parts": list(parts), "role": "model"}, **fields}], "modelVersion": "m"}


def read(*chunks: Any) -> list[Event]:
    reader = FORMAT.reader()
    found: list[Event] = []
    for each in chunks:
        found += reader.take(json.dumps(each).encode(), "")
    return [*found, *reader.end()]


def write(*events: Event, request: Request | None = None) -> list[dict[str, Any]]:
    """Return the chunks that a writer writes, each framed as Google frames it."""
    writer = FORMAT.writer(asked(request))
    written = b"".join(writer.write([event]) for event in events)
    lines = written.decode().split("\r\n\r\n")
    assert lines.pop() == ""
    assert all(line.startswith("data: ") for line in lines)
    return [json.loads(line.removeprefix("data: ")) for line in lines]


def parts(chunks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [each for one in chunks for each in one["candidates"][0]["content"]["parts"]]


# ── Reading ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_stream_is_read_chunk_by_chunk() -> None:
    usage = {"promptTokenCount": 5, "candidatesTokenCount": 2, "totalTokenCount": 7}
    events = read(
        part({"text": "hm", "thought": True}),
        part({"text": "so"}),
        part({"functionCall": {"name": "f", "args": {"a": 1}}, "thoughtSignature": "Y2FsbA=="}),
        {**part({"text": "", "thoughtSignature": "c2ln"}, finishReason="STOP"), "usageMetadata": usage},
    )
    assert events == [
        Started("m"),
        ThinkingDelta("hm", "gemini"),
        ThinkingEnd("gemini"),
        TextDelta("so"),
        CallStart(0, "", "f", signature="Y2FsbA=="),
        CallDelta(0, '{"a":1}'),
        CallEnd(0),
        ThinkingEnd("gemini", "c2ln"),
        Counted(Usage(5, 2)),
        Stopped(Stop.TOOLS),
        Ended(),
    ]


def test_arguments_that_come_value_by_value_are_put_together() -> None:
    def partial(path: str, more: bool = True, **value: Any) -> dict[str, Any]:
        return {"functionCall": {"partialArgs": [{"jsonPath": path, **value}], "willContinue": more}}

    events = read(
        part({"functionCall": {"name": "f", "willContinue": True}}),
        part(partial("$.list[0].name", stringValue="a", willContinue=True)),
        part(partial("$.list[0].name", stringValue="b")),
        part(partial("$.list[1]['odd name']", numberValue=2.0), partial("$.list[2]", nullValue="NULL_VALUE")),
        part(partial('$["x"]', more=False, boolValue=True)),
        part({"functionCall": {"name": "g"}}, finishReason="STOP"),
    )
    assert [event for event in events if not isinstance(event, Alive)][1:6] == [
        CallStart(0, "", "f"),
        CallDelta(0, '{"list":[{"name":"ab"},{"odd name":2},null],"x":true}'),
        CallEnd(0),
        CallStart(1, "", "g"),
        CallEnd(1),
    ]


@pytest.mark.parametrize(
    "partial",
    [{}, {"jsonPath": "$.a"}, {"jsonPath": "a", "boolValue": True}, {"jsonPath": "$.a[9]", "boolValue": True}, 1],
)
def test_a_value_without_a_place_is_a_failure(partial: Any) -> None:
    call = {"functionCall": {"name": "f", "partialArgs": [partial], "willContinue": True}}
    assert Failed("the arguments of a call cannot be put together") in read(part(call))


def test_a_call_that_goes_on_at_the_end_of_the_answer_is_closed_before_it() -> None:
    events = read(part({"functionCall": {"name": "f", "willContinue": True}}), part(finishReason="STOP"))
    assert events[-3:] == [CallEnd(0), Stopped(Stop.TOOLS), Ended()]


def test_an_answer_ends_with_the_body_if_it_said_why() -> None:
    assert read(part({"text": "a"}))[-1] == TextDelta("a")
    assert read(part({"text": "a"}, finishReason="MAX_TOKENS"))[-2:] == [Stopped(Stop.LIMIT), Ended()]
    assert read({"promptFeedback": {"blockReason": "OTHER"}})[-2:] == [Stopped(Stop.REFUSAL), Ended()]


def test_the_reason_of_the_last_chunk_counts_where_each_has_one() -> None:
    events = read(part({"text": "a"}, finishReason="STOP"), part({"text": "b"}, finishReason="MAX_TOKENS"))
    assert events == [Started("m"), TextDelta("a"), TextDelta("b"), Stopped(Stop.LIMIT), Ended()]


def test_what_the_provider_does_itself_and_what_is_unknown_is_a_sign_of_life() -> None:
    events = read(part({"executableCode": {}}, {"tomorrow": 1}), {"tomorrow": 1}, [], 5)
    assert set(map(type, events)) == {Started, Alive}


def test_a_source_is_told_once() -> None:
    grounding = {"groundingChunks": [{"web": {"uri": "https://a.example", "title": "A"}}]}
    events = read(part({"text": "a"}, groundingMetadata=grounding), part({"text": "b"}, groundingMetadata=grounding))
    assert events.count(Cited(Citation("https://a.example", "A"))) == 1


@pytest.mark.parametrize(
    ("data", "failed"),
    [
        (
            b'{"error":{"code":429,"message":"busy","status":"RESOURCE_EXHAUSTED"}}',
            Failed("busy", 429, "RESOURCE_EXHAUSTED"),
        ),
        (b'[{"error":{"message":"busy","status":"UNAVAILABLE"}}]', Failed("busy", 503, "UNAVAILABLE")),
        (b'{"broken', Failed("an event of the stream is no JSON")),
    ],
)
def test_an_error_is_a_failure_with_its_status(data: bytes, failed: Failed) -> None:
    assert list(FORMAT.reader().take(data, "")) == [failed]


_KEYS = ["candidates", "content", "parts", "text", "thought", "functionCall", "name", "args", "partialArgs", "jsonPath"]
_KEYS += ["stringValue", "finishReason", "usageMetadata", "promptFeedback", "groundingMetadata", "groundingSupports"]


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.sampled_from(["a", "$.a[0]", "STOP"]),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_KEYS), inner, max_size=4),
        max_leaves=15,
    )
)
def test_no_chunk_of_any_shape_raises(value: Any) -> None:
    reader = FORMAT.reader()
    for each in (value, {"candidates": value}, part(value) if isinstance(value, dict) else value):
        reader.take(json.dumps(each).encode(), "")
    reader.end()


# ── Writing ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_stream_has_chunks_of_parts_and_says_the_end_in_the_last() -> None:
    chunks = write(
        Started("m", Usage(5)),
        ThinkingDelta("hm", "gemini"),
        ThinkingEnd("gemini", "c2ln"),
        TextDelta("so"),
        Cited(Citation("https://a.example", "A", "so")),
        Stopped(Stop.END),
        Counted(Usage(5, 7)),
        Ended(),
    )
    assert parts(chunks) == [
        {"text": "hm", "thought": True},
        {"text": "", "thoughtSignature": "c2ln"},
        {"text": "so"},
        {"text": ""},
    ]
    assert ["finishReason" in each["candidates"][0] for each in chunks] == [False, False, False, True]
    assert chunks[-1]["usageMetadata"]["totalTokenCount"] == 12
    assert chunks[-1]["candidates"][0]["groundingMetadata"]["groundingChunks"][0]["web"]["uri"] == "https://a.example"
    assert {(each["responseId"], each["modelVersion"]) for each in chunks} == {(ID, "m")}


def test_events_that_come_at_once_are_one_chunk() -> None:
    written = FORMAT.writer(asked()).write(list(as_events(Answer((Text("a"), ToolCall("x", "f")), Stop.TOOLS))))
    assert written.count(b"data: ") == 1
    assert written.endswith(b"\r\n\r\n")


def test_calls_come_whole() -> None:
    chunks = write(
        CallStart(0, "x", "f"),
        CallStart(1, "y", "g", signature="Y2FsbA=="),
        CallDelta(1, '{"b":'),
        CallDelta(0, '{"a":1}'),
        CallDelta(1, "2}"),
        CallEnd(1),
        CallEnd(0),
    )
    assert parts(chunks) == [
        {"functionCall": {"name": "g", "args": {"b": 2}, "id": "y"}, "thoughtSignature": "Y2FsbA=="},
        {"functionCall": {"name": "f", "args": {"a": 1}, "id": "x"}},
    ]


def test_the_end_waits_for_the_end_of_the_targets_stream() -> None:
    assert len(write(TextDelta("a"), Stopped(Stop.END), Counted(Usage(1, 2)))) == 1
    assert len(write(TextDelta("a"), Ended())) == 1


def test_reasoning_of_another_maker_is_hidden_where_it_was_not_asked_for() -> None:
    events = (ThinkingDelta("hm", "claude"), ThinkingEnd("claude", "EqQB"))
    assert parts(write(*events)) == [{"text": "hm", "thought": True}]
    assert FORMAT.writer(asked(Request())).write(events) == b"\r\n"


def test_words_with_which_a_model_refused_end_as_a_refusal() -> None:
    chunks = write(RefusalDelta("I cannot"), Stopped(Stop.END), Ended())
    assert chunks[-1]["candidates"][0]["finishReason"] == "SAFETY"


@pytest.mark.parametrize(
    ("failed", "code", "status"),
    [
        (Failed("why", 429), 429, "RESOURCE_EXHAUSTED"),
        (Failed("why", 529, "overloaded_error"), 529, "UNAVAILABLE"),
        (Failed("why"), 500, "INTERNAL"),
    ],
)
def test_a_failure_begins_with_its_error_and_nothing_follows(failed: Failed, code: int, status: str) -> None:
    chunks = write(TextDelta("a"), failed, TextDelta("b"), Stopped(Stop.END), Ended())
    assert chunks[1:] == [{"error": {"code": code, "message": "why", "status": status}}]
    assert FORMAT.writer(asked()).write([failed]).startswith(b'data: {"error":')


def test_a_failed_answer_ends_with_an_error() -> None:
    assert "error" in write(TextDelta("a"), Stopped(Stop.FAILED), Ended())[-1]


def test_the_projects_own_check_of_streams_knows_each_chunk() -> None:
    def kinds(*events: Event) -> list[ChunkKind]:
        return [chunk.read(SseEvent(b"", "", json.dumps(each).encode()), Api.GENERATE).kind for each in write(*events)]

    assert kinds(TextDelta("a")) == [ChunkKind.CONTENT]
    assert kinds(ThinkingDelta("a", "gemini")) == [ChunkKind.THINKING]
    assert kinds(CallStart(0, "a", "b"), CallEnd(0)) == [ChunkKind.CONTENT]
    assert kinds(Failed("a")) == [ChunkKind.ERROR]
    for stop in set(Stop) - {Stop.FAILED}:
        assert kinds(TextDelta("a"), Stopped(stop), Ended()) == [ChunkKind.CONTENT, ChunkKind.FINISH]


# ── Both ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@given(answers("gemini"))
def test_an_answer_that_is_written_as_a_stream_and_read_is_the_same(answer: Answer) -> None:
    found = again(FORMAT, answer, asked())
    assert found.blocks == answer.blocks
    assert set(found.citations) == set(answer.citations)
    assert (found.stop, found.model) == (answer.stop, answer.model)


@given(answers("gemini"), st.lists(st.integers(0, 10_000), max_size=8))
def test_a_stream_says_the_same_wherever_it_is_cut(answer: Answer, cuts: list[int]) -> None:
    stream = written_stream(FORMAT, answer, asked())
    assert read_stream(FORMAT, stream, cuts) == read_stream(FORMAT, stream)


@cache
def _client() -> "genai.Client":
    """A client of a server that answers with the bytes it is asked for; a client takes half a second to make."""

    def answered(request: httpx2.Request) -> httpx2.Response:
        stream = base64.b64decode(json.loads(request.content)["contents"][0]["parts"][0]["text"])
        return httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=stream)

    options = types.HttpOptions(httpx_client=httpx2.Client(transport=httpx2.MockTransport(answered)))
    return genai.Client(api_key="none", http_options=options)


def _chunks(stream: bytes) -> "list[types.GenerateContentResponse]":
    wanted = base64.b64encode(stream).decode()
    return list(_client().models.generate_content_stream(model="gemini", contents=wanted))


@settings(max_examples=25)
@given(answers("gemini"))
def test_the_official_sdk_reads_the_stream_as_the_answer(answer: Answer) -> None:
    chunks = _chunks(written_stream(FORMAT, answer, asked()))
    found = [each for one in chunks for each in ((one.candidates or [])[0].content or types.Content()).parts or []]
    text = "".join(each.text or "" for each in found if not each.thought)
    assert text == "".join(block.text for block in answer.blocks if isinstance(block, Text))
    calls = [each.function_call for each in found if each.function_call is not None]
    expected = [(each.name, json.loads(each.arguments)) for each in answer.blocks if isinstance(each, ToolCall)]
    assert [(call.name, call.args) for call in calls] == expected
    assert (chunks[-1].candidates or [])[0].finish_reason == types.FinishReason.STOP


def test_the_official_sdk_raises_for_a_failure() -> None:
    stream = FORMAT.writer(asked()).write([Started(), TextDelta("a"), Failed("busy", 503)])
    with pytest.raises(errors.ServerError, match="busy"):
        _chunks(stream)


def test_signs_of_life_do_not_trouble_the_official_sdk() -> None:
    writer = FORMAT.writer(asked())
    stream = writer.write([Alive(), TextDelta("a")]) + writer.write([Alive(), Stopped(Stop.END), Ended()])
    assert "".join(each.text or "" for each in _chunks(stream)) == "a"
