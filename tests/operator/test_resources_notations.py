"""Durations and quantities: texts in, numbers out, and what is said of a text that is neither."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import PydanticCustomError

from switchover_operator.resources.duration import either_seconds, gateway_seconds, gateway_text, gloo_seconds
from switchover_operator.resources.quantity import size_in_bytes


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0.25s", 0.25), ("15s", 15), ("0s", 0), ("0", 0), ("1.000000001s", 1.000000001), ("250ms", 0.25), ("1m30s", 90)],
)
def test_a_gloo_duration_is_read_as_gloo_reads_it(text: str, seconds: float) -> None:
    assert gloo_seconds(text) == pytest.approx(seconds, abs=1e-12)


@pytest.mark.parametrize(
    "given", ["", "5", "-1s", "1 s", "1d", "s", ".5s", "1s\n", "99999999999h", 5, 1.5, True, None, []]
)
def test_what_is_no_gloo_duration_is_refused(given: object) -> None:
    with pytest.raises(PydanticCustomError, match=r'must be a duration such as "0\.25s" or "15s"'):
        gloo_seconds(given)


@pytest.mark.parametrize(
    ("text", "seconds"), [("500ms", 0.5), ("1h30m", 5400), ("10s", 10), ("0s", 0), ("1h1m1s1ms", 3661.001)]
)
def test_a_gateway_api_duration_is_read_as_gep_2257_says(text: str, seconds: float) -> None:
    assert gateway_seconds(text) == pytest.approx(seconds)


@pytest.mark.parametrize("given", ["", "0", "0.5s", "1us", "100000s", "1s1s1s1s1s", "-1s", "1h\n", 10])
def test_what_is_no_gateway_api_duration_is_refused(given: object) -> None:
    with pytest.raises(PydanticCustomError, match="whole numbers with h, m, s or ms"):
        gateway_seconds(given)


@pytest.mark.parametrize(
    ("given", "hint"),
    [("0.5s", 'write "500ms"'), (90, 'for 90 seconds write "1m30s"'), ("2", 'for 2 seconds write "2s"')],
)
def test_the_right_notation_is_offered_where_it_is_clear_what_was_meant(given: object, hint: str) -> None:
    with pytest.raises(PydanticCustomError) as refused:
        gateway_seconds(given)
    assert hint in str(refused.value)


@given(st.integers(min_value=0, max_value=99_999 * 3_600_000))
def test_a_written_duration_reads_as_what_it_was(milliseconds: int) -> None:
    text = gateway_text(milliseconds / 1000)
    assert round(gateway_seconds(text) * 1000) == milliseconds
    assert round(either_seconds(text) * 1000) == milliseconds


@pytest.mark.parametrize(
    ("given", "size"),
    [
        ("32Mi", 32 * 1024**2),
        ("1.5G", 1_500_000_000),
        ("500k", 500_000),
        (1048576, 1048576),
        ("0", 0),
        ("1e3", 1000),
        ("0.1", 1),
    ],
)
def test_a_quantity_is_whole_bytes(given: object, size: int) -> None:
    assert size_in_bytes(given) == size


@pytest.mark.parametrize("given", ["", "32MB", "32mi", "-1", -1, 1.5, True, None, "Mi", "9Ei", "1Mi\n", "1e99"])
def test_what_is_no_quantity_is_refused(given: object) -> None:
    with pytest.raises(PydanticCustomError, match="must be a size in bytes"):
        size_in_bytes(given)
