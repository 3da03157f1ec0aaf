"""Bytes of answers: what is whole, what is refused, and that it does not matter how they are cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switchover_dataplane.upstream.response_parser import (
    HEAD_LIMIT,
    HEADER_COUNT_LIMIT,
    REASON_LIMIT,
    NotHttp,
    ResponseParser,
)

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
SECRET = b"sk-never-to-be-seen"


def parsed(*pieces: bytes, method: str = "GET") -> ResponseParser:
    parser = ResponseParser()
    parser.expect(method)
    for piece in pieces:
        parser.feed(piece)
    return parser


# ── What is whole ───────────────────────────────────────────────────────────────────────────────────────────────────

WHOLE = {
    "a length": (OK, b"ok"),
    "chunks": (CHUNKED + b"2\r\nab\r\n1\r\nc\r\n0\r\n\r\n", b"abc"),
    "chunks with extensions": (CHUNKED + b"2;x=y\r\nab\r\n0\r\n\r\n", b"ab"),
    "an interim answer before it": (b"HTTP/1.1 103 Early Hints\r\nx-late: y\r\n\r\n" + OK, b"ok"),
    "two interim answers before it": (b"HTTP/1.1 100 Continue\r\n\r\n" * 2 + OK, b"ok"),
    "empty lines before it": (b"\r\n\r\n" + OK, b"ok"),
    "a long reason": (b"HTTP/1.1 200 " + b"a" * 500 + b"\r\ncontent-length: 2\r\n\r\nok", b"ok"),
    "no reason": (OK.replace(b" OK", b" "), b"ok"),
    "no body by its status": (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
    "a length of 0": (b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", b""),
}


@pytest.mark.parametrize(("answer", "body"), WHOLE.values(), ids=WHOLE.keys())
@given(st.data())
def test_an_answer_is_the_same_however_its_bytes_are_cut(answer: bytes, body: bytes, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.sets(st.integers(1, len(answer) - 1))))
    pieces = [answer[start:end] for start, end in zip([0, *cuts], [*cuts, len(answer)], strict=True)]

    parser = parsed(*pieces)

    assert (parser.done, parser.reusable, parser.take()) == (True, True, body)
    assert "x-late" not in parser.headers


def test_an_answer_to_head_ends_with_its_head_and_the_next_one_is_read() -> None:
    parser = parsed(b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n", method="HEAD")
    assert (parser.done, parser.reusable, parser.take()) == (True, True, b"")

    parser.expect("GET")
    parser.feed(OK)

    assert (parser.done, parser.take()) == (True, b"ok")


def test_a_head_is_known_before_its_body() -> None:
    parser = parsed(b"HTTP/1.1 418 Teapot\r\nX-A: b\r\ncontent-length: 3\r\n\r\n")

    assert (parser.head_done, parser.done, parser.status, parser.headers["x-a"]) == (True, False, 418, "b")


@pytest.mark.parametrize(
    ("answer", "whole"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\nall of it", True),
        (b"HTTP/1.0 200 OK\r\n\r\n", True),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nsome", False),
        (CHUNKED + b"2\r\nab\r\n", False),
        (b"HTTP/1.1 200 OK\r\nx: y\r\n", False),
        (b"", False),
    ],
)
def test_the_end_of_the_connection_is_the_end_of_an_answer_only_where_nothing_else_frames_it(
    answer: bytes, whole: bool
) -> None:
    assert parsed(answer).ends_here() is whole


# ── Whether another may follow ──────────────────────────────────────────────────────────────────────────────────────

LAST = {
    "asked to close": b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok",
    "HTTP/1.0": b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok",
    "chunks of HTTP/1.0": b"HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ntransfer-encoding: chunked\r\n\r\n"
    b"2\r\nok\r\n0\r\n\r\n",
    "a trailer": CHUNKED + b"2\r\nok\r\n0\r\nx-late: y\r\n\r\n",
    "a trailer that asks to close": CHUNKED + b"2\r\nok\r\n0\r\nconnection: close\r\n\r\n",
    "a trailer that names a coding": CHUNKED + b"2\r\nok\r\n0\r\ntransfer-encoding: gzip\r\n\r\n",
    "a second answer": OK + OK,
    "rubbish behind it": OK + b"\0",
}


@pytest.mark.parametrize("answer", LAST.values(), ids=LAST.keys())
def test_an_answer_is_whole_and_no_other_may_follow(answer: bytes) -> None:
    parser = parsed(answer)

    assert (parser.done, parser.reusable, parser.take()) == (True, False, b"ok")
    assert "x-late" not in parser.headers


def test_bytes_that_nobody_asked_for_make_the_connection_unfit() -> None:
    parser = parsed(OK)

    parser.feed(OK)

    assert (parser.done, parser.reusable) == (True, False)


# ── What is refused ─────────────────────────────────────────────────────────────────────────────────────────────────

REFUSED = {
    "another protocol": b"220 mail.example ESMTP " + SECRET + b"\r\n",
    "RTSP": OK.replace(b"HTTP/1.1", b"RTSP/1.0"),
    "ICE": OK.replace(b"HTTP/1.1", b"ICE/1.0"),
    "HTTP/2": OK.replace(b"HTTP/1.1", b"HTTP/2.0"),
    "HTTP/0.9": OK.replace(b"HTTP/1.1", b"HTTP/0.9"),
    "HTTP/2 behind an interim answer": b"HTTP/1.1 100 Continue\r\n\r\n" + OK.replace(b"HTTP/1.1", b"HTTP/2.0"),
    "a status of 99": OK.replace(b"200", b"099"),
    "a status of 0": OK.replace(b"200", b"000"),
    "a status of 600": OK.replace(b"200", b"600"),
    "a status of 999": OK.replace(b"200", b"999"),
    "a reason without end": b"HTTP/1.1 200 " + b"a" * (REASON_LIMIT + 1) + b"\r\ncontent-length: 2\r\n\r\nok",
    "two framings": CHUNKED[:-2] + b"content-length: 2\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    "two lengths": b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nokk",
    "a length that is none": b"HTTP/1.1 200 OK\r\ncontent-length: two\r\n\r\nok",
    "another coding": b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "chunked twice": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    "an upgrade": b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
    "a huge head": b"HTTP/1.1 200 OK\r\nx: " + b"a" * (HEAD_LIMIT + 1) + b"\r\n\r\n",
    "interim answers without end": b"HTTP/1.1 100 Continue\r\n\r\n" * 3_000,
    "too many fields": b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * (HEADER_COUNT_LIMIT + 1) + b"\r\n",
}


@pytest.mark.parametrize("answer", REFUSED.values(), ids=REFUSED.keys())
@pytest.mark.parametrize("size", [1 << 20, 1_000, 3], ids=["at once", "in pieces", "in small pieces"])
def test_what_is_no_answer_that_we_take_is_refused_and_never_quoted(answer: bytes, size: int) -> None:
    with pytest.raises(NotHttp) as refused:
        parsed(*(answer[start : start + size] for start in range(0, len(answer), size)))

    assert SECRET.decode() not in str(refused.value)


def test_a_head_of_many_bytes_within_the_limit_is_taken_with_a_large_body_behind_it() -> None:
    body = b"x" * (2 * HEAD_LIMIT)
    head = b"HTTP/1.1 200 OK\r\nx: " + b"a" * 30_000 + b"\r\ncontent-length: %d\r\n\r\n" % len(body)

    assert parsed(head + body).take() == body


def test_trailers_without_end_are_refused_and_what_came_before_is_kept() -> None:
    parser = parsed(CHUNKED + b"2\r\nab\r\n0\r\n", b"x: y\r\n" * 1_000)

    with pytest.raises(NotHttp, match="trailer"):
        parser.feed(b"x: y\r\n" * (HEAD_LIMIT // 6))

    assert (parser.head_done, parser.done, parser.take()) == (True, False, b"ab")


def test_what_came_before_a_broken_chunk_is_kept() -> None:
    parser = parsed(CHUNKED + b"2\r\nab\r\n")

    with pytest.raises(NotHttp):
        parser.feed(b"zz\r\nab\r\n")

    assert (parser.head_done, parser.done, parser.reusable, parser.take()) == (True, False, False, b"ab")


@pytest.mark.parametrize(("interim", "is_answer"), [(16, True), (17, False)])
def test_only_so_many_interim_answers_are_passed_over(interim: int, is_answer: bool) -> None:
    parser = ResponseParser()
    parser.expect("GET")
    sent = b"HTTP/1.1 102 Processing\r\n\r\n" * interim + b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
    if is_answer:
        parser.feed(sent)
        assert (parser.status, parser.done) == (200, True)
    else:
        with pytest.raises(NotHttp, match="more than 16 interim answers"):
            parser.feed(sent)


# ── Chunks that the parser does not see ─────────────────────────────────────────────────────────────────────────────

PIECES = st.sampled_from(
    [
        *(b"2\r\nab\r\n", b"4\r\n2\r\na\r\n", b"A\r\n0123456789\r\n", b"a\r\n0123456789\r\n", b"1;x\r\na\r\n"),
        *(b"01\r\na\r\n", b"12\r\n" + b"a" * 18 + b"\r\n", b"3\r\na\r\n\r\n", b"0\r\n\r\n", b"2\r\nabc\r\n", b"\r\n"),
    ]
)


@given(st.lists(PIECES, max_size=6), st.data())
def test_a_chunk_that_is_taken_past_the_parser_changes_nothing(chunks: list[bytes], data: st.DataObject) -> None:
    """The pieces are fed as they are or cut; what a parser says that sees all of them is right."""
    pieces = [CHUNKED, *chunks]
    if data.draw(st.booleans()):
        whole = b"".join(pieces)
        cuts = sorted(data.draw(st.sets(st.integers(1, len(whole) - 1))))
        pieces = [whole[start:end] for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    sees_all, sees_some = ResponseParser(), ResponseParser()
    for parser in (sees_all, sees_some):
        parser.expect("GET")
    wanted, got = b"", b""
    for piece in pieces:
        failed = False
        try:
            sees_all.feed(piece)
        except NotHttp:
            failed = True
        wanted += sees_all.take()
        only = sees_some.only_chunk(piece, len(piece))
        if only is not None:
            assert only
            got += only
        else:
            try:
                sees_some.feed(piece)
            except NotHttp:
                assert failed
            got += sees_some.take()
        assert (got, sees_some.done, sees_some.reusable) == (wanted, sees_all.done, sees_all.reusable)
        if failed:
            break


def test_no_chunk_follows_the_last_one() -> None:
    assert parsed(CHUNKED + b"0\r\n\r\n").only_chunk(b"2\r\nab\r\n", 7) is None


def test_one_whole_chunk_is_taken_past_the_parser() -> None:
    parser = parsed(CHUNKED + b"2\r\nab\r\n")
    assert (parser.take(), parser.only_chunk(b"3\r\ncde\r\n", 8), parser.take()) == (b"ab", b"cde", b"")
