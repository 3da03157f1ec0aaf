"""Names of content codings → an encoder whose every piece can be decoded as soon as it arrived.

gzip and deflate compress (RFC 1952, RFC 1950). br and zstd are written with stored blocks alone, which every decoder
reads and no library is needed for (RFC 7932 section 9.2, RFC 8878 section 3.1.1).
"""

import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import Final, Literal, Protocol

Coding = Literal["gzip", "deflate", "br", "zstd"]


class _Encoder(Protocol):
    def feed(self, data: bytes) -> bytes: ...

    def end(self) -> bytes: ...


class Codings:
    """Several codings, one after the other, as `content-encoding` lists them."""

    def __init__(self, names: Sequence[Coding]) -> None:
        self._encoders = [_ENCODERS[name]() for name in names]

    def feed(self, data: bytes) -> bytes:
        """Encode a piece."""
        for encoder in self._encoders:
            data = encoder.feed(data)
        return data

    def end(self) -> bytes:
        """Return what comes behind the last piece."""
        rest = b""
        for encoder in self._encoders:
            rest = (encoder.feed(rest) if rest else b"") + encoder.end()
        return rest


class _Deflate:
    def __init__(self, window_bits: int) -> None:
        self._compressor = zlib.compressobj(wbits=window_bits)

    def feed(self, data: bytes) -> bytes:
        return self._compressor.compress(data) + self._compressor.flush(zlib.Z_SYNC_FLUSH)

    def end(self) -> bytes:
        return self._compressor.flush()


class _Brotli:
    """WBITS is the first bit of the stream, 0 for a window of 64 KiB; each block begins at a byte."""

    _MOST: Final = 1 << 16

    def __init__(self) -> None:
        self._begun = False

    def feed(self, data: bytes) -> bytes:
        return b"".join(self._block(piece) for piece in _pieces(data, self._MOST))

    def _block(self, piece: bytes) -> bytes:
        # Bit by bit: not the last, four nibbles of length, the length less one, stored.
        header = (len(piece) - 1) << 3 | 1 << 19
        written = (header if self._begun else header << 1).to_bytes(3, "little") + piece
        self._begun = True
        return written

    def end(self) -> bytes:
        return b"\x03" if self._begun else b"\x06"


class _Zstandard:
    """A frame without content size and checksum, with a window of 128 KiB."""

    _MOST: Final = 1 << 17

    def __init__(self) -> None:
        self._header = b"\x28\xb5\x2f\xfd\x00\x38"

    def feed(self, data: bytes) -> bytes:
        header, self._header = self._header, b""
        blocks = ((len(piece) << 3).to_bytes(3, "little") + piece for piece in _pieces(data, self._MOST))
        return header + b"".join(blocks)

    def end(self) -> bytes:
        header, self._header = self._header, b""
        return header + b"\x01\x00\x00"


def _pieces(data: bytes, most: int) -> Iterator[bytes]:
    return (data[at : at + most] for at in range(0, len(data), most))


_ENCODERS: Final[dict[Coding, Callable[[], _Encoder]]] = {
    "gzip": lambda: _Deflate(31),
    "deflate": lambda: _Deflate(15),
    "br": _Brotli,
    "zstd": _Zstandard,
}
