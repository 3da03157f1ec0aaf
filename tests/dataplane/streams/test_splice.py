"""What broke off, and what a model that was asked to go on says: only what follows on exactly is new."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switchover_dataplane.streams.splice import TAIL, Mismatch, Splice, last_words

LONG = "It was a bright cold day in spring, and the clocks on the tower were all of them striking thir"


def spliced(sent: str, *pieces: str) -> str:
    splice = Splice(sent)
    new = "".join(splice.feed(piece) for piece in pieces)
    assert splice.fits
    return sent + new


def test_the_whole_text_again_is_dropped_and_the_rest_follows_on() -> None:
    assert spliced("one two", "one ", "two", " three") == "one two three"


def test_the_last_words_again_are_dropped_and_the_rest_follows_on() -> None:
    assert spliced(LONG, last_words(LONG), "teen.") == LONG + "teen."


def test_the_last_words_are_whole_words_and_few() -> None:
    assert last_words(LONG) == "and the clocks on the tower were all of them striking thir"
    assert len(last_words("x" * 500 + " " + "y" * 200)) == TAIL


@pytest.mark.parametrize("text", ["ha " * 50, "short", "  short\n"])
def test_last_words_that_also_begin_the_text_are_all_of_it(text: str) -> None:
    assert last_words(text) == text.strip()


def test_a_word_that_was_cut_in_the_middle_goes_on_in_the_middle() -> None:
    assert spliced("The quick bro", "The quick", " brown fox") == "The quick brown fox"


def test_space_that_was_sent_already_is_not_sent_twice() -> None:
    assert spliced("one two ", "one two", " three") == "one two three"
    assert spliced("one\n\n", "one\n", "\ntwo") == "one\n\ntwo"
    assert spliced("one\n", "one two") == "one\n two"


def test_space_before_the_first_word_does_not_matter() -> None:
    assert spliced("one", "\n", "one two") == "one two"


def test_an_answer_that_had_only_space_so_far_may_go_on_in_any_way() -> None:
    assert spliced("\n", "anything") == "\nanything"


@pytest.mark.parametrize("pieces", [["two"], ["one", " 2"], ["Sure! one two"], [LONG]])
def test_anything_else_does_not_fit(pieces: list[str]) -> None:
    with pytest.raises(Mismatch):
        spliced("one two three", *pieces)


def test_the_middle_of_the_text_is_not_its_end() -> None:
    with pytest.raises(Mismatch):
        Splice(LONG).feed("a bright cold day in spring, and so on")


def test_nothing_is_new_until_all_is_repeated() -> None:
    splice = Splice("one two three")
    assert [splice.feed(piece) for piece in ("one two", "", " thr")] == ["", "", ""]
    assert not splice.fits


@given(st.text(max_size=200), st.text(max_size=50), st.data())
def test_whoever_repeats_it_all_in_any_pieces_continues_it_exactly_once(
    sent: str, rest: str, draw: st.DataObject
) -> None:
    again = sent + rest
    cuts = sorted(draw.draw(st.lists(st.integers(0, len(again)), max_size=5)))
    pieces = [again[start:end] for start, end in zip([0, *cuts], [*cuts, len(again)], strict=True)]
    splice = Splice(sent)
    new = "".join(splice.feed(piece) for piece in pieces)

    if sent.strip():
        assert (splice.fits, sent + new) == (True, again)
