"""What is logged once in a while, whatever callers do."""

from switchover_dataplane.telemetry.rate_limit import Seldom


def test_a_text_is_written_once_until_its_time_is_over() -> None:
    seldom = Seldom(60, most=10)
    assert [seldom.is_due("a", now) for now in (0, 1, 59.9, 60, 61)] == [True, False, False, True, False]
    assert seldom.is_due("b", 61)


def test_of_many_new_texts_some_wait_until_there_is_room() -> None:
    seldom = Seldom(60, most=2)
    assert [seldom.is_due(text, 0) for text in "abc"] == [True, True, False]
    assert seldom.is_due("c", 60)


def test_a_text_that_is_written_again_leaves_the_place_of_the_oldest() -> None:
    seldom = Seldom(60, most=2)
    assert [seldom.is_due("a", 0), seldom.is_due("b", 30), seldom.is_due("a", 60)] == [True, True, True]
    assert not seldom.is_due("c", 89)
    assert seldom.is_due("c", 90)
    assert [seldom.is_due(text, 91) for text in "abc"] == [False, False, False]
