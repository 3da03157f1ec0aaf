"""The bytes of an AWS event stream, cut anywhere → its frames, each checked; and frames → bytes.

Source of the form: Amazon Transcribe Developer Guide, "Event stream encoding"; botocore's `eventstream` module has the
same limits. A frame is: total length and headers length (4 bytes each, big-endian), a CRC32 of these 8 bytes, the
headers, the payload, and a CRC32 of all before it.
"""

import struct
from collections.abc import Mapping
from typing import ClassVar, Final
from zlib import crc32

import msgspec

from switchover_dataplane.process import turns

MEDIA_TYPE: Final = "application/vnd.amazon.eventstream"

MAX_HEADERS: Final = 128 * 1024
"""Maximum bytes of the headers of one frame."""

MAX_PAYLOAD: Final = 24 * 1024 * 1024
"""Maximum bytes of the payload of one frame."""

_PRELUDE: Final = struct.Struct("!III")
_CHECKSUM: Final = struct.Struct("!I")
_LENGTHS: Final = 8
_FRAMING: Final = _PRELUDE.size + _CHECKSUM.size
_STRING: Final = 7
_VALUE_BYTES: Final = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}
"""The header types of a fixed length: true, false, byte, short, integer, long, timestamp, UUID."""
_WITH_LENGTH: Final = frozenset((6, _STRING))
"""The header types whose value follows its length: bytes and string."""

_MESSAGE: Final = ":message-type"
_EVENT: Final = ":event-type"
_EXCEPTION: Final = ":exception-type"
_ERROR_CODE: Final = ":error-code"
_ERROR_TEXT: Final = ":error-message"


class BadFrame(Exception):
    """The bytes are no frame; the text says why in words that hold nothing of them."""


class Frame(msgspec.Struct, frozen=True, gc=False):
    """One frame. `name` is its event, "exception:TYPE" or "error:CODE"; `data` its payload.

    An error without a payload has its words in a header; then `data` is `{"message": ...}`, as in an exception. `raw`
    is not kept, as no frame has the checksum of another one.
    """

    name: str
    data: bytes
    is_part: ClassVar[bool] = False
    raw: ClassVar[bytes] = b""


class Scanner:
    """Splits a byte stream into frames, wherever its pieces were cut. After a `BadFrame` it is of no use.

    `is_behind`: the input holds more frames than one turn of the event loop may read; `feed(b"")` returns the next
    ones. `held` are bytes of a frame that has not ended.
    """

    __slots__ = ("_checked", "held", "is_behind")

    is_between = False

    def __init__(self) -> None:
        self.held = bytearray()
        self.is_behind = False
        self._checked = 0

    def feed(self, piece: bytes) -> list[Frame]:
        """Read the next bytes; return the frames that they complete.

        Raises:
            BadFrame: a frame is too large, its checksum is wrong, or its headers are. Frames of the same piece that
                came before it are returned first; the fault is raised by the next call, also by `end`.
        """
        held = self.held
        held += piece
        frames: list[Frame] = []
        start = 0
        try:
            while len(frames) < turns.EVENTS and len(held) - start >= _PRELUDE.size:
                total = self._total(start)
                if len(held) - start < total:
                    break
                frames.append(_frame(bytes(memoryview(held)[start : start + total])))
                start += total
                self._checked = 0
        except BadFrame:
            if not frames:
                raise
            # What came whole is worth having; the bad frame is still there at the next call.
            self.is_behind = True
            del held[:start]
            return frames
        del held[:start]
        self.is_behind = len(frames) >= turns.EVENTS and bool(held)
        return frames

    def _total(self, start: int) -> int:
        """Return the length of the frame that begins at `start`; its first bytes are checked once."""
        if not self._checked:
            self._checked = _checked_length(self.held, start)
        return self._checked

    def end(self) -> list[Frame]:
        """Read the end of the body; return the frames that `feed` left for another turn.

        Raises:
            BadFrame: as `feed`, or the last frame is cut.
        """
        frames = self.feed(b"")
        while self.is_behind:
            frames += self.feed(b"")
        if self.held:
            raise BadFrame("the stream ends within a frame")
        return frames


