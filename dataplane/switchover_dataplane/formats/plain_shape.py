"""Events that differ from an earlier one in their text alone → that text, without decoding the events.

Most servers write the events of one chat completion alike, down to the byte, but for the text. What stands before and
behind the text of one event that was decoded says all about the next one that has the same there: the text between them
has no quote and no backslash, so that it is one JSON string, and nothing else can have begun or ended in it.

OpenAI and Mistral add a field whose value is noise, against who guesses words by the sizes of packets
(`stream_options.include_obfuscation`, OpenAI API reference). Its value differs in the same way.
"""

import re
from typing import Final

from switchover_dataplane.formats.chunk import plain_text
from switchover_dataplane.formats.sse import Event

_TEXT: Final = re.compile(rb'"content": ?"([^"\\]*)"')
_NOISE: Final = re.compile(rb'"(?:obfuscation|p)": ?"([^"\\]*)"')
_PROBE: Final = "~ another text ~"
_TRIES: Final = 3
_QUOTE: Final = 0x22
_BACKSLASH: Final = 0x5C


class PlainShape:
    """The bytes around the text, and around the noise, in the events of one stream; none are known at first."""

    __slots__ = ("_before", "_behind", "_between", "_end", "_middle", "_start", "_tries")

    def __init__(self) -> None:
        # Every piece has these, and nothing between them.
        self._before = self._behind = self._between = self._middle = b""
        self._start = self._end = 0
        self._tries = _TRIES

    def text(self, piece: bytes) -> str:
        """Return the joined texts of a piece that is whole events of the known shape, "" for any other piece."""
        if not piece.startswith(self._before) or not piece.endswith(self._behind):
            return ""
        inner = piece[self._start : self._end]
        if self._middle:
            inner = self._without_noise(inner)
        elif _QUOTE in inner:
            inner = inner.replace(self._between, b"")
        if _QUOTE in inner or _BACKSLASH in inner:
            return ""
        try:
            text = inner.decode()
        except UnicodeDecodeError:
            return ""
        # JSON allows no control characters, and a line end would end the event's line.
        return text if text.isprintable() else ""

    def _without_noise(self, inner: bytes) -> bytes:
        """Return what the events have where their texts are, b"" if one has no noise in its place."""
        texts = []
        for event in inner.split(self._between):
            text, middle, noise = event.partition(self._middle)
            if not middle or not (noise.isalnum() or not noise):
                return b""
            texts.append(text)
        return b"".join(texts)

    def learn(self, event: Event) -> None:
        """Take the shape of an event that has nothing but text and was not known by its shape.

        A stream whose events differ elsewhere, too, is not looked at each time.
        """
        data = event.data
        if not self._tries or data is None:
            return
        found = _TEXT.search(data)
        if found is None or event.raw != b"data: %b\n\n" % data:
            return
        self._tries -= 1
        start, end = found.span(1)
        noise = _NOISE.search(data, end)
        noise_start, noise_end = (end, end) if noise is None else noise.span(1)
        before, middle, behind = data[:start], data[end:noise_start], data[noise_end:]
        # The text that was found may be another field's.
        probe = _PROBE.encode()
        probed = before + probe + middle + (probe if middle else b"") + behind
        if plain_text(probed) == _PROBE:
            self._before, self._middle, self._behind = b"data: " + before, middle, behind + b"\n\n"
            self._between = self._behind + self._before
            self._start, self._end = len(self._before), -len(self._behind)
