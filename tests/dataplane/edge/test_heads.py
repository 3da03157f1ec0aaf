"""Heads of requests: how they are cut changes nothing, and one that is known is what the parser would have found."""

from collections.abc import Iterable
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from switchover_dataplane.edge.head_parser import HeadParser, RefusedHead
from switchover_dataplane.edge.heads import BESIDE, MOST_BYTES, Heads, KnownHead
from switchover_dataplane.edge.request import Head

Found = tuple[object, ...]
"""All that a head says, and where it ends."""

LINES = st.sampled_from(
    (
        b"POST /x HTTP/1.1",
        b"GET /x?y=1 HTTP/1.1",
        b"GET /x HTTP/1.0",
        b"GET /x HTTP/2.0",
        b"TRACE /x HTTP/1.1",
    )
)
FIELDS = st.sampled_from(
    (
        b"Host: a",
        b"Content-Length: 5",
        b"content-length: 12",
        b"Content-Length:5",
        b"Content-Length:  5",
        b"Content-Length: 5 ",
        b"CONTENT-LENGTH: 5",
        b"Content-Length: 05",
        b"Content-Length: +5",
        b"Content-Length: 5, 5",
        b"X-Content-Length: 5",
        b"Content-Length",
        b" Content-Length: 5",
        b"Transfer-Encoding: chunked",
        b"Connection: close",
        b"Connection: keep-alive",
        b"Connection: content-length",
        b"Connection: upgrade",
        b"Upgrade: h2c",
        b"Expect: 100-continue",
        b"Authorization: Bearer k",
        b"Accept: b",
        b" folded",
        b"X:",
        b"Host: b",
    )
)
ENDS = st.sampled_from((b"\r\n",) * 12 + (b"\n", b"\r", b"\r\n\r\n"))
BODIES = st.sampled_from((b"", b"hello", b"Content-Length: 5\r\n\r\n", b"\r\n\r\n"))


@st.composite
def heads(draw: st.DrawFn) -> bytes:
    """Bytes that are nearly a request: lines in any order and number, most of them ended as they have to be."""
    fields = draw(st.lists(FIELDS, max_size=4))
    if draw(st.booleans()):
        fields.insert(draw(st.integers(0, len(fields))), b"Host: a")
    lines = [draw(LINES), *fields]
    return b"".join(line + draw(ENDS) for line in lines) + b"\r\n" + draw(BODIES)


def facts(head: Head, length: int | None, end: int) -> Found:
    fields = tuple((name.lower(), value) for name, value in head.headers.items())
    framing = (head.http_1_1, head.keep_alive, head.is_chunked, head.expects_continue)
    return head.method, head.target, fields, framing, length, end


def parsed(pieces: Iterable[bytes]) -> Found | str | None:
    """What a head says that comes in these pieces: why it is refused, None where it does not end."""
    parser, before = HeadParser(), 0
    for piece in pieces:
        try:
            head = parser.feed(piece)
        except RefusedHead as refused:
            return refused.refusal.code
        if head is not None:
            return facts(head, parser.length, before + parser.end)
        before += len(piece)
    return None


def keep(known: Heads, data: bytes) -> KnownHead | None:
    """Let a head be known, as one that was accepted."""
    parser = HeadParser()
    try:
        head = parser.feed(data)
    except RefusedHead:
        return None
    return known.keep(parser.raw, head, parser.length) if head is not None else None


def read(known: KnownHead | None, data: bytes) -> tuple[Head, int | None, int] | None:
    """What a known head makes of bytes: the head, the length of the body, and where the head ends."""
    found = known.read(data) if known is not None else None
    return None if known is None or found is None else (known.head, *found)


@given(st.lists(heads(), min_size=1, max_size=6), st.data())
@example([b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n", b"GET /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"], None)
@example([b"GET /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5 \r\n\r\nhello"], None)
def test_a_head_that_is_known_is_what_the_parser_finds(requests: list[bytes], draw: st.DataObject | None) -> None:
    """The same lines come again in an order of their own, so that what was kept for one may be found for another."""
    known = Heads()
    kept = [keep(known, request) for request in requests]
    again = requests if draw is None else [draw.draw(st.sampled_from(requests)), draw.draw(heads()), *requests]
    for request in again:
        for each in (known.find(request), *kept):
            found = read(each, request)
            assert found is None or facts(*found) == parsed([request])


@given(heads(), st.lists(st.integers(0, 200), max_size=4))
def test_a_head_is_the_same_however_it_is_cut(request: bytes, cuts: list[int]) -> None:
    at = sorted({0, *(cut for cut in cuts if cut < len(request)), len(request)})

    assert parsed(request[a:b] for a, b in pairwise(at)) == parsed([request])


def request(*fields: bytes) -> bytes:
    return b"\r\n".join((b"POST /x HTTP/1.1", b"Host: a", *fields, b"", b""))


@pytest.mark.parametrize("name", [b"Content-Length: ", b"content-length: "])
def test_a_head_is_found_again_whatever_its_length_is(name: bytes) -> None:
    known = Heads()
    keep(known, request(b"Accept: b", name + b"5", b"X: y"))

    for length in (0, 5, 123_456):
        data = request(b"Accept: b", name + b"%d" % length, b"X: y")
        found = read(known.find(data + b"hello"), data + b"hello")
        assert found is not None
        assert found[1:] == (length, len(data))
        assert "content-length" not in found[0].headers


KEPT_APART = {
    "in chunks": request(b"Transfer-Encoding: chunked"),
    "with another protocol": request(b"Connection: upgrade", b"Upgrade: h2c"),
    "that asks before its body": request(b"Expect: 100-continue", b"Content-Length: 5"),
    "with a length in upper case": request(b"CONTENT-LENGTH: 5"),
    "with a length behind no space": request(b"Content-Length:5"),
    "with white space behind its length": request(b"Content-Length: 5 "),
    "larger than 4 KiB": request(b"X: " + b"a" * 4096),
    "with as many fields as there may be": request(*[b"X: y"] * 127),
}


@pytest.mark.parametrize("data", KEPT_APART.values(), ids=KEPT_APART.keys())
def test_a_head_is_parsed_each_time(data: bytes) -> None:
    assert isinstance(parsed([data]), tuple), "it is served"
    known = Heads()

    assert keep(known, data) is None

    assert known.find(data) is None


def numbered(number: int) -> bytes:
    return request(b"X: %06d" % number)


FULL = MOST_BYTES // (len(numbered(0)) - 4 + BESIDE)


def test_no_more_heads_are_kept_than_there_is_room_for() -> None:
    known = Heads()
    for number in range(FULL + 160):
        keep(known, numbered(number))

    found = [number for number in range(FULL + 160) if known.find(numbered(number))]

    assert len(found) == FULL
    assert found[: FULL - 20] == [*range(20, FULL)], "the oldest made room"
    assert found[FULL - 20 :] == [*range(FULL + 7, FULL + 160, 8)], "for one in eight"


def test_most_heads_that_are_known_stay_known_though_many_come_once() -> None:
    known = Heads()
    for number in range(FULL):
        keep(known, numbered(number))
    for number in range(4 * FULL):
        keep(known, request(b"Traceparent: %06d" % number))

    assert sum(known.find(numbered(number)) is not None for number in range(FULL)) > 0.45 * FULL


def test_heads_that_were_cleared_are_not_found() -> None:
    known = Heads()
    keep(known, request())

    epoch = known.epoch
    known.clear()

    assert known.find(request()) is None
    assert known.epoch != epoch, "connections that have one do not use it again"
