"""A value → a server-sent event (WHATWG HTML, section 9.2)."""

from typing import Any

import msgspec


def event(value: Any, name: str = "") -> bytes:
    """Write one event; text goes out as it is, anything else as JSON."""
    data = value.encode() if isinstance(value, str) else msgspec.json.encode(value)
    named = f"event: {name}\n".encode() if name else b""
    return named + b"".join(b"data: " + line + b"\n" for line in data.split(b"\n")) + b"\n"
