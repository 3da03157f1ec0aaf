"""JSON bodies of clients → bodies for a model."""

import json
import random
from collections.abc import Hashable, Sequence
from typing import Any

from fuzz.edits import edited
from switchover_dataplane.formats.json_body import JsonBody
from switchover_dataplane.formats.json_fields import BadBody
from switchover_dataplane.routing import filters
from switchover_dataplane.table.rules import BodyDefault, BodyEdit, PromptMessage

MODEL = "gpt-a"
EDIT = BodyEdit(
    defaults=(BodyDefault("temperature", "0.5"), BodyDefault("user", '"gateway"', override=True)),
    prepend=(PromptMessage("system", "be brief"),),
    append=(PromptMessage("user", "thank you"),),
)
SEEDS = (
    b'{"model":"gpt-a","messages":[{"role":"user","content":"hi"}]}',
    b'{"model":"x","stream":true,"messages":[{"role":"user","content":[{"type":"text","text":"\\u00e9"}]}],"n":2}',
    b'{"prompt":["a","b"],"max_tokens":5,"logit_bias":{"50256":-100},"temperature":1.0e-3,"user":null}',
    b'{"input":[1,2,3],"model":"text-embedding-3","dimensions":12345678901234567890}',
    b"{}",
)
WORDS = (
    b"{", b"}", b"[", b"]", b",", b":", b'"', b"\\", b"null", b"true", b"false", b"NaN", b"Infinity", b"-0", b"1e999",
    b"1E-400", b'"model"', b'"Model":"x",', b'"MODEL":"x",', b'"mod\\u0065l":"x",', b'"model":"y",',
    b'"stream":true,', b'"messages":[],', b'"messages":{},', b'"\\ud83d"', b"\\ud83d\\ude00", b"\\u0000", b"\xff",
    b"\xef\xbb\xbf", b"[[1]],", b'"",', b"{},", b'{"role":"user"},', b" ", b"\n", b"\x00", b'"temperature":2,',
    b'"user":"me",', b'"n":1,',
)  # fmt: skip


def seeds() -> Sequence[bytes]:
    return SEEDS


def draw(chance: random.Random, known: Sequence[bytes]) -> bytes:
    return edited(chance, known, WORDS)


def seed(text: bytes) -> bytes:
    return text


def keep_every_field_and_pin_the_model(text: bytes) -> Hashable:
    """A body is refused, or reaches the model with the model's name in every reading and all else as it was."""
    try:
        body = JsonBody.parse(text)
    except BadBody as error:
        return str(error).partition(":")[0]
    sent = _pairs(body.for_model(MODEL))
    assert [value for name, value in sent if name.lower() == "model"] == [MODEL]
    before = {name: value for name, value in _pairs(text) if name != "model"}
    assert {name: value for name, value in sent if name != "model"} == before
    try:
        edited_body = filters.edit_body(body, EDIT)
    except BadBody:
        return "no messages"
    changed = dict(_pairs(edited_body.for_model(MODEL)))
    assert changed["user"] == "gateway"
    assert {*changed} == {*before, "model", "temperature", "user"}
    if "messages" in before:
        assert changed["messages"][1:-1] == before["messages"]
    return frozenset(before), body.stream


def _pairs(text: bytes) -> list[tuple[str, Any]]:
    """Read an object's top-level fields with every number as it is written, also those that stand there twice."""
    found: list[list[tuple[str, Any]]] = []

    def keep(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found.append(pairs)
        return dict(pairs)

    # Octets that are no UTF-8 are the provider's to judge: they pass as they are.
    json.loads(
        text.decode("utf-8", "surrogateescape"),
        object_pairs_hook=keep,
        parse_int=str,
        parse_float=str,
        parse_constant=str,
    )
    return found[-1]
