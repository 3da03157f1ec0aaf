"""What the simulator answers in each API's form, whole and as events: texts, tool calls, ends, failures, codings."""

import json
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from multidict import CIMultiDict

from deferred import deferred
from scripted import Scripted
from switchover_simulator import script
from switchover_simulator.codings import Coding, Codings
from switchover_simulator.request import Request
from switchover_simulator.scenario import BadScenario, Playback, parse
from switchover_simulator.steps import AwaitPeer, Close, Pause, Send, SendReset

if TYPE_CHECKING:
    import openai
else:
    openai = deferred("openai")

PATHS = {
    "chat": "/v1/chat/completions",
    "messages": "/v1/messages",
    "responses": "/v1/responses",
    "generate-content": "/v1beta/models/gemini-x:generateContent",
}
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}, "days": {}}, "required": ["city"]}
FUNCTION: dict[str, Any] = {"name": "get_weather", "parameters": SCHEMA}
TOOLS: dict[str, Any] = {
    "chat": [{"type": "function", "function": FUNCTION}],
    "messages": [{"name": "get_weather", "input_schema": SCHEMA}],
    "responses": [{"type": "web_search"}, {"type": "function", **FUNCTION}],
    "generate-content": [{"functionDeclarations": [FUNCTION]}],
}
SAID = ("Hello to you", {"city": "simulated"})


def asked(api: str, *, stream: bool = False, **more: Any) -> Request:
    path = PATHS[api].replace(":generateContent", ":streamGenerateContent") if stream else PATHS[api]
    body = json.dumps({"model": "m", "stream": stream, **more}).encode()
    return Request(1, "POST", path, CIMultiDict(), 0.0, body=body)


def played(scenario: str, request: Request) -> tuple[dict[str, str], bytes, list[Any]]:
    """Head and body of what is answered, without its framing, and the steps that are no bytes."""
    behaviour = Playback(parse(scenario)).choose(request)
    assert behaviour is not None
    steps = [*script.steps(behaviour, request)]
    sent = [step.data for step in steps if isinstance(step, Send)]
    head, _, rest = b"".join(sent).partition(b"\r\n\r\n")
    lines = (line.partition(": ") for line in head.decode().split("\r\n")[1:])
    headers = {name: value for name, _, value in lines}
    body = unchunked(rest) if "transfer-encoding" in headers else rest
    return headers, body, [step for step in steps if not isinstance(step, Send)]


def unchunked(rest: bytes) -> bytes:
    body = b""
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        body += rest[: int(size, 16)]
        rest = rest[int(size, 16) + 2 :]
    return body


def events(body: bytes) -> list[Any]:
    """The data of each event, JSON where it is."""
    data = [line.removeprefix("data: ") for line in body.decode().split("\n") if line.startswith("data: ")]
    return [json.loads(each) if each.startswith("{") else each for each in data]


def whole_said(api: str, answer: Any) -> tuple[str, Any]:
    """The text and the arguments of a whole answer."""
    match api:
        case "chat":
            message = answer["choices"][0]["message"]
            return message["content"], json.loads(message["tool_calls"][0]["function"]["arguments"])
        case "messages":
            text, call = answer["content"]
            return text["text"], call["input"]
        case "responses":
            message, call = answer["output"]
            return message["content"][0]["text"], json.loads(call["arguments"])
        case _:
            text, call = answer["candidates"][0]["content"]["parts"]
            return text["text"], call["functionCall"]["args"]


def streamed_said(api: str, told: list[Any]) -> tuple[str, Any]:
    """The text and the arguments of a stream."""
    text = "".join(_texts(api, told))
    match api:
        case "chat":
            deltas = [each["choices"][0]["delta"] for each in told if each != "[DONE]"]
            calls = [call for delta in deltas for call in delta.get("tool_calls", [])]
            return text, json.loads("".join(call["function"]["arguments"] for call in calls))
        case "messages":
            deltas = [each["delta"] for each in told if each["type"] == "content_block_delta"]
            return text, json.loads("".join(delta.get("partial_json", "") for delta in deltas))
        case "responses":
            kind = "response.function_call_arguments.delta"
            return text, json.loads("".join(each["delta"] for each in told if each["type"] == kind))
        case _:
            parts = [each["candidates"][0]["content"]["parts"][0] for each in told]
            [call] = [part["functionCall"] for part in parts if "functionCall" in part]
            return text, call["args"]


