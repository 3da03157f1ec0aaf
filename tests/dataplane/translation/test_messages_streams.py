"""Streams of the Messages API, read and written."""

import json
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
from switchover_dataplane.translation.joining import as_events, joined
from switchover_dataplane.translation.messages import FORMAT
from switchover_dataplane.translation.neutral import Request, Text, Thinking, ToolCall
from translated import ID, again, answers, asked, read_stream, written_stream

if TYPE_CHECKING:
    import anthropic
else:
    anthropic = deferred("anthropic")


def read(*events: dict[str, Any]) -> list[Event]:
    reader = FORMAT.reader()
    found: list[Event] = []
    for event in events:
        found += reader.take(json.dumps(event).encode(), event["type"])
    return [*found, *reader.end()]


def block(index: int, start: dict[str, Any], *deltas: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"type": "content_block_start", "index": index, "content_block": start},
        *({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": index},
    ]


def write(*events: Event, request: Request | None = None) -> list[dict[str, Any]]:
    """Return the payloads that a writer writes, each of which must have the line `event`."""
    writer = FORMAT.writer(asked(request))
    written = b"".join(writer.write([event]) for event in events)
    payloads = []
    for each in written.decode().split("\n\n")[:-1]:
        name, _, data = each.partition("\n")
        payload = json.loads(data.removeprefix("data: "))
        assert name == f"event: {payload['type']}"
        payloads.append(payload)
    return payloads


def types(payloads: list[dict[str, Any]]) -> list[str]:
    return [payload["type"].removeprefix("content_") for payload in payloads]


# ── Reading ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_stream_is_read_block_by_block() -> None:
    events = read(
        {"type": "message_start", "message": {"model": "m", "usage": {"input_tokens": 5, "output_tokens": 1}}},
        *block(
            0,
            {"type": "thinking", "thinking": "", "signature": ""},
            {"type": "thinking_delta", "thinking": "hm"},
            {"type": "signature_delta", "signature": "EqQB"},
        ),
        *block(1, {"type": "redacted_thinking", "data": "EvgF"}),
        *block(2, {"type": "text", "text": ""}, {"type": "text_delta", "text": "so"}),
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 7}},
        {"type": "message_stop"},
    )
    assert [event for event in events if not isinstance(event, Alive)] == [
        Started("m", Usage(5, 1)),
        ThinkingDelta("hm", "claude"),
        ThinkingEnd("claude", "EqQB"),
        ThinkingEnd("claude", "EvgF", is_redacted=True),
        TextDelta("so"),
        Stopped(Stop.END),
        Counted(Usage(5, 7)),
        Ended(),
    ]


def test_a_call_is_read_with_its_arguments_in_pieces_in_its_start_or_without_any() -> None:
    tool = {"type": "tool_use", "id": "toolu_1", "name": "add"}
    events = read(
        *block(
            0,
            {**tool, "input": {}},
            {"type": "input_json_delta", "partial_json": ""},
            {"type": "input_json_delta", "partial_json": '{"a":'},
            {"type": "input_json_delta", "partial_json": "1}"},
        ),
        *block(1, {**tool, "input": {"b": 2}}),
        *block(2, {**tool, "input": {}}, {"type": "input_json_delta", "partial_json": ""}),
    )
    assert [event for event in events if not isinstance(event, Alive)] == [
        CallStart(0, "toolu_1", "add"),
        CallDelta(0, '{"a":'),
        CallDelta(0, "1}"),
        CallEnd(0),
        CallStart(1, "toolu_1", "add"),
        CallDelta(1, '{"b":2}'),
        CallEnd(1),
        CallStart(2, "toolu_1", "add"),
        CallEnd(2),
    ]


def test_what_the_provider_does_itself_and_what_is_unknown_is_a_sign_of_life() -> None:
    events = read(
        {"type": "ping"},
        {"type": "tomorrow"},
        *block(0, {"type": "server_tool_use", "id": "s"}, {"type": "input_json_delta", "partial_json": '{"q"'}),
        *block(1, {"type": "fallback", "from": {}, "to": {}}),
    )
    assert set(map(type, events)) == {Alive}


def test_a_call_that_was_not_closed_ends_before_the_answer() -> None:
    start = {"type": "content_block_start", "index": 0, "content_block": {"type": "tool_use", "id": "1", "name": "a"}}
    events = read(start, {"type": "message_delta", "delta": {"stop_reason": "tool_use"}})
    assert events[-3:] == [CallEnd(0), Stopped(Stop.TOOLS), Ended()]


def test_a_message_ends_once_with_its_last_event_or_with_the_body_behind_its_reason() -> None:
    delta = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}}
    assert read(delta) == [Stopped(Stop.END), Ended()]
    assert read(delta, {"type": "message_stop"}) == [Stopped(Stop.END), Ended()]
    assert read() == []


