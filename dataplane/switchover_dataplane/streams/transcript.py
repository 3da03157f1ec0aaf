"""The events of an answer, one by one → the bytes for the client, and whether the answer is whole.

Only a true end of an answer counts as one. A stream that breaks off raises `Interruption`; the transcript then knows
whether another model can continue, and from which text.
"""

import re
from typing import Any, Final, Literal

import msgspec

from switchover_dataplane.formats import lenient_json, stream_end
from switchover_dataplane.formats.api import Api
from switchover_dataplane.formats.chunk import FIRST, NO_CONTENT, UNKNOWN, may_be_plain, plain_text, read, read_other
from switchover_dataplane.formats.chunk_kind import Chunk, ChunkKind, StreamFormat, stream_format_of
from switchover_dataplane.formats.plain_shape import PlainShape
from switchover_dataplane.formats.sse import Event
from switchover_dataplane.streams.going_on import Sent, other_text
from switchover_dataplane.streams.held_calls import HeldCalls
from switchover_dataplane.streams.kept_text import MOST_TEXT, KeptText
from switchover_dataplane.streams.other_blocks import OtherBlocks
from switchover_dataplane.streams.other_calls import OtherCalls
from switchover_dataplane.streams.other_text import OtherText
from switchover_dataplane.streams.splice import Mismatch, Splice

MOST_IDLE: Final = 4 * 1024 * 1024
"""Bytes without content that may follow each other after the first content of a stream."""

_LONGEST_MARK: Final = 64
_LAST: Final = (
    re.compile(rb'"finish_?[rR]eason"\s*:\s*"(?!error"|null")'),
    re.compile(rb"event: ?response\.(?:completed|incomplete)[\r\n]"),
    re.compile(rb'"type"\s*:\s*"response\.(?:completed|incomplete)"'),
)
"""The mark of a last event in Chat Completions, Gemini and the Responses API.

Each pattern begins with a literal, so that the search is fast.
"""

_KINDS_OF_THE_ANSWER: Final = (ChunkKind.NO_CONTENT, ChunkKind.UNKNOWN, ChunkKind.CONTENT)
_KIND_CONTENT: Final = ChunkKind.CONTENT
_KIND_NO_CONTENT: Final = ChunkKind.NO_CONTENT
_KIND_UNKNOWN: Final = ChunkKind.UNKNOWN
_KIND_DONE: Final = ChunkKind.DONE
_NUMBERED: Final = (StreamFormat.MESSAGES, StreamFormat.RESPONSES, StreamFormat.GENERATE)
_FORMATS_WITH_BLOCKS: Final = (StreamFormat.MESSAGES, StreamFormat.RESPONSES)

How = Literal["reset", "eof", "not-http", "truncated", "error-event", "stalled", "malformed"]


class Interruption(Exception):
    """The answer broke off before it was whole."""

    def __init__(self, how: How, detail: str = "") -> None:
        super().__init__(f"{how}: {detail}" if detail else how)
        self.how: How = how
        self.detail = detail


