"""What one event of a provider's stream says: the traps of the field, one by one."""

import copy
from typing import Any

import msgspec
import pytest

from switchover_dataplane.formats.api import Api
from switchover_dataplane.formats.chunk import read
from switchover_dataplane.formats.chunk_kind import Chunk, ChunkKind, StreamFormat
from switchover_dataplane.formats.finish_reasons import Finish
from switchover_dataplane.formats.sse import Event


def event(value: Any, name: str = "") -> Event:
    data = value if isinstance(value, bytes) else msgspec.json.encode(value)
    return Event(b"", name, data)


def delta(finish: str | None = None, **fields: Any) -> Event:
    return event({"choices": [{"index": 0, "delta": fields, "finish_reason": finish}]})


KINDS: dict[str, tuple[Event, ChunkKind]] = {
    "a comment": (Event(b": hi\n\n"), ChunkKind.NO_CONTENT),
    "a role alone": (delta(role="assistant", content=""), ChunkKind.NO_CONTENT),
    "a role that comes with every chunk": (delta(role="assistant", content="a"), ChunkKind.CONTENT),
    "nulls": (delta(role="assistant", content=None, refusal=None, tool_calls=None), ChunkKind.NO_CONTENT),
    "text": (delta(content="a"), ChunkKind.CONTENT),
    "a refusal": (delta(refusal="no"), ChunkKind.CONTENT),
    "a tool call": (delta(tool_calls=[{"index": 0, "id": "x"}]), ChunkKind.CONTENT),
    "a function call": (delta(function_call={"name": "f"}), ChunkKind.CONTENT),
    "audio": (delta(audio={"data": "x"}), ChunkKind.CONTENT),
    "a field that nobody knows": (delta(padding="x"), ChunkKind.NO_CONTENT),
    "content as a list of parts": (delta(content=[{"type": "text", "text": "a"}]), ChunkKind.CONTENT),
    "a part of another kind": (delta(content=[{"type": "image_url"}]), ChunkKind.CONTENT),
    "a part that is none": (delta(content=[7]), ChunkKind.CONTENT),
    "content that is neither": (delta(content=7), ChunkKind.CONTENT),
    "a thinking part": (delta(content=[{"type": "thinking", "thinking": []}]), ChunkKind.THINKING),
    "reasoning content": (delta(reasoning_content="hm"), ChunkKind.THINKING),
    "reasoning": (delta(reasoning="hm", content=""), ChunkKind.THINKING),
    "reasoning and text": (delta(content="a", reasoning="hm"), ChunkKind.CONTENT),
    "reasoning twice": (delta(reasoning="hm", content=[{"type": "thinking"}]), ChunkKind.THINKING),
    "a finish": (delta("stop"), ChunkKind.FINISH),
    "a finish with the last text": (delta("stop", content="a"), ChunkKind.CONTENT),
    "a finish that is an error": (delta("error", content="a"), ChunkKind.ERROR),
    "usage after the finish": (event({"choices": [], "usage": {"total_tokens": 7}}), ChunkKind.NO_CONTENT),
    "Azure's first chunk": (event({"choices": [], "id": "", "prompt_filter_results": []}), ChunkKind.NO_CONTENT),
    "a chunk without choices": (event({"object": "chat.completion.chunk", "choices": None}), ChunkKind.NO_CONTENT),
    "Azure's asynchronous filter": (
        event({"choices": [{"index": 0, "finish_reason": None, "content_filter_offsets": {"check_offset": 4}}]}),
        ChunkKind.NO_CONTENT,
    ),
    "a text completion": (event({"choices": [{"index": 0, "text": "a", "finish_reason": None}]}), ChunkKind.CONTENT),
    "a text completion that thinks": (
        event({"choices": [{"index": 0, "text": "a", "delta": {"reasoning": "hm"}}]}),
        ChunkKind.CONTENT,
    ),
    "done": (event(b"[DONE]"), ChunkKind.DONE),
    "done with a space too many": (event(b" [DONE] "), ChunkKind.DONE),
    "an error": (event({"error": {"message": "x"}}), ChunkKind.ERROR),
    "an error with a choice": (
        event({"error": {"code": 502}, "choices": [{"delta": {"content": ""}, "finish_reason": "error"}]}),
        ChunkKind.ERROR,
    ),
    "an error beside what is no chunk": (event({"error": "x", "choices": 7}), ChunkKind.ERROR),
    "an event named error": (event(b"oops", "error"), ChunkKind.ERROR),
    "no JSON": (event(b"ping"), ChunkKind.NOT_JSON),
    "nothing": (event(b""), ChunkKind.NOT_JSON),
    "a piece of JSON": (event(b'{"choices":[{"delta":{"con'), ChunkKind.BROKEN_JSON),
    "a piece of JSON that was no chunk": (event(b'{"choices": 7, '), ChunkKind.BROKEN_JSON),
    "an empty object": (event(b" {} "), ChunkKind.NO_CONTENT),
    "a ping": (event({"type": "ping"}, "ping"), ChunkKind.NO_CONTENT),
    "Mistral's error": (event({"object": "error", "message": "x", "code": "1300"}), ChunkKind.ERROR),
    "Gemini's error in a list": (event([{"error": {"code": 503}}]), ChunkKind.ERROR),
    "bytes that are no text": (event(b'{"choices":[{"delta":{"content":"\xff"}}]}'), ChunkKind.BROKEN_JSON),
    "half a surrogate pair": (event(b'{"choices":[{"delta":{"content":"\\ud83d"}}]}'), ChunkKind.CONTENT),
    "a number that JSON has not": (
        event(b'{"choices":[{"delta":{"content":"a"},"logprobs":-Infinity}]}'),
        ChunkKind.CONTENT,
    ),
    "a finish_reason that is the word null": (delta("null", content=""), ChunkKind.NO_CONTENT),
    "a part of an event": (Event(b"data: x", is_part=True), ChunkKind.CONTENT),
    "an error by its type": (event({"type": "error", "message": "x"}), ChunkKind.ERROR),
}


