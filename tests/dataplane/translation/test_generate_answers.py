"""Whole answers and errors of generateContent, read and written."""

from typing import TYPE_CHECKING, Any, get_args

import pytest
from hypothesis import given

from deferred import deferred
from switchover_dataplane.formats.api import Api
from switchover_dataplane.formats.finish_reasons import finish_of
from switchover_dataplane.translation.answers import Answer, BadAnswer, Citation, Stop, Usage
from switchover_dataplane.translation.format import Problem, Reason
from switchover_dataplane.translation.generate import FORMAT
from switchover_dataplane.translation.neutral import Reasoning, Refusal, Request, Text, Thinking, ToolCall
from translated import ID, answers, asked

if TYPE_CHECKING:
    from google.genai import types
else:
    types = deferred("google.genai.types")


def response(*parts: dict[str, Any], reason: str = "STOP", **fields: Any) -> dict[str, Any]:
    candidate = {"content": {"parts": list(parts), "role": "model"}, "finishReason": reason, "index": 0}
    return {"candidates": [{**candidate, **fields}], "modelVersion": "gemini"}


def write(answer: Answer, request: Request | None = None) -> Any:
    written = FORMAT.write_answer(answer, asked(request))
    types.GenerateContentResponse.model_validate(written)
    return written


def parts_of(answer: Answer, request: Request | None = None) -> Any:
    return write(answer, request)["candidates"][0]["content"].get("parts")


def test_every_part_of_an_answer_is_read() -> None:
    answer = FORMAT.read_answer(
        response(
            {"text": "hm", "thought": True},
            {"text": "one "},
            {"executableCode": {"code": "1"}},
            {"text": "two", "thoughtSignature": "c2ln"},
            {"functionCall": {"name": "add", "args": {"a": 1}, "id": "x"}, "thoughtSignature": "Y2FsbA=="},
            {"functionCall": {"name": "now"}},
        )
    )
    assert answer.blocks == (
        Thinking("hm", "gemini"),
        Text("one two"),
        Thinking("", "gemini", "c2ln"),
        ToolCall("x", "add", '{"a":1}', signature="Y2FsbA=="),
        ToolCall("", "now", "{}"),
    )
    assert (answer.stop, answer.model) == (Stop.TOOLS, "gemini")


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        {},
        {"error": {"code": 429}},
        {"candidates": []},
        {"candidates": [{"content": {"parts": [{"text": "a"}]}}]},
        response({"inlineData": {"mimeType": "image/png", "data": "aGVsbG8="}}),
    ],
)
def test_what_is_no_whole_answer_of_text_cannot_be_read(body: Any) -> None:
    with pytest.raises(BadAnswer):
        FORMAT.read_answer(body)


@pytest.mark.parametrize(
    ("word", "stop", "again"),
    [
        ("STOP", Stop.END, "STOP"),
        ("MAX_TOKENS", Stop.LIMIT, "MAX_TOKENS"),
        ("SAFETY", Stop.REFUSAL, "SAFETY"),
        ("PROHIBITED_CONTENT", Stop.REFUSAL, "SAFETY"),
        ("CONTINUATION", Stop.PAUSE, "CONTINUATION"),
        ("MALFORMED_FUNCTION_CALL", Stop.FAILED, "OTHER"),
        ("UNEXPECTED_TOOL_CALL", Stop.FAILED, "OTHER"),
        ("TOMORROW", Stop.FAILED, "OTHER"),
    ],
)
def test_each_reason_has_a_word_both_ways(word: str, stop: Stop, again: str) -> None:
    assert FORMAT.read_answer(response({"text": "a"}, reason=word)).stop is stop
    assert write(Answer(stop=stop))["candidates"][0]["finishReason"] == again


@pytest.mark.parametrize("stop", [stop for stop in Stop if stop is not Stop.FAILED])
def test_every_good_end_is_a_word_of_a_good_answer(stop: Stop) -> None:
    word = write(Answer((Text("a"),), stop))["candidates"][0]["finishReason"]
    assert finish_of(Api.GENERATE, word) is not None


def test_a_blocked_prompt_is_a_refusal_with_its_words() -> None:
    feedback = {"blockReason": "MODEL_ARMOR", "blockReasonMessage": "not this"}
    answer = FORMAT.read_answer({"promptFeedback": feedback, "usageMetadata": {"trafficType": "ON_DEMAND"}})
    assert (answer.stop, answer.refusal, answer.blocks, answer.usage) == (Stop.REFUSAL, "not this", (), None)
    candidate = write(answer)["candidates"][0]
    assert (candidate["finishReason"], candidate["finishMessage"]) == ("SAFETY", "not this")


def test_words_with_which_a_model_refused_are_a_text_of_a_refusal() -> None:
    candidate = write(Answer((Refusal("I cannot"),)))["candidates"][0]
    assert candidate["content"]["parts"] == [{"text": "I cannot"}]
    assert candidate["finishReason"] == "SAFETY"


