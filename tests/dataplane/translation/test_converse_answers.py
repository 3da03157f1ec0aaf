"""Answers of Converse, whole and as streams: what is read, and that what is written is read the same."""

import base64
from pathlib import Path
from typing import Any

import msgspec
import pytest
from botocore.parsers import RestJSONParser
from hypothesis import given
from hypothesis import strategies as st

from bedrock_recordings import decoded, files, service
from converse_frames import ASKED, delta, parsed, parsed_stream, read, read_bytes, stop, whole
from switchover_dataplane.translation.answers import (
    Answer,
    AnswerBlock,
    BadAnswer,
    Citation,
    Cited,
    Ended,
    Failed,
    Stop,
    Usage,
)
from switchover_dataplane.translation.converse import FORMAT
from switchover_dataplane.translation.format import Problem, Reason
from switchover_dataplane.translation.joining import as_events, joined
from switchover_dataplane.translation.neutral import Json, Refusal, Text, Thinking, ToolCall

# ── Whole answers ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_whole_answer_is_read() -> None:
    answer = FORMAT.read_answer(
        whole(
            {"reasoningContent": {"reasoningText": {"text": "Hm.", "signature": "sig"}}},
            {"text": "I will "},
            {"text": "look."},
            {"toolUse": {"toolUseId": "t1", "name": "look", "input": {"at": 1}}},
            reason="tool_use",
            usage={"inputTokens": 1, "outputTokens": 2, "totalTokens": 10, "cacheReadInputTokens": 3}
            | {"cacheWriteInputTokens": 4},
        )
    )

    assert answer.blocks == (
        Thinking("Hm.", "claude", "sig"),
        Text("I will look."),
        ToolCall("t1", "look", '{"at":1}'),
    )
    assert answer.stop is Stop.TOOLS
    assert answer.usage == Usage(8, 2, 3, 4)


STOPS = [
    ("end_turn", Stop.END),
    ("tool_use", Stop.TOOLS),
    ("max_tokens", Stop.LIMIT),
    ("stop_sequence", Stop.STOP_TEXT),
    ("guardrail_intervened", Stop.REFUSAL),
    ("content_filtered", Stop.REFUSAL),
    ("model_context_window_exceeded", Stop.CONTEXT),
    ("malformed_model_output", Stop.FAILED),
    ("malformed_tool_use", Stop.FAILED),
    ("a_word_of_tomorrow", Stop.FAILED),
]


@pytest.mark.parametrize(("word", "meaning"), STOPS)
def test_each_reason_to_stop_means_the_same_whole_and_in_a_stream(word: str, meaning: Stop) -> None:
    assert FORMAT.read_answer(whole({"text": "a"}, reason=word)).stop is meaning
    assert joined(read(delta(0, {"text": "a"}), stop(word))).stop is meaning


def test_every_reason_of_botocores_model_is_known() -> None:
    known = {word for word, _ in STOPS}

    assert set(service().shape_for("StopReason").metadata["enum"]) <= known


def test_the_stop_sequence_that_came_is_read() -> None:
    more = {"additionalModelResponseFields": {"stop_sequence": "END"}}

    assert FORMAT.read_answer(whole({"text": "a"}, reason="stop_sequence", **more)).stop_text == "END"
    events = read(delta(0, {"text": "a"}), ("messageStop", {"stopReason": "stop_sequence", **more}))
    assert joined(events).stop_text == "END"


CITED = {"title": "T", "sourceContent": [{"text": "q"}], "location": {"web": {"url": "https://a.example"}}}


def test_sources_are_read_whole_and_in_a_stream() -> None:
    block = {"citationsContent": {"content": [{"text": "so"}], "citations": [CITED]}}
    events = read(delta(0, {"text": "so"}), delta(0, {"citation": CITED}), stop())

    answer = FORMAT.read_answer(whole(block))

    assert answer.citations == (Citation("https://a.example", "T", "q"),)
    assert answer == joined(events)