@pytest.mark.parametrize(("said", "kind"), KINDS.values(), ids=KINDS.keys())
def test_each_kind_of_event_has_its_kind(said: Event, kind: ChunkKind) -> None:
    assert read(said, Api.CHAT).kind is kind


STRANGE: dict[str, Event] = {
    "a choice that is none": event({"choices": [7]}),
    "a number": event(b"7"),
    "a list": event([7]),
    "an object of another API": event({"completion": "x"}),
    "an event of a type that nobody knows": event({"type": "surprise"}),
    "a type that is no text": event({"type": 7}),
    "a keep-alive": event({"type": "heartbeat"}, "keepalive"),
}


@pytest.mark.parametrize("said", STRANGE.values(), ids=STRANGE.keys())
def test_an_event_of_unknown_form_is_no_content_where_the_api_is_known_and_else_content(said: Event) -> None:
    """On a path that nobody knows the caller may know what to do with it."""
    for api in (Api.CHAT, Api.MESSAGES, Api.RESPONSES, Api.GENERATE):
        assert read(said, api).kind is ChunkKind.UNKNOWN
    assert read(said, None).kind is ChunkKind.CONTENT


IN_OTHER_WORDS: dict[str, Any] = {
    "a code beside no choices": {"choices": None, "base_resp": {"status_code": 1002, "status_msg": "rate limit"}},
    "the same beside an empty list": {"choices": [], "base_resp": {"status_code": 1002, "status_msg": "rate limit"}},
    "a chunk of no choices": {"object": "chat.completion.chunk", "base_resp": {"status_code": 1, "status_msg": "x"}},
    "a detail alone": {"detail": "Internal error"},
    "no success": {"success": False, "result": None},
    "a choice that failed": {"choices": [{"index": 0, "delta": {"content": ""}, "error": {"code": 502}}]},
}


@pytest.mark.parametrize("value", IN_OTHER_WORDS.values(), ids=IN_OTHER_WORDS.keys())
def test_an_error_in_other_words_is_one_where_the_form_is_known(value: Any) -> None:
    assert read(event(value), Api.CHAT).kind is ChunkKind.ERROR


def test_what_has_more_fields_than_an_error_is_not_looked_at_for_one() -> None:
    fields = {f"f{number}": 0 for number in range(2_000)}
    assert read(event({**fields, "detail": "Internal error"}), Api.CHAT).kind is ChunkKind.UNKNOWN


