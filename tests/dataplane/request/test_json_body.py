"""What of a request's body is read, what is refused, and what each target gets."""

import json
import tracemalloc
from typing import Any

import pytest

from switchover_dataplane.formats.json_body import JsonBody
from switchover_dataplane.formats.json_fields import MOST_FIELDS, BadBody

LONG = " " * (65 * 1024)
"""White space that makes a body one that is read in the way of large ones."""

MEBIBYTE = 1 << 20


def pairs(text: bytes) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = json.loads(text, object_pairs_hook=lambda each: each)
    return found


@pytest.mark.parametrize(
    ("body", "right"),
    [
        ('{"model":"asked","n":1}', b'{"model":"gpt","n":1}'),
        (' { "model" : "asked" , "n": 1.0 } ', b' { "model" : "gpt" , "n": 1.0 } '),
        ('{"n":1,"model":"asked","t":1e2}', b'{"n":1,"model":"gpt","t":1e2}'),
        ('{"messages":[]}', b'{"messages":[],"model":"gpt"}'),
        ('{"mod\\u0065l":"asked"}', b'{"model":"gpt"}'),
        ('{"\\"":1,"\u00e9":2}', '{"\\"":1,"\u00e9":2,"model":"gpt"}'.encode()),
        ("{}", b'{"model":"gpt"}'),
    ],
)
def test_the_model_replaces_the_callers_and_all_else_stays_as_it_was_written(body: str, right: bytes) -> None:
    assert JsonBody.parse(body.encode()).for_model("gpt") == right


@pytest.mark.parametrize("model", ["", "asked"])
def test_a_body_that_is_right_already_is_sent_as_it_came(model: str) -> None:
    body = b'{ "seed": 123456789012345678901234567890, "model":"asked" }'
    assert JsonBody.parse(body).for_model(model) is body


def test_a_body_without_fields_stays_one() -> None:
    assert JsonBody.parse(b"{ }").edited({}).for_model("") == b"{}"


@pytest.mark.parametrize("padding", ["", " ", LONG])
@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ('"model":"EXPENSIVE","model":"gpt"', "model"),
        ('"model":"gpt","mod\\u0065l":"EXPENSIVE"', "model"),
        ('"stream":true,"model":"gpt","stream":false', "stream"),
        ('"x":1,"x":1', "x"),
        ('"\u00e9":1,"\\u00e9":1', "\u00e9"),
        ('"":1,"":1', ""),
    ],
)
def test_a_field_that_is_there_twice_is_refused(fields: str, name: str, padding: str) -> None:
    with pytest.raises(BadBody, match="each field once") as refused:
        JsonBody.parse(f"{{{fields}{padding}}}".encode())
    assert refused.value.param == name


@pytest.mark.parametrize("padding", ["", LONG])
@pytest.mark.parametrize(
    "name", ["Model", "MODEL", "\\u004dodel", "\\u017ftream", "Messages", "reasoning\\u005fEffort"]
)
def test_a_field_that_is_read_is_refused_in_another_case(name: str, padding: str) -> None:
    with pytest.raises(BadBody, match="must be written") as refused:
        JsonBody.parse(f'{{"model":"gpt","{name}":1{padding}}}'.encode())
    assert refused.value.param == json.loads(f'"{name}"')


def test_a_sign_that_only_go_s_parser_takes_for_a_letter_is_refused() -> None:
    kelvin = '{"enable_thin\u212aing":true}'.encode()
    with pytest.raises(BadBody, match='must be written "enable_thinking"'):
        JsonBody.parse(kelvin)


@pytest.mark.parametrize("body", ['{"a":{"model":1,"model":2}}', '{"messages":[{"Model":1}]}', '{"X":1,"x":2}'])
def test_what_the_gateway_does_not_read_may_be_spelled_as_the_caller_likes(body: str) -> None:
    assert JsonBody.parse(body.encode()).for_model("") == body.encode()


def test_a_refusal_shows_no_more_than_the_start_of_a_name() -> None:
    name = "x" * 10_000
    with pytest.raises(BadBody) as refused:
        JsonBody.parse(f'{{"{name}":1,"{name}":1}}'.encode())
    assert len(str(refused.value)) < 200
    assert len(refused.value.param) < 100


@pytest.mark.parametrize("padding", [LONG, " "])
def test_fields_are_bounded(padding: str) -> None:
    def body(count: int) -> bytes:
        return ("{" + ",".join(f'"{number}":1' for number in range(count)) + padding + "}").encode()

    assert len(JsonBody.parse(body(MOST_FIELDS)).fields) == MOST_FIELDS
    with pytest.raises(BadBody, match="more than 1000 top-level fields"):
        JsonBody.parse(body(MOST_FIELDS + 1))


@pytest.mark.parametrize("body", ["", "[]", "1", '{"a":1', '{"a":NaN}', "[" * 100_000, '{"a":' + "[" * 100_000])
@pytest.mark.parametrize("padding", ["", LONG])
def test_what_is_no_object_is_refused(body: str, padding: str) -> None:
    with pytest.raises(BadBody, match="must be a JSON object"):
        JsonBody.parse((body + padding).encode())


@pytest.mark.parametrize("model", ["null", "1", "[]", '"' + "x" * 200_000 + '"'])
def test_a_model_that_is_no_name_is_refused(model: str) -> None:
    with pytest.raises(BadBody, match="`model` must be a string"):
        JsonBody.parse(f'{{"model":{model}}}'.encode())


@pytest.mark.parametrize("own", ["[]", "[ \n ]"])
def test_messages_are_added_to_an_empty_list(own: str) -> None:
    asked = JsonBody.parse(f'{{"messages":{own}}}'.encode())
    assert asked.with_messages(b"1", b"2,3").for_model("") == b'{"messages":[1,2,3]}'
    assert asked.with_messages(after=b"2").for_model("") == b'{"messages":[2]}'
    assert asked.with_messages().for_model("") == b'{"messages":' + own.encode() + b"}"


@pytest.mark.parametrize(
    "unit",
    [b"[[1]],", b"[],", b"{},", b'"",', b'{"role":"user"},'],
    ids=["nested", "lists", "objects", "texts", "messages"],
)
def test_a_body_costs_memory_for_its_bytes_and_not_for_its_values(unit: bytes) -> None:
    body = b'{"model":"asked","messages":[' + unit * (MEBIBYTE // len(unit)) + b"1]}"
    tracemalloc.start()
    try:
        worded = JsonBody.parse(body).with_messages(b'{"role":"system"}').for_model("gpt")
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert worded.startswith(b'{"model":"gpt","messages":[{"role":"system"},')
    assert most < 1.1 * len(body)
