"""Scalars have the values that kubectl sends for them.

`scalars.json` was measured: for each scalar the JSON that YAMLOrJSONDecoder and Unstructured of apimachinery (v0.36.3),
with which kubectl reads files, make of it as a value, null where it is refused; then the same for it as a key.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from switchover_operator.standalone.documents import documents
from switchover_operator.standalone.objects import Document

MEASURED: dict[str, list[str | None]] = json.loads(Path(__file__).with_name("scalars.json").read_text())
OBJECT = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"


def read(text: str) -> Any:
    """Read the field `v` of an object; None where it is refused."""
    [found] = documents((OBJECT + text).encode())
    return found.body["v"] if isinstance(found, Document) else Refused


class Refused:
    """No value."""


@pytest.mark.parametrize("written", MEASURED)
def test_a_value_is_what_kubectl_sends(written: str) -> None:
    measured = MEASURED[written][0]
    expected = Refused if measured is None else json.loads(measured, parse_int=_go_int)
    assert repr(read(f"v: {written}\n")) == repr(expected)


@pytest.mark.parametrize("written", [written for written, both in MEASURED.items() if len(both) > 1])
def test_a_key_is_what_kubectl_sends(written: str) -> None:
    measured = MEASURED[written][1]
    assert read(f"v:\n  {written}: x\n") == (Refused if measured is None else {measured: "x"})


def _go_int(text: str) -> int | float:
    """A number without a point is whole for Kubernetes where 64 bits hold it."""
    return int(text) if -(1 << 63) <= int(text) < 1 << 63 else float(text)
