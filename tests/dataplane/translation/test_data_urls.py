"""`data:` URLs and base64 as clients write them."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switchover_dataplane.translation import data_urls


@given(st.binary(min_size=1))
def test_what_is_written_is_read_again(content: bytes) -> None:
    data = base64.b64encode(content).decode()
    assert data_urls.read(data_urls.written("image/png", data)) == ("image/png", data)
    url_safe = base64.urlsafe_b64encode(content).decode().rstrip("=")
    assert data_urls.plain_base64(url_safe) == data


@pytest.mark.parametrize(
    ("url", "right"),
    [
        ("data:,a%20b", ("", "YSBi")),
        ("data:text/plain;charset=utf-8;base64,YQ==", ("text/plain", "YQ==")),
        ("DATA:Image/PNG;BASE64,Y\nQ = =", ("image/png", "YQ==")),
    ],
)
def test_unusual_forms_are_read(url: str, right: tuple[str, str]) -> None:
    assert data_urls.read(url) == right


@pytest.mark.parametrize(
    "url", ["data:image/png;base64,", "data:image/png;base64,!", "data:x", "https://x", "data:;base64,A"]
)
def test_what_is_no_data_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="no "):
        data_urls.read(url)


def test_texts_are_told_from_other_content() -> None:
    assert data_urls.as_text("text/csv; charset=utf-8", "YSxi") == "a,b"
    assert data_urls.as_text("application/json", "e30=") == "{}"
    assert data_urls.as_text("application/pdf", "YSxi") is None
    assert data_urls.as_text("text/plain", "/w==") is None


@pytest.mark.parametrize(
    ("text", "right"),
    [("-_8", "+/8="), ("aGVs\r\n bG8", "aGVsbG8="), ("aGVsbG8=", "aGVsbG8="), ("YQ", "YQ=="), ("YQ==\n", "YQ==")],
)
def test_base64_of_either_alphabet_becomes_plain(text: str, right: str) -> None:
    assert data_urls.plain_base64(text) == right


@pytest.mark.parametrize(
    "text", ["", "=", " ", "a", "abcde", "YQ===", "Y=Q=", "aGVsbG8ä", "aGVs\u2028bG8", "a?bc", "\ud800abc"]
)
def test_what_is_no_base64_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no base64"):
        data_urls.plain_base64(text)
