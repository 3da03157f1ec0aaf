"""What a process wrote stands in the failure of the test that waited for it."""

import pytest

from said import with_what_it_said


def test_a_failure_has_what_was_written_by_then_once() -> None:
    written: list[str] = []

    def waited_for() -> None:
        with with_what_it_said(lambda: "".join(written)), with_what_it_said(lambda: "".join(written)):
            written.append("ready\n")
            raise AssertionError("not in time")

    with pytest.raises(AssertionError) as failed:
        waited_for()
    assert failed.value.__notes__ == ["The process wrote:\nready\n"]


def test_silence_is_said() -> None:
    with pytest.raises(TimeoutError) as failed, with_what_it_said(str):
        raise TimeoutError
    assert failed.value.__notes__ == ["The process wrote:\n(nothing)"]
