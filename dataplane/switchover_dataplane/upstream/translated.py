"""A target's event stream → the same answer as the event stream of the client's API, read in the same way."""

import asyncio
from collections.abc import Callable
from typing import Final

from multidict import CIMultiDict

from switchover_dataplane.process import turns
from switchover_dataplane.translation.stream import StreamTranslation
from switchover_dataplane.upstream.transport import ConnectionBroken, Response

AFTER_THE_END: Final = 4.0
"""Seconds for which the count of tokens and the end of a stream are waited for behind the end of its answer."""

_ABOUT_THE_BODY: Final = ("content-encoding", "content-length", "content-type", "transfer-encoding")


class Translated(Response):
    """A stream whose pieces are translated as they come. `begun` was read of it already.

    What is lost behind the end of the answer is no loss: the stream then ends as a whole one does.
    """

    __slots__ = ("_begun", "_inner", "_over", "_take", "_timer", "_translation", "_wanted")

    def __init__(self, inner: Response, begun: bytes, translation: StreamTranslation) -> None:
        self.status = inner.status
        self.headers = in_other_form(inner.headers, "text/event-stream")
        self._begun = begun
        self._inner = inner
        self._over = b""
        self._take: Callable[[bytes], bool] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._translation = translation
        self._wanted = True

    async def chunk(self) -> bytes:
        """Return the next piece of the client's stream, of 16 KiB at most, b"" at its end.

        Raises:
            ConnectionBroken: the body is not whole, or it was given up.
        """
        translation = self._translation
        while not self._over:
            if translation.has_ended:
                await self._inner.drain()
                self._stop_timer()
                return b""
            if translation.is_behind:
                await turns.give_way()
                self._over = self._feed(b"")
                continue
            piece = await self._piece()
            if piece is None:
                self._over = translation.cut()
                if not self._over:
                    return b""
            elif piece:
                self._over = self._feed(piece)
            else:
                self._stop_timer()
                self._over = translation.end()
                if not self._over:
                    return b""
        piece, self._over = self._over[: turns.BYTES], self._over[turns.BYTES :]
        return piece

    async def push(self, take: Callable[[bytes], bool]) -> bool:
        """Call `take` with each piece until it returns False; return whether more may follow.

        Raises:
            ConnectionBroken: as `chunk`.
        """
        translation = self._translation
        self._take, self._wanted = take, True
        while True:
            if self._begun or self._over or translation.is_behind or translation.is_settled:
                piece = await self.chunk()
                if not piece or not take(piece):
                    return bool(piece)
                continue
            may_go_on = await self._inner.push(self._take_now)
            if not self._wanted:
                return True
            if not may_go_on:
                self._over = translation.end()
                if not self._over:
                    return False

    @property
    def whole(self) -> bytes | None:
        """None: it has to be translated."""
        return None

    def abort(self) -> None:
        """Close the connection unless the answer came to its end."""
        self._stop_timer()
        self._inner.abort()

    def hand_over(self) -> None:
        """Let another than the `reader` of the request read on."""
        self._inner.hand_over()

    def _take_now(self, piece: bytes) -> bool:
        """Translate a piece where it comes in; return whether the next one can be taken in the same way."""
        written = self._feed(piece)
        if written and self._take is not None:
            self._wanted = self._take(written)
        return self._wanted and not self._translation.is_behind and not self._translation.is_settled

    def _feed(self, piece: bytes) -> bytes:
        written = self._translation.feed(piece)
        if self._translation.is_settled and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(AFTER_THE_END, self._inner.abort)
        return written

    async def _piece(self) -> bytes | None:
        """Return what comes next of the target's stream; None if that is lost behind the end of the answer."""
        piece, self._begun = self._begun, b""
        if piece:
            return piece
        try:
            return await self._inner.chunk()
        except ConnectionBroken:
            if not self._translation.is_settled:
                raise
            return None

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()


class Replayed(Response):
    """An answer of which `begun` was read already, and is read once more."""

    __slots__ = ("_begun", "_inner")

    def __init__(self, inner: Response, begun: bytes) -> None:
        self.status = inner.status
        self.headers = inner.headers
        self._begun = begun
        self._inner = inner

    async def chunk(self) -> bytes:
        """Return the next piece of the body, b"" at its end.

        Raises:
            ConnectionBroken: the body is not whole, or it was given up.
        """
        begun, self._begun = self._begun, b""
        return begun or await self._inner.chunk()

    async def push(self, take: Callable[[bytes], bool]) -> bool:
        """Call `take` with each piece until it returns False; return whether more may follow.

        Raises:
            ConnectionBroken: as `chunk`.
        """
        begun, self._begun = self._begun, b""
        if begun and not take(begun):
            return True
        return await self._inner.push(take)

    @property
    def whole(self) -> bytes | None:
        """None: a part of it was read."""
        return None

    def abort(self) -> None:
        """Close the connection unless the answer came to its end."""
        self._inner.abort()

    def hand_over(self) -> None:
        """Let another than the `reader` of the request read on."""
        self._inner.hand_over()


def in_other_form(headers: "CIMultiDict[str]", content_type: str) -> "CIMultiDict[str]":
    """Return the fields of an answer whose body is written anew."""
    fields = headers.copy()
    for name in _ABOUT_THE_BODY:
        fields.popall(name, None)
    fields["content-type"] = content_type
    return fields
