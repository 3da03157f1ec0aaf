"""What one event of a provider's stream says: the traps of the field, one by one."""

from typing import Any

import msgspec
import pytest

from switchover_dataplane.chunk import read
from switchover_dataplane.meaning import Chunk, Dialect, Meaning
from switchover_dataplane.stream import Event


def event(value: Any, name: str = "") -> Event:
    data = value if isinstance(value, bytes) else msgspec.json.encode(value)
    return Event(b"", name, data)


def delta(finish: str | None = None, **fields: Any) -> Event:
    return event({"choices": [{"index": 0, "delta": fields, "finish_reason": finish}]})


MEANINGS: dict[str, tuple[Event, Meaning]] = {
    "a comment": (Event(b": hi\n\n"), Meaning.PRELUDE),
    "a role alone": (delta(role="assistant", content=""), Meaning.PRELUDE),
    "a role that comes with every chunk": (delta(role="assistant", content="a"), Meaning.CONTENT),
    "nulls": (delta(role="assistant", content=None, refusal=None, tool_calls=None), Meaning.PRELUDE),
    "text": (delta(content="a"), Meaning.CONTENT),
    "a refusal": (delta(refusal="no"), Meaning.CONTENT),
    "a tool call": (delta(tool_calls=[{"index": 0, "id": "x"}]), Meaning.CONTENT),
    "a function call": (delta(function_call={"name": "f"}), Meaning.CONTENT),
    "audio": (delta(audio={"data": "x"}), Meaning.CONTENT),
    "a field that nobody knows": (delta(padding="x"), Meaning.PRELUDE),
    "content as a list of parts": (delta(content=[{"type": "text", "text": "a"}]), Meaning.CONTENT),
    "a part of another kind": (delta(content=[{"type": "image_url"}]), Meaning.CONTENT),
    "a part that is none": (delta(content=[7]), Meaning.CONTENT),
    "content that is neither": (delta(content=7), Meaning.CONTENT),
    "a thinking part": (delta(content=[{"type": "thinking", "thinking": []}]), Meaning.THINKING),
    "reasoning content": (delta(reasoning_content="hm"), Meaning.THINKING),
    "reasoning": (delta(reasoning="hm", content=""), Meaning.THINKING),
    "reasoning and text": (delta(content="a", reasoning="hm"), Meaning.CONTENT),
    "reasoning twice": (delta(reasoning="hm", content=[{"type": "thinking"}]), Meaning.THINKING),
    "a finish": (delta("stop"), Meaning.FINISH),
    "a finish with the last text": (delta("stop", content="a"), Meaning.CONTENT),
    "a finish that is an error": (delta("error", content="a"), Meaning.ERROR),
    "usage after the finish": (event({"choices": [], "usage": {"total_tokens": 7}}), Meaning.PRELUDE),
    "Azure's first chunk": (event({"choices": [], "id": "", "prompt_filter_results": []}), Meaning.PRELUDE),
    "a chunk without choices": (event({"object": "chat.completion.chunk", "choices": None}), Meaning.PRELUDE),
    "Azure's asynchronous filter": (
        event({"choices": [{"index": 0, "finish_reason": None, "content_filter_offsets": {"check_offset": 4}}]}),
        Meaning.PRELUDE,
    ),
    "a text completion": (event({"choices": [{"index": 0, "text": "a", "finish_reason": None}]}), Meaning.CONTENT),
    "a text completion that thinks": (
        event({"choices": [{"index": 0, "text": "a", "delta": {"reasoning": "hm"}}]}),
        Meaning.CONTENT,
    ),
    "a choice that is none": (event({"choices": [7]}), Meaning.CONTENT),
    "done": (event(b"[DONE]"), Meaning.DONE),
    "done with a space too many": (event(b" [DONE] "), Meaning.DONE),
    "an error": (event({"error": {"message": "x"}}), Meaning.ERROR),
    "an error with a choice": (
        event({"error": {"code": 502}, "choices": [{"delta": {"content": ""}, "finish_reason": "error"}]}),
        Meaning.ERROR,
    ),
    "an error beside what is no chunk": (event({"error": "x", "choices": 7}), Meaning.ERROR),
    "an event named error": (event(b"oops", "error"), Meaning.ERROR),
    "no JSON": (event(b"ping"), Meaning.MALFORMED),
    "nothing": (event(b""), Meaning.MALFORMED),
    "a piece of JSON": (event(b'{"choices":[{"delta":{"con'), Meaning.GARBLED),
    "a piece of JSON that was no chunk": (event(b'{"choices": 7, '), Meaning.GARBLED),
    "a number": (event(b"7"), Meaning.CONTENT),
    "an empty object": (event(b" {} "), Meaning.PRELUDE),
    "a ping": (event({"type": "ping"}, "ping"), Meaning.PRELUDE),
    "Mistral's error": (event({"object": "error", "message": "x", "code": "1300"}), Meaning.ERROR),
    "Gemini's error in a list": (event([{"error": {"code": 503}}]), Meaning.ERROR),
    "a list": (event([7]), Meaning.CONTENT),
    "bytes that are no text": (event(b'{"choices":[{"delta":{"content":"\xff"}}]}'), Meaning.GARBLED),
    "half a surrogate pair": (event(b'{"choices":[{"delta":{"content":"\\ud83d"}}]}'), Meaning.CONTENT),
    "a number that JSON has not": (
        event(b'{"choices":[{"delta":{"content":"a"},"logprobs":-Infinity}]}'),
        Meaning.CONTENT,
    ),
    "a finish_reason that is the word null": (delta("null", content=""), Meaning.PRELUDE),
    "a part of an event": (Event(b"data: x", is_part=True), Meaning.CONTENT),
    "an object of another API": (event({"completion": "x"}), Meaning.CONTENT),
    "an event of a type that nobody knows": (event({"type": "surprise"}), Meaning.CONTENT),
    "a type that is no text": (event({"type": 7}), Meaning.CONTENT),
    "the Responses API's start": (event({"type": "response.created"}), Meaning.PRELUDE),
    "the Responses API's text": (event({"type": "response.output_text.delta", "delta": "a"}), Meaning.CONTENT),
    "the Responses API's end": (event({"type": "response.completed"}), Meaning.FINISH),
    "the Responses API's failure": (event({"type": "response.failed"}), Meaning.ERROR),
    "an error by its type": (event({"type": "error", "message": "x"}), Meaning.ERROR),
}