def _checked_length(held: bytearray, start: int) -> int:
    """Check the first 12 bytes of a frame before memory is kept for the rest; return its length."""
    total, headers, checksum = _PRELUDE.unpack_from(held, start)
    if crc32(memoryview(held)[start : start + _LENGTHS]) != checksum:
        raise BadFrame("the checksum of a frame's lengths is wrong")
    if headers > MAX_HEADERS:
        raise BadFrame(f"a frame has more than {MAX_HEADERS} bytes of headers")
    payload = total - headers - _FRAMING
    if payload < 0:
        raise BadFrame("a frame is shorter than its headers")
    if payload > MAX_PAYLOAD:
        raise BadFrame(f"a frame has more than {MAX_PAYLOAD} bytes of payload")
    return int(total)


def _frame(raw: bytes) -> Frame:
    (checksum,) = _CHECKSUM.unpack_from(raw, len(raw) - _CHECKSUM.size)
    if crc32(memoryview(raw)[: -_CHECKSUM.size]) != checksum:
        raise BadFrame("the checksum of a frame is wrong")
    headers_end = _PRELUDE.size + _PRELUDE.unpack_from(raw)[1]
    texts = _texts(raw, _PRELUDE.size, headers_end)
    payload = raw[headers_end : -_CHECKSUM.size]
    kind = texts.get(_MESSAGE, "event")
    if kind == "error":
        words = payload or msgspec.json.encode({"message": texts.get(_ERROR_TEXT, "")})
        return Frame(f"error:{texts.get(_ERROR_CODE, '')}", words)
    if kind == "exception" or _EXCEPTION in texts:
        return Frame(f"exception:{texts.get(_EXCEPTION, '')}", payload)
    return Frame(texts.get(_EVENT, ""), payload)


def _texts(raw: bytes, start: int, end: int) -> dict[str, str]:
    """Return the headers whose value is a string; headers of any other type are passed over."""
    texts: dict[str, str] = {}
    seen: set[str] = set()
    while start < end:
        name, start = _text(raw, start + 1, raw[start], end)
        if name in seen:
            raise BadFrame("a frame has a header twice")
        seen.add(name)
        kind = raw[start] if start < end else -1
        start += 1
        size = _VALUE_BYTES.get(kind)
        if size is None and kind in _WITH_LENGTH:
            size = int.from_bytes(raw[start : min(start + 2, end)], "big")
            start += 2
        if size is None:
            raise BadFrame("a header of a frame has an unknown type")
        if kind == _STRING:
            texts[name], start = _text(raw, start, size, end)
            continue
        start += size
    if start != end:
        raise BadFrame("the headers of a frame are cut")
    return texts


def _text(raw: bytes, start: int, size: int, end: int) -> tuple[str, int]:
    if start + size > end:
        raise BadFrame("the headers of a frame are cut")
    try:
        return raw[start : start + size].decode(), start + size
    except UnicodeDecodeError:
        raise BadFrame("a header of a frame is no UTF-8") from None


def encoded(headers: Mapping[str, str], payload: bytes) -> bytes:
    """Write a frame whose headers are strings: names of up to 255 bytes, values of up to 65535."""
    pieces: list[bytes] = []
    for name, value in headers.items():
        key, text = name.encode(), value.encode()
        pieces.append(struct.pack("!B", len(key)) + key + struct.pack("!BH", _STRING, len(text)) + text)
    head = b"".join(pieces)
    lengths = struct.pack("!II", len(head) + len(payload) + _FRAMING, len(head))
    frame = lengths + _CHECKSUM.pack(crc32(lengths)) + head + payload
    return frame + _CHECKSUM.pack(crc32(frame))


def event(name: str, payload: bytes) -> bytes:
    """Write a frame as Bedrock writes an event with a JSON payload."""
    return encoded({_EVENT: name, ":content-type": "application/json", _MESSAGE: "event"}, payload)


def exception(name: str, payload: bytes) -> bytes:
    """Write a frame as Bedrock writes an exception in the midst of a stream."""
    return encoded({_EXCEPTION: name, ":content-type": "application/json", _MESSAGE: "exception"}, payload)
