"""What counts as JSON, and how much of it becomes values."""

import json

import msgspec
import pytest

from switchover_dataplane.formats import lenient_json

MANY = lenient_json.MOST_VALUES + 1
JSON: dict[str, bytes] = {
    "an object": b'{"a":[1,"b",null]}',
    "numbers that JSON has not": b"[NaN,Infinity,-Infinity]",
    "half a surrogate pair in a text": b'["\\ud83d"]',
    "half a surrogate pair in a name": b'{"a\\uDE00":1}',
    "half a surrogate pair behind a backslash": b'["\\\\\\ud83d"]',
    "a backslash before what looks like one": b'["\\\\ud83d"]',
}
NO_JSON: dict[str, bytes] = {
    "nothing": b"",
    "half of one": b'{"a":[1',
    "a name that is not UTF-8": b'{"\xff":1}',
    "a text that is not UTF-8": b'["\xff"]',
    "a word": b"nan",
    "nesting without end": b"[" * 100_000,
}


@pytest.mark.parametrize("text", JSON.values(), ids=JSON)
def test_what_the_parsers_of_sdks_read_is_json(text: bytes) -> None:
    assert lenient_json.is_json(text)
    decoded = lenient_json.decode(text)
    assert repr(decoded) == repr(json.loads(text))
    assert msgspec.json.decode(lenient_json.without_halves([decoded]).replace(b"NaN", b"0").replace(b"Infinity", b"0"))


@pytest.mark.parametrize("text", NO_JSON.values(), ids=NO_JSON)
def test_what_no_parser_reads_is_none(text: bytes) -> None:
    assert not lenient_json.is_json(text)
    with pytest.raises((ValueError, RecursionError)):
        lenient_json.decode(text)


@pytest.mark.parametrize("value", [b"0", b"[]", b"{}", b"NaN"])
def test_of_a_text_with_too_many_values_none_are_made_but_it_is_json_all_the_same(value: bytes) -> None:
    text = b"[" + b",".join([value] * MANY) + b"]"
    assert lenient_json.is_json(text)
    with pytest.raises(ValueError, match="values"):
        lenient_json.decode(text)


def test_a_long_text_is_one_value() -> None:
    assert lenient_json.decode(b'["' + b"x" * 1_000_000 + b'"]') == ["x" * 1_000_000]


def test_halves_of_surrogate_pairs_are_replaced_and_whole_ones_are_kept() -> None:
    assert lenient_json.without_halves({"a\ud83d": "\ud83d\ude00"}) == '{"a\N{REPLACEMENT CHARACTER}": "😀"}'.encode()