@pytest.mark.parametrize(("said", "meaning"), MEANINGS.values(), ids=MEANINGS.keys())
def test_each_kind_of_event_has_its_meaning(said: Event, meaning: Meaning) -> None:
    assert read(said).meaning is meaning


def test_text_is_read_from_a_string_and_from_parts() -> None:
    assert read(delta(content="a b")).text == "a b"
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": " b"}]
    assert read(delta(content=parts)) == Chunk(Meaning.CONTENT, Dialect.CHAT, "a b", "", (0,), ())


def test_a_last_chunk_says_both_its_text_and_that_it_is_the_last() -> None:
    chunk = read(delta("stop", content="a"))
    assert (chunk.text, chunk.finished) == ("a", (0,))


@pytest.mark.parametrize(
    ("said", "bound"),
    [
        (delta(tool_calls=[{"index": 0}]), "tool_calls"),
        (delta(refusal="no"), "refusal"),
        (delta(audio={"data": "x"}), "audio"),
        (delta(padding="x"), "fields of another form"),
        (delta(reasoning_content="hm"), "reasoning"),
        (delta(content=[{"type": "thinking"}, {"type": "text", "text": "a"}]), "reasoning"),
        (delta(content=[{"type": "image_url"}]), "content of another form"),
        (event({"choices": [{"index": 1, "delta": {"content": "a"}}]}), "several choices"),
        (event({"type": "response.output_text.delta"}), "events of the Responses API"),
        (event({"type": "content_block_delta", "delta": {"type": "text_delta"}}), "events of the Messages API"),
        (event({"candidates": [{"content": {"parts": [{"text": "a"}]}}]}), "events of the Gemini API"),
        (event({"completion": "a"}), "events of another form"),
        (delta(role="assistant", content="a", channel="final"), ""),
    ],
)
def test_what_another_model_cannot_continue_is_named(said: Event, bound: str) -> None:
    assert read(said).bound == bound


def test_every_choice_is_told_that_speaks_or_ends() -> None:
    both = [{"index": 0, "delta": {"content": "a"}}, {"index": 1, "delta": {}, "finish_reason": "stop"}]
    chunk = read(event({"choices": both}))
    assert (chunk.choices, chunk.finished, chunk.meaning) == ((0, 1), (1,), Meaning.CONTENT)


