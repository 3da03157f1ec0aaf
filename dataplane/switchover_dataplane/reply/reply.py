"""An answer → the client: whole where it is at hand, else passed on as it comes, and never made to look complete.

After the first byte has gone out nothing can be taken back, so an answer that breaks then ends abnormally: the body
gets no terminator and the connection is closed, which every client reports as an error (RFC 9112, section 8).
"""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Final

from aiohttp import HttpVersion11, web
from multidict import CIMultiDict

from switchover_dataplane.attempts.answer import Answer
from switchover_dataplane.edge.client_connection import ClientConnection
from switchover_dataplane.upstream.redaction import RedactedPieces, Redaction
from switchover_dataplane.upstream.transport import ConnectionBroken

_LAST_WORDS: Final = 5.0
"""Seconds in which a client may still take what was written before its connection is cut."""


class Interrupted(Exception):
    """The answer broke after some of it had gone out; the client's connection was cut so that it shows."""


def whole(answer: Answer, headers: "CIMultiDict[str]", redaction: Redaction) -> web.Response:
    """Make the response for an answer whose body is held completely."""
    held = answer.held
    body = held[0] if len(held) == 1 else b"".join(held)
    return web.Response(status=answer.status, body=redaction.body(body), headers=headers)


def begin(
    request: web.BaseRequest, status: int, headers: "CIMultiDict[str]", length: int | None = None
) -> web.StreamResponse:
    """Make the response for an answer that is sent piece by piece."""
    response = web.StreamResponse(status=status, headers=headers)
    if length is not None:
        response.content_length = length
    elif request.version < HttpVersion11:
        response.force_close()  # without chunks the connection's end is the only end that the answer has
    return response


async def stream(
    request: web.BaseRequest,
    answer: Answer,
    headers: "CIMultiDict[str]",
    count: Callable[[int], None],
    redaction: Redaction,
) -> web.StreamResponse:
    """Send an answer whose body is still coming, at the pace at which the client takes it.

    `count` is told of each piece's size after it was sent. With anything to redact the body may become shorter, so that
    its length is not announced.

    Raises:
        Interrupted: the target broke off; the client's connection is closed already.
        ConnectionError: the client left.
    """
    pieces = RedactedPieces(redaction)
    length = "" if redaction.longest else answer.headers.get("content-length", "")
    response = begin(request, answer.status, headers, int(length) if length.isdigit() else None)
    try:
        await response.prepare(request)
        for piece in answer.held:
            await _write(response, pieces.feed(piece))
        answer.held.clear()
        if answer.broken is not None:
            raise answer.broken
        if answer.rest is not None:
            while piece := await answer.rest.chunk():
                await _write(response, pieces.feed(piece))
                count(len(piece))
            answer.rest = None
        await response.write_eof(pieces.end())
    except ConnectionBroken as failure:
        await cut(request)
        raise Interrupted(failure.how) from failure
    finally:
        answer.abort()
    return response


async def _write(response: web.StreamResponse, data: bytes) -> None:
    if data:
        await response.write(data)


async def cut(request: web.BaseRequest, *, reset: bool = False) -> None:
    """End the client's connection without an end of the body, or by a reset, once it took what was written."""
    connection = request.protocol
    if isinstance(connection, ClientConnection):
        with contextlib.suppress(TimeoutError, ConnectionError):
            async with asyncio.timeout(_LAST_WORDS):
                await connection.flush()
        connection.cut(reset=reset)
