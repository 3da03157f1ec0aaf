"""The table of own errors is one that answers can be made of, and that nothing else is beside."""

import re
from pathlib import Path

import switchover_dataplane
from switchover_dataplane.formats import own_errors
from switchover_dataplane.formats.own_errors import EVERY

SOURCES = Path(str(switchover_dataplane.__file__)).parent


def test_each_code_stands_there_once_with_a_status_of_an_error() -> None:
    assert len({error.code for error in EVERY}) == len(EVERY)
    assert [error.code for error in EVERY if not 400 <= error.status < 600] == []


def test_each_error_is_one_that_some_answer_is_made_of() -> None:
    text = "".join(file.read_text() for file in SOURCES.rglob("*.py") if file.name != "own_errors.py")
    names = {name for name, value in vars(own_errors).items() if value in EVERY}
    assert len(names) == len(EVERY)
    assert sorted(name for name in names if re.search(rf"\b{name}\b", text) is None) == []


def test_each_error_says_what_it_means_and_what_to_do_in_whole_sentences() -> None:
    assert [error.code for error in EVERY if not (error.meaning.endswith(".") and error.remedy.endswith("."))] == []