def test_a_connection_that_breaks_behind_the_reason_costs_nothing() -> None:
    reader = FORMAT.reader()
    assert not reader.is_settled
    reader.take(b'{"type":"message_delta","delta":{"stop_reason":"end_turn"}}', "message_delta")
    assert reader.is_settled


@pytest.mark.parametrize(
    ("data", "name", "failed"),
    [
        (
            b'{"type":"error","error":{"type":"overloaded_error","message":"busy"}}',
            "error",
            Failed("busy", 529, "overloaded_error"),
        ),
        (b'{"error":"busy"}', "error", Failed("busy")),
        (b'{"broken', "", Failed("an event of the stream is no JSON")),
        (
            b'{"type":"content_block_delta","index":3,"delta":{"type":"text_delta","text":"a"}}',
            "",
            Failed("a delta came without its block"),
        ),
    ],
)
def test_an_error_and_lost_content_are_failures(data: bytes, name: str, failed: Failed) -> None:
    assert list(FORMAT.reader().take(data, name)) == [failed]


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(
                st.sampled_from(["type", "index", "delta", "content_block", "message", "usage", "error"]),
                inner
                | st.sampled_from(
                    [
                        "text",
                        "text_delta",
                        "content_block_start",
                        "content_block_delta",
                        "message_delta",
                        "message_start",
                        "error",
                        "tool_use",
                    ]
                ),
            )
        ),
        max_leaves=12,
    )
)
def test_no_event_of_any_shape_raises(event: Any) -> None:
    reader = FORMAT.reader()
    reader.take(json.dumps(event).encode(), "")
    reader.take(json.dumps(event).encode(), "error")


# ── Writing ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_stream_has_the_events_of_the_api_in_their_order() -> None:
    payloads = write(
        Started("m", Usage(5)),
        ThinkingDelta("hm", "claude"),
        ThinkingEnd("claude", "EqQB"),
        TextDelta("so"),
        CallStart(0, "toolu_1", "now"),
        CallEnd(0),
        Stopped(Stop.TOOLS),
        Counted(Usage(5, 7)),
        Ended(),
    )
    assert types(payloads) == [
        "message_start",
        *("block_start", "block_delta", "block_delta", "block_stop"),
        *("block_start", "block_delta", "block_stop"),
        *("block_start", "block_delta", "block_stop"),
        "message_delta",
        "message_stop",
    ]
    assert payloads[0]["message"]["id"] == f"msg_{ID}"
    assert payloads[0]["message"]["usage"]["input_tokens"] == 5
    assert payloads[3]["delta"] == {"type": "signature_delta", "signature": "EqQB"}
    assert payloads[9]["delta"] == {"type": "input_json_delta", "partial_json": ""}
    assert payloads[11]["delta"]["stop_reason"] == "tool_use"
    assert payloads[11]["usage"]["output_tokens"] == 7


def test_blocks_of_calls_that_come_at_once_are_written_one_after_the_other() -> None:
    payloads = write(
        CallStart(0, "a", "first"),
        CallStart(1, "b", "second"),
        CallDelta(1, '{"y":'),
        CallDelta(0, '{"x":1}'),
        TextDelta("between"),
        CallDelta(1, "2}"),
        CallEnd(1),
        CallEnd(0),
        Stopped(Stop.TOOLS),
        Ended(),
    )
    indexes = [payload["index"] for payload in payloads if "index" in payload]
    assert indexes == sorted(indexes)
    answer = joined(read(*payloads))
    assert answer.blocks == (
        ToolCall("a", "first", '{"x":1}'),
        ToolCall("b", "second", '{"y":2}'),
        Text("between"),
    )


def test_the_end_waits_for_the_tokens_and_for_the_end_of_the_targets_stream() -> None:
    assert types(write(TextDelta("a"), Stopped(Stop.END), Counted(Usage(1, 2)))) == [
        "message_start",
        "block_start",
        "block_delta",
    ]
    assert "message_stop" not in types(write(TextDelta("a"), Ended()))


def test_reasoning_without_words_is_a_sign_of_life() -> None:
    assert types(write(Started(), ThinkingDelta("", "openai"), ThinkingEnd("openai", "x"))) == ["message_start", "ping"]


def test_reasoning_of_another_maker_has_no_signature() -> None:
    payloads = write(ThinkingDelta("hm", "openai"), ThinkingEnd("openai", "secret"), TextDelta("a"))
    assert payloads[1]["content_block"] == {"type": "thinking", "thinking": "", "signature": ""}
    assert "secret" not in json.dumps(payloads)
    hidden = write(ThinkingDelta("hm", "openai"), ThinkingEnd("openai"), TextDelta("a"), request=Request())
    assert types(hidden) == ["message_start", "ping", "block_start", "block_delta"]