def test_tools_that_the_provider_ran_are_no_calls() -> None:
    answer = FORMAT.read_answer(
        whole(
            {"toolUse": {"toolUseId": "s", "name": "search", "input": {}, "type": "server_tool_use"}},
            {"toolResult": {"toolUseId": "s", "content": [{"text": "found"}]}},
            {"text": "a"},
        )
    )

    assert answer.blocks == (Text("a"),)


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        "text",
        {},
        {"message": "The model is not ready."},
        {"output": {"message": {"content": []}}},
        {"output": {"message": {"content": {}}}, "stopReason": "end_turn"},
        whole("text"),
        whole({"image": {"format": "png", "source": {"bytes": "AAAA"}}}),
        whole({"toolUse": {"name": "no id", "input": {}}}),
        whole({"reasoningContent": {"redactedContent": "no base64!"}}),
        whole({}),
    ],
)
def test_what_is_no_answer_is_a_bad_one(document: Json) -> None:
    with pytest.raises(BadAnswer):
        FORMAT.read_answer(document)


# ── What is written ─────────────────────────────────────────────────────────────────────────────────────────────────

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
BASE64 = st.binary(min_size=1, max_size=12).map(lambda blob: base64.b64encode(blob).decode())
CALLS = st.builds(
    ToolCall,
    st.from_regex(r"[A-Za-z0-9_.:-]{1,64}", fullmatch=True),
    st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True),
    st.dictionaries(TEXTS, TEXTS | st.integers(-9, 9), max_size=3).map(lambda each: msgspec.json.encode(each).decode()),
)
THOUGHTS = st.one_of(
    st.builds(Thinking, TEXTS, st.just("other")),
    st.builds(Thinking, TEXTS, st.just("claude"), TEXTS),
    st.builds(lambda signature: Thinking("", "claude", signature, is_redacted=True), BASE64),
)
USAGES = st.builds(
    lambda given, output, cached, written: Usage(given + (cached or 0) + (written or 0), output, cached, written),
    st.integers(0, 99),
    st.integers(0, 99),
    st.none() | st.integers(0, 99),
    st.none() | st.integers(0, 99),
)


def apart(blocks: list[AnswerBlock]) -> list[AnswerBlock]:
    """Without texts beside texts, which are one text."""
    kept: list[AnswerBlock] = []
    for block in blocks:
        if not (kept and isinstance(block, Text) and isinstance(kept[-1], Text)):
            kept.append(block)
    return kept


ANSWERS = st.builds(
    lambda blocks, stop, stop_text, usage: Answer(tuple(apart(blocks)), stop, stop_text=stop_text, usage=usage),
    st.lists(st.one_of(TEXTS.map(Text), CALLS, THOUGHTS), max_size=6),
    st.sampled_from([each for each in Stop if each is not Stop.PAUSE]),
    st.just("") | TEXTS,
    USAGES,
)


@given(ANSWERS)
def test_a_written_answer_is_read_the_same(answer: Answer) -> None:
    assert FORMAT.read_answer(FORMAT.write_answer(answer, ASKED)) == answer


@given(ANSWERS)
def test_a_written_stream_is_read_the_same(answer: Answer) -> None:
    events = read_bytes(FORMAT.writer(ASKED).write(list(as_events(answer))))

    assert joined(events) == answer
    assert events[-1] == Ended()


EXAMPLE = Answer(
    (
        Thinking("Hm.", "claude", "sig"),
        Text("I will look."),
        ToolCall("t1", "look", '{"at":1}'),
    ),
    Stop.TOOLS,
    usage=Usage(8, 2, 3, 4),
)


