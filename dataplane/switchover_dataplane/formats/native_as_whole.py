"""The events of a whole answer of the Messages, Responses or Gemini API → the JSON object that the request asked for.

Sources: Anthropic, Streaming Messages; OpenAI API reference, Responses streaming events (the last one holds the whole
response); Gemini API reference, GenerateContentResponse (parts are increments, counts are of all so far).
"""

from typing import Any, Final

import msgspec

from switchover_dataplane.formats import lenient_json
from switchover_dataplane.formats.as_whole import ENTRY, FailedEvent, List, SizeBudget, Text, Unjoinable
from switchover_dataplane.formats.error_shape import looks_like_error
from switchover_dataplane.formats.native_chunk import MOST_CANDIDATES

# ── Messages ────────────────────────────────────────────────────────────────────────────────────────────────────────

_DELTAS: Final = {
    "text_delta": ("text", "text"),
    "thinking_delta": ("thinking", "thinking"),
    "signature_delta": ("signature", "signature"),
    "input_json_delta": ("partial_json", "input"),
    "compaction_delta": ("content", "content"),
}
"""The type of a delta → its field with the piece, and the field of the block that the piece belongs to."""


class _Block:
    """One block of a message: its start and the pieces of its fields."""

    __slots__ = ("_budget", "_citations", "_started", "_texts")

    def __init__(self, budget: SizeBudget, started: dict[str, Any]) -> None:
        self._budget = budget
        self._started: dict[str, msgspec.Raw] = {}
        self._texts: dict[str, Text] = {}
        self._citations = List(budget)
        budget.take(2 * ENTRY)
        for name, value in started.items():
            if name in ("text", "thinking", "signature") and isinstance(value, str):
                self._text(name).add(value)
            else:
                budget.keep(self._started, name, value)

    def take(self, delta: dict[str, Any]) -> None:
        kind = delta.get("type")
        if kind == "citations_delta":
            self._citations.add([delta.get("citation")])
            return
        own, name = _DELTAS.get(kind, ("", "")) if isinstance(kind, str) else ("", "")
        piece = delta.get(own)
        if not isinstance(piece, str):
            raise Unjoinable("a delta of an unknown form")
        self._text(name).add(piece)

    def _text(self, name: str) -> Text:
        if name not in self._texts:
            self._texts[name] = Text(self._budget)
        return self._texts[name]

    @property
    def written(self) -> dict[str, Any]:
        texts: dict[str, Any] = {name: str(text) for name, text in self._texts.items()}
        given = texts.pop("input", "")
        if given:
            if not lenient_json.is_json(given.encode()):
                raise Unjoinable("the input of a tool is no valid JSON")
            texts["input"] = msgspec.Raw(given.encode())
        citations = self._citations.json
        if len(citations) > len("[]"):
            texts["citations"] = citations
        return {**self._started, **texts}


