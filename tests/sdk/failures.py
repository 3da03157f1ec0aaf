"""The ways in which a first model fails before anybody saw an answer, and what is asked of both models meanwhile.

One table for every SDK: what the first model does, and the route whose policy makes a failure of it. The answers stand
beside it, as what is wanted whole, as a stream, with a tool call or as JSON is worded differently on the wire.
"""

import json
from dataclasses import dataclass
from typing import Any

from scripted import Said

TEXT = " ".join(f"word{number}" for number in range(1, 61))
TOOL: Any = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Tells the weather of a city.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
ARGUMENTS = {"city": "Reykjavík"}
STRUCTURED = {"city": "Reykjavík", "degrees": 7}


@dataclass(frozen=True)
class Wanted:
    """What a good model answers: to a request that is no stream, and to one that is."""

    whole: dict[str, Any]
    streamed: dict[str, Any]


def _call(arguments: str, **more: Any) -> dict[str, Any]:
    return {"function": {"arguments": arguments, **more}}


def _tool_call() -> Wanted:
    arguments = json.dumps(ARGUMENTS, ensure_ascii=False)
    whole = {"id": "call_1", "type": "function", **_call(arguments, name="get_weather")}
    message = {"role": "assistant", "content": None, "tool_calls": [whole]}
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls"}
    body = {"id": "1", "object": "chat.completion", "created": 1, "model": "second", "choices": [choice]}
    opened = {"index": 0, "id": "call_1", "type": "function", **_call("", name="get_weather")}
    pieces = [opened, *({"index": 0, **_call(arguments[at : at + 5])} for at in range(0, len(arguments), 5))]
    events = [{"delta": {"tool_calls": [piece]}} for piece in pieces]
    return Wanted({"body": body}, {"mode": "stream", "events": events, "finish": "tool_calls"})


def _content(text: str) -> Wanted:
    return Wanted({"content": text}, {"content": text})


WORDS = _content(TEXT)
TOOL_CALL = _tool_call()
JSON = _content(json.dumps(STRUCTURED, ensure_ascii=False))


@dataclass(frozen=True)
class Failure:
    """What the first model does, at the route of this name. `only_streams`: it is a failure of streams alone."""

    does: Said
    route: str = "listening"
    only_streams: bool = False


def _empty_stream(end: str, *, role: bool = True) -> Failure:
    return Failure({"mode": "stream", "events": 0, "role": role, "end": end}, only_streams=True)


_PAGE: dict[str, Any] = {
    "body": "<!doctype html><title>Bad gateway</title>",
    "headers": {"content-type": "text/html; charset=utf-8"},
}

FAILURES = {
    "429": Failure(429),
    "429-with-Retry-After": Failure({"status": 429, "headers": {"retry-after": 30}}),
    "500": Failure(500),
    "503-as-a-page": Failure({"status": 503, **_PAGE}),
    "refused": Failure(200, "refusing"),
    "reset": Failure("rst"),
    "FIN-before-headers": Failure("fin"),
    "not-HTTP": Failure("not-http"),
    "200-as-a-page": Failure(_PAGE),
    "200-that-is-empty": Failure({"body": ""}),
    "200-cut-by-FIN": Failure({"mode": "partial", "end": "fin"}),
    "200-cut-by-RST": Failure({"mode": "partial", "end": "rst"}),
    "headers-that-never-come": Failure("stall", "impatient"),
    "silence": Failure("stall", "listening-briefly"),
    "silence-after-the-headers": Failure({"mode": "stall", "after": "head"}, "listening-briefly", only_streams=True),
    "silence-after-the-role": Failure(
        {"mode": "stream", "events": 0, "end": "hang"}, "listening-briefly", only_streams=True
    ),
    "error-as-first-event": _empty_stream("error-event", role=False),
    "error-after-the-role": _empty_stream("error-event-done"),
    "stream-reset-before-content": _empty_stream("rst"),
    "stream-ended-before-content": _empty_stream("clean"),
    "stream-done-before-content": _empty_stream("done-without-finish"),
}
"""By name. None of them has cost the caller anything, so none of them may be seen."""


def _interrupted(words: int, end: str, route: str = "listening") -> Failure:
    pieces = TEXT.split(" ")[:words]
    events = [f"{' ' if index else ''}{piece}" for index, piece in enumerate(pieces)]
    return Failure({"mode": "stream", "events": events, "end": end}, route, only_streams=True)


INTERRUPTED = {
    "cut-by-RST-after-40-of-60": _interrupted(40, "rst"),
    "cut-by-FIN-after-40-of-60": _interrupted(40, "fin"),
    "ended-after-40-of-60": _interrupted(40, "clean"),
    "stalled-after-20-of-60": _interrupted(20, "hang", "listening-briefly"),
    "error-after-30-of-60": _interrupted(30, "error-event"),
    "error-and-DONE-after-30-of-60": _interrupted(30, "error-event-done"),
}
"""Failures in the middle of a text, which another model continues."""

OF_WHOLE = [name for name, failure in FAILURES.items() if not failure.only_streams]
OF_STREAMS = [*FAILURES]
OF_TEXTS = [*FAILURES, *INTERRUPTED]
