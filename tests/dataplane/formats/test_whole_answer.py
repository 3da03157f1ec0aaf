"""What a whole answer must hold, API by API: each shape is a sentence, and stands among the good ones or the others."""

from typing import Any

import msgspec
import pytest

from switchover_dataplane.classify.success import check_success
from switchover_dataplane.failover.outcome import Broken, Committed, ErrorClass, Outcome
from switchover_dataplane.formats.api import Api
from switchover_dataplane.formats.expected import Expected
from switchover_dataplane.formats.lenient_json import MOST_VALUES

CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
NONE = {"prompt_tokens": 9, "completion_tokens": 0, "total_tokens": 9}
SOME = {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11}


def outcome(expected: Expected, body: object, label: str = "application/json") -> Outcome:
    text = body if isinstance(body, bytes) else msgspec.json.encode(body)
    return check_success("openai", expected, 200, {"content-type": label}, text, now=0.0)


def chat(message: object, finish: object = "stop", **more: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "message": message, "finish_reason": finish}], **more}


def message(*blocks: object, stop: object = "end_turn", **more: Any) -> dict[str, Any]:
    return {"type": "message", "role": "assistant", "content": list(blocks), "stop_reason": stop, **more}


def response(*output: object, status: object = "completed", **more: Any) -> dict[str, Any]:
    return {"object": "response", "status": status, "output": list(output), "error": None, **more}


def said(text: str, kind: str = "output_text") -> dict[str, Any]:
    return {"type": "message", "id": "m", "role": "assistant", "status": "completed",
            "content": [{"type": kind, {"refusal": "refusal"}.get(kind, "text"): text, "annotations": []}]}  # fmt: skip


def generated(*parts: object, finish: object = "STOP", **more: Any) -> dict[str, Any]:
    return {"candidates": [{"content": {"role": "model", "parts": list(parts)}, "finishReason": finish}], **more}


def conversed(*blocks: object, stop: object = "end_turn", **more: Any) -> dict[str, Any]:
    return {"output": {"message": {"role": "assistant", "content": list(blocks)}}, "stopReason": stop, **more}


def embedded(*each: object) -> dict[str, Any]:
    return {"object": "list", "data": [{"object": "embedding", "embedding": one} for one in each]}


TEXT = {"type": "text", "text": "hello"}

