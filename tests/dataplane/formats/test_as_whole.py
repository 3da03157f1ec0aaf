"""An event stream that nobody asked for, as the JSON that was: put together, or a failed attempt."""

import asyncio
from io import BytesIO
from typing import Any

import aiohttp
import msgspec
import pytest

from as_written import as_written
from serving import (
    END,
    ROLE,
    STREAM_HEAD,
    Answering,
    chunks,
    event,
    free_port,
    gateway,
    good,
    json,
    raw,
    table,
    targets,
)
from switchover_dataplane.attempts import join
from switchover_dataplane.attempts.join import JOINERS, joined_array
from switchover_dataplane.classify.success import check_success
from switchover_dataplane.failover.outcome import Committed
from switchover_dataplane.formats.api import Api
from switchover_dataplane.formats.as_whole import FailedEvent, SizeBudget, Unjoinable
from switchover_dataplane.formats.expected import Expected
from switchover_dataplane.table.policies import Policy

LIMIT = 1 << 20


def joined(api: Api, *events: object, done: bool = False, is_whole: bool = True) -> Any:
    """Join events' data; what comes of whole ones is an answer."""
    joiner = JOINERS[api](SizeBudget(LIMIT))
    for each in events:
        joiner.take(each if isinstance(each, bytes) else msgspec.json.encode(each))
    if done:
        joiner.take_done()
    assert joiner.is_whole is is_whole
    if not is_whole:
        return None
    written = joiner.written()
    assert isinstance(check_success("openai", Expected(api), 200, {}, written, now=0.0), Committed)
    return msgspec.json.decode(written)


def delta(delta: dict[str, Any], finish: str | None = None, index: int = 0, **more: Any) -> dict[str, Any]:
    choice = {"index": index, "delta": delta, "finish_reason": finish}
    return {"id": "1", "object": "chat.completion.chunk", "created": 7, "model": "m", "choices": [choice], **more}


def call(index: int | None, arguments: str = "", **more: Any) -> dict[str, Any]:
    function = {"arguments": arguments, **({"name": more.pop("name")} if "name" in more else {})}
    piece = {**more, "function": function, **({} if index is None else {"index": index})}
    return delta({"tool_calls": [piece]})


# ── Chat Completions, Completions ───────────────────────────────────────────────────────────────────────────────────


def test_words_are_joined_and_what_names_the_answer_is_kept() -> None:
    usage = {"choices": [], "usage": {"completion_tokens": 2}}
    answer = joined(Api.CHAT, delta({"role": "assistant", "content": ""}), delta({"content": "hel"}),
                    delta({"content": "lo"}), delta({}, "stop"), usage, done=True)  # fmt: skip
    assert answer == {
        "id": "1", "object": "chat.completion", "created": 7, "model": "m", "usage": {"completion_tokens": 2},
        "choices": [{"index": 0, "logprobs": None, "finish_reason": "stop",
                     "message": {"role": "assistant", "refusal": None, "content": "hello"}}],
    }  # fmt: skip


def test_a_role_in_every_event_is_one_role() -> None:
    answer = joined(Api.CHAT, *(delta({"role": "assistant", "content": piece}) for piece in "ab"), delta({}, "stop"))
    assert answer["choices"][0]["message"] == {"role": "assistant", "refusal": None, "content": "ab"}


@pytest.mark.parametrize("name", ["refusal", "reasoning_content", "reasoning"])
def test_fields_beside_the_content_are_joined_too(name: str) -> None:
    answer = joined(Api.CHAT, delta({name: "a"}), delta({name: "b"}), delta({"content": "c"}, "stop"))
    assert (answer["choices"][0]["message"][name], answer["choices"][0]["message"]["content"]) == ("ab", "c")


