"""Bytes of upstreams → the head of an answer and its body."""

import random
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from battery.upstream import CASES
from fuzz.edits import edited, pieces
from switchover_dataplane.upstream.response_parser import HEAD_LIMIT, NotHttp, ResponseParser

SEEDS = tuple(case.data for case in CASES if len(case.data) < 2_000)
WORDS = (
    b"\r\n", b"\n", b"\r", b"\r\n\r\n", b" ", b"\t", b":", b";", b"\x00", b"\xff", b"HTTP/1.1 200 OK\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 204 X\r\n\r\n", b"content-length: 5\r\n", b"content-length: 0\r\n",
    b"transfer-encoding: chunked\r\n", b"connection: close\r\n", b"connection: upgrade\r\nupgrade: x\r\n",
    b"5\r\nhello\r\n", b"0\r\n\r\n", b"hello", b"ffffffff", b"x-a: b\r\n", b" folded\r\n",
)  # fmt: skip


@dataclass(frozen=True)
class Bytes:
    """An answer to `method` in pieces."""

    method: str
    pieces: tuple[bytes, ...]


@dataclass(frozen=True)
class Read:
    """What was made of them: `refused` where they are no answer."""

    refused: bool
    done: bool
    status: int
    fields: tuple[tuple[str, str], ...]
    body: bytes


def seeds() -> Sequence[bytes]:
    return SEEDS


def draw(chance: random.Random, known: Sequence[bytes]) -> Bytes:
    return Bytes(chance.choice(("GET", "POST", "HEAD")), pieces(chance, edited(chance, known, WORDS)))


def seed(given: Bytes) -> bytes:
    return b"".join(given.pieces)


def are_the_same_answer_however_they_are_cut(given: Bytes) -> Hashable:
    """Two cuts of the same bytes are one answer, an answer has no interim status, and nothing follows its end."""
    text = b"".join(given.pieces)
    in_pieces, at_once = _read(given.method, given.pieces), _read(given.method, (text,))
    for read in (in_pieces, at_once):
        assert not read.done or read.refused or 200 <= read.status <= 999
        assert len(read.body) <= len(text)
    if len(text) > HEAD_LIMIT // 2:
        return "large"  # the limit of a head is counted by what comes at once
    if in_pieces.done and at_once.done:
        assert in_pieces == at_once
    else:
        assert in_pieces.refused or at_once.refused or in_pieces == at_once
    return in_pieces.refused, in_pieces.done, in_pieces.status, len(in_pieces.fields), len(in_pieces.body)


def _read(method: str, cut: tuple[bytes, ...]) -> Read:
    parser = ResponseParser()
    parser.expect(method)
    refused = False
    for piece in cut:
        try:
            parser.feed(piece)
        except NotHttp:
            refused = True
            break
        if parser.done:
            break
    head = tuple(parser.headers.items()) if parser.head_done else ()
    return Read(refused, parser.done, parser.status, head, parser.take())