def test_words_with_which_a_model_refused_end_as_a_refusal() -> None:
    payloads = write(RefusalDelta("I cannot"), Stopped(Stop.END), Ended())
    assert payloads[-2]["delta"]["stop_reason"] == "refusal"


def test_a_source_belongs_to_the_text_that_is_open() -> None:
    cited = Cited(Citation("https://a.example", "A", "words"))
    assert write(TextDelta("a"), cited)[-1]["delta"]["citation"]["url"] == "https://a.example"
    assert types(write(CallStart(0, "a", "b"), CallEnd(0), cited)) == types(write(CallStart(0, "a", "b"), CallEnd(0)))


@pytest.mark.parametrize(
    ("failed", "kind"),
    [
        (Failed("why", 429), "rate_limit_error"),
        (Failed("why", 503), "overloaded_error"),
        (Failed("why", 0, "overloaded_error"), "overloaded_error"),
        (Failed("why", 0, "server_error"), "api_error"),
    ],
)
def test_a_failure_is_an_error_after_which_nothing_comes(failed: Failed, kind: str) -> None:
    payloads = write(TextDelta("a"), failed, TextDelta("b"), Stopped(Stop.END), Ended())
    assert payloads[-1] == {"type": "error", "error": {"type": kind, "message": "why"}}
    assert types(payloads)[:-1] == ["message_start", "block_start", "block_delta"]


def test_a_failed_answer_ends_with_an_error() -> None:
    assert types(write(TextDelta("a"), Stopped(Stop.FAILED), Ended()))[-1] == "error"


def test_the_projects_own_check_of_streams_knows_each_event() -> None:
    def kinds(*events: Event) -> list[ChunkKind]:
        return [
            chunk.read(SseEvent(b"", payload["type"], json.dumps(payload).encode()), Api.MESSAGES).kind
            for payload in write(*events)
        ]

    assert kinds(Alive()) == [ChunkKind.NO_CONTENT]
    assert kinds(TextDelta("a"))[-1] is ChunkKind.CONTENT
    assert kinds(ThinkingDelta("a", "claude"))[-1] is ChunkKind.THINKING
    assert kinds(CallStart(0, "a", "b"))[-1] is ChunkKind.CONTENT
    assert kinds(Failed("a"))[-1] is ChunkKind.ERROR
    for stop in set(Stop) - {Stop.FAILED}:
        assert kinds(TextDelta("a"), Stopped(stop), Ended())[-2:] == [ChunkKind.FINISH, ChunkKind.DONE]


# ── Both ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@given(answers("claude"))
def test_an_answer_that_is_written_as_a_stream_and_read_is_the_same(answer: Answer) -> None:
    assert again(FORMAT, answer, asked()) == answer


@given(answers("claude"), st.lists(st.integers(0, 10_000), max_size=8))
def test_a_stream_says_the_same_wherever_it_is_cut(answer: Answer, cuts: list[int]) -> None:
    stream = written_stream(FORMAT, answer, asked())
    assert read_stream(FORMAT, stream, cuts) == read_stream(FORMAT, stream)


def _client(stream: bytes) -> "anthropic.Anthropic":
    def answered(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=stream)

    transport = httpx2.MockTransport(answered)
    return anthropic.Anthropic(api_key="none", base_url="http://model", http_client=httpx2.Client(transport=transport))


def _streamed(client: "anthropic.Anthropic") -> Any:
    asks: Any = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}
    with client.messages.stream(**asks) as stream:
        return stream.get_final_message()


@settings(max_examples=25)
@given(answers("claude"))
def test_the_official_sdk_reads_the_stream_as_the_whole(answer: Answer) -> None:
    message = _streamed(_client(written_stream(FORMAT, answer, asked()))).to_dict()
    whole = FORMAT.write_answer(answer, asked())
    assert {name: message.get(name) for name in whole} == whole


def test_the_official_sdk_raises_for_a_failure() -> None:
    writer = FORMAT.writer(asked())
    with pytest.raises(anthropic.APIStatusError, match="busy"):
        _streamed(_client(writer.write([Started(), Alive(), TextDelta("a"), Failed("busy", 529)])))


def test_signs_of_life_before_the_answer_do_not_trouble_the_official_sdk() -> None:
    writer = FORMAT.writer(asked())
    stream = writer.write([Alive(), *as_events(Answer((Thinking("hm", "other"), Text("a"))))])
    assert [each.type for each in _streamed(_client(stream)).content] == ["thinking", "text"]