def test_parts_of_thinking_and_text_are_joined_to_one_of_each() -> None:
    thought = [{"type": "thinking", "thinking": [{"type": "text", "text": "h"}]}]
    answer = joined(Api.CHAT, delta({"content": thought}), delta({"content": thought}), delta({"content": "a"}),
                    delta({"content": [{"type": "text", "text": "b"}]}, "stop"))  # fmt: skip
    assert answer["choices"][0]["message"]["content"] == [
        {"type": "thinking", "thinking": [{"type": "text", "text": "hh"}]},
        {"type": "text", "text": "ab"},
    ]


def test_calls_are_joined_by_their_index() -> None:
    answer = joined(
        Api.CHAT, call(0, id="a", type="function", name="f"), call(1, id="b", type="function", name="g"),
        call(0, '{"x":'), call(1, "{}"), call(0, "1}"), delta({}, "tool_calls"),
    )  # fmt: skip
    assert answer["choices"][0]["message"]["tool_calls"] == [
        {"id": "a", "type": "function", "function": {"name": "f", "arguments": '{"x":1}'}},
        {"id": "b", "type": "function", "function": {"name": "g", "arguments": "{}"}},
    ]
    assert answer["choices"][0]["message"]["content"] is None


@pytest.mark.parametrize("index", [0, None], ids=["all are 0", "none"])
def test_calls_without_an_index_of_their_own_are_distinguished_by_their_id(index: int | None) -> None:
    answer = joined(Api.CHAT, call(index, "{}", id="a", name="f"), call(index, "{}", id="b", name="g"),
                    delta({}, "stop"))  # fmt: skip
    assert [each["id"] for each in answer["choices"][0]["message"]["tool_calls"]] == ["a", "b"]


def test_a_call_keeps_what_its_provider_adds() -> None:
    signed = call(0, "{}", id="a", name="f", extra_content={"google": {"thought_signature": "s"}})
    [made] = joined(Api.CHAT, signed, delta({}, "stop"))["choices"][0]["message"]["tool_calls"]
    assert made["extra_content"] == {"google": {"thought_signature": "s"}}


def test_a_call_of_the_older_kind_and_one_of_a_custom_tool_are_joined() -> None:
    older = [delta({"function_call": {"name": "f", "arguments": ""}}), delta({"function_call": {"arguments": "{}"}})]
    answer = joined(Api.CHAT, *older, delta({}, "function_call"))
    assert answer["choices"][0]["message"]["function_call"] == {"name": "f", "arguments": "{}"}
    custom = [{"index": 0, "id": "c", "type": "custom", "custom": {"name": "g", "input": piece}} for piece in "ab"]
    answer = joined(Api.CHAT, *(delta({"tool_calls": [piece]}) for piece in custom), delta({}, "tool_calls"))
    assert answer["choices"][0]["message"]["tool_calls"] == [
        {"id": "c", "type": "custom", "custom": {"name": "g", "input": "ab"}}
    ]


def test_choices_and_their_probabilities_are_kept_apart() -> None:
    one = delta({"content": "a"}, index=1)
    one["choices"][0]["logprobs"] = {"content": [{"token": "a"}], "refusal": None}
    answer = joined(Api.CHAT, one, delta({"content": "b"}), one, delta({}, "stop"), delta({}, "length", 1))
    assert [(each["message"]["content"], each["finish_reason"]) for each in answer["choices"]] == [
        ("b", "stop"),
        ("aa", "length"),
    ]
    assert answer["choices"][1]["logprobs"] == {"content": [{"token": "a"}, {"token": "a"}]}


def test_content_behind_a_finish_reason_belongs_to_the_answer() -> None:
    answer = joined(Api.CHAT, delta({"content": "a"}, "stop"), delta({"content": "b"}), done=True)
    assert answer["choices"][0]["message"]["content"] == "ab"


def test_half_characters_are_joined() -> None:
    halves = [b'{"choices":[{"delta":{"content":"\\ud83d"}}]}', b'{"choices":[{"delta":{"content":"\\ude00"}}]}']
    assert joined(Api.CHAT, *halves, delta({}, "stop"))["choices"][0]["message"]["content"] == "\U0001f600"


