"""A model's text and its fault → the bytes that it writes, piece by piece, and how its connection ends.

Pure. A fault of bytes (cut, reset, stall, broken framing) strikes anywhere in the whole answer, its head and framing
included; a clean end strikes anywhere in the body; the others stand between or in place of events.
"""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from chaos.plan import Fault, Style

Ending = Literal["keep", "fin", "rst", "hang"]
MOST_WRITES = 400
"""About as often is written for one answer at most."""

_ENDINGS: dict[str, Ending] = {"cut": "fin", "reset": "rst", "stall": "hang", "broken-framing": "fin"}


@dataclass(frozen=True)
class Written:
    """What is written, and what the connection does then."""

    pieces: list[bytes]
    ending: Ending


def stream(text: str, model: str, style: Style, fault: Fault | None, chance: random.Random, *, tool: bool) -> Written:
    """Write a stream of this text, as the answer's own or as the arguments of a tool call."""
    writer = _Events(model, style, tool)
    body = "".join(_events(text, writer, fault, chance)).encode()
    if fault is not None and fault.kind == "clean-end":
        body = body[: int(fault.at * len(body))]
    raw = _head(style) + _framed(body, style, chance)
    ending: Ending = "fin" if style.framing == "close" else "keep"
    if fault is not None and fault.kind in _ENDINGS:
        raw = raw[: int(fault.at * len(raw))] + (b"\r\nno chunk\r\n" if fault.kind == "broken-framing" else b"")
        ending = _ENDINGS[fault.kind]
    # A long answer in the shortest writes would take longer than anybody waits.
    return Written([*_pieces(raw, max(style.write_length, len(raw) // MOST_WRITES), chance)], ending)


def refusal(message: str) -> Written:
    """Refuse a request as OpenAI and Mistral do."""
    error = {"message": message, "type": "invalid_request_error", "param": "messages", "code": None}
    body = json.dumps({"error": error}).encode()
    head = f"HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    return Written([head.encode() + body], "keep")


class _Events:
    """Events in the model's style."""

    def __init__(self, model: str, style: Style, tool: bool) -> None:
        self.style = style
        self._tool = tool
        self._said_name = False
        self._envelope = {"id": "chatcmpl-chaos", "object": "chat.completion.chunk", "created": 1, "model": model}

    def event(self, data: str) -> str:
        # Between members of an object, JSON may have a new line as well as nothing.
        lines = data.replace(',"', ',\n"').split("\n") if self.style.lines else [data]
        return "".join(f"data:{self.style.space}{line}{self.style.newline}" for line in lines) + self.style.newline

    def chunk(self, delta: dict[str, Any], finish: str | None = None) -> str:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return self.dumped({**self._envelope, "choices": [choice]})

    def says(self, piece: str) -> str:
        if not self._tool:
            return self.chunk({"content": piece})
        opening = {} if self._said_name else {"id": "call_1", "type": "function"}
        function = {"arguments": piece} if self._said_name else {"name": "write", "arguments": piece}
        self._said_name = True
        return self.chunk({"tool_calls": [{"index": 0, **opening, "function": function}]})

    def ends(self) -> str:
        return self.chunk({}, "tool_calls" if self._tool else "stop")

    def usage(self) -> str:
        counted = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
        return self.dumped({**self._envelope, "choices": [], "usage": counted})

    def error(self) -> str:
        return self.dumped({"error": {"message": "overloaded", "type": "server_error", "param": None, "code": None}})

    def dumped(self, value: Any) -> str:
        return json.dumps(value, ensure_ascii=self.style.ascii, separators=(",", ":"))


def _events(text: str, writer: _Events, fault: Fault | None, chance: random.Random) -> Iterator[str]:
    style = writer.style
    if style.role:
        yield writer.event(writer.chunk({"role": "assistant", "content": ""}))
    deltas = [writer.says(piece) for piece in _split(text, style.event_length, chance)]
    struck = int(fault.at * (len(deltas) + 1)) if fault is not None else -1
    for index, delta in enumerate([*deltas, None]):
        if style.comments and chance.random() < 0.2:
            yield f": still here{style.newline}{style.newline}"
        if fault is not None and index == struck:
            instead = _fault(fault, delta, writer, chance)
            yield from map(writer.event, instead.events)
            if instead.ends:
                return
            if instead.replaces:
                continue
        if delta is not None:
            yield writer.event(delta)
    yield writer.event(writer.ends())
    if style.usage:
        yield writer.event(writer.usage())
    yield writer.event("[DONE]")


@dataclass(frozen=True)
class _Instead:
    events: tuple[str, ...] = ()
    ends: bool = False
    replaces: bool = False


def _fault(fault: Fault, delta: str | None, writer: _Events, chance: random.Random) -> _Instead:
    match fault.kind:
        case "malformed-event":
            return _Instead((chance.choice(["oops", '{"choices":[{"delta":', "{'choices': []}", "null,"]),))
        case "truncated-json" if delta is not None:
            return _Instead((delta[: chance.randint(1, len(delta) - 1)],), replaces=True)
        case "error-event":
            return _Instead((writer.error(),), ends=True)
        case "error-then-done":
            return _Instead((writer.error(), "[DONE]"), ends=True)
        case "done-without-finish":
            return _Instead(("[DONE]",), ends=True)
        case "finish-error":
            return _Instead((writer.chunk({}, "error"), "[DONE]"), ends=True)
        case _:
            return _Instead()


def _split(text: str, most: int, chance: random.Random) -> Iterator[str]:
    while text:
        length = chance.randint(1, most)
        yield text[:length]
        text = text[length:]


def _head(style: Style) -> bytes:
    framing = "transfer-encoding: chunked" if style.framing == "chunked" else "connection: close"
    return f"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n{framing}\r\n\r\n".encode()


def _framed(body: bytes, style: Style, chance: random.Random) -> bytes:
    if style.framing == "close":
        return body
    chunks = (b"%x\r\n%b\r\n" % (len(piece), piece) for piece in _pieces(body, 400, chance))
    return b"".join(chunks) + b"0\r\n\r\n"


def _pieces(data: bytes, most: int, chance: random.Random) -> Iterator[bytes]:
    at = 0
    while at < len(data):
        length = chance.randint(1, most)
        yield data[at : at + length]
        at += length
