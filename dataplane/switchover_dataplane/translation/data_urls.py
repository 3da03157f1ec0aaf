"""`data:` URLs (RFC 2397) ↔ a media type and base64."""

import base64
import binascii
import re
import string
from typing import Final
from urllib.parse import unquote_to_bytes

_HEAD: Final = re.compile(r"data:(?P<type>[^;,]*)(?P<more>(?:;[^;,]*)*),", re.IGNORECASE)
_SIGNS: Final = (string.ascii_letters + string.digits + "+/").encode()
_URL_ALPHABET: Final = bytes.maketrans(b"-_", b"+/")
_MOST_PADDING: Final = 2
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
    # A regular expression would hold up all other requests for half a second where an image has 20 MB.
    signs = text.encode("ascii", "replace").translate(_URL_ALPHABET, delete=string.whitespace.encode())
    bare = signs.rstrip(b"=")
    padding = len(signs) - len(bare)
    if not bare or padding > _MOST_PADDING or len(bare) % 4 == 1 or bare.translate(None, delete=_SIGNS):
        raise ValueError("no base64")
    return (bare + b"=" * (-len(bare) % 4)).decode()


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
