"""The numbers in the words of an error: they differ from request to request, and decide only waits and limits."""

import re
from collections.abc import Iterator

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from switchover_dataplane.classify import error_codes, error_patterns, error_words, named_part
from switchover_dataplane.classify.refusal import classify

_QUANTIFIER = re.compile(r"\{[0-9,]*\}")
_ANY_DIGIT = re.compile(r"\\d|0-9|\\x[0-9a-f]{2}|\\u[0-9a-f]{4}")


def expressions() -> Iterator[re.Pattern[str]]:
    for pattern in error_patterns.PATTERNS:
        yield from pattern.pieces
        if pattern.never is not None:
            yield pattern.never
    for module in (error_words, named_part):
        for value in vars(module).values():
            yield from (
                each for each in (value if isinstance(value, tuple) else [value]) if isinstance(each, re.Pattern)
            )


@pytest.mark.parametrize("source", sorted({each.pattern for each in expressions()}), ids=lambda source: source[:40])
def test_no_expression_names_a_number(source: str) -> None:
    assert not re.search("[0-9]", _ANY_DIGIT.sub("", _QUANTIFIER.sub("", source)))


def test_no_row_names_a_number_in_its_texts() -> None:
    texts = {text for row in (*error_codes.ROWS, *error_codes.GENERAL) for text in (*row.texts, *row.starts)}
    assert texts
    assert not [text for text in texts if re.search("[0-9]", text)]


MESSAGES = (
    "Rate limit reached for gpt-4o in organization org-1 on tokens per min (TPM): Limit {}, Used {}. Try again in {}s.",
    "This model's maximum context length is {} tokens. However, your messages resulted in {} tokens.",
    "You have used up your {} hour limit of {} requests for the day",
    "Invalid base64 in messages[{}].content[{}]",
    "Item with id 'rs_{}' not found. ({} items)",
    "The model gpt-{} does not exist, error code: {} - see above",
    "{} - {} unauthorized",
)
numbers = st.lists(st.integers(0, 999_999), min_size=3, max_size=3)


@given(st.sampled_from(MESSAGES), numbers, numbers, st.sampled_from([400, 401, 404, 429, 500, 503]))
def test_errors_that_differ_in_their_numbers_have_the_same_class(
    message: str, some: list[int], others: list[int], status: int
) -> None:
    one, other = (
        msgspec.json.encode({"error": {"message": message.format(*(f"{each:06}" for each in these))}})
        for these in (some, others)
    )
    assert classify("openai", status, {}, one) is classify("openai", status, {}, other)
