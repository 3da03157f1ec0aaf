"""Neutral events → the frames of ConverseStream."""

from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from switchover_dataplane.formats.event_stream_frames import event as frame
from switchover_dataplane.formats.event_stream_frames import exception
from switchover_dataplane.translation.answers import (
    CallDelta,
    CallEnd,
    CallStart,
    Cited,
    Counted,
    Ended,
    Event,
    Failed,
    RefusalDelta,
    Started,
    Stopped,
    TextDelta,
    ThinkingDelta,
    ThinkingEnd,
    Usage,
)
from switchover_dataplane.translation.converse import words
from switchover_dataplane.translation.converse.answers import citation_fields, stop_fields, tool_use_id, usage_fields
from switchover_dataplane.translation.converse.errors import STATUSES
from switchover_dataplane.translation.format import Asked
from switchover_dataplane.translation.joining import merged
from switchover_dataplane.translation.neutral import Json

_EXCEPTIONS: Final = {
    400: "validationException",
    424: "modelStreamErrorException",
    429: "throttlingException",
    503: "serviceUnavailableException",
}
"""The exceptions that a stream may have; any other failure is the server's."""


class StreamWriter:
    """Writes one stream. The tokens are written last, whenever they became known."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._index = -1
        self._kind = ""
        self._started = False
        self._said = False
        self._usage: Usage | None = None
        self._places: dict[int, int] = {}

    def write(self, events: Iterable[Event]) -> bytes:
        """Write events."""
        return b"".join(piece for event in events for piece in self._one(event))

    def _one(self, event: Event) -> Iterator[bytes]:
        if not self._started and not isinstance(event, Failed):
            self._started = True
            yield _frame("messageStart", {"role": "assistant"})
        match event:
            case TextDelta(text) | RefusalDelta(text):
                yield from self._switch("text")
                self._said = True
                yield self._delta({"text": text})
            case ThinkingDelta(text):
                if text:
                    yield from self._switch("thinking")
                    yield self._delta({"reasoningContent": {"text": text}})
            case ThinkingEnd():
                yield from self._end_thinking(event)
            case Cited(citation):
                yield from self._switch("text")
                yield self._delta({"citation": citation_fields(citation)})
            case CallStart() | CallDelta() | CallEnd():
                yield from self._call(event)
            case _:
                yield from self._other(event)

    def _other(self, event: Event) -> Iterator[bytes]:
        """Write an event that belongs to no block, or that ends all of them."""
        match event:
            case Started(usage=usage) | Counted(usage):
                self._usage = merged(self._usage, usage)
            case Stopped():
                if event.refusal and not self._said:
                    yield from self._switch("text")
                    yield self._delta({"text": event.refusal})
                yield from self._close()
                yield _frame("messageStop", stop_fields(event.stop, event.stop_text))
            case Ended():
                yield _frame("metadata", {"usage": usage_fields(self._usage), "metrics": {"latencyMs": 0}})
            case Failed():
                yield _exception(event)
            case _:
                pass

    def _call(self, event: CallStart | CallDelta | CallEnd) -> Iterator[bytes]:
        match event:
            case CallStart(index, call, name):
                yield from self._close()
                self._index += 1
                self._places[index] = self._index
                use = {"toolUseId": tool_use_id(self._asked, call, index), "name": name}
                yield _frame("contentBlockStart", {"contentBlockIndex": self._index, "start": {"toolUse": use}})
            case CallDelta(index, piece):
                if index in self._places:
                    delta = {"toolUse": {"input": piece}}
                    yield _frame("contentBlockDelta", {"contentBlockIndex": self._places[index], "delta": delta})
            case CallEnd(index):
                if index in self._places:
                    yield _frame("contentBlockStop", {"contentBlockIndex": self._places.pop(index)})

    def _end_thinking(self, event: ThinkingEnd) -> Iterator[bytes]:
        signature = event.signature if event.maker == "claude" else ""
        if event.is_redacted and signature:
            yield from self._close()
            yield from self._switch("thinking")
            yield self._delta({"reasoningContent": {"redactedContent": words.redacted_of(signature)}})
        elif signature:
            yield from self._switch("thinking")
            yield self._delta({"reasoningContent": {"signature": signature}})
        yield from self._close()

    def _switch(self, kind: str) -> Iterator[bytes]:
        """Begin a block of text or reasoning, unless one of this kind is open."""
        if self._kind == kind:
            return
        yield from self._close()
        self._index += 1
        self._kind = kind

    def _close(self) -> Iterator[bytes]:
        if self._kind:
            self._kind = ""
            yield _frame("contentBlockStop", {"contentBlockIndex": self._index})

    def _delta(self, delta: dict[str, Json]) -> bytes:
        return _frame("contentBlockDelta", {"contentBlockIndex": self._index, "delta": delta})


def _frame(name: str, payload: Json) -> bytes:
    return frame(name, msgspec.json.encode(payload))


def _exception(event: Failed) -> bytes:
    status = event.status or STATUSES.get(event.code.lower(), 0)
    name = _EXCEPTIONS.get(status, "internalServerException")
    return exception(name, msgspec.json.encode({"message": event.message}))