@pytest.mark.parametrize(
    ("word", "finish"),
    [("stop", Finish.ENDED), ("TOOL-CALLS", Finish.ENDED), ("length", Finish.LIMITED), ("sensitive", Finish.REFUSED)],
)
def test_a_reason_that_is_known_ends_the_answer(word: str, finish: Finish) -> None:
    chunk = read(delta(word), Api.CHAT)
    assert (chunk.kind, chunk.finish, chunk.finished) == (ChunkKind.FINISH, finish, (0,))


@pytest.mark.parametrize("word", ["network_error", "abort", "x" * 99, 7, {"type": "stop"}])
@pytest.mark.parametrize("said", [{}, {"content": "a"}])
def test_a_reason_that_nobody_knows_is_a_failure_where_the_api_is_known(word: Any, said: dict[str, Any]) -> None:
    assert read(delta(word, **said), Api.CHAT).kind is ChunkKind.ERROR
    assert read(delta(word, **said), None).kind is (ChunkKind.CONTENT if said else ChunkKind.FINISH)


def test_a_field_of_a_type_that_nobody_expects_takes_nothing_from_the_others() -> None:
    odd = {"index": "0", "delta": {"content": "a"}, "finish_reason": 0, "text": 7}
    chunk = read(event({"choices": [odd]}), Api.CHAT)
    assert (chunk.kind, chunk.text) == (ChunkKind.CONTENT, "a")


@pytest.mark.parametrize("name", ["tool_calls", "function_call"])
def test_a_piece_of_a_tool_call_has_the_index_of_its_choice(name: str) -> None:
    for index in range(2):
        chunk = read(event({"choices": [{"index": index, "delta": {name: [{"index": 0}]}}]}), Api.CHAT)
        assert (chunk.kind, chunk.calls) == (ChunkKind.CONTENT, (index,))


@pytest.mark.parametrize("name", ["reasoning_text", "thinking_blocks", "thought", "reasoning_summary"])
def test_reasoning_in_any_field_shows_that_the_model_works(name: str) -> None:
    assert read(delta(**{name: "hm"}), Api.CHAT).kind is ChunkKind.THINKING


COUNTED: dict[str, tuple[Event, Api, bool]] = {
    "usage": (event({"choices": [], "usage": {"completion_tokens": 7}}), Api.CHAT, True),
    "usage of none": (event({"choices": [], "usage": {"completion_tokens": 0}}), Api.CHAT, False),
    "usage of a prompt": (event({"choices": [], "usage": {"prompt_tokens": 7}}), Api.CHAT, False),
    "usage with the finish": (
        event({"choices": [{"delta": {}, "finish_reason": "stop"}], "usage": {"completion_tokens": 1}}),
        Api.CHAT,
        True,
    ),
    "usage that comes with every chunk": (
        event({"choices": [{"delta": {"content": "a"}}], "usage": {"completion_tokens": 1}}),
        Api.CHAT,
        False,
    ),
    "words that look like usage": (delta("stop", content='{"completion_tokens": 7}'), Api.CHAT, False),
    "Anthropic's": (
        event({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 3}}),
        Api.MESSAGES,
        True,
    ),
    "Gemini's": (
        event({"candidates": [{"finishReason": "STOP"}], "usageMetadata": {"thoughtsTokenCount": 3}}),
        Api.GENERATE,
        True,
    ),
    "the Responses API's": (
        event({"type": "response.completed", "response": {"usage": {"output_tokens": 3}}}),
        Api.RESPONSES,
        True,
    ),
}


@pytest.mark.parametrize(("said", "api", "counted"), COUNTED.values(), ids=COUNTED.keys())
def test_tokens_of_an_answer_are_counted_where_it_ends(said: Event, api: Api, counted: bool) -> None:
    assert read(said, api).counted is counted


def test_text_is_read_from_a_string_and_from_parts() -> None:
    assert read(delta(content="a b"), Api.CHAT).text == "a b"
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": " b"}]
    assert read(delta(content=parts), Api.CHAT) == Chunk(ChunkKind.CONTENT, StreamFormat.CHAT, "a b", "", (0,), (0,))


def test_a_last_chunk_has_its_text_and_its_end() -> None:
    chunk = read(delta("stop", content="a"), Api.CHAT)
    assert (chunk.text, chunk.finished) == ("a", (0,))


