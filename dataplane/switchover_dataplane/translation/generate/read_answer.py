"""An answer of generateContent, whole or as a stream → neutral events.

A whole answer is one chunk. Source: Gemini API reference, GenerateContentResponse: parts are increments, and counts are
of all so far.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from switchover_dataplane.formats import lenient_json
from switchover_dataplane.translation import json_schemas
from switchover_dataplane.translation.answers import (
    Alive,
    Answer,
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
    Started,
    TextDelta,
    ThinkingDelta,
    ThinkingEnd,
    Usage,
)
from switchover_dataplane.translation.generate import words
from switchover_dataplane.translation.generate.partial_args import PartialArgs
from switchover_dataplane.translation.joining import joined
from switchover_dataplane.translation.neutral import Json

_ALIVE: Final = (Alive(),)
_MEDIA: Final = ("inlineData", "fileData")


def read_answer(body: Json) -> Answer:
    """Read a whole answer, of which the first candidate counts.

    Raises:
        BadAnswer: it is no response, or one that did not end.
    """
    if not isinstance(body, dict) or body.get("error"):
        raise BadAnswer("it is no response of generateContent")
    reader = GenerateReader()
    events = [*reader.events(body), *reader.end()]
    failed = next((event for event in events if isinstance(event, Failed)), None)
    if failed is not None:
        raise BadAnswer(failed.message)
    return joined(events)


class GenerateReader:
    """Reads the stream of one answer; `Reader` in `format.py` says how."""

    __slots__ = ("_calls", "_cited", "_is_started", "_is_thinking", "_partial", "_stop", "_usage")

    def __init__(self) -> None:
        self._calls = 0
        self._cited: set[Citation] = set()
        self._is_started = False
        self._is_thinking = False
        self._partial: PartialArgs | None = None
        self._stop: Mapping[str, Json] | None = None
        self._usage: Usage | None = None

    @property
    def is_settled(self) -> bool:
        """False: some models give a reason with each chunk, so that only the end of the body is one."""
        return False

    def take(self, data: bytes, name: str) -> Sequence[Event]:
        """Read one event."""
        if not data.strip():
            return _ALIVE
        try:
            chunk = lenient_json.decode(data)
        except (ValueError, RecursionError):
            return (Failed("an event of the stream is no JSON"),)
        if isinstance(chunk, list) and chunk:
            # Google sends some errors as a list of one.
            chunk = chunk[0]
        if not isinstance(chunk, dict):
            return _ALIVE
        if chunk.get("error") or name == "error":
            return (words.read_failed(chunk.get("error") or chunk),)
        return tuple(self.events(chunk)) or _ALIVE

    def end(self) -> Sequence[Event]:
        """Return the end of an answer that said why it ended.

        The reason is told here, as some models give one with each chunk: only the last one is the answer's.
        """
        if self._stop is None:
            return ()
        stopped = words.read_block(self._stop) or words.read_stop(self._stop, has_calls=self._calls > 0)
        if stopped is None:
            return ()
        return (*self._end_thinking(), *self._end_partial(), stopped, Ended())

    def events(self, chunk: Mapping[str, Json]) -> Iterator[Event]:
        """Yield the neutral events of one chunk."""
        if not self._is_started:
            self._is_started = True
            model = chunk.get("modelVersion")
            yield Started(model if isinstance(model, str) else "")
        candidate = _first(chunk.get("candidates"))
        if words.read_block(chunk.get("promptFeedback")) is not None:
            self._stop = chunk["promptFeedback"]
        if candidate is not None:
            yield from self._parts(candidate.get("content"))
            for citation in words.read_citations(candidate):
                if citation not in self._cited:
                    self._cited.add(citation)
                    yield Cited(citation)
            if candidate.get("finishReason"):
                self._stop = candidate
        usage = words.read_usage(chunk.get("usageMetadata"))
        if usage is not None and usage != self._usage:
            self._usage = usage
            yield Counted(usage)

    def _parts(self, content: Json) -> Iterator[Event]:
        parts = content.get("parts") if isinstance(content, dict) else None
        for part in parts if isinstance(parts, list) else ():
            if not isinstance(part, dict):
                yield Failed("a part is no object")
                continue
            yield from self._part(part)

    def _part(self, part: Mapping[str, Json]) -> Iterator[Event]:
        text, call, signature = part.get("text"), part.get("functionCall"), part.get("thoughtSignature")
        signature = signature if isinstance(signature, str) else ""
        if part.get("thought") is True and isinstance(text, str):
            self._is_thinking = True
            if text:
                yield ThinkingDelta(text, "gemini")
            if signature:
                yield from self._end_thinking(signature)
        elif isinstance(call, dict):
            yield from self._end_thinking()
            yield from self._call(call, signature)
        elif isinstance(text, str):
            if text:
                yield from self._end_thinking()
                yield TextDelta(text)
            if signature:
                self._is_thinking = True
                yield from self._end_thinking(signature)
        elif any(name in part for name in _MEDIA):
            yield Failed("the answer holds content that is no text")
        else:
            yield Alive()

    def _end_thinking(self, signature: str = "") -> Iterator[Event]:
        if self._is_thinking:
            self._is_thinking = False
            yield ThinkingEnd("gemini", signature)

    def _call(self, call: Mapping[str, Json], signature: str) -> Iterator[Event]:
        """Read a call, which is whole, or comes value by value (Vertex AI: streamFunctionCallArguments)."""
        name, own_id, args = call.get("name"), call.get("id"), call.get("args")
        if isinstance(name, str) and name:
            yield from self._end_partial()
            yield CallStart(self._calls, own_id if isinstance(own_id, str) else "", name, signature=signature)
            self._calls += 1
            self._partial = PartialArgs()
        if self._partial is None:
            yield Failed("a part of a call came without its start")
            return
        if isinstance(args, dict) and args:
            yield CallDelta(self._calls - 1, json_schemas.as_text(args))
        partial = call.get("partialArgs")
        try:
            for each in partial if isinstance(partial, list) else ():
                self._partial.take(each)
        except ValueError:
            yield Failed("the arguments of a call cannot be put together")
            return
        if call.get("willContinue") is True:
            yield Alive()
        else:
            yield from self._end_partial()

    def _end_partial(self) -> Iterator[Event]:
        if self._partial is None:
            return
        args = self._partial.whole()
        self._partial = None
        if args:
            yield CallDelta(self._calls - 1, json_schemas.as_text(args))
        yield CallEnd(self._calls - 1)


def _first(candidates: Json) -> Mapping[str, Json] | None:
    """Return the candidate with the index 0, which is not written."""
    for candidate in candidates if isinstance(candidates, list) else ():
        if isinstance(candidate, dict) and not candidate.get("index"):
            return candidate
    return None


__all__ = ["GenerateReader", "read_answer"]
