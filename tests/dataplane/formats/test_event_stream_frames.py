"""Bytes of an AWS event stream, cut anywhere, and the frames that they are; botocore is the judge."""

import struct
from pathlib import Path
from zlib import crc32

import pytest
from botocore.eventstream import EventStreamBuffer
from hypothesis import given
from hypothesis import strategies as st

from bedrock_recordings import BEDROCK, RECORDINGS, files
from switchover_dataplane.formats.event_stream_frames import (
    MAX_HEADERS,
    MAX_PAYLOAD,
    BadFrame,
    Frame,
    Scanner,
    encoded,
    event,
    exception,
)
from switchover_dataplane.process import turns

NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
STREAMS = st.lists(st.builds(event, NAMES, st.binary(max_size=60)), max_size=8).map(b"".join)


def scanned(*pieces: bytes) -> list[Frame]:
    scanner = Scanner()
    frames: list[Frame] = []
    for piece in pieces:
        frames += scanner.feed(piece)
        while scanner.is_behind:
            frames += scanner.feed(b"")
    return frames + scanner.end()


def by_botocore(stream: bytes) -> list[Frame]:
    buffer = EventStreamBuffer()
    buffer.add_data(stream)
    return [Frame(each.headers.get(":event-type", ""), each.payload) for each in buffer]


def made(headers: bytes, payload: bytes = b"", *, total: int | None = None, headers_length: int | None = None) -> bytes:
    """A frame with right checksums, whatever its lengths and headers are."""
    size = len(headers) + len(payload) + 16 if total is None else total
    lengths = struct.pack("!II", size, len(headers) if headers_length is None else headers_length)
    frame = lengths + struct.pack("!I", crc32(lengths)) + headers + payload
    return frame + struct.pack("!I", crc32(frame))


def header(name: bytes, kind: int, value: bytes) -> bytes:
    return bytes([len(name)]) + name + bytes([kind]) + value


def text(name: bytes, value: bytes) -> bytes:
    return header(name, 7, struct.pack("!H", len(value)) + value)


@given(STREAMS, st.data())
def test_any_split_of_the_bytes_gives_the_frames_that_botocore_reads(stream: bytes, draw: st.DataObject) -> None:
    cuts = sorted(draw.draw(st.lists(st.integers(0, len(stream)), max_size=12)))
    pieces = [stream[start:end] for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)]

    whole = by_botocore(stream)

    assert scanned(*pieces) == whole
    assert scanned(*(bytes([byte]) for byte in stream)) == whole


@pytest.mark.parametrize("path", files("*/*.stream.bin"))
def test_every_recorded_stream_is_read_as_botocore_reads_it(path: Path) -> None:
    stream = path.read_bytes()

    assert scanned(stream) == by_botocore(stream)
    assert scanned(*(stream[at : at + 7] for at in range(0, len(stream), 7))) == by_botocore(stream)


@pytest.mark.parametrize("path", files("detect/*.stream.bin", RECORDINGS / "bad-input"))
def test_a_recorded_stream_that_is_broken_is_no_stream(path: Path) -> None:
    with pytest.raises(BadFrame):
        scanned(path.read_bytes())


@given(STREAMS.filter(bool), st.data())
def test_one_wrong_bit_anywhere_is_found(stream: bytes, draw: st.DataObject) -> None:
    at, bit = draw.draw(st.integers(0, len(stream) - 1)), draw.draw(st.integers(0, 7))
    wrong = bytearray(stream)
    wrong[at] ^= 1 << bit

    with pytest.raises(BadFrame):
        scanned(bytes(wrong))


@given(STREAMS.filter(bool), st.data())
def test_a_cut_within_a_frame_is_found_at_the_end(stream: bytes, draw: st.DataObject) -> None:
    ends = [0]
    while ends[-1] < len(stream):
        ends.append(ends[-1] + struct.unpack_from("!I", stream, ends[-1])[0])
    cut = draw.draw(st.integers(0, len(stream)).filter(lambda at: at not in ends))

    with pytest.raises(BadFrame, match="ends within a frame"):
        scanned(stream[:cut])


def test_frames_before_a_bad_one_are_read_first() -> None:
    scanner = Scanner()

    assert scanner.feed(event("a", b"1") + bytes(16)) == [Frame("a", b"1")]
    assert scanner.is_behind
    with pytest.raises(BadFrame):
        scanner.feed(b"")


