"""The properties of `make fuzz` for a few inputs each, and that a failing input is found, made small and told."""

import os
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from fuzz.run import Found, Fuzzing, TooSlow, fuzz
from fuzz.shrink import shrunk
from fuzz.targets import TARGETS, Target

A_FEW = 150


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_the_property_holds_for_a_few_inputs(target: Target) -> None:
    fuzzing = Fuzzing(target, lambda _count, _input: None)
    chance = random.Random(7)
    while fuzzing.held < A_FEW:
        fuzzing.one(chance)


def _target(holds: Callable[[bytes], int]) -> Target:
    return Target("made-up", lambda: [b"seed"], lambda chance, _seeds: chance.randbytes(64), holds, bytes)


def _has_no_a(value: bytes) -> int:
    assert b"a" not in value
    return len(value)


def test_a_failing_input_is_made_small_and_told_as_a_test() -> None:
    target = _target(_has_no_a)
    with pytest.raises(Found) as found:
        fuzz(Fuzzing(target, lambda _count, _input: None), 20, 1)
    assert found.value.value == b"a"
    assert target.test(b"a").endswith("    _has_no_a(b'a')\n")


def test_an_input_that_takes_more_time_than_its_length_allows_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fuzz.run.MOST_SECONDS", -1.0)
    with pytest.raises(Found, match=TooSlow.__name__):
        fuzz(Fuzzing(_target(len), lambda _count, _input: None), 20, 1)


def test_what_the_failure_does_not_need_is_taken_away_inside_of_what_is_nested() -> None:
    assert shrunk(({"a": [b"xxxAyyy", 1]}, b"z"), lambda value: "A" in repr(value), 5) == ({"a": [b"A"]},)


def test_make_fuzz_runs_all_targets_and_says_how_many_inputs_held(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "fuzz", "--seconds", "0.1", "--seed", "1", "--target", "upstream-bytes"]
    tests = Path(__file__).parents[1]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tests), os.environ.get("PYTHONPATH", "")])}
    ran = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "every property held" in ran.stdout