class MessagesJoiner:
    """Joins the events of a message. `has_ended`: no more content can follow."""

    __slots__ = ("_blocks", "_budget", "_message", "_stop", "_usage", "has_ended")

    def __init__(self, budget: SizeBudget) -> None:
        self.has_ended = False
        self._budget = budget
        self._message: dict[str, msgspec.Raw] = {}
        self._stop: dict[str, msgspec.Raw] = {}
        self._usage: dict[str, msgspec.Raw] = {}
        self._blocks: dict[int, _Block] = {}

    def take(self, data: bytes) -> None:
        """Take an event's data.

        Raises:
            ValueError: it is no JSON, or has too many values.
            FailedEvent: it says that the answer failed.
            Unjoinable: it cannot be joined to the others.
        """
        event = lenient_json.decode(data)
        if not isinstance(event, dict):
            return
        delta = event.get("delta")
        match event.get("type"):
            case "message_start":
                self._keep(self._message, event.get("message"))
                self._keep_usage(event.get("message"))
            case "content_block_start":
                started = event.get("content_block")
                self._blocks[self._index(event)] = _Block(self._budget, started if isinstance(started, dict) else {})
            case "content_block_delta":
                block = self._blocks.get(self._index(event))
                if block is None or not isinstance(delta, dict):
                    raise Unjoinable("a delta without a block")
                block.take(delta)
            case "message_delta":
                self._keep(self._stop, delta)
                self._keep_usage(event)
            case "message_stop":
                self.has_ended = True
            case "ping" | "content_block_stop":
                pass
            case _:
                if looks_like_error(event):
                    raise FailedEvent

    def take_done(self) -> None:
        """Read the event that marks the stream as done, which this API does not have."""
        self.has_ended = True

    def _index(self, event: dict[str, Any]) -> int:
        index = event.get("index")
        if not isinstance(index, int):
            raise Unjoinable("a block without an index")
        return index

    def _keep(self, held: dict[str, msgspec.Raw], values: object) -> None:
        for name, value in values.items() if isinstance(values, dict) else ():
            if name not in ("content", "usage"):
                self._budget.keep(held, name, value)

    def _keep_usage(self, holder: object) -> None:
        usage = holder.get("usage") if isinstance(holder, dict) else None
        for name, value in usage.items() if isinstance(usage, dict) else ():
            self._budget.keep(self._usage, name, value)

    @property
    def is_whole(self) -> bool:
        """Whether the message has a `stop_reason`."""
        return len(self._stop.get("stop_reason", b"null")) > len("null")

    def written(self) -> bytes:
        """Write the message; the caller checks it like any other answer."""
        content = [self._blocks[index].written for index in sorted(self._blocks)]
        named = {"type": "message", "role": "assistant", **self._message, **self._stop}
        return lenient_json.encode({**named, "content": content, "usage": self._usage})


# ── Responses ───────────────────────────────────────────────────────────────────────────────────────────────────────


class _ResponsesEvent(msgspec.Struct, gc=False):
    """The fields that are read of an event; the response keeps its bytes, however many values it has."""

    type: str = ""
    response: msgspec.Raw = msgspec.Raw(b"")
    item: msgspec.Raw = msgspec.Raw(b"")
    output_index: int = 0
    error: msgspec.Raw = msgspec.Raw(b"")


class _Output(msgspec.Struct, gc=False):
    output: list[msgspec.Raw] | None = None


_event_decoder: Final = msgspec.json.Decoder(_ResponsesEvent)
_output_decoder: Final = msgspec.json.Decoder(_Output)
_fields_decoder: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_LAST: Final = frozenset(("response.completed", "response.incomplete", "response.failed", "response.cancelled"))


class ResponsesJoiner:
    """Takes the response from the last event. `has_ended`: that event was read."""

    __slots__ = ("_budget", "_items", "_response", "has_ended")

    def __init__(self, budget: SizeBudget) -> None:
        self.has_ended = False
        self._budget = budget
        self._response = b""
        self._items: dict[int, msgspec.Raw] = {}

    def take(self, data: bytes) -> None:
        """Read the data of an event.

        Raises:
            ValueError: it is no JSON.
            FailedEvent: it states that the answer failed.
            Unjoinable: it is no UTF-8, or the limit is exceeded.
        """
        try:
            data.decode()
        except UnicodeDecodeError:
            raise Unjoinable("an event that is no UTF-8") from None
        try:
            event = _event_decoder.decode(data)
        except msgspec.ValidationError:
            return
        except ValueError:
            event = _event_decoder.decode(lenient_json.stricter(data))
        if event.type in _LAST:
            self._response = bytes(event.response)
            self.has_ended = True
        elif event.type == "response.output_item.done" and len(event.item):
            self._budget.take(len(event.item) + ENTRY)
            self._items[event.output_index] = msgspec.Raw(bytes(event.item))
        elif not event.type.startswith("response.") and looks_like_error(lenient_json.decode(data)):
            raise FailedEvent

    def take_done(self) -> None:
        """Read the event that marks the stream as done, which some servers add."""

    @property
    def is_whole(self) -> bool:
        """Whether the response was read."""
        return bool(self._response)

    def written(self) -> bytes:
        """Return the response; if it lacks the output, the items of earlier events are added."""
        try:
            if self._items and not _output_decoder.decode(self._response).output:
                output = [self._items[index] for index in sorted(self._items)]
                return lenient_json.encode({**_fields_decoder.decode(self._response), "output": output})
        except ValueError:
            pass
        return self._response


# ── generateContent ─────────────────────────────────────────────────────────────────────────────────────────────────