@pytest.mark.parametrize(
    ("said", "not_resumable"),
    [
        (delta(tool_calls=[{"index": 0}]), "tool_calls"),
        (delta(refusal="no"), "refusal"),
        (delta(audio={"data": "x"}), "audio"),
        (delta(padding="x"), "fields of another form"),
        (delta(reasoning_content="hm"), "reasoning"),
        (delta(content=[{"type": "thinking"}, {"type": "text", "text": "a"}]), "reasoning"),
        (delta(content=[{"type": "image_url"}]), "content of another form"),
        (event({"choices": [{"index": 1, "delta": {"content": "a"}}]}), "several choices"),
        (event({"type": "response.output_text.delta", "delta": "a"}), ""),
        (event({"type": "response.refusal.delta", "delta": "a"}), "a part that is no text"),
        (event({"type": "content_block_delta", "delta": {"type": "text_delta", "text": "a"}}), ""),
        (event({"type": "content_block_delta", "delta": {"type": "citations_delta"}}), "a citation"),
        (event({"type": "content_block_start", "content_block": {"type": "tool_use"}}), "a tool call"),
        (event({"candidates": [{"content": {"parts": [{"text": "a"}]}}]}), ""),
        (event({"candidates": [{"content": {"parts": [{"functionCall": {}}]}}]}), "a part that is no text"),
        (event({"completion": "a"}), "events of another form"),
        (delta(role="assistant", content="a", channel="final"), ""),
    ],
)
def test_what_another_model_cannot_continue_is_named(said: Event, not_resumable: str) -> None:
    assert read(said, None).not_resumable == not_resumable


def test_every_choice_with_content_or_an_end_is_listed() -> None:
    both = [{"index": 0, "delta": {"content": "a"}}, {"index": 1, "delta": {}, "finish_reason": "stop"}]
    chunk = read(event({"choices": both}), None)
    assert (chunk.choices, chunk.with_content, chunk.finished, chunk.kind) == ((0, 1), (0,), (1,), ChunkKind.CONTENT)


# ── Anthropic's Messages API and Gemini ─────────────────────────────────────────────────────────────────────────────


def block(kind: str, **fields: Any) -> Event:
    return event({"type": "content_block_start", "index": 0, "content_block": {"type": kind, **fields}})


def piece(kind: str, **fields: Any) -> Event:
    return event({"type": "content_block_delta", "index": 0, "delta": {"type": kind, **fields}})


MESSAGES: dict[str, tuple[Event, ChunkKind]] = {
    "the start": (event({"type": "message_start", "message": {"content": []}}, "message_start"), ChunkKind.NO_CONTENT),
    "the start of a text": (block("text", text=""), ChunkKind.NO_CONTENT),
    "a text that begins with its start": (block("text", text="a"), ChunkKind.CONTENT),
    "the start of a thought": (block("thinking", thinking=""), ChunkKind.THINKING),
    "a thought that is not shown": (block("redacted_thinking", data="x"), ChunkKind.THINKING),
    "the start of a tool call": (block("tool_use", id="x", name="f", input={}), ChunkKind.CONTENT),
    "the start of a call that the provider makes": (block("server_tool_use", name="web_search"), ChunkKind.THINKING),
    "what such a call gave": (block("web_search_tool_result", content=[]), ChunkKind.THINKING),
    "a block that is none": (event({"type": "content_block_start", "content_block": 7}), ChunkKind.NO_CONTENT),
    "text": (piece("text_delta", text="a"), ChunkKind.CONTENT),
    "an empty text": (piece("text_delta", text=""), ChunkKind.NO_CONTENT),
    "a tool's input, which may be the provider's": (piece("input_json_delta", partial_json="{"), ChunkKind.THINKING),
    "a citation": (piece("citations_delta", citation={}), ChunkKind.CONTENT),
    "a thought": (piece("thinking_delta", thinking="hm"), ChunkKind.THINKING),
    "a thought's signature": (piece("signature_delta", signature="x"), ChunkKind.THINKING),
    "a piece that is none": (event({"type": "content_block_delta", "delta": 7}), ChunkKind.NO_CONTENT),
    "a piece whose type is none": (event({"type": "content_block_delta", "delta": {"type": 7}}), ChunkKind.NO_CONTENT),
    "the end of a block": (event({"type": "content_block_stop", "index": 0}), ChunkKind.NO_CONTENT),
    "usage": (event({"type": "message_delta", "delta": {"stop_reason": None}, "usage": {}}), ChunkKind.NO_CONTENT),
    "a message delta that is none": (event({"type": "message_delta", "delta": 7}), ChunkKind.NO_CONTENT),
    "the reason of the end": (event({"type": "message_delta", "delta": {"stop_reason": "end_turn"}}), ChunkKind.FINISH),
    "the end": (event({"type": "message_stop"}, "message_stop"), ChunkKind.DONE),
    "a reason that nobody knows": (event({"type": "message_delta", "delta": {"stop_reason": "x"}}), ChunkKind.ERROR),
    "an error": (event({"type": "error", "error": {"type": "overloaded_error"}}, "error"), ChunkKind.ERROR),
}


