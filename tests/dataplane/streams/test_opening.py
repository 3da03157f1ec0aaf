"""The start of a stream, as events, and what it decides: whether there is an answer, and why not."""

import time
from typing import Any

import msgspec
import pytest

from switchover_dataplane.failover.outcome import Broken, Committed, ErrorClass, Outcome
from switchover_dataplane.formats.api import Api
from switchover_dataplane.formats.sse import Event
from switchover_dataplane.streams.opened import Opened
from switchover_dataplane.streams.opening import HELD_LIMIT, Opening


def event(value: Any) -> Event:
    data = value if isinstance(value, bytes) else msgspec.json.encode(value)
    return Event(b"data: " + data + b"\n\n", "", data)


def delta(finish: str | None = None, **fields: Any) -> Event:
    return event({"choices": [{"index": 0, "delta": fields, "finish_reason": finish}]})


def usage(tokens: int) -> Event:
    return event({"choices": [], "usage": {"completion_tokens": tokens}})


def call(arguments: str) -> Event:
    return delta(tool_calls=[{"index": 0, "function": {"name": "f", "arguments": arguments}}])


ROLE = delta(role="assistant", content="")
DONE = event(b"[DONE]")


def opening(*events: Event, api: Api | None = Api.CHAT, holds_calls: bool = True) -> Opening:
    return Opening(Opened(events=[*events]), 200, "openai", api, time.time, holds_calls=holds_calls)


def verdict(*events: Event, api: Api | None = Api.CHAT, holds_calls: bool = True) -> Outcome | None:
    """What the events decide of themselves."""
    return opening(*events, api=api, holds_calls=holds_calls).verdict()


ANSWERS: dict[str, tuple[Event, ...]] = {
    "a word": (ROLE, delta(content="a")),
    "a word behind an end": (delta("stop", role="assistant"), delta(content="a")),
    "a limit": (ROLE, delta("length")),
    "a refusal": (ROLE, delta("content_filter")),
    "an end behind thoughts": (ROLE, delta(reasoning_content="hm"), delta("stop")),
    "an end with a thought": (ROLE, delta("stop", reasoning_content="hm")),
    "tokens behind the end": (ROLE, delta("stop"), usage(2)),
    "tokens with the end": (
        event({"choices": [{"delta": {}, "finish_reason": "stop"}], "usage": {"completion_tokens": 1}}),
    ),
    "a tool call that ends": (ROLE, call('{"a":'), call("1}"), delta("tool_calls")),
    "a tool call that is done": (ROLE, call('{"a":'), call("1}"), DONE),
    "a tool call that is too large to be held": (ROLE, call("x" * (HELD_LIMIT + 1))),
}


@pytest.mark.parametrize("events", ANSWERS.values(), ids=ANSWERS.keys())
def test_an_answer_commits(events: tuple[Event, ...]) -> None:
    assert verdict(*events[:-1]) is None
    assert verdict(*events) == Committed(200)


UNDECIDED: dict[str, tuple[Event, ...]] = {
    "a role": (ROLE,),
    "thoughts": (ROLE, delta(reasoning="hm")),
    "an end without a word": (ROLE, delta("stop")),
    "no tokens counted": (ROLE, delta("stop"), usage(0)),
    "a part of a tool call": (ROLE, call("{")),
    "a part of a tool call and a word": (ROLE, call("{"), delta(content="a")),
    "what nobody knows": (event({"type": "heartbeat"}), event(b"7")),
    "events of another API": (event({"type": "content_block_delta", "delta": {"type": "text_delta", "text": "a"}}),),
}


@pytest.mark.parametrize("events", UNDECIDED.values(), ids=UNDECIDED.keys())
def test_what_holds_nothing_of_an_answer_decides_nothing(events: tuple[Event, ...]) -> None:
    assert verdict(*events) is None
    assert isinstance(opening(*events).verdict() or opening(*events).at_end(), Broken)


@pytest.mark.parametrize("end", [(delta("stop"), DONE), (delta("stop"), usage(0), DONE), (DONE,)])
def test_a_stream_that_ends_without_a_word_and_without_a_token_is_empty(end: tuple[Event, ...]) -> None:
    outcome = verdict(ROLE, *end)
    assert isinstance(outcome, Broken)
    assert (outcome.how, outcome.error_class) == ("empty", ErrorClass.SERVER_ERROR)


def test_a_tool_call_whose_arguments_are_cut_is_not_done() -> None:
    outcome = verdict(ROLE, call('{"a"'), usage(7), DONE)
    assert isinstance(outcome, Broken)
    assert outcome.how == "truncated"


def test_a_tool_call_commits_where_it_is_not_held_back() -> None:
    assert verdict(ROLE, call("{"), holds_calls=False) == Committed(200)


@pytest.mark.parametrize("received", [call("{"), delta(reasoning="hm")])
def test_reasoning_and_tool_calls_are_progress_of_the_model(received: Event) -> None:
    opened = opening(ROLE, received)
    assert (opened.verdict(), opened.works) == (None, True)


@pytest.mark.parametrize("received", [ROLE, delta(), usage(0), event({"type": "heartbeat"}), Event(b": ping\n\n")])
def test_keep_alives_do_not(received: Event) -> None:
    opened = opening(received)
    assert (opened.verdict(), opened.works) == (None, False)


@pytest.mark.parametrize(
    ("last", "reason"),
    [
        (event(b'"This model\'s maximum context length is 8192 tokens."'), ErrorClass.CONTEXT_LENGTH),
        (event(b"This model's maximum context length is 8192 tokens."), ErrorClass.CONTEXT_LENGTH),
        (event({"x": 1}), ErrorClass.SERVER_ERROR),
    ],
)
def test_the_last_unknown_event_gives_the_reason_of_a_stream_without_content(last: Event, reason: ErrorClass) -> None:
    opened = opening(ROLE, event({"type": "heartbeat"}), last)
    outcome = opened.verdict() or opened.at_end()
    assert isinstance(outcome, Broken)
    assert (outcome.how, outcome.error_class) == ("empty", reason)


def test_on_a_path_of_no_known_api_whatever_comes_is_an_answer() -> None:
    for received in (event({"completion": "a"}), call("{"), delta("stop"), delta("whatever")):
        assert verdict(received, api=None) == Committed(200)
