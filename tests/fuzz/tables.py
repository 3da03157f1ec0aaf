"""Bytes that are pushed as a table → a table that is served, or why not."""

import random
from collections.abc import Hashable, Sequence
from functools import cache
from pathlib import Path

import msgspec

from fuzz.edits import edited, misshapen
from fuzz.manifests import GOLDEN, bodies_of
from switchover_dataplane.control.masked import masked
from switchover_dataplane.routing import match
from switchover_dataplane.table.wire import InvalidTable, decode, encode
from switchover_dataplane.upstream import targets
from switchover_operator.compiler.compile import compile_snapshot
from switchover_operator.compiler.fleet import Standalone
from switchover_operator.snapshot import Snapshot

WORDS = (
    b"{", b"}", b"[", b"]", b",", b":", b'"', b"null", b"true", b"0", b"-1", b"1e400", b'""', b"\xff", b"\x00",
    b"\\ud83d", b'"version":2,', b'"version":-1,', b'"revision":"x",', b'"ports":[],', b'"kind":"http"',
    b'"kind":"?"', b'"(a"', b"99999999999999999999", b'"rules":{},', b'"secrets":{},',
)  # fmt: skip


@cache
def seeds() -> tuple[bytes, ...]:
    found = (_table(case) for case in sorted(GOLDEN.glob("*.in.yaml"))[::7])
    return tuple(text for text in found if len(text) < 6_000)


def _table(case: Path) -> bytes:
    return encode(compile_snapshot(Snapshot.of(bodies_of(case)), {}, Standalone()).table)


def draw(chance: random.Random, known: Sequence[bytes]) -> bytes:
    if chance.random() < 0.5:
        return edited(chance, known, WORDS)
    value = msgspec.json.decode(chance.choice(seeds()))
    for _ in range(chance.randint(1, 3)):
        value = misshapen(chance, value)
    return _json(value)


def seed(text: bytes) -> bytes:
    return text


def _json(value: object) -> bytes:
    try:
        return msgspec.json.encode(value)
    except (ValueError, OverflowError, UnicodeEncodeError):
        return b"null"


def are_served_or_refused_with_a_reason(text: bytes) -> Hashable:
    """A table is refused by `InvalidTable` alone; one that is taken can be indexed, and is the same once written."""
    try:
        decoded = decode(text)
    except InvalidTable as error:
        return error.reasons[0][:60]
    assert decode(encode(decoded)) == decoded
    hidden = masked(decoded)
    assert not any(value != "***" for value in hidden.secrets.values())
    wrong = match.check(decoded)
    if not wrong:
        match.index(decoded, None)
        targets.routes(decoded)
    return len(wrong), len(decoded.rules), len(decoded.upstreams)
