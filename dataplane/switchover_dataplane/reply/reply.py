"""An answer → the client: whole where it is at hand, else passed on as it comes, and never made to look complete.

After the first byte has gone out nothing can be taken back, so an answer that breaks then ends abnormally: the body
gets no terminator and the connection is closed, which every client reports as an error (RFC 9112, section 8).
"""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Final

from multidict import CIMultiDict

from switchover_dataplane.attempts.answer import Answer
from switchover_dataplane.edge.request import Request
from switchover_dataplane.edge.sending import Sending
from switchover_dataplane.upstream.redaction import RedactedPieces, Redaction
from switchover_dataplane.upstream.transport import ConnectionBroken

_LAST_WORDS: Final = 5.0
"""Seconds in which a client may still take what was written before its connection is cut."""


class Interrupted(Exception):
    """The answer broke after some of it had gone out; the client's connection was cut so that it shows."""


def whole(request: Request, answer: Answer, headers: "CIMultiDict[str]", redaction: Redaction) -> None:
    """Send an answer whose body is held completely."""
    held = answer.held
    body = held[0] if len(held) == 1 else b"".join(held)
    request.connection.send(answer.status, headers, redaction.body(body))


async def stream(
    request: Request,
    answer: Answer,
    headers: "CIMultiDict[str]",
    count: Callable[[int], None],
    redaction: Redaction,
) -> None:
    """Send an answer whose body is still coming, at the pace at which the client takes it.

    `count` is called with the size of each piece after it was sent. With anything to redact the body may become
    shorter, so that its length is not announced.

    Raises:
        Interrupted: the target broke off; the client's connection is closed already.
        ConnectionError: the client left.
    """
    pieces = RedactedPieces(redaction)
    length = "" if redaction.longest else answer.headers.get("content-length", "")
    connection = request.connection
    broke = ""
    try:
        connection.begin(answer.status, headers, int(length) if length.isdigit() else None)
        for piece in answer.held:
            await _write(connection, pieces.feed(piece))
        answer.held.clear()
        connection.send_head()
        if answer.broken is not None:
            raise answer.broken.anew()
        if answer.rest is not None:
            while piece := await answer.rest.chunk():
                await _write(connection, pieces.feed(piece))
                count(len(piece))
            answer.rest = None
        connection.end(pieces.end())
    except ConnectionBroken as failure:
        broke = failure.how
    finally:
        answer.abort()
    if broke:
        await cut(connection)
        raise Interrupted(broke)


async def _write(connection: Sending, data: bytes) -> None:
    if data:
        await connection.write(data)


async def cut(connection: Sending, *, reset: bool = False) -> None:
    """End the client's connection without an end of the body, or by a reset, once it took what was written."""
    with contextlib.suppress(TimeoutError, ConnectionError):
        async with asyncio.timeout(_LAST_WORDS):
            await connection.flush()
    connection.cut(reset=reset)