def test_a_turn_reads_as_many_frames_as_one_turn_may() -> None:
    scanner = Scanner()

    first = scanner.feed(event("a", b"") * (turns.EVENTS + 1))

    assert len(first) == turns.EVENTS
    assert scanner.is_behind
    assert len(scanner.feed(b"")) == 1
    assert not scanner.is_behind


def test_what_one_turn_left_is_read_at_the_end() -> None:
    scanner = Scanner()
    first = scanner.feed(event("a", b"") * (2 * turns.EVENTS + 1))

    assert len(first + scanner.end()) == 2 * turns.EVENTS + 1


FIXED = [(0, 0), (1, 0), (2, 1), (3, 2), (4, 4), (5, 8), (8, 8), (9, 16)]


@pytest.mark.parametrize(("kind", "size"), FIXED)
def test_a_header_of_a_fixed_length_is_passed_over(kind: int, size: int) -> None:
    headers = header(b"x", kind, b"\xff" * size) + text(b":event-type", b"metadata")

    assert scanned(made(headers, b"{}")) == [Frame("metadata", b"{}")] == by_botocore(made(headers, b"{}"))


def test_a_header_of_bytes_is_passed_over() -> None:
    headers = header(b"x", 6, b"\x00\x03\xff\xff\xff") + text(b":event-type", b"metadata")

    assert scanned(made(headers)) == [Frame("metadata", b"")] == by_botocore(made(headers))


@pytest.mark.parametrize(
    "headers",
    [
        header(b"x", 10, b""),
        header(b"x", 255, b"1234"),
        header(b"x", 5, b"1234"),
        header(b"x", 7, b"\x00\x09abc"),
        header(b"x", 7, b"\x00"),
        header(b"x", 6, b"\xff\xffabc"),
        b"\x05ab",
        b"\x02ab",
        text(b"x", b"\xff"),
        text(b"\xff", b"a"),
        text(b"x", b"a") + text(b"x", b"b"),
        header(b"x", 0, b"") + header(b"x", 1, b""),
    ],
)
def test_headers_that_are_none_make_a_bad_frame(headers: bytes) -> None:
    with pytest.raises(BadFrame, match="header"):
        scanned(made(headers, b"payload that could be taken for more of them"))


@pytest.mark.parametrize(
    ("total", "headers", "why"),
    [
        (16 + MAX_HEADERS + 1, MAX_HEADERS + 1, "bytes of headers"),
        (16 + MAX_PAYLOAD + 1, 0, "bytes of payload"),
        (0xFFFFFFFF, 0, "bytes of payload"),
        (15, 0, "shorter"),
        (0, 0, "shorter"),
        (100, 85, "shorter"),
    ],
)
def test_lengths_that_no_frame_has_are_found_before_the_rest_comes(total: int, headers: int, why: str) -> None:
    with pytest.raises(BadFrame, match=why):
        Scanner().feed(made(b"", total=total, headers_length=headers)[:12])


def test_the_largest_frame_is_read() -> None:
    value = b"a" * 65_535
    padding = MAX_HEADERS - len(text(b"x", value)) - len(text(b"yy", b""))
    headers = text(b"x", value) + text(b"yy", b"b" * padding)
    assert len(headers) == MAX_HEADERS
    frame = made(headers, bytes(MAX_PAYLOAD))

    frames = scanned(*(frame[at : at + 65_536] for at in range(0, len(frame), 65_536)))

    assert [len(each.data) for each in frames] == [MAX_PAYLOAD]


def test_an_exception_has_its_type_as_its_name() -> None:
    stream = exception("throttlingException", b'{"message":"Too many"}')

    assert scanned(stream) == [Frame("exception:throttlingException", b'{"message":"Too many"}')]


def test_an_error_without_a_payload_has_its_words_as_one() -> None:
    headers = {":message-type": "error", ":error-code": "InternalError", ":error-message": 'a "fault"'}

    assert scanned(encoded(headers, b"")) == [Frame("error:InternalError", b'{"message":"a \\"fault\\""}')]


def test_a_frame_without_a_message_type_is_an_event() -> None:
    assert scanned(encoded({":event-type": "messageStart"}, b"{}")) == [Frame("messageStart", b"{}")]


def test_there_are_recordings_of_whole_streams() -> None:
    if not BEDROCK.exists():
        pytest.skip("no recordings of Bedrock")
    assert len(files("*/*.stream.bin")) >= 10
