"""Bytes in content codings → the bytes without them, made in steps of bounded size.

gzip and deflate (RFC 9110, section 8.4.1), br (RFC 7932) and zstd (RFC 8878), and one upon another. A few bytes of a
coding can mean gigabytes, or nothing for ever, so that nothing is made unless it is asked for, and only so much of it.
"""

import sys
import zlib
from collections.abc import Callable
from typing import Final, Protocol

import brotli
from multidict import CIMultiDict, CIMultiDictProxy

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

MOST_TIMES: Final = 100
"""How many times larger than its coding a body may be; what models write is 3 to 20 times larger."""

ANY_TIMES: Final = 16 * 1024 * 1024
"""Bytes of a body that may come of any coding."""

STEP: Final = 128
"""Bytes that a step counts at least, as there are codings of nothing without end."""

_MOST_CODINGS: Final = 3
_ALIASES: Final = {"x-gzip": "gzip"}
_EITHER: Final = 32 + zlib.MAX_WBITS
"""zlib finds out whether it is gzip or deflate."""

_RAW: Final = -zlib.MAX_WBITS
_WINDOW: Final[dict[int, int]] = {zstd.DecompressionParameter.window_log_max: 23}
"""8 MiB, which a zstd decoder holds at most (RFC 9659, section 3)."""

Fields = CIMultiDict[str] | CIMultiDictProxy[str]


class BadCoding(ValueError):
    """The bytes are not in the coding that their header names, or decode to far more than they may."""


def named(headers: Fields) -> tuple[str, ...]:
    """Return the codings of a body in the order in which they were applied; `identity` is none.

    RFC 9110, section 8.4: a list, in one field or several, whose names have no case.
    """
    given = headers.getall("content-encoding", None)
    if given is None:
        return ()
    names = (name.strip().lower() for value in given for name in value.split(","))
    return tuple(_ALIASES.get(name, name) for name in names if name and name != "identity")


def can_undo(codings: tuple[str, ...]) -> bool:
    """Tell whether all of these are known here, and are no more than anybody means in earnest."""
    return len(codings) <= _MOST_CODINGS and all(coding in _LAYERS for coding in codings)


class _Layer(Protocol):
    """One coding being undone.

    `hungry`: nothing more can be made of what came. `whole`: it may end here.
    """

    @property
    def hungry(self) -> bool: ...

    @property
    def whole(self) -> bool: ...

    def make(self, data: bytes, most: int) -> bytes:
        """Take `data`, b"" unless it is hungry, and make about `most` bytes, or fewer.

        Raises:
            BadCoding, or an error of the coding's own library.
        """
        ...


class Undoing:
    """Codings being undone, the last one first: `give` bytes while it is `hungry`, else take a `step`."""

    __slots__ = ("_came", "_held", "_layers", "_made", "cost")

    def __init__(self, codings: tuple[str, ...]) -> None:
        self._layers: list[_Layer] = [_LAYERS[coding]() for coding in reversed(codings)]
        self._held = [b""] * len(codings)
        self._made = [0] * len(codings)
        self._came = 0
        self.cost = 0
        """What the last step took of a turn, in bytes."""

    @property
    def hungry(self) -> bool:
        """Whether nothing more can be made of what was given."""
        return not any(self._held) and all(layer.hungry for layer in self._layers)

    @property
    def whole(self) -> bool:
        """Whether the body may end here."""
        return self.hungry and all(layer.whole for layer in self._layers)

    def give(self, data: bytes) -> None:
        """Take the next bytes of the body as it comes."""
        self._came += len(data)
        self._held[0] = data

    def step(self, most: int) -> bytes:
        """Undo a little, and return what it made of the body: about `most` bytes, 32 KiB at most, or nothing yet.

        Raises:
            BadCoding: what was given is not in its coding, or means far more than it may.
        """
        # The layer nearest to the body that can go on does, so that no more than a step's bytes stand between two.
        number = len(self._layers) - 1
        while number and not self._held[number] and self._layers[number].hungry:
            number -= 1
        layer = self._layers[number]
        data = b""
        if layer.hungry:
            data, self._held[number] = self._held[number], b""
        try:
            piece = layer.make(data, most)
        except (zlib.error, zstd.ZstdError, brotli.error, EOFError):
            raise BadCoding("the body is not in its content-encoding") from None
        self._count(number, len(piece))
        if number + 1 == len(self._layers):
            return piece
        self._held[number + 1] = piece
        return b""

    def _count(self, number: int, size: int) -> None:
        self.cost = max(size, STEP)
        self._made[number] += size
        made = self._made[number]
        if made > ANY_TIMES and made > MOST_TIMES * self._came:
            raise BadCoding(f"the body is more than {MOST_TIMES} times larger than its content-encoding")


