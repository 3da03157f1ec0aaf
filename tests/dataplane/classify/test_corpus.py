"""What servers say when they refuse, an answer a line in `tests/corpus/refusals.jsonl`, and what each of them means."""

from collections import Counter
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from switchover_dataplane.classify.error_patterns import PATTERNS
from switchover_dataplane.classify.error_words import MOST_CHARACTERS, reason_from_text
from switchover_dataplane.classify.refusal import failed_stream, failed_success, refused
from switchover_dataplane.failover.outcome import ErrorClass

NOW = 1_800_000_000.0
CORPUS: Final = Path(__file__).parents[2] / "corpus" / "refusals.jsonl"
LINES: Final[list[dict[str, Any]]] = [msgspec.json.decode(line) for line in CORPUS.read_bytes().splitlines()]


def name(line: dict[str, Any]) -> str:
    return f"{line['class']}: {line['source']} {line['status']}"


def body_of(line: dict[str, Any]) -> bytes:
    return line["body"].encode() if isinstance(line["body"], str) else msgspec.json.encode(line["body"])


def meant(line: dict[str, Any]) -> tuple[ErrorClass, float | None, str] | None:
    body = body_of(line)
    if line["status"] >= 400:
        return refused("openai", line["status"], {}, body, NOW)
    if isinstance(line["body"], str):
        return failed_stream("openai", body, NOW)
    return failed_success("openai", line["status"], {}, body, NOW)


@pytest.mark.parametrize("line", LINES, ids=name)
def test_each_answer_of_the_corpus_means_what_stands_beside_it(line: dict[str, Any]) -> None:
    found = meant(line)
    assert found is not None
    assert (found[0].value, found[2]) == (line["class"], line["scope"])
    if "wait" in line:
        assert found[1] == pytest.approx(line["wait"])


def test_the_corpus_has_many_answers_of_each_class_and_names_their_sources() -> None:
    classes = Counter(line["class"] for line in LINES)
    assert len(LINES) >= 250
    assert min(classes.values()) >= 10
    assert all(line["source"] for line in LINES)
    assert len({(line["status"], body_of(line)) for line in LINES}) == len(LINES)


def test_every_reason_that_words_tell_has_answers_in_the_corpus() -> None:
    assert {pattern.error_class.value for pattern in PATTERNS} <= {line["class"] for line in LINES}


def test_a_reason_beyond_what_is_looked_at_of_an_error_is_not_found() -> None:
    message = "nothing. " * (MOST_CHARACTERS // 9 + 1) + "your credit balance is too low."
    assert reason_from_text([], [message], 429) is None
    assert reason_from_text([], [*(["nothing"] * 500), "your credit balance is too low"], 429) is None