def test_botocore_reads_a_written_answer() -> None:
    answer = parsed(FORMAT.write_answer(EXAMPLE, ASKED))

    assert answer["output"]["message"]["content"] == [
        {"reasoningContent": {"reasoningText": {"text": "Hm.", "signature": "sig"}}},
        {"text": "I will look."},
        {"toolUse": {"toolUseId": "t1", "name": "look", "input": {"at": 1}}},
    ]
    assert answer["stopReason"] == "tool_use"
    assert answer["usage"] == {
        "inputTokens": 1,
        "outputTokens": 2,
        "totalTokens": 10,
        "cacheReadInputTokens": 3,
        "cacheWriteInputTokens": 4,
    }


def test_botocore_reads_a_written_stream() -> None:
    events = parsed_stream(FORMAT.writer(ASKED).write(list(as_events(EXAMPLE))))

    assert [next(iter(event)) for event in events] == [
        *("messageStart", "contentBlockDelta", "contentBlockDelta", "contentBlockStop"),
        *("contentBlockDelta", "contentBlockStop"),
        *("contentBlockStart", "contentBlockDelta", "contentBlockStop", "messageStop", "metadata"),
    ]
    assert events[6]["contentBlockStart"] == {
        "contentBlockIndex": 2,
        "start": {"toolUse": {"toolUseId": "t1", "name": "look"}},
    }


def test_a_failure_is_written_as_the_exception_of_its_status() -> None:
    stream = FORMAT.writer(ASKED).write([Failed("Too many", 429)])

    assert read_bytes(stream) == [Failed("Too many", 429, "throttlingException", "throttlingException")]


def test_a_refusal_and_sources_are_written() -> None:
    answer = Answer((Refusal("I cannot."),), Stop.REFUSAL, citations=(Citation("https://a.example", "T", "q"),))

    once = FORMAT.read_answer(FORMAT.write_answer(answer, ASKED))

    assert once.blocks == (Text("I cannot."),)
    assert once.stop is Stop.REFUSAL
    assert once.citations == answer.citations
    assert Cited(answer.citations[0]) in read_bytes(FORMAT.writer(ASKED).write(list(as_events(answer))))


def test_a_call_without_an_id_gets_one_and_signatures_of_others_go() -> None:
    answer = Answer((Thinking("a", "gemini", "s"), ToolCall("", "x"), ToolCall("", "x")), Stop.TOOLS)

    thought, one, other = FORMAT.read_answer(FORMAT.write_answer(answer, ASKED)).blocks

    assert thought == Thinking("a", "other")
    assert isinstance(one, ToolCall)
    assert isinstance(other, ToolCall)
    assert one.id != other.id


REASONS: list[Reason] = ["request", "credentials", "permission", "not-found", "too-large", "limit", "overloaded"]


@pytest.mark.parametrize("reason", [*REASONS, "server", "filtered"])
def test_botocore_knows_the_exception_of_an_error(reason: Reason) -> None:
    status, body = FORMAT.write_error(Problem(reason, 0, "why"))

    response = {"status_code": status, "headers": {}, "body": msgspec.json.encode(body)}
    parsed_error: Any = RestJSONParser().parse(response, service().operation_model("Converse").output_shape)

    known = {shape.name: shape.metadata for shape in service().operation_model("Converse").error_shapes}
    assert parsed_error["Error"]["Message"] == "why"
    assert known[parsed_error["Error"]["Code"]]["error"]["httpStatusCode"] == status


# ── Recordings ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("path", files("converse/*.answer.json"))
def test_every_recorded_answer_is_read_and_written_the_same(path: Path) -> None:
    document = decoded(path)
    if "message" in document:
        with pytest.raises(BadAnswer):
            FORMAT.read_answer(document)
        return

    answer = FORMAT.read_answer(document)
    written = FORMAT.write_answer(answer, ASKED)

    assert answer.blocks
    assert FORMAT.read_answer(written) == msgspec.structs.replace(answer, usage=answer.usage or Usage(0, 0))
    assert written["stopReason"] == document["stopReason"] or answer.stop is Stop.REFUSAL
    if "usage" in document:
        assert written["usage"]["totalTokens"] == document["usage"]["totalTokens"]
    parsed(written)