def test_reasoning_is_part_of_the_output_and_counted_apart() -> None:
    usage = {
        "promptTokenCount": 10,
        "cachedContentTokenCount": 4,
        "candidatesTokenCount": 5,
        "thoughtsTokenCount": 7,
        "totalTokenCount": 22,
    }
    answer = FORMAT.read_answer({**response({"text": "a"}), "usageMetadata": usage})
    assert answer.usage == Usage(10, 12, 4, None, 7)
    assert write(answer)["usageMetadata"] == usage


def test_tokens_of_the_providers_tools_are_part_of_the_input_and_a_count_of_none_is_left_out() -> None:
    usage = {"promptTokenCount": 10, "toolUsePromptTokenCount": 5, "thoughtsTokenCount": 3, "totalTokenCount": 18}
    answer = FORMAT.read_answer({**response({"text": "a"}), "usageMetadata": usage})
    assert answer.usage == Usage(15, 3, None, None, 3)
    assert write(answer)["usageMetadata"]["totalTokenCount"] == 18


def test_sources_are_read_with_their_words_and_written_again() -> None:
    grounding = {
        "groundingChunks": [
            {"web": {"uri": "https://a.example", "title": "A"}},
            {"web": {"uri": "https://b.example", "title": "B"}},
            {"web": {"uri": "https://c.example", "title": "C"}},
        ],
        "groundingSupports": [{"segment": {"text": "words"}, "groundingChunkIndices": [0, 1, 9]}],
    }
    answer = FORMAT.read_answer(response({"text": "words"}, groundingMetadata=grounding))
    assert answer.citations == (
        Citation("https://a.example", "A", "words"),
        Citation("https://b.example", "B", "words"),
        Citation("https://c.example", "C"),
    )
    assert FORMAT.read_answer(write(answer)).citations == answer.citations
    written = FORMAT.read_answer(
        response({"text": "a"}, citationMetadata={"citations": [{"uri": "https://d.example"}]})
    )
    assert written.citations == (Citation("https://d.example"),)


def test_an_answer_has_an_id_and_its_model() -> None:
    written = write(Answer((Text("a"),)))
    assert (written["responseId"], written["modelVersion"]) == (ID, "mine")
    assert write(Answer(model="theirs"))["modelVersion"] == "theirs"


def test_reasoning_of_other_makers_is_shown_where_it_was_asked_for_and_without_a_signature() -> None:
    answer = Answer((Thinking("hm", "claude", "EqQB"), Thinking("", "openai", "x", is_redacted=True), Text("a")))
    assert parts_of(answer) == [{"text": "hm", "thought": True}, {"text": "a"}]
    for reasoning in (None, Reasoning("high"), Reasoning(budget=5)):
        assert parts_of(answer, Request(reasoning=reasoning)) == [{"text": "a"}]


def test_a_signature_stands_beside_the_text_or_the_call_that_it_proves() -> None:
    blocks = (Text("a"), Thinking("", "gemini", "c2ln"), ToolCall("x", "f", "no json", signature="Y2FsbA=="))
    assert parts_of(Answer(blocks, Stop.TOOLS)) == [
        {"text": "a", "thoughtSignature": "c2ln"},
        {"functionCall": {"name": "f", "args": {"input": "no json"}, "id": "x"}, "thoughtSignature": "Y2FsbA=="},
    ]


@given(answers("gemini"))
def test_an_answer_that_is_written_and_read_is_the_same(answer: Answer) -> None:
    again = FORMAT.read_answer(write(answer))
    assert again.blocks == answer.blocks
    assert set(again.citations) == set(answer.citations)
    assert (again.stop, again.model) == (answer.stop, answer.model)
    assert again.usage is not None
    assert answer.usage is not None
    assert again.usage.output == answer.usage.output


@pytest.mark.parametrize(
    ("reason", "status", "kind"),
    [
        ("request", 400, "INVALID_ARGUMENT"),
        ("credentials", 401, "UNAUTHENTICATED"),
        ("permission", 403, "PERMISSION_DENIED"),
        ("not-found", 404, "NOT_FOUND"),
        ("too-large", 413, "INVALID_ARGUMENT"),
        ("limit", 429, "RESOURCE_EXHAUSTED"),
        ("overloaded", 503, "UNAVAILABLE"),
        ("server", 500, "INTERNAL"),
        ("filtered", 400, "INVALID_ARGUMENT"),
    ],
)
def test_an_error_has_the_status_and_the_word_that_the_sdk_knows(reason: Reason, status: int, kind: str) -> None:
    expected = {"error": {"code": status, "message": "why", "status": kind}}
    assert FORMAT.write_error(Problem(reason, 529, "why")) == (status, expected)


def test_every_reason_has_an_error() -> None:
    assert all(FORMAT.write_error(Problem(reason, 0, ""))[0] >= 400 for reason in get_args(Reason))
