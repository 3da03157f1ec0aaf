"""`data:` URLs (RFC 2397) ↔ a media type and base64."""

import base64
import binascii
import re
from typing import Final
from urllib.parse import unquote_to_bytes

_HEAD: Final = re.compile(r"data:(?P<type>[^;,]*)(?P<more>(?:;[^;,]*)*),", re.IGNORECASE)
_BASE64: Final = re.compile(r"[A-Za-z0-9+/]*={0,2}")
_SPACE: Final = re.compile(r"\s+")
_URL_ALPHABET: Final = str.maketrans("-_", "+/")
_TEXTS: Final = frozenset(("application/json", "application/xml", "application/yaml", "application/x-yaml"))


def is_data_url(url: str) -> bool:
    """Whether a URL holds its content itself."""
    return url[:5].lower() == "data:"


def read(url: str) -> tuple[str, str]:
    """Return the media type, "" if there is none, and the content as base64 without line ends.

    Raises:
        ValueError: it is no data URL, or its content is no base64.
    """
    head = _HEAD.match(url)
    if head is None:
        raise ValueError("no data URL")
    content = url[head.end() :]
    if ";base64" in head["more"].lower():
        return head["type"].lower(), plain_base64(content)
    return head["type"].lower(), base64.b64encode(unquote_to_bytes(content)).decode()


def plain_base64(text: str) -> str:
    """Return base64 in its usual alphabet, padded and without line ends.

    Raises:
        ValueError: it is no base64.
    """
    text = _SPACE.sub("", text).translate(_URL_ALPHABET)
    if not text or _BASE64.fullmatch(text) is None or len(text.rstrip("=")) % 4 == 1:
        raise ValueError("no base64")
    bare = text.rstrip("=")
    return bare + "=" * (-len(bare) % 4)


def written(media_type: str, data: str) -> str:
    """Write a data URL of base64."""
    return f"data:{media_type or 'application/octet-stream'};base64,{data}"


def as_text(media_type: str, data: str) -> str | None:
    """Return the text of content in base64 whose type is a text; None for other types and other encodings."""
    bare = media_type.partition(";")[0].strip().lower()
    if not bare.startswith("text/") and bare not in _TEXTS and not bare.endswith(("+json", "+xml")):
        return None
    try:
        return base64.b64decode(data).decode("utf-8-sig")
    except (binascii.Error, UnicodeDecodeError):
        return None
