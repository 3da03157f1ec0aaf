"""The text of a Secret with last accepted versions → bodies, whatever somebody made of it."""

import base64
import zlib

import pytest

from switchover_operator.cluster.last_good import packed, unpacked


def test_what_is_packed_is_read_again() -> None:
    assert unpacked(packed([{"kind": "Upstream"}])) == [{"kind": "Upstream"}]


@pytest.mark.parametrize("content", [b"", b"[", b"{}", b'[{"kind": "\x80"}]'])
def test_what_cannot_be_read_is_ignored(content: bytes) -> None:
    assert unpacked(base64.b64encode(zlib.compress(content)).decode()) == []


@pytest.mark.parametrize("text", ["", "?", "YQ=="])
def test_what_was_never_packed_is_ignored(text: str) -> None:
    assert unpacked(text) == []
