"""A request body that can be sent again: read once, within a limit and a budget for all of them."""

from collections.abc import Awaitable, Callable
from typing import Final

from switchover_dataplane.edge.request import Request
from switchover_dataplane.formats.json_fields import BadBody
from switchover_dataplane.process import turns
from switchover_dataplane.request.memory_budget import Hold
from switchover_dataplane.request.passing_body import ask_for
from switchover_dataplane.upstream.codings import BadCoding, Undoing
from switchover_dataplane.upstream.decoded import Reading

MOST_VALUES: Final = 2_000_000
"""Commas and opening brackets in a body for a model. Embeddings have the most, and are asked with 300,000 numbers."""

LARGE: Final = 256 * 1024
"""Bytes of a body that are read in one turn, and up to which nothing of it is counted."""


class BodyTooLarge(Exception):
    """The request's body is larger than `limit` bytes."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"the request body is larger than {limit} bytes, which maxRequestBody allows on this route")
        self.limit = limit


def whole(content: bytes, limit: int, held: Hold, *, copied: bool) -> bytes:
    """Count a body in `held` that has come as a whole, `copied` twice.

    Raises:
        BodyTooLarge: above `limit` bytes.
        OutOfMemoryBudget: the process holds too much already.
    """
    size = len(content)
    if size > limit:
        raise BodyTooLarge(limit)
    if copied and size:
        held.add_with_copy(size)
    elif size:
        held.add(size)
    return content


async def read(
    request: Request, limit: int, held: Hold, *, is_json: bool, copied: bool = False, applied: tuple[str, ...] = ()
) -> bytes:
    """Read the whole body; its bytes are counted in `held`, which the caller closes, `copied` twice.

    It is read without the codings that were `applied`, all of them known, and then counts as large as it is without
    them. While it comes, its client can lose it to others that need the room, and others have a turn after each
    256 KiB, or after each 16 KiB that are made of a coding.

    Raises:
        BodyTooLarge: above `limit` bytes, known from Content-Length before anything is read where there is one.
        OutOfMemoryBudget: the process holds too much already.
        BadBody: `is_json` and it holds more values than models are asked with, or it is not in its codings.
    """
    declared = request.content_length
    if declared is not None and declared > limit:
        raise BodyTooLarge(limit)
    pieces: list[bytes] = []
    size = turn = values = 0
    take = _without(applied, request.take, limit) if applied else request.take
    if request.whole is None:
        held.begin_coming(request.connection.hold_body())
        ask_for(request)
    while piece := await take():
        size += len(piece)
        if size > limit:
            raise BodyTooLarge(limit)
        held.add(len(piece))
        pieces.append(piece)
        if size > LARGE:
            turn += len(piece)
            values += _values(piece) if is_json else 0
            if values > MOST_VALUES:
                raise BadBody(f"the request body must not hold more than {MOST_VALUES} commas and opening brackets")
            if turn > LARGE:
                turn = 0
                await turns.give_way()
    held.end_coming()
    if copied:
        held.add_copy()
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def _without(
    applied: tuple[str, ...], take: Callable[[], Awaitable[bytes]], limit: int
) -> Callable[[], Awaitable[bytes]]:
    """Return how to take a body's next bytes without its codings, in which it may not be larger than `limit` either."""
    came, rest = 0, b""

    async def coded() -> bytes:
        nonlocal came, rest
        if not rest:
            rest = await take()
            came += len(rest)
            if came > limit:
                raise BodyTooLarge(limit)
        piece, rest = rest[: turns.BYTES], rest[turns.BYTES :]
        return piece

    reading = Reading(coded, Undoing(applied))

    async def undone() -> bytes:
        try:
            return await reading.next()
        except BadCoding as error:
            raise BadBody(f"the request body cannot be read: {error}") from None

    return undone


def _values(piece: bytes) -> int:
    """Count what stands before or in each value of a JSON text."""
    return piece.count(b",") + piece.count(b"[") + piece.count(b"{")
