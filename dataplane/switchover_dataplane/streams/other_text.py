"""A text that broke off, and another model's answer that goes on with it → the events that follow, in one stream.

The client has the first events of one answer: its id, its open text and the numbers of its events. The events of the
other answer get these, what opens an answer is left out, and of the text only what is new is sent. Reasoning of the
other model is left out. A chat completion needs none of this (`transcript.py`): its chunks have no numbers.

Sources: Anthropic, Streaming Messages; OpenAI API reference, Responses streaming events; Gemini API reference,
GenerateContentResponse.
"""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from switchover_dataplane.formats import lenient_json
from switchover_dataplane.formats.chunk_kind import Chunk, ChunkKind, StreamFormat
from switchover_dataplane.formats.sse import Event
from switchover_dataplane.streams.held_calls import MOST_EVENTS, MOST_HELD
from switchover_dataplane.streams.splice import Mismatch, Splice

Body = dict[str, Any]


class OtherText:
    """Reads the events of the other answer: `take` returns what the client gets, and the new text in it.

    `text` is what was sent of the answer. Calls of tools are held until each of them is whole.
    """

    has_ended = False

    def __init__(self, text: str, seam: bytes) -> None:
        self.text = text
        self._splice = Splice(text)
        self._seam = seam
        self._open: set[object] = set()
        self._held: list[bytes] = []
        self._size = 0

    @property
    def is_silent(self) -> bool:
        """Whether nothing of the other answer was sent yet, as it may not fit."""
        return not self._splice.fits

    def begin_anew(self, seam: bytes) -> None:
        """Expect the answer of the next model, as this one broke off as well."""
        self._splice = Splice(self.text)
        self._seam = seam
        self._open.clear()
        self._held.clear()
        self._size = 0

    def take(self, event: Event, chunk: Chunk) -> tuple[bytes, str]:
        """Read the next event.

        Raises:
            Mismatch: the answer does not go on where the text ended.
        """
        if event.data is None:
            return (b"" if self.is_silent else event.raw), ""
        body = None if event.is_part else _decoded(event.data)
        if body is None:
            if chunk.kind is ChunkKind.DONE:
                return event.raw, ""
            raise Mismatch
        before = len(self.text)
        written = b"".join(self._take(body, chunk))
        added = self.text[before:]
        if chunk.finished and self.is_silent:
            raise Mismatch
        if not written or self.is_silent:
            return b"", added
        seam, self._seam = self._seam, b""
        return seam + written, added

    def _take(self, body: Body, _chunk: Chunk) -> Iterator[bytes]:
        raise NotImplementedError

    def _added(self, text: str) -> str:
        """Return the new part of a piece of text."""
        added = self._splice.feed(text)
        self.text += added
        return added

    def _must_fit(self) -> None:
        if self.is_silent:
            raise Mismatch

    def _in_turn(self, written: bytes, call: object, *, ends: bool) -> bytes:
        """Hold an event of a call until the call is whole; then return all of it."""
        self._held.append(written)
        self._size += len(written)
        if self._size > MOST_HELD or len(self._held) > MOST_EVENTS:
            raise Mismatch
        if not ends:
            self._open.add(call)
            return b""
        self._open.discard(call)
        if self._open:
            return b""
        held, self._held, self._size = b"".join(self._held), [], 0
        return held