def response(*parts: object, **fields: Any) -> Event:
    return event({"candidates": [{"content": {"role": "model", "parts": parts}, **fields}], "modelVersion": "m"})


GENERATE: dict[str, tuple[Event, ChunkKind]] = {
    "text": (response({"text": "a"}), ChunkKind.CONTENT),
    "a call": (response({"functionCall": {"name": "f"}}), ChunkKind.CONTENT),
    "an image": (response({"inlineData": {"data": "x"}}), ChunkKind.CONTENT),
    "code that the provider runs": (response({"executableCode": {"code": "1"}}), ChunkKind.THINKING),
    "a signature alone": (response({"text": "", "thoughtSignature": "x"}), ChunkKind.NO_CONTENT),
    "a part that is none": (response(7), ChunkKind.NO_CONTENT),
    "a thought": (response({"text": "hm", "thought": True}), ChunkKind.THINKING),
    "a thought and text": (response({"text": "hm", "thought": True}, {"text": "a"}), ChunkKind.CONTENT),
    "an empty text": (response({"text": ""}), ChunkKind.NO_CONTENT),
    "no parts": (event({"candidates": [{"content": {"role": "model"}}]}), ChunkKind.NO_CONTENT),
    "no content": (event({"candidates": [{"index": 0}]}), ChunkKind.NO_CONTENT),
    "usage alone": (event({"usageMetadata": {"totalTokenCount": 7}}), ChunkKind.NO_CONTENT),
    "no candidates": (event({"candidates": [], "usageMetadata": {}}), ChunkKind.NO_CONTENT),
    "a prompt that is blocked": (event({"promptFeedback": {"blockReason": "SAFETY"}}), ChunkKind.FINISH),
    "a prompt that is not": (event({"promptFeedback": {"safetyRatings": []}}), ChunkKind.NO_CONTENT),
    "the end": (response({"text": ""}, finishReason="STOP"), ChunkKind.FINISH),
    "the end with the last text": (response({"text": "a"}, finishReason="STOP"), ChunkKind.CONTENT),
    "a reason that is a failure": (response(finishReason="MALFORMED_FUNCTION_CALL"), ChunkKind.ERROR),
    "an error": (event({"error": {"code": 503, "status": "UNAVAILABLE"}}), ChunkKind.ERROR),
}


def item(step: str, kind: str, **fields: Any) -> Event:
    return event({"type": f"response.output_item.{step}", "output_index": 2, "item": {"type": kind, **fields}})


def step(kind: str, **fields: Any) -> Event:
    return event({"type": f"response.{kind}", **fields})