_TEXT_ALONE: Final = frozenset(("text", "thought"))


class _Candidate:
    """The parts of one candidate; consecutive texts are joined."""

    __slots__ = ("_budget", "_content", "_newest", "_parts", "_rest", "_thought", "has_ended")

    def __init__(self, budget: SizeBudget) -> None:
        budget.take(2 * ENTRY)
        self.has_ended = False
        self._budget = budget
        self._content: dict[str, msgspec.Raw] = {}
        self._rest: dict[str, msgspec.Raw] = {}
        self._parts: list[dict[str, Any] | msgspec.Raw] = []
        self._newest: Text | None = None
        self._thought = False

    def take(self, candidate: dict[str, Any]) -> None:
        for name, value in candidate.items():
            if name == "content" and isinstance(value, dict):
                self._take_content(value)
            elif name != "content":
                self._budget.keep(self._rest, name, value)
        self.has_ended = self.has_ended or bool(candidate.get("finishReason"))

    def _take_content(self, content: dict[str, Any]) -> None:
        for name, value in content.items():
            if name != "parts":
                self._budget.keep(self._content, name, value)
        parts = content.get("parts")
        for part in parts if isinstance(parts, list) else ():
            if not isinstance(part, dict):
                raise Unjoinable("a part of an unknown form")
            self._take_part(part)

    def _take_part(self, part: dict[str, Any]) -> None:
        text, thought = part.get("text"), bool(part.get("thought"))
        if isinstance(text, str) and _TEXT_ALONE.issuperset(part):
            if self._newest is None or thought is not self._thought:
                self._budget.take(2 * ENTRY)
                self._newest, self._thought = Text(self._budget), thought
                self._parts.append({"text": self._newest, **({"thought": True} if thought else {})})
            self._newest.add(text)
            return
        written = lenient_json.encode(part)
        self._budget.take(len(written) + ENTRY)
        self._parts.append(msgspec.Raw(written))
        self._newest = None

    @property
    def written(self) -> dict[str, Any]:
        parts = [part if isinstance(part, msgspec.Raw) else {**part, "text": str(part["text"])} for part in self._parts]
        return {"content": {"role": "model", **self._content, "parts": parts}, **self._rest}


class GeneratedJoiner:
    """Joins responses of generateContent; only the end of the stream shows that no more follow."""

    __slots__ = ("_budget", "_candidates", "_rest", "has_ended")

    def __init__(self, budget: SizeBudget) -> None:
        self.has_ended = False
        self._budget = budget
        self._rest: dict[str, msgspec.Raw] = {}
        self._candidates: dict[int, _Candidate] = {}

    def take(self, data: bytes) -> None:
        """Read the data of an event, or one response of an array.

        Raises:
            ValueError: it is no JSON, or has too many values.
            FailedEvent: it states that the answer failed.
            Unjoinable: it cannot be joined to the others.
        """
        response = lenient_json.decode(data)
        if not isinstance(response, dict):
            raise Unjoinable("a response of an unknown form")
        candidates = response.get("candidates")
        if response.get("error") or (not candidates and looks_like_error(response)):
            raise FailedEvent
        for name, value in response.items():
            if name != "candidates":
                self._budget.keep(self._rest, name, value)
        for candidate in candidates if isinstance(candidates, list) else ():
            index = candidate.get("index") or 0 if isinstance(candidate, dict) else None
            if not isinstance(index, int) or not 0 <= index < MOST_CANDIDATES:
                raise Unjoinable("a candidate of an unknown form")
            if index not in self._candidates:
                self._candidates[index] = _Candidate(self._budget)
            self._candidates[index].take(candidate)

    def take_done(self) -> None:
        """Read the event that marks the stream as done, which some servers add."""
        self.has_ended = True

    @property
    def is_whole(self) -> bool:
        """Whether each candidate has a `finishReason`; a blocked prompt has no candidates."""
        if not self._candidates:
            return "promptFeedback" in self._rest
        return all(candidate.has_ended for candidate in self._candidates.values())

    def written(self) -> bytes:
        """Write the response; the caller checks it like any other answer."""
        candidates = [self._candidates[index].written for index in sorted(self._candidates)]
        return lenient_json.encode({**({"candidates": candidates} if candidates else {}), **self._rest})
