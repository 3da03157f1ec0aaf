"""Neutral events → the stream of a response of generateContent.

Calls come whole. The end is held until the stream of the target ended, since some count their tokens after the reason
why they stopped. Sources: Gemini API reference, streamGenerateContent; google-genai, which reads lines that begin with
`data: ` and takes any other line that is not empty, a comment too, for the JSON of an error.
"""

from collections.abc import Iterable

from switchover_dataplane.formats import lenient_json
from switchover_dataplane.translation import tool_forms
from switchover_dataplane.translation.answers import (
    Alive,
    CallDelta,
    CallEnd,
    CallStart,
    Citation,
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
from switchover_dataplane.translation.generate import words
from switchover_dataplane.translation.generate.write_answer import call_part, thinking_parts
from switchover_dataplane.translation.joining import merged
from switchover_dataplane.translation.neutral import Json, Thinking, ToolCall

_BLANK_LINE = b"\r\n"


class GenerateWriter:
    """Writes the stream of one answer; `Writer` in `format.py` says how."""

    __slots__ = (
        "_asked",
        "_calls",
        "_citations",
        "_is_over",
        "_model",
        "_parts",
        "_pieces",
        "_refused",
        "_restoring",
        "_stopped",
        "_usage",
    )

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._calls: dict[int, tuple[CallStart, list[str]]] = {}
        self._citations: list[Citation] = []
        self._is_over = False
        self._model = asked.model
        self._parts: list[dict[str, Json]] = []
        self._pieces: list[bytes] = []
        self._refused = False
        self._restoring = tool_forms.Restoring(asked.request)
        self._stopped: Stopped | None = None
        self._usage: Usage | None = None

    def write(self, events: Iterable[Event]) -> bytes:
        """Write events, the parts that come at once as one chunk; b"" where nothing is to be said yet."""
        for event in self._restoring.take(events):
            if not self._is_over:
                self._take(event)
        if self._parts:
            self._flush()
        written = b"".join(self._pieces)
        self._pieces.clear()
        return written

    def _take(self, event: Event) -> None:
        """Write one event, or note what is said at the end."""
        match event:
            case Started(model, usage):
                self._model = model or self._model
                self._usage = merged(self._usage, usage)
            case Counted(usage):
                self._usage = merged(self._usage, usage)
            case Cited(citation):
                self._citations.append(citation)
            case Stopped():
                self._stopped = event
            case Alive():
                self._pieces.append(_BLANK_LINE)
            case Failed():
                self._fail(event)
            case Ended():
                self._end()
            case _:
                self._take_content(event)

    def _take_content(self, event: Event) -> None:
        match event:
            case TextDelta(text):
                self._text(text)
            case RefusalDelta(text):
                self._refused = True
                self._text(text)
            case ThinkingDelta(text, maker):
                shown = thinking_parts(Thinking(text, maker), self._asked)
                self._parts += shown
                if not shown:
                    self._pieces.append(_BLANK_LINE)
            case ThinkingEnd(maker, signature):
                self._parts += thinking_parts(Thinking("", maker, signature), self._asked)
            case CallStart():
                self._calls[event.index] = (event, [])
            case CallDelta(index, arguments) if index in self._calls:
                self._calls[index][1].append(arguments)
            case CallEnd(index) if index in self._calls:
                start, pieces = self._calls.pop(index)
                made = ToolCall(start.id, start.name, "".join(pieces), start.namespace, signature=start.signature)
                self._parts.append(call_part(made))
            case _:
                pass

    def _text(self, text: str) -> None:
        if self._parts and set(self._parts[-1]) == {"text"}:
            self._parts[-1]["text"] += text
        else:
            self._parts.append({"text": text})

    def _flush(self) -> None:
        """Write the parts that wait as a chunk."""
        parts, self._parts = self._parts, []
        self._say({"candidates": [{"content": {"parts": parts, "role": "model"}, "index": 0}], **self._frame()})

    def _fail(self, failed: Failed) -> None:
        if self._parts:
            self._flush()
        self._is_over = True
        self._say(words.write_failed(failed))

    def _end(self) -> None:
        """Write the end of an answer whose reason is known; without one it stays open, so that it shows."""
        stopped = self._stopped
        if stopped is None:
            return
        if stopped.stop is Stop.FAILED:
            self._fail(Failed("the model's answer failed"))
            return
        self._is_over = True
        parts, self._parts = self._parts or [{"text": ""}], []
        candidate: dict[str, Json] = {
            "content": {"parts": parts, "role": "model"},
            **words.write_stop(stopped, refused=self._refused),
            "index": 0,
            **words.write_citations(self._citations),
        }
        self._say({"candidates": [candidate], **self._frame()})

    def _frame(self) -> dict[str, Json]:
        """Return what each chunk says of the whole answer."""
        counted = {"usageMetadata": words.write_usage(self._usage)} if self._usage is not None else {}
        return {**counted, "modelVersion": self._model, "responseId": self._asked.id}

    def _say(self, chunk: dict[str, Json]) -> None:
        self._pieces.append(b"data: %b\r\n\r\n" % lenient_json.encode(chunk))


__all__ = ["GenerateWriter"]