class _Zlib:
    """gzip of one or more members (RFC 1952, section 2.2), or deflate with zlib's header or, as some mean it, without.

    Zeros behind a member are padding.
    """

    __slots__ = ("_decoder", "_full", "_head", "_held")

    def __init__(self) -> None:
        self._decoder = zlib.decompressobj(_EITHER)
        self._head: bytes | None = b""
        self._held = b""
        self._full = False

    @property
    def hungry(self) -> bool:
        return not self._held and not self._full

    @property
    def whole(self) -> bool:
        return self._decoder.eof or self._head == b""

    def make(self, data: bytes, most: int) -> bytes:
        held = self._held or data
        if self._head is not None:
            held = self._head + held
            if len(held) < 2:  # it takes two bytes to tell which of the forms it is
                self._head = held
                return b""
        if self._decoder.eof:
            held = held.lstrip(b"\0")
            if held:
                self._decoder = zlib.decompressobj(_EITHER)
        piece = self._made(held, most) if held else b""
        self._held = self._decoder.unused_data.lstrip(b"\0") if self._decoder.eof else self._decoder.unconsumed_tail
        # As much as was asked for: there may be more of what the decoder has already.
        self._full = len(piece) == most and not self._decoder.eof
        return piece

    def _made(self, held: bytes, most: int) -> bytes:
        first, self._head = self._head is not None, None
        try:
            return self._decoder.decompress(held, most)
        except zlib.error:
            if not first:
                raise
        self._decoder = zlib.decompressobj(_RAW)
        return self._decoder.decompress(held, most)


class _Brotli:
    """br; the library makes no fewer than 32,752 bytes at once where there are as many."""

    __slots__ = ("_began", "_decoder", "_full")

    def __init__(self) -> None:
        self._decoder = brotli.Decompressor()
        self._began = False
        self._full = False

    @property
    def hungry(self) -> bool:
        return not self._full and bool(self._decoder.can_accept_more_data())

    @property
    def whole(self) -> bool:
        return not self._began or bool(self._decoder.is_finished())

    def make(self, data: bytes, most: int) -> bytes:
        self._began = True
        piece: bytes = self._decoder.process(data, output_buffer_limit=most)
        # The decoder takes what comes next also where there is more of what it has already.
        self._full = len(piece) >= most and not self._decoder.is_finished()
        return piece


class _Zstd:
    """zstd of one or more frames (RFC 8878, section 3)."""

    __slots__ = ("_began", "_decoder", "_held")

    def __init__(self) -> None:
        self._decoder = zstd.ZstdDecompressor(options=_WINDOW)
        self._began = False
        self._held = b""

    @property
    def hungry(self) -> bool:
        return not self._held and (self._decoder.eof or self._decoder.needs_input)

    @property
    def whole(self) -> bool:
        return not self._began or self._decoder.eof

    def make(self, data: bytes, most: int) -> bytes:
        self._began = True
        if self._decoder.eof:
            self._decoder = zstd.ZstdDecompressor(options=_WINDOW)
        piece = self._decoder.decompress(self._held or data, most)
        self._held = self._decoder.unused_data if self._decoder.eof else b""
        return piece


_LAYERS: Final[dict[str, Callable[[], _Layer]]] = {"gzip": _Zlib, "deflate": _Zlib, "br": _Brotli, "zstd": _Zstd}

KNOWN: Final = ", ".join(_LAYERS)
"""The codings that are undone, as a field's value."""
