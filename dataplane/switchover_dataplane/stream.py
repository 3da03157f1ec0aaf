"""Server-sent events: bytes of a stream, cut anywhere, → its events with the very bytes that each is made of.

The bytes of all events joined are what came in: who passes events on changes nothing. Only a last event that lacks its
blank line gets one at the end of the body, as clients would not see it (WHATWG HTML, section 9.2.6).
"""

import re
from collections.abc import Iterator
from typing import Final

import msgspec

MAX_EVENT: Final = 4 * 1024 * 1024
"""A larger event is passed on in parts that nobody reads; it bounds what is held of a line that never ends."""

_OVERLAP: Final = 4
_LINE_END: Final = re.compile(rb"\r\n|\n|\r")
_EVENT_END: Final = re.compile(2 * rb"(?:\r\n|\n|\r(?!\n|\Z))")
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"


class Event(msgspec.Struct, frozen=True, gc=False):
    """What stands up to one blank line: its bytes, its `event` field, and its data lines joined by newlines.

    `data` is None where there is none and nothing would be dispatched: comments, keep-alives. `is_part` tells a part of
    an event that is too large to be read.
    """

    raw: bytes
    name: str = ""
    data: bytes | None = None
    is_part: bool = False


def _ends(text: bytes | bytearray, start: int) -> Iterator[int]:
    """Find where events end; without a carriage return anywhere, as mostly, that is quick."""
    if b"\r" in text:
        for end in _EVENT_END.finditer(text, start):
            yield end.end()
        return
    while (found := text.find(b"\n\n", start)) >= 0:
        start = found + 2
        yield start


class Scanner:
    """Splits a byte stream into events, wherever its pieces were cut."""

    __slots__ = ("_began", "_held", "_in_parts")

    def __init__(self) -> None:
        self._held = bytearray()
        self._began = False
        self._in_parts = False

    @property
    def is_within_data(self) -> bool:
        """Whether an event with data has begun and goes on."""
        return self._in_parts or self._held.startswith((b"data", b"event:"))

    def feed(self, piece: bytes) -> list[Event]:
        """Take the next bytes; return the events that they complete, and the parts of one of more than 4 MiB."""
        held = self._held
        if not held and piece.find(b"\n\n") == len(piece) - 2 >= 0 and b"\r" not in piece:
            return [self._event(piece)]  # as nearly every piece
        text: bytes | bytearray = piece
        looked = 0
        if held:
            looked = max(0, len(held) - 3)
            held += piece
            text = held
        events: list[Event] = []
        start = 0
        for end in _ends(text, looked):
            raw = bytes(text[start:end])
            events.append(Event(raw, is_part=True) if self._in_parts else self._event(raw))
            self._in_parts = False
            start = end
        if text is held:
            del held[:start]
        else:
            held += text[start:]
        if len(held) > MAX_EVENT or (self._in_parts and len(held) > _OVERLAP):
            # The last bytes may be the beginning of the end.
            events.append(Event(bytes(held[:-_OVERLAP]), is_part=True))
            del held[:-_OVERLAP]
            self._in_parts = True
        return events

    def end(self) -> list[Event]:
        """Take the end of the body; return the event that it completes, its blank line added, if one had begun."""
        rest = bytes(self._held)
        self._held.clear()
        if self._in_parts:
            return [Event(rest, is_part=True)]
        if not rest.strip(b"\r\n" + _BYTE_ORDER_MARK):
            return [Event(rest)] if rest else []
        if not rest.endswith((b"\r\r", b"\n\r")):
            rest += b"\n" if rest.endswith(b"\n") else b"\n\n"
        return [self._event(rest)]

    def _event(self, raw: bytes) -> Event:
        if self._began and raw.startswith(b"data: ") and raw.find(b"\n") == len(raw) - 2 and b"\r" not in raw:
            return Event(raw, "", raw[6:-2])  # as nearly every event
        text = raw if self._began else raw.removeprefix(_BYTE_ORDER_MARK)
        self._began = True
        name, lines = "", []
        for line in _LINE_END.split(text):
            field, _, value = line.partition(b":")
            value = value.removeprefix(b" ")
            if field == b"data":
                lines.append(value)
            elif field == b"event":
                name = value.decode("utf-8", "replace")
        return Event(raw, name, b"\n".join(lines) if lines else None)
