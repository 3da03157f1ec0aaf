"""Events that differ from an earlier one in their text alone → that text, without decoding the events.

Most servers write the events of one chat completion alike, down to the byte, but for the text. What stands before and
behind the text of one event that was decoded says all about the next one that has the same there: the text between them
has no quote and no backslash, so that it is one JSON string, and nothing else can have begun or ended in it.
"""

import re
from typing import Final

from switchover_dataplane.formats.chunk import plain_text

_TEXT: Final = re.compile(rb'"content": ?"([^"\\]*)"')
_PROBE: Final = "~ another text ~"
_TRIES: Final = 3
_QUOTE: Final = 0x22
_BACKSLASH: Final = 0x5C


class PlainShape:
    """The bytes around the text in the events of one stream; none are known at first."""

    __slots__ = ("_before", "_behind", "_between", "_end", "_start", "_tries")

    def __init__(self) -> None:
        # Every piece has these, and nothing between them.
        self._before = self._behind = self._between = b""
        self._start = self._end = 0
        self._tries = _TRIES

    def text(self, piece: bytes) -> str:
        """Return the joined texts of a piece that is whole events of the known shape, "" for any other piece."""
        if not piece.startswith(self._before) or not piece.endswith(self._behind):
            return ""
        inner = piece[self._start : self._end]
        if _QUOTE in inner:
            inner = inner.replace(self._between, b"")
            if _QUOTE in inner:
                return ""
        if _BACKSLASH in inner:
            return ""
        try:
            text = inner.decode()
        except UnicodeDecodeError:
            return ""
        # JSON allows no control characters, and a line end would end the event's line.
        return text if text.isprintable() else ""

    def learn(self, event: bytes, data: bytes) -> None:
        """Take the shape of an event with this data, which has nothing but text and was not known by its shape.

        A stream whose events differ elsewhere, too, is not looked at each time.
        """
        if not self._tries:
            return
        found = _TEXT.search(data)
        if found is None or event != b"data: %b\n\n" % data:
            return
        self._tries -= 1
        start, end = found.span(1)
        before, behind = data[:start], data[end:]
        # The text that was found may be another field's.
        if plain_text(before + _PROBE.encode() + behind) == _PROBE:
            self._before, self._behind = b"data: " + before, behind + b"\n\n"
            self._between = self._behind + self._before
            self._start, self._end = len(self._before), -len(self._behind)
