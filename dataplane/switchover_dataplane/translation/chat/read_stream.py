"""The chunks of a stream of Chat Completions → events.

Servers differ in how they number tool calls, where they put reasoning, and what follows the finish reason, so that the
reason is told when nothing can follow. Source: OpenAI API reference, the chat completion chunk object.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from switchover_dataplane.formats import lenient_json
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
    Stop,
    Stopped,
    TextDelta,
    ThinkingDelta,
    ThinkingEnd,
)
from switchover_dataplane.translation.chat.read_answer import (
    arguments_text,
    citations_of,
    content_blocks,
    first_choice,
    reasoning_of,
    stop_of,
    usage_of,
)
from switchover_dataplane.translation.chat.read_content import signature_of
from switchover_dataplane.translation.neutral import Json, Text
from switchover_dataplane.translation.openai_errors import read_failed

_OLDER: Final = -1
"""The index of a call of the older kind, `function_call`."""

_LOST: Final = ("audio", "images")


class _Call:
    """A call whose deltas come."""

    __slots__ = ("id", "index", "is_custom", "is_ended", "name", "pieces")

    def __init__(self, index: int, call_id: str) -> None:
        self.index = index
        self.id = call_id
        self.name = ""
        self.is_custom = False
        self.is_ended = False
        self.pieces: list[str] = []

    @property
    def is_whole(self) -> bool:
        """Whether the arguments that came are a whole JSON object, so that nothing can follow."""
        if self.is_custom or not self.pieces or not self.pieces[-1].rstrip().endswith("}"):
            return False
        text = "".join(self.pieces)
        return text.lstrip().startswith("{") and lenient_json.is_json(text.encode("utf-8", "surrogatepass"))


class Reader:
    """Reads one stream."""

    def __init__(self) -> None:
        self._calls: list[_Call] = []
        self._at: dict[int, _Call] = {}
        self._cited: set[Citation] = set()
        self._has_started = False
        self._has_ended = False
        self._has_stopped = False
        self._is_thinking = False
        self._signature = ""
        self._refuses = False
        self._word = ""
        self._stop_text = ""

    @property
    def is_settled(self) -> bool:
        """Whether a finish reason came."""
        return bool(self._word)

    def take(self, data: bytes, name: str) -> Sequence[Event]:
        """Read one chunk; after an error nothing is read."""
        if self._has_ended:
            return ()
        events = self._take(data, name)
        if any(isinstance(event, Failed) for event in events):
            self._has_ended = True
        return events

    def _take(self, data: bytes, name: str) -> Sequence[Event]:
        if data.strip() == b"[DONE]":
            return self._done()
        try:
            body = lenient_json.decode(data)
        except (ValueError, RecursionError):
            return (Failed("a chunk that is no JSON"),)
        if not isinstance(body, dict):
            return (Failed("a chunk that is no object"),)
        if name == "error" or body.get("error") or body.get("object") == "error":
            error = body.get("error") or body
            return (read_failed(error, body.get("status") or body.get("code")),)
        word = self._word
        return list(self._chunk(body)) or (() if self._word != word else (Alive(),))

    def end(self) -> Sequence[Event]:
        """Read the end of the body: it is the end of the answer where a finish reason came."""
        if self._has_ended or not self._word:
            return ()
        return self._done()

    def _done(self) -> Sequence[Event]:
        """Return the reason and the end; a stream that is done without a reason has none and stays open."""
        stopped = tuple(self._stopped())
        if not self._has_stopped:
            return (Alive(),)
        self._has_ended = True
        return stopped if stopped and isinstance(stopped[-1], Failed) else (*stopped, Ended())

    # ── Chunks ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def _chunk(self, body: Mapping[str, Json]) -> Iterator[Event]:
        choices, model = body.get("choices"), body.get("model")
        usage = usage_of(body)
        if not self._has_started and (model or choices):
            self._has_started = True
            yield Started(model if isinstance(model, str) else "")
        choice = first_choice(choices)
        if choice is not None:
            yield from self._choice(choice, body)
        elif usage is not None:
            yield from self._stopped()
        if usage is not None:
            yield Counted(usage)

    def _choice(self, choice: Mapping[str, Json], body: Mapping[str, Json]) -> Iterator[Event]:
        if choice.get("error"):
            yield read_failed(choice["error"])
            return
        delta = choice.get("delta") or choice.get("message")
        if isinstance(delta, dict) and not self._has_stopped:
            yield from self._delta(delta)
            for citation in citations_of(body, delta):
                if citation not in self._cited:
                    self._cited.add(citation)
                    yield Cited(citation)
        word, stop_text = choice.get("finish_reason"), choice.get("stop_reason")
        if isinstance(word, str) and word and word != "null":
            self._word = word
            self._stop_text = stop_text if isinstance(stop_text, str) else self._stop_text

    def _delta(self, delta: Mapping[str, Json]) -> Iterator[Event]:
        reasoning = reasoning_of(delta)
        if reasoning:
            self._is_thinking = True
            yield ThinkingDelta(reasoning, "other")
        yield from self._content(delta.get("content"))
        refusal = delta.get("refusal")
        if isinstance(refusal, str) and refusal:
            yield from self._end_thinking()
            yield from self._end_whole_calls()
            self._refuses = True
            yield RefusalDelta(refusal)
        if any(delta.get(name) for name in _LOST):
            yield Failed("the answer has content that no other API has in this form")
        calls = delta.get("tool_calls")
        for call in calls if isinstance(calls, list) else ():
            if isinstance(call, dict):
                yield from self._call(call, call.get("index"))
        older = delta.get("function_call")
        if isinstance(older, dict):
            yield from self._call({"function": older}, _OLDER)

    def _content(self, content: Json) -> Iterator[Event]:
        try:
            blocks = list(content_blocks(content))
        except BadAnswer as error:
            yield Failed(f"a chunk cannot be read: {error}")
            return
        for block in blocks:
            if isinstance(block, Text):
                yield from self._end_thinking()
                yield from self._end_whole_calls()
                yield TextDelta(block.text)
            else:
                self._is_thinking = True
                self._signature = block.signature or self._signature
                if block.text:
                    yield ThinkingDelta(block.text, "other")

    def _end_thinking(self) -> Iterator[Event]:
        if self._is_thinking:
            self._is_thinking = False
            yield ThinkingEnd("other", self._signature)
            self._signature = ""

    # ── Calls ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def _call(self, piece: Mapping[str, Json], index: Json) -> Iterator[Event]:
        inner = piece.get("custom") or piece.get("function")
        inner = inner if isinstance(inner, dict) else {}
        name, given = inner.get("name"), piece.get("id")
        call = self._open(index, given if isinstance(given, str) else "", bool(name))
        if call is None:
            yield from self._end_thinking()
            yield from self._end_whole_calls()
            call = _Call(len(self._calls), given if isinstance(given, str) else "")
            self._calls.append(call)
            self._at[index if isinstance(index, int) else call.index] = call
        if not call.name and isinstance(name, str) and name:
            call.name = name
            call.is_custom = bool(piece.get("custom"))
            signature = signature_of(piece.get("extra_content"))
            yield CallStart(call.index, call.id, name, is_custom=call.is_custom, signature=signature)
            if call.pieces:
                yield CallDelta(call.index, "".join(call.pieces))
        text = arguments_text(inner.get("input") if call.is_custom else inner.get("arguments"))
        if not text:
            return
        if call.is_ended:
            if text.strip():
                yield Failed("more arguments for a call that was whole")
            return
        call.pieces.append(text)
        if call.name:
            yield CallDelta(call.index, text)

    def _open(self, index: Json, given: str, is_named: bool) -> _Call | None:
        """Find the call that a piece belongs to; None for a new one.

        An index alone does not tell: Gemini gives each call the index 0, some servers give none.
        """
        last = self._calls[-1] if self._calls else None
        call = self._at.get(index) if isinstance(index, int) else None if is_named else last
        if call is None or not is_named or not call.name:
            return call
        is_other = given != call.id if given and call.id else call.is_whole
        return None if is_other else call

    def _end_whole_calls(self) -> Iterator[Event]:
        for call in self._calls:
            if not call.is_ended and call.name and call.is_whole:
                call.is_ended = True
                yield CallEnd(call.index)

    # ── End ─────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _stopped(self) -> Iterator[Event]:
        """Yield the reason, once, after the end of all that was open."""
        if self._has_stopped or not self._word:
            return
        self._has_stopped = True
        yield from self._end_thinking()
        for call in self._calls:
            if not call.name:
                yield Failed("a tool call without a name")
                return
            if not call.is_ended:
                call.is_ended = True
                yield CallEnd(call.index)
        stop = stop_of(self._word, has_calls=bool(self._calls), refuses=self._refuses)
        if stop is Stop.END and self._stop_text:
            stop = Stop.STOP_TEXT
        yield Stopped(stop, self._stop_text if stop is Stop.STOP_TEXT else "")


__all__ = ["Reader"]
