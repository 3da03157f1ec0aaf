"""Events → the chunks of a stream of Chat Completions.

Source: OpenAI API reference, the chat completion chunk object.
"""

from collections.abc import Iterator, Sequence

from switchover_dataplane.formats import lenient_json
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
    Usage,
)
from switchover_dataplane.translation.chat.write_answer import (
    call_id,
    calls_are_older,
    written_citations,
    written_stop,
    written_usage,
)
from switchover_dataplane.translation.format import Asked
from switchover_dataplane.translation.joining import merged
from switchover_dataplane.translation.neutral import Json
from switchover_dataplane.translation.openai_errors import failed
from switchover_dataplane.translation.tool_forms import Restoring

_ALIVE = b": alive\n\n"


class Writer:
    """Writes one stream. After an error it writes nothing."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        # What stands around each text, while one follows another.
        self._before = self._behind = b""
        self._model = asked.model
        self._restoring = Restoring(asked.request)
        self._is_older = calls_are_older(asked.request)
        self._usage: Usage | None = None
        self._citations = 0
        self._customs: set[int] = set()
        self._empty_calls: set[int] = set()
        self._text_length = 0
        self._refused = False
        self._has_started = False
        self._is_over = False

    def write(self, events: Sequence[Event]) -> bytes:
        """Write events."""
        first = events[0] if len(events) == 1 else None
        if isinstance(first, TextDelta) and self._before:
            self._text_length += len(first.text)
            return self._before + lenient_json.encode(first.text) + self._behind
        self._before = b""
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
                yield self._fail(event)
            case Ended():
                yield from self._end()
            case _:
                yield from self._start()
                yield from self._content(event)

    def _content(self, event: Event) -> Iterator[bytes]:
        match event:
            case TextDelta(text):
                self._text_length += len(text)
                chunk = self._delta({"content": text})
                before, _, behind = chunk.partition(b'"content":%b' % lenient_json.encode(text))
                self._before, self._behind = before + b'"content":', behind
                yield chunk
            case RefusalDelta(text):
                self._refused = True
                yield self._delta({"refusal": text})
            case ThinkingDelta(text):
                yield self._delta({"reasoning_content": text}) if text else _ALIVE
            case Cited(citation):
                # The SDK joins lists by the index of their items, and raises where there is none.
                cited = written_citations((citation,), self._text_length)[0]
                yield self._delta({"annotations": [{"index": self._citations, **cited}]})
                self._citations += 1
            case CallStart():
                self._empty_calls.add(event.index)
                yield self._call_start(event)
            case CallDelta(index, arguments):
                self._empty_calls.discard(index)
                yield self._arguments(index, arguments)
            case CallEnd(index):
                if index in self._empty_calls:
                    # An empty text is no JSON; a client reads the arguments as such.
                    self._empty_calls.discard(index)
                    yield self._arguments(index, "{}")
            case Stopped():
                yield from self._stop(event)
            case _:
                pass

    def _start(self) -> Iterator[bytes]:
        if not self._has_started:
            self._has_started = True
            yield self._delta({"role": "assistant", "content": "", "refusal": None})

    def _call_start(self, event: CallStart) -> bytes:
        if self._is_older:
            return self._delta({"function_call": {"name": event.name, "arguments": ""}})
        call: dict[str, Json] = {"index": event.index, "id": call_id(event.id, self._asked, event.index)}
        if event.is_custom:
            self._customs.add(event.index)
            self._empty_calls.discard(event.index)
            call |= {"type": "custom", "custom": {"name": event.name, "input": ""}}
        else:
            call |= {"type": "function", "function": {"name": event.name, "arguments": ""}}
        if event.signature:
            call["extra_content"] = {"google": {"thought_signature": event.signature}}
        return self._delta({"tool_calls": [call]})

    def _arguments(self, index: int, arguments: str) -> bytes:
        if self._is_older:
            return self._delta({"function_call": {"arguments": arguments}})
        if index in self._customs:
            return self._delta({"tool_calls": [{"index": index, "custom": {"input": arguments}}]})
        return self._delta({"tool_calls": [{"index": index, "function": {"arguments": arguments}}]})

    def _stop(self, event: Stopped) -> Iterator[bytes]:
        if event.stop is Stop.FAILED:
            yield self._fail(Failed("the model's answer failed"))
            return
        if event.refusal and not self._refused:
            yield self._delta({"refusal": event.refusal})
        word = written_stop(event.stop, refused=self._refused, is_older=self._is_older)
        yield self._chunk([{"index": 0, "delta": {}, "logprobs": None, "finish_reason": word}])

    def _end(self) -> Iterator[bytes]:
        self._is_over = True
        if self._asked.request.wants_usage and self._usage is not None:
            yield self._chunk([], written_usage(self._usage))
        yield b"data: [DONE]\n\n"

    def _fail(self, event: Failed) -> bytes:
        self._is_over = True
        return _event({"error": failed(event)})

    def _delta(self, delta: Json) -> bytes:
        return self._chunk([{"index": 0, "delta": delta, "logprobs": None, "finish_reason": None}])

    def _chunk(self, choices: Json, usage: Json = None) -> bytes:
        chunk: dict[str, Json] = {
            "id": f"chatcmpl-{self._asked.id}",
            "object": "chat.completion.chunk",
            "created": self._asked.created,
            "model": self._model,
            "choices": choices,
        }
        if self._asked.request.wants_usage:
            chunk["usage"] = usage
        return _event(chunk)


def _event(value: Json) -> bytes:
    return b"data: " + lenient_json.encode(value) + b"\n\n"


__all__ = ["Writer"]
