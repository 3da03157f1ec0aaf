"""Streams of Converse: frames are read as events, and nothing of an answer is lost without a word."""

from pathlib import Path

import msgspec
import pytest

from bedrock_recordings import BEDROCK, files, service
from converse_frames import ASKED, delta, parsed_stream, read, read_bytes, start, stop, whole, without_alive
from switchover_dataplane.translation.answers import (
    Alive,
    CallDelta,
    CallEnd,
    CallStart,
    Counted,
    Ended,
    Failed,
    Started,
    Stop,
    Stopped,
    TextDelta,
    ThinkingDelta,
    ThinkingEnd,
    Usage,
)
from switchover_dataplane.translation.converse import FORMAT
from switchover_dataplane.translation.joining import joined
from switchover_dataplane.translation.neutral import Json, Text, Thinking, ToolCall

# ── Streams ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_stream_is_read() -> None:
    events = read(
        ("messageStart", {"role": "assistant"}),
        delta(0, {"reasoningContent": {"text": "Hm."}}),
        delta(0, {"reasoningContent": {"signature": "sig"}}),
        ("contentBlockStop", {"contentBlockIndex": 0}),
        delta(1, {"text": "So"}),
        ("contentBlockStop", {"contentBlockIndex": 1}),
        start(2, {"toolUse": {"toolUseId": "t1", "name": "look"}}),
        delta(2, {"toolUse": {"input": ""}}),
        delta(2, {"toolUse": {"input": '{"at":1}'}}),
        ("contentBlockStop", {"contentBlockIndex": 2}),
        stop("tool_use"),
        ("metadata", {"usage": {"inputTokens": 1, "outputTokens": 2, "totalTokens": 3}, "metrics": {"latencyMs": 1}}),
    )

    assert without_alive(events) == [
        Started(),
        ThinkingDelta("Hm.", "claude"),
        ThinkingEnd("claude", "sig"),
        TextDelta("So"),
        CallStart(0, "t1", "look"),
        CallDelta(0, '{"at":1}'),
        CallEnd(0),
        Stopped(Stop.TOOLS),
        Counted(Usage(1, 2)),
        Ended(),
    ]


def test_a_block_that_is_never_stopped_ends_with_the_next_one_and_with_the_answer() -> None:
    events = read(
        delta(0, {"reasoningContent": {"text": "a"}}),
        delta(1, {"text": "b"}),
        start(2, {"toolUse": {"toolUseId": "1", "name": "x"}}),
        start(3, {"toolUse": {"toolUseId": "2", "name": "y"}}),
        stop("tool_use"),
    )

    assert events == [
        ThinkingDelta("a", "claude"),
        ThinkingEnd("other"),
        TextDelta("b"),
        CallStart(0, "1", "x"),
        CallEnd(0),
        CallStart(1, "2", "y"),
        CallEnd(1),
        Stopped(Stop.TOOLS),
        Ended(),
    ]


def test_hidden_reasoning_may_come_in_pieces() -> None:
    text = "RXU4RUNrZ0lCeEFCR0FJcQ=="  # base64 of the text Eu8ECkgIBxABGAIq, which is base64 itself
    blob = [{"redactedContent": "RXU4RUNr"}, {"redactedContent": "Z0lCeEFCR0FJcQ=="}]

    events = read(*(delta(0, {"reasoningContent": piece}) for piece in blob), stop())

    assert joined(events).blocks == (Thinking("", "claude", "Eu8ECkgIBxABGAIq", is_redacted=True),)
    assert joined(events) == FORMAT.read_answer(whole({"reasoningContent": {"redactedContent": text}}))


def test_a_stream_whose_answer_did_not_stop_has_no_end() -> None:
    assert read(("messageStart", {"role": "assistant"}), delta(0, {"text": "a"})) == [Started(), TextDelta("a")]