def _texts(api: str, told: list[Any]) -> list[str]:
    match api:
        case "chat":
            return [each["choices"][0]["delta"].get("content") or "" for each in told if each != "[DONE]"]
        case "messages":
            return [each["delta"].get("text", "") for each in told if each["type"] == "content_block_delta"]
        case "responses":
            return [each["delta"] for each in told if each["type"] == "response.output_text.delta"]
        case _:
            return [each["candidates"][0]["content"]["parts"][0].get("text", "") for each in told]


# ── Good answers ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("api", PATHS)
def test_a_text_and_a_call_of_the_first_tool_are_said_in_the_api_s_own_form(api: str) -> None:
    good = "default: {content: Hello to you, call: true}"
    _, body, _ = played(good, asked(api, tools=TOOLS[api]))
    assert whole_said(api, json.loads(body)) == SAID
    headers, body, _ = played(good, asked(api, stream=True, tools=TOOLS[api]))
    assert headers["content-type"].startswith("text/event-stream")
    assert streamed_said(api, events(body)) == SAID


@pytest.mark.parametrize("api", PATHS)
def test_a_call_is_left_out_where_the_request_offers_no_tool(api: str) -> None:
    _, body, _ = played("default: {content: Hello, call: true}", asked(api))
    assert b"Hello" in body
    assert b"get_weather" not in body


def sdk(upstream: Scripted) -> "openai.AsyncOpenAI":
    return openai.AsyncOpenAI(base_url=f"{upstream.url}/v1", api_key="none", max_retries=0)


async def test_the_official_sdk_reads_responses_and_their_streams() -> None:
    async with Scripted({"content": "Hello to you", "call": True}) as upstream, sdk(upstream) as client:
        answer = await client.responses.create(model="m", input="Hello", tools=TOOLS["responses"])
        assert (answer.status, answer.output_text) == ("completed", "Hello to you")
        async with client.responses.stream(model="m", input="Hello", tools=TOOLS["responses"]) as stream:
            last = await stream.get_final_response()
        assert last.output_text == "Hello to you"
        assert [item.type for item in last.output] == ["message", "function_call"]


async def test_the_official_sdk_reads_completions_and_their_streams() -> None:
    async with Scripted({"content": "Hello to you", "call": True}) as upstream, sdk(upstream) as client:
        messages: Any = [{"role": "user", "content": "Hello"}]
        answer = await client.chat.completions.create(model="m", messages=messages, tools=TOOLS["chat"])
        assert answer.choices[0].finish_reason == "tool_calls"
        async with client.chat.completions.stream(model="m", messages=messages, tools=TOOLS["chat"]) as stream:
            last = await stream.get_final_completion()
        assert last.choices[0].message.content == "Hello to you"
        assert last.choices[0].finish_reason == "tool_calls"


# ── What happens in a stream ────────────────────────────────────────────────────────────────────────────────────────


ENDS = {"chat": '"stop"', "messages": "end_turn", "responses": "response.completed", "generate-content": "STOP"}
MARKS = {"chat": "[DONE]", "messages": "message_stop"}


@pytest.mark.parametrize("api", PATHS)
def test_an_answer_ends_with_the_api_s_own_words(api: str) -> None:
    _, body, _ = played("default: 200", asked(api, stream=True))
    assert ENDS[api] in body.decode()
    assert MARKS.get(api, "") in body.decode()


@pytest.mark.parametrize("api", PATHS)
def test_content_can_follow_what_was_the_end(api: str) -> None:
    scenario = "default: {mode: stream, events: [One, {finish: null}, ' two'], end: clean}"
    _, body, _ = played(scenario, asked(api, stream=True))
    told = body.decode()
    assert told.index("One") < told.index(ENDS[api]) < told.index(" two")