RESPONSES: dict[str, tuple[Event, ChunkKind]] = {
    "the start": (step("created", response={}), ChunkKind.NO_CONTENT),
    "text": (step("output_text.delta", delta="a"), ChunkKind.CONTENT),
    "an empty text": (step("output_text.delta", delta=""), ChunkKind.NO_CONTENT),
    "a refusal": (step("refusal.delta", delta="no"), ChunkKind.CONTENT),
    "a step that nobody knows": (step("surprise"), ChunkKind.NO_CONTENT),
    "reasoning": (step("reasoning_text.delta", delta="hm"), ChunkKind.THINKING),
    "a summary": (step("reasoning_summary_part.added"), ChunkKind.THINKING),
    "a search of the provider's": (step("web_search_call.searching"), ChunkKind.THINKING),
    "a tool of the provider's": (step("mcp_call_arguments.delta", delta="{"), ChunkKind.THINKING),
    "the start of a message": (item("added", "message", content=[]), ChunkKind.NO_CONTENT),
    "a message that comes whole": (item("done", "message", content=[{"text": "a"}]), ChunkKind.CONTENT),
    "an empty message": (item("done", "message", content=[{"text": ""}]), ChunkKind.NO_CONTENT),
    "the start of a search": (item("added", "web_search_call"), ChunkKind.THINKING),
    "the start of reasoning": (item("added", "reasoning"), ChunkKind.THINKING),
    "the start of a call": (item("added", "function_call", name="f"), ChunkKind.CONTENT),
    "a call's arguments": (step("function_call_arguments.delta", output_index=2, delta="{"), ChunkKind.CONTENT),
    "the end": (step("completed", response={"status": "completed"}), ChunkKind.FINISH),
    "an end of another form": (step("completed", response=7), ChunkKind.FINISH),
    "an end at a limit": (
        step("incomplete", response={"incomplete_details": {"reason": "max_output_tokens"}}),
        ChunkKind.FINISH,
    ),
    "an end without a reason": (step("incomplete", response={}), ChunkKind.FINISH),
    "an end for a reason that nobody knows": (
        step("incomplete", response={"incomplete_details": {"reason": "x"}}),
        ChunkKind.ERROR,
    ),
    "an end that says that it failed": (step("completed", response={"status": "failed"}), ChunkKind.ERROR),
    "a failure": (step("failed"), ChunkKind.ERROR),
    "what was cancelled": (step("cancelled"), ChunkKind.ERROR),
}


@pytest.mark.parametrize(("said", "kind"), RESPONSES.values(), ids=RESPONSES.keys())
def test_each_event_of_the_responses_api_has_its_kind(said: Event, kind: ChunkKind) -> None:
    chunk = read(said, Api.RESPONSES)
    assert chunk.kind is kind
    assert chunk.stream_format is (None if kind is ChunkKind.ERROR else StreamFormat.RESPONSES)


@pytest.mark.parametrize(
    ("api", "opens", "closes"),
    [
        (Api.RESPONSES, item("added", "function_call"), item("done", "function_call")),
        (Api.RESPONSES, item("added", "custom_tool_call"), item("done", "custom_tool_call")),
        (
            Api.MESSAGES,
            event({"type": "content_block_start", "index": 2, "content_block": {"type": "tool_use"}}),
            event({"type": "content_block_stop", "index": 2}),
        ),
    ],
)
def test_a_tool_call_begins_and_ends_with_its_item_or_block(api: Api, opens: Event, closes: Event) -> None:
    assert (read(opens, api).calls, read(opens, api).closed) == ((2,), ())
    assert read(closes, api).closed == (2,)


@pytest.mark.parametrize(("said", "kind"), MESSAGES.values(), ids=MESSAGES.keys())
def test_each_of_anthropics_events_has_its_kind(said: Event, kind: ChunkKind) -> None:
    chunk = read(said, Api.MESSAGES)
    assert chunk.kind is kind
    assert chunk.stream_format is (None if kind is ChunkKind.ERROR else StreamFormat.MESSAGES)


@pytest.mark.parametrize(("said", "kind"), GENERATE.values(), ids=GENERATE.keys())
def test_each_of_geminis_responses_has_its_kind(said: Event, kind: ChunkKind) -> None:
    chunk = read(said, Api.GENERATE)
    assert chunk.kind is kind
    assert chunk.stream_format is (None if kind is ChunkKind.ERROR else StreamFormat.GENERATE)


def test_each_of_geminis_candidates_ends_for_itself() -> None:
    both = [{"index": 0, "finishReason": "STOP"}, {"index": 1, "content": {"parts": [{"text": "a"}]}}]
    chunk = read(event({"candidates": both}), None)
    assert (chunk.choices, chunk.finished, chunk.kind) == ((0, 1), (0,), ChunkKind.CONTENT)


HALF = b"\\ud83d"


@pytest.mark.parametrize(
    "data",
    [
        b'{"t%b":1,"choices":[{"delta":{"content":"a"}}]}',
        b'{"choices":[{"t%b":1,"delta":{"content":"a"}}]}',
    ],
)
def test_half_a_surrogate_pair_in_a_name_takes_nothing_from_the_text(data: bytes) -> None:
    chunk = read(event(data % HALF), None)
    assert (chunk.kind, chunk.stream_format, chunk.text) == (ChunkKind.CONTENT, StreamFormat.CHAT, "a")


