"""The body of a request to the push channel → bytes, or why it is not taken: too large or too slow."""

import asyncio
from typing import Final

from aiohttp import HttpVersion11, web

from switchover_dataplane.edge.early_refusal import Refusal
from switchover_dataplane.formats import own_errors

_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"


async def read(request: web.BaseRequest, limit: int, seconds: float) -> bytes | Refusal:
    """Read the body, of at most `limit` bytes, within `seconds`.

    A length that is too large is refused before any of the body is read, and before the client is asked for it
    (RFC 9110, section 10.1.1).

    Raises:
        ConnectionError: the client left.
        web.RequestPayloadError: the chunks are malformed.
    """
    if (request.content_length or 0) > limit:
        return _too_large(limit)
    _ask_for(request)
    body = bytearray()
    try:
        async with asyncio.timeout(seconds):
            while piece := await request.content.readany():
                body += piece
                if len(body) > limit:
                    return _too_large(limit)
    except TimeoutError:
        return Refusal(own_errors.BODY_TIMEOUT, f"the request's body did not come within {seconds:g} seconds")
    return bytes(body)


def _ask_for(request: web.BaseRequest) -> None:
    expects = request.version >= HttpVersion11 and request.headers.get("expect", "").lower() == "100-continue"
    if expects and request.transport is not None:
        request.transport.write(_CONTINUE)


def _too_large(limit: int) -> Refusal:
    return Refusal(own_errors.TABLE_TOO_LARGE, f"a table has at most {limit} bytes")
