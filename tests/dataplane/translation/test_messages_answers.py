"""Whole answers and errors of the Messages API, read and written."""

from typing import TYPE_CHECKING, Any, get_args

import pytest
from hypothesis import given

from deferred import deferred
from switchover_dataplane.formats.api import Api
from switchover_dataplane.formats.finish_reasons import finish_of
from switchover_dataplane.translation.answers import Answer, BadAnswer, Citation, Stop, Usage
from switchover_dataplane.translation.format import Problem, Reason
from switchover_dataplane.translation.messages import FORMAT
from switchover_dataplane.translation.neutral import Reasoning, Refusal, Request, Text, Thinking, Tool, ToolCall
from switchover_dataplane.translation.tool_forms import flat_name
from translated import ID, answers, asked

if TYPE_CHECKING:
    import anthropic
else:
    anthropic = deferred("anthropic")


def message(*content: dict[str, Any], **fields: Any) -> dict[str, Any]:
    whole = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude",
        "content": list(content),
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 1, "output_tokens": 2},
    }
    return {**whole, **fields}


def write(answer: Answer, request: Request | None = None) -> Any:
    written = FORMAT.write_answer(answer, asked(request))
    anthropic.types.Message.model_validate(written, strict=True)
    return written


def test_every_block_of_an_answer_is_read() -> None:
    answer = FORMAT.read_answer(
        message(
            {"type": "thinking", "thinking": "hm", "signature": "EqQB"},
            {"type": "redacted_thinking", "data": "EvgF"},
            {"type": "text", "text": "one "},
            {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"q": "x"}},
            {"type": "text", "text": "two"},
            {"type": "tool_use", "id": "toolu_1", "name": "add", "input": {"a": 1}},
            {"type": "tool_use", "id": "toolu_2", "name": "now", "input": {}},
            {"type": "tomorrow"},
            stop_reason="tool_use",
        )
    )
    assert answer.blocks == (
        Thinking("hm", "claude", "EqQB"),
        Thinking("", "claude", "EvgF", is_redacted=True),
        Text("one two"),
        ToolCall("toolu_1", "add", '{"a":1}'),
        ToolCall("toolu_2", "now", "{}"),
    )
    assert (answer.stop, answer.model) == (Stop.TOOLS, "claude")


@pytest.mark.parametrize("body", [None, [], {}, {"content": "a"}, {"type": "error", "error": {}}, {"content": []}])
def test_what_is_no_whole_message_cannot_be_read(body: Any) -> None:
    with pytest.raises(BadAnswer):
        FORMAT.read_answer(body)


WORDS = {
    "end_turn": Stop.END,
    "stop_sequence": Stop.STOP_TEXT,
    "tool_use": Stop.TOOLS,
    "max_tokens": Stop.LIMIT,
    "model_context_window_exceeded": Stop.CONTEXT,
    "refusal": Stop.REFUSAL,
    "pause_turn": Stop.PAUSE,
}


@pytest.mark.parametrize(("word", "stop"), WORDS.items())
def test_each_reason_has_a_word_both_ways(word: str, stop: Stop) -> None:
    assert FORMAT.read_answer(message(stop_reason=word)).stop is stop
    assert write(Answer(stop=stop))["stop_reason"] == word


def test_an_unknown_reason_is_a_failure_both_ways() -> None:
    assert FORMAT.read_answer(message(stop_reason="tomorrow")).stop is Stop.FAILED
    word = FORMAT.write_answer(Answer(stop=Stop.FAILED), asked())["stop_reason"]
    assert finish_of(Api.MESSAGES, word) is None


def test_tokens_of_the_cache_are_part_of_the_input_and_written_apart() -> None:
    usage = {
        "input_tokens": 10,
        "cache_read_input_tokens": 20,
        "cache_creation_input_tokens": 30,
        "output_tokens": 5,
        "output_tokens_details": {"thinking_tokens": 2},
    }
    answer = FORMAT.read_answer(message(usage=usage))
    assert answer.usage == Usage(60, 5, 20, 30, 2)
    assert write(answer)["usage"] == usage


