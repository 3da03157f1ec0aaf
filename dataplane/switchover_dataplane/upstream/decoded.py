"""A body in a coding that nobody asked for → the same body without it, so that it can be checked and followed.

Every request to a model asks for no coding; a server or the proxy before it may choose one all the same, and some say
that they did and did not. A caller may send its request in one. What is not known here (`codings.py`) stays as it is.
"""

import re
from collections.abc import Awaitable, Callable
from typing import Final

from multidict import CIMultiDict

from switchover_dataplane.process import turns
from switchover_dataplane.upstream import codings
from switchover_dataplane.upstream.codings import BadCoding, Undoing
from switchover_dataplane.upstream.transport import ConnectionBroken, Response

_IN_CLEAR: Final = re.compile(rb"(?:\xef\xbb\xbf)?[ \t\r\n]*(?:\{|data:|event:|: |<!|<html|<\?xml)", re.IGNORECASE)
"""How JSON objects, event streams and pages begin, and nothing does that is in a coding which is known here."""

_MAY_BE_CLEAR: Final = re.compile(
    rb"(?:\xef|\xef\xbb|(?:\xef\xbb\xbf)?[ \t\r\n]{0,99}(?:d|da|dat|data|e|ev|eve|even|event|:|<)?)"
)


class CodingBroken(ConnectionBroken):
    """The answer is not in its coding, which makes the rest of it unreadable."""


class Reading:
    """Reads a body without its codings: `take` gives the next bytes as they came, b"" at the end.

    Others get a turn after each 16 KiB that are made.
    """

    __slots__ = ("_left", "_over", "_take", "_undoing")

    def __init__(self, take: Callable[[], Awaitable[bytes]], undoing: Undoing) -> None:
        self._take = take
        self._undoing = undoing
        self._left = turns.BYTES
        self._over = b""

    async def next(self) -> bytes:
        """Return the next piece, of 16 KiB at most, b"" at the end.

        Raises:
            BadCoding: the body is not in its codings, ends within them, or means far more than it may.
            Exception: whatever `take` raises.
        """
        undoing = self._undoing
        while True:
            if self._left <= 0:
                self._left = turns.BYTES
                await turns.give_way()
            piece = self._over
            if piece:
                self._over = b""
            else:
                if undoing.hungry:
                    came = await self._take()
                    if not came:
                        if undoing.whole:
                            return b""
                        raise BadCoding("the body ended within its content-encoding")
                    undoing.give(came)
                piece = undoing.step(self._left)
            if len(piece) > self._left:
                piece, self._over = piece[: self._left], piece[self._left :]
            self._left -= max(len(piece), codings.STEP) if piece else undoing.cost
            if piece:
                return piece


def coding(headers: "CIMultiDict[str]") -> str:
    """Return the content codings of an answer, "" for none."""
    return ", ".join(codings.named(headers)) if "content-encoding" in headers else ""


def decoded(response: Response) -> Response:
    """Return an answer to be read without its codings, where they can be undone."""
    if "content-encoding" not in response.headers or not has_body(response):
        return response
    applied = codings.named(response.headers)
    return Decoded(response, Undoing(applied)) if applied and codings.can_undo(applied) else response


async def in_clear(response: Response) -> Response:
    """Return an answer whose coding is not known, and without its name where there is none."""
    begun = Decoded(response, None)
    try:
        if not await begun.is_in_clear():
            begun.headers = response.headers
    except ConnectionBroken:
        pass  # the next read raises it
    return begun


def has_body(response: Response) -> bool:
    """Tell whether an answer under a success, or an error, is one of which the body is read."""
    return response.status != 204 and not 300 <= response.status < 400


class Decoded(Response):
    """An answer whose pieces are decoded as they come; none of them is larger than 16 KiB.

    `undoing` None takes it as it is.
    """

    __slots__ = ("_first", "_inner", "_reading", "_undoing")

    def __init__(self, inner: Response, undoing: Undoing | None) -> None:
        self.status = inner.status
        self.headers = inner.headers.copy()
        for name in ("content-encoding", "content-length"):
            self.headers.popall(name, None)
        self._inner = inner
        self._undoing = undoing
        self._first = b""
        self._reading: Reading | None = None

    async def chunk(self) -> bytes:
        """Return the next piece of the body, b"" at its end.

        Raises:
            ConnectionBroken: the body is not whole, not in its coding, far larger than it, or it was given up.
        """
        if self._undoing is not None:
            if not await self.is_in_clear():
                self._reading = Reading(self._take, self._undoing)
            self._undoing = None
        if self._reading is None:
            return await self._take()
        try:
            return await self._reading.next()
        except BadCoding as why:
            self.abort()
            raise CodingBroken("not-http", str(why)) from None

    async def push(self, take: Callable[[bytes], bool]) -> bool:
        """Call `take` with each piece of the body until it returns False; return whether more may follow.

        Raises:
            ConnectionBroken: as `chunk`.
        """
        while piece := await self.chunk():
            if not take(piece):
                return True
        return False

    @property
    def whole(self) -> bytes | None:
        """None: it has to be decoded."""
        return None

    def abort(self) -> None:
        """Close the connection unless the answer came to its end."""
        self._inner.abort()

    def hand_over(self) -> None:
        """Let another than the `reader` of the request read on."""
        self._inner.hand_over()

    async def is_in_clear(self) -> bool:
        """Read as much as tells whether the answer is in no coding, whatever it says; it is held.

        Raises:
            ConnectionBroken: the body ended before.
        """
        piece = self._first
        while not self._first or (piece and _MAY_BE_CLEAR.fullmatch(self._first)):
            piece = await self._inner.chunk()
            self._first += piece
            if not piece:
                break
        return _IN_CLEAR.match(self._first) is not None

    async def _take(self) -> bytes:
        """Return what comes next of the body as it comes."""
        piece, self._first = self._first, b""
        return piece or await self._inner.chunk()