class MessagesText(OtherText):
    """A message: its blocks are numbered from 0. `index` is that of the text, `is_open`: its end was not sent."""

    def __init__(self, text: str, seam: bytes, index: int, *, is_open: bool) -> None:
        super().__init__(text, seam)
        self._index = index
        self._is_open = is_open
        self._next = index + 1
        self._places: dict[object, int] = {}
        self._texts: set[object] = set()

    def begin_anew(self, seam: bytes) -> None:
        """Expect the answer of the next model, as this one broke off as well."""
        super().begin_anew(seam)
        self._places.clear()
        self._texts.clear()

    def _take(self, body: Body, _chunk: Chunk) -> Iterator[bytes]:
        number = body.get("index")
        match body.get("type"):
            case "content_block_start":
                yield from self._start(body, number)
            case "content_block_delta" if number in self._texts:
                yield from self._text(body)
            case "content_block_delta" | "content_block_stop" if number in self._places:
                is_end = body["type"] == "content_block_stop"
                yield self._in_turn(_named({**body, "index": self._places[number]}), number, ends=is_end)
            case "message_delta":
                self._must_fit()
                yield from self._end_text()
                yield _named(body)
            case "message_stop":
                yield _named(body)
            case _:
                return

    def _start(self, body: Body, number: object) -> Iterator[bytes]:
        block = body.get("content_block")
        kind = block.get("type") if isinstance(block, dict) else None
        if kind == "text":
            self._texts.add(number)
            if not self._is_open and not self.is_silent:
                self._index, self._is_open, self._next = self._next, True, self._next + 1
                yield _named({**body, "index": self._index})
        elif kind == "tool_use":
            self._must_fit()
            yield from self._end_text()
            self._places[number] = self._next
            self._next += 1
            yield self._in_turn(_named({**body, "index": self._places[number]}), number, ends=False)

    def _text(self, body: Body) -> Iterator[bytes]:
        delta = body.get("delta")
        text = delta.get("text") if isinstance(delta, dict) else None
        added = self._added(text) if isinstance(text, str) else ""
        if not added:
            return
        if not self._is_open:
            self._index, self._is_open, self._next = self._next, True, self._next + 1
            block = {"type": "text", "text": ""}
            yield _named({"type": "content_block_start", "index": self._index, "content_block": block})
        delta = {"type": "text_delta", "text": added}
        yield _named({"type": "content_block_delta", "index": self._index, "delta": delta})

    def _end_text(self) -> Iterator[bytes]:
        if self._is_open:
            self._is_open = False
            yield _named({"type": "content_block_stop", "index": self._index})


_ENDS: Final = ("response.output_text.done", "response.content_part.done", "response.output_item.done")
"""The events that end a text, in their order."""


class ResponsesText(OtherText):
    """A response: its events are numbered, its items have ids. `last_text` is the last event of the text that was sent.

    `last` is the last event that was sent, `is_open`: the item of the text has no end yet. `response_id` is that of the
    whole answer. Where a text goes on whose end was sent, a new item begins.
    """

    def __init__(self, text: str, seam: bytes, last_text: Body, last: Body, response_id: str, *, is_open: bool) -> None:
        super().__init__(text, seam)
        self._id = response_id
        self._item = last_text.get("item_id") or ""
        self._place = {name: _number(last_text.get(name)) for name in ("output_index", "content_index")}
        self._sequence = _number(last.get("sequence_number"))
        self._next = max(self._place["output_index"], _number(last.get("output_index"))) + 1
        self._places: dict[object, int] = {}
        self._output: dict[int, Any] = {}
        self._start = 0
        kind = last.get("type")
        self._ends = 0 if not is_open or kind not in _ENDS else _ENDS.index(kind) + 1
        if not is_open:
            self._close()

    def begin_anew(self, seam: bytes) -> None:
        """Expect the answer of the next model, as this one broke off as well."""
        super().begin_anew(seam)
        self._places.clear()

    def _take(self, body: Body, chunk: Chunk) -> Iterator[bytes]:
        index = body.get("output_index")
        match body.get("type"):
            case "response.output_text.delta":
                yield from self._text(body)
            case "response.output_item.added" if chunk.calls:
                self._must_fit()
                yield from self._end_text()
                self._places[index] = self._next
                self._next += 1
                yield self._in_turn(self._written(body, output_index=self._places[index]), index, ends=False)
            case "response.output_item.done" if index in self._places:
                self._output[self._places[index]] = body.get("item")
                yield self._in_turn(self._written(body, output_index=self._places[index]), index, ends=True)
            case "response.completed" | "response.incomplete":
                self._must_fit()
                yield from self._end_text()
                yield self._written(body, response=self._whole(body.get("response")))
            case _ if index in self._places:
                yield self._in_turn(self._written(body, output_index=self._places[index]), index, ends=False)
            case _:
                return

    def _text(self, body: Body) -> Iterator[bytes]:
        delta = body.get("delta")
        added = self._added(delta) if isinstance(delta, str) else ""
        if not added:
            return
        if self._ends:
            yield from self._end_text(len(self.text) - len(added))
            yield from self._begin_text(body.get("item_id"), len(self.text) - len(added))
        yield self._written({**body, **self._place, "item_id": self._item, "delta": added})

    def _begin_text(self, item_id: object, start: int) -> Iterator[bytes]:
        """Begin an item for the text from `start` on, as no text may follow the end of one."""
        self._item = item_id if isinstance(item_id, str) and item_id != self._item else f"{self._item}_{self._next}"
        self._place = {"output_index": self._next, "content_index": 0}
        self._next += 1
        self._start, self._ends = start, 0
        item = {**self._message(start), "status": "in_progress", "content": []}
        part = {"type": "output_text", "text": "", "annotations": [], "logprobs": []}
        yield self._written(
            {"type": "response.output_item.added", "output_index": self._place["output_index"]}, item=item
        )
        yield self._written({"type": "response.content_part.added", **self._place, "item_id": self._item}, part=part)

    def _end_text(self, end: int | None = None) -> Iterator[bytes]:
        """Send those events of the end of the open text that were not sent; `end` is where it ends."""
        message = self._message(end)
        [part] = message["content"]
        said: tuple[Body, ...] = (
            {**self._place, "item_id": self._item, "text": part["text"], "logprobs": []},
            {**self._place, "item_id": self._item, "part": part},
            {"output_index": self._place["output_index"], "item": message},
        )
        missing = list(zip(_ENDS, said, strict=True))[self._ends :]
        if missing:
            self._close(end)
        for kind, fields in missing:
            yield self._written({"type": kind, **fields})

    def _close(self, end: int | None = None) -> None:
        self._ends = len(_ENDS)
        self._output[self._place["output_index"]] = self._message(end)

    def _message(self, end: int | None = None) -> Body:
        part = {"type": "output_text", "text": self.text[self._start : end], "annotations": [], "logprobs": []}
        return {"id": self._item, "type": "message", "role": "assistant", "status": "completed", "content": [part]}

    def _whole(self, response: Any) -> Body:
        fields = response if isinstance(response, dict) else {}
        return {
            **fields,
            "id": self._id or fields.get("id"),
            "output": [self._output[at] for at in sorted(self._output)],
        }

    def _written(self, body: Body, **changed: Any) -> bytes:
        self._sequence += 1
        return _named({**body, **changed, "sequence_number": self._sequence})


