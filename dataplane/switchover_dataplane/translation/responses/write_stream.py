"""Events → the events of a Responses stream.

Source: OpenAI API reference, Responses streaming events; the SDK refuses a stream whose first event is not
`response.created`, a piece before its item, and an id that changes.
"""

from collections.abc import Iterable, Iterator

from switchover_dataplane.formats import lenient_json
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
from switchover_dataplane.translation.joining import merged
from switchover_dataplane.translation.neutral import Json, Refusal, Text, Thinking, ToolCall
from switchover_dataplane.translation.openai_errors import failed
from switchover_dataplane.translation.responses.write_answer import (
    annotation,
    ending,
    is_shown,
    item_id,
    message,
    reasoning,
    response,
    written_call,
    written_part,
)
from switchover_dataplane.translation.tool_forms import Restoring

_ALIVE = b": alive\n\n"


class Writer:
    """Writes one stream. After an error it writes nothing."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._calls: dict[int, tuple[int, list[str]]] = {}
        self._cited: dict[str, Json] | None = None
        self._has_started = False
        self._is_over = False
        self._message: int | None = None
        self._model = asked.model
        self._number = 0
        self._output: list[dict[str, Json]] = []
        self._pieces: list[str] = []
        self._refused = False
        self._restoring = Restoring(asked.request)
        self._stop: Stop | None = None
        self._thinking: int | None = None
        self._thoughts: list[str] = []
        self._usage: Usage | None = None

    def write(self, events: Iterable[Event]) -> bytes:
        """Write events."""
        return b"".join(piece for event in self._restoring.take(events) for piece in self._write(event))

    def _write(self, event: Event) -> Iterator[bytes]:
        if self._is_over:
            return
        match event:
            case Started(model, usage):
                self._model = model or self._model
                self._usage = merged(self._usage, usage)
                yield from self._start()
            case Counted(usage):
                self._usage = merged(self._usage, usage)
            case Alive():
                yield _ALIVE
            case Failed():
                yield from self._start()
                yield self._fail(event)
            case _:
                yield from self._start()
                yield from self._content(event)

    def _content(self, event: Event) -> Iterator[bytes]:
        match event:
            case TextDelta(text):
                yield from self._say(Text(text))
            case RefusalDelta(text):
                yield from self._say(Refusal(text))
            case ThinkingDelta():
                yield from self._think(event)
            case ThinkingEnd():
                yield from self._end_own_thinking(event)
            case CallStart():
                yield from self._start_call(event)
            case CallDelta(index, arguments):
                yield from self._arguments(index, arguments)
            case CallEnd(index):
                yield from self._end_call(index)
            case Cited(citation):
                yield from self._cite(citation)
            case Stopped():
                yield from self._stopped(event)
            case Ended():
                yield from self._end()
            case _:
                pass

    # ── The response ────────────────────────────────────────────────────────────────────────────────────────────────

    def _start(self) -> Iterator[bytes]:
        if self._has_started:
            return
        self._has_started = True
        yield self._event("response.created", response=self._response("in_progress"))
        yield self._event("response.in_progress", response=self._response("in_progress"))

    def _stopped(self, event: Stopped) -> Iterator[bytes]:
        self._stop = event.stop
        if event.stop is Stop.REFUSAL and event.refusal and not self._refused:
            yield from self._say(Refusal(event.refusal))
        yield from self._close()
        for index in list(self._calls):
            yield from self._end_call(index)
        if event.stop is Stop.FAILED:
            self._is_over = True
            _, _, error = ending(event.stop, refuses=False)
            yield self._event("response.failed", response=self._response("failed", error=error))

    def _end(self) -> Iterator[bytes]:
        """Write the whole response; without a reason there is none, and the stream stays open."""
        if self._stop is None:
            return
        self._is_over = True
        status, details, _ = ending(self._stop, refuses=self._refused)
        yield self._event(f"response.{status}", response=self._response(status, details=details))

    def _fail(self, event: Failed) -> bytes:
        """Write an error. The SDK raises for an `error` object alone, other clients read the fields beside it."""
        self._is_over = True
        error = failed(event)
        flat = {"code": error["code"], "message": error["message"], "param": None}
        return self._event("error", **flat, error=error)

    def _response(self, status: str, *, details: Json = None, error: Json = None) -> Json:
        usage = None if status == "in_progress" else self._usage
        output = () if status == "in_progress" else self._output
        return response(self._asked, self._model, status, output, usage=usage, details=details, error=error)

    # ── Messages ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _say(self, block: Text | Refusal) -> Iterator[bytes]:
        yield from self._close_thinking()
        kind = "refusal" if isinstance(block, Refusal) else "output_text"
        if self._message is None:
            self._message = len(self._output)
            yield from self._add(message(item_id("msg", self._asked, self._message), "in_progress"))
        content = self._output[self._message]["content"]
        if not content or content[-1]["type"] != kind:
            yield from self._close_part()
            content.append(written_part(type(block)("")))
            yield self._of_part("response.content_part.added", part=content[-1])
        self._pieces.append(block.text)
        if isinstance(block, Refusal):
            self._refused = True
            yield self._of_part("response.refusal.delta", delta=block.text)
        else:
            self._cited = content[-1]
            yield self._of_part("response.output_text.delta", delta=block.text, logprobs=[])

    def _of_part(self, kind: str, **fields: Json) -> bytes:
        index = self._message or 0
        item = self._output[index]
        place = {"item_id": item["id"], "output_index": index, "content_index": len(item["content"]) - 1}
        return self._event(kind, **place, **fields)

    def _close_part(self) -> Iterator[bytes]:
        if self._message is None or not self._output[self._message]["content"]:
            return
        part = self._output[self._message]["content"][-1]
        text, self._pieces = "".join(self._pieces), []
        if part["type"] == "refusal":
            part["refusal"] = text
            yield self._of_part("response.refusal.done", refusal=text)
        else:
            part["text"] = text
            yield self._of_part("response.output_text.done", text=text, logprobs=[])
        yield self._of_part("response.content_part.done", part=part)

    def _close_message(self) -> Iterator[bytes]:
        if self._message is None:
            return
        yield from self._close_part()
        yield from self._finish(self._message)
        self._message = None

    def _cite(self, citation: Citation) -> Iterator[bytes]:
        """Add a source to the text that came last; to one that has ended, in the whole response alone."""
        part = self._cited
        if part is None:
            return
        is_open = self._message is not None and self._output[self._message]["content"][-1] is part
        length = sum(map(len, self._pieces)) if is_open else len(part["text"])
        part["annotations"].append(annotation(citation, length))
        if is_open:
            number = len(part["annotations"]) - 1
            last = part["annotations"][-1]
            yield self._of_part("response.output_text.annotation.added", annotation_index=number, annotation=last)

    # ── Reasoning ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _think(self, event: ThinkingDelta) -> Iterator[bytes]:
        """Write a piece of reasoning. OpenAI's own is held until its id is known, to which its proof is tied."""
        if event.maker == "openai":
            self._thoughts.append(event.text)
            yield _ALIVE
            return
        if not event.text or not is_shown(self._asked.request, event.maker, ""):
            yield _ALIVE
            return
        if self._thinking is None:
            yield from self._close_message()
            self._thinking = len(self._output)
            yield from self._add(reasoning(Thinking("", event.maker), self._asked, self._thinking))
            part = {"type": "summary_text", "text": ""}
            yield self._of_summary("response.reasoning_summary_part.added", part=part)
        self._thoughts.append(event.text)
        yield self._of_summary("response.reasoning_summary_text.delta", delta=event.text)

    def _of_summary(self, kind: str, **fields: Json) -> bytes:
        index = self._thinking or 0
        place = {"item_id": self._output[index]["id"], "output_index": index, "summary_index": 0}
        return self._event(kind, **place, **fields)

    def _end_own_thinking(self, event: ThinkingEnd) -> Iterator[bytes]:
        """End reasoning; all of OpenAI's own is written now."""
        if event.maker != "openai" or self._thinking is not None:
            yield from self._close_thinking()
            return
        text, self._thoughts = "".join(self._thoughts), []
        if not is_shown(self._asked.request, "openai", event.signature):
            return
        yield from self._close_message()
        self._thinking = len(self._output)
        whole = reasoning(Thinking(text, "openai", event.signature, id=event.id), self._asked, self._thinking)
        yield from self._add({**whole, "summary": []})
        if text:
            self._thoughts = [text]
            yield self._of_summary("response.reasoning_summary_part.added", part={"type": "summary_text", "text": ""})
            yield self._of_summary("response.reasoning_summary_text.delta", delta=text)
        yield from self._close_thinking()

    def _close_thinking(self) -> Iterator[bytes]:
        if self._thinking is None:
            return
        text, self._thoughts = "".join(self._thoughts), []
        if text:
            part = {"type": "summary_text", "text": text}
            self._output[self._thinking]["summary"] = [part]
            yield self._of_summary("response.reasoning_summary_text.done", text=text)
            yield self._of_summary("response.reasoning_summary_part.done", part=part)
        yield from self._finish(self._thinking)
        self._thinking = None

    # ── Calls ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def _start_call(self, event: CallStart) -> Iterator[bytes]:
        yield from self._close()
        place = len(self._output)
        self._calls[event.index] = (place, [])
        call = ToolCall(event.id, event.name, "", event.namespace, event.is_custom)
        yield from self._add(written_call(call, self._asked, place, event.index, "in_progress"))

    def _arguments(self, index: int, arguments: str) -> Iterator[bytes]:
        if index not in self._calls:
            return
        place, pieces = self._calls[index]
        pieces.append(arguments)
        yield self._of_call(place, "delta", delta=arguments)

    def _end_call(self, index: int) -> Iterator[bytes]:
        if index not in self._calls:
            return
        place, pieces = self._calls[index]
        name = "input" if self._output[place]["type"] == "custom_tool_call" else "arguments"
        if not pieces and name == "arguments":
            # An empty text is no JSON; a client reads the arguments as such.
            yield from self._arguments(index, "{}")
        del self._calls[index]
        text = self._output[place][name] = "".join(pieces)
        yield self._of_call(place, "done", **{name: text})
        yield from self._finish(place)

    def _of_call(self, place: int, step: str, **fields: Json) -> bytes:
        item = self._output[place]
        kind = "custom_tool_call_input" if item["type"] == "custom_tool_call" else "function_call_arguments"
        named = {"name": item["name"]} if step == "done" and kind == "function_call_arguments" else {}
        return self._event(f"response.{kind}.{step}", item_id=item["id"], output_index=place, **named, **fields)

    # ── Items ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def _add(self, item: dict[str, Json]) -> Iterator[bytes]:
        self._output.append(item)
        yield self._event("response.output_item.added", output_index=len(self._output) - 1, item=item)

    def _finish(self, index: int) -> Iterator[bytes]:
        item = self._output[index]
        if "status" in item:
            is_cut = self._stop in (Stop.LIMIT, Stop.CONTEXT) and index == len(self._output) - 1
            item["status"] = "incomplete" if is_cut else "completed"
        yield self._event("response.output_item.done", output_index=index, item=item)

    def _close(self) -> Iterator[bytes]:
        """End the message or the reasoning that is open."""
        yield from self._close_thinking()
        yield from self._close_message()

    def _event(self, kind: str, **fields: Json) -> bytes:
        body = {"type": kind, **fields, "sequence_number": self._number}
        self._number += 1
        return b"event: %b\ndata: %b\n\n" % (kind.encode(), lenient_json.encode(body))


__all__ = ["Writer"]