@pytest.mark.parametrize(
    ("name", "payload", "failed"),
    [
        ("exception:throttlingException", {"message": "Too many"}, Failed("Too many", 429, "throttlingException")),
        ("exception:validationException", {"message": "No"}, Failed("No", 400, "validationException")),
        ("exception:internalServerException", {}, Failed("internalServerException", 500, "internalServerException")),
        ("exception:serviceUnavailableException", None, Failed("serviceUnavailableException", 503)),
        (
            "exception:modelStreamErrorException",
            {"message": "Bad", "originalStatusCode": 529},
            Failed("Bad", 529, "modelStreamErrorException"),
        ),
        ("exception:modelStreamErrorException", {"message": "Bad"}, Failed("Bad", 424, "modelStreamErrorException")),
        ("exception:tomorrowsException", {"message": "New"}, Failed("New", 0, "tomorrowsException")),
        ("error:InternalError", {"message": "Oh"}, Failed("Oh", 0, "InternalError")),
    ],
)
def test_an_exception_in_the_midst_of_a_stream_is_a_failure(name: str, payload: Json, failed: Failed) -> None:
    [event] = read((name, payload))

    assert isinstance(event, Failed)
    assert (event.message, event.status) == (failed.message, failed.status)
    assert event.code == name.partition(":")[2]


def test_every_exception_of_botocores_model_has_the_status_that_it_says() -> None:
    shape = service().shape_for("ConverseStreamOutput")
    exceptions = {name: member for name, member in shape.members.items() if member.metadata.get("exception")}
    assert exceptions

    for name, member in exceptions.items():
        [event] = read((f"exception:{name}", {"message": "m"}))
        assert isinstance(event, Failed)
        assert event.status == member.metadata["error"]["httpStatusCode"]


LOST = [
    delta(0, {"toolUse": {"input": "{}"}}),
    delta(0, {"image": {"source": {"bytes": "AAAA"}}}),
    delta(0, {"tomorrow": 1}),
    delta(0, {"text": 1}),
    start(0, {"image": {"format": "png"}}),
    start(0, {"toolUse": {"toolUseId": "no name"}}),
    delta(0, {"reasoningContent": {"redactedContent": "no base64!"}}),
    ("messageStop", {}),
    ("contentBlockDelta", []),
]


@pytest.mark.parametrize("frame", LOST)
def test_content_that_would_be_lost_is_a_failure(frame: tuple[str, Json]) -> None:
    assert any(isinstance(event, Failed) for event in read(frame))


def test_a_payload_that_is_no_json_is_a_failure() -> None:
    assert any(isinstance(event, Failed) for event in FORMAT.reader().take(b'{"contentBlockIndex":0,"del', "x"))


def test_events_of_tomorrow_are_signs_of_life() -> None:
    assert read(("somethingNew", {"a": 1}), ("metadata", {"metrics": {}}), at_end=False) == [Alive(), Alive()]


@pytest.mark.parametrize("path", files("converse/*.stream.bin"))
def test_every_recorded_stream_is_read_and_written_the_same(path: Path) -> None:
    events = read_bytes(path.read_bytes())

    answer = joined(events)
    written = FORMAT.writer(ASKED).write(events)

    assert events[-1] == Ended()
    assert not any(isinstance(event, Failed) for event in events)
    assert answer.blocks
    assert joined(read_bytes(written)) == msgspec.structs.replace(answer, usage=answer.usage or Usage(0, 0))
    assert parsed_stream(written)


def test_a_recorded_stream_without_frames_is_read() -> None:
    path = BEDROCK / "converse" / "ver-json-with-tools.1.stream.txt"
    if not path.exists():
        pytest.skip("no recordings of Bedrock")
    lines = [msgspec.json.decode(line) for line in path.read_bytes().splitlines()]

    answer = joined(read(*(next(iter(line.items())) for line in lines)))

    assert [type(block) for block in answer.blocks] == [Text, ToolCall, ToolCall, Text, ToolCall]
    assert answer.stop is Stop.TOOLS