# ── Anthropic's Messages API and Gemini ─────────────────────────────────────────────────────────────────────────────


def block(kind: str, **fields: Any) -> Event:
    return event({"type": "content_block_start", "index": 0, "content_block": {"type": kind, **fields}})


def piece(kind: str, **fields: Any) -> Event:
    return event({"type": "content_block_delta", "index": 0, "delta": {"type": kind, **fields}})


MESSAGES: dict[str, tuple[Event, Meaning]] = {
    "the start": (event({"type": "message_start", "message": {"content": []}}, "message_start"), Meaning.PRELUDE),
    "the start of a text": (block("text", text=""), Meaning.PRELUDE),
    "a text that begins with its start": (block("text", text="a"), Meaning.CONTENT),
    "the start of a thought": (block("thinking", thinking=""), Meaning.THINKING),
    "a thought that is not shown": (block("redacted_thinking", data="x"), Meaning.THINKING),
    "the start of a tool call": (block("tool_use", id="x", name="f", input={}), Meaning.CONTENT),
    "a block that is none": (event({"type": "content_block_start", "content_block": 7}), Meaning.CONTENT),
    "text": (piece("text_delta", text="a"), Meaning.CONTENT),
    "a tool's input": (piece("input_json_delta", partial_json="{"), Meaning.CONTENT),
    "a thought": (piece("thinking_delta", thinking="hm"), Meaning.THINKING),
    "a thought's signature": (piece("signature_delta", signature="x"), Meaning.THINKING),
    "a piece that is none": (event({"type": "content_block_delta", "delta": 7}), Meaning.CONTENT),
    "a piece whose type is none": (event({"type": "content_block_delta", "delta": {"type": 7}}), Meaning.CONTENT),
    "the end of a block": (event({"type": "content_block_stop", "index": 0}), Meaning.PRELUDE),
    "usage": (event({"type": "message_delta", "delta": {"stop_reason": None}, "usage": {}}), Meaning.PRELUDE),
    "a message delta that is none": (event({"type": "message_delta", "delta": 7}), Meaning.PRELUDE),
    "the reason of the end": (event({"type": "message_delta", "delta": {"stop_reason": "end_turn"}}), Meaning.FINISH),
    "the end": (event({"type": "message_stop"}, "message_stop"), Meaning.DONE),
    "an error": (event({"type": "error", "error": {"type": "overloaded_error"}}, "error"), Meaning.ERROR),
}


def response(*parts: object, **fields: Any) -> Event:
    return event({"candidates": [{"content": {"role": "model", "parts": parts}, **fields}], "modelVersion": "m"})


GENERATE: dict[str, tuple[Event, Meaning]] = {
    "text": (response({"text": "a"}), Meaning.CONTENT),
    "a call": (response({"functionCall": {"name": "f"}}), Meaning.CONTENT),
    "a part that is none": (response(7), Meaning.CONTENT),
    "a thought": (response({"text": "hm", "thought": True}), Meaning.THINKING),
    "a thought and text": (response({"text": "hm", "thought": True}, {"text": "a"}), Meaning.CONTENT),
    "an empty text": (response({"text": ""}), Meaning.PRELUDE),
    "no parts": (event({"candidates": [{"content": {"role": "model"}}]}), Meaning.PRELUDE),
    "no content": (event({"candidates": [{"index": 0}]}), Meaning.PRELUDE),
    "usage alone": (event({"usageMetadata": {"totalTokenCount": 7}}), Meaning.PRELUDE),
    "no candidates": (event({"candidates": [], "usageMetadata": {}}), Meaning.PRELUDE),
    "candidates that are none": (event({"candidates": [7]}), Meaning.CONTENT),
    "a prompt that is blocked": (event({"promptFeedback": {"blockReason": "SAFETY"}}), Meaning.FINISH),
    "a prompt that is not": (event({"promptFeedback": {"safetyRatings": []}}), Meaning.PRELUDE),
    "the end": (response({"text": ""}, finishReason="STOP"), Meaning.FINISH),
    "the end with the last text": (response({"text": "a"}, finishReason="STOP"), Meaning.CONTENT),
    "an error": (event({"error": {"code": 503, "status": "UNAVAILABLE"}}), Meaning.ERROR),
}


@pytest.mark.parametrize(("said", "meaning"), MESSAGES.values(), ids=MESSAGES.keys())
def test_each_of_anthropics_events_has_its_meaning(said: Event, meaning: Meaning) -> None:
    chunk = read(said)
    assert chunk.meaning is meaning
    assert chunk.dialect is (None if meaning is Meaning.ERROR else Dialect.MESSAGES)