class GenerateText(OtherText):
    """A stream of generateContent: each event stands alone, and only its text has to go on."""

    def _take(self, body: Body, chunk: Chunk) -> Iterator[bytes]:
        candidates = body.get("candidates")
        candidate = candidates[0] if isinstance(candidates, list) and candidates else None
        if not isinstance(candidate, dict):
            if not self.is_silent:
                yield _data(body)
            return
        content = candidate.get("content")
        parts = content.get("parts") if isinstance(content, dict) else None
        kept = [part for part in map(self._part, parts if isinstance(parts, list) else ()) if part is not None]
        if kept or chunk.finished:
            self._must_fit()
            yield _data({**body, "candidates": [{**candidate, "content": {"role": "model", "parts": kept}}]})

    def _part(self, part: Any) -> Any:
        if not isinstance(part, dict) or part.get("thought"):
            return None
        if isinstance(text := part.get("text"), str):
            added = self._added(text)
            return {"text": added} if added else None
        self._must_fit()
        return part


class Sent(NamedTuple):
    """What the client has of an answer: its first event, the last one with text, and the last one of all."""

    first: Event | None
    last_text: Event | None
    last: Event | None
    text_is_open: bool


def other_text(stream_format: StreamFormat | None, text: str, seam: bytes, sent: Sent) -> OtherText | None:
    """Return what reads the answer that goes on; None where the format has no way of its own."""
    last_text = _body_of(sent.last_text)
    match stream_format:
        case StreamFormat.MESSAGES if last_text is not None:
            return MessagesText(text, seam, _number(last_text.get("index")), is_open=sent.text_is_open)
        case StreamFormat.RESPONSES if last_text is not None:
            response = (_body_of(sent.first) or {}).get("response")
            response_id = response.get("id") if isinstance(response, dict) else None
            known = response_id if isinstance(response_id, str) else ""
            last = _body_of(sent.last) or last_text
            return ResponsesText(text, seam, last_text, last, known, is_open=sent.text_is_open)
        case StreamFormat.GENERATE:
            return GenerateText(text, seam)
        case _:
            return None


def _body_of(event: Event | None) -> Body | None:
    return _decoded(event.data) if event is not None and event.data is not None else None


def _decoded(data: bytes) -> Body | None:
    try:
        body = lenient_json.decode(data)
    except (ValueError, RecursionError):
        return None
    return body if isinstance(body, dict) else None


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0


def _named(body: Body) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (str(body.get("type", "")).encode(), lenient_json.encode(body))


def _data(body: Body) -> bytes:
    return b"data: %b\r\n\r\n" % lenient_json.encode(body)
