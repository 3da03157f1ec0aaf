"""The Content-Type field of a message → its media type; and the types that the gateway handles."""

from collections.abc import Mapping
from typing import Final

EVENT_STREAM: Final = "text/event-stream"
"""Server-sent events (WHATWG HTML, section 9.2)."""


def media_type(headers: Mapping[str, str]) -> str:
    """Return the media type of a message in lower case and without parameters, "" if it has none."""
    return headers.get("content-type", "").partition(";")[0].strip().lower()
