"""Neutral events → the stream of a message.

One block is open at a time, so what belongs to another is held until it is closed. The end is held until the stream of
the target ended, since some count their tokens after the reason why they stopped. Sources: Anthropic API reference,
Streaming Messages; its SDK drops events without an `event` line.
"""

from collections.abc import Iterable
from typing import Final

from switchover_dataplane.formats import lenient_json
from switchover_dataplane.translation import tool_forms
from switchover_dataplane.translation.answers import (
    Alive,
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
    Stop,
    Stopped,
    TextDelta,
    ThinkingDelta,
    ThinkingEnd,
    Usage,
)
from switchover_dataplane.translation.format import Asked
from switchover_dataplane.translation.joining import merged
from switchover_dataplane.translation.messages import words
from switchover_dataplane.translation.messages.write_answer import PREFIX, call_id, start_of_call
from switchover_dataplane.translation.neutral import Json

_NO_CALL: Final = -1


class MessagesWriter:
    """Writes the stream of one answer; `Writer` in `format.py` says how."""

    __slots__ = (
        "_asked",
        "_call",
        "_has_arguments",
        "_held",
        "_index",
        "_is_over",
        "_is_started",
        "_kind",
        "_pieces",
        "_refused",
        "_restoring",
        "_stopped",
        "_usage",
    )

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._call = _NO_CALL
        self._has_arguments = False
        self._held: list[Event] = []
        self._index = -1
        self._is_over = False
        self._is_started = False
        self._kind = ""
        self._pieces: list[bytes] = []
        self._refused = False
        self._restoring = tool_forms.Restoring(asked.request)
        self._stopped: Stopped | None = None
        self._usage: Usage | None = None

    def write(self, events: Iterable[Event]) -> bytes:
        """Write events; b"" where nothing is to be said yet."""
        for event in self._restoring.take(events):
            if not self._is_over:
                self._take(event)
        written = b"".join(self._pieces)
        self._pieces.clear()
        return written

    def _take(self, event: Event) -> None:
        """Write one event, or note what is said at the end."""
        match event:
            case Started(model, usage):
                self._usage = merged(self._usage, usage)
                self._start(model)
            case Counted(usage):
                self._usage = merged(self._usage, usage)
            case Stopped():
                self._stopped = event
            case Alive():
                self._say({"type": "ping"})
            case Failed():
                self._is_over = True
                self._say(words.write_failed(event))
            case Ended():
                self._end()
            case _:
                self._start("")
                self._take_content(event)

    def _take_content(self, event: Event) -> None:
        """Write an event of a block, or hold it while a call is open that it does not belong to."""
        if self._call != _NO_CALL and not (isinstance(event, CallDelta | CallEnd) and event.index == self._call):
            self._held.append(event)
            return
        match event:
            case TextDelta(text):
                self._more("text", {"type": "text_delta", "text": text})
            case RefusalDelta(text):
                self._refused = True
                self._more("text", {"type": "text_delta", "text": text})
            case ThinkingDelta():
                self._think(event)
            case ThinkingEnd():
                self._end_thinking(event)
            case CallStart():
                self._start_call(event)
            case CallDelta(_, arguments):
                self._has_arguments = True
                self._delta({"type": "input_json_delta", "partial_json": arguments})
            case CallEnd():
                self._end_call()
            case Cited(citation):
                # A source belongs to a text, and an empty text is one that Claude refuses when it comes back.
                if self._kind == "text" and citation.url:
                    self._delta({"type": "citations_delta", "citation": words.write_citation(citation)})
            case _:
                pass

    def _think(self, event: ThinkingDelta) -> None:
        """Write more reasoning; without words, or for a client that is not to see it, it is a sign of life."""
        if event.text and words.shows_thinking(self._asked, event.maker):
            self._more("thinking", {"type": "thinking_delta", "thinking": event.text})
        else:
            self._say({"type": "ping"})

    def _end_thinking(self, event: ThinkingEnd) -> None:
        signature = event.signature if event.maker == "claude" else ""
        if signature and event.is_redacted:
            self._open("redacted_thinking", {"type": "redacted_thinking", "data": signature})
        elif signature:
            self._more("thinking", {"type": "signature_delta", "signature": signature})
        if self._kind in ("thinking", "redacted_thinking"):
            self._close()

    def _start_call(self, event: CallStart) -> None:
        own_id = call_id(event.id, self._asked, event.index)
        self._open("tool_use", start_of_call(own_id, event.namespace, event.name))
        self._call = event.index
        self._has_arguments = False

    def _end_call(self) -> None:
        if self._call == _NO_CALL:
            return
        if not self._has_arguments:
            self._delta({"type": "input_json_delta", "partial_json": ""})
        self._close()
        self._call = _NO_CALL
        held, self._held = self._held, []
        for event in held:
            self._take_content(event)

    def _more(self, kind: str, delta: dict[str, Json]) -> None:
        if self._kind != kind:
            self._open(kind, _EMPTY[kind])
        self._delta(delta)

    def _open(self, kind: str, block: dict[str, Json]) -> None:
        self._close()
        self._kind = kind
        self._index += 1
        self._say({"type": "content_block_start", "index": self._index, "content_block": block})

    def _delta(self, delta: dict[str, Json]) -> None:
        self._say({"type": "content_block_delta", "index": self._index, "delta": delta})

    def _close(self) -> None:
        if self._kind:
            self._kind = ""
            self._say({"type": "content_block_stop", "index": self._index})

    def _start(self, model: str) -> None:
        if self._is_started:
            return
        self._is_started = True
        message: dict[str, Json] = {
            "id": PREFIX + self._asked.id,
            "type": "message",
            "role": "assistant",
            "model": model or self._asked.model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": words.write_usage(self._usage),
        }
        self._say({"type": "message_start", "message": message})

    def _end(self) -> None:
        """Write the end of an answer whose reason is known; without one it stays open, so that it shows."""
        stopped = self._stopped
        if stopped is None or self._call != _NO_CALL:
            return
        self._is_over = True
        if stopped.stop is Stop.FAILED:
            self._say(words.write_failed(Failed("the model's answer failed")))
            return
        self._start("")
        self._close()
        delta = words.write_stop(stopped, refused=self._refused)
        self._say({"type": "message_delta", "delta": delta, "usage": words.write_usage(self._usage)})
        self._say({"type": "message_stop"})

    def _say(self, event: dict[str, Json]) -> None:
        self._pieces.append(b"event: %b\ndata: %b\n\n" % (event["type"].encode(), lenient_json.encode(event)))


_EMPTY: Final[dict[str, dict[str, Json]]] = {
    "text": {"type": "text", "text": ""},
    "thinking": {"type": "thinking", "thinking": "", "signature": ""},
}

__all__ = ["MessagesWriter"]