@pytest.mark.parametrize("api", PATHS)
def test_an_end_can_be_worded_as_no_good_answer_s_is(api: str) -> None:
    scenario = "default: {finish: insufficient_system_resource}"
    for stream in (False, True):
        _, body, _ = played(scenario, asked(api, stream=stream))
        assert b"insufficient_system_resource" in body


@pytest.mark.parametrize("api", PATHS)
def test_an_error_can_come_as_the_first_event_and_as_the_whole_answer(api: str) -> None:
    scenario = "default: {mode: stream, role: false, events: [{error: {message: no room}}], end: clean}"
    _, body, _ = played(scenario, asked(api, stream=True))
    [told] = events(body)
    assert "no room" in json.dumps(told)
    _, body, _ = played("default: {error: {message: no room}}", asked(api))
    assert "no room" in body.decode()


@pytest.mark.parametrize("api", ["chat", "messages", "responses"])
def test_a_call_can_be_cut_in_its_arguments(api: str) -> None:
    scenario = "default: {mode: stream, events: [{call: {name: write, arguments: {path: a.txt}, until: 4}}], end: fin}"
    _, body, steps = played(scenario, asked(api, stream=True))
    assert steps == [Close()]
    told = body.decode()
    assert "write" in told
    assert "a.txt" not in told
    assert ENDS[api] not in told


def test_reasoning_keep_alives_and_quiet_phases_come_between() -> None:
    scenario = """default:
      mode: stream
      events:
      - thinks: Let me see
      - {repeat: 2, of: [{raw: ": still here\\n\\n"}, {pause: 5}]}
      - {event: ping, data: {}}
      - Hello
      gap: 1
    """
    _, body, steps = played(scenario, asked("messages", stream=True))
    told = body.decode()
    assert told.count(": still here\n\n") == 2
    assert [step.seconds for step in steps if isinstance(step, Pause)] == [1, 1, 5, 1, 1, 5, 1, 1, 1]
    assert (
        told.index("thinking_delta")
        < told.index("still here")
        < told.index("event: ping\ndata: {}")
        < told.index("Hello")
    )


def test_usage_can_come_late_or_never() -> None:
    late = "default: {mode: stream, events: [Hi, {finish: null}, {pause: 3}, {usage: 7}, {done: true}], end: clean}"
    wanted = asked("chat", stream=True, stream_options={"include_usage": True})
    _, body, steps = played(late, wanted)
    assert steps[0] == Pause(3)
    assert events(body)[-2]["usage"]["completion_tokens"] == 7
    _, body, _ = played("default: {mode: stream, events: [Hi, {finish: null}], end: clean}", wanted)
    assert b"completion_tokens" not in body


@pytest.mark.parametrize(("end", "step"), [("rst", SendReset()), ("fin", Close()), ("hang", AwaitPeer())])
def test_a_stream_breaks_off_without_its_end(end: str, step: object) -> None:
    _, body, steps = played(f"default: {{mode: stream, events: 2, end: {end}}}", asked("responses", stream=True))
    assert steps == [step]
    assert b"response.completed" not in body


# ── Codings ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_an_answer_is_coded_and_says_so(coding: str) -> None:
    headers, body, _ = played(f"default: {{content: Hello, coding: {coding}}}", asked("chat"))
    assert headers["content-encoding"] == coding
    assert json.loads(zlib.decompress(body, 47))["choices"][0]["message"]["content"] == "Hello"


def test_each_event_of_a_coded_stream_can_be_read_when_it_arrived() -> None:
    coding = Codings(["gzip"])
    reading = zlib.decompressobj(31)
    assert reading.decompress(coding.feed(b"first")) == b"first"
    assert reading.decompress(coding.feed(b"second")) == b"second"
    assert reading.decompress(coding.end()) == b""
    assert reading.eof


