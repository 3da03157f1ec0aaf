"""An answer of the Messages API, whole or as a stream → neutral events.

A whole answer is read as a stream of which each block comes in one piece, so that both say the same. Source: Anthropic
API reference, Messages and Streaming Messages.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from switchover_dataplane.formats import lenient_json
from switchover_dataplane.formats.event_body import type_of
from switchover_dataplane.translation import json_schemas
from switchover_dataplane.translation.answers import (
    Alive,
    Answer,
    BadAnswer,
    CallDelta,
    CallEnd,
    CallStart,
    Cited,
    Counted,
    Ended,
    Event,
    Failed,
    Started,
    TextDelta,
    ThinkingDelta,
    ThinkingEnd,
)
from switchover_dataplane.translation.joining import joined
from switchover_dataplane.translation.messages import words
from switchover_dataplane.translation.neutral import Json, Text

_ALIVE: Final = (Alive(),)


def read_answer(body: Json) -> Answer:
    """Read a whole answer.

    Raises:
        BadAnswer: it is no message, or one that did not end.
    """
    if not isinstance(body, dict) or not isinstance(body.get("content"), list):
        raise BadAnswer("it is no message of the Messages API")
    if not body.get("stop_reason"):
        raise BadAnswer("the message has no `stop_reason`")
    return _text_alone(body) or joined(_events_of(body))


def _text_alone(body: Mapping[str, Json]) -> Answer | None:
    """Return what the events of an answer of one text add up to, as most are; None for any other answer."""
    content = body["content"]
    block = content[0] if len(content) == 1 else None
    if not isinstance(block, dict) or block.get("type") != "text" or block.get("citations"):
        return None
    text, stopped = _text(block, "text"), words.read_stop(body)
    if not text or stopped is None:
        return None
    usage = body.get("usage")
    known = isinstance(usage, dict) and any(value is not None for value in usage.values())
    return Answer(
        (Text(text),),
        stopped.stop,
        _text(body, "model"),
        stopped.stop_text,
        stopped.refusal,
        words.read_usage(usage) if known else None,
    )


def _events_of(body: Mapping[str, Json]) -> Iterator[Event]:
    reader = MessagesReader()
    yield from reader.events({"type": "message_start", "message": body})
    for index, block in enumerate(body["content"]):
        yield from reader.events({"type": "content_block_start", "index": index, "content_block": block})
        yield from reader.events({"type": "content_block_stop", "index": index})
    yield from reader.events({"type": "message_delta", "delta": body})


class _Block:
    """An open block: its type, the number of its call, and what its start and its deltas said."""

    __slots__ = ("call", "given", "has_arguments", "kind", "signature")

    def __init__(self, kind: str, call: int = 0) -> None:
        self.kind = kind
        self.call = call
        self.given = ""
        self.has_arguments = False
        self.signature = ""


class MessagesReader:
    """Reads the stream of one answer; `Reader` in `format.py` says how."""

    __slots__ = ("_blocks", "_calls", "_is_over", "_usage", "is_settled")

    def __init__(self) -> None:
        self.is_settled = False
        self._blocks: dict[int, _Block] = {}
        self._calls = 0
        self._is_over = False
        self._usage: dict[str, Json] = {}

    def take(self, data: bytes, name: str) -> Sequence[Event]:
        """Read one event."""
        if not data.strip():
            return _ALIVE
        try:
            event = lenient_json.decode(data)
        except (ValueError, RecursionError):
            return (Failed("an event of the stream is no JSON"),)
        if not isinstance(event, dict):
            return _ALIVE
        if name == "error" and type_of(event) != "error":
            return (words.read_failed({"error": event.get("error", event)}),)
        return tuple(self.events(event)) or _ALIVE

    def end(self) -> Sequence[Event]:
        """Return the end of a message that said why it ended, though its `message_stop` is missing."""
        return (Ended(),) if self.is_settled and not self._is_over else ()

    def events(self, event: Mapping[str, Json]) -> Iterator[Event]:
        """Yield the neutral events of one event."""
        index = event.get("index")
        place = index if isinstance(index, int) else 0
        match event.get("type"):
            case "message_start":
                yield self._started(event.get("message"))
            case "content_block_start":
                yield from self._start(place, event.get("content_block"))
            case "content_block_delta":
                yield from self._delta(self._blocks.get(place), event.get("delta"))
            case "content_block_stop":
                yield from self._stop(self._blocks.pop(place, None))
            case "message_delta":
                yield from self._message_delta(event)
            case "message_stop":
                self._is_over = True
                yield Ended()
            case "error":
                yield words.read_failed(event)
            case _:
                yield Alive()

    def _started(self, message: Json) -> Event:
        message = message if isinstance(message, dict) else {}
        self._count(message.get("usage"))
        model = message.get("model")
        return Started(model if isinstance(model, str) else "", words.read_usage(self._usage or None))

    def _count(self, usage: Json) -> None:
        if isinstance(usage, dict):
            self._usage.update({name: value for name, value in usage.items() if value is not None})

    def _start(self, place: int, started: Json) -> Iterator[Event]:
        yield from self._stop(self._blocks.pop(place, None))
        block = started if isinstance(started, dict) else {}
        kind = type_of(block)
        opened = self._blocks[place] = _Block(kind)
        match kind:
            case "text":
                yield from self._delta(opened, {"type": "text_delta", "text": block.get("text")})
                citations = block.get("citations")
                for citation in citations if isinstance(citations, list) else ():
                    yield from self._delta(opened, {"type": "citations_delta", "citation": citation})
            case "thinking":
                yield from self._delta(opened, {"type": "thinking_delta", "thinking": block.get("thinking")})
                yield from self._delta(opened, {"type": "signature_delta", "signature": block.get("signature")})
            case "redacted_thinking":
                data = block.get("data")
                yield ThinkingEnd("claude", data if isinstance(data, str) else "", is_redacted=True)
            case "tool_use":
                opened.call = self._calls
                self._calls += 1
                given = block.get("input")
                opened.given = json_schemas.as_text(given) if given else ""
                yield CallStart(opened.call, _text(block, "id"), _text(block, "name"))
            case _:
                yield Alive()

    def _delta(self, block: _Block | None, delta: Json) -> Iterator[Event]:
        """Read a delta; one of a block that the provider's own tools wrote is a sign of life."""
        kind = type_of(delta)
        if block is None or not isinstance(delta, dict):
            yield Failed("a delta came without its block") if kind in _CARRIES else Alive()
            return
        match kind:
            case "text_delta" if block.kind == "text":
                if text := _text(delta, "text"):
                    yield TextDelta(text)
            case "thinking_delta" if block.kind == "thinking":
                if text := _text(delta, "thinking"):
                    yield ThinkingDelta(text, "claude")
            case "signature_delta" if block.kind == "thinking":
                block.signature += _text(delta, "signature")
            case "input_json_delta" if block.kind == "tool_use":
                if text := _text(delta, "partial_json"):
                    block.has_arguments = True
                    yield CallDelta(block.call, text)
            case "citations_delta" if block.kind == "text":
                citation = words.read_citation(delta.get("citation"))
                if citation is not None:
                    yield Cited(citation)
            case _:
                yield Alive()

    def _stop(self, block: _Block | None) -> Iterator[Event]:
        if block is None:
            return
        if block.kind == "thinking":
            yield ThinkingEnd("claude", block.signature)
        elif block.kind == "tool_use":
            if block.given and not block.has_arguments:
                yield CallDelta(block.call, block.given)
            yield CallEnd(block.call)

    def _message_delta(self, event: Mapping[str, Json]) -> Iterator[Event]:
        delta = event.get("delta")
        stopped = words.read_stop(delta) if isinstance(delta, dict) else None
        if stopped is not None:
            for place in list(self._blocks):
                yield from self._stop(self._blocks.pop(place))
            self.is_settled = True
            yield stopped
        if isinstance(event.get("usage"), dict):
            self._count(event["usage"])
            usage = words.read_usage(self._usage)
            if usage is not None:
                yield Counted(usage)


_CARRIES: Final = frozenset(("text_delta", "thinking_delta", "input_json_delta"))


def _text(fields: Mapping[str, Json], name: str) -> str:
    value = fields.get(name)
    return value if isinstance(value, str) else ""


__all__ = ["MessagesReader", "read_answer"]
