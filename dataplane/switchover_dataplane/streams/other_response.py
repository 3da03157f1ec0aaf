"""A text of the Responses API that broke off, and another model's answer that goes on with it → the events that follow.

Source: OpenAI API reference, Responses streaming events.
"""

from collections.abc import Iterator
from typing import Any, Final

from switchover_dataplane.formats.chunk_kind import Chunk
from switchover_dataplane.streams.other_text import Body, OtherText, named, number

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
        self._place = {name: number(last_text.get(name)) for name in ("output_index", "content_index")}
        self._sequence = number(last.get("sequence_number"))
        self._next = max(self._place["output_index"], number(last.get("output_index"))) + 1
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
        return named({**body, **changed, "sequence_number": self._sequence})