@pytest.mark.parametrize("name", [b"t", b"error", b"type", b"candidates", b"choices"])
def test_half_a_surrogate_pair_anywhere_raises_nothing(name: bytes) -> None:
    for data in (b'{"%b%b":1}', b'{"%b":{"%b":1}}', b'{"%b":"%b"}', b'{"%b":["%b"]}', b'{"%b":[{"x%b":NaN}]}'):
        assert isinstance(read(event(data % (name, HALF)), None), Chunk)


@pytest.mark.parametrize("index", [128, -1, 300_000])
@pytest.mark.parametrize(
    "data", [b'{"choices":[{"index":%d,"delta":{"content":"a"}}]}', b'{"candidates":[{"index":%d,"content":{}}]}']
)
def test_an_index_that_no_choice_has_garbles_the_answer(data: bytes, index: int) -> None:
    assert read(event(data % index), None).kind is ChunkKind.BROKEN_JSON
    assert read(event(data % 127), None).kind is not ChunkKind.BROKEN_JSON


@pytest.mark.parametrize("name", [b"choices", b"candidates"])
def test_more_choices_than_anybody_may_ask_for_garble_the_answer(name: bytes) -> None:
    assert read(event(b'{"%b":[%b]}' % (name, b",".join([b"{}"] * 129))), None).kind is ChunkKind.BROKEN_JSON


MANY = b"[" + b"[]," * 20_000 + b"0]"
OUTLINED: dict[str, tuple[bytes, str, ChunkKind]] = {
    "an error": (b'{"error":{"message":%b}}', "", ChunkKind.ERROR),
    "an error by its object": (b'{"object":"error","message":%b}', "", ChunkKind.ERROR),
    "an error by its name": (b'{"x":%b}', "error", ChunkKind.ERROR),
    "an error of the Responses API": (b'{"type":"response.failed","x":%b}', "", ChunkKind.ERROR),
    "an error that is null": (b'{"error":null,"choices":%b}', "", ChunkKind.CONTENT),
    "the request repeated": (b'{"type":"response.created","response":%b}', "", ChunkKind.NO_CONTENT),
    "the end": (b'{"type":"response.completed","response":%b}', "", ChunkKind.FINISH),
    "choices": (b'{"choices":%b}', "", ChunkKind.CONTENT),
    "a type that is none": (b'{"type":[],"x":%b}', "", ChunkKind.CONTENT),
    "a number that JSON has not": (b'{"a":NaN,"x":%b}', "", ChunkKind.CONTENT),
    "half of one": (b'{"choices":%b', "", ChunkKind.BROKEN_JSON),
    "a list": (b"%b", "", ChunkKind.CONTENT),
}


@pytest.mark.parametrize(("data", "name", "kind"), OUTLINED.values(), ids=OUTLINED)
def test_of_an_event_with_too_many_values_only_the_outline_is_read(data: bytes, name: str, kind: ChunkKind) -> None:
    assert read(Event(b"", name, data % MANY, is_part=True), None).kind is kind


PLAIN: dict[str, Any] = {
    "id": "c",
    "object": "chat.completion.chunk",
    "choices": [{"index": 0, "delta": {"role": "assistant", "content": "hi"}, "finish_reason": None}],
}
ODD_VALUES = [None, False, 0, 1, "", "x", "error", "stop", [], {}, {"message": "overloaded"}, [{"type": "text"}]]
ODD_NAMES = ["error", "refusal", "tool_calls", "reasoning", "text", "finish_reason", "role", "object", "index"]
PLACES = [(), ("choices", 0), ("choices", 0, "delta")]


@pytest.mark.parametrize("place", PLACES, ids=["event", "choice", "delta"])
@pytest.mark.parametrize("name", [*ODD_NAMES, "content", "choices", "delta"])
@pytest.mark.parametrize("value", ODD_VALUES, ids=map(repr, ODD_VALUES))
def test_a_chunk_that_is_read_in_one_step_is_read_as_any_other(
    place: tuple[Any, ...], name: str, value: object
) -> None:
    body: Any = copy.deepcopy(PLAIN)
    at = body
    for step in place:
        at = at[step]
    at[name] = value
    event = Event(b"", "", msgspec.json.encode(body))
    # Legacy completions have the same chunks, and none of them is read in one step.
    assert read(event, Api.CHAT) == read(event, Api.COMPLETIONS)
