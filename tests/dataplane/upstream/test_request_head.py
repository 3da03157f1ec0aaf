"""The head of a request to a target: framed once, by us, and by nothing that stands in it."""

import pytest
from multidict import CIMultiDict

from switchover_dataplane.upstream.request_head import framing, serialise

NONE: CIMultiDict[str] = CIMultiDict()


def test_framing_is_written_once_whatever_the_headers_say() -> None:
    headers = CIMultiDict({"Content-Length": "7", "Transfer-Encoding": "chunked", "Connection": "close", "a": "b"})

    assert serialise("POST", "/x?y", headers) == b"POST /x?y HTTP/1.1\r\na: b\r\n"
    assert framing("POST", 3) == b"content-length: 3\r\n\r\n"
    assert len(headers) == 4


def test_a_body_of_unknown_length_is_announced_in_chunks() -> None:
    assert framing("POST", None) == b"transfer-encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(("method", "length"), [("POST", b"content-length: 0\r\n"), ("GET", b"")])
def test_an_empty_body_is_announced_only_where_one_is_expected(method: str, length: bytes) -> None:
    assert framing(method, 0) == length + b"\r\n"


def test_a_field_that_stands_twice_is_sent_twice_and_in_order() -> None:
    headers = CIMultiDict([("a", "1"), ("b", "2"), ("a", "3")])

    assert b"a: 1\r\nb: 2\r\na: 3\r\n" in serialise("GET", "/", headers)


@pytest.mark.parametrize("value", ["a\r\nx: y", "a\nb", "a\rb", "a\0b"])
def test_a_header_that_would_end_the_head_is_never_written(value: str) -> None:
    with pytest.raises(ValueError, match="x-secret") as error:
        serialise("GET", "/", CIMultiDict({"x-secret": value}))
    assert value not in str(error.value)


@pytest.mark.parametrize(
    ("method", "target"),
    [("GET", "/a b"), ("GET", "/a\r\nx: y"), ("GET", ""), ("G ET", "/"), ("", "/"), ("GET", "/a\tb"), ("GET\n", "/")],
)
def test_a_request_line_that_is_more_or_less_than_one_is_never_written(method: str, target: str) -> None:
    with pytest.raises(ValueError, match="method or the path"):
        serialise(method, target, NONE)
