"""Events that are known by the bytes around their text: the text is what decoding them gives, or they are not known."""

import json
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switchover_dataplane.formats.chunk import plain_text
from switchover_dataplane.formats.plain_shape import PlainShape
from switchover_dataplane.formats.sse import Event, Scanner


def event(
    text: str, fields: Mapping[str, object] | None = None, *, compact: bool = True, escaped: bool = True
) -> bytes:
    body: dict[str, object] = {"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}]}
    body = {"id": "1", **body, **(fields or {})}
    separators = (",", ":") if compact else (", ", ": ")
    return b"data: " + json.dumps(body, separators=separators, ensure_ascii=escaped).encode() + b"\n\n"


def knowing(known: bytes) -> PlainShape:
    shape = PlainShape()
    shape.learn(Event(known, "", known[6:-2]))
    return shape


@pytest.mark.parametrize("compact", [True, False])
@pytest.mark.parametrize("text", ["b", " b", "b c", "é", "🦆", "data: ", "}}]}", "[DONE]", "content"])
def test_an_event_of_the_same_shape_is_known(text: str, compact: bool) -> None:
    shape = knowing(event("a", compact=compact))
    assert shape.text(event(text, compact=compact, escaped=False)) == text


def test_several_events_of_the_same_shape_are_known_together() -> None:
    assert knowing(event("a")).text(event("b") + event(" c") + event("d")) == "b cd"


@pytest.mark.parametrize("compact", [True, False])
@pytest.mark.parametrize("name", ["obfuscation", "p"])
def test_noise_is_passed_over(name: str, compact: bool) -> None:
    def noisy(text: str, noise: str) -> bytes:
        return event(text, {name: noise}, compact=compact)

    shape = knowing(noisy("a", "Zk3"))
    assert shape.text(noisy("b", "x")) == "b"
    assert shape.text(noisy("b", "") + noisy(" c", "0123456789") + noisy("d", "y")) == "b cd"
    for strange in ("é", "\\", '"', "a b", "\n"):
        assert shape.text(noisy("b", strange)) == ""
    assert shape.text(noisy('b"', "x")) == ""
    assert shape.text(noisy("b", "x").replace(b"null", b'"stop"')) == ""
    assert shape.text(noisy("b", "x") + noisy("c", "x").replace(b"null", b'"stop"') + noisy("d", "x")) == ""
    assert shape.text(event("b", compact=compact)) == ""
    known = noisy("a", "Zk3")
    start, end = known.index(b'"a"') + 1, known.index(b"Zk3")
    assert shape.text(known[:start] + b"b" + known[end:].removeprefix(b"Zk3")) == "", "the middle is missing"


STRANGE = {
    "a finish reason": event("b").replace(b"null", b'"stop"'),
    "an error": event("b", {"error": {"message": "m"}}),
    "another choice": event("b").replace(b'"index":0', b'"index":1'),
    "a tool call": event("b").replace(b'"content":"b"', b'"content":"b","tool_calls":[{}]'),
    "an escape": event('b"'),
    "an escape for a line end": event("b\n"),
    "a line end": event("b c").replace(b" c", b"\nc"),
    "a carriage return": event("b c").replace(b" c", b"\rc"),
    "a control character": event("b c").replace(b" c", b"\x00c"),
    "no UTF-8": event("b c").replace(b" c", b"\xff"),
    "half an event": event("b")[:-1],
    "the rest of an event": event("b")[1:],
    "an event and a half": event("b") + event("c")[:-1],
    "two events of which one ends": event("b") + event("c").replace(b"null", b'"stop"'),
    "two events of which one fails": event("b") + event("c", {"error": {"message": "m"}}) + event("d"),
    "an event behind a comment": b": comment\n\n" + event("b"),
    "a comment between two events": event("b") + b": comment\n\n" + event("c"),
    "a named event": b"event: error\n" + event("b"),
    "no text": event(""),
    "nothing": b"",
    "the end": b"data: [DONE]\n\n",
}


@pytest.mark.parametrize("piece", STRANGE.values(), ids=STRANGE.keys())
def test_any_other_piece_is_not_known(piece: bytes) -> None:
    assert (knowing(event("a")).text(piece), PlainShape().text(piece)) == ("", "")


@pytest.mark.parametrize(
    "known",
    [
        event("a", {"usage": {"content": "a"}}).replace(b'"delta":{"content":"a"}', b'"delta":{"content" :"a"}'),
        event("a").replace(b'"content":"a"', b'"content":"z","content":"a"'),
        b": comment\n" + event("a"),
        event("a").replace(b"\n\n", b"\r\n\r\n"),
        event("a").replace(b'"content"', b'"\\u0063ontent"'),
    ],
)
def test_a_shape_whose_text_cannot_be_told_is_not_learnt(known: bytes) -> None:
    [read] = [one for one in Scanner().feed(known) if one.data]
    shape = PlainShape()
    shape.learn(read)
    assert shape.text(known) == ""


def test_a_shape_is_not_looked_for_again_and_again() -> None:
    shape = PlainShape()
    for number in range(10):
        known = event("a", {"nonce": number})
        shape.learn(Event(known, "", known[6:-2]))
    assert [shape.text(event("b", {"nonce": number})) for number in (2, 9)] == ["b", ""]


@given(
    st.lists(st.text(), min_size=2, max_size=5),
    st.booleans(),
    st.booleans(),
    st.tuples(st.integers(0, 300), st.binary()),
)
def test_what_is_known_is_what_decoding_gives(
    texts: list[str], compact: bool, is_noisy: bool, other: tuple[int, bytes]
) -> None:
    """Some bytes of the events are other ones."""

    def written(text: str, noise: str) -> bytes:
        fields = {"p": noise} if is_noisy else {}
        return event(text, fields, compact=compact, escaped=not text.isprintable())

    first, *others = texts
    at, put = other
    piece = b"".join(written(text, "ab"[: len(text)]) for text in others)
    piece = piece[:at] + put + piece[at + len(put) :]

    known = knowing(written(first, "abc")).text(piece)

    if known:
        scanner = Scanner()
        events = scanner.feed(piece)
        assert known == "".join(plain_text(one.data or b"") for one in events)
        assert not scanner.held
        assert not any(one.is_part or one.name or one.data is None for one in events)
