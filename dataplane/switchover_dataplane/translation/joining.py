"""The events of a stream → the whole answer, and a whole answer → the events of a stream.

A format that is asked for one form and given the other goes through here, so that both say the same.
"""

from collections.abc import Iterable, Iterator

from switchover_dataplane.translation.answers import (
    Answer,
    AnswerBlock,
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
    Usage,
)
from switchover_dataplane.translation.neutral import Maker, Refusal, Text, Thinking, ToolCall


def merged(old: Usage | None, new: Usage | None) -> Usage | None:
    """Return what is known of the tokens after `new`, whose None leaves what was known."""
    if old is None or new is None:
        return new or old
    return Usage(
        old.input if new.input is None else new.input,
        old.output if new.output is None else new.output,
        old.cached if new.cached is None else new.cached,
        old.cache_written if new.cache_written is None else new.cache_written,
        old.reasoning if new.reasoning is None else new.reasoning,
    )


class _OpenCall:
    __slots__ = ("arguments", "place", "start")

    def __init__(self, start: CallStart, place: int) -> None:
        self.start = start
        self.place = place
        self.arguments: list[str] = []


class Joining:
    """Adds up the events of one answer. `is_whole`: the model ended it; `failed` is the error that came instead."""

    __slots__ = (
        "_blocks",
        "_calls",
        "_citations",
        "_kind",
        "_maker",
        "_model",
        "_pieces",
        "_stopped",
        "_usage",
        "failed",
    )

    def __init__(self) -> None:
        self.failed: Failed | None = None
        self._blocks: list[AnswerBlock] = []
        self._calls: dict[int, _OpenCall] = {}
        self._citations: list[Citation] = []
        self._kind = ""
        self._maker: Maker = "other"
        self._model = ""
        self._pieces: list[str] = []
        self._stopped: Stopped | None = None
        self._usage: Usage | None = None

    @property
    def is_whole(self) -> bool:
        """Whether the answer came to its end."""
        return self._stopped is not None and self.failed is None

    def take(self, events: Iterable[Event]) -> None:
        """Add events."""
        for event in events:
            self._take(event)

    def _take(self, event: Event) -> None:
        match event:
            case TextDelta(text):
                self._add("text", text)
            case RefusalDelta(text):
                self._add("refusal", text)
            case ThinkingDelta(text, maker):
                self._maker = maker
                self._add("thinking", text)
            case ThinkingEnd():
                self._end_thinking(event)
            case CallStart():
                self._end_block()
                self._calls[event.index] = _OpenCall(event, len(self._blocks))
                self._blocks.append(ToolCall(event.id, event.name))
            case CallDelta(index, arguments):
                if index in self._calls:
                    self._calls[index].arguments.append(arguments)
            case CallEnd(index):
                self._end_call(index)
            case _:
                self._take_other(event)

    def _take_other(self, event: Event) -> None:
        """Add an event that belongs to no block, or that ends all of them."""
        match event:
            case Cited(citation):
                self._citations.append(citation)
            case Started(model, usage):
                self._model = model or self._model
                self._usage = merged(self._usage, usage)
            case Counted(usage):
                self._usage = merged(self._usage, usage)
            case Stopped():
                self._end_block()
                for index in list(self._calls):
                    self._end_call(index)
                self._stopped = event
            case Failed():
                self.failed = self.failed or event
            case _:
                pass

    def answer(self) -> Answer:
        """Return the whole answer.

        Raises:
            BadAnswer: it is not whole.
        """
        stopped = self._stopped
        if stopped is None or self.failed is not None:
            raise BadAnswer("the answer did not come to its end")
        return Answer(
            tuple(self._blocks),
            stopped.stop,
            self._model,
            stopped.stop_text,
            stopped.refusal,
            self._usage,
            tuple(self._citations),
        )

    def _add(self, kind: str, piece: str) -> None:
        if kind != self._kind:
            self._end_block()
            self._kind = kind
        self._pieces.append(piece)

    def _end_block(self) -> None:
        text, kind = "".join(self._pieces), self._kind
        self._pieces, self._kind = [], ""
        if kind == "text" and text:
            self._blocks.append(Text(text))
        elif kind == "refusal" and text:
            self._blocks.append(Refusal(text))
        elif kind == "thinking" and text:
            self._blocks.append(Thinking(text, self._maker))

    def _end_thinking(self, event: ThinkingEnd) -> None:
        text = "".join(self._pieces) if self._kind == "thinking" else ""
        if self._kind == "thinking":
            self._pieces, self._kind = [], ""
        else:
            self._end_block()
        if text or event.signature:
            self._blocks.append(Thinking(text, event.maker, event.signature, event.is_redacted, event.id))

    def _end_call(self, index: int) -> None:
        call = self._calls.pop(index, None)
        if call is None:
            return
        start = call.start
        arguments = "".join(call.arguments) or ("" if start.is_custom else "{}")
        self._blocks[call.place] = ToolCall(
            start.id, start.name, arguments, start.namespace, start.is_custom, start.signature
        )


def joined(events: Iterable[Event]) -> Answer:
    """Return the answer that events add up to.

    Raises:
        BadAnswer: it is not whole.
    """
    joining = Joining()
    joining.take(events)
    return joining.answer()


def as_events(answer: Answer) -> Iterator[Event]:
    """Return the events of a whole answer, each block in one piece."""
    yield Started(answer.model)
    calls = 0
    for block in answer.blocks:
        match block:
            case Text(text):
                if text:
                    yield TextDelta(text)
            case Refusal(text):
                if text:
                    yield RefusalDelta(text)
            case Thinking():
                if not block.is_redacted:
                    yield ThinkingDelta(block.text, block.maker)
                yield ThinkingEnd(block.maker, block.signature, block.is_redacted, block.id)
            case ToolCall():
                yield CallStart(calls, block.id, block.name, block.namespace, block.is_custom, block.signature)
                if block.arguments:
                    yield CallDelta(calls, block.arguments)
                yield CallEnd(calls)
                calls += 1
    for citation in answer.citations:
        yield Cited(citation)
    yield Stopped(answer.stop, answer.stop_text, answer.refusal)
    if answer.usage is not None:
        yield Counted(answer.usage)
    yield Ended()


__all__ = ["Joining", "as_events", "joined", "merged"]
