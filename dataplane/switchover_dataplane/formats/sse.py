"""The bytes of a stream of server-sent events, cut anywhere → its events, each with its original bytes.

The joined bytes of all events equal the input, so forwarding the events changes nothing. Only a last event without its
blank line gets one at the end of the body, as clients would ignore it (WHATWG HTML, section 9.2.6).
"""

import re
from typing import Final

from switchover_dataplane.formats import lenient_json
from switchover_dataplane.process import turns
from switchover_dataplane.structs import Value

MAX_EVENT: Final = 4 * 1024 * 1024
"""A larger event is forwarded in parts that are not decoded; this limits the memory for a line without end."""

_OVERLAP: Final = 4
_LARGE: Final = 32 * 1024
# A byte is found ten times faster in bytes than bytes are.
_NEW_LINE: Final = 0x0A
_RETURN: Final = 0x0D
_LINE_END: Final = re.compile(rb"\r\n|\n|\r")
_EVENT_END: Final = re.compile(2 * rb"(?:\r\n|\n|\r(?!\n|\Z))")
_IDLE: Final = re.compile(rb"(?:[\r\n]+|:[^\r\n]*[\r\n])+")
_IDLE_STARTS: Final = frozenset(b"\r\n:")


class Event(Value, frozen=True):
    """One event: its bytes, its `event` field, and its data lines joined by newlines.

    `data` is None without a data line, as in comments and keep-alives. `is_part`: the event is too large to decode. It
    is a part without data, or a whole event whose data has too many values.
    """

    raw: bytes
    name: str = ""
    data: bytes | None = None
    is_part: bool = False


class Scanner:
    """Splits a byte stream into events, wherever its pieces were cut.

    Blank lines and comments before an event are one event. `is_behind`: the input holds more events than one turn of
    the event loop may read; `feed(b"")` returns the next ones. `held` are bytes of an event that has not ended.
    """

    __slots__ = ("_began", "_in_parts", "_looked", "held", "is_behind")

    def __init__(self) -> None:
        self.is_behind = False
        self.held = bytearray()
        self._began = False
        self._in_parts = False
        self._looked = 0

    @property
    def is_between(self) -> bool:
        """Whether the next byte begins an event."""
        return not self.held and self._began and not self._in_parts

    def _only_data(self, piece: bytes) -> list[bytes]:
        """Return the data of each event of a piece that is events of one data line each, as nearly every piece.

        Such a piece leaves nothing behind. For any other one the list is empty.
        """
        if _RETURN in piece or len(piece) > _LARGE or not piece.startswith(b"data: ") or not piece.endswith(b"\n\n"):
            return []
        data = piece[6:-2].split(b"\n\ndata: ")
        # A line end within an event, or an event that begins in another way.
        return data if piece.count(b"\n") == 2 * len(data) <= 2 * turns.EVENTS else []

    def feed(self, piece: bytes) -> list[Event]:
        """Read the next bytes; return the events that they complete, and the parts of an event above 4 MiB."""
        held = self.held
        if not held:
            data = self._only_data(piece)
            if data:
                self._began = True
                if len(data) == 1:
                    return [Event(piece, "", data[0])]
                return [Event(b"data: %b\n\n" % each, "", each) for each in data]
            if piece.endswith(b"\n\n") and _RETURN not in piece and piece.find(b"\n\n") == len(piece) - 2:
                return [self._event(piece)]
        text: bytes | bytearray = piece
        if held:
            held += piece
            text = held
        events, start = self._split(text, has_line_end=self.is_behind or _NEW_LINE in piece or _RETURN in piece)
        if text is held:
            del held[:start]
        else:
            held += text[start:]
        self.is_behind = len(events) >= turns.EVENTS and bool(held)
        self._looked = 0 if self.is_behind else max(0, len(held) - 3)
        if not self.is_behind and (len(held) > MAX_EVENT or (self._in_parts and len(held) > _OVERLAP)):
            # The last bytes may be the start of the event's end.
            events.append(Event(bytes(held[:-_OVERLAP]), is_part=True))
            del held[:-_OVERLAP]
            self._in_parts = True
            self._looked = 0
        return events

    def _split(self, text: bytes | bytearray, *, has_line_end: bool) -> tuple[list[Event], int]:
        """Return the events of one turn and the start of the rest.

        A comment can end only at a new line end, so one without end is not scanned again and again.
        """
        events: list[Event] = []
        start, looked = 0, self._looked
        has_return = text.find(b"\r", looked) >= 0
        while start < len(text) and len(events) < turns.EVENTS:
            if has_line_end and not self._in_parts and text[start] in _IDLE_STARTS:
                idle = _IDLE.match(text, start)
                if idle is not None:
                    self._began = True
                    events.append(Event(bytes(text[start : idle.end()])))
                    start = idle.end()
                    continue
            at = start if start > looked else looked
            end = _end(text, at) if has_return else text.find(b"\n\n", at) + 2
            if end < 2:
                break
            raw = bytes(text[start:end])
            events.append(Event(raw, is_part=True) if self._in_parts else self._event(raw))
            self._in_parts = False
            start = end
        return events, start

    def end(self) -> list[Event]:
        """Read the end of the body; return the event that had begun, with a blank line added."""
        rest = bytes(self.held)
        self.held.clear()
        if self._in_parts:
            return [Event(rest, is_part=True)]
        if not rest.strip(b"\r\n" + lenient_json.BYTE_ORDER_MARK):
            return [Event(rest)] if rest else []
        if not rest.endswith((b"\r\r", b"\n\r")):
            rest += b"\n" if rest.endswith(b"\n") else b"\n\n"
        return [self._event(rest)]

    def _event(self, raw: bytes) -> Event:
        if self._began and raw.startswith(b"data: ") and raw.find(b"\n") == len(raw) - 2 and _RETURN not in raw:
            data = raw[6:-2]  # as nearly every event
            if len(data) > _LARGE and not lenient_json.has_few_values(data):
                return Event(raw, "", data, is_part=True)
            return Event(raw, "", data)
        if self._began and raw.startswith(b"event: ") and raw.count(b"\n") == 3 and _RETURN not in raw:
            named, _, line = raw[7:-2].partition(b"\n")
            if line.startswith(b"data: ") and len(line) <= _LARGE:  # as nearly every event with a name
                return Event(raw, named.decode("utf-8", "replace"), line[6:])
        text = raw if self._began else raw.removeprefix(lenient_json.BYTE_ORDER_MARK)
        self._began = True
        if len(raw) > _LARGE and raw.count(b"\n") + raw.count(b"\r") > lenient_json.MOST_VALUES:
            return Event(raw, is_part=True)
        name, lines = "", []
        for line in _LINE_END.split(text):
            field, _, value = line.partition(b":")
            value = value.removeprefix(b" ")
            if field == b"data":
                lines.append(value)
            elif field == b"event":
                name = value.decode("utf-8", "replace")
        if not lines:
            return Event(raw, name)
        data = b"\n".join(lines)
        return Event(raw, name, data, not lenient_json.has_few_values(data))


def _end(text: bytes | bytearray, start: int) -> int:
    """Return the end of an event, 0 if there is none; for streams with carriage returns, which need the slow search."""
    end = _EVENT_END.search(text, start)
    return 0 if end is None else end.end()
