"""A text that broke off, and another model's answer that goes on with it → the events that follow, in one stream.

The client has the first events of one answer: its id, its open text and the numbers of its events. The events of the
other answer get these, what opens an answer is left out, and of the text only what is new is sent. Reasoning of the
other model is left out. A chat completion needs none of this (`transcript.py`): its chunks have no numbers.

Sources: Anthropic, Streaming Messages; OpenAI API reference, Responses streaming events; Gemini API reference,
GenerateContentResponse.
"""

from collections.abc import Iterator
from typing import Any

from switchover_dataplane.formats import lenient_json
from switchover_dataplane.formats.chunk_kind import Chunk, ChunkKind
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
        body = None if event.is_part else decoded(event.data)
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
                yield self._in_turn(named({**body, "index": self._places[number]}), number, ends=is_end)
            case "message_delta":
                self._must_fit()
                yield from self._end_text()
                yield named(body)
            case "message_stop":
                yield named(body)
            case _:
                return

    def _start(self, body: Body, number: object) -> Iterator[bytes]:
        block = body.get("content_block")
        kind = block.get("type") if isinstance(block, dict) else None
        if kind == "text":
            self._texts.add(number)
            if not self._is_open and not self.is_silent:
                self._index, self._is_open, self._next = self._next, True, self._next + 1
                yield named({**body, "index": self._index})
        elif kind == "tool_use":
            self._must_fit()
            yield from self._end_text()
            self._places[number] = self._next
            self._next += 1
            yield self._in_turn(named({**body, "index": self._places[number]}), number, ends=False)

    def _text(self, body: Body) -> Iterator[bytes]:
        delta = body.get("delta")
        text = delta.get("text") if isinstance(delta, dict) else None
        added = self._added(text) if isinstance(text, str) else ""
        if not added:
            return
        if not self._is_open:
            self._index, self._is_open, self._next = self._next, True, self._next + 1
            block = {"type": "text", "text": ""}
            yield named({"type": "content_block_start", "index": self._index, "content_block": block})
        delta = {"type": "text_delta", "text": added}
        yield named({"type": "content_block_delta", "index": self._index, "delta": delta})

    def _end_text(self) -> Iterator[bytes]:
        if self._is_open:
            self._is_open = False
            yield named({"type": "content_block_stop", "index": self._index})


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


def decoded(data: bytes) -> Body | None:
    """Decode an event; None if it is no object."""
    try:
        body = lenient_json.decode(data)
    except (ValueError, RecursionError):
        return None
    return body if isinstance(body, dict) else None


def number(value: object) -> int:
    """Return a number of an event, 0 where there is none."""
    return value if isinstance(value, int) else 0


def named(body: Body) -> bytes:
    """Write an event whose name is its type."""
    return b"event: %b\ndata: %b\n\n" % (str(body.get("type", "")).encode(), lenient_json.encode(body))


def _data(body: Body) -> bytes:
    return b"data: %b\r\n\r\n" % lenient_json.encode(body)
