"""The bytes of a target's stream, cut anywhere → the bytes of the client's stream.

What a target says passes through the neutral events one by one, so that nothing waits for the end of the answer.
"""

from collections.abc import Sequence
from typing import Final, Protocol

from switchover_dataplane.formats.event_stream_frames import BadFrame
from switchover_dataplane.translation.answers import Alive, Ended, Event, Failed, TextDelta
from switchover_dataplane.translation.format import Reader, Writer
from switchover_dataplane.translation.text_runs import TextRun


class Framed(Protocol):
    """One event of a target's stream: `data` is None without content, `is_part` if it is too large to be read.

    `raw` are its bytes, b"" where a checksum stands in them.
    """

    @property
    def data(self) -> bytes | None: ...  # noqa: D102

    @property
    def name(self) -> str: ...  # noqa: D102

    @property
    def raw(self) -> bytes: ...  # noqa: D102

    @property
    def is_part(self) -> bool: ...  # noqa: D102


class Framing(Protocol):
    """Splits the bytes of a stream into events (`formats/sse.py`, `formats/event_stream_frames.py`).

    `is_between`: the next byte begins an event.
    """

    @property
    def is_behind(self) -> bool: ...  # noqa: D102

    @property
    def is_between(self) -> bool: ...  # noqa: D102

    def feed(self, piece: bytes) -> Sequence[Framed]: ...  # noqa: D102

    def end(self) -> Sequence[Framed]: ...  # noqa: D102


_ALIVE: Final = (Alive(),)
_TOO_LARGE: Final = (Failed("an event of the stream is too large to be translated"),)


class StreamTranslation:
    """Translates one stream. `has_ended`: nothing of the answer follows any more."""

    __slots__ = ("_framing", "_is_broken", "_reader", "_run", "_writer", "has_ended")

    def __init__(self, framing: Framing, reader: Reader, writer: Writer) -> None:
        self._framing = framing
        self._is_broken = False
        self._reader = reader
        self._run = TextRun()
        self._writer = writer
        self.has_ended = False

    @property
    def is_behind(self) -> bool:
        """Whether `feed(b"")` has more to say of what was given."""
        return self._framing.is_behind and not self._is_broken

    @property
    def is_settled(self) -> bool:
        """Whether the answer is whole, so that nothing but its count of tokens may follow."""
        return self._reader.is_settled

    def feed(self, piece: bytes) -> bytes:
        """Translate the next bytes; b"" where nothing is to be said yet."""
        if self._is_broken:
            return b""
        text = self._run.text(piece)
        if text and self._framing.is_between:
            return b"" if self.has_ended else self._writer.write((TextDelta(text),))
        try:
            return self._written(self._framing.feed(piece))
        except BadFrame as fault:
            return self._broken(fault)

    def end(self) -> bytes:
        """Translate the orderly end of the body."""
        if self._is_broken:
            return b""
        try:
            written = self._written(self._framing.end())
        except BadFrame as fault:
            return self._broken(fault)
        return written + self._write(self._reader.end())

    def cut(self) -> bytes:
        """Translate the loss of the connection behind the end of an answer, which costs nothing of it."""
        return self._write(self._reader.end()) if self.is_settled else b""

    def _broken(self, fault: BadFrame) -> bytes:
        """Say that the stream cannot be read any further."""
        self._is_broken = True
        return self._write((Failed(f"the stream of the model cannot be read: {fault}"),))

    def _written(self, framed: Sequence[Framed]) -> bytes:
        if len(framed) == 1:
            return self._one(framed[0])
        return b"".join([self._one(each) for each in framed])

    def _one(self, framed: Framed) -> bytes:
        data = framed.data
        if framed.is_part:
            return self._write(_TOO_LARGE)
        if data is None:
            return self._write(_ALIVE)
        text = self._run.text(framed.raw)
        if text:
            return b"" if self.has_ended else self._writer.write((TextDelta(text),))
        events = self._reader.take(data, framed.name)
        self._run.learn(framed.raw, data, events)
        return self._write(events)

    def _write(self, events: Sequence[Event]) -> bytes:
        if not events or self.has_ended:
            return b""
        for event in events:
            if isinstance(event, Ended):
                self.has_ended = True
        return self._writer.write(events)
