"""Files in the encodings in which editors and shells save them."""

from pathlib import Path

import pytest

from switchover_operator.standalone.files import Manifests

YAML = "# é 日本\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata: {é: 日本}\n"
JSON = '{"apiVersion": "v1", "kind": "ConfigMap",\r\n "metadata": {"name": "a"}, "data": {"é": "日本"}}\r\n'


@pytest.mark.parametrize("text", [YAML, YAML.replace("\n", "\r\n"), JSON], ids=["yaml", "yaml-crlf", "json"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_a_byte_order_mark_says_the_encoding(tmp_path: Path, text: str, encoding: str) -> None:
    (tmp_path / "a.yaml").write_bytes(f"\ufeff{text}".encode(encoding))
    view = Manifests([tmp_path]).read()
    assert (view.problems, [body["data"] for body in view.objects.values()]) == ((), [{"é": "日本"}])


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (YAML.encode("utf-16-le"), ":1: not UTF-8 text: it seems to be UTF-16LE without a byte order mark; save it as"),
        (YAML.encode("utf-16-be"), ":1: not UTF-8 text: it seems to be UTF-16BE without a byte order mark; save it as"),
        (YAML.encode("utf-32-le"), ":1: not UTF-8 text: it seems to be UTF-32 without a byte order mark; save it as"),
        ("a: b\nc: é".encode("latin-1"), ":2: not UTF-8 text; save it as UTF-8"),
        (
            "\ufeffa: b\nc".encode("utf-16-le") + b"x",
            ":2: not UTF-16-LE text, though its byte order mark says so; save",
        ),
    ],
)
def test_what_cannot_be_decoded_is_named_with_what_to_do(tmp_path: Path, data: bytes, says: str) -> None:
    file = tmp_path / "a.yaml"
    file.write_bytes(data)
    [problem] = Manifests([file]).read().problems
    assert str(problem).startswith(f"{file}{says}")
