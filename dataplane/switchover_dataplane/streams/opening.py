"""The events at the start of a stream → whether the stream is an answer. Until then another target can take over.

Content decides, and so does an end. Events without content decide nothing, nor does a part of a held tool call.
"""

from collections.abc import Callable
from math import inf
from typing import Final

from switchover_dataplane.classify.refusal import failed_stream
from switchover_dataplane.failover.outcome import Broken, Committed, ErrorClass, Outcome
from switchover_dataplane.formats import responses_chunk
from switchover_dataplane.formats.api import Api
from switchover_dataplane.formats.chunk import read
from switchover_dataplane.formats.chunk_kind import Chunk, ChunkKind, StreamFormat, stream_format_of
from switchover_dataplane.formats.finish_reasons import Finish
from switchover_dataplane.formats.sse import Event
from switchover_dataplane.streams.held_calls import HeldCalls, are_whole
from switchover_dataplane.streams.opened import Opened

HELD_LIMIT: Final = 1024 * 1024
"""Bytes of events that are held without content; beyond it, a stream with reasoning is sent as it comes."""

MOST_HELD: Final = 50_000
"""Events that are held without content: small events need far more memory than their bytes."""

MOST_CHUNKS: Final = 16
"""Events of which it is kept what they were read as: so many tell mostly, and a kept one needs memory."""

_FORMATS_WITH_DONE: Final = frozenset((StreamFormat.CHAT, StreamFormat.MESSAGES))


