"""Bytes of a stream, cut anywhere, and the events that they are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switchover_dataplane.formats.sse import MAX_EVENT, Event, Scanner
from switchover_dataplane.process import turns

TEXTS = st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), max_size=12)
LINES = st.one_of(
    TEXTS.map(lambda text: f"data: {text}"),
    TEXTS.map(lambda text: f"data:{text}"),
    TEXTS.map(lambda text: f": {text}"),
    TEXTS.map(lambda text: f"event: {text}"),
    TEXTS,
    st.just(""),
)
STREAMS = st.builds(
    lambda mark, lines: (mark + "".join(line + end for line, end in lines)).encode(),
    st.sampled_from(["", "\ufeff"]),
    st.lists(st.tuples(LINES, st.sampled_from(["\n", "\r\n", "\r"])), max_size=30),
)


def scanned(*pieces: bytes) -> list[Event]:
    scanner = Scanner()
    events: list[Event] = []
    for piece in pieces:
        events += scanner.feed(piece)
        while scanner.is_behind:
            events += scanner.feed(b"")
    return events + scanner.end()


def dispatched(events: list[Event]) -> list[tuple[str, bytes]]:
    """What a client sees of events: what stands between them may be cut anywhere."""
    return [(event.name, event.data) for event in events if event.data is not None]


def data(*pieces: bytes) -> list[bytes]:
    return [event.data for event in scanned(*pieces) if event.data is not None]


@given(STREAMS, st.data())
def test_any_split_of_the_bytes_gives_the_same_events(text: bytes, draw: st.DataObject) -> None:
    cuts = sorted(draw.draw(st.lists(st.integers(0, len(text)), max_size=12)))
    pieces = [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]

    whole = scanned(text)
    for cut in (scanned(*pieces), scanned(*(bytes([byte]) for byte in text))):
        assert dispatched(cut) == dispatched(whole)
        assert b"".join(event.raw for event in cut) == b"".join(event.raw for event in whole)


@given(STREAMS)
def test_the_events_joined_are_the_bytes_that_came_but_for_a_blank_line_at_the_end(text: bytes) -> None:
    joined = b"".join(event.raw for event in scanned(text))

    assert joined[: len(text)] == text
    assert joined[len(text) :] in (b"", b"\n", b"\n\n")


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("field", [b"data: ", b"data:"])
def test_every_line_end_and_a_missing_space_are_understood(end: bytes, field: bytes) -> None:
    assert data(field + b"a" + end * 2 + field + b"b" + end * 2) == [b"a", b"b"]


def test_lines_of_data_are_joined_and_only_one_space_is_taken_away() -> None:
    assert data(b"data: a\ndata:  b\ndata\n\n") == [b"a\n b\n"]


def test_the_name_of_an_event_is_its_own() -> None:
    assert [event.name for event in scanned(b"event: error\ndata: a\n\ndata: b\n\n")] == ["error", ""]


def test_comments_and_keep_alives_are_events_without_data() -> None:
    events = scanned(b": OPENROUTER PROCESSING\n\nid: 7\n\nevent: ping\n\ndata: a\n\n")
    assert [event.data for event in events] == [None, None, None, b"a"]


def test_data_may_be_empty_and_is_dispatched_all_the_same() -> None:
    assert data(b"data: a\n\ndata:\n\ndata: \n\ndata\n\n") == [b"a", b"", b"", b""]


def test_letters_that_are_split_across_pieces_arrive_whole() -> None:
    euro = "€".encode()
    assert data(b"data: " + euro[:1], euro[1:2], euro[2:] + b"\n\n") == [euro]


def test_a_byte_order_mark_is_passed_on_and_is_no_part_of_the_first_field() -> None:
    events = scanned(b"\xef", b"\xbb\xbfdata: a\n\ndata: b\n\n")
    assert [event.data for event in events] == [b"a", b"b"]
    assert events[0].raw == b"\xef\xbb\xbfdata: a\n\n"


@pytest.mark.parametrize("ending", [b"", b"\n", b"\r\n", b"\r"])
def test_a_last_event_without_its_blank_line_gets_one(ending: bytes) -> None:
    [event] = scanned(b"data: [DONE]" + ending)
    assert event.data == b"[DONE]"
    assert event.raw.removeprefix(b"data: [DONE]" + ending) in (b"\n", b"\n\n")
    assert data(event.raw, b"data: x\n\n") == [b"[DONE]", b"x"]


def test_a_carriage_return_in_the_middle_of_a_line_ends_it() -> None:
    assert data(b"data: a\n\ndata: b\rdata: c\n\n") == [b"a", b"b\nc"]


@pytest.mark.parametrize("size", [1, 3, 7, 1000])
@pytest.mark.parametrize("end", [b"\n\n", b"\r\n\r\n"])
def test_an_event_that_is_too_large_passes_in_parts_and_the_next_one_is_read_again(size: int, end: bytes) -> None:
    scanner = Scanner()
    start, rest = b"data: " + b"x" * (MAX_EVENT - 20), b"x" * 300 + end + b"data: b" + end
    pieces = [b"data: a" + end, start, *(rest[at : at + size] for at in range(0, len(rest), size))]
    events = [event for piece in pieces for event in scanner.feed(piece)]
    events += scanner.end()
    assert b"".join(event.raw for event in events) == b"".join(pieces)
    assert [event.data for event in events if not event.is_part] == [b"a", b"b"] or size == 1000
    assert scanner.end() == []


def test_an_event_that_is_too_large_and_never_ends_is_a_part_to_the_end() -> None:
    sent = b"data: " + b"x" * MAX_EVENT
    events = scanned(sent)
    assert [event.is_part for event in events] == [True, True]
    assert b"".join(event.raw for event in events) == sent


@pytest.mark.parametrize("idle", [b"\n" * 9, b"\r\n" * 9, b"\r" * 9, b": a\n\n: b\n\n:\n", b"\n: a\r\n\r\n\n"])
def test_a_run_of_blank_lines_and_comments_is_one_event(idle: bytes) -> None:
    events = scanned(b"data: a\n\n" + idle + b"data: b\n\n")
    assert [(event.raw, event.data) for event in events] == [
        (b"data: a\n\n", b"a"),
        (idle, None),
        (b"data: b\n\n", b"b"),
    ]


def test_no_more_events_are_returned_at_once_than_one_turn_is_for() -> None:
    scanner, counts = Scanner(), []
    events = scanner.feed(b"data:1\n\n" * (2 * turns.EVENTS + 20))
    counts.append(len(events))
    while scanner.is_behind:
        counts.append(len(scanner.feed(b"")))
    assert counts == [turns.EVENTS, turns.EVENTS, 20]
    assert scanner.end() == []


def test_what_comes_while_the_scanner_is_behind_follows_in_its_turn() -> None:
    scanner = Scanner()
    events = scanner.feed(b"data:1\n\n" * (turns.EVENTS + 1) + b"dat")
    events += scanner.feed(b"a:2\n\n")
    assert [event.data for event in events] == [b"1"] * (turns.EVENTS + 1) + [b"2"]
    assert not scanner.is_behind


def test_a_large_event_of_too_many_values_is_not_to_be_read_though_its_data_is_there() -> None:
    many = b"[" + b"[]," * 20_000 + b"0]"
    for text in (b"data: " + many + b"\n\n", b"event: x\ndata: " + many + b"\n\n"):
        [event] = scanned(text)
        assert (event.is_part, event.data, event.raw) == (True, many, text)
    assert scanned(b'data: "' + b"x" * 1_000_000 + b'"\n\n')[0].is_part is False


def test_a_large_event_of_too_many_lines_has_no_data() -> None:
    text = b"data: 1\n" * 20_000 + b"\n"
    [event] = scanned(text)
    assert (event.is_part, event.data, event.raw) == (True, None, text)
