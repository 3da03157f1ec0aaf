"""A stream's behaviour and a request → its steps: the items of `events`, each worded as the request's API does."""

from collections.abc import Iterator
from dataclasses import dataclass

from switchover_simulator import provider_error, sse
from switchover_simulator.behaviour import Stream
from switchover_simulator.chat import Stream as Chat
from switchover_simulator.codings import Codings
from switchover_simulator.events import (
    Called,
    Counted,
    Data,
    Delta,
    Done,
    Event,
    Failed,
    Finished,
    Hold,
    Raw,
    Repeated,
    Silence,
    Thought,
)
from switchover_simulator.form import Streamed
from switchover_simulator.forms import called, form
from switchover_simulator.heads import LAST_CHUNK, after, chunk, head
from switchover_simulator.part import ProviderError
from switchover_simulator.request import Request
from switchover_simulator.steps import ENDS, AwaitRelease, Pause, Send, Step


def steps(behaviour: Stream, request: Request, served_by: str) -> Iterator[Step]:
    """Say what a connection does: head, events, end."""
    usual = {
        "content-type": ["text/event-stream; charset=utf-8"],
        "cache-control": ["no-cache"],
        **({"content-encoding": [", ".join(behaviour.coding)]} if behaviour.coding else {}),
        "transfer-encoding": ["chunked"],
    }
    yield Send(head(behaviour.status, usual, behaviour.headers, request, served_by))
    playing = _Playing(behaviour, request, form(request).stream(request), Codings(behaviour.coding))
    if behaviour.role:
        yield from playing.sent(playing.words.begins())
    for item in behaviour.events:
        yield from playing.plays(item)
    yield from playing.ends()


@dataclass(frozen=True)
class _Playing:
    """One stream while it is played."""

    behaviour: Stream
    request: Request
    words: Streamed
    coding: Codings

    def sent(self, data: bytes) -> Iterator[Step]:
        """Send bytes of the body, where there are any."""
        if data:
            yield Send(chunk(self.coding.feed(data)))

    def plays(self, item: Event) -> Iterator[Step]:
        """Take the steps of an item, and wait for as long as lies between two."""
        if isinstance(item, Repeated):
            for _ in range(item.repeat):
                for each in item.of:
                    yield from self.plays(each)
            return
        yield from self._plays_once(item)
        if self.behaviour.gap:
            yield Pause(self.behaviour.gap)

    def _plays_once(self, item: Event) -> Iterator[Step]:
        match item:
            case Silence(pause=seconds):
                yield Pause(seconds)
            case Hold():
                yield AwaitRelease()
            case Called(call=wanted):
                for call in called(wanted, self.request):
                    for piece in self.words.calls(call):
                        yield from self.sent(piece)
            case _:
                yield from self.sent(self._worded(item))

    def _worded(self, item: Event) -> bytes:
        match item:
            case str():
                return self.words.says(item)
            case Thought(thinks=text):
                return self.words.thinks(text)
            case Finished(finish=word):
                return self.words.finishes(word, self._tokens)
            case Counted(usage=tokens):
                return self.words.counts(tokens)
            case Done():
                return self.words.ends()
            case Failed(error=error):
                return self.words.fails(self._error(error))
            case Raw(raw=text):
                return text.encode()
            case Data(data=value, event=name):
                return sse.event(value, name)
            case Delta(delta=delta):
                return (self.words if isinstance(self.words, Chat) else Chat(self.request)).chunk(delta)
            case _:
                raise AssertionError(item)

    def ends(self) -> Iterator[Step]:
        """Take the steps of the stream's `end`."""
        end = self.behaviour.end
        if end in ("done", "finish-hang", "finish-rst"):
            finished = self.words.finishes(self.behaviour.finish, self._tokens)
            yield from self.sent(finished + self.words.counts(self._tokens))
        if end.startswith("error-event"):
            yield from self.sent(self.words.fails(self._error(self.behaviour.error)))
        if end in ("done", "done-without-finish", "error-event-done"):
            yield from self.sent(self.words.ends())
        cut = ENDS.get(end.removeprefix("finish-"))
        if cut is not None:
            yield cut
            return
        yield Send(chunk(self.coding.end()) + LAST_CHUNK)
        yield from after(self.request)

    def _error(self, given: ProviderError | None) -> dict[str, object]:
        return provider_error.body(self.request.provider, 500, self.request.model, given)

    @property
    def _tokens(self) -> int:
        return sum(1 for item in self.behaviour.events if item)