def test_a_text_completion_stays_one() -> None:
    pieces = [{"object": "text_completion", "choices": [{"index": 0, "text": piece}]} for piece in ("hel", "lo")]
    answer = joined(Api.COMPLETIONS, *pieces, {"choices": [{"index": 0, "text": "", "finish_reason": "stop"}]})
    assert (answer["object"], answer["choices"][0]["text"]) == ("text_completion", "hello")


def test_an_end_without_a_finish_reason_is_one_where_tokens_were_counted_or_calls_are_whole() -> None:
    counted = {"choices": [], "usage": {"completion_tokens": 2}}
    assert joined(Api.CHAT, delta({"content": "a"}), counted, done=True)["choices"][0]["finish_reason"] == "stop"
    whole = joined(Api.CHAT, call(0, '{"x":1}', id="a", name="f"), done=True)
    assert whole["choices"][0]["finish_reason"] == "tool_calls"
    joined(Api.CHAT, call(0, '{"x":', id="a", name="f"), done=True, is_whole=False)
    joined(Api.CHAT, delta({"content": "a"}), done=True, is_whole=False)
    joined(Api.CHAT, delta({"content": "a"}), counted, is_whole=False)
    joined(Api.CHAT, done=True, is_whole=False)


# ── The other APIs ──────────────────────────────────────────────────────────────────────────────────────────────────

STARTED = {"type": "message_start", "message": {"id": "m", "type": "message", "role": "assistant", "model": "c",
           "content": [], "stop_reason": None, "usage": {"input_tokens": 3, "output_tokens": 1}}}  # fmt: skip
STOPPED = {"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None},
           "usage": {"output_tokens": 9}}  # fmt: skip


def block(index: int, started: dict[str, Any], *deltas: dict[str, Any]) -> list[dict[str, Any]]:
    begun = {"type": "content_block_start", "index": index, "content_block": started}
    pieces = [{"type": "content_block_delta", "index": index, "delta": each} for each in deltas]
    return [begun, *pieces, {"type": "content_block_stop", "index": index}]


def test_the_blocks_of_a_message_are_joined() -> None:
    thinking = block(0, {"type": "thinking", "thinking": "", "signature": ""},
                     {"type": "thinking_delta", "thinking": "h"}, {"type": "thinking_delta", "thinking": "m"},
                     {"type": "signature_delta", "signature": "s"})  # fmt: skip
    text = block(1, {"type": "text", "text": ""}, {"type": "text_delta", "text": "hel"},
                 {"type": "text_delta", "text": "lo"}, {"type": "citations_delta", "citation": {"a": 1}})  # fmt: skip
    tool = block(2, {"type": "tool_use", "id": "t", "name": "f", "input": {}},
                 {"type": "input_json_delta", "partial_json": ""}, {"type": "input_json_delta", "partial_json": '{"x"'},
                 {"type": "input_json_delta", "partial_json": ":1}"})  # fmt: skip
    bare = block(3, {"type": "tool_use", "id": "u", "name": "g", "input": {}})
    ping = {"type": "ping"}
    answer = joined(Api.MESSAGES, STARTED, ping, *thinking, *text, *tool, *bare, STOPPED, {"type": "message_stop"})
    assert answer["content"] == [
        {"type": "thinking", "thinking": "hm", "signature": "s"},
        {"type": "text", "text": "hello", "citations": [{"a": 1}]},
        {"type": "tool_use", "id": "t", "name": "f", "input": {"x": 1}},
        {"type": "tool_use", "id": "u", "name": "g", "input": {}},
    ]
    assert (answer["id"], answer["model"], answer["stop_reason"]) == ("m", "c", "end_turn")
    assert answer["usage"] == {"input_tokens": 3, "output_tokens": 9}