class Opening:
    """Checks the events of `opened` one by one, until one of them decides.

    `api` is the API of the request, None if the form of its answers is unknown. With `holds_calls` a part of a tool
    call decides nothing. `clock` returns the Unix time in seconds, for dates in errors.
    """

    __slots__ = (
        "_api",
        "_called",
        "_calls",
        "_clock",
        "_contents",
        "_counted",
        "_holds_calls",
        "_judged",
        "_known",
        "_opened",
        "_provider",
        "_status",
        "_strange",
        "_stream_format",
        "_thought",
        "_wanted",
        "has_ended",
        "idle",
        "is_whole",
        "works",
    )

    def __init__(
        self,
        opened: Opened,
        status: int,
        provider: str,
        api: Api | None,
        clock: Callable[[], float],
        *,
        holds_calls: bool = False,
    ) -> None:
        self._opened = opened
        self._status = status
        self._provider = provider
        self._clock = clock
        self._known = stream_format_of(api)
        self._api = opened.api = api if self._known is not None else None
        self._stream_format = self._known or StreamFormat.OTHER
        self._judged = 0
        self._contents = 0
        self._counted = False
        self._thought = False
        self._strange = b""
        self._wanted = 1.0
        self._holds_calls = holds_calls and self._known is not None
        self._calls = HeldCalls()
        self._called = 0
        self.has_ended = False
        self.idle = 0
        self.is_whole = False
        self.works = False

    @property
    def is_within_a_call(self) -> bool:
        """Whether a tool call has begun and not ended."""
        return bool(self._calls.open)

    def hold_back(self, tokens: int) -> None:
        """Require this number of events with content; 0 holds the whole answer."""
        self._wanted = tokens or inf

    def verdict(self) -> Outcome | None:
        """Check the new events; return the outcome, None if nothing is decided."""
        events, chunks = self._opened.events, self._opened.chunks
        while self._judged < len(events):
            event = events[self._judged]
            self._judged += 1
            chunk = read(event, self._api)
            if self._judged <= MOST_CHUNKS:
                chunks.append(chunk)
            outcome = self._take(event, chunk)
            if outcome is not None:
                return outcome
        # The Responses API repeats the request in its first events.
        limit = 16 * HELD_LIMIT if self._stream_format is StreamFormat.RESPONSES and not self._called else HELD_LIMIT
        held = self._called or self.idle
        return self._too_much() if held > limit or len(events) > MOST_HELD else None

    def _take(self, event: Event, chunk: Chunk) -> Outcome | None:
        """Check one event; return the outcome, None if nothing is decided."""
        self.idle += len(event.raw)
        if chunk.stream_format is not None and chunk.stream_format is not self._stream_format:
            if self._known is not None:
                # An event of another API is no part of the answer.
                self._strange = event.data or self._strange
                return None
            if self._stream_format is StreamFormat.OTHER:
                self._stream_format = chunk.stream_format
        match chunk.kind:
            case ChunkKind.CONTENT | ChunkKind.FINISH | ChunkKind.NO_CONTENT:
                return self._heard(event, chunk)
            case ChunkKind.THINKING:
                self.works = self._thought = True
                self._count_call(event)
            case ChunkKind.UNKNOWN | ChunkKind.NOT_JSON:
                self._strange = event.data or b""
            case ChunkKind.ERROR:
                return self._failed(event.data or b"")
            case ChunkKind.BROKEN_JSON:
                return Broken("malformed", "a chunk that is no JSON", ErrorClass.SERVER_ERROR)
            case ChunkKind.DONE:
                has_any = self._contents or self._thought
                self.is_whole = self.is_whole or bool(chunk.finished and has_any) or self._is_done()
                return self.at_end()
        return None

    def _heard(self, event: Event, chunk: Chunk) -> Outcome | None:
        """Check an event in the form of the answer's API."""
        self._counted = self._counted or chunk.counted
        if self._holds_calls:
            self._calls.follow(chunk)
        self._count_call(event)
        if chunk.kind is ChunkKind.CONTENT:
            self._contents += 1
            self.has_ended = False
            self.works = self.works or bool(chunk.calls)
        if chunk.finished:
            self.has_ended = True
            self.is_whole = self._is_an_answer(event, chunk)
        if self._calls.open:
            return None
        if self.is_whole or self._contents >= self._wanted:
            return Committed(self._status)
        if self.has_ended and self._counted and not self._contents:
            self.is_whole = True
            return Committed(self._status)
        return None

    def _count_call(self, event: Event) -> None:
        self._called = self._called + len(event.raw) if self._calls.open else 0

    def _is_an_answer(self, event: Event, chunk: Chunk) -> bool:
        """Whether an answer that ends has content, reasoning or counted tokens."""
        if self._known is None or self._contents or self._thought or self._counted:
            return True
        if chunk.finish is not Finish.ENDED:
            return True
        return self._stream_format is StreamFormat.RESPONSES and responses_chunk.has_output(event.data or b"")

    def _is_done(self) -> bool:
        """Whether a stream with [DONE] or `message_stop`, but no finish reason, is whole."""
        if self._known not in _FORMATS_WITH_DONE or not self._contents:
            return False
        if not self._calls.open:
            return self._counted
        return self._known is StreamFormat.CHAT and are_whole(self._opened.events)

    def at_end(self) -> Outcome:
        """Return the outcome at the regular end of the body."""
        if self.is_whole or (self._stream_format is StreamFormat.OTHER and self._contents):
            return Committed(self._status)
        if not self._contents:
            return self._empty()
        return Broken("truncated", "the stream ended without a finish_reason")

    def _empty(self) -> Outcome:
        """Return the failure of a stream without content; unknown events in it may state the reason."""
        detail = "the stream ended before any content"
        if not self._strange:
            return Broken("empty", detail, ErrorClass.SERVER_ERROR, scope="unknown")
        return Broken("empty", detail, *failed_stream(self._provider, self._strange, self._clock()))

    def _failed(self, data: bytes) -> Outcome:
        self._opened.error = data
        return Broken(
            "error-event", "the stream began with an error", *failed_stream(self._provider, data, self._clock())
        )

    def _too_much(self) -> Outcome:
        """Return the outcome at the limit: a stream with content or reasoning is an answer, any other is none."""
        if self._contents or self._thought:
            return Committed(self._status)
        return Broken("malformed", "the stream is larger than the limit and has no content", ErrorClass.SERVER_ERROR)
