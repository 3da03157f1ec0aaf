"""An answer in a coding that nobody asked for → the same answer without it, so that it can be judged and followed.

Every request to a model asks for no coding; a server or the proxy before it may choose one all the same. gzip and
deflate are undone here (RFC 9110, section 8.4.1); an answer in any other coding is handed on as it is.
"""

import zlib
from typing import Final

from multidict import CIMultiDict

from switchover_dataplane.transport import ConnectionBroken, Response

_CODINGS: Final = frozenset(("gzip", "x-gzip", "deflate"))
_EITHER: Final = 32 + zlib.MAX_WBITS
"""zlib finds out whether it is gzip or deflate."""

_PIECE: Final = 256 * 1024


def coding(headers: "CIMultiDict[str]") -> str:
    """Return the content coding of an answer, "" for none."""
    given = headers.get("content-encoding", "").strip().lower()
    return "" if given == "identity" else given


def decoded(response: Response) -> Response:
    """Return the answer to be read without its coding, where that can be undone."""
    return Decoded(response) if coding(response.headers) in _CODINGS else response


class Decoded(Response):
    """An answer whose pieces are decoded as they come; none of them is larger than 256 KiB."""

    __slots__ = ("_decoder", "_inner")

    def __init__(self, inner: Response) -> None:
        self.status = inner.status
        self.headers = inner.headers.copy()
        for name in ("content-encoding", "content-length"):
            self.headers.popall(name, None)
        self._inner = inner
        self._decoder = zlib.decompressobj(_EITHER)

    async def chunk(self) -> bytes:
        """Return the next piece of the body, b"" at its end.

        Raises:
            ConnectionBroken: the body is not whole, not in its coding, or it was given up.
        """
        while not self._decoder.eof:
            held = self._decoder.unconsumed_tail or await self._inner.chunk()
            piece = self._decode(held)
            if piece:
                return piece
            if not held:
                self.abort()
                raise ConnectionBroken("truncated", "the body ended within its content-encoding")
        while await self._inner.chunk():
            pass
        return b""

    def abort(self) -> None:
        """Close the connection unless the answer came to its end."""
        self._inner.abort()

    def _decode(self, held: bytes) -> bytes:
        try:
            return self._decoder.decompress(held, _PIECE)
        except zlib.error:
            self.abort()
            raise ConnectionBroken("not-http", "the body is not in its content-encoding") from None