def test_a_message_that_did_not_say_why_it_stopped_is_not_whole() -> None:
    joined(Api.MESSAGES, STARTED, *block(0, {"type": "text", "text": "a"}), is_whole=False)


RESPONSE = {"id": "r", "object": "response", "status": "completed",
            "output": [{"type": "message", "content": [{"type": "output_text", "text": "hello"}]}]}  # fmt: skip


def test_a_response_is_what_its_last_event_holds() -> None:
    begun = {"type": "response.created", "response": {**RESPONSE, "status": "in_progress", "output": []}}
    word = {"type": "response.output_text.delta", "delta": "hello"}
    assert joined(Api.RESPONSES, begun, word, {"type": "response.completed", "response": RESPONSE}) == RESPONSE
    joined(Api.RESPONSES, begun, word, done=True, is_whole=False)
    joined(Api.RESPONSES, begun, word, {"type": "response.completed"}, is_whole=False)


def test_a_response_of_very_many_values_is_handed_on_as_it_is() -> None:
    large = {**RESPONSE, "tools": [{}] * 40_000}
    assert joined(Api.RESPONSES, {"type": "response.completed", "response": large}) == large


def test_a_response_whose_last_event_leaves_the_output_out_has_that_of_those_before() -> None:
    [item] = RESPONSE["output"]
    done = {"type": "response.output_item.done", "output_index": 0, "item": item}
    last = {"type": "response.completed", "response": {**RESPONSE, "output": []}}
    assert joined(Api.RESPONSES, done, last) == RESPONSE


def generated(*parts: dict[str, Any], finish: str | None = None, **more: Any) -> dict[str, Any]:
    candidate = {"content": {"role": "model", "parts": list(parts)}, "index": 0}
    return {"candidates": [{**candidate, **({"finishReason": finish} if finish else {})}], **more}


def test_responses_of_generate_content_are_joined() -> None:
    call = {"functionCall": {"name": "f", "args": {}}, "thoughtSignature": "s"}
    answer = joined(
        Api.GENERATE, generated({"text": "h", "thought": True}, modelVersion="g"),
        generated({"text": "m", "thought": True}), generated({"text": "hel"}), generated({"text": "lo"}, call),
        generated({"text": "!"}, finish="STOP", usageMetadata={"candidatesTokenCount": 3}),
    )  # fmt: skip
    [candidate] = answer["candidates"]
    assert candidate["content"]["parts"] == [
        {"text": "hm", "thought": True}, {"text": "hello"}, call, {"text": "!"},
    ]  # fmt: skip
    assert (answer["modelVersion"], answer["usageMetadata"]) == ("g", {"candidatesTokenCount": 3})
    assert joined_array(msgspec.json.encode([generated({"text": "a"}), generated(finish="STOP")]), LIMIT) is not None


def test_a_blocked_prompt_is_one_response() -> None:
    assert joined(Api.GENERATE, {"promptFeedback": {"blockReason": "SAFETY"}})["promptFeedback"]


# ── What is not joined ──────────────────────────────────────────────────────────────────────────────────────────────

