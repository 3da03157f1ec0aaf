"""Content codings that are undone in steps: what they are named, what is made of them, and what they may not be."""

import random
import zlib
from collections.abc import Callable

import brotli
import pytest
from multidict import CIMultiDict

from coded import CODE, zstd
from switchover_dataplane.upstream.codings import BadCoding, Undoing, can_undo, named

TEXT = b"".join(b'{"number":%d,"text":"some words"},' % number for number in range(4_000))


def undone(body: bytes, codings: tuple[str, ...], most: int = 1_000, taken: int = 1 << 30) -> bytes:
    """Give the body in pieces of `taken` bytes."""
    undoing, made = Undoing(codings), []
    for at in range(0, len(body), taken):
        undoing.give(body[at : at + taken])
        while not undoing.hungry:
            made.append(undoing.step(most))
            assert undoing.cost >= len(made[-1])
    assert undoing.whole
    return b"".join(made)


@pytest.mark.parametrize(
    ("values", "right"),
    [
        ([], ()),
        (["identity"], ()),
        ([""], ()),
        (["gzip"], ("gzip",)),
        (["X-GZIP"], ("gzip",)),
        (["gzip, br"], ("gzip", "br")),
        (["gzip", "Br ,, identity"], ("gzip", "br")),
        (["own"], ("own",)),
    ],
)
def test_codings_are_named_in_the_order_in_which_they_were_applied(values: list[str], right: tuple[str, ...]) -> None:
    assert named(CIMultiDict([("Content-Encoding", value) for value in values])) == right


@pytest.mark.parametrize("codings", [("own",), ("gzip", "own"), ("compress",), ("gzip",) * 4])
def test_codings_that_are_not_known_and_long_lists_are_not_undone(codings: tuple[str, ...]) -> None:
    assert not can_undo(codings)


@pytest.mark.parametrize("taken", [1, 2, 7, 1_000, 1 << 30])
@pytest.mark.parametrize(("coding", "compress"), CODE.items(), ids=CODE)
def test_a_body_is_the_same_without_its_coding_however_it_is_cut(
    coding: str, compress: Callable[[bytes], bytes], taken: int
) -> None:
    assert can_undo((coding,))
    assert undone(compress(TEXT), (coding,), taken=taken) == TEXT


@pytest.mark.parametrize("upon", CODE)
@pytest.mark.parametrize("coding", CODE)
@pytest.mark.parametrize("most", [1, 1_000, 16_384])
def test_a_coding_upon_another_is_undone_in_reverse(coding: str, upon: str, most: int) -> None:
    text = TEXT[:2_000]
    assert undone(CODE[upon](CODE[coding](text)), (coding, upon), most=most, taken=99) == text


@pytest.mark.parametrize("coding", CODE)
def test_nothing_at_all_is_whole_and_a_body_that_is_cut_is_not(coding: str) -> None:
    assert Undoing((coding,)).whole
    body = CODE[coding](TEXT[:500])
    for cut in range(1, len(body)):
        undoing = Undoing((coding,))
        undoing.give(body[:cut])
        while not undoing.hungry:
            undoing.step(1_000)
        assert not undoing.whole


def _begun(coding: str, text: bytes) -> bytes:
    """A text in a coding that goes on, as a server sends it that does not wait for more."""
    if coding == "br":
        compressor = brotli.Compressor()
        return bytes(compressor.process(text) + compressor.flush())
    if coding == "zstd":
        return zstd.ZstdCompressor().compress(text, zstd.ZstdCompressor.FLUSH_BLOCK)
    zipped = zlib.compressobj(wbits=31 if coding == "gzip" else 15)
    return zipped.compress(text) + zipped.flush(zlib.Z_SYNC_FLUSH)


@pytest.mark.parametrize("coding", CODE)
@pytest.mark.parametrize("size", [10, 1_000, 32_752, 100_000])
def test_what_has_come_of_a_stream_is_made_at_once(coding: str, size: int) -> None:
    undoing, made = Undoing((coding,)), b""
    undoing.give(_begun(coding, TEXT[:size]))
    while not undoing.hungry:
        made += undoing.step(1_000)
    assert (made, undoing.whole) == (TEXT[:size], False)


@pytest.mark.parametrize("coding", CODE)
def test_no_step_makes_more_than_32_kib(coding: str) -> None:
    undoing = Undoing((coding,))
    undoing.give(CODE[coding](b"\0" * 1_000_000))
    while not undoing.hungry:
        assert len(undoing.step(16_384)) <= 32_768


@pytest.mark.parametrize("coding", CODE)
def test_whatever_is_changed_in_a_body_there_is_no_other_fault_and_an_end(coding: str) -> None:
    chance = random.Random(coding)
    body = CODE[coding](TEXT[:3_000])
    for _ in range(300):
        bad = bytearray(body)
        for _ in range(chance.randint(1, 4)):
            bad[chance.randrange(len(bad))] = chance.randrange(256)
        undoing, steps = Undoing((coding,)), 0
        undoing.give(bytes(bad))
        try:
            while not undoing.hungry:
                undoing.step(16_384)
                steps += 1
                assert steps < 10_000
        except BadCoding:
            pass


def test_a_frame_of_zstd_that_says_how_long_it_is_makes_no_more_than_is_asked_for() -> None:
    undoing = Undoing(("zstd",))
    undoing.give(zstd.compress(TEXT))
    assert len(undoing.step(10)) == 10
