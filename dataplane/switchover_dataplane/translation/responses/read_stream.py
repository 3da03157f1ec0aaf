"""The events of a Responses stream → events.

Servers differ in how much they say piece by piece: what an item holds and no piece said is told when the item is done,
and what no item said when the response is. Items are known by their place, as some servers change their ids. Source:
OpenAI API reference, Responses streaming events.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence

from switchover_dataplane.formats import lenient_json
from switchover_dataplane.formats.event_body import type_of
from switchover_dataplane.translation.answers import (
    Alive,
    BadAnswer,
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
    Stopped,
    TextDelta,
    ThinkingDelta,
    ThinkingEnd,
)
from switchover_dataplane.translation.neutral import Json, Maker, Refusal
from switchover_dataplane.translation.openai_errors import read_failed
from switchover_dataplane.translation.responses.read_answer import (
    CLIENT_CALLS,
    block_of,
    call_of,
    citation_of,
    citations_of,
    parts_of,
    stop_of,
    usage_of,
)
from switchover_dataplane.translation.responses.read_items import thinking_of

_Body = Mapping[str, Json]


class _Call:
    __slots__ = ("has_arguments", "index", "is_ended")

    def __init__(self, index: int) -> None:
        self.index = index
        self.has_arguments = False
        self.is_ended = False


class Reader:
    """Reads one stream."""

    def __init__(self) -> None:
        self._calls: dict[int, _Call] = {}
        self._cited: set[Citation] = set()
        self._has_ended = False
        self._has_started = False
        self._refuses = False
        self._said: set[tuple[int, int]] = set()
        self._spoken: int | None = None
        self._thinking: dict[int, Maker] = {}
        self._thought: set[int] = set()
        self._done: set[int] = set()
        self._readers: dict[str, Callable[[_Body], Iterator[Event]]] = {
            "response.created": self._started,
            "response.in_progress": self._started,
            "response.queued": self._started,
            "response.output_item.added": self._added,
            "response.output_item.done": self._item_done,
            "response.output_text.delta": self._text,
            "response.output_text.done": self._text,
            "response.output_text.annotation.added": self._annotation,
            "response.refusal.delta": self._refusal,
            "response.refusal.done": self._refusal,
            "response.reasoning_summary_part.added": self._summary_part,
            "response.reasoning_summary_text.delta": self._summary,
            "response.reasoning_text.delta": self._reasoning,
            "response.function_call_arguments.delta": self._arguments,
            "response.function_call_arguments.done": self._arguments,
            "response.custom_tool_call_input.delta": self._arguments,
            "response.custom_tool_call_input.done": self._arguments,
            "response.completed": self._ended,
            "response.incomplete": self._ended,
            "response.failed": self._failed,
            "response.cancelled": self._failed,
            "response.error": self._failed,
            "error": self._failed,
        }

    @property
    def is_settled(self) -> bool:
        """False: the event that ends an answer is the last one."""
        return False

    def take(self, data: bytes, name: str) -> Sequence[Event]:
        """Read one event; after an error or the end nothing is read."""
        if self._has_ended or data.strip() == b"[DONE]":
            return ()
        events = self._take(data, name)
        if any(isinstance(event, Failed | Ended) for event in events):
            self._has_ended = True
        return events

    def end(self) -> Sequence[Event]:
        """Read the end of the body, which ends no answer in this API."""
        return ()

    def _take(self, data: bytes, name: str) -> Sequence[Event]:
        try:
            body = lenient_json.decode(data)
        except (ValueError, RecursionError):
            return (Failed("an event that is no JSON"),)
        if not isinstance(body, dict):
            return (Failed("an event that is no object"),)
        kind = body.get("type")
        kind = kind if isinstance(kind, str) and kind else name
        if name == "error" or (body.get("error") and not kind.startswith("response.")):
            kind = "error"
        reader = self._readers.get(kind)
        if reader is None:
            is_audio = "audio" in kind and kind.endswith(".delta")
            return (Failed("the answer has audio, which no other API has in this form"),) if is_audio else (Alive(),)
        try:
            return list(reader(body)) or (Alive(),)
        except BadAnswer as error:
            return (Failed(f"an event cannot be read: {error}"),)

    # ── The response ────────────────────────────────────────────────────────────────────────────────────────────────

    def _started(self, body: _Body) -> Iterator[Event]:
        if not self._has_started:
            self._has_started = True
            model = _part(body, "response").get("model")
            yield Started(model if isinstance(model, str) else "")

    def _ended(self, body: _Body) -> Iterator[Event]:
        response = _part(body, "response")
        if response.get("error"):
            yield read_failed(response["error"])
            return
        yield from self._started(body)
        output = response.get("output")
        if not self._said and not self._calls and not self._done and isinstance(output, list):
            for index, item in enumerate(output):
                yield from self._item_done({"output_index": index, "item": item})
        yield from self._end_other_thinking()
        yield from self._end_calls()
        whole = {"status": "incomplete", **response} if body.get("type") == "response.incomplete" else response
        yield Stopped(stop_of(whole, has_calls=bool(self._calls), refuses=self._refuses))
        usage = usage_of(response)
        if usage is not None:
            yield Counted(usage)
        yield Ended()

    def _failed(self, body: _Body) -> Iterator[Event]:
        flat = {name: value for name, value in body.items() if name != "type"}
        yield read_failed(_part(body, "response").get("error") or body.get("error") or flat, body.get("status"))

    # ── Items ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def _added(self, body: _Body) -> Iterator[Event]:
        item, index = _part(body, "item"), _index(body)
        kind = type_of(item)
        if kind in CLIENT_CALLS:
            raise BadAnswer("it has an item that no other API has in this form")
        if kind in ("function_call", "custom_tool_call") and item.get("name"):
            yield from self._start_call(item, index)

    def _start_call(self, item: _Body, index: int) -> Iterator[Event]:
        if index in self._calls:
            return
        yield from self._end_other_thinking()
        self._spoken = None
        call = self._calls[index] = _Call(len(self._calls))
        read = call_of(item)
        yield CallStart(call.index, read.id, read.name, read.namespace, read.is_custom)

    def _item_done(self, body: _Body) -> Iterator[Event]:
        """Tell what the item holds and no piece of it said."""
        item, index = _part(body, "item"), _index(body)
        self._done.add(index)
        match type_of(item):
            case "function_call" | "custom_tool_call":
                yield from self._start_call(item, index)
                yield from self._rest_of_call(index, item.get("input") or item.get("arguments"))
                yield from self._end_call(self._calls[index])
            case "reasoning":
                yield from self._end_thinking(index, item)
            case "message":
                yield from self._message_done(item, index)
            case kind if kind in CLIENT_CALLS:
                raise BadAnswer("it has an item that no other API has in this form")
            case _:
                pass

    def _message_done(self, item: _Body, index: int) -> Iterator[Event]:
        for place, part in enumerate(parts_of(item)):
            block = block_of(part)
            if block is not None and (index, place) not in self._said:
                yield from self._say(index, place, block.text, refuses=isinstance(block, Refusal))
        for citation in citations_of(item):
            yield from self._cite(citation)

    # ── Texts ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def _text(self, body: _Body) -> Iterator[Event]:
        yield from self._piece(body, "text", refuses=False)

    def _refusal(self, body: _Body) -> Iterator[Event]:
        yield from self._piece(body, "refusal", refuses=True)

    def _piece(self, body: _Body, whole: str, *, refuses: bool) -> Iterator[Event]:
        """Tell a piece of a text, or all of it where its end alone says it."""
        place = body.get("content_index")
        index, place = _index(body), place if isinstance(place, int) else 0
        text = body.get("delta")
        if text is None and (index, place) not in self._said:
            text = body.get(whole)
        if isinstance(text, str) and text:
            yield from self._say(index, place, text, refuses=refuses)

    def _say(self, index: int, place: int, text: str, *, refuses: bool) -> Iterator[Event]:
        yield from self._end_other_thinking()
        if self._spoken not in (None, index) and not refuses:
            # Two messages in a row, such as a comment and an answer, are no one sentence.
            yield TextDelta("\n\n")
        self._spoken = None if refuses else index
        self._said.add((index, place))
        self._refuses = self._refuses or refuses
        yield RefusalDelta(text) if refuses else TextDelta(text)

    def _annotation(self, body: _Body) -> Iterator[Event]:
        citation = citation_of(body.get("annotation"))
        if citation is not None:
            yield from self._cite(citation)

    def _cite(self, citation: Citation) -> Iterator[Event]:
        if citation not in self._cited:
            self._cited.add(citation)
            yield Cited(citation)

    # ── Reasoning ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _summary_part(self, body: _Body) -> Iterator[Event]:
        number = body.get("summary_index")
        if isinstance(number, int) and number > 0 and self._thinking.get(_index(body)) == "openai":
            yield ThinkingDelta("\n\n", "openai")

    def _summary(self, body: _Body) -> Iterator[Event]:
        yield from self._think(body, "openai")

    def _reasoning(self, body: _Body) -> Iterator[Event]:
        yield from self._think(body, "other")

    def _think(self, body: _Body, maker: Maker) -> Iterator[Event]:
        """Tell a piece of reasoning; of an item with a summary and the reasoning itself, the one that came first."""
        text = body.get("delta")
        index = _index(body)
        if index in self._thought or not isinstance(text, str) or not text:
            return
        if self._thinking.setdefault(index, maker) == maker:
            self._spoken = None
            yield ThinkingDelta(text, maker)

    def _end_thinking(self, index: int, item: _Body) -> Iterator[Event]:
        told = self._thinking.pop(index, None)
        read = thinking_of(item.get) if index not in self._thought else None
        self._thought.add(index)
        if read is None:
            if told is not None:
                yield ThinkingEnd(told)
            return
        if told is None and read.text:
            yield ThinkingDelta(read.text, read.maker)
        has_text = told is not None or bool(read.text)
        yield ThinkingEnd(read.maker, read.signature, not has_text, read.id)

    def _end_other_thinking(self) -> Iterator[Event]:
        """End the reasoning that some servers do not end before the answer begins."""
        for index in list(self._thinking):
            yield from self._end_thinking(index, {})

    # ── Calls ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def _arguments(self, body: _Body) -> Iterator[Event]:
        call = self._calls.get(_index(body))
        if call is None:
            return
        delta = body.get("delta")
        if delta is None:
            yield from self._rest_of_call(_index(body), body.get("input") or body.get("arguments"))
        elif isinstance(delta, str) and delta:
            call.has_arguments = True
            yield CallDelta(call.index, delta)

    def _rest_of_call(self, index: int, arguments: Json) -> Iterator[Event]:
        call = self._calls[index]
        if not call.has_arguments and not call.is_ended and isinstance(arguments, str) and arguments:
            call.has_arguments = True
            yield CallDelta(call.index, arguments)

    def _end_call(self, call: _Call) -> Iterator[Event]:
        if not call.is_ended:
            call.is_ended = True
            yield CallEnd(call.index)

    def _end_calls(self) -> Iterator[Event]:
        for call in self._calls.values():
            yield from self._end_call(call)


def _part(body: _Body, name: str) -> _Body:
    value = body.get(name)
    return value if isinstance(value, dict) else {}


def _index(body: _Body) -> int:
    value = body.get("output_index")
    return value if isinstance(value, int) else 0


__all__ = ["Reader"]