FAILED: list[tuple[Api, object]] = [
    (Api.CHAT, {"error": {"message": "x"}}),
    (Api.CHAT, {"base_resp": {"status_code": 1002, "status_msg": "limit"}, "choices": None}),
    (Api.CHAT, {"detail": "Internal error"}),
    (Api.MESSAGES, {"type": "error", "error": {"type": "overloaded_error"}}),
    (Api.RESPONSES, {"type": "error", "code": "server_error", "message": "x"}),
    (Api.GENERATE, {"error": {"code": 503}}),
]
UNJOINABLE: list[tuple[Api, list[object]]] = [
    (Api.CHAT, [delta({"audio": {"data": "AA"}})]),
    (Api.CHAT, [delta({"content": [{"type": "image_url"}]})]),
    (Api.CHAT, [delta({"content": "a"}, index=4096)]),
    (Api.CHAT, [delta({"content": "a"}, index=-1)]),
    (Api.CHAT, [{"choices": ["a"]}]),
    (Api.CHAT, [delta({"content": "a" * LIMIT})] * 2),
    (Api.CHAT, [delta({"odd": ["a" * LIMIT]}), delta({"even": ["a"]})]),
    (Api.MESSAGES, [STARTED, *block(0, {"type": "text"}, {"type": "odd_delta", "odd": "a"})]),
    (Api.MESSAGES, [{"type": "content_block_delta", "index": 7, "delta": {"type": "text_delta", "text": "a"}}]),
    (Api.RESPONSES, [b'{"type":"response.completed","response":{"id":"\xff"}}']),
    (Api.GENERATE, ["hello"]),
    (Api.GENERATE, [{"candidates": ["hello"]}]),
    (Api.GENERATE, [{"candidates": [{"index": 4096}]}]),
]  # fmt: skip


@pytest.mark.parametrize(("api", "body"), FAILED)
def test_an_event_with_an_error_fails_the_answer(api: Api, body: object) -> None:
    with pytest.raises(FailedEvent):
        JOINERS[api](SizeBudget(LIMIT)).take(msgspec.json.encode(body))


@pytest.mark.parametrize(("api", "events"), UNJOINABLE)
def test_what_cannot_be_put_together_is_not_guessed(api: Api, events: list[object]) -> None:
    with pytest.raises(Unjoinable):
        joined(api, *events)


def test_a_value_that_is_sent_again_and_again_is_held_once() -> None:
    usage = {"prompt_tokens": 1, "details": ["a" * 1000]}
    joined(Api.CHAT, *[delta({"content": "a"}, usage=usage)] * 5000, delta({}, "stop"))


# ── Through the gateway ─────────────────────────────────────────────────────────────────────────────────────────────

WORDS = [ROLE, event({"content": "Hello"}), event({"content": " world"})]
COUNTED = b'data: {"choices":[],"usage":{"completion_tokens":2}}\n\ndata: [DONE]\n\n'
TWICE = Policy(attempts=2)
PLAIN_HEAD = STREAM_HEAD.replace(b"text/event-stream", b"text/plain")


async def ask(port: int, **fields: Any) -> tuple[int, dict[str, Any], Any]:
    """Return status, the JSON and the headers."""
    sent = msgspec.json.encode({"model": "asked", "messages": [{"role": "user", "content": "hi"}], **fields})
    async with aiohttp.ClientSession() as session:
        async with session.post(f"http://127.0.0.1:{port}/model", data=BytesIO(sent)) as answer:
            return answer.status, msgspec.json.decode(await answer.read()), answer.headers


ENDS = {"[DONE]": [END], "no [DONE]": [event({}, "stop")], "[DONE] and tokens counted alone": [COUNTED]}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
@pytest.mark.parametrize("head", [STREAM_HEAD, PLAIN_HEAD], ids=["labelled", "labelled as text"])
async def test_a_stream_that_nobody_asked_for_becomes_json(head: bytes, end: list[bytes]) -> None:
    async with targets(raw(head + chunks(*WORDS, *end))) as [one], gateway(table(free_port(), [one.port])) as at:
        status, body, headers = await ask(at.port)
    assert (status, body["choices"][0]["message"]["content"]) == (200, "Hello world")
    assert (headers["content-type"], headers["x-switchover-attempts"]) == ("application/json", "1")


