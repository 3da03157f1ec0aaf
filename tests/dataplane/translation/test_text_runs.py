"""Texts of a stream that are read without their events say what the events say."""

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from switchover_dataplane.formats import event_stream_frames
from switchover_dataplane.formats.api import Api
from switchover_dataplane.formats.sse import Scanner
from switchover_dataplane.translation.answers import (
    CallDelta,
    CallEnd,
    CallStart,
    Ended,
    Event,
    Started,
    Stop,
    Stopped,
    TextDelta,
    ThinkingDelta,
    ThinkingEnd,
)
from switchover_dataplane.translation.format import Format
from switchover_dataplane.translation.formats import FORMATS
from switchover_dataplane.translation.joining import joined
from switchover_dataplane.translation.stream import Framing, StreamTranslation
from switchover_dataplane.translation.text_runs import TextRun
from translated import asked, read_stream

TEXTS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=8) | st.sampled_from(
    [" ", "text", "text_delta", '"', "\\", "\\u0041", "a\nb", "\u20ac\U0001f600", '","text":"x', "0", "\u2028"]
)
CLIENTS = [each for each in FORMATS.values() if each.api is not Api.CONVERSE]


def framing(target: Format) -> Framing:
    return event_stream_frames.Scanner() if target.api is Api.CONVERSE else Scanner()


def pieces_of(target: Format, events: Sequence[Event]) -> list[bytes]:
    writer = target.writer(asked())
    return [writer.write([event]) for event in events]


def drawn(data: st.DataObject) -> list[Event]:
    """Runs of texts, with calls and reasoning between them."""
    events: list[Event] = [Started("the-model")]
    calls = 0
    for kind in data.draw(st.lists(st.sampled_from(["texts", "call", "thinking"]), min_size=1, max_size=4)):
        if kind == "texts":
            events += map(TextDelta, data.draw(st.lists(TEXTS, min_size=1, max_size=5)))
        elif kind == "call":
            events += [CallStart(calls, f"call_{calls}", "f"), CallDelta(calls, "{}"), CallEnd(calls)]
            calls += 1
        else:
            events += [ThinkingDelta("thought", "claude"), ThinkingEnd("claude", "c2ln")]
    return [*events, Stopped(Stop.TOOLS if calls else Stop.END), Ended()]


@pytest.mark.parametrize("target", FORMATS.values(), ids=lambda each: each.api.name)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_a_stream_of_texts_is_translated_as_its_events_are(target: Format, data: st.DataObject) -> None:
    client = data.draw(st.sampled_from([each for each in CLIENTS if each is not target]))
    events = drawn(data)
    pieces = pieces_of(target, events)
    translation = StreamTranslation(framing(target), target.reader(), client.writer(asked()))
    written = b"".join([translation.feed(piece) for piece in pieces]) + translation.end()
    # In one piece each event is read by itself, as the next run begins with another shape each time.
    scanner, reader = framing(target), target.reader()
    read = [each for piece in pieces for each in scanner.feed(piece)] + list(scanner.end())
    taken = [event for each in read if each.data is not None for event in reader.take(each.data, each.name)]
    expected = client.writer(asked()).write([*taken, *reader.end()])
    assert joined(read_stream(client, written)) == joined(read_stream(client, expected))


def test_events_that_come_together_stay_as_many() -> None:
    translation = StreamTranslation(Scanner(), FORMATS[Api.MESSAGES].reader(), FORMATS[Api.CHAT].writer(asked()))
    begun, *said = pieces_of(FORMATS[Api.MESSAGES], [Started("m"), *map(TextDelta, ("one", "two", "three", "four"))])
    translation.feed(begun + said[0])
    assert translation.feed(b"".join(said[1:])).count(b"data: ") == 3


def learned(data: bytes, text: str) -> TextRun:
    run = TextRun()
    run.learn(framed(data), data, [TextDelta(text)])
    return run


def framed(*data: bytes) -> bytes:
    return b"".join([b"event: said\ndata: %b\n\n" % each for each in data])


def test_what_differs_in_its_text_alone_is_a_text_of_the_run() -> None:
    run = learned(b'{"delta":{"text":"hi"},"n":1}', "hi")
    said = b'{"delta":{"text":" \xe2\x82\xac there"},"n":1}'
    assert run.text(framed(said)) == " \u20ac there"
    assert run.text(framed(said, said)) == ""


@pytest.mark.parametrize(
    "data",
    [
        b'{"delta":{"text":"a"},"n":2}',
        b'{"delta":{"text":"a"},"x":{"text":"b"},"n":1}',
        b'{"delta":{"text":"\\n"},"n":1}',
        b'{"delta":{"text":"\n"},"n":1}',
        b'{"delta":{"text":"\xff"},"n":1}',
        b'{"delta":{"text":""},"n":1}',
        b'{"delta":{"text":"},"n":1}',
    ],
)
def test_whatever_else_comes_is_left_to_the_reader(data: bytes) -> None:
    assert learned(b'{"delta":{"text":"hi"},"n":1}', "hi").text(framed(data)) == ""


def test_an_event_of_another_name_is_none_of_the_run() -> None:
    assert learned(b'{"text":"hi"}', "hi").text(b'event: error\ndata: {"text":"ho"}\n\n') == ""


def test_a_text_that_stands_twice_in_its_event_tells_nothing() -> None:
    assert learned(b'{"id":"hi","text":"hi"}', "hi").text(framed(b'{"id":"hi","text":"ho"}')) == ""


def test_an_event_of_another_kind_ends_the_run() -> None:
    run = learned(b'{"text":"hi"}', "hi")
    run.learn(framed(b'{"stop":true}'), b'{"stop":true}', [Stopped(Stop.END)])
    assert run.text(framed(b'{"text":"ho"}')) == ""


def test_a_piece_that_begins_within_an_event_is_none_of_the_run() -> None:
    scanner = Scanner()
    writer = FORMATS[Api.CHAT].writer(asked())
    translation = StreamTranslation(scanner, FORMATS[Api.MESSAGES].reader(), writer)
    begun, *said = pieces_of(FORMATS[Api.MESSAGES], [Started("m"), TextDelta("one"), TextDelta("two"), TextDelta("3")])
    for piece in (begun, *said[:2]):
        translation.feed(piece)
    assert translation.feed(b'data: {"half":') == b""
    assert b'"content":"3"' not in translation.feed(said[2])