def test_the_words_of_a_refusal_are_kept() -> None:
    details = {"type": "refusal", "category": "cyber", "explanation": "not this"}
    answer = FORMAT.read_answer(message(stop_reason="refusal", stop_details=details))
    assert (answer.stop, answer.refusal) == (Stop.REFUSAL, "not this")
    assert write(answer)["stop_details"] == {**details, "category": None}


def test_words_with_which_a_model_refused_are_a_text_of_a_refusal() -> None:
    written = write(Answer((Refusal("I cannot"),)))
    assert written["content"] == [{"type": "text", "text": "I cannot"}]
    assert written["stop_reason"] == "refusal"


def test_citations_are_read_from_each_kind_and_written_to_the_last_text() -> None:
    citations = [
        {"type": "web_search_result_location", "url": "https://a.example", "title": "A", "cited_text": "words"},
        {"type": "char_location", "document_title": "doc", "cited_text": "more"},
    ]
    answer = FORMAT.read_answer(message({"type": "text", "text": "so", "citations": citations}))
    assert answer.citations == (Citation("https://a.example", "A", "words"), Citation("", "doc", "more"))
    assert [each["url"] for each in write(answer)["content"][0]["citations"]] == ["https://a.example"]


def test_an_answer_has_an_id_of_its_own_and_its_model() -> None:
    written = write(Answer((Text("a"),)))
    assert written["id"] == f"msg_{ID}"
    assert written["model"] == "mine"
    assert write(Answer(model="theirs"))["model"] == "theirs"


def test_reasoning_of_other_makers_has_no_signature_and_is_shown_where_it_was_asked_for() -> None:
    answer = Answer((Thinking("hm", "openai", "secret", id="rs_1"), Text("a")))
    shown = write(answer)["content"][0]
    assert shown == {"type": "thinking", "thinking": "hm", "signature": ""}
    for reasoning in (None, Reasoning("high"), Reasoning(budget=0), Reasoning(budget=-1, shows=False)):
        assert [block["type"] for block in write(answer, Request(reasoning=reasoning))["content"]] == ["text"]


def test_a_call_has_an_id_that_the_api_takes_and_an_object() -> None:
    calls = (ToolCall("", "a"), ToolCall("", "a"), ToolCall("functions.a:0", "a", "no json"), ToolCall("call_1", "a"))
    written = write(Answer(calls, Stop.TOOLS))["content"]
    ids = [block["id"] for block in written]
    assert len(set(ids)) == 4
    assert all(each.startswith("toolu_") for each in ids[:3])
    assert ids[3] == "call_1"
    assert written[2]["input"] == {"input": "no json"}


def test_a_call_has_the_clients_own_name_of_the_tool() -> None:
    name = "a" * 100
    request = Request(tools=(Tool(name),))
    assert write(Answer((ToolCall("1", flat_name("", name)),)), request)["content"][0]["name"] == name


@given(answers("claude"))
def test_an_answer_that_is_written_and_read_is_the_same(answer: Answer) -> None:
    assert FORMAT.read_answer(write(answer)) == answer


@pytest.mark.parametrize(
    ("reason", "status", "kind"),
    [
        ("request", 400, "invalid_request_error"),
        ("credentials", 401, "authentication_error"),
        ("permission", 403, "permission_error"),
        ("not-found", 404, "not_found_error"),
        ("too-large", 413, "request_too_large"),
        ("limit", 429, "rate_limit_error"),
        ("overloaded", 529, "overloaded_error"),
        ("server", 500, "api_error"),
        ("filtered", 400, "invalid_request_error"),
    ],
)
def test_an_error_has_the_status_and_the_type_that_the_sdk_knows(reason: Reason, status: int, kind: str) -> None:
    expected = {"type": "error", "error": {"type": kind, "message": "why"}}
    assert FORMAT.write_error(Problem(reason, 500, "why")) == (status, expected)


def test_every_reason_has_an_error() -> None:
    assert all(FORMAT.write_error(Problem(reason, 0, ""))[0] >= 400 for reason in get_args(Reason))
