"""A client that is a plain socket: what it sends is one request, what it gets are bytes."""

import asyncio
import json
from typing import Any

from chaos.verdict import End

PATIENCE = 20.0
"""Seconds without a byte until an answer is called hung: far more than every limit of the policy together."""


async def answered(url: str, path: str, body: dict[str, Any]) -> tuple[bytes, End]:
    """Ask, without any coding; the bytes of the answer, and how its connection ended."""
    host, _, port = url.removeprefix("http://").partition(":")
    sent = json.dumps(body).encode()
    head = f"POST {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-type: application/json\r\n"
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(f"{head}accept-encoding: identity\r\ncontent-length: {len(sent)}\r\n\r\n".encode() + sent)
    got = bytearray()
    end = await _read(reader, got)
    writer.transport.abort()
    return bytes(got), end


async def _read(reader: asyncio.StreamReader, got: bytearray) -> End:
    try:
        while piece := await asyncio.wait_for(reader.read(1 << 16), PATIENCE):
            got += piece
    except TimeoutError:
        return "time-out"
    except ConnectionError:
        return "reset"
    return "closed"
