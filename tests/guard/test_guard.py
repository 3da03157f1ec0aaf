"""What a request may cost, in things that do not depend on the clock."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from guard import limits
from guard.counting import Counter, Counts

TESTS = Path(__file__).parents[1]


def _add(left: int, right: int) -> int:
    return left + right


def _add_three() -> int:
    return _add(1, _add(len("a"), 3))


def _counted(ignored: frozenset[str] = frozenset()) -> Counts:
    counter = Counter(ignored)
    counter.start()
    _add_three()
    counter.stop()
    return counter.now()


@pytest.mark.skipif(limits.read() is None, reason=f"no numbers are committed for Python {limits.PYTHON}")
def test_no_request_and_no_event_executes_more_python_than_was_committed() -> None:
    # A process of its own: what pytest and its plugins hook into logging would be counted, too.
    ran = subprocess.run(
        [sys.executable, "-m", "guard"],
        env={**os.environ, "PYTHONPATH": str(TESTS), "PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_calls_of_python_and_of_c_are_counted_and_the_instructions_between_them() -> None:
    counts = _counted()
    assert counts.calls == 3
    assert counts.c_calls == 1
    assert counts.instructions > counts.calls


def test_the_same_work_counts_the_same_each_time() -> None:
    assert _counted() == _counted()


def test_files_that_are_ignored_count_nothing() -> None:
    assert _counted(frozenset({__file__})) == Counts(0, 0, 0)


def test_more_than_the_tolerance_is_a_sentence_with_both_numbers() -> None:
    committed = {"success": Counts(100, 50, 1000)}
    assert limits.exceeded({"success": Counts(103, 50, 1030)}, committed) == []
    assert limits.exceeded({"success": Counts(104, 50, 900)}, committed) == [
        "success: calls 104, committed are 100 (+4.0%)"
    ]


def test_work_without_a_committed_number_is_not_passed_over() -> None:
    counts = Counts(1, 1, 1)
    assert limits.exceeded({"success": counts, "failover": counts}, {"success": counts}) != []
    assert limits.exceeded({"success": counts}, {"success": counts, "failover": counts}) != []