GOOD: dict[Api, dict[str, object]] = {
    Api.CHAT: {
        "a text": chat({"role": "assistant", "content": "hello"}),
        "a blank alone": chat({"content": " "}),
        "content alone, without a finish reason": {"choices": [{"message": {"content": "hello"}}]},
        "a finish reason that is null": chat({"content": "hello"}, None),
        "a finish reason that is the word for null": chat({"content": "hello"}, "null"),
        "content in parts": chat({"content": [TEXT]}),
        "content in parts that are texts": chat({"content": ["hello"]}),
        "parts of thinking": chat({"content": [{"type": "thinking", "thinking": [TEXT]}]}),
        "a picture": chat({"content": "", "images": [{"image_url": {"url": "data:x"}}]}),
        "sound": chat({"content": None, "audio": {"id": "a", "data": "AA"}}),
        "a refusal": chat({"content": None, "refusal": "No."}),
        "a tool call": chat({"content": None, "tool_calls": [CALL]}, "tool_calls"),
        "a tool call that stops": chat({"content": None, "tool_calls": [CALL]}, "stop"),
        "a call of the older kind": chat({"content": None, "function_call": {"name": "f"}}, "function_call"),
        "thinking without a word": chat({"content": "", "reasoning_content": "hm"}, usage=NONE),
        "a limit without a word": chat({"content": ""}, "length", usage=NONE),
        "a limit in another provider's word": chat({"content": None}, "MAX_TOKENS", usage=NONE),
        "a filter without a word": chat({"content": None}, "content_filter", usage=NONE),
        "a filter without a message": {"choices": [{"index": 0, "finish_reason": "content_filter"}]},
        "nothing to add, of which tokens were counted": chat({"content": ""}, usage=SOME),
        "another provider's finish reason": chat({"content": "hello"}, "end_turn"),
        "one of two choices without a word": {"choices": [{"message": {"content": x}} for x in ("", "hello")]},
        "a text completion": {"choices": [{"text": "hello", "finish_reason": "stop"}]},
        "an error that is null": chat({"content": "hello"}, error=None),
        "an error that is empty, and no finish reason": chat({"content": "hello"}, None, error={}),
        "an error beside an answer that ended well": chat({"content": "hello"}, error={"message": "x"}),
        "codes of success beside it": chat({"content": "hello"}, base_resp={"status_code": 0}, code=0, success=True),
        "words about an error": chat({"content": '{"error": {"message": "x"}, "finish_reason": "error"}'}),
        "fields that nobody knows": chat({"content": "hello", "error": "x"}, mood=[{"finish_reason": "odd"}]),
        "half a character": b'{"choices":[{"message":{"content":"hello\\ud83d"},"finish_reason":"stop"}]}',
        "a number that JSON has not": b'{"choices":[{"message":{"content":"hello"},"logprobs":NaN}]}',
    },
    Api.COMPLETIONS: {
        "a text": {"choices": [{"text": "hello", "finish_reason": "stop"}]},
        "a limit without a word": {"choices": [{"text": "", "finish_reason": "length"}]},
        "nothing to fill in, of which tokens were counted": {"choices": [{"text": ""}], "usage": SOME},
        "a message, as fill in the middle has": chat({"content": "hello"}),
    },
    Api.MESSAGES: {
        "a text": message(TEXT),
        "a text without a type": {"content": [TEXT]},
        "a tool call": message({"type": "tool_use", "id": "t", "name": "f", "input": {}}, stop="tool_use"),
        "thinking alone": message({"type": "redacted_thinking", "data": "x"}),
        "a refusal without a word": message(stop="refusal"),
        "a limit without a word": message(stop="max_tokens"),
        "a turn that pauses": message({"type": "server_tool_use", "name": "w", "input": {}}, stop="pause_turn"),
        "nothing to add, of which tokens were counted": message(usage={"output_tokens": 2}),
        "a context that is full": message(TEXT, stop="model_context_window_exceeded"),
    },
    Api.RESPONSES: {
        "a text": response(said("hello")),
        "a text without status and object": {"output": [said("hello")]},
        "a refusal": response(said("No.", "refusal")),
        "a call": response({"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}),
        "a limit without a word": response(status="incomplete", incomplete_details={"reason": "max_output_tokens"}),
        "a filter without a word": response(status="incomplete", incomplete_details={"reason": "content_filter"}),
        "words, incomplete for no reason": response(said("hello"), status="incomplete"),
        "nothing to add, of which tokens were counted": response(usage={"output_tokens": 64}),
    },
    Api.GENERATE: {
        "a text": generated({"text": "hello"}),
        "a call": generated({"functionCall": {"name": "f", "args": {}}}),
        "a picture": generated({"inlineData": {"mimeType": "image/png", "data": "x"}}),
        "a limit without content": {"candidates": [{"finishReason": "MAX_TOKENS", "index": 0}]},
        "a candidate that is unsafe": {"candidates": [{"finishReason": "SAFETY"}]},
        "a prompt that is blocked": {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}},
        "thoughts that were counted": generated(usageMetadata={"thoughtsTokenCount": 8}),
        "a stream without events": [generated({"text": "hel"}, finish=None), generated({"text": "lo"})],
        "a stream whose last response says nothing": [generated({"text": "hello"}, finish=None), generated()],
    },
    Api.CONVERSE: {
        "a text": conversed({"text": "hello"}, usage={"outputTokens": 2}, metrics={"latencyMs": 9}),
        "a call": conversed({"toolUse": {"toolUseId": "t", "name": "f", "input": {}}}, stop="tool_use"),
        "thinking alone": conversed({"reasoningContent": {"redactedContent": "x"}}),
        "a limit without a word": conversed(stop="max_tokens"),
        "a guardrail that put another text there": conversed({"text": "No."}, stop="guardrail_intervened"),
        "a filter without a word": conversed(stop="content_filtered"),
        "nothing to add, of which tokens were counted": conversed(usage={"outputTokens": 2}),
    },
    Api.EMBEDDINGS: {
        "numbers": embedded([0.1, 0.2]),
        "base64": embedded("AAAA"),
        "several of one text": {"data": [{"embeddings": [[0.1], [0.2]]}]},
        "a number that JSON has not": b'{"data":[{"embedding":[NaN,0.1]}]}',
    },
}  # fmt: skip

BAD: dict[Api, dict[str, object]] = {
    Api.CHAT: {
        "no choices": {"object": "chat.completion"},
        "choices that are null": {"choices": None},
        "no choice": {"choices": []},
        "choices that are an object": {"choices": {}},
        "choices that are a text": {"choices": "hello"},
        "a choice that is null": {"choices": [None]},
        "a choice that is a text": {"choices": ["hello"]},
        "a choice without a message": {"choices": [{"index": 0, "finish_reason": "stop"}]},
        "a choice of a stream": {"choices": [{"delta": {"content": "hello"}}]},
        "a message that is null": chat(None),
        "a message that is a text": chat("hello"),
        "an empty message": chat({}),
        "an empty text": chat({"content": ""}),
        "a content that is null": chat({"content": None}),
        "no parts": chat({"content": []}),
        "a part without a word": chat({"content": [{"type": "text", "text": ""}]}),
        "a call of nothing": chat({"content": None, "tool_calls": [{}, None]}, "tool_calls"),
        "no calls": chat({"content": None, "tool_calls": []}, "tool_calls"),
        "no words, and no tokens counted": chat({"role": "assistant", "content": ""}, usage=NONE),
        "no words beside what is no answer": chat({"content": "", "annotations": [{"a": 1}], "provider": {"x": None}}),
        "no words and no finish reason": chat({"content": ""}, None),
        "an error in a choice": {"choices": [{"message": {"content": "he"}, "error": {"code": 502}}]},
        "an error beside words that did not end": chat({"content": "he"}, None, error={"message": "x"}),
        "a promise": {"id": "x", "status": "queued"},
        "another API's answer": message(TEXT),
        "a prediction": {"predictions": ["hello"]},
    },
    Api.COMPLETIONS: {
        "no text": {"choices": [{"text": "", "finish_reason": "stop"}]},
        "a text that is null": {"choices": [{"text": None, "finish_reason": "stop"}]},
        "a text that is a list": {"choices": [{"text": ["hello"]}]},
    },
    Api.MESSAGES: {
        "no content": {"type": "message", "stop_reason": "end_turn"},
        "a content that is null": {"type": "message", "content": None, "stop_reason": "end_turn"},
        "a content that is a text": {"type": "message", "content": "hello", "stop_reason": "end_turn"},
        "no block": message(),
        "a block without a word": message({"type": "text", "text": ""}),
        "no block, and no tokens counted": message(usage={"input_tokens": 3, "output_tokens": 0}),
        "another type": {**message(TEXT), "type": "completion"},
        "a chat": chat({"content": "hello"}),
    },
    Api.RESPONSES: {
        "no output": {"object": "response", "status": "completed"},
        "an output that is null": {"object": "response", "status": "completed", "output": None},
        "no item": response(),
        "a message without a word": response(said("")),
        "a message without content": response({"type": "message", "id": "m", "content": []}),
        "a response that failed": response(said("he"), status="failed"),
        "a response that was cancelled": response(said("he"), status="cancelled"),
        "a status that nobody knows": response(said("he"), status="expired"),
        "a response that is incomplete for another reason": response(
            said("he"), status="incomplete", incomplete_details={"reason": "worker_lost"}
        ),
        "a promise": response(status="queued"),
        "a response that has begun": response(said("he"), status="in_progress"),
        "another object": {"object": "chat.completion", "output": [said("hello")]},
        "an error beside words of no status": {"output": [said("he")], "error": {"code": "server_error"}},
    },
    Api.GENERATE: {
        "no candidates": {"usageMetadata": {"promptTokenCount": 3}},
        "candidates that are null": {"candidates": None},
        "no candidate": {"candidates": []},
        "no part": generated(),
        "a part without a word": generated({"text": ""}),
        "a candidate without content": {"candidates": [{"finishReason": "STOP"}]},
        "feedback without a reason": {"promptFeedback": {"safetyRatings": []}},
        "a stream of nothing": [],
        "a stream of errors": [{"error": {"code": 503, "message": "x"}}],
        "a stream that fails on its way": [generated({"text": "he"}, finish=None), {"error": {"code": 503}}],
        "a stream of texts": ["hello"],
    },
    Api.CONVERSE: {
        "no output": {"stopReason": "end_turn"},
        "an output that is null": {"output": None, "stopReason": "end_turn"},
        "no message": {"output": {}, "stopReason": "end_turn"},
        "a content that is a text": {"output": {"message": {"content": "hello"}}, "stopReason": "end_turn"},
        "no block": conversed(),
        "a block without a word": conversed({"text": ""}),
        "no block, and no tokens counted": conversed(usage={"inputTokens": 3, "outputTokens": 0}),
        "a call that cannot be read": conversed({"text": "hello"}, stop="malformed_tool_use"),
        "an end that nobody knows": conversed({"text": "hello"}, stop="odd"),
    },
    Api.EMBEDDINGS: {
        "no data": {"object": "list"},
        "data that is null": {"data": None},
        "no embedding": {"data": []},
        "an embedding of no numbers": embedded([]),
        "an embedding that is null": embedded(None),
        "an embedding that is an empty text": embedded(""),
        "an embedding without numbers": {"data": [{"object": "embedding"}]},
        "one of two that has no numbers": embedded([0.1], []),
    },
}
ANY_BAD: dict[str, object] = {
    "an empty object": {},
    "null": None,
    "an empty list": [],
    "a list of a text": ["hello"],
    "a text": "Slow down",
    "a number": 7,
    "true": True,
    "an error": {"error": {"message": "x"}},
    "an error in a list": [{"error": {"code": 503}}],
    "an error by its object": {"object": "error", "message": "x"},
    "an error by its type": {"type": "error", "error": {"type": "overloaded_error"}},
    "a code and a message": {"code": "Throttling", "message": "slow"},
    "a code alone": {"code": 1302},
    "a detail": {"detail": "Internal error"},
    "a message": {"message": "Too many connections"},
    "a status": {"status": 500},
    "no success": {"success": False, "errors": [{"code": 1}], "result": None},
    "a code of a provider's own": {"base_resp": {"status_code": 1002, "status_msg": "limit"}},
    "a proxy's text": b"upstream connect error or disconnect/reset before headers",
    "a word": b"OK",
    "a page": b"<!DOCTYPE html><html></html>",
    "XML": b"<?xml version='1.0'?><error/>",
    "an event": b'data: {"choices":[{"message":{"content":"hello"}}]}\n\n',
    "half a text": b'{"choices":[{"message":{"content":"hello"',
    "two objects": b'{"choices":[{"message":{"content":"hello"}}]}{}',
    "a list that does not end": b"[" * 100_000,
    "nothing": b"",
    "blanks": b" \n\t",
    "a byte order mark": b"\xef\xbb\xbf",
}


def each(table: dict[Api, dict[str, object]]) -> list[Any]:
    return [
        pytest.param(api, body, id=f"{api.name}: {name}")
        for api, bodies in table.items()
        for name, body in bodies.items()
    ]


@pytest.mark.parametrize(("api", "body"), each(GOOD))
def test_a_text_in_the_form_of_its_api_with_content_is_an_answer(api: Api, body: object) -> None:
    assert isinstance(outcome(Expected(api), body), Committed)


@pytest.mark.parametrize(("api", "body"), each(BAD))
def test_a_text_in_another_form_or_without_content_is_a_failed_attempt(api: Api, body: object) -> None:
    assert isinstance(outcome(Expected(api), body), Broken)


@pytest.mark.parametrize("api", Api)
@pytest.mark.parametrize("body", ANY_BAD.values(), ids=ANY_BAD)
def test_what_is_no_answer_of_any_api_is_a_failed_attempt_of_each(api: Api, body: object) -> None:
    assert isinstance(outcome(Expected(api), body), Broken)


@pytest.mark.parametrize("label", ["", "text/plain", "text/html", "application/octet-stream", "image/png"])
def test_the_label_of_an_answer_decides_nothing(label: str) -> None:
    assert isinstance(outcome(Expected(Api.CHAT), chat({"content": "hello"}), label), Committed)
    assert isinstance(outcome(Expected(Api.CHAT), b"hello", label), Broken)


# ── How it ended ────────────────────────────────────────────────────────────────────────────────────────────────────

FAILURES = ("error", "network_error", "ERROR_FINISH", "timeout", "abort", "malformed_function_call",
            "function_call_filter: MALFORMED_FUNCTION_CALL", "insufficient_system_resource", "unknown")  # fmt: skip


@pytest.mark.parametrize("words", ["", "hello"], ids=["without a word", "behind words"])
@pytest.mark.parametrize("reason", FAILURES)
def test_an_answer_that_ended_for_a_reason_that_is_not_known_as_good_has_failed(reason: str, words: str) -> None:
    ended = {
        Api.CHAT: chat({"content": words}, reason, usage=SOME),
        Api.COMPLETIONS: {"choices": [{"text": words, "finish_reason": reason}], "usage": SOME},
        Api.MESSAGES: message({"type": "text", "text": words}, stop=reason, usage={"output_tokens": 2}),
        Api.RESPONSES: response(said(words), status="incomplete", incomplete_details={"reason": reason}),
        Api.GENERATE: generated({"text": words}, finish=reason),
    }
    for api, body in ended.items():
        failed = outcome(Expected(api), body)
        assert isinstance(failed, Broken)
        assert (failed.error_class, failed.scope) == (ErrorClass.SERVER_ERROR, "unknown")


@pytest.mark.parametrize("reason", [0, 7, True, {"type": "stop"}, ["stop"]])
def test_a_finish_reason_that_is_no_word_is_none_that_is_known(reason: object) -> None:
    assert isinstance(outcome(Expected(Api.CHAT), chat({"content": "hello"}, reason)), Broken)


def test_one_choice_that_failed_is_enough() -> None:
    choices = [{"message": {"content": "hello"}, "finish_reason": reason} for reason in ("stop", "network_error")]
    assert isinstance(outcome(Expected(Api.CHAT), {"choices": choices}), Broken)


# ── What was asked for ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("status", ["queued", "in_progress"])
def test_a_promise_is_an_answer_where_it_was_asked_for(status: str) -> None:
    assert isinstance(outcome(Expected(Api.RESPONSES, later=True), response(status=status)), Committed)


def test_a_response_that_failed_is_none_wherever_it_was_made() -> None:
    assert isinstance(outcome(Expected(Api.RESPONSES, later=True), response(status="failed")), Broken)


@pytest.mark.parametrize(("inputs", "is_good"), [(0, True), (1, True), (2, True), (3, False)])
def test_there_are_as_many_embeddings_as_texts(inputs: int, is_good: bool) -> None:
    found = outcome(Expected(Api.EMBEDDINGS, inputs=inputs), embedded([0.1], [0.2]))
    assert isinstance(found, Committed) is is_good


# ── Answers of very many values ─────────────────────────────────────────────────────────────────────────────────────

MANY = [0] * (2 * MOST_VALUES)
NUMBERS = [0.1] * (2 * MOST_VALUES)
LARGE_GOOD = [
    (Api.CHAT, chat({"content": "hello"}, more=MANY)),
    (Api.CHAT, {"choices": [{"message": {"content": "hello"}, "logprobs": MANY, "finish_reason": "stop"}]}),
    (Api.COMPLETIONS, {"choices": [{"text": "hello", "logprobs": MANY, "finish_reason": "length"}]}),
    (Api.MESSAGES, message(TEXT, {"type": "odd", "values": MANY})),
    (Api.RESPONSES, response(said("hello"), {"type": "odd", "values": MANY})),
    (Api.GENERATE, generated({"text": "hello"}, more=MANY)),
    (Api.GENERATE, [generated({"text": "hello"}, more=MANY)]),
    (Api.EMBEDDINGS, embedded(NUMBERS, NUMBERS)),
]
LARGE_BAD = [
    (Api.CHAT, {"more": MANY}),
    (Api.CHAT, {"choices": [], "more": MANY}),
    (Api.CHAT, {"choices": MANY}),
    (Api.CHAT, MANY),
    (Api.CHAT, chat({"content": "hello"}, "network_error", more=MANY)),
    (Api.CHAT, {"choices": [{"text": '"message":{', "finish_reason": "odd", "logprobs": MANY}]}),
    (Api.MESSAGES, message(TEXT, stop="network_error", more=MANY)),
    (Api.RESPONSES, response(said("hello"), status="failed", more=MANY)),
    (Api.GENERATE, generated({"text": "hello"}, finish="OTHER", more=MANY)),
    (Api.GENERATE, MANY),
    (Api.EMBEDDINGS, {"data": [], "more": MANY}),
    (Api.EMBEDDINGS, embedded(NUMBERS, [])),
    (Api.EMBEDDINGS, embedded(NUMBERS)),
]


@pytest.mark.parametrize(("api", "body"), LARGE_GOOD)
def test_an_answer_with_very_many_values_is_checked_by_its_outline(api: Api, body: object) -> None:
    assert isinstance(outcome(Expected(api, inputs=2), body), Committed)
    assert isinstance(outcome(Expected(api), msgspec.json.encode(body)[:-1]), Broken)


@pytest.mark.parametrize(("api", "body"), LARGE_BAD)
def test_what_has_very_many_values_and_not_its_outline_is_a_failed_attempt(api: Api, body: object) -> None:
    assert isinstance(outcome(Expected(api, inputs=2), body), Broken)


# ── Why it failed ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_text_of_an_answer_in_another_form_decides_the_class_and_the_wait() -> None:
    body = {"error": {"code": 429, "message": "Rate limit reached, try again in 7s", "type": "rate_limit_exceeded"}}
    failed = outcome(Expected(Api.CHAT), body)
    assert isinstance(failed, Broken)
    assert (failed.how, failed.error_class, failed.retry_after) == ("error-event", ErrorClass.RATE_LIMITED, 7.0)


@pytest.mark.parametrize("text", [b"Too Many Requests", b'"Too Many Requests"', b"429 Too Many Requests\n"])
def test_a_proxys_text_decides_the_class(text: bytes) -> None:
    failed = outcome(Expected(Api.CHAT), text, "text/plain")
    assert isinstance(failed, Broken)
    assert (failed.how, failed.error_class) == ("malformed", ErrorClass.RATE_LIMITED)


def test_an_answer_without_a_reason_is_a_server_error_of_unknown_scope() -> None:
    bodies: list[object] = [{}, {"choices": []}, chat({"content": ""})]
    for body in bodies:
        failed = outcome(Expected(Api.CHAT), body)
        assert isinstance(failed, Broken)
        assert (failed.error_class, failed.scope) == (ErrorClass.SERVER_ERROR, "unknown")


@pytest.mark.parametrize("body", [{}, ["hello"], {"choices": []}, {"text": "hello"}])
def test_of_an_api_that_is_not_known_no_form_is_demanded(body: object) -> None:
    assert isinstance(outcome(Expected(), body), Committed)
