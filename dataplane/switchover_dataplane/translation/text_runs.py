"""Events of a stream that say one text after the other → these texts, without decoding the events.

A target writes the events of a text alike, down to the byte, but for the text. So what stands around the text in an
event that was read and said nothing but text tells what the next one says that has the same there. The text between has
no quote and no backslash, so that it is one JSON string, and nothing else can have begun or ended in it. An event of
another kind ends the run, as a reader may take the same bytes in another way behind it.
"""

from collections.abc import Sequence

from switchover_dataplane.formats import lenient_json
from switchover_dataplane.translation.answers import Event, TextDelta

_QUOTE = 0x22
_BACKSLASH = 0x5C


class TextRun:
    """The bytes around the text in the events of a run; none are known at first."""

    __slots__ = ("_before", "_behind", "_end", "_start")

    def __init__(self) -> None:
        self._before = self._behind = b""
        # 0 while no run is known; each one has a quote before its text.
        self._start = 0
        self._end = 0

    def text(self, piece: bytes) -> str:
        """Return the text of a piece that is one event of the run, "" for any other piece."""
        if not self._start or not piece.startswith(self._before) or not piece.endswith(self._behind):
            return ""
        if len(piece) + self._end < self._start:
            return ""  # what stands before the text and what stands behind it are the same bytes
        inner = piece[self._start : self._end]
        if _QUOTE in inner or _BACKSLASH in inner:
            return ""
        try:
            text = inner.decode()
        except UnicodeDecodeError:
            return ""
        # JSON allows no control characters in a string.
        return text if text.isprintable() else ""

    def learn(self, raw: bytes, data: bytes, events: Sequence[Event]) -> None:
        """Take note of an event that was read: of its bytes around the text, or that it ends the run.

        `raw` are its bytes with its framing, b"" where they are not kept.
        """
        self._start = 0
        event = events[0] if len(events) == 1 else None
        if not isinstance(event, TextDelta):
            return
        said = lenient_json.encode(event.text)
        if data.count(said) != 1 or raw.count(data) != 1:
            return
        lead, _, end = raw.partition(data)
        before, _, behind = data.partition(said)
        self._before, self._behind = lead + before + b'"', b'"' + behind + end
        self._start, self._end = len(self._before), -len(self._behind)