class Transcript:
    """The part of an answer that was sent so far.

    `choices` is the number that the request asked for, `api` the API of the request (None: the form of its answers is
    unknown). With `holds_calls` a tool call is sent once all of it came. `not_resumable` is the reason why another
    model cannot continue the answer, "" if it can. `is_plain`: nothing but text has come so far. `dropped` counts
    malformed events, `progress_events` the events that show progress of the model; those that come together may
    count as one.
    """

    __slots__ = (
        "_ahead",
        "_api",
        "_block_ended",
        "_counted",
        "_done_sent",
        "_finish_revoked",
        "_finished",
        "_first",
        "_held",
        "_holds_calls",
        "_idle",
        "_is_in_text",
        "_kept",
        "_known",
        "_last",
        "_last_text",
        "_lost_call",
        "_open",
        "_other",
        "_other_text",
        "_seam",
        "_seen",
        "_shape",
        "_splice",
        "_stream_format",
        "_tail",
        "_text_is_open",
        "_waits",
        "_wanted",
        "dropped",
        "is_plain",
        "not_resumable",
        "progress_events",
    )

    def __init__(self, choices: int, api: Api | None, *, holds_calls: bool) -> None:
        self.not_resumable = "several choices" if choices > 1 else ""
        self.dropped = 0
        self.progress_events = 0
        self._wanted = choices
        self._ahead: list[Chunk] = []
        self._known = stream_format_of(api)
        self._api = api if self._known is not None else None
        self._stream_format = self._known
        self._holds_calls = holds_calls and self._known is not None
        self._held = HeldCalls()
        self._open = self._held.open
        self._block_ended = False
        self._waits = False
        self._counted = False
        self._finish_revoked = False
        self._seen: set[int] = set()
        self._finished: set[int] = set()
        self._idle = 0
        self._is_in_text = False
        self._shape = PlainShape()
        self.is_plain = api is Api.CHAT and choices == 1
        self._kept = KeptText()
        self._splice: Splice | None = None
        self._other: OtherBlocks | OtherCalls | None = None
        self._other_text: OtherText | None = None
        self._first: Event | None = None
        self._last: Event | None = None
        self._last_text: Event | None = None
        self._lost_call = False
        self._text_is_open = False
        self._seam = b""
        self._done_sent = False
        self._tail = b""

    @property
    def text(self) -> str:
        """The text that was sent so far."""
        return str(self._kept)

    @property
    def lacks_words(self) -> bool:
        """Whether content was sent and none of it is text that another model could go on with."""
        return self._known in _NUMBERED and not self._kept

    @property
    def whole(self) -> bool:
        """Whether every choice has ended: only usage and [DONE] may follow."""
        return bool(self._finished) and len(self._finished) >= max(self._wanted, len(self._seen))

    @property
    def is_settled(self) -> bool:
        """Whether the answer is whole, even if the connection breaks now.

        If a server sent content after a finish_reason it may do so again, and some Gemini models set one in each
        response. Then only the end of the stream counts.
        """
        if self._finish_revoked or self._stream_format is StreamFormat.GENERATE:
            return self._done_sent
        return self.whole

    @property
    def done_sent(self) -> bool:
        """Whether the last possible event was sent."""
        return self._done_sent

    @property
    def is_holding(self) -> bool:
        """Whether a part of a tool call is held."""
        return bool(self._held) or (self._other is not None and not self._other.has_ended)

    @property
    def ends_by_reset(self) -> bool:
        """Whether an interruption must be shown by a connection reset and not by an error event.

        After a whole block and an open tool call, Claude Code ends its session at an error event, but retries after a
        reset.
        """
        is_in_a_call = bool(self._open) or self._lost_call or self._other is not None
        return self._block_ended and is_in_a_call and self._stream_format in _FORMATS_WITH_BLOCKS

    @property
    def lacks_calls(self) -> bool:
        """Whether the answer broke off in a tool call that another model can make for the same request.

        That holds for Messages, where other blocks may follow, and for a chat completion with reasoning, which cannot
        be continued.
        """
        if self._other is not None:
            return not self._other.has_ended
        may_follow = self._known is StreamFormat.MESSAGES or (
            self._known is StreamFormat.CHAT and self.not_resumable == "reasoning"
        )
        return may_follow and self._held.before is not None

    @property
    def ends_with_body(self) -> bool:
        """Whether the form of the stream is unknown, so that the end of the body is its only end."""
        return self._stream_format in (None, StreamFormat.OTHER)

    @property
    def is_splicing(self) -> bool:
        """Whether nothing of another model's answer was sent yet, as it may not fit."""
        if self._other is not None:
            return not self._other.has_ended
        if self._other_text is not None:
            return self._other_text.is_silent
        return self._splice is not None and not self._splice.fits

    def comment(self, text: str) -> bytes:
        """Write words beside the events of the stream, of one line; where clients read none, an empty line.

        Google's SDK takes every line that does not begin with `data: ` for a part of an error (google-genai,
        `_api_client`).
        """
        return b"\n" if self._known is StreamFormat.GENERATE else f": {text}\n\n".encode()

    def continue_with(self, seam: bytes) -> None:
        """Expect another model's answer; `seam` is written before its first new part.

        Its text begins with the sent text or its last words. If a call broke off (`lacks_calls`) it is a whole answer
        to the same request.
        """
        self.is_plain = False
        self._lost_call = self._lost_call or bool(self._open)
        if self._other is not None:
            self._other.begin_anew(seam)
            return
        if self.lacks_calls and self._held.before is not None:
            is_chat = self._known is StreamFormat.CHAT
            self._other = OtherCalls(seam) if is_chat else OtherBlocks(*self._held.before, seam)
            self._held.drop()
            self._waits = False
            return
        if self._other_text is not None:
            self._other_text.begin_anew(seam)
        else:
            self._other_text = other_text(
                self._known,
                self.text,
                seam,
                Sent(self._first, self._last_text, self._last, self._text_is_open),
            )
        if self._other_text is None:
            self._splice = Splice(self.text, called=bool(self._held))
        self._seam = seam
        self._held.drop()
        self._waits = False
        self._finished.clear()
        self._finish_revoked = self._counted = False

    def expect(self, chunks: list[Chunk]) -> None:
        """Take what the next events were read as, where their start was judged, in the place of what was left of it."""
        self._ahead = chunks[::-1]

    def take(self, event: Event) -> bytes:
        """Read the next event; return the bytes for the client.

        Raises:
            Interruption: the answer failed, ends without being whole, or sends too much without content.
            Mismatch: the other model's text does not continue this one.
        """
        if not self.is_plain:
            return self._take_chunk(event, self._ahead.pop() if self._ahead else read(event, self._api))
        if self._ahead:
            chunk = self._ahead.pop()
        else:
            if event.data is not None and may_be_plain(event):
                if self.take_alike(event.raw):
                    return event.raw
                text = plain_text(event.data)
                if text:
                    self._take_text(text)
                    self._shape.learn(event)
                    return event.raw
            chunk = read_other(event, self._api)
        self._is_in_text = False
        self.is_plain = not (chunk.finished or chunk.calls or chunk.closed or chunk.not_resumable)
        if self.is_plain and chunk.kind is _KIND_CONTENT and chunk.choices is FIRST:
            self._take_text(chunk.text)
            self._shape.learn(event)
            return event.raw
        self.is_plain = self.is_plain and chunk.kind is _KIND_NO_CONTENT
        return self._take_chunk(event, chunk)

    def _take_chunk(self, event: Event, chunk: Chunk) -> bytes:
        """Read an event that is not plain text, or comes after another such event."""
        kind = chunk.kind
        if chunk.stream_format is None:
            if kind not in _KINDS_OF_THE_ANSWER:
                self._count_idle(event)
                return self._take_mark(event, kind)
        elif chunk.stream_format is not self._stream_format:
            if not self.ends_with_body:
                # An event of another API, which some proxies mix in, is no part of the answer.
                return self._take_strange(event)
            self._stream_format = chunk.stream_format
            if chunk.stream_format in _NUMBERED:
                self.not_resumable = self.not_resumable or "events of an API that the request does not name"
        if self._other is not None:
            return self._take_other(event, chunk, self._other)
        if self._other_text is not None:
            return self._take_other_text(event, chunk, self._other_text)
        if kind is _KIND_DONE and not (chunk.finished or self.whole or self._is_done()):
            raise Interruption("truncated", "the stream was marked as done without a stop_reason")
        if kind is _KIND_NO_CONTENT or kind is _KIND_UNKNOWN or (self._finished and self.is_settled):
            self._count_idle(event)
        elif self._idle:
            self._idle = 0
        if (self._open or chunk.calls or chunk.closed or self._waits) and chunk is not NO_CONTENT:
            return self._take_call(event, chunk)
        return self._handed_on(event, chunk)

    def take_alike(self, piece: bytes) -> bool:
        """Read a piece if its events differ from one before them in their text alone; return whether they do.

        They are whole, and for the client as they are then. The transcript `is_plain`.
        """
        text = self._shape.text(piece)
        if not text:
            return False
        if self._is_in_text:
            self.progress_events += 1
            kept = self._kept
            kept.length += kept.write(text)
            if kept.length > MOST_TEXT:
                self._drop_text()
        else:
            self._take_text(text)
        return True

    def _take_text(self, text: str) -> None:
        self._is_in_text = True
        self._idle = 0
        self._counted = False
        self._seen.add(0)
        self.progress_events += 1
        if self._kept.add(text) > MOST_TEXT:
            self._drop_text()

    def _drop_text(self) -> None:
        self.not_resumable = "more than 1 MiB of text"
        self._kept.drop()
        self.is_plain = False

    def _take_strange(self, event: Event) -> bytes:
        self._count_idle(event)
        if self._held:
            self._held.hold(event, UNKNOWN)
            return b""
        return b"" if self.is_splicing else event.raw

    def _handed_on(self, event: Event, chunk: Chunk) -> bytes:
        if chunk.kind is not _KIND_NO_CONTENT and chunk.kind is not _KIND_UNKNOWN:
            self.progress_events += 1
        if self._splice is not None:
            return self._spliced(event, chunk, self._splice)
        if self._known in _NUMBERED:
            self._keep_place(event, chunk)
        self._note(chunk, chunk.text)
        if chunk.kind is _KIND_DONE:
            self._finished.update(self._seen)
            self._done_sent = True
        if event.is_part:
            self._look_for_the_end(event.raw)
        return event.raw

    def _keep_place(self, event: Event, chunk: Chunk) -> None:
        """Keep the events that tell where another model's text would go on."""
        if event.data is not None:
            self._last = event
        if chunk.text:
            self._last_text = event
            self._text_is_open = True
        elif chunk.closed:
            self._text_is_open = False
        elif self._first is None and event.data is not None:
            self._first = event

    def _take_other(self, event: Event, chunk: Chunk, other: OtherBlocks | OtherCalls) -> bytes:
        """Read the next event of another model's answer to the same request."""
        if chunk is NO_CONTENT:
            self._count_idle(event)
            return event.raw
        if chunk.kind is _KIND_DONE and not other.has_ended:
            raise Interruption("truncated", "the stream was marked as done without a stop_reason")
        written = other.take(event, chunk)
        if other.has_ended:
            self._note(chunk, "")
            self._done_sent = self._done_sent or chunk.kind is _KIND_DONE
        return written

    def _take_other_text(self, event: Event, chunk: Chunk, other: OtherText) -> bytes:
        """Read the next event of another model's answer that goes on with a text, in a format of numbered events."""
        kind = chunk.kind
        if kind is _KIND_DONE and not (chunk.finished or self.whole):
            raise Interruption("truncated", "the stream was marked as done without a stop_reason")
        if kind is _KIND_NO_CONTENT or kind is _KIND_UNKNOWN:
            self._count_idle(event)
        else:
            self._idle = 0
            self.progress_events += 1
        written, added = other.take(event, chunk)
        self._note(msgspec.structs.replace(chunk, text=added), added)
        if kind is _KIND_DONE:
            self._finished.update(self._seen)
            self._done_sent = True
        return written

    # ── Tool calls ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _take_call(self, event: Event, chunk: Chunk) -> bytes:
        """Read an event of a tool call, an event during one, or the end of a block before one.

        Claude Code ends its session if an answer breaks off after a whole block, and retries if no block has ended. So
        the end of a block is sent only when no call follows or the call is whole.
        """
        self._held.follow(chunk)
        if not self._holds_calls:
            return self._handed_on(event, chunk)
        self._held.hold(event, chunk)
        self._waits = bool(chunk.closed) and chunk.stream_format is StreamFormat.MESSAGES
        if (self._open or self._waits) and not self._held.is_too_much:
            return b""
        self._holds_calls = not self._open
        return self._released()

    def _released(self) -> bytes:
        """Return the bytes of the held events."""
        self._waits = False
        return b"".join([self._handed_on(event, chunk) for event, chunk in self._held.release()])

    # ── The end ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def take_end(self) -> bytes:
        """Read the regular end of the body; return the closing event if it is missing.

        Raises:
            Interruption: the answer is not whole.
        """
        if not self.whole and not self.ends_with_body:
            raise Interruption("truncated", "the stream ended without a finish_reason")
        return self.closing() if self._splice is not None or self._other_text is not None else b""

    def closing(self) -> bytes:
        """Return the last event of a whole answer, b"" if it was sent."""
        return b"" if self._done_sent else stream_end.closing(self._stream_format)

    def error(self, message: str) -> bytes:
        """Write the error event for an answer that broke off, in the form of its stream."""
        return stream_end.error(self._stream_format, message)

    def _count_idle(self, event: Event) -> None:
        """Count an event without content; the first events of the Responses API repeat the request and do not count."""
        if self.progress_events:
            self._idle += len(event.raw)
            if self._idle > MOST_IDLE:
                raise Interruption("malformed", f"more than {MOST_IDLE >> 20} MiB without any content")

    def _take_mark(self, event: Event, kind: ChunkKind) -> bytes:
        """Read an event about the stream, which is no part of the answer."""
        if kind is ChunkKind.NOT_JSON or (self.is_settled and kind is ChunkKind.BROKEN_JSON):
            self.dropped += 1
            return b""
        if kind is ChunkKind.BROKEN_JSON:
            raise Interruption("malformed", "a chunk that is no valid JSON")
        if kind is ChunkKind.ERROR and not self.is_settled:
            raise Interruption("error-event", "an error in the middle of the stream")
        if kind is ChunkKind.ERROR or self._done_sent:
            return b""
        if self._seen and self._seen <= self._finished:
            self._wanted = len(self._seen)  # the server gives fewer choices than requested
        if not self.whole and not self.ends_with_body:
            if not self._is_done():
                raise Interruption("truncated", "the stream was marked as done without a finish_reason")
            held = self._released()
            self._open.clear()
            self._finished.update(self._seen)
            self._wanted = len(self._seen)
            self._done_sent = True
            return held + event.raw
        self._done_sent = True
        return event.raw

    def _is_done(self) -> bool:
        """Whether a stream with [DONE] or `message_stop`, but no finish reason, is whole."""
        if self._known is StreamFormat.MESSAGES:
            return self._counted and not self._open
        if self._known is not StreamFormat.CHAT:
            return False
        return self._held.are_whole if self._open else self._counted

    def _look_for_the_end(self, part: bytes) -> None:
        """Search an event that is too large to decode for the mark of a last event."""
        text = self._tail + part
        if any(last.search(text) for last in _LAST):
            self._seen.add(0)
            self._finished.add(0)
        self._tail = text[-_LONGEST_MARK:]

    def _note(self, chunk: Chunk, text: str) -> None:
        self._seen.update(chunk.choices)
        if chunk.with_content:
            self._counted = False
            if self._finished and not self._finished.isdisjoint(chunk.with_content):
                # A finish reason with more content after it does not count.
                self._finished.difference_update(chunk.with_content)
                self._finish_revoked = True
        elif chunk.counted:
            self._counted = True
        if chunk.closed:
            self._block_ended = True
        if chunk.finished:
            self._finished.update(chunk.finished)
        self.not_resumable = self.not_resumable or chunk.not_resumable
        if text and not self.not_resumable:
            self._kept.add(text)
            if self._kept.is_too_much:
                self.not_resumable = "more than 1 MiB of text"
        if self.not_resumable and self._kept:
            self._kept.drop()

    # ── Another model goes on ───────────────────────────────────────────────────────────────────────────────────────

    def _spliced(self, event: Event, chunk: Chunk, splice: Splice) -> bytes:
        """Return the new part of the other model's answer, without its reasoning and what it repeats."""
        if chunk.calls and splice.may_call:
            splice.begin_with_a_call()
            self._note(chunk, "")
            seam, self._seam = self._seam, b""
            return seam + event.raw
        had_begun = splice.fits and not self._seam
        if chunk.not_resumable and (had_begun or chunk.not_resumable != "reasoning"):
            if not had_begun:
                raise Mismatch
            self._note(chunk, chunk.text)
            return event.raw
        added = splice.feed(chunk.text)
        if not splice.fits:
            if chunk.finished:
                raise Mismatch
            return b""
        self._note(chunk if had_begun else msgspec.structs.replace(chunk, not_resumable=""), added)
        seam, self._seam = self._seam, b""
        if had_begun and added == chunk.text:
            return event.raw
        return seam + (_reworded(event, added) if added or chunk.finished else b"")


def _reworded(event: Event, text: str) -> bytes:
    """Write a chunk with `text` alone, as a part of its own text was sent already."""
    body: dict[str, Any] = lenient_json.decode(event.data or b"{}")
    body["choices"][0]["delta"] = {"content": text} if text else {}
    return b"data: " + lenient_json.encode(body) + b"\n\n"