@pytest.mark.parametrize(
    ("coding", "coded"),
    [
        # RFC 7932: window of 16 bits, a stored block of 2 bytes, one of 1 byte, the empty last one.
        ("br", "100010 6869 000008 21 03"),
        # RFC 8878: magic number, no flags, window of 128 KiB; raw blocks of 2 and 1 bytes, the empty last one.
        ("zstd", "28b52ffd 00 38 100000 6869 080000 21 010000"),
    ],
)
def test_stored_blocks_are_as_their_standards_have_them(coding: Coding, coded: str) -> None:
    coding_of = Codings([coding])
    assert coding_of.feed(b"hi") + coding_of.feed(b"!") + coding_of.end() == bytes.fromhex(coded)


def test_several_codings_are_done_one_after_the_other() -> None:
    headers, body, _ = played("default: {content: Hello, coding: [deflate, gzip]}", asked("chat"))
    assert headers["content-encoding"] == "deflate, gzip"
    assert b"Hello" in zlib.decompress(zlib.decompress(body, 31))


# ── Who gets it ─────────────────────────────────────────────────────────────────────────────────────────────────────


CALLED: dict[str, Any] = {
    "messages": [
        {"role": "user", "content": "Go"},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "1", "name": "run", "input": {}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "1", "content": "done"}]},
    ],
    "input": [
        {"role": "user", "content": "Go"},
        {"type": "reasoning", "summary": []},
        {"type": "function_call", "call_id": "1", "name": "run", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "1", "output": "done"},
    ],
    "contents": [{"role": "user", "parts": []}, {"role": "model", "parts": []}, {"role": "user", "parts": []}],
}


@pytest.mark.parametrize("history", CALLED)
def test_a_conversation_takes_a_behaviour_each_turn_and_the_last_one_sticks(history: str) -> None:
    playback = Playback(parse("default: {turns: [200, 529]}"))
    items = CALLED[history]
    histories = [items[:1], items, [*items, *items], items[:1]]
    chosen = [playback.choose(asked("responses", stream=False, **{history: each})) for each in histories]
    assert [each.status for each in chosen if each is not None and each.mode == "answer"] == [200, 529, 529, 200]


def test_a_host_has_behaviours_of_its_own_whatever_its_port() -> None:
    playback = Playback(parse("{hosts: {api.one.example: [500, 200]}, models: {m: 503}, default: 404}"))
    hosts = ["api.one.example", "API.one.example:443", "api.two.example"]
    requests = [Request(1, "POST", "/x", CIMultiDict(host=host), 0.0, body=b'{"model": "m"}') for host in hosts]
    chosen = [playback.choose(request) for request in requests]
    assert [each.status for each in chosen if each is not None and each.mode == "answer"] == [500, 200, 503]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("default: {turns: []}", "default[0].turns: must not be empty"),
        ("default: {turns: [200, rst-on-head]}", "default: rst-on-head cannot depend on the turn"),
        ("default: {turns: [{turns: [200]}]}", "default[0].turns[0]: must be a status"),
        ("default: {coding: lzma}", "default[0].coding[0]: must be"),
        (
            "default: {mode: stream, events: [{repeat: 2, of: [{sleep: 1}]}]}",
            "default[0].events[0].of[0]: must be text",
        ),
        ("default: {mode: stream, events: [{call: {arguments: {}}}]}", "default[0].events[0].call"),
    ],
)
def test_a_mistake_in_them_is_told_with_its_field(text: str, problem: str) -> None:
    with pytest.raises(BadScenario) as raised:
        parse(text)
    assert raised.value.problems[0].startswith(problem)


# ── The page ────────────────────────────────────────────────────────────────────────────────────────────────────────


PAGE = Path(__file__).parents[2] / "docs" / "simulator.md"
SCENARIOS = [line.strip() for line in PAGE.read_text().splitlines() if line.startswith("    default: ")]


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_scenario_of_the_page_can_be_played_in_every_api(scenario: str) -> None:
    for api in PATHS:
        for stream in (False, True):
            request = asked(api, stream=stream, tools=TOOLS[api], messages=[])
            assert played(scenario, request)[0]