HALVES: dict[str, Answering] = {
    "cut by a reset": raw(STREAM_HEAD + chunks(*WORDS, end=False), then="reset"),
    "cut in good order": raw(STREAM_HEAD + chunks(*WORDS)),
    "done without an end": raw(STREAM_HEAD + chunks(*WORDS, b"data: [DONE]\n\n")),
    "an error": raw(STREAM_HEAD + chunks(*WORDS, b'data: {"error":{"message":"x"}}\n\n')),
    "an error by its name": raw(STREAM_HEAD + chunks(*WORDS, b"event: error\ndata: oops\n\n")),
    "an error in other words": raw(STREAM_HEAD + chunks(b'data: {"code":429,"message":"slow"}\n\n')),
    "a bad end": raw(STREAM_HEAD + chunks(*WORDS, event({}, "network_error"), b"data: [DONE]\n\n")),
    "half a chunk": raw(STREAM_HEAD + chunks(*WORDS, b'data: {"choices":[{"del\n\n', END)),
    "no words": raw(STREAM_HEAD + chunks(ROLE, END)),
    "sound": raw(STREAM_HEAD + chunks(event({"audio": {"data": "AA"}}), END)),
    "an event that is too large": raw(STREAM_HEAD + chunks(b"data: " + b"x" * (5 << 20) + b"\n\n", END)),
    "words without end": raw(STREAM_HEAD + chunks(*[event({"content": "a" * 60_000})] * 80, END)),
}


@pytest.mark.parametrize("half", HALVES.values(), ids=HALVES)
async def test_a_stream_that_nobody_asked_for_and_that_fails_is_a_failed_attempt_however_late(half: Answering) -> None:
    async with targets(half, good()) as each, gateway(table(free_port(), [one.port for one in each], TWICE)) as at:
        status, body, headers = await ask(at.port)
    assert (status, body["choices"][0]["message"]["content"]) == (200, "hello")
    assert headers["x-switchover-attempts"] == "2"


async def test_the_words_of_an_error_in_such_a_stream_reach_the_client() -> None:
    limited = raw(STREAM_HEAD + chunks(*WORDS, b'data: {"error":{"code":429,"message":"slow"}}\n\n'))
    async with targets(limited) as [one], gateway(table(free_port(), [one.port], Policy(attempts=1))) as at:
        status, body, headers = await ask(at.port)
    assert (status, body) == (429, {"error": {"code": 429, "message": "slow"}})
    assert headers["content-type"] == "application/json"


async def test_a_stream_that_goes_on_behind_its_done_is_not_waited_for() -> None:
    hanging = raw(STREAM_HEAD + chunks(*WORDS, END, end=False), then="wait")
    async with targets(hanging) as [one], gateway(table(free_port(), [one.port])) as at:
        async with asyncio.timeout(40):
            assert (await ask(at.port))[0] == 200


async def test_a_stream_that_is_whole_and_does_not_end_is_not_waited_for_without_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(join, "AFTER_THE_END", 0.05)
    hanging = raw(STREAM_HEAD + chunks(*WORDS, event({}, "stop"), end=False), then="wait")
    async with targets(hanging) as [one], gateway(table(free_port(), [one.port])) as at:
        async with asyncio.timeout(40):
            assert (await ask(at.port))[1]["choices"][0]["finish_reason"] == "stop"


async def test_under_envoys_semantics_a_stream_that_nobody_asked_for_is_handed_on_as_it_came() -> None:
    streaming = raw(STREAM_HEAD + chunks(*WORDS, END))
    envoy = as_written(semantics="Envoy")
    async with targets(streaming) as [one], gateway(table(free_port(), [one.port], envoy)) as at:
        async with aiohttp.ClientSession() as session:
            async with session.post(f"{at.url}/model", data=BytesIO(b"{}")) as answer:
                assert await answer.read() == b"".join([*WORDS, END])


async def test_a_hollow_answer_never_becomes_a_stream() -> None:
    for hollow in (b"{}", b'{"choices":[]}', b'{"choices":[{"message":{"content":""},"finish_reason":"stop"}]}'):
        async with targets(json(200, msgspec.Raw(hollow))) as [one]:
            async with gateway(table(free_port(), [one.port], Policy(attempts=1))) as at:
                assert (await ask(at.port, stream=True))[0] == 502