@pytest.mark.parametrize(("said", "meaning"), GENERATE.values(), ids=GENERATE.keys())
def test_each_of_geminis_responses_has_its_meaning(said: Event, meaning: Meaning) -> None:
    chunk = read(said)
    assert chunk.meaning is meaning
    assert chunk.dialect is (None if meaning is Meaning.ERROR else Dialect.GENERATE)


def test_each_of_geminis_candidates_ends_for_itself() -> None:
    both = [{"index": 0, "finishReason": "STOP"}, {"index": 1, "content": {"parts": [{"text": "a"}]}}]
    chunk = read(event({"candidates": both}))
    assert (chunk.choices, chunk.finished, chunk.meaning) == ((0, 1), (0,), Meaning.CONTENT)


HALF = b"\\ud83d"


@pytest.mark.parametrize(
    "data",
    [
        b'{"t%b":1,"choices":[{"delta":{"content":"a"}}]}',
        b'{"choices":[{"t%b":1,"delta":{"content":"a"}}]}',
    ],
)
def test_half_a_surrogate_pair_in_a_name_takes_nothing_from_the_text(data: bytes) -> None:
    chunk = read(event(data % HALF))
    assert (chunk.meaning, chunk.dialect, chunk.text) == (Meaning.CONTENT, Dialect.CHAT, "a")


@pytest.mark.parametrize("name", [b"t", b"error", b"type", b"candidates", b"choices"])
def test_half_a_surrogate_pair_anywhere_raises_nothing(name: bytes) -> None:
    for data in (b'{"%b%b":1}', b'{"%b":{"%b":1}}', b'{"%b":"%b"}', b'{"%b":["%b"]}', b'{"%b":[{"x%b":NaN}]}'):
        assert isinstance(read(event(data % (name, HALF))), Chunk)


@pytest.mark.parametrize("index", [128, -1, 300_000])
@pytest.mark.parametrize(
    "data", [b'{"choices":[{"index":%d,"delta":{"content":"a"}}]}', b'{"candidates":[{"index":%d,"content":{}}]}']
)
def test_an_index_that_no_choice_has_garbles_the_answer(data: bytes, index: int) -> None:
    assert read(event(data % index)).meaning is Meaning.GARBLED
    assert read(event(data % 127)).meaning is not Meaning.GARBLED


@pytest.mark.parametrize("name", [b"choices", b"candidates"])
def test_more_choices_than_anybody_may_ask_for_garble_the_answer(name: bytes) -> None:
    assert read(event(b'{"%b":[%b]}' % (name, b",".join([b"{}"] * 129)))).meaning is Meaning.GARBLED


MANY = b"[" + b"[]," * 20_000 + b"0]"
OUTLINED: dict[str, tuple[bytes, str, Meaning]] = {
    "an error": (b'{"error":{"message":%b}}', "", Meaning.ERROR),
    "an error by its object": (b'{"object":"error","message":%b}', "", Meaning.ERROR),
    "an error by its name": (b'{"x":%b}', "error", Meaning.ERROR),
    "an error of the Responses API": (b'{"type":"response.failed","x":%b}', "", Meaning.ERROR),
    "an error that is null": (b'{"error":null,"choices":%b}', "", Meaning.CONTENT),
    "the request repeated": (b'{"type":"response.created","response":%b}', "", Meaning.PRELUDE),
    "the end": (b'{"type":"response.completed","response":%b}', "", Meaning.FINISH),
    "choices": (b'{"choices":%b}', "", Meaning.CONTENT),
    "a type that is none": (b'{"type":[],"x":%b}', "", Meaning.CONTENT),
    "a number that JSON has not": (b'{"a":NaN,"x":%b}', "", Meaning.CONTENT),
    "half of one": (b'{"choices":%b', "", Meaning.GARBLED),
    "a list": (b"%b", "", Meaning.CONTENT),
}


@pytest.mark.parametrize(("data", "name", "meaning"), OUTLINED.values(), ids=OUTLINED)
def test_of_an_event_of_too_many_values_only_what_it_says_of_itself_is_read(
    data: bytes, name: str, meaning: Meaning
) -> None:
    assert read(Event(b"", name, data % MANY, is_part=True)).meaning is meaning
